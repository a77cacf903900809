//! Single values of acts, each parsed once: what does not fit does not exist.

use std::fmt::Write as _;

use oxilangtag::LanguageTag;

use crate::consultation::fault::{Fault, Reason};
use crate::consultation::list::own_key;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::digest::Digest;
use crate::limits;
use crate::trust::name::{Ministry, Name};
use crate::trust::policy::ChannelId;

/// A reference to another act: the SHA-256 of the exact bytes of its dispatch, the same in every copy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActRef(Digest);

impl ActRef {
    /// The act whose dispatch has this digest.
    pub const fn new(dispatch_digest: Digest) -> Self {
        Self(dispatch_digest)
    }

    /// The digest of its dispatch.
    pub const fn dispatch_digest(&self) -> Digest {
        self.0
    }
}

/// A number from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(u32);

impl Count {
    /// A number that is not nought.
    pub fn new(number: u32) -> Result<Self, Fault> {
        if number == 0 { Err(Fault::missing()) } else { Ok(Self(number)) }
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Yes or no, which an officer must state; left out of a form it is a mistake, not a no.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stated(pub bool);

/// Id of something inside one message or one consultation: letters, digits, hyphen, 1 to 32.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId(String);

impl EntryId {
    /// Parses an id.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let fits = text.len() <= 32 && text.bytes().all(fits);
        matching(text, fits, "1 to 32 letters, digits or hyphens are expected").map(Self)
    }
}

/// ISO 3166-1 alpha-2 code of a State; user-assigned codes are permitted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegionCode(String);

impl RegionCode {
    /// Parses two capital letters.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        matching(text, fits, "two capital letters (ISO 3166-1 alpha-2) are expected").map(Self)
    }
}

/// The Power on which a person depends, as far as it is determined.
#[derive(Clone, PartialEq, Eq)]
pub enum Origin {
    /// This State.
    State(RegionCode),
    /// Not determined.
    Undetermined,
}

impl Origin {
    /// Parses a code, or `UNDETERMINED`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "UNDETERMINED" => Ok(Self::Undetermined),
            code => RegionCode::parse(code)
                .map(Self::State)
                .map_err(|fault| fault.hint("a code such as XD, or UNDETERMINED")),
        }
    }

    /// The code, or `UNDETERMINED`.
    pub fn text(&self) -> String {
        match self {
            Self::State(code) => code.as_str().to_owned(),
            Self::Undetermined => "UNDETERMINED".to_owned(),
        }
    }
}

/// A date as far as it is known: a year, a month of it, or a day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
}

impl Date {
    /// Parses `2025`, `2025-01` or `2025-01-09`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::missing());
        }
        let message = "a year, a month or a day such as 2025, 2025-01 or 2025-01-09 is expected";
        let invalid = || Fault::new(Reason::TimeInvalid, message);
        let number =
            |part: Option<&str>| part.map(|part| part.parse::<i8>().map_err(|_| invalid())).transpose();
        let mut parts = text.split('-');
        let year = parts.next().and_then(|year| year.parse().ok()).ok_or_else(invalid)?;
        let date = Self { year, month: number(parts.next())?, day: number(parts.next())? };
        let (month, day) = (date.month.unwrap_or(1), date.day.unwrap_or(1));
        let exists = jiff::civil::Date::new(year, month, day).is_ok() && year > 0;
        if exists && date.text() == text { Ok(date) } else { Err(invalid()) }
    }

    /// As it is written.
    pub fn text(&self) -> String {
        let mut text = format!("{:04}", self.year);
        for part in [self.month, self.day].into_iter().flatten() {
            let _ = write!(text, "-{part:02}");
        }
        text
    }
}

/// A length of time in seconds, at least one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(i64);

/// Units of a length of time, the longest first.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Span {
    /// So many seconds.
    pub fn of_seconds(seconds: i64) -> Result<Self, Fault> {
        match seconds {
            0 => Err(Fault::missing()),
            1.. => Ok(Self(seconds)),
            _ => Err(Fault::new(Reason::TimeInvalid, "a length of time is not negative")),
        }
    }

    /// Parses `90d`, `72h`, `60m` or `30s`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let invalid =
            || Fault::new(Reason::TimeInvalid, "a length of time such as 90d, 72h or 60m is expected");
        let unit = UNITS.iter().find(|(letter, _)| text.ends_with(*letter)).ok_or_else(invalid)?;
        let digits = text.strip_suffix(unit.0).unwrap_or(text);
        let number: i64 = digits.parse().map_err(|_| invalid())?;
        number.checked_mul(unit.1).filter(|seconds| *seconds > 0).map(Self).ok_or_else(invalid)
    }

    /// In the longest unit that leaves no rest.
    pub fn text(self) -> String {
        let whole = UNITS.iter().find(|(_, seconds)| self.0.checked_rem(*seconds) == Some(0));
        let (letter, seconds) = whole.copied().unwrap_or(('s', 1));
        format!("{}{letter}", self.0.checked_div(seconds).unwrap_or(self.0))
    }

    /// In seconds.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// As a duration.
    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.0.unsigned_abs())
    }
}

/// A BCP 47 language tag.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LanguageCode(String);

impl LanguageCode {
    /// Parses a tag such as `ko-KP`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let fits = text.len() <= 64 && LanguageTag::parse(text).is_ok();
        matching(text, fits, "a BCP 47 tag such as ko, uk or ko-KP is expected").map(Self)
    }
}

/// A script, ISO 15924: one capital and three small letters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Script(String);

