# The executable reference model of the consultation rules, as the design of the domain has it: an oracle for the
# differential test (src/consultation/trials/differential.rs), never a source of the product. Kept byte for byte below but
# for what is marked MENDED, where the model as it was designed was wrong too: it let the latest clock decide between two
# statements of will of which neither sender knew the other, dropped whole what refused and was overtaken itself, and let
# an interview that was not free stop nobody where it refused nothing. It asked nothing of a refusal at the gate, or of the
# window, once both said that he was handed over, and showed nothing of a withdrawal by who had not made a statement yet.
#!/usr/bin/env python3
"""Executable reference model of the consultation rules - an oracle for the
acceptance scenarios and a check that the rules are consistent and converge.
Acts are in four classes:
  P protective  - always registered, monotone stop, never judged
  F factual     - always registered, may make a case disputed/irregular
  N normative   - judged on the CAUSAL PAST the sender declared; the verdict is thus the same at every desk
  C correspondence/service - form checks only
State = fold over the SET of registered acts (order independent)."""
import random, sys, hashlib, json
from collections import defaultdict

DAY=24*60; H=60
CHARTER=dict(will_validity=90*DAY, reconfirm=72*H, cooling=24*H, min_wit=2, ceiling=2,
             assess_validity=180*DAY, fit_validity=72*H, gonogo=60)
CLASS={k:'P' for k in('WillWithdrawal','HoldNotice','DeathNotice','PublicityNotice')}
CLASS|={k:'F' for k in('HandoverReport','WillIndication','ProtectionAssessment','MedicalFinding','JudicialStatus',
        'TakedownConfirmation','HoldRelease','GoNoGo','InformationBureauNotice','PersonParticulars','Assurances')}
CLASS|={k:'N' for k in('CaseRegistration','ExpressionOfWill','TransferRequest','TransferResponse','ExchangeProposal',
        'ListVerification','ProposalResponse','AgreementNote','AgreementReply','HandoverArrangement','HandoverConfirmation',
        'PositionStatement','ObserverInvitation','ObserverReply','ConsultationProposal','ConsultationReply')}
CLASS|={k:'C' for k in('Correspondence','CredentialNotice','InformationRequest','InformationReply')}
OBSERVER_MAY={'ExpressionOfWill','WillWithdrawal','HoldNotice','HoldRelease','HandoverReport','ObserverReply','GoNoGo',
              'Correspondence','MedicalFinding','PublicityNotice','InformationReply'}
FLASH_OK={'WillWithdrawal','HoldNotice','DeathNotice'}
NEED_CONCLUDE={'AgreementNote','AgreementReply'}

class Act(dict):
    __getattr__=dict.get
    def __hash__(s): return hash(s['id'])
    def __eq__(s,o): return s['id']==o['id']

def digest(x): return hashlib.sha256(json.dumps(x,sort_keys=True,default=str).encode()).hexdigest()[:16]

def past(act,acts):
    b=act.basis
    return {a for a in acts if a.seq<=b.get(a.sender,0)}

# ---------------------------------------------------------------- fold
def in_past(a,b): return a.seq<=b.basis.get(a.sender,0)      # a known to b's sender

def will(acts,p,now,dest=None):
    allx=[a for a in acts if a.kind=='ExpressionOfWill' and a.person==p]
    exps=[a for a in allx if a.verdict_ok]                       # only qualifying ones can permit
    wds=[a for a in acts if a.kind=='WillWithdrawal' and a.person==p]
    wds+=[a for a in acts if a.kind=='WillIndication' and a.person==p and a.adverse]   # WIL-12: refusal needs no proof
    # MENDED: what was not said freely, or by somebody who could decide, stops whatever it accepts
    unfree=lambda a: a.freedom!='NO_PRESSURE' or a.capacity in('LACKING','MINOR') or any(x[0] in('INTELLIGENCE','MEDIA','ORIGIN') for x in a.attendees)
    wds+=[a for a in allx if not a.verdict_ok and (a.refused or unfree(a))]
    wds+=[a for a in acts if a.kind=='HandoverReport' and dict(a.lines).get(p)=='DECLINED_BY_PERSON']
    alive=[]
    for e in exps:
        # a withdrawal beats every expression that did not know of it AND declare itself later
        if all(in_past(w,e) and e.declared>(w.declared if w.declared is not None else w.at) for w in wds): alive.append(e)
    # MENDED: who withdrew, or declined at the gate, said no also where he never made a statement
    if not exps and any(a.kind in('WillWithdrawal','HandoverReport') for a in wds): return('WITHDRAWN',None)
    if not exps: return ('INDICATED' if allx or any(a.kind=='WillIndication' and a.person==p for a in acts) else 'NONE',None)
    if not alive: return ('WITHDRAWN',None)
    # MENDED: what counts last is what nobody overtook knowing of it, not what bears the latest time
    over=lambda e: any(in_past(e,f) and f.declared>e.declared for f in alive)
    last=[e for e in alive if not over(e)]
    if len({(tuple(e.acceptable),tuple(e.refused or())) for e in last})>1: return('CHALLENGED',None)
    # MENDED: a refusal in a statement that counts no more still stops, until it was overtaken so
    if dest is not None and any(e not in alive and not over(e) and not dest_ok(e,dest) for e in exps): return('WITHDRAWN',None)
    e=max(last,key=lambda e:e.declared)
    if now-e.declared>CHARTER['will_validity']: return('EXPIRED',e)
    return('CURRENT',e)

