//! Reading: verifies again, opens, judges and only then shows.
//!
//! A registered message enters; its act, its signatures and the findings of the rules leave. Nothing of the
//! content leaves before the header's signature, the seal, the binding to the address and every office's
//! signature have held. What was sent is read the same way, with the own archive key.
//!
//! Protective acts are the exception: the registry's signature over the envelope says which ministry speaks, and
//! nothing that stops a handover is lost because an office was not entitled, its certificate revoked or its signature
//! broken. What does not hold of it is told (ROL_02), and the act is registered.

use std::fmt;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::casebook::Missing;
use crate::consultation::charter::Charter;
use crate::consultation::receive::{Received, receive, unreadable};
use crate::consultation::rules::judgement::{EarlierMessage, FormalNumbers, Judgement, Promises};
use crate::consultation::rules::names::NameIndex;
use crate::consultation::rules::{self, Finding};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::authorities;
use crate::desk::casebook::Knowledge;
use crate::desk::compose::channel_facts;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::reference::Entry;
use crate::desk::register::Opening;
use crate::desk::{documents, parts};
use crate::message::dispatch::{ExpectedAuthentication, SignedDispatch};
use crate::message::envelope::Envelope;
use crate::message::refusal::{Reason, Refusal};
use crate::message::seal::{self, Opener};
use crate::message::terms::ActClass;
use crate::time::Timestamp;
use crate::trust::signature::{self, Signature, SignatureRefusal};

/// A message whose signatures and seal have held.
pub struct Opened {
    /// The registered message.
    pub entry: Entry,
    /// Its envelope.
    pub envelope: Envelope,
    /// The dispatch with its exact bytes.
    pub dispatch: SignedDispatch,
    /// The act, or what becomes of one that this release cannot read.
    pub received: Received,
    /// The signatures that held, in the order of the dispatch.
    pub signatures: Vec<Signature>,
    /// What each of them is.
    pub held: Vec<ExpectedAuthentication>,
    /// Signatures of a protective act that did not hold, and why not; there are none in other acts.
    pub doubts: Vec<(ExpectedAuthentication, SignatureRefusal)>,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// Acts on which it rests and that are not here yet: until they are, it is not registered.
    pub waits_for: Vec<Missing>,
}

impl Desk {
    /// Opens a registered message.
    pub fn unseal(&self, trust: &Trust, keys: &Keys, entry: &Entry) -> Result<Opened, DeskError> {
        let key = keys.reading()?;
        let opened = self.unseal_unjudged(trust, &key, entry);
        let mut opened = opened.map_err(|failure| self.given_up(entry, failure))?;
        let consultation = opened.envelope.header().address().consultation.clone();
        let persons = opened.act().map(Act::persons).unwrap_or_default();
        let known = self.knowledge(trust, keys, &consultation, &persons)?;
        opened.waits_for = known.missing_for(&opened);
        opened.findings = self.judge(trust, keys, &opened, &known)?;
        Ok(opened)
    }

    /// Opens a registered message and asks no rule about what it says.
    pub fn unseal_unjudged(
        &self,
        trust: &Trust,
        key: &dyn Opener,
        entry: &Entry,
    ) -> Result<Opened, DeskError> {
        let envelope = Envelope::parse(entry.envelope())?;
        let at = entry.judged_at();
        let sender = envelope.header().address().sender.clone();
        let anchors = trust.signing_anchors(&sender)?;
        // What was owed was signed at its release, and its header when it went, which may be days later.
        let header_at = match entry {
            Entry::Sent(_) => envelope.sealed_at(),
            Entry::Received(_) => at,
        };
        envelope.verify(anchors, header_at)?;
        let sealed = envelope.parts().first().map(Vec::as_slice).unwrap_or_default();
        let plain = seal::open(sealed, &[key])
            .map_err(|cause| Refusal::new(Reason::SealBroken, format!("{}: {cause}", cause.reason())))?;
        let dispatch = SignedDispatch::parse(&plain)?;
        if dispatch.dispatch().address_digest != envelope.header().address_digest() {
            let detail = "the dispatch was signed for another address: it was re-sealed";
            return Err(Refusal::new(Reason::OtherAddress, detail).into());
        }
        if dispatch.dispatch().documents.len().saturating_add(1) != envelope.header().parts().len() {
            let detail = "the header does not hold one sealed part for each document";
            return Err(Refusal::new(Reason::PartMismatch, detail).into());
        }
        let Authenticated { signatures, held, doubts } = authenticate(&dispatch, anchors, at)?;
        let declared = dispatch.dispatch();
        let received = receive(&declared.kind, declared.act_class, &declared.act);
        let entry = entry.clone();
        let (findings, waits_for) = (Vec::new(), Vec::new());
        Ok(Opened { entry, envelope, dispatch, received, signatures, held, doubts, findings, waits_for })
    }

