//! A person in custody: the case, the particulars, proceedings, death (GC III Arts 4, 5, 17, 115, 119 to 122).

use crate::consultation::acts::values::{Date, EntryId, Origin, RegionCode, Script, Stated};
use crate::consultation::codec::record::{checked, record};
use crate::consultation::fault::{Fault, Faults};
use crate::consultation::list::List;
use crate::consultation::reference::PersonRef;
use crate::consultation::text::{ShortText, Text};
use crate::consultation::words::{Authenticity, JudicialState, ParticularsBasis, PersonStatus};
use crate::time::Timestamp;

record! {
    /// Opens the case of a person.
    pub struct CaseRegistration {
        person: PersonRef,
        status: PersonStatus,
        power_of_origin: Origin,
        capture_date: Option<Date>,
        information_bureau_notified: Stated,
        central_agency_notified: Stated,
    }
}

record! {
    /// Who a person is: the only act that carries identity. It has no field for military information.
    pub struct PersonParticulars {
        person: PersonRef,
        names: List<PersonName, 1>,
        birth_date: Option<Date>,
        rank: Option<ShortText>,
        service_number: Option<ShortText>,
        internment_serial_number: Option<ShortText>,
        place_of_birth: Option<ShortText>,
        father_mother_names: List<ShortText, 0>,
        contact_person: Option<Text>,
        found_documents: List<FoundDocument, 0>,
        basis: ParticularsBasis,
    }
}

record! {
    /// A name in one script.
    pub struct PersonName {
        family_name: ShortText,
        given_name: Option<ShortText>,
        script: Script,
        romanization: Option<ShortText>,
        is_primary: bool,
    }
}

record! {
    /// A document found with a person.
    pub struct FoundDocument {
        kind: ShortText,
        issuer_region_code: Option<RegionCode>,
        authenticity: Authenticity,
    }
}

checked! {
    /// Says how proceedings at law stand against a person.
    JudicialStatus = JudicialStatusFields {
        person: PersonRef,
        state: JudicialState,
        document: Option<EntryId>,
        written_consent_to_exchange: bool,
    } by shows_the_release
}

fn shows_the_release(act: &JudicialStatusFields, faults: &mut Faults) {
    if act.state == JudicialState::ReleasedForTransfer && act.document.is_none() {
        faults.add_at("document", Fault::missing().hint("attach the decision and name its id"));
    }
}

record! {
    /// Says that a person died.
    pub struct DeathNotice {
        person: PersonRef,
        death_time: Option<Timestamp>,
        certificate_document: Option<EntryId>,
        inquiry_opened: bool,
    }
}