def holds(acts,p):
    out=[]
    for h in acts:
        if h.kind=='HoldNotice' and p in h.persons:
            if not any(r.kind=='HoldRelease' and r.hold==h.id and r.sender==h.sender for r in acts): out.append(h)
    return out
def incidents(acts,p):
    return [i for i in acts if i.kind=='PublicityNotice' and p in i.persons
            and not any(x.kind=='ProtectionAssessment' and x.person==p and in_past(i,x) for x in acts)]
def protection(acts,p,dest,now):
    xs=[x for x in acts if x.kind=='ProtectionAssessment' and x.person==p and x.dest==dest]
    if not xs: return 'NONE'
    if any(x.finding=='SUBSTANTIAL' and not any(in_past(x,y) and y.finding!='SUBSTANTIAL' for y in xs) for x in xs): return 'BAR'
    x=max(xs,key=lambda x:x.at)
    if now-x.at>CHARTER['assess_validity'] or incidents(acts,p): return 'STALE'
    return 'CLEAR'
def dead(acts,p): return any(a.kind=='DeathNotice' and a.person==p for a in acts)
def judicial(acts,p):
    xs=[a for a in acts if a.kind=='JudicialStatus' and a.person==p]
    if not xs: return 'NONE'
    x=max(xs,key=lambda a:(a.at,a.id)); 
    return 'NONE' if x.state in('NONE','RELEASED_FOR_TRANSFER') else ('OK' if x.state=='CONVICTED' and x.consent else x.state)

def dest_ok(e,dest): return dest in e.acceptable and dest not in (e.refused or ())

def person_rules(acts,p,dest,now,route):
    r=[]
    if dead(acts,p): r.append('AGR-03:DEAD')
    if holds(acts,p): r.append('HLD-01')
    s,e=will(acts,p,now,dest)   # MENDED: towards the destination
    if s!='CURRENT': r.append({'NONE':'WIL-01','INDICATED':'WIL-08','EXPIRED':'WIL-01','WITHDRAWN':'WIL-07','CHALLENGED':'WIL-10'}[s])
    elif not dest_ok(e,dest): r.append('MED-03' if route=='DIRECT_MEDICAL_REPATRIATION' else 'WIL-03')
    pr=protection(acts,p,dest,now)
    if pr!='CLEAR': r.append({'NONE':'PRO-01','BAR':'PRO-02','STALE':'PRO-03'}[pr])
    if judicial(acts,p) in('PENDING','CONVICTED'): r.append('JUD-01')
    if route=='DIRECT_MEDICAL_REPATRIATION':
        m=[a for a in acts if a.kind=='MedicalFinding' and a.person==p and a.decision=='REPATRIATE' and not med_comp(a)]
        if not m: r.append('MED-02')
    if route=='NEUTRAL_ACCOMMODATION':
        m=[a for a in acts if a.kind=='MedicalFinding' and a.person==p and a.decision=='ACCOMMODATE' and not med_comp(a)]
        if not m: r.append('MED-02')
    if route=='TRANSFER_TO_POWER' and not any(a.kind=='Assurances' and a.gc3 and 'WILLING_AND_ABLE' in a.items_ for a in acts): r.append('PRO-04')
    return r
