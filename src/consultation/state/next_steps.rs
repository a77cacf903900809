//! Who must act next, by when, and what blocks it: what a desk shows beside every case.
//!
//! Nothing here permits or forbids anything; the rules do that when somebody acts.

use crate::consultation::act::ActKind;
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::commitments::{self, Agreement, Arrangement};
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::guard::{self, Stop};
use crate::consultation::state::medical::{self, FitnessStanding};
use crate::consultation::state::opening::{self, Opening};
use crate::consultation::state::reached::Stage;
use crate::consultation::state::stage::{self, CaseStage};
use crate::consultation::state::will::{self, WillStanding};
use crate::consultation::state::{custody, exchange, exposure, go, holds, saying};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Something that somebody has to do.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// Who, ascending; empty where the desk cannot tell.
    pub who: Vec<Ministry>,
    /// What to send.
    pub act: ActKind,
    /// For whom; none where it concerns the consultation.
    pub person: Option<PersonRef>,
    /// By when.
    pub by: Option<Timestamp>,
    /// What would stand against it now.
    pub blocked: Vec<Stop>,
}

opaque!(Step);

/// What the consultation as a whole waits for.
pub fn of_consultation(past: &Past<'_>, at: Timestamp) -> Vec<Step> {
    let Some(consultation) = opening::consultation(past, at) else { return Vec::new() };
    let who: Vec<Ministry> = match consultation.state {
        Opening::Proposed => consultation.awaited.into_iter().cloned().collect(),
        _ => return Vec::new(),
    };
    let by = Some(consultation.act.open_until_time);
    vec![Step { who, act: ActKind::ConsultationReply, person: None, by, blocked: Vec::new() }]
}

/// What the case of a person waits for, the first due first.
pub fn of_person(past: &Past<'_>, person: &PersonRef, at: Timestamp, charter: &Charter) -> Vec<Step> {
    let case = stage::stage(past, person, at, charter);
    let mut steps = Steps { past, person, at, charter, steps: Vec::new() };
    steps.stops();
    match case.reached {
        Stage::Unknown | Stage::Deceased | Stage::Held => {}
        Stage::Registered | Stage::Proposed | Stage::Requested | Stage::Remains(_) => {
            steps.before_agreement()
        }
        Stage::Agreed => steps.after_agreement(&case),
        Stage::Arranged | Stage::Cleared => steps.before_departure(&case),
        Stage::ReportedOnce | Stage::Disputed => steps.after_departure(&case),
        Stage::Irregular => steps.add(Vec::new(), ActKind::PostTransferNotice, None),
        Stage::HandedOver => steps.after_handover(&case),
    }
    steps.steps.sort_by_key(|step| (step.by.is_none(), step.by, step.act));
    steps.steps
}

struct Steps<'p, 'h> {
    past: &'p Past<'h>,
    person: &'p PersonRef,
    at: Timestamp,
    charter: &'p Charter,
    steps: Vec<Step>,
}

