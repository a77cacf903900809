//! Makes the moves of a script, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{Account, Arrival, Arrived, Deviation, Event, Said, Told, codes};
use super::desk::Desk;
use super::dispatch::{Message, Setting};
use super::network::Network;
use super::{Unfit, Wishes, checks};
use crate::consultation::acts::values::ActRef;
use crate::consultation::rules::{Finding, Rule, Severity};
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::message::terms::DocumentStanding;
use crate::rehearsal::dice::Dice;
use crate::rehearsal::script::proof::time_of;
use crate::rehearsal::script::spoken::{Circumstances, Spoken, speak};
use crate::rehearsal::script::{Expected, Move, Say, Script, What, opening};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Everything on the stage.
pub(super) struct Stage<'s> {
    pub(super) script: &'s Script,
    pub(super) desks: BTreeMap<Ministry, Desk>,
    pub(super) spoken: Vec<Spoken>,
    /// What is known of each step that was said: where it was registered, with what verdict.
    pub(super) verdicts: BTreeMap<(String, Ministry), Arrived>,
    /// What each released step expects of its receivers.
    expectations: Vec<Expectation<'s>>,
    labels: BTreeMap<Digest, String>,
    /// Sender and act number of each step that was said.
    numbers: BTreeMap<String, (Ministry, u64)>,
    network: Network,
    delays: Dice,
    salts: Dice,
}

struct Expectation<'s> {
    label: String,
    line: usize,
    say: &'s Say,
    addressees: Vec<Ministry>,
}

/// Plays all moves, or those up to the one that is wished.
pub(super) fn play(script: &Script, wishes: &Wishes) -> Result<Account, Unfit> {
    let last = last_move(script, wishes)?;
    let seed = wishes.seed.unwrap_or(script.seed);
    let opening = opening::moves(script);
    let mut stage = Stage::set(script, seed);
    for one in &opening {
        // Before the script begins everything is known to everybody at once.
        stage.open(one, script.start)?;
    }
    let mut account =
        Account { title: script.title.clone(), summary: script.summary.clone(), seed, ..Account::default() };
    let mut now = script.start;
    for (index, one) in script.moves.iter().enumerate() {
        if index > last {
            account.unplayed = account.unplayed.saturating_add(1);
            continue;
        }
        now = time_of(script, one, now, index == 0);
        let told = stage.make(index.saturating_add(1), one, now);
        account.told.push(told);
    }
    if account.unplayed == 0 {
        account.outstanding = stage.outstanding();
    }
    account.finals = checks::finals(&stage, now);
    Ok(account)
}

fn last_move(script: &Script, wishes: &Wishes) -> Result<usize, Unfit> {
    let Some(until) = &wishes.until else { return Ok(usize::MAX) };
    let number = until.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let labelled = script.moves.iter().position(|one| one.label == *until);
    let found = labelled.or_else(|| number.filter(|index| *index < script.moves.len()));
    found.ok_or_else(|| Unfit::NoSuchMove(until.clone()))
}

impl<'s> Stage<'s> {
    fn set(script: &'s Script, seed: u64) -> Self {
        let desks = script.parties.iter().map(|party| (party.ministry.clone(), Desk::new(script, party)));
        Self {
            script,
            desks: desks.collect(),
            spoken: Vec::new(),
            verdicts: BTreeMap::new(),
            expectations: Vec::new(),
            labels: BTreeMap::new(),
            numbers: BTreeMap::new(),
            network: Network::default(),
            delays: Dice::thrown(seed, "delays"),
            salts: Dice::thrown(seed, "salts"),
        }
    }

    /// A move of the opening: what it says is known everywhere at once.
    fn open(&mut self, one: &Move, start: Timestamp) -> Result<(), Unfit> {
        let What::Say(say) = &one.what else { return Ok(()) };
        let now = start.before(one.after.unwrap_or_default());
        let message = self.composed(one, say, now)?;
        let findings = self.judge(&say.sender, &message, now);
        self.release(one, say, &message, &findings, now);
        for addressee in &message.address.addressees {
            let mut arrivals = Vec::new();
            self.arrive(&addressee.ministry, &message, now, &mut arrivals);
        }
        Ok(())
    }

