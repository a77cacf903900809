//! Single values: texts, references, digests, instants, numbers.

use super::content::{Content, Entry};
use crate::consultation::acts::values::{
    ActRef, Count, Date, LanguageCode, Origin, Quoted, Span, Stated, WebAddress,
};
use crate::consultation::acts::values::{ChannelCode, OfficeName, Script};
use crate::consultation::acts::values::{EntryId, RegionCode};
use crate::consultation::describe::{Kind, Need};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::outline::Value;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::text::{ShortText, Text};
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

const DIGEST: &str = "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"";

/// Values that are a text on the wire: how a text becomes one, how it is shown, and what it is.
macro_rules! textual {
    ($($name:ty: $parse:expr, $text:expr, $show:expr, $kind:expr;)+) => {
        $(impl Entry for $name {
            type Wire = String;
            type Slot = String;

            fn read(wire: String, faults: &mut Faults) -> Option<Self> {
                faults.take($parse(&wire))
            }

            fn write(&self) -> String {
                $text(self)
            }

            fn show(&self) -> Value {
                $show(self)
            }

            fn parse(value: &Value, faults: &mut Faults) -> Option<Self> {
                let text = faults.take(value.as_text().ok_or_else(|| Fault::of_type("a text")))?;
                faults.take($parse(&text))
            }

            fn kind() -> Kind {
                $kind
            }
        })+
    };
}

fn ministry(text: &str) -> Result<Ministry, Fault> {
    if text.is_empty() {
        return Err(Fault::missing());
    }
    let hint = "write the code of the ministry, such as XB";
    Ministry::parse(text)
        .map_err(|_| Fault::new(Reason::ReferenceInvalid, "not the code of a ministry").hint(hint))
}

fn code(text: &str) -> Value {
    Value::Reference(text.to_owned())
}

textual! {
    ShortText: |text: &str| ShortText::new(text), |it: &ShortText| it.as_str().to_owned(),
        |it: &ShortText| Value::Text(it.as_str().to_owned()), Kind::Line;
    Text: |text: &str| Text::new(text), |it: &Text| it.as_str().to_owned(),
        |it: &Text| Value::Text(it.as_str().to_owned()), Kind::Text;
    PersonRef: PersonRef::parse, PersonRef::text, |it: &PersonRef| Value::Person(*it), Kind::Person;
    ConsultationId: ConsultationId::parse, ConsultationId::text, |it: &ConsultationId| code(&it.text()),
        Kind::Code("\"C-7QK4-M2XD-9WTV\"");
    Ministry: ministry, |it: &Ministry| it.as_str().to_owned(), |it: &Ministry| code(it.as_str()), Kind::Code("\"XB\"");
    EntryId: EntryId::parse, |it: &EntryId| it.as_str().to_owned(), |it: &EntryId| code(it.as_str()),
        Kind::Code("\"annex-1\"");
    RegionCode: RegionCode::parse, |it: &RegionCode| it.as_str().to_owned(), |it: &RegionCode| code(it.as_str()),
        Kind::Code("\"XA\"");
    Origin: Origin::parse, Origin::text, |it: &Origin| code(&it.text()), Kind::Code("\"XD\"");
    Date: Date::parse, Date::text, |it: &Date| code(&it.text()), Kind::Code("\"2025-01\"");
    LanguageCode: LanguageCode::parse, |it: &LanguageCode| it.as_str().to_owned(),
        |it: &LanguageCode| code(it.as_str()), Kind::Code("\"ko\"");
    Script: Script::parse, |it: &Script| it.as_str().to_owned(), |it: &Script| code(it.as_str()),
        Kind::Code("\"Latn\"");
    WebAddress: WebAddress::parse, |it: &WebAddress| it.as_str().to_owned(), |it: &WebAddress| code(it.as_str()),
        Kind::Code("\"https://news.example/item/17\"");
    ChannelCode: ChannelCode::parse, |it: &ChannelCode| it.as_str().to_owned(), |it: &ChannelCode| code(it.as_str()),
        Kind::Code("\"ch-0123456789abcdef\"");
    OfficeName: OfficeName::parse, |it: &OfficeName| it.as_str().to_owned(), |it: &OfficeName| code(it.as_str()),
        Kind::Code("\"chancery://XB/office/releasing-03\"");
}