    /// Opens a received message for an officer: besides opening, refuses a re-wrapped dispatch and marks the
    /// message as read.
    pub fn read(&self, trust: &Trust, keys: &Keys, entry: &Entry) -> Result<Opened, DeskError> {
        let mut read = self.read_all(trust, keys, std::slice::from_ref(entry))?;
        read.pop().unwrap_or_else(|| Err(DeskError::NoSuchMessage(entry.id().to_string())))
    }

    /// The same of several messages, which are marked together.
    pub fn read_all(
        &self,
        trust: &Trust,
        keys: &Keys,
        entries: &[Entry],
    ) -> Result<Vec<Result<Opened, DeskError>>, DeskError> {
        let mut opened: Vec<_> = entries.iter().map(|entry| self.unseal(trust, keys, entry)).collect();
        let is_received = |opened: &&mut Result<Opened, DeskError>| {
            matches!(opened, Ok(Opened { entry: Entry::Received(_), .. }))
        };
        let received = || opened.iter().flatten().filter(|one| matches!(one.entry, Entry::Received(_)));
        let openings: Vec<Opening> = received().map(|opened| self.opening(opened)).collect();
        let others = self.register.note_read(&openings)?;
        for (opened, other) in opened.iter_mut().filter(is_received).zip(others) {
            if let Some(other) = other {
                let detail = format!("message {other} carries this very dispatch already");
                *opened = Err(Refusal::new(Reason::Rewrapped, detail).into());
            }
        }
        Ok(opened)
    }

    /// What is noted of a message that was opened.
    fn opening(&self, opened: &Opened) -> Opening {
        let refusal = opened.findings.iter().find(|finding| finding.severity == rules::Severity::Error);
        Opening {
            id: opened.entry.id(),
            dispatch: opened.dispatch.digest(),
            at: self.clock.now(),
            refusal: refusal.map(Finding::reason).unwrap_or_default().to_owned(),
        }
    }

    /// The messages that an opened one may annex documents of, and the one it answers. What is answered may not have
    /// been fetched yet, or not open; rules then judge without it.
    fn quoted_by(
        &self,
        trust: &Trust,
        keys: &Keys,
        opened: &Opened,
    ) -> Result<Vec<EarlierMessage>, DeskError> {
        let dispatch = opened.dispatch.dispatch();
        let mut earlier = self.carriers_of(trust, keys, dispatch, opened.entry.judged_at())?;
        let answered = dispatch.in_reply_to.filter(|id| !earlier.iter().any(|one| one.message_id == *id));
        if let Some(id) = answered {
            let (key, answered) = (keys.reading()?, self.find(&id.to_string()));
            let answered = answered.and_then(|entry| self.unseal_unjudged(trust, &key, &entry));
            earlier.extend(answered.ok().map(|answered| answered.earlier()));
        }
        Ok(earlier)
    }