impl Script {
    /// Parses a code such as `Hang`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let letter = |(index, byte): (usize, u8)| match index {
            0 => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_lowercase(),
        };
        let fits = text.len() == 4 && text.bytes().enumerate().all(letter);
        matching(text, fits, "the code of a script such as Hang, Cyrl or Latn (ISO 15924) is expected")
            .map(Self)
    }
}

/// Where something was published: it names a place and cannot carry the thing itself (PUB-04).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WebAddress(String);

impl WebAddress {
    /// Parses an address of at most 2048 visible ASCII characters that begins with http: or https:.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let web = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
        let fits = web
            && text.len() <= limits::WEB_ADDRESS_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        matching(text, fits, "an address that begins with http:// or https:// is expected").map(Self)
    }
}

/// Id of a channel.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChannelCode(String);

impl ChannelCode {
    /// Parses the id of a channel.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        matching(text, ChannelId::parse(text).is_ok(), "the id of a channel is expected").map(Self)
    }
}

/// Name of an office, as in its certificate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OfficeName(String);

impl OfficeName {
    /// Parses a name such as `chancery://XB/office/releasing-03`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let message = "a name such as chancery://XB/office/releasing-03 is expected";
        matching(text, Name::parse(text).is_ok(), message).map(Self)
    }
}

macro_rules! words {
    ($($name:ident),+) => {
        $(impl $name {
            /// As it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        })+
    };
}
words!(EntryId, RegionCode, LanguageCode, Script, WebAddress, ChannelCode, OfficeName);

/// Bytes of another act's record, repeated as they came; whether they are the same is for the rules to say.
#[derive(Clone, PartialEq, Eq)]
pub struct Quoted(Vec<u8>);

impl Quoted {
    /// Takes bytes of at most a dispatch.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Fault> {
        if bytes.is_empty() {
            return Err(Fault::missing());
        }
        if bytes.len() > limits::SIGNED_DISPATCH_BYTES_MAX {
            return Err(Fault::new(Reason::TooLarge, "more bytes than a dispatch has"));
        }
        Ok(Self(bytes))
    }

    /// Parses hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let invalid = || {
            Fault::new(Reason::ReferenceInvalid, "pairs of hexadecimal digits in small letters are expected")
        };
        let pairs = text.as_bytes().chunks(2);
        let nibble = |byte: &u8| match byte {
            b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
            b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
            _ => None,
        };
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some(nibble(high)?.wrapping_mul(16).wrapping_add(nibble(low)?)),
            _ => None,
        };
        Self::new(pairs.map(byte).collect::<Option<Vec<u8>>>().ok_or_else(invalid)?)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// In hexadecimal.
    pub fn hex(&self) -> String {
        let mut text = String::new();
        for byte in &self.0 {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// SHA-256 over the references of a list of persons, each followed by a line feed.
pub fn persons_digest<'p>(persons: impl IntoIterator<Item = &'p PersonRef>) -> Digest {
    let mut text = String::new();
    for person in persons {
        text.push_str(&person.text());
        text.push('\n');
    }
    Digest::of(text.as_bytes())
}

fn matching(text: &str, fits: bool, message: &'static str) -> Result<String, Fault> {
    match text {
        "" => Err(Fault::missing()),
        _ if fits => Ok(text.to_owned()),
        _ => Err(Fault::new(Reason::ReferenceInvalid, message)),
    }
}

own_key!(ActRef, PersonRef, Ministry, Digest, LanguageCode);
opaque!(ActRef, Count, Stated, EntryId, RegionCode, Origin, Date, Span, LanguageCode, Script, WebAddress);
opaque!(ChannelCode, OfficeName, Quoted);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_as_exact_as_they_are_known() {
        for text in ["2025", "2025-01", "2025-01-31", "0001"] {
            assert_eq!(Date::parse(text).unwrap().text(), text);
        }
        for text in ["", "25", "2025-13", "2025-02-30", "2025-1", "2025-01-01-01", "2025-", "x"] {
            assert!(Date::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_are_shown_in_their_longest_unit() {
        for (text, seconds) in [("90d", 7_776_000), ("60m", 3_600), ("3600s", 3_600), ("72h", 259_200)] {
            assert_eq!(Span::parse(text).unwrap().seconds(), seconds);
        }
        assert_eq!(Span::parse("60m").unwrap().text(), "1h");
        assert_eq!(Span::of_seconds(61).unwrap().text(), "61s");
        for text in ["", "d", "0d", "-1d", "9999999999999999d", "1w", "1.5h"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_names_a_place_and_carries_nothing() {
        assert!(WebAddress::parse("https://news.example/17").is_ok());
        let long = |bytes: usize| format!("https://news.example/{}", "x".repeat(bytes - 21));
        assert!(WebAddress::parse(&long(limits::WEB_ADDRESS_BYTES_MAX)).is_ok());
        assert!(WebAddress::parse(&long(limits::WEB_ADDRESS_BYTES_MAX + 1)).is_err());
        for text in ["data:image/png;base64,AAAA", "https://a b", "ftp://x", "news.example", ""] {
            assert!(WebAddress::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quoted_bytes_come_back_from_their_digits() {
        assert_eq!(Quoted::parse("0aff").unwrap().bytes(), [10, 255]);
        assert_eq!(Quoted::parse("0aff").unwrap().hex(), "0aff");
        for text in ["", "0", "0A", "zz"] {
            assert!(Quoted::parse(text).is_err(), "{text}");
        }
    }
}
