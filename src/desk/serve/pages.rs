//! Pages, cursors and masks: what clients hand back to us of what we told them, read strictly.

use data_encoding::BASE64URL_NOPAD;
use tonic::Code;

use super::refusals::Refused;
use crate::digest::Digest;
use crate::limits;

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
        let parts: Vec<&[u8]> = filter.iter().map(|part| part.as_bytes()).collect();
        let digest = Digest::of_parts(&parts).hex();
        Self { mark: format!("{list}.{}", digest.get(..16).unwrap_or_default()) }
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
            place.parse::<u64>().map_err(|_| wrong())
        };
        self.place(token)?.map(number).transpose()
    }
}

/// The cursor of an event.
pub(super) fn cursor(number: u64) -> String {
    Pages::of("events", &[]).token(&number.to_string())
}

/// The event that a cursor names.
pub(super) fn event_at(cursor: &str) -> Result<u64, Refused> {
    let wrong = || Refused::field("cursor", "INVALID_CURSOR", "it is not a cursor of an event");
    let number = Pages::of("events", &[]).number(cursor).map_err(|_| wrong())?;
    number.ok_or_else(wrong)
}

/// A cursor that is beyond everything that happened here: it is from another desk, or this one was restored.
pub(super) fn beyond_the_end() -> Refused {
    let message =
        "nothing has happened here yet at this cursor: it is another desk's, or this one was restored";
    Refused::new(Code::OutOfRange, "CURSOR_BEYOND_END", message)
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
