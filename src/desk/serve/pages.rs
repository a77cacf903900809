//! Pages, cursors and masks: what clients hand back to us of what we told them, read strictly.
//!
//! Text of a client enters; a place, a number or fields leave, or a refusal. A token of one list means nothing in
//! another one or under another filter, and a field that is not known is never passed over.

use data_encoding::BASE64URL_NOPAD;
use prost::Message;

use super::refusals::Refused;
use crate::digest::Digest;
use crate::limits;
use crate::time::Timestamp;

/// How many entries a page is to have.
pub(super) fn size(asked: i32) -> Result<usize, Refused> {
    match usize::try_from(asked) {
        Ok(0) => Ok(limits::PAGE_DEFAULT),
        Ok(count) => Ok(count.min(limits::PAGE_MAX)),
        Err(_) => Err(Refused::field("page_size", "INVALID_PAGE_SIZE", "it is negative")),
    }
}

/// A list with its filter, whose pages have tokens.
pub(super) struct Pages {
    /// Of another list or filter, a token means nothing.
    mark: String,
}

impl Pages {
    /// Pages of a list under a filter.
    pub(super) fn of(list: &str, filter: &[&str]) -> Self {
        // Kept apart: what ends one part and begins the next is another filter.
        Self { mark: format!("{list}.{}", short(&Digest::of(filter.join("\0").as_bytes()))) }
    }

    /// The same where the filter is a whole request, without what turns the pages.
    pub(super) fn of_message(list: &str, filter: &impl Message) -> Self {
        Self { mark: format!("{list}.{}", short(&Digest::of(&filter.encode_to_vec()))) }
    }

    /// The token of the page that begins after a place.
    pub(super) fn token(&self, place: &str) -> String {
        BASE64URL_NOPAD.encode(format!("{}.{place}", self.mark).as_bytes())
    }

    /// The place after which a page begins; none for the first.
    pub(super) fn place(&self, token: &str) -> Result<Option<String>, Refused> {
        if token.is_empty() {
            return Ok(None);
        }
        let wrong = || {
            let message = "it is not a token of a page of this list with this filter";
            Refused::field("page_token", "INVALID_PAGE_TOKEN", message)
        };
        if token.len() > limits::PAGE_TOKEN_BYTES_MAX {
            return Err(wrong());
        }
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let place = text.strip_prefix(&self.mark).and_then(|rest| rest.strip_prefix('.'));
        place.map(|place| Some(place.to_owned())).ok_or_else(wrong)
    }

    /// The same where places are numbers.
    pub(super) fn number(&self, token: &str) -> Result<Option<u64>, Refused> {
        let number = |place: String| {
            let wrong =
                || Refused::field("page_token", "INVALID_PAGE_TOKEN", "it is not a token of this list");
            row_number(&place).ok_or_else(wrong)
        };
        self.place(token)?.map(number).transpose()
    }
}

/// A number of a row as our tokens write it: no other writing of it, and none that a register cannot have.
pub(super) fn row_number(text: &str) -> Option<u64> {
    let number = text.parse().ok().filter(|number| i64::try_from(*number).is_ok())?;
    (u64::to_string(&number) == text).then_some(number)
}

/// Enough of a digest to tell filters apart; nobody gains anything by two that are alike.
fn short(digest: &Digest) -> String {
    digest.hex().get(..16).unwrap_or_default().to_owned()
}

/// From when to when messages were released.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    from: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl Span {
    /// Reads both ends; 0 is no end.
    pub(super) fn read(from: i64, before: i64) -> Result<Self, Refused> {
        let end = |seconds: i64| (seconds != 0).then(|| Timestamp::from_seconds(seconds));
        let span = Self { from: end(from), before: end(before) };
        match (span.from, span.before) {
            (Some(from), Some(before)) if before <= from => {
                Err(Refused::field("before_time", "FIELD_INVALID", "it is not later than from_time"))
            }
            _ => Ok(span),
        }
    }

    /// Whether an instant lies within.
    pub(super) fn contains(&self, instant: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= instant) && self.before.is_none_or(|before| instant < before)
    }
}

/// The cursor of an event: its number, and what tells it from another one of this number.
pub(super) fn cursor(number: u64, mark: &str) -> String {
    Pages::of("events", &[]).token(&format!("{number}.{mark}"))
}

/// The number and the mark that a cursor names.
pub(super) fn event_at(cursor: &str) -> Result<(u64, String), Refused> {
    let wrong = || Refused::field("cursor", "INVALID_CURSOR", "it is not a cursor of an event");
    let place = Pages::of("events", &[]).place(cursor).map_err(|_| wrong())?.ok_or_else(wrong)?;
    let (number, mark) = place.split_once('.').ok_or_else(wrong)?;
    Ok((row_number(number).ok_or_else(wrong)?, mark.to_owned()))
}

/// Which fields of an answer are wanted.
#[derive(Debug, Clone)]
pub(super) struct Mask(Option<Vec<String>>);