    fn make(&mut self, number: usize, one: &'s Move, now: Timestamp) -> Told {
        let (mut before, mut after, mut deviations) = (Vec::new(), Vec::new(), Vec::new());
        self.deliver(now, &mut before, &mut deviations);
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
            What::Say(say) => Event::Said(self.say(one, say, now, &mut deviations)),
        };
        self.deliver(now, &mut after, &mut deviations);
        let (label, title) = (one.label.clone(), one.title.clone());
        Told { number, label, title, line: one.line, time: now, event, before, after, deviations }
    }

    fn say(&mut self, one: &'s Move, say: &'s Say, now: Timestamp, deviations: &mut Vec<Deviation>) -> Said {
        let message = match self.composed(one, say, now) {
            Ok(message) => message,
            Err(unfit) => {
                deviations.push(Deviation {
                    label: one.label.clone(),
                    line: one.line,
                    at: Some(say.sender.clone()),
                    what: say.kind.to_string(),
                    expected: codes(&say.expect),
                    actual: unfit.to_string(),
                });
                return Said::nothing(say.sender.clone(), say.kind);
            }
        };
        let findings = self.judge(&say.sender, &message, now);
        let verdict = standing(&findings);
        let released = verdict.is_empty() || say.force;
        let addressees: Vec<Ministry> =
            message.address.addressees.iter().map(|one| one.ministry.clone()).collect();
        if verdict != say.expect {
            deviations.push(Deviation {
                label: one.label.clone(),
                line: one.line,
                at: Some(say.sender.clone()),
                what: format!("{} before release", say.kind),
                expected: codes(&say.expect),
                actual: codes(&verdict),
            });
        }
        if released {
            self.release(one, say, &message, &findings, now);
            let expectation =
                Expectation { label: one.label.clone(), line: one.line, say, addressees: addressees.clone() };
            self.expectations.push(expectation);
            self.network.take(&one.label, say, &message, now, self.script.network, &self.delays);
        }
        Said {
            sender: say.sender.clone(),
            kind: say.kind,
            addressees,
            precedence: message.address.precedence,
            number: if released { message.position.act_number } else { 0 },
            released,
            forced: released && !verdict.is_empty(),
            expected: say.expect.clone(),
            verdict,
            findings: told(findings),
        }
    }

    /// The message that a step says, as its sender's desk composes it now.
    fn composed(&mut self, one: &Move, say: &Say, now: Timestamp) -> Result<Message, Unfit> {
        let unspeakable =
            |cause: String| Unfit::Unspeakable { label: one.label.clone(), line: one.line, cause };
        let Some(desk) = self.desks.get(&say.sender) else {
            return Err(unspeakable("the sender takes no part".to_owned()));
        };
        let mut basis = desk.basis();
        for label in &say.unaware_of {
            let Some((sender, number)) = self.numbers.get(label) else { continue };
            if basis.covers(sender, *number) {
                basis.set(sender, number.saturating_sub(1));
            }
        }
        let borne = say.number_of.as_ref().and_then(|label| self.numbers.get(label));
        let marks: Vec<(Ministry, u64)> = basis.iter().map(|(who, number)| (who.clone(), number)).collect();
        let at = Circumstances {
            script: self.script,
            line: one.line,
            now,
            say,
            spoken: &self.spoken,
            basis: &marks,
        };
        let (act, papers) = speak(&at).map_err(|misread| {
            let each = misread.iter().map(|(field, wrong)| format!("{field}: {}", wrong.said()));
            unspeakable(each.collect::<Vec<_>>().join("; "))
        })?;
        let answered = say.marks.in_reply_to.clone().or_else(|| self.usually_answered(say));
        let in_reply_to = answered.and_then(|label| self.id_of(&label));
        let setting = Setting {
            script: self.script,
            say,
            now,
            basis: &basis,
            number: borne.map_or_else(|| desk.next_number(), |(_, number)| *number),
            serial: desk.next_serial(now),
            in_reply_to,
            dice: &self.salts,
        };
        Message::compose(act, papers, &setting).ok_or_else(|| unspeakable("nobody is addressed".to_owned()))
    }

    /// What a step that names nothing answers: for a reply to a consultation, its proposal.
    fn usually_answered(&self, say: &Say) -> Option<String> {
        let kind = say.kind.answers()?;
        let other = |spoken: &&Spoken| spoken.act.act_kind() == kind && spoken.sender != say.sender;
        self.spoken.iter().rev().find(other).map(|spoken| spoken.label.clone())
    }

    fn id_of(&self, label: &str) -> Option<MessageId> {
        self.spoken.iter().find(|spoken| spoken.label == label).map(|spoken| spoken.message_id)
    }

    fn judge(&self, sender: &Ministry, message: &Message, now: Timestamp) -> Vec<Finding> {
        self.desks.get(sender).map(|desk| desk.judge(message, now)).unwrap_or_default()
    }

    /// Registers a message at its sender, and remembers it for the steps that follow.
    fn release(&mut self, one: &Move, say: &Say, message: &Message, findings: &[Finding], now: Timestamp) {
        if let Some(desk) = self.desks.get_mut(&say.sender) {
            desk.register_own(message, now);
        }
        let verdict = standing(findings);
        let texts = message.papers.iter().filter(|paper| paper.standing == DocumentStanding::Authentic);
        self.labels.insert(message.digest(), one.label.clone());
        self.numbers.insert(one.label.clone(), (say.sender.clone(), message.position.act_number));
        let key = (one.label.clone(), say.sender.clone());
        self.verdicts.insert(key, Arrived::Registered(verdict.clone()));
        self.spoken.push(Spoken {
            label: one.label.clone(),
            sender: say.sender.clone(),
            time: now,
            precedence: message.address.precedence,
            act: message.act.clone(),
            reference: ActRef::new(message.digest()),
            message_id: message.id(),
            texts: texts.map(|paper| (paper.language.clone(), Digest::of(paper.words.as_bytes()))).collect(),
            stands: verdict.is_empty(),
            known_at: BTreeSet::from([say.sender.clone()]),
        });
    }

    /// Lets everything arrive that is due.
    fn deliver(&mut self, now: Timestamp, arrivals: &mut Vec<Arrival>, deviations: &mut Vec<Deviation>) {
        while let Some((time, copy)) = self.network.next(now) {
            let from = arrivals.len();
            self.arrive(&copy.to, &copy.message, time, arrivals);
            for arrival in arrivals.iter().skip(from) {
                deviations.extend(self.differs(arrival));
            }
        }
    }

    fn arrive(&mut self, to: &Ministry, message: &Message, time: Timestamp, arrivals: &mut Vec<Arrival>) {
        let Some(desk) = self.desks.get_mut(to) else { return };
        for (digest, outcome) in desk.offer(message, time) {
            let Some(label) = self.labels.get(&digest).cloned() else { continue };
            if let Arrived::Registered(_) = outcome
                && let Some(spoken) = self.spoken.iter_mut().find(|spoken| spoken.label == label)
            {
                spoken.known_at.insert(to.clone());
            }
            self.verdicts.insert((label.clone(), to.clone()), outcome.clone());
            arrivals.push(Arrival { label, at: to.clone(), outcome });
        }
    }

    /// How an arrival differs from what its step expects.
    fn differs(&self, arrival: &Arrival) -> Option<Deviation> {
        let expectation = self.expectations.iter().find(|one| one.label == arrival.label)?;
        let expected = expectation.at(&arrival.at);
        let holds = match (&arrival.outcome, &expected) {
            (Arrived::Registered(actual), Expected::Rules(expected)) => actual == expected,
            // It waited, as expected, and then came to be registered.
            (Arrived::Registered(_) | Arrived::Waits(_), Expected::Waits) => true,
            (Arrived::Equivocation, Expected::Equivocation) => true,
            // Whether it ever comes to be registered is seen at the end.
            (Arrived::Waits(_), Expected::Rules(_)) => true,
            _ => false,
        };
        (!holds).then(|| expectation.deviation(&arrival.at, &arrival.outcome.to_string()))
    }

    /// What was expected of copies and did not come to be.
    fn outstanding(&self) -> Vec<Deviation> {
        let mut found = Vec::new();
        for expectation in &self.expectations {
            for at in &expectation.addressees {
                let actual = self.verdicts.get(&(expectation.label.clone(), at.clone()));
                let stated = expectation.say.expect_at.contains_key(&Some(at.clone()))
                    || expectation.say.expect_at.contains_key(&None);
                let missing = match (actual, expectation.at(at)) {
                    (None, Expected::Absent) => None,
                    (None, _) => stated.then(|| "nothing arrived".to_owned()),
                    (Some(Arrived::Waits(missing)), Expected::Rules(_)) => {
                        Some(Arrived::Waits(missing.clone()).to_string())
                    }
                    _ => None,
                };
                found.extend(missing.map(|actual| expectation.deviation(at, &actual)));
            }
        }
        found
    }
}

