//! `NameIndex`: finds known names of persons in a text, however they are typed.
//!
//! Signed text is never changed; only this comparison works on a folded copy: canonical and compatible
//! forms made one, accents dropped, case folded, invisible characters dropped, everything that is neither
//! letter nor digit made one space. Names in scripts that are written without spaces, such as Korean, are
//! found inside words too, because particles follow them; names in other scripts only as whole words.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Names of persons that a desk knows, folded.
#[derive(Clone, Default)]
pub struct NameIndex {
    /// Names of scripts with spaces, as ` word word `.
    spaced: Vec<String>,
    /// Names of scripts without spaces, as one word.
    solid: Vec<String>,
}

impl NameIndex {
    /// An index of these names. A name of a single character cannot be told from text and is left out.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut index = Self::default();
        for name in names {
            let words = fold(name);
            let solid: String = words.chars().filter(|c| *c != ' ').collect();
            if solid.chars().count() < 2 {
                continue;
            }
            if solid.chars().all(is_unspaced) {
                index.solid.push(solid);
            } else {
                index.spaced.push(words);
            }
        }
        index
    }

    /// Whether any of the names stands in `text`.
    pub fn occurs_in(&self, text: &str) -> bool {
        let words = fold(text);
        let solid: String = words.chars().filter(|c| *c != ' ').collect();
        self.spaced.iter().any(|name| words.contains(name))
            || self.solid.iter().any(|name| solid.contains(name))
    }
}

impl fmt::Debug for NameIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameIndex")
    }
}

/// The words of `text`, folded, each between two spaces.
fn fold(text: &str) -> String {
    let visible = text.chars().filter(|c| !is_invisible(*c));
    let bare: String = visible.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let composed: String = bare.chars().flat_map(char::to_lowercase).nfkc().collect();
    let mut words = String::from(" ");
    let mut before = None;
    for c in composed.chars() {
        let script = c.is_alphanumeric().then(|| is_unspaced(c));
        // A word ends at whatever is no letter, and where a script without spaces meets another one.
        if script != before && !words.ends_with(' ') {
            words.push(' ');
        }
        if script.is_some() {
            words.push(c);
        }
        before = script;
    }
    if !words.ends_with(' ') {
        words.push(' ');
    }
    words
}

/// Hangul, kana and Han characters.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x11FF | 0x3040..=0x30FF | 0x3130..=0x318F | 0x3400..=0x9FFF | 0xA960..=0xA97F
        | 0xAC00..=0xD7FF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Characters without a shape of their own that could stand unseen inside a name.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x34F | 0x115F | 0x1160 | 0x180E | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F
        | 0xFE00..=0xFE0F | 0xFEFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_korean_name_is_found_composed_and_decomposed() {
        let (composed, decomposed) = ("김철수", "김철수".nfd().collect::<String>());
        assert_ne!(composed, decomposed);
        for known in [composed, decomposed.as_str()] {
            let index = NameIndex::new([known]);
            for written in [composed, decomposed.as_str(), "김 철수", "김\u{200B}철수"] {
                assert!(index.occurs_in(&format!("포로 {written}는 희망한다")), "{known} in {written}");
            }
            assert!(!index.occurs_in("김철희는 희망한다"));
            assert!(!index.occurs_in("김철숙"));
        }
    }

    #[test]
    fn a_name_in_letters_is_found_as_words_in_any_case_and_spacing() {
        let index = NameIndex::new(["Ri Chol-su", "Кім Чхоль"]);
        let found = [
            "RI CHOL SU",
            "ri  chol\u{2011}su",
            "(Ri\nChol Su)",
            "Ri Chol Su가",
            "Ｒｉ Chol-su",
            "КІМ чхоль,",
        ];
        for text in found {
            assert!(index.occurs_in(text), "{text}");
        }
        for text in ["the Secretariat cholsu", "Ri Chol Sung", "a ri chol", "Кімчхоль"] {
            assert!(!index.occurs_in(text), "{text}");
        }
    }

    #[test]
    fn a_name_of_one_character_is_left_out() {
        assert!(!NameIndex::new(["백", "", " "]).occurs_in("백 명의 포로"));
    }

    proptest! {
        #[test]
        fn a_known_name_is_found_in_every_normal_form(name in "[가-힣]{2,4}|[A-Za-zА-Яа-яё]{2,8} [A-Za-z]{2,8}", before in "[ -~]{0,9}", after in "[ -~]{0,9}") {
            let index = NameIndex::new([name.as_str()]);
            let forms: [String; 4] =
                [name.nfc().collect(), name.nfd().collect(), name.nfkc().collect(), name.nfkd().collect()];
            for form in forms {
                let text = format!("{before} {form} {after}");
                prop_assert!(index.occurs_in(&text));
            }
        }
    }
}
