//! Makes the moves of a script, one after the other, on whichever ground.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{Account, Arrival, Arrived, Deviation, Event, Said, Told, codes};
use super::expectation::{Expectation, standing, told};
use super::ground::{Composed, Cue, Ground, Halt, Released};
use super::network::Network;
use super::{Unfit, Wishes, checks};
use crate::consultation::act::Act;
use crate::consultation::acts::values::ActRef;
use crate::consultation::registered::Marks;
use crate::digest::Digest;
use crate::message::terms::DocumentStanding;
use crate::rehearsal::dice::Dice;
use crate::rehearsal::script::proof::time_of;
use crate::rehearsal::script::spoken::{Circumstances, Spoken, speak};
use crate::rehearsal::script::{Move, Paper, Say, Script, What, opening};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Everything on the stage.
pub(super) struct Stage<'s, G> {
    pub(super) script: &'s Script,
    pub(super) ground: G,
    pub(super) spoken: Vec<Spoken>,
    /// What is known of each step that was said: where it was registered, with what verdict.
    pub(super) verdicts: BTreeMap<(String, Ministry), Arrived>,
    /// What each released step expects of its receivers.
    pub(super) expectations: Vec<Expectation<'s>>,
    labels: BTreeMap<Digest, String>,
    /// Sender and act number of each step that was said.
    numbers: BTreeMap<String, (Ministry, u64)>,
    network: Network,
    delays: Dice,
}

/// What a step says, as its sender's desk composed it.
struct Spelled<Message> {
    act: Act,
    papers: Vec<Paper>,
    composed: Composed<Message>,
}

/// Plays all moves, or those up to the one that is wished; `watch` is shown each as soon as it was made.
pub(super) fn play<G: Ground>(
    script: &Script,
    wishes: &Wishes,
    ground: G,
    watch: &mut dyn FnMut(&Told),
) -> Result<(Account, G), Unfit> {
    let last = last_move(script, wishes)?;
    let seed = wishes.seed_of(script);
    let opening = opening::moves(script);
    let mut stage = Stage::set(script, seed, ground);
    for one in &opening {
        // Before the script begins everything is known to everybody at once.
        stage.open(one, script.start)?;
    }
    let mut account =
        Account { title: script.title.clone(), summary: script.summary.clone(), seed, ..Account::default() };
    account.opening = opening.len();
    let mut now = script.start;
    for (index, one) in script.moves.iter().enumerate() {
        if index > last {
            account.unplayed = account.unplayed.saturating_add(1);
            continue;
        }
        now = time_of(script, one, now, index == 0);
        let told = stage.make(index.saturating_add(1), one, now)?;
        watch(&told);
        account.told.push(told);
    }
    if account.unplayed == 0 {
        account.outstanding = stage.outstanding();
    }
    account.finals = checks::finals(&stage, now);
    Ok((account, stage.ground))
}

/// The place among the moves of the last one that is to be made.
pub(super) fn last_move(script: &Script, wishes: &Wishes) -> Result<usize, Unfit> {
    let Some(until) = &wishes.until else { return Ok(usize::MAX) };
    let number = until.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let labelled = script.moves.iter().position(|one| one.label == *until);
    let found = labelled.or_else(|| number.filter(|index| *index < script.moves.len()));
    found.ok_or_else(|| Unfit::NoSuchMove(until.clone()))
}

impl<'s, G: Ground> Stage<'s, G> {
    fn set(script: &'s Script, seed: u64, ground: G) -> Self {
        Self {
            script,
            ground,
            spoken: Vec::new(),
            verdicts: BTreeMap::new(),
            expectations: Vec::new(),
            labels: BTreeMap::new(),
            numbers: BTreeMap::new(),
            network: Network::default(),
            delays: Dice::thrown(seed, "delays"),
        }
    }

    /// A move of the opening: what it says is known everywhere at once.
    fn open(&mut self, one: &Move, start: Timestamp) -> Result<(), Unfit> {
        let What::Say(say) = &one.what else { return Ok(()) };
        let now = start.before(one.after.unwrap_or_default());
        let halted = |halt| Unfit::of(halt, one);
        self.ground.moves_to(now).map_err(halted)?;
        let spelled = self.composed(one, say, now).map_err(halted)?;
        let addressees = spelled.composed.addressees.clone();
        let dispatch = self.release(one, say, spelled, now).map_err(halted)?;
        for addressee in &addressees {
            let mut arrivals = Vec::new();
            self.arrive(addressee, &dispatch, &mut arrivals).map_err(halted)?;
        }
        Ok(())
    }