def med_comp(a):
    if a.med_kind=='MANIFEST': return False
    if a.med_kind!='MIXED': return True
    n=sum(1 for m in a.members if m[1]); return not(len(a.members)==3 and n==2 and a.votes>=2)

def case(acts,p): 
    xs=[a for a in acts if a.kind=='CaseRegistration' and a.person==p]; return xs[0] if xs else None
def role(acts,party):
    for a in acts:
        if a.kind=='ConsultationProposal': return a.parties.get(party,[])
    return []
def open_(acts):
    return any(a.kind=='ConsultationReply' and a.reply=='ACCEPT' and a.verdict_ok for a in acts)

def agreements(acts,now=None):
    out={}
    for r in acts:
        if r.kind=='AgreementReply' and r.verdict_ok:
            n=next((a for a in acts if a.id==r.to),None)
            if n: out[n.terms['id']]=(n,r)
    return out
def arranged(acts):
    return {a.arr:(a,c) for c in acts if c.kind=='HandoverConfirmation' and c.verdict_ok and c.reply=='ACCEPT'
            for a in acts if a.kind=='HandoverArrangement' and a.arr==c.arr and a.verdict_ok and digest(a.persons)==c.persons_digest}

# ---------------------------------------------------------------- rules for one act, on its causal past
def verdict(act,acts):
    k=act.kind; A=past(act,acts); now=act.at; R=[]
    # form, roles, marking: judged for every class except that P acts may use single release
    if act.level and act.level>CHARTER['ceiling']: R.append('CLS-01')
    if act.to_party and act.rel and act.to_party not in act.rel: R.append('CLS-02')
    if act.precedence=='FLASH' and k not in FLASH_OK: R.append('PRE-01')
    if not act.releaser: R.append('ROL-02')
    if act.releaser==act.drafter and CLASS[k]!='P' : R.append('ROL-01')
    if act.revoked: R.append('ROL-02')
    if k in NEED_CONCLUDE and not act.conclude: R.append('ROL-03')
    if k not in('ConsultationProposal',):
        roles=role(A,act.sender) or role(acts,act.sender)
        if roles and set(roles)<={'ICRC','OBSERVER'} and k not in OBSERVER_MAY: R.append('ROL-06')
    if act.names_person and k in('PositionStatement','Correspondence'): R.append('PRV-03')
    if act.face and k!='PersonParticulars': R.append('PUB-01')
    if CLASS[k] in'PFC' and k!='ExpressionOfWill':
        # substance is never judged; only authority/marking/privacy may return the message to its sender
        return [x for x in R if x[:3] in('CLS','PRE','ROL','PRV','PUB')] if CLASS[k]!='P' else [x for x in R if x[:3] in('CLS','PUB')]
    if k in('ConsultationProposal',): return R
    if k=='ConsultationReply': return R
    if not open_(A) and k!='PositionStatement': R.append('CON-01')
    if k=='CaseRegistration' and 'DETAINING' not in role(A,act.sender): R.append('CON-03')
    if k=='ExpressionOfWill':
        if not case(A,act.person): R.append('CON-05')
        if act.declared-act.informed<CHARTER['cooling']: R.append('WIL-05')
        w=[x for x in act.attendees if x[0]=='WITNESS']; n=[x for x in w if x[1]]
        if len(w)<CHARTER['min_wit'] or not n: R.append('WIL-02')
        if any(x[0] in('INTELLIGENCE','MEDIA','ORIGIN') for x in act.attendees): R.append('WIL-05')
        if any(x[0]=='INTERPRETER' and not x[1] for x in act.attendees): R.append('WIL-02')
        if not act.informed_all: R.append('WIL-04')
        if act.waiver: R.append('WIL-06')
        if act.capacity in('LACKING',): R.append('WIL-09')
        if act.freedom!='NO_PRESSURE': R.append('WIL-05')
    if k=='TransferRequest':
        if not {'RECEIVING','NEUTRAL'}&set(role(A,act.sender)): R.append('CON-03')
        for p in act.persons:
            if not case(A,p): R.append('CON-05')
    if k=='ExchangeProposal':
        t=act.terms
        live=live_proposal(A,act.prop)
        if act.round>1 and (not live or act.supersedes!=digest(live.terms)): R.append('EXC-03')
        if t['n']!=len(t['out']) or t['m']!=len(t['in']): R.append('EXC-02')
        mine,to=(t['out'],t['dest']) if act.sender==t['by'] else (t['in'],t['by'])
        for p in mine:
            c=case(A,p)
            if c and c.status=='CIVILIAN': R.append('EXC-05')
            s,e=will(A,p,now,to)   # MENDED: towards the destination
            if c and (s!='CURRENT' or not dest_ok(e,to)): R.append('EXC-04')
            if other_commitment(A,p,to): R.append('EXC-06')
    if k=='ProposalResponse' and act.reply=='ACCEPT':
        live=live_proposal(A,act.prop)
        if not live or digest(live.terms)!=act.terms_digest: R.append('EXC-03')
        elif now>live.until: R.append('EXC-07')
        else:
            f={}
            for v in A:
                if v.kind=='ListVerification' and v.terms_digest==act.terms_digest: f|=dict(v.findings)
            if not all(str(f.get(p,'')).startswith('MATCHED') for p in live.terms['out']+live.terms['in']): R.append('EXC-01')
    if k=='AgreementNote':
        for (p,d) in act.terms['lines']:
            R+=person_rules(A,p,d,now,act.terms['route'])
            if other_commitment(A,p,d,act.terms['id']): R.append('EXC-06')
        if not act.terms.get('art6'): R.append('AGR-05')
    if k=='AgreementReply':
        n=next((a for a in A if a.id==act.to),None)
        if not n or not n.verdict_ok: R.append('AGR-01')
        else:
            if act.terms_bytes!=n.terms_bytes: R.append('AGR-02')
            if set(act.texts or())!=set(n.texts or()): R.append('AGR-08')
            if now>n.until: R.append('AGR-04')
            for (p,d) in n.terms['lines']: R+=person_rules(A,p,d,now,n.terms['route'])
    if k=='HandoverArrangement':
        ag=agreements(A)
        if act.agr not in ag: R.append('HND-01')
        else:
            cover=dict(ag[act.agr][0].terms['lines'])
            if not set(act.persons)<=set(cover): R.append('HND-02')
            for p in act.persons:
                if p in cover: R+=person_rules(A,p,cover[p],now,ag[act.agr][0].terms['route'])
        if act.window<act.notice+24*H: R.append('HND-04')
    if k=='HandoverConfirmation' and act.reply=='ACCEPT':
        a=next((a for a in A if a.kind=='HandoverArrangement' and a.arr==act.arr and a.verdict_ok),None)
        if not a: R.append('HND-01')
        else:
            if digest(a.persons)!=act.persons_digest: R.append('HND-02')
            cover=dict(agreements(A)[a.agr][0].terms['lines'])
            for p in a.persons: R+=person_rules(A,p,cover[p],now,agreements(A)[a.agr][0].terms['route'])
    return sorted(set(R))