/// Values of 32 bytes on the wire, in hexadecimal for people.
macro_rules! digests {
    ($($name:ty: $from:expr, $digest:expr, $kind:expr;)+) => {
        $(impl Entry for $name {
            type Wire = Vec<u8>;
            type Slot = Vec<u8>;

            fn read(wire: Vec<u8>, faults: &mut Faults) -> Option<Self> {
                faults.take(digest(&wire)).map($from)
            }

            fn write(&self) -> Vec<u8> {
                let digest: Digest = $digest(self);
                digest.as_bytes().to_vec()
            }

            fn show(&self) -> Value {
                let digest: Digest = $digest(self);
                Value::Reference(digest.hex())
            }

            fn parse(value: &Value, faults: &mut Faults) -> Option<Self> {
                let text = faults.take(value.as_text().ok_or_else(|| Fault::of_type("a text")))?;
                let hint = "write it in 64 hexadecimal digits";
                let invalid = |_| Fault::new(Reason::ReferenceInvalid, "not a digest").hint(hint);
                faults.take(Digest::parse(&text).map_err(invalid)).map($from)
            }

            fn kind() -> Kind {
                $kind
            }
        })+
    };
}

fn digest(bytes: &[u8]) -> Result<Digest, Fault> {
    if bytes.is_empty() {
        return Err(Fault::missing());
    }
    Digest::from_slice(bytes).map_err(|_| Fault::new(Reason::ReferenceInvalid, "not 32 bytes"))
}

digests! {
    Digest: std::convert::identity, |it: &Digest| *it, Kind::Code(DIGEST);
    MessageId: MessageId::from, |it: &MessageId| it.digest(), Kind::Message;
    ActRef: ActRef::new, |it: &ActRef| it.dispatch_digest(), Kind::Act;
}

impl Entry for Timestamp {
    type Wire = i64;
    type Slot = i64;

    fn read(wire: i64, faults: &mut Faults) -> Option<Self> {
        if wire > 0 {
            return Some(Self::from_seconds(wire));
        }
        faults.add(Fault::new(Reason::TimeInvalid, "the time lies before 1970"));
        None
    }

    fn write(&self) -> i64 {
        self.seconds()
    }

    fn show(&self) -> Value {
        Value::Time(*self)
    }

    fn parse(value: &Value, faults: &mut Faults) -> Option<Self> {
        let text = faults.take(value.as_text().ok_or_else(|| Fault::of_type("a time")))?;
        let hint = "write it in full with its offset: 2026-12-06T12:00:00Z";
        let time = Self::parse(&text).filter(|time| time.seconds() > 0);
        faults
            .take(time.ok_or_else(|| Fault::new(Reason::TimeInvalid, "not an instant after 1970").hint(hint)))
    }

    fn kind() -> Kind {
        Kind::Time
    }
}

impl Entry for Span {
    type Wire = i64;
    type Slot = i64;

    fn read(wire: i64, faults: &mut Faults) -> Option<Self> {
        faults.take(Self::of_seconds(wire))
    }

    fn write(&self) -> i64 {
        self.seconds()
    }

    fn show(&self) -> Value {
        Value::Reference(self.text())
    }

    fn parse(value: &Value, faults: &mut Faults) -> Option<Self> {
        let text = faults.take(value.as_text().ok_or_else(|| Fault::of_type("a text such as 72h")))?;
        faults.take(Self::parse(&text))
    }

    fn kind() -> Kind {
        Kind::Code("\"72h\"")
    }
}

impl Entry for Count {
    type Wire = u32;
    type Slot = u32;

    fn read(wire: u32, faults: &mut Faults) -> Option<Self> {
        faults.take(Self::new(wire))
    }

    fn write(&self) -> u32 {
        self.number()
    }

    fn show(&self) -> Value {
        Value::Number(self.number().into())
    }

    fn parse(value: &Value, faults: &mut Faults) -> Option<Self> {
        faults.take(whole(value).and_then(Self::new))
    }

