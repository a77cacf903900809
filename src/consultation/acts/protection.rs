//! Protection: assessments, assurances, holds, public exposure, countersignatures (GC III Arts 12, 13, 117; CAT Art. 3;
//! CSR 1951 Art. 33).

use crate::consultation::acts::law::{Destination, LegalReference};
use crate::consultation::acts::values::{ActRef, EntryId, RegionCode, Stated, WebAddress};
use crate::consultation::codec::record::{checked, record};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::list::{Keyed, List, Set};
use crate::consultation::reference::PersonRef;
use crate::consultation::text::Text;
use crate::consultation::words::{
    Assurance, Exposure, HoldReason, Measure, ProtectionFinding, PublisherClass, RiskGround, TakedownResult,
};
use crate::digest::Digest;
use crate::time::Timestamp;

checked! {
    /// What the Detaining Power finds about the danger to a person at a destination.
    ProtectionAssessment = ProtectionAssessmentFields {
        person: PersonRef,
        destination: Destination,
        finding: ProtectionFinding,
        assessment_time: Timestamp,
        valid_until_time: Timestamp,
        grounds: Set<RiskGround, 0>,
        onward_return_considered: Stated,
        legal_basis: List<LegalReference, 0>,
    } by counts_for_a_time
}

fn counts_for_a_time(act: &ProtectionAssessmentFields, faults: &mut Faults) {
    if act.valid_until_time <= act.assessment_time {
        faults.add_at("valid_until_time", Fault::new(Reason::FieldConflict, "it ends before it was made"));
    }
}

record! {
    /// What a receiving Power promises.
    pub struct Assurances {
        persons: List<PersonRef, 0>,
        party_to_gc3: Stated,
        assurances: Set<Assurance, 1>,
        monitoring_arrangement: Option<Text>,
    }
}

record! {
    /// Stops every step towards a handover of these persons.
    pub struct HoldNotice {
        persons: List<PersonRef, 1>,
        reason: Option<HoldReason>,
        text: Option<Text>,
    }
}

record! {
    /// Lifts a hold.
    pub struct HoldRelease {
        hold_message: ActRef,
        reason: Text,
    }
}

record! {
    /// Says that prisoners were exposed to public curiosity, and asks for measures.
    pub struct PublicityNotice {
        incident_id: EntryId,
        persons: List<PersonRef, 1>,
        exposures: Set<Exposure, 1>,
        publisher: PublisherClass,
        locators: Set<Locator, 1>,
        first_seen_time: Timestamp,
        compelling_public_interest_claimed: Stated,
        requested: Set<Measure, 1>,
        reply_due_time: Timestamp,
    }
}

record! {
    /// Where something was published; never the thing itself.
    pub struct Locator {
        locator_id: EntryId,
        url: WebAddress,
        content_sha256: Option<Digest>,
        jurisdiction: Option<RegionCode>,
    }
}

impl Keyed for Locator {
    type Key = EntryId;

    fn key(&self) -> EntryId {
        self.locator_id.clone()
    }
}

record! {
    /// Says what came of a notice of publicity.
    pub struct TakedownConfirmation {
        incident_id: EntryId,
        results: Set<LocatorResult, 1>,
        residual_risk: Option<Text>,
    }
}

record! {
    /// What came of one locator.
    pub struct LocatorResult {
        locator_id: EntryId,
        result: TakedownResult,
        check_time: Timestamp,
        note: Option<Text>,
    }
}

impl Keyed for LocatorResult {
    type Key = EntryId;

    fn key(&self) -> EntryId {
        self.locator_id.clone()
    }
}

record! {
    /// A second office stands behind a protective act that one officer sent alone.
    ///
    /// It is FACTUAL. It is not PROTECTIVE, because it stops nothing and may wait for the morning; not NORMATIVE,
    /// because nothing comes into being by it: the act that it names counts with it or without it. And it is more than
    /// CORRESPONDENCE between two registries: it goes to all Powers under a number, like the act it names, so that
    /// every desk has it in the same declared past and says alike whether a second one is one too many.
    pub struct Countersignature {
        countersigns: ActRef,
        remark: Option<Text>,
    }
}