def live_proposal(A,prop):
    xs=[a for a in A if a.kind=='ExchangeProposal' and a.prop==prop and a.verdict_ok]
    return max(xs,key=lambda a:a.round) if xs else None
def other_commitment(A,p,dest,me=None):
    return any(p in dict(n.terms['lines']) and i!=me and dict(n.terms['lines'])[p]!=dest for i,(n,_) in agreements(A).items())

# may the convoy leave? a query, answered by the detaining desk on everything it has registered
def clear_to_depart(acts,p,arr,now,parties):
    R=[]
    ar=arranged(acts)
    if arr not in ar: return ['HND-01']
    a,c=ar[arr]
    if p not in a.persons: return ['HND-02']
    n,_=agreements(acts)[a.agr]; d=dict(n.terms['lines'])[p]
    R+=person_rules(acts,p,d,now,n.terms['route'])
    s,e=will(acts,p,now,d)   # MENDED: towards the destination
    if e and now-e.declared>CHARTER['reconfirm']: R.append('HND-03')
    f=[m for m in acts if m.kind=='MedicalFinding' and m.person==p and m.med_kind=='FITNESS']
    if not f or now-max(x.at for x in f)>CHARTER['fit_validity'] or max(f,key=lambda x:x.at).decision not in('FIT','FIT_ESCORT'): R.append('MED-01')
    for q in parties:
        g=[x for x in acts if x.kind=='GoNoGo' and x.arr==arr and x.sender==q and x.go and now-x.at<=CHARTER['gonogo']]
        if not g: R.append('HND-08')
    return sorted(set(R))