    fn kind() -> Kind {
        Kind::Number
    }
}

fn whole(value: &Value) -> Result<u32, Fault> {
    let number = match value {
        Value::Number(number) => u32::try_from(*number).ok(),
        _ => None,
    };
    number.ok_or_else(|| Fault::of_type("a whole number"))
}

/// A number that may be nought, and must be stated in forms.
impl Content for u32 {
    type Wire = u32;
    const NEED: Need = Need::Mandatory;

    fn read(wire: u32, _faults: &mut Faults) -> Option<Self> {
        Some(wire)
    }

    fn write(&self) -> u32 {
        *self
    }

    fn show(&self) -> Option<Value> {
        Some(Value::Number((*self).into()))
    }

    fn parse(value: Option<&Value>, faults: &mut Faults) -> Option<Self> {
        let value = value.filter(|value| !value.is_blank());
        faults.take(value.ok_or_else(Fault::missing).and_then(whole))
    }

    fn kind() -> Kind {
        Kind::Number
    }
}

/// A number of an act; nought means that there is none yet.
impl Content for u64 {
    type Wire = u64;
    const NEED: Need = Need::Mandatory;

    fn read(wire: u64, _faults: &mut Faults) -> Option<Self> {
        Some(wire)
    }

    fn write(&self) -> u64 {
        *self
    }

    fn show(&self) -> Option<Value> {
        Some(Value::Number(*self))
    }

    fn parse(value: Option<&Value>, faults: &mut Faults) -> Option<Self> {
        match value.filter(|value| !value.is_blank()) {
            Some(Value::Number(number)) => Some(*number),
            Some(_) => faults.take(Err(Fault::of_type("a whole number"))),
            None => faults.take(Err(Fault::missing())),
        }
    }

    fn kind() -> Kind {
        Kind::Number
    }
}

/// Yes or no; no where it is left out.
impl Content for bool {
    type Wire = bool;
    const NEED: Need = Need::Optional;

    fn read(wire: bool, _faults: &mut Faults) -> Option<Self> {
        Some(wire)
    }

    fn write(&self) -> bool {
        *self
    }

    fn show(&self) -> Option<Value> {
        Some(Value::Flag(*self))
    }

    fn parse(value: Option<&Value>, faults: &mut Faults) -> Option<Self> {
        match value.filter(|value| !value.is_blank()) {
            None => Some(false),
            Some(Value::Flag(flag)) => Some(*flag),
            Some(_) => faults.take(Err(Fault::of_type("true or false"))),
        }
    }

    fn kind() -> Kind {
        Kind::Flag
    }
}

/// Yes or no, which an officer must state.
impl Content for Stated {
    type Wire = bool;
    const NEED: Need = Need::Mandatory;

    fn read(wire: bool, _faults: &mut Faults) -> Option<Self> {
        Some(Self(wire))
    }

    fn write(&self) -> bool {
        self.0
    }

    fn show(&self) -> Option<Value> {
        Some(Value::Flag(self.0))
    }

    fn parse(value: Option<&Value>, faults: &mut Faults) -> Option<Self> {
        match value.filter(|value| !value.is_blank()) {
            Some(Value::Flag(flag)) => Some(Self(*flag)),
            Some(_) => faults.take(Err(Fault::of_type("true or false"))),
            None => faults.take(Err(Fault::missing())),
        }
    }

    fn kind() -> Kind {
        Kind::Flag
    }
}

impl Entry for Quoted {
    type Wire = Vec<u8>;
    type Slot = Vec<u8>;

    fn read(wire: Vec<u8>, faults: &mut Faults) -> Option<Self> {
        faults.take(Self::new(wire))
    }

    fn write(&self) -> Vec<u8> {
        self.bytes().to_vec()
    }

    fn show(&self) -> Value {
        Value::Reference(self.hex())
    }

    fn parse(value: &Value, faults: &mut Faults) -> Option<Self> {
        let text = faults.take(value.as_text().ok_or_else(|| Fault::of_type("a text")))?;
        faults.take(Self::parse(&text))
    }

    fn kind() -> Kind {
        Kind::Code("\"0a02\"")
    }
}