    fn make(&mut self, number: usize, one: &'s Move, now: Timestamp) -> Result<Told, Unfit> {
        let (mut before, mut after, mut deviations) = (Vec::new(), Vec::new(), Vec::new());
        self.deliver(one, now, &mut before, &mut deviations)?;
        self.ground.moves_to(now).map_err(|halt| Unfit::of(halt, one))?;
        let event = match &one.what {
            What::Wait => Event::Waited,
            What::Deliver(labels) => Event::Delivered(self.network.let_go(labels, now)),
            What::Check(check) => {
                let looked = checks::look(self, check, now);
                deviations.extend(looked.iter().filter(|looked| !looked.holds).map(|looked| Deviation {
                    label: one.label.clone(),
                    line: one.line,
                    at: looked.at.clone(),
                    what: looked.what.clone(),
                    expected: looked.expected.clone(),
                    actual: looked.actual.clone(),
                }));
                Event::Checked(looked)
            }
            What::Say(say) => Event::Said(self.say(one, say, now, &mut deviations)?),
        };
        self.deliver(one, now, &mut after, &mut deviations)?;
        let (label, title) = (one.label.clone(), one.title.clone());
        Ok(Told { number, label, title, line: one.line, time: now, event, before, after, deviations })
    }

    fn say(
        &mut self,
        one: &'s Move,
        say: &'s Say,
        now: Timestamp,
        deviations: &mut Vec<Deviation>,
    ) -> Result<Said, Unfit> {
        let deviation = |what: String, actual: String| Deviation {
            label: one.label.clone(),
            line: one.line,
            at: Some(say.sender.clone()),
            what,
            expected: codes(&say.expect),
            actual,
        };
        let spelled = match self.composed(one, say, now) {
            Ok(spelled) => spelled,
            Err(halt @ Halt::Unspeakable(_)) => {
                deviations.push(deviation(say.kind.to_string(), Unfit::of(halt, one).to_string()));
                return Ok(Said::nothing(say.sender.clone(), say.kind));
            }
            Err(halt) => return Err(Unfit::of(halt, one)),
        };
        let verdict = standing(&spelled.composed.findings);
        let findings = told(&spelled.composed.findings);
        let released = verdict.is_empty() || say.force;
        let addressees = spelled.composed.addressees.clone();
        let precedence = spelled.composed.precedence;
        if verdict != say.expect {
            deviations.push(deviation(format!("{} before release", say.kind), codes(&verdict)));
        }
        let mut number = 0;
        if released {
            let dispatch = self.release(one, say, spelled, now).map_err(|halt| Unfit::of(halt, one))?;
            number = self.numbers.get(&one.label).map_or(0, |(_, number)| *number);
            let expectation =
                Expectation { label: one.label.clone(), line: one.line, say, addressees: addressees.clone() };
            self.expectations.push(expectation);
            let copies = (dispatch, addressees.as_slice());
            self.network.take((&one.label, say), copies, now, self.script.network, &self.delays);
        }
        Ok(Said {
            sender: say.sender.clone(),
            kind: say.kind,
            addressees,
            precedence,
            number,
            released,
            forced: released && !verdict.is_empty(),
            expected: say.expect.clone(),
            verdict,
            findings,
        })
    }

    /// What a step says, as its sender's desk composes it now.
    fn composed(&mut self, one: &Move, say: &Say, now: Timestamp) -> Result<Spelled<G::Message>, Halt> {
        let basis = self.basis(say)?;
        // Every desk knows a message by the id of its own copy.
        for spoken in &mut self.spoken {
            let own = self.ground.id_at(&spoken.reference.dispatch_digest(), &say.sender);
            spoken.message_id = own.unwrap_or(spoken.message_id);
        }
        let marks: Vec<(Ministry, u64)> = basis.iter().map(|(who, number)| (who.clone(), number)).collect();
        let at = Circumstances {
            faulty: &[],
            script: self.script,
            line: one.line,
            now,
            say,
            spoken: &self.spoken,
            basis: &marks,
            book: self.ground.casebook(&say.sender),
        };
        let (act, papers) = speak(&at).map_err(|misread| {
            let each = misread.iter().map(|(field, wrong)| format!("{field}: {}", wrong.said()));
            Halt::Unspeakable(each.collect::<Vec<_>>().join("; "))
        })?;
        let answered = say.marks.in_reply_to.clone().or_else(|| self.usually_answered(say));
        let in_reply_to = answered.and_then(|label| self.spoken.iter().find(|one| one.label == label));
        let borne = say.number_of.as_ref().and_then(|label| self.numbers.get(label));
        let composed = self.ground.compose(&Cue {
            script: self.script,
            say,
            act: &act,
            papers: &papers,
            now,
            basis: &basis,
            number: borne.map(|(_, number)| *number),
            in_reply_to: in_reply_to.map(|spoken| spoken.message_id),
        })?;
        Ok(Spelled { act, papers, composed })
    }