impl Mask {
    /// Reads a mask over these fields. One that names another field is refused.
    pub(super) fn parse(asked: Option<prost_types::FieldMask>, known: &[&str]) -> Result<Self, Refused> {
        let paths = asked.map(|mask| mask.paths).unwrap_or_default();
        if paths.is_empty() {
            return Ok(Self(None));
        }
        if paths.iter().any(|path| path == "*") {
            return Ok(Self(Some(known.iter().map(|field| (*field).to_owned()).collect())));
        }
        for path in &paths {
            if !known.contains(&path.as_str()) {
                let shown: String = path.chars().take(64).collect();
                let message = format!("there is no field {shown:?} here; {} are", known.join(", "));
                return Err(Refused::field("read_mask", "INVALID_FIELD_MASK", message));
            }
        }
        Ok(Self(Some(paths)))
    }

    /// Whether nothing was said about fields.
    pub(super) fn is_silent(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a field is asked for by its name.
    pub(super) fn names(&self, field: &str) -> bool {
        self.0.iter().flatten().any(|path| path == field)
    }

    /// Whether a field is wanted: by its name, or because nothing was said.
    pub(super) fn wants(&self, field: &str) -> bool {
        self.is_silent() || self.names(field)
    }
}

/// Writes for a record `FIELDS`, what a mask may name, and `masked`, which leaves what a mask wants: one list, so that
/// no field can be asked for and not answered.
macro_rules! maskable {
    ($reach:vis $record:ty: $($field:ident),+ $(,)?) => {
        /// What a mask may name.
        $reach const FIELDS: &[&str] = &[$(stringify!($field)),+];

        /// Leaves of a record what a mask wants.
        $reach fn masked(whole: $record, mask: &$crate::desk::serve::pages::Mask) -> $record {
            if mask.is_silent() {
                return whole;
            }
            let mut kept = <$record>::default();
            $(if mask.names(stringify!($field)) {
                kept.$field = whole.$field;
            })+
            kept
        }
    };
}
pub(super) use maskable;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{PAGE_DEFAULT, PAGE_MAX, PAGE_TOKEN_BYTES_MAX};

    #[test]
    fn a_token_is_good_for_its_own_list_and_filter_alone() {
        let pages = Pages::of("messages", &["XB", ""]);
        assert_eq!(pages.number(&pages.token("17")).unwrap(), Some(17));
        assert_eq!(pages.number("").unwrap(), None);
        let long = "A".repeat(PAGE_TOKEN_BYTES_MAX + 1);
        let foreign = [
            Pages::of("messages", &["XC", ""]).token("17"),
            Pages::of("messages", &["X", "B"]).token("17"),
            Pages::of("drafts", &["XB", ""]).token("17"),
            pages.token("x"),
            pages.token("+17"),
            pages.token("017"),
            pages.token("9223372036854775808"),
            "not base64!".to_owned(),
            long,
        ];
        for token in foreign {
            assert!(pages.number(&token).is_err(), "{token}");
        }
        assert_eq!((size(0).unwrap(), size(3).unwrap(), size(10_000).unwrap()), (PAGE_DEFAULT, 3, PAGE_MAX));
        assert!(size(-1).is_err());
    }

    #[test]
    fn a_cursor_is_read_as_it_was_given_and_nothing_else_is_one() {
        assert_eq!(event_at(&cursor(17, "abc")).unwrap(), (17, "abc".to_owned()));
        assert_eq!(event_at(&cursor(0, "")).unwrap(), (0, String::new()));
        let events = Pages::of("events", &[]);
        for wrong in [
            "",
            "17",
            &events.token("17"),
            &events.token("x.abc"),
            &events.token("18446744073709551615.abc"),
            &Pages::of("drafts", &[]).token("17.abc"),
        ] {
            assert!(event_at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_span_holds_its_beginning_and_not_its_end() {
        let within = |from: i64, before: i64, seconds: i64| {
            Span::read(from, before).unwrap().contains(Timestamp::from_seconds(seconds))
        };
        assert!(within(0, 0, 5) && within(5, 0, 5) && within(0, 6, 5) && within(5, 6, 5));
        assert!(!within(6, 0, 5) && !within(0, 5, 5));
        assert!(Span::read(5, 5).is_err() && Span::read(6, 5).is_err());
    }

    #[test]
    fn a_mask_names_fields_that_are_there() {
        let mask = |paths: &[&str]| {
            let paths = paths.iter().map(|path| (*path).to_owned()).collect();
            Mask::parse(Some(prost_types::FieldMask { paths }), &["name", "content"])
        };
        assert!(mask(&["name"]).unwrap().wants("name") && !mask(&["name"]).unwrap().wants("content"));
        assert!(mask(&["*"]).unwrap().names("content"));
        assert!(mask(&[]).unwrap().is_silent());
        assert!(mask(&["name", "names"]).is_err());
        assert!(mask(&["content.act"]).is_err());
    }
}
