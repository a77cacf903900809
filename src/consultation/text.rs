//! `Text` and `ShortText`: what an officer wrote, kept character by character.
//!
//! Signed text is never normalised, trimmed or re-encoded; what does not fit is refused instead.

use crate::consultation::fault::{Fault, Reason};
use crate::consultation::opaque;
use crate::limits;

/// A text of one or more lines, not blank.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(String);

/// A text of one line, not blank.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShortText(String);

impl Text {
    /// Takes a text of at most `TEXT_BYTES_MAX` bytes; lines end in `\n`, and `\t` is the only other control.
    pub fn new(text: impl Into<String>) -> Result<Self, Fault> {
        let text = text.into();
        check(&text, limits::TEXT_BYTES_MAX, |c| matches!(c, '\n' | '\t'))?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ShortText {
    /// Takes one line of at most `SHORT_TEXT_BYTES_MAX` bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, Fault> {
        let text = text.into();
        check(&text, limits::SHORT_TEXT_BYTES_MAX, |_| false)?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

opaque!(Text, ShortText);

fn check(text: &str, bytes_max: usize, permitted: impl Fn(char) -> bool) -> Result<(), Fault> {
    if text.trim().is_empty() {
        return Err(Fault::missing());
    }
    if text.len() > bytes_max {
        let message = format!("{} bytes are more than the {bytes_max} this field takes", text.len());
        return Err(Fault::new(Reason::TextTooLong, message));
    }
    // Line and paragraph separators break lines on paper without being control characters.
    let refused = |c: char| (c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) && !permitted(c);
    match text.chars().find(|c| refused(*c)) {
        None => Ok(()),
        Some(c) => Err(Fault::new(Reason::TextInvalid, format!("U+{:04X} may not stand here", u32::from(c)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_as_it_was_written() {
        let decomposed = "\u{1112}\u{1161}\u{11ab} ";
        assert_eq!(ShortText::new(decomposed).unwrap().as_str(), decomposed);
        assert_eq!(Text::new("a\n\tb").unwrap().as_str(), "a\n\tb");
    }

    #[test]
    fn blank_long_and_controlled_text_is_refused_with_its_reason() {
        let reason = |text: &str| ShortText::new(text).unwrap_err().reason();
        assert_eq!(reason(""), Reason::FieldMissing);
        assert_eq!(reason(" \u{3000}"), Reason::FieldMissing);
        assert_eq!(reason(&"x".repeat(limits::SHORT_TEXT_BYTES_MAX + 1)), Reason::TextTooLong);
        for text in ["a\nb", "a\tb", "a\u{1b}[2J", "a\u{85}", "a\u{2028}b"] {
            assert_eq!(reason(text), Reason::TextInvalid, "{text:?}");
        }
        assert_eq!(Text::new("a\rb").unwrap_err().reason(), Reason::TextInvalid);
        assert_eq!(
            Text::new("x".repeat(limits::TEXT_BYTES_MAX + 1)).unwrap_err().reason(),
            Reason::TextTooLong
        );
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", Text::new("secret").unwrap()), "Text");
    }
}
