//! `NameIndex`: finds known names of persons in a text, however they are typed.
//!
//! Signed text is never changed; only this comparison works on a folded copy: canonical and compatible
//! forms made one, accents dropped, case folded, invisible characters dropped, everything that is neither
//! letter nor digit made one space, and spaces left out: `Ri Chol-su`, `RI CHOLSU` and `Richolsu` are one name. Names
//! in scripts that are written without spaces, such as Korean, are found inside words too, because particles follow
//! them; names in other scripts only as whole words.
//!
//! A part of a name, the family name or the given name alone, may be anybody's, and an ordinary word as well: `미래` is
//! a name and the future, `Will` a name and a wish. It is looked for all the same, since a letter rarely writes a name
//! out twice, but what is found is for a person to look at and forbids nothing. Parts so short that they stand in every
//! other text are left out: whoever is warned always is warned never.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Names of persons that a desk knows, folded.
#[derive(Clone, Default)]
pub struct NameIndex {
    whole: Spellings,
    parts: Spellings,
}

/// Spellings that are looked for, folded, without spaces.
#[derive(Clone, Default)]
struct Spellings {
    /// Of scripts with spaces: whole words only.
    spaced: Vec<String>,
    /// Of scripts without spaces: inside words too.
    solid: Vec<String>,
}

/// Letters that a part of a name has at least, in scripts with spaces and without.
const PART_LETTERS_MIN: usize = 4;
const PART_SYLLABLES_MIN: usize = 2;

impl NameIndex {
    /// An index of these names. A name of a single character cannot be told from text and is left out.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self { whole: Spellings::of(names, [2, 2]), parts: Spellings::default() }
    }

    /// The same, which also knows parts of names: family names and given names alone.
    #[must_use]
    pub fn with_parts<'n>(mut self, parts: impl IntoIterator<Item = &'n str>) -> Self {
        self.parts = Spellings::of(parts, [PART_LETTERS_MIN, PART_SYLLABLES_MIN]);
        self
    }

    /// Whether any of the names stands in `text`.
    pub fn occurs_in(&self, text: &str) -> bool {
        self.whole.occur_in(text)
    }

    /// Whether a part of a name stands in `text`, which may be a name or not.
    pub fn part_occurs_in(&self, text: &str) -> bool {
        self.parts.occur_in(text)
    }
}

impl Spellings {
    /// Those of at least so many letters, in scripts with spaces and without.
    fn of<'n>(names: impl IntoIterator<Item = &'n str>, [letters, syllables]: [usize; 2]) -> Self {
        let mut all = Self::default();
        for name in names {
            let (solid, _) = solid(&fold(name));
            let length = solid.chars().count();
            if solid.chars().all(is_unspaced) {
                all.solid.extend((length >= syllables).then_some(solid));
            } else {
                all.spaced.extend((length >= letters).then_some(solid));
            }
        }
        all
    }

    fn occur_in(&self, text: &str) -> bool {
        if self.spaced.is_empty() && self.solid.is_empty() {
            return false;
        }
        let (solid, ends) = solid(&fold(text));
        let is_end = |place: usize| ends.binary_search(&place).is_ok();
        let as_words = |name: &String| {
            // Matches may overlap: each place where a word begins is tried.
            ends.iter().any(|start| {
                solid.get(*start..).is_some_and(|rest| rest.starts_with(name.as_str()))
                    && is_end(start.saturating_add(name.len()))
            })
        };
        self.spaced.iter().any(as_words) || self.solid.iter().any(|name| solid.contains(name))
    }
}

/// Folded words without the spaces between them, and where words began and ended, ascending.
fn solid(words: &str) -> (String, Vec<usize>) {
    let (mut solid, mut ends) = (String::with_capacity(words.len()), Vec::new());
    for c in words.chars() {
        match c {
            ' ' => ends.push(solid.len()),
            c => solid.push(c),
        }
    }
    ends.dedup();
    (solid, ends)
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
            "Кімчхоль",
            "Ri Cholsu",
            "RICHOLSU",
            "ri ri chol su",
        ];
        for text in found {
            assert!(index.occurs_in(text), "{text}");
        }
        for text in ["the Secretariat cholsu", "Ri Chol Sung", "a ri chol", "Fri Chol-su", "Кімчхольський"]
        {
            assert!(!index.occurs_in(text), "{text}");
        }
    }

    #[test]
    fn a_name_of_one_character_is_left_out() {
        assert!(!NameIndex::new(["백", "", " "]).occurs_in("백 명의 포로"));
    }

    #[test]
    fn a_part_of_a_name_is_found_where_it_is_long_enough_to_mean_something() {
        let index =
            NameIndex::new(["Ri Chol-su", "홍길동"]).with_parts(["Ri", "Chol-su", "홍", "길동", "Kim"]);
        for text in ["Cholsu came", "of CHOL SU.", "길동이 왔다", "홍 길동"] {
            assert!(index.part_occurs_in(text), "{text}");
        }
        for text in ["Ri came", "a melancholsu", "홍 씨", "the Kim agreement", ""] {
            assert!(!index.part_occurs_in(text), "{text}");
        }
        assert!(!index.occurs_in("Chol-su came") && !index.occurs_in("길동이 왔다"));
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
