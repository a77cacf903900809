//! Findings of physicians; the diagnosis stays inside the certificate (GC III Arts 47, 109, 110, 112, Annex II).

use crate::consultation::acts::belongs;
use crate::consultation::acts::values::{Count, EntryId, Stated};
use crate::consultation::codec::record::{checked, record};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::list::List;
use crate::consultation::reference::PersonRef;
use crate::consultation::text::ShortText;
use crate::consultation::words::{MedicalDecision, MedicalFindingKind};
use crate::time::Timestamp;

checked! {
    /// What physicians found about a person. Whether a commission was well composed is for the rules to say (MED-02).
    MedicalFinding = MedicalFindingFields {
        person: PersonRef,
        kind: MedicalFindingKind,
        examination_time: Timestamp,
        decision: MedicalDecision,
        members: List<MedicalMember, 0>,
        votes_for: Option<Count>,
        notified_time: Option<Timestamp>,
        certificate_document: EntryId,
    } by fits_its_kind
}

record! {
    /// A member of a mixed medical commission; never named.
    pub struct MedicalMember {
        appointed_by: ShortText,
        neutral: Stated,
        chair: bool,
        speciality: ShortText,
    }
}

fn fits_its_kind(act: &MedicalFindingFields, faults: &mut Faults) {
    if !decisions(act.kind).contains(&act.decision) {
        let words: Vec<&str> = decisions(act.kind).iter().map(|decision| decision.word()).collect();
        let hint = format!("of {}: {}", act.kind, words.join(", "));
        let fault = Fault::new(Reason::FieldConflict, "a finding of this kind has no such decision");
        faults.add_at("decision", fault.hint(hint));
    }
    let commission = act.kind == MedicalFindingKind::MixedCommission;
    let message = "it belongs to a MIXED_COMMISSION alone";
    belongs("members", !act.members.is_empty(), commission, message, faults);
    belongs("votes_for", act.votes_for.is_some(), commission, message, faults);
    let members = u32::try_from(act.members.len()).unwrap_or(u32::MAX);
    if commission && act.votes_for.is_some_and(|votes| votes.number() > members) {
        faults.add_at("votes_for", Fault::new(Reason::FieldConflict, "more votes than members"));
    }
    if act.kind == MedicalFindingKind::FitnessToTravel && act.notified_time.is_some() {
        let message = "nobody is notified of fitness to travel";
        faults.add_at("notified_time", Fault::new(Reason::FieldConflict, message));
    }
}

/// The decisions that a finding of this kind can come to.
pub const fn decisions(kind: MedicalFindingKind) -> &'static [MedicalDecision] {
    use MedicalDecision::{AccommodateInNeutral, Fit, FitWithEscort, Reexamine, Reject, Repatriate, Unfit};
    match kind {
        MedicalFindingKind::FitnessToTravel => &[Fit, FitWithEscort, Unfit],
        MedicalFindingKind::MixedCommission => &[Repatriate, AccommodateInNeutral, Reexamine, Reject],
        MedicalFindingKind::Manifest => &[Repatriate, AccommodateInNeutral],
    }
}