    fn judge(
        &self,
        trust: &Trust,
        keys: &Keys,
        opened: &Opened,
        known: &Knowledge,
    ) -> Result<Vec<Finding>, DeskError> {
        let act = match &opened.received {
            Received::Read(act) => act,
            Received::NotUnderstood(faults) => return Ok(unreadable(faults, rules::Severity::Warning)),
            Received::Rejected(faults) => return Ok(unreadable(faults, rules::Severity::Error)),
        };
        let key = keys.reading()?;
        let header = opened.envelope.header();
        let dispatch = opened.dispatch.dispatch();
        let channel = &header.address().channel;
        let rule = trust.policy.as_ref().and_then(|policy| policy.channel(channel));
        let facts = rule.map(|rule| channel_facts(channel, rule));
        let earlier = self.quoted_by(trust, keys, opened)?;
        let own = header.address().sender == self.config.ministry;
        let words = inline_words(&key, opened)?;
        let documents = words.as_deref().map(|words| documents::opened(&dispatch.documents, words));
        let authorities = authorities::of_opened(opened);
        let parties = rule.into_iter().flat_map(|rule| rule.parties.iter().cloned());
        let charter = known.charter().unwrap_or_else(|| Charter::default_for(parties));
        // What waits for others is not judged by what it rests on before that is here.
        let is_registered = opened.waits_for.is_empty();
        let (sender, number) = (&header.address().sender, header.position().act_number);
        let past = is_registered.then(|| known.past(sender, number, &dispatch.basis)).flatten();
        let judgement = Judgement {
            at: opened.entry.judged_at(),
            address: header.address(),
            position: Some(header.position()),
            dispatch,
            act,
            verified: Some(&opened.held),
            past: past.as_ref(),
            charter: &charter,
            authorities: Some(&authorities),
            channel: facts.as_ref(),
            formal_numbers: FormalNumbers { last: None, complete: false },
            earlier: &earlier,
            documents: documents.as_deref(),
            names: &NameIndex::default(),
            persons_elsewhere: &known.elsewhere,
            // What this desk alone knows of promises elsewhere holds back what it says itself, and nothing that came.
            promised_elsewhere: &Promises::new(),
        };
        // Own messages were judged before their release; what they say is not judged by hindsight.
        if own {
            return Ok(Vec::new());
        }
        let names = self.names_for(trust, keys, known, &judgement)?;
        Ok(rules::judge(&Judgement { names: &names, ..judgement }))
    }
}

impl Opened {
    /// The act; none where this release cannot read it.
    pub fn act(&self) -> Option<&Act> {
        match &self.received {
            Received::Read(act) => Some(act),
            Received::NotUnderstood(_) | Received::Rejected(_) => None,
        }
    }

    /// What rules look at when another message answers this one.
    pub fn earlier(&self) -> EarlierMessage {
        let (envelope, signed) = (&self.envelope, &self.dispatch);
        EarlierMessage::of(envelope.id(), signed.digest(), envelope.header().address(), signed.dispatch())
    }
}

/// The words of the documents that rules read; none where a document travels beside the envelope, because what
/// is not here yet is verified when it is opened.
fn inline_words(key: &dyn Opener, opened: &Opened) -> Result<Option<Vec<Option<String>>>, Refusal> {
    let mut words = Vec::new();
    let documents = &opened.dispatch.dispatch().documents;
    for (document, sealed) in documents.iter().zip(opened.envelope.parts().iter().skip(1)) {
        if sealed.is_empty() {
            return Ok(None);
        }
        let plain = parts::open_inline(key, sealed, document)?;
        let is_text = documents::is_read_by_rules(document);
        words.push(is_text.then(|| String::from_utf8(plain.to_vec()).ok()).flatten());
    }
    Ok(Some(words))
}

/// What came of the signatures that a dispatch lists.
#[derive(Default)]
struct Authenticated {
    signatures: Vec<Signature>,
    held: Vec<ExpectedAuthentication>,
    doubts: Vec<(ExpectedAuthentication, SignatureRefusal)>,
}

/// Verifies every signature a dispatch lists: by the office it names, with the authority its kind needs. Of a
/// protective act a signature that does not hold is doubted, and one without the authority is left to ROL_02.
fn authenticate(
    dispatch: &SignedDispatch,
    anchors: &crate::trust::anchor::Anchors,
    at: Timestamp,
) -> Result<Authenticated, Refusal> {
    let invalid = |detail: String| Refusal::new(Reason::AuthenticationInvalid, detail);
    let declared = dispatch.dispatch();
    let class = ActKind::from_word(&declared.kind).map_or(declared.act_class, ActKind::class);
    let protective = class == ActClass::Protective;
    let mut found = Authenticated::default();
    for (expected, p7s) in declared.authentications.iter().zip(dispatch.authentications()) {
        let signed = signature::verify(dispatch.bytes(), p7s, anchors, at)
            .and_then(|signed| signed.require_name(&expected.credential).map(|()| signed));
        match signed {
            Ok(signed) => {
                let entitled = signed.require_authority(expected.kind.authority());
                entitled
                    .or_else(|cause| if protective { Ok(()) } else { Err(invalid(cause.to_string())) })?;
                found.signatures.push(signed);
                found.held.push(expected.clone());
            }
            Err(cause) if protective => found.doubts.push((expected.clone(), cause)),
            Err(cause) => {
                return Err(invalid(format!("{} by {}: {cause}", expected.kind, expected.credential)));
            }
        }
    }
    Ok(found)
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({})", self.envelope.id())
    }
}
