//! Agreements by exchange of notes (GC III Arts 6, 12, 109 to 111; VCLT Arts 7, 11 to 13, 33, 54).

use crate::consultation::acts::belongs;
use crate::consultation::acts::exchange::by_person;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::{ActRef, Count, EntryId, LanguageCode, Quoted, Stated};
use crate::consultation::codec::containers::Terms;
use crate::consultation::codec::record::{checked, record};
use crate::consultation::fault::Faults;
use crate::consultation::list::{Keyed, List, Set};
use crate::consultation::reference::PersonRef;
use crate::consultation::text::Text;
use crate::consultation::words::{Assurance, EntryIntoForce, InstrumentKind, Route};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

record! {
    /// Proposes an agreement by note.
    pub struct AgreementNote {
        terms: Terms<AgreementTerms>,
        open_until_time: Timestamp,
    }
}

record! {
    /// Concludes an agreement by repeating its terms byte for byte. The bytes are kept as they came: whether they
    /// are the same is for AGR-02 to say.
    pub struct AgreementReply {
        proposing_message: ActRef,
        terms: Quoted,
        authentic_text_sha256: Set<Digest, 1>,
    }
}

checked! {
    /// What is agreed. Party names stand outside, for the alternat.
    AgreementTerms = AgreementTermsFields {
        agreement_id: EntryId,
        kind: InstrumentKind,
        route: Route,
        lines: Set<AgreementLine, 1>,
        authentic_text_sha256: Set<Digest, 1>,
        prevailing_language: LanguageCode,
        entry_into_force: EntryIntoForce,
        entry_time: Option<Timestamp>,
        exchange_terms_sha256: Option<Digest>,
        assurances: Set<Assurance, 0>,
        required_parties: Set<Ministry, 2>,
        no_less_favourable_than_convention: Stated,
        tranches: Option<Count>,
    } by say_what_their_kind_says
}

fn say_what_their_kind_says(terms: &AgreementTermsFields, faults: &mut Faults) {
    let dated = terms.entry_into_force == EntryIntoForce::FixedDate;
    let message = "a date belongs to FIXED_DATE alone";
    belongs("entry_time", terms.entry_time.is_some(), dated, message, faults);
    let exchange = terms.route == Route::Exchange;
    let message = "exchange terms belong to the route EXCHANGE alone";
    belongs("exchange_terms_sha256", terms.exchange_terms_sha256.is_some(), exchange, message, faults);
}

record! {
    /// One person and what was relied on for him.
    pub struct AgreementLine {
        person: PersonRef,
        destination: Destination,
        tranche: Option<Count>,
        will_act: ActRef,
        protection_act: ActRef,
        medical_act: Option<ActRef>,
    }
}
by_person!(AgreementLine);

record! {
    /// Ends an agreement, for all persons or for some.
    pub struct AgreementTermination {
        agreement_id: EntryId,
        persons: List<PersonRef, 0>,
        reason: Option<Text>,
        effective_time: Timestamp,
    }
}