def stage(acts,p):
    if dead(acts,p): return 'DECEASED'
    reps=[a for a in acts if a.kind=='HandoverReport' and p in dict(a.lines)]
    st=[a for a in reps if not a.observer]
    if st:
        by={a.sender:a for a in sorted(st,key=lambda a:a.seq)}
        if len(by)<2: return 'REPORTED_ONCE'
        x,y=list(by.values())[:2]
        same=(dict(x.lines)[p]==dict(y.lines)[p] and abs(x.hand_time-y.hand_time)<=15 and x.place==y.place and x.effects==y.effects)
        if not same: return 'DISPUTED'
        o=dict(x.lines)[p]
        if o!='HANDED_OVER': return 'REMAINS:'+o
        t=min(x.hand_time,y.hand_time)
        w=[a for a in acts if a.kind=='WillWithdrawal' and a.person==p and a.declared<t]
        es=[a for a in acts if a.kind=='ExpressionOfWill' and a.person==p and a.verdict_ok]
        if any(not any(in_past(v,e) and e.declared>v.declared for e in es) for v in w): return 'IRREGULAR'
        if x.arr not in arranged(acts): return 'IRREGULAR'
        # MENDED: against a statement that refuses and that nobody overtook knowing of it
        d=dict(agreements(acts)[arranged(acts)[x.arr][0].agr][0].terms['lines']).get(p)
        says=[e for e in es if d and e.declared<t and not dest_ok(e,d)]
        if any(not any(in_past(e,v) and e.declared<v.declared<=t and dest_ok(v,d) for v in es) for e in says): return 'IRREGULAR'
        # MENDED: before the window of the arrangement, which is of six days here, or more than a day after it
        w=arranged(acts)[x.arr][0].window
        if not (w-15<=t and max(x.hand_time,y.hand_time)<=w+7*DAY): return 'IRREGULAR'
        # MENDED: against a refusal at the gate that its sender did not correct of that time, and after which he accepted nothing
        u=max(x.hand_time,y.hand_time)
        again=lambda a,b: b.id!=a.id and b.sender==a.sender and abs(b.hand_time-a.hand_time)<=15
        undone=lambda a: any(again(a,b) and (b.seq>a.seq or (not a.observer and dict(b.lines)[p]=='HANDED_OVER')) for b in reps)
        no=[a for a in reps if dict(a.lines)[p]=='DECLINED_BY_PERSON' and a.hand_time<=u+15 and not undone(a)]
        if any(not any(in_past(a,v) and a.hand_time<v.declared<=t and d and dest_ok(v,d) for v in es) for a in no): return 'IRREGULAR'
        return 'HANDED_OVER'
    if any(p in a.persons for a,c in arranged(acts).values()): 
        s,_=will(acts,p,0); return 'HELD' if holds(acts,p) or s=='WITHDRAWN' else 'ARRANGED'
    if any(p in dict(n.terms['lines']) for n,_ in agreements(acts).values()):
        s,_=will(acts,p,0); return 'HELD' if holds(acts,p) or s=='WITHDRAWN' else 'AGREED'
    if any(a.kind=='TransferRequest' and p in a.persons and a.verdict_ok for a in acts): return 'REQUESTED'
    return 'REGISTERED' if case(acts,p) else 'UNKNOWN'

# ---------------------------------------------------------------- desks and delivery
class Desk:
    def __init__(s,party): s.party=party; s.acts=[]; s.seen=defaultdict(int); s.buf=[]; s.rejected=[]
    def make(s,kind,at,**f):
        f.setdefault('drafter',s.party+'-d'); f.setdefault('releaser',s.party+'-r'); f.setdefault('level',2)
        b=dict(s.seen); seq=s.seen[s.party]+1
        return Act(kind=kind,at=at,sender=s.party,seq=seq,basis=b,id=f"{s.party}{seq}",**f)
    def send(s,act,force=False):
        v=verdict(act,s.acts)
        if v and not force: return v,None
        s._reg(act,v); return v,act
    def _reg(s,act,v):
        act['verdict_ok']=not v; s.acts.append(act); s.seen[act.sender]=act.seq
        if v: s.rejected.append((act.id,v))
    def receive(s,act):
        s.buf.append(act); s.drain()
    def drain(s):
        prog=True
        while prog:
            prog=False
            for a in list(s.buf):
                if a.seq==s.seen[a.sender]+1 and all(s.seen[p]>=n for p,n in a.basis.items() if p!=a.sender):
                    s.buf.remove(a); a=Act(a); s._reg(a,verdict(a,s.acts)); prog=True
