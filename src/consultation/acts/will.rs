//! What a person wants: hearsay, statements, withdrawals (GC III Arts 7, 14, 17, 109(3), 118, 126).
//!
//! A statement that does not qualify is registered all the same, because it can still stop (WIL-12): so
//! witnesses, freedom and information are data here, and the rules say what they are worth.

use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::{Date, EntryId, LanguageCode, Stated};
use crate::consultation::codec::record::{checked, record};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::list::{List, Set};
use crate::consultation::reference::PersonRef;
use crate::consultation::text::{ShortText, Text};
use crate::consultation::words::{
    AttendeeFunction, Capacity, ExpressionMode, FreedomFinding, IndicationSource, InformationGiven,
};
use crate::time::Timestamp;

record! {
    /// Hearsay about a person's will.
    pub struct WillIndication {
        person: PersonRef,
        source: IndicationSource,
        date: Option<Date>,
        indicated: Option<Destination>,
        certainty_as_reported: Option<ShortText>,
        refused: List<Destination, 0>,
    }
}

checked! {
    /// A statement of will, taken in private: a wish, never a waiver of rights.
    ExpressionOfWill = ExpressionOfWillFields {
        person: PersonRef,
        information_time: Timestamp,
        declaration_time: Timestamp,
        acceptable: List<Destination, 1>,
        refused: List<Destination, 0>,
        mode: ExpressionMode,
        language_code: LanguageCode,
        question_as_put: Text,
        answer_verbatim: Text,
        information_given: Set<InformationGiven, 0>,
        attendees: List<Attendee, 1>,
        freedom: FreedomFinding,
        capacity: Capacity,
        copy_given_to_person: Stated,
        no_waiver_of_rights: Stated,
        statement_document: EntryId,
        reconfirms_previous: bool,
        civilian_status_declared: bool,
    } by was_informed_before
}

fn was_informed_before(act: &ExpressionOfWillFields, faults: &mut Faults) {
    if act.declaration_time < act.information_time {
        let message = "he declared himself before the options were explained";
        faults.add_at("declaration_time", Fault::new(Reason::FieldConflict, message));
    }
}

record! {
    /// Somebody who was present when a statement was made.
    pub struct Attendee {
        function: AttendeeFunction,
        affiliation: ShortText,
        neutral: Stated,
        co_signed: Stated,
    }
}

record! {
    /// Withdraws a statement of will. It asks for the person and for nothing else.
    pub struct WillWithdrawal {
        person: PersonRef,
        declaration_time: Option<Timestamp>,
        withdrawn_for: List<Destination, 0>,
        received_by_office: Option<ShortText>,
    }
}
