//! Carrying out what was agreed, and what follows (GC III Arts 12(3), 46 to 48, 119, 122, 123).

use crate::consultation::acts::exchange::by_person;
use crate::consultation::acts::values::{ActRef, Count, EntryId, Stated, persons_digest};
use crate::consultation::codec::record::{checked, record};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::list::{Keyed, List, Set};
use crate::consultation::reference::PersonRef;
use crate::consultation::text::{ShortText, Text};
use crate::consultation::words::{BureauAddressee, BureauEvent, HandoverOutcome, PostTransferKind, Reply};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

checked! {
    /// Says when and where persons are handed over.
    HandoverArrangement = HandoverArrangementFields {
        arrangement_id: EntryId,
        agreement_id: EntryId,
        tranche: Option<Count>,
        window_start_time: Timestamp,
        window_end_time: Timestamp,
        place_code: ShortText,
        persons: Set<PersonRef, 1>,
        persons_sha256: Digest,
        transport: ShortText,
        observers: Set<Ministry, 0>,
        person_notice_time: Timestamp,
        routine_documents: List<ShortText, 0>,
    } by states_its_own_list
}

fn states_its_own_list(act: &HandoverArrangementFields, faults: &mut Faults) {
    if act.window_end_time <= act.window_start_time {
        faults.add_at("window_end_time", Fault::new(Reason::FieldConflict, "it ends before it begins"));
    }
    if act.persons_sha256 != persons_digest(&act.persons) {
        let fault = Fault::new(Reason::FieldConflict, "not the digest of the list of persons");
        faults.add_at("persons_sha256", fault.hint("leave it out: it is computed"));
    }
}

record! {
    /// Answers an arrangement.
    pub struct HandoverConfirmation {
        arrangement_id: EntryId,
        arrangement: ActRef,
        persons_sha256: Digest,
        reply: Reply,
        reason: Option<Text>,
    }
}

record! {
    /// Says within an hour of departure whether it may take place.
    pub struct GoNoGo {
        arrangement_id: EntryId,
        go: Stated,
        synced_to: Set<ActMark, 0>,
        time: Timestamp,
        protective_acts: Set<ActRef, 0>,
    }
}

record! {
    /// The last act of a Power that was known.
    pub struct ActMark {
        ministry: Ministry,
        act_number: u64,
    }
}

impl Keyed for ActMark {
    type Key = Ministry;

    fn key(&self) -> Ministry {
        self.ministry.clone()
    }
}

record! {
    /// What happened at a handover, as one Power or observer saw it.
    pub struct HandoverReport {
        arrangement_id: EntryId,
        handover_time: Timestamp,
        place_code: ShortText,
        lines: Set<HandoverLine, 1>,
        effects_inventory_sha256: Option<Digest>,
        documents_sha256: Set<Digest, 0>,
        remarks: Option<Text>,
    }
}

record! {
    /// What happened to one person.
    pub struct HandoverLine {
        person: PersonRef,
        outcome: HandoverOutcome,
        final_question_put: Stated,
    }
}
by_person!(HandoverLine);

record! {
    /// Says that an Information Bureau was told of an event.
    pub struct InformationBureauNotice {
        persons: List<PersonRef, 1>,
        event: BureauEvent,
        addressed_to: BureauAddressee,
        disclosure_risk_flagged: Stated,
        reason: Option<Text>,
    }
}

record! {
    /// Says what became of persons after a transfer.
    pub struct PostTransferNotice {
        persons: List<PersonRef, 1>,
        kind: PostTransferKind,
        text: Option<Text>,
    }
}
