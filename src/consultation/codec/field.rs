//! Fields of records into values of acts and back: every helper names the field it refuses.

use crate::consultation::fault::{Fault, FormRefusal, Reason};
use crate::consultation::legal::LegalReference;
use crate::consultation::list::List;
use crate::consultation::reference::PersonRef;
use crate::consultation::text::{ShortText, Text};
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::proto::consultation::v1 as wire;
use crate::time::Timestamp;

pub(super) fn short(text: String, field: &str) -> Result<ShortText, FormRefusal> {
    ShortText::new(text).map_err(|fault| fault.at(field))
}

pub(super) fn text(text: String, field: &str) -> Result<Text, FormRefusal> {
    Text::new(text).map_err(|fault| fault.at(field))
}

pub(super) fn optional_short(text: String, field: &str) -> Result<Option<ShortText>, FormRefusal> {
    if text.is_empty() { Ok(None) } else { short(text, field).map(Some) }
}

pub(super) fn optional_text(content: String, field: &str) -> Result<Option<Text>, FormRefusal> {
    if content.is_empty() { Ok(None) } else { text(content, field).map(Some) }
}

/// A mandatory term: 0 is a missing value, another unknown number one of a later release.
pub(super) fn term<T>(number: i32, from_number: fn(i32) -> Option<T>, field: &str) -> Result<T, FormRefusal> {
    match from_number(number) {
        Some(term) => Ok(term),
        None if number == 0 => Err(Fault::missing().at(field)),
        None => Err(Fault::new(Reason::ValueUnknown, "not a value of this vocabulary").at(field)),
    }
}

pub(super) fn time(seconds: i64, field: &str) -> Result<Timestamp, FormRefusal> {
    optional_time(seconds, field)?.ok_or_else(|| Fault::missing().at(field))
}

pub(super) fn optional_time(seconds: i64, field: &str) -> Result<Option<Timestamp>, FormRefusal> {
    match seconds {
        0 => Ok(None),
        1.. => Ok(Some(Timestamp::from_seconds(seconds))),
        _ => Err(Fault::new(Reason::TimeInvalid, "the time lies before 1970").at(field)),
    }
}

pub(super) fn message(bytes: &[u8], field: &str) -> Result<MessageId, FormRefusal> {
    digest(bytes, field).map(MessageId::from)
}

pub(super) fn optional_message(bytes: &[u8], field: &str) -> Result<Option<MessageId>, FormRefusal> {
    if bytes.is_empty() { Ok(None) } else { message(bytes, field).map(Some) }
}

pub(super) fn digest(bytes: &[u8], field: &str) -> Result<Digest, FormRefusal> {
    if bytes.is_empty() {
        return Err(Fault::missing().at(field));
    }
    Digest::from_slice(bytes).map_err(|_| Fault::new(Reason::ReferenceInvalid, "not 32 bytes").at(field))
}

pub(super) fn id_bytes(id: Option<MessageId>) -> Vec<u8> {
    id.map(|id| id.as_bytes().to_vec()).unwrap_or_default()
}

/// Parses every entry; a refusal names the entry: `persons[2]`.
pub(super) fn each<T, U>(
    entries: Vec<T>,
    field: &str,
    parse: impl Fn(T) -> Result<U, FormRefusal>,
) -> Result<Vec<U>, FormRefusal> {
    let parsed = entries
        .into_iter()
        .enumerate()
        .map(|(index, entry)| parse(entry).map_err(|refusal| refusal.within(&format!("{field}[{index}]"))));
    parsed.collect()
}

pub(super) fn list<T: PartialEq, const MIN: usize>(
    entries: Vec<T>,
    field: &str,
) -> Result<List<T, MIN>, FormRefusal> {
    List::new(entries).map_err(|fault| fault.at(field))
}

pub(super) fn persons<const MIN: usize>(
    entries: Vec<String>,
    field: &str,
) -> Result<List<PersonRef, MIN>, FormRefusal> {
    list(each(entries, field, |text| PersonRef::parse(&text).map_err(|fault| fault.at("")))?, field)
}

pub(super) fn laws<const MIN: usize>(
    entries: Vec<wire::LegalReference>,
) -> Result<List<LegalReference, MIN>, FormRefusal> {
    let field = "legal_basis";
    list(each(entries, field, LegalReference::try_from)?, field)
}

pub(super) fn laws_to_wire(laws: &[LegalReference]) -> Vec<wire::LegalReference> {
    laws.iter().map(wire::LegalReference::from).collect()
}

impl TryFrom<wire::LegalReference> for LegalReference {
    type Error = FormRefusal;

    fn try_from(record: wire::LegalReference) -> Result<Self, FormRefusal> {
        Ok(Self {
            instrument: short(record.instrument, "instrument")?,
            provision: short(record.provision, "provision")?,
            note: optional_text(record.note, "note")?,
        })
    }
}

impl From<&LegalReference> for wire::LegalReference {
    fn from(law: &LegalReference) -> Self {
        Self {
            instrument: law.instrument.as_str().to_owned(),
            provision: law.provision.as_str().to_owned(),
            note: or_empty(law.note.as_ref()),
        }
    }
}

pub(super) fn or_empty(text: Option<&Text>) -> String {
    text.map(|text| text.as_str().to_owned()).unwrap_or_default()
}
