//! Foreign text made safe to show: what would steer a terminal, hide itself or turn lines around is spelled out.
//!
//! Text of a peer enters, text that any terminal shows as it stands leaves. Control characters, format
//! characters (bidirectional overrides, zero-width marks, tags), separators that break lines, and fillers that
//! show as nothing become `\u{202e}`. Nothing is dropped, so what was hidden is seen. This is for display alone:
//! exact bytes go to files.

use std::borrow::Cow;
use std::fmt::Write;

/// A text of one line: newlines are spelled out too.
pub fn line(text: &str) -> Cow<'_, str> {
    spelled_out(text, |_| false)
}

/// A text of several lines: newlines stay, everything else that `line` spells out is spelled out.
pub fn lines(text: &str) -> Cow<'_, str> {
    spelled_out(text, |c| c == '\n')
}

/// JSON whose strings show as they stand: the same value, with what `line` spells out as JSON escapes.
///
/// `encoded` is JSON on one line, in which such characters occur in strings alone.
pub fn json(encoded: &str) -> String {
    let mut shown = String::with_capacity(encoded.len());
    for c in encoded.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether a terminal would obey this character, or show nothing for it.
pub fn is_hidden(c: char) -> bool {
    c.is_control() || is_format(c) || is_separator(c) || is_filler(c)
}

fn spelled_out(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let hidden = |c: char| is_hidden(c) && !stays(c);
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// General category Cf, with the unassigned places of its blocks, which may become format characters.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e00ff}')
}

/// Line and paragraph separators, which some terminals and editors break lines at.
fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Letters and marks that show as nothing: Hangul fillers and the grapheme joiner.
fn is_filler(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_spelled_out() {
        assert_eq!(line("\u{1b}[2Jgood"), "\\u{1b}[2Jgood");
        assert_eq!(line("a\rb\nc\td"), "a\\u{d}b\\u{a}c\\u{9}d");
        assert_eq!(line("\u{9b}31m\u{85}\u{7f}"), "\\u{9b}31m\\u{85}\\u{7f}");
        assert_eq!(line("invoice\u{202e}fdp.exe"), "invoice\\u{202e}fdp.exe");
        assert_eq!(line("\u{2066}x\u{2069}\u{2028}\u{e0041}"), "\\u{2066}x\\u{2069}\\u{2028}\\u{e0041}");
        assert_eq!(line("김\u{3164}"), "김\\u{3164}");
    }

    #[test]
    fn the_scripts_of_letters_stay_as_they_are() {
        for text in [
            "대한민국 외교부",
            "Міністерство закордонних справ",
            "日本国\u{3000}外務省",
            "Ñandú é e\u{301}",
            "שלום",
        ] {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn newlines_stay_only_where_lines_are_allowed() {
        assert_eq!(lines("a\nb\r\n"), "a\nb\\u{d}\n");
        assert_eq!(line("a\nb"), "a\\u{a}b");
    }

    #[test]
    fn what_was_spelled_out_stays_so() {
        let once = line("\u{202e}").into_owned();
        assert_eq!(line(&once), once);
    }

    /// Any character, with those that matter drawn often.
    fn text() -> impl Strategy<Value = String> {
        let troublesome = prop_oneof![
            proptest::char::range('\0', '\u{ad}'),
            proptest::char::range('\u{2000}', '\u{206f}'),
            proptest::char::range('\u{e0000}', '\u{e01ef}'),
        ];
        proptest::collection::vec(prop_oneof![any::<char>(), troublesome], 0..40)
            .prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in text()) {
            prop_assert!(!line(&text).contains(is_hidden));
            prop_assert!(!lines(&text).contains(|c| c != '\n' && is_hidden(c)));
            prop_assert_eq!(lines(&text).matches('\n').count(), text.matches('\n').count());
        }

        #[test]
        fn json_keeps_its_value(text in text()) {
            let encoded = serde_json::to_string(&text).unwrap();
            let shown = json(&encoded);
            prop_assert!(!shown.contains(is_hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }
}