impl Expectation<'_> {
    /// What is expected at this receiver: what the step says, or else what its sender's desk was to find, as far as
    /// every desk finds it.
    fn at(&self, receiver: &Ministry) -> Expected {
        let stated =
            self.say.expect_at.get(&Some(receiver.clone())).or_else(|| self.say.expect_at.get(&None));
        stated.cloned().unwrap_or_else(|| {
            Expected::Rules(self.say.expect.iter().copied().filter(|rule| rule.is_common()).collect())
        })
    }

    fn deviation(&self, at: &Ministry, actual: &str) -> Deviation {
        Deviation {
            label: self.label.clone(),
            line: self.line,
            at: Some(at.clone()),
            what: format!("{} on arrival", self.say.kind),
            expected: self.at(at).to_string(),
            actual: actual.to_owned(),
        }
    }
}

/// The rules that stand against an act, each once.
pub(super) fn standing(findings: &[Finding]) -> Vec<Rule> {
    let standing = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let mut rules: Vec<Rule> = standing.map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn told(findings: Vec<Finding>) -> Vec<(Rule, String, String)> {
    let each = findings.into_iter().filter(|finding| finding.severity == Severity::Error);
    each.map(|finding| (finding.rule, format!("{}: {}", finding.field, finding.message), finding.hint))
        .collect()
}