    /// What the sender declares to have known.
    fn basis(&self, say: &Say) -> Result<Marks, Halt> {
        let stranger = || Halt::Unspeakable("the sender takes no part".to_owned());
        let mut basis = self.ground.casebook(&say.sender).ok_or_else(stranger)?.draft_basis();
        for label in &say.unaware_of {
            let Some((sender, number)) = self.numbers.get(label) else { continue };
            if basis.covers(sender, *number) {
                basis.set(sender, number.saturating_sub(1));
            }
        }
        Ok(basis)
    }

    /// What a step that names nothing answers: for a reply to a consultation, its proposal.
    fn usually_answered(&self, say: &Say) -> Option<String> {
        let kind = say.kind.answers()?;
        let other = |spoken: &&Spoken| spoken.act.act_kind() == kind && spoken.sender != say.sender;
        self.spoken.iter().rev().find(other).map(|spoken| spoken.label.clone())
    }

    /// Registers a message at its sender, and remembers it for the steps that follow.
    fn release(
        &mut self,
        one: &Move,
        say: &Say,
        spelled: Spelled<G::Message>,
        now: Timestamp,
    ) -> Result<Digest, Halt> {
        let Spelled { act, papers, composed } = spelled;
        let verdict = standing(&composed.findings);
        let precedence = composed.precedence;
        let Released { dispatch, id, act_number } = self.ground.release(composed.message)?;
        let texts = papers.iter().filter(|paper| paper.standing == DocumentStanding::Authentic);
        self.labels.insert(dispatch, one.label.clone());
        self.numbers.insert(one.label.clone(), (say.sender.clone(), act_number));
        let key = (one.label.clone(), say.sender.clone());
        self.verdicts.insert(key, Arrived::Registered(verdict.clone()));
        self.spoken.push(Spoken {
            label: one.label.clone(),
            sender: say.sender.clone(),
            time: now,
            precedence,
            act,
            reference: ActRef::new(dispatch),
            message_id: id,
            texts: texts.map(|paper| (paper.language.clone(), Digest::of(paper.words.as_bytes()))).collect(),
            stands: verdict.is_empty(),
            known_at: BTreeSet::from([say.sender.clone()]),
        });
        Ok(dispatch)
    }

    /// Lets everything arrive that is due before this move, or with it.
    fn deliver(
        &mut self,
        one: &Move,
        now: Timestamp,
        arrivals: &mut Vec<Arrival>,
        deviations: &mut Vec<Deviation>,
    ) -> Result<(), Unfit> {
        while let Some((time, copy)) = self.network.next(now) {
            if self.ground.keeps_order()
                && let Some(before) = self.network.overtaken_by(&copy)
            {
                return Err(self.overtakes(&copy.label, before, &copy.to));
            }
            let from = arrivals.len();
            let halted = |halt| Unfit::of(halt, one);
            self.ground.moves_to(time).map_err(halted)?;
            self.arrive(&copy.to, &copy.dispatch, arrivals).map_err(halted)?;
            for arrival in arrivals.iter().skip(from) {
                deviations.extend(self.differs(arrival));
            }
        }
        Ok(())
    }

    fn overtakes(&self, label: &str, before: &str, to: &Ministry) -> Unfit {
        let line = self.script.moves.iter().find(|one| one.label == label).map_or(0, |one| one.line);
        let cause = format!(
            "its copy to {to} would overtake that of {before}, and gateways hand over in the order of sending"
        );
        Unfit::Unreal { label: label.to_owned(), line, cause }
    }

    fn arrive(&mut self, to: &Ministry, dispatch: &Digest, arrivals: &mut Vec<Arrival>) -> Result<(), Halt> {
        for (digest, outcome) in self.ground.arrive(to, dispatch)? {
            let Some(label) = self.labels.get(&digest).cloned() else { continue };
            if let Arrived::Registered(_) = outcome
                && let Some(spoken) = self.spoken.iter_mut().find(|spoken| spoken.label == label)
            {
                spoken.known_at.insert(to.clone());
            }
            self.verdicts.insert((label.clone(), to.clone()), outcome.clone());
            arrivals.push(Arrival { label, at: to.clone(), outcome });
        }
        Ok(())
    }
}