impl<'h> Steps<'_, 'h> {
    fn add(&mut self, who: Vec<Ministry>, act: ActKind, by: Option<Timestamp>) {
        self.blocked(who, act, by, Vec::new());
    }

    fn blocked(&mut self, mut who: Vec<Ministry>, act: ActKind, by: Option<Timestamp>, blocked: Vec<Stop>) {
        who.sort_unstable();
        who.dedup();
        self.steps.push(Step { who, act, person: Some(*self.person), by, blocked });
    }

    fn holder(&self) -> Vec<Ministry> {
        custody::holder(self.past, self.person).cloned().into_iter().collect()
    }

    /// Holds that only their setters lift, incidents that call for an answer and an assessment.
    fn stops(&mut self) {
        for hold in holds::active(self.past, self.person, self.at, self.charter) {
            self.add(vec![hold.registered.sender.clone()], ActKind::HoldRelease, hold.lapses);
        }
        for incident in exposure::incidents(self.past, self.person) {
            if incident.answer.is_none() {
                let asked = incident.notice.addressees.clone();
                self.add(asked, ActKind::TakedownConfirmation, Some(incident.act.reply_due_time));
            }
            if incident.open {
                self.add(self.holder(), ActKind::ProtectionAssessment, None);
            }
        }
    }

    fn before_agreement(&mut self) {
        let will = will::will(self.past, self.person, self.at, self.charter);
        if will.standing != WillStanding::Current {
            self.add(self.holder(), ActKind::ExpressionOfWill, None);
        }
        for (request, act) in saying!(self.past.of_person(self.person), TransferRequest) {
            let mut answers =
                saying!(self.past.of_thread(&Thread::Answer(request.reference)), TransferResponse);
            if request.stands() && answers.next().is_none() {
                let usual = || Some(request.released.after(self.charter.reply?));
                self.add(self.holder(), ActKind::TransferResponse, act.requested_by_time.or_else(usual));
            }
        }
        for round in exchange::listing(self.past, self.person) {
            if round.is_open(self.at) && round.answer(self.past).is_none() {
                let unmatched = !round.unmatched(self.past).is_empty();
                let blocked = unmatched.then(|| Stop::new(Rule::Exc01, "not every line was found to match"));
                let until = Some(round.act.open_until_time);
                let who = vec![round.answerer().clone()];
                self.blocked(who, ActKind::ProposalResponse, until, blocked.into_iter().collect());
            }
        }
        self.notes();
    }

    /// Notes that await their replies.
    fn notes(&mut self) {
        for (note, act) in saying!(self.past.of_person(self.person), AgreementNote) {
            let Some(line) = act.terms.lines.find(self.person) else { continue };
            if !commitments::is_awaited(self.past, note, act, self.at) {
                continue;
            }
            let stops = guard::stops(self.past, &act.terms, line, Some(note), self.at, self.charter);
            let parties = act.terms.required_parties.iter().filter(|party| **party != note.sender);
            let who = parties.cloned().collect();
            self.blocked(who, ActKind::AgreementReply, Some(act.open_until_time), stops);
        }
    }

    fn after_agreement(&mut self, case: &CaseStage<'h>) {
        let Some(agreement) = &case.agreement else { return };
        let Some(line) = agreement.line(self.person) else { return };
        let stops =
            guard::stops(self.past, agreement.terms(), line, Some(agreement.note), self.at, self.charter);
        let arrangements = saying!(self.past.of_person(self.person), HandoverArrangement);
        let pending = arrangements.filter(|(one, act)| {
            one.stands() && act.agreement_id == agreement.terms().agreement_id && one.knew(agreement.note)
        });
        match pending.max_by_key(|(one, _)| one.order()) {
            None => self.blocked(self.holder(), ActKind::HandoverArrangement, None, stops),
            Some((one, act)) => {
                let others = others(agreement, &one.sender);
                self.blocked(others, ActKind::HandoverConfirmation, Some(act.window_start_time), stops);
            }
        }
    }

    fn before_departure(&mut self, case: &CaseStage<'h>) {
        let Some(arranged) = &case.arrangement else { return };
        let agreement = &arranged.agreement;
        let Some(line) = agreement.line(self.person) else { return };
        let begin = Some(arranged.act.window_start_time);
        let will = will::towards(self.past, self.person, agreement.destination(line), self.at, self.charter);
        let recent = will.statement.is_some_and(|one| will::is_recent(&one, self.at, self.charter.reconfirm));
        if !recent {
            self.add(self.holder(), ActKind::ExpressionOfWill, begin);
        }
        let fitness = medical::fitness(self.past, self.person, self.at, self.charter);
        if fitness.standing != FitnessStanding::Fit {
            self.add(self.holder(), ActKind::MedicalFinding, begin);
        }
        let id = &arranged.act.arrangement_id;
        let mut stops = clear_to_depart(self.past, self.person, id, self.at, self.charter);
        let awaited = self.awaited(arranged);
        stops.retain(|stop| !matches!(stop.rule, Rule::Hnd08 | Rule::Hnd09));
        match awaited.is_empty() {
            false => self.blocked(awaited, ActKind::GoNoGo, begin, stops),
            true => {
                let who = agreement.terms().required_parties.iter().cloned().collect();
                let end = Some(arranged.act.window_end_time);
                self.blocked(who, ActKind::HandoverReport, end, stops);
            }
        }
    }

    /// Those whose GO is missing or too old.
    fn awaited(&self, arranged: &Arrangement<'h>) -> Vec<Ministry> {
        let missing = go::needed(self.past, arranged).into_iter().filter(|(ministry, _)| {
            let word = go::last_word(self.past, arranged, ministry);
            word.is_none_or(|(one, act)| !go::is_in_window(one, act, self.at, self.charter))
        });
        missing.map(|(ministry, _)| ministry.clone()).collect()
    }

    /// The report of the other side, or corrected ones of both.
    fn after_departure(&mut self, case: &CaseStage<'h>) {
        let reporters: Vec<Ministry> = case.reports.iter().map(|report| report.sender.clone()).collect();
        let who = match (case.reached, case.reports.first().and_then(|report| report.act.as_ref())) {
            (Stage::ReportedOnce, Some(crate::consultation::act::Act::HandoverReport(report))) => {
                let arranged = commitments::arrangement_of(self.past, &report.arrangement_id, self.person);
                let agreement = arranged
                    .and_then(|arranged| commitments::agreement(self.past, &arranged.act.agreement_id));
                let parties =
                    agreement.iter().flat_map(|agreement| agreement.terms().required_parties.iter());
                parties.filter(|party| !reporters.contains(party)).cloned().collect()
            }
            _ => reporters,
        };
        self.add(who, ActKind::HandoverReport, None);
    }

    /// Information Bureaux are to be told (GC III Art. 122).
    fn after_handover(&mut self, case: &CaseStage<'h>) {
        let told: Vec<&Ministry> = saying!(self.past.of_person(self.person), InformationBureauNotice)
            .map(|(one, _)| &one.sender)
            .collect();
        let silent = case.reports.iter().map(|report| &report.sender).filter(|sender| !told.contains(sender));
        let silent: Vec<Ministry> = silent.cloned().collect();
        if !silent.is_empty() {
            self.add(silent, ActKind::InformationBureauNotice, None);
        }
    }
}

fn others(agreement: &Agreement<'_>, ministry: &Ministry) -> Vec<Ministry> {
    let parties = agreement.terms().required_parties.iter();
    parties.filter(|party| *party != ministry).cloned().collect()
}
