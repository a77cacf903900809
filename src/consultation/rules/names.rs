//! `NameIndex`: finds known names of persons in a text, however they are typed.
//!
//! Signed text is never changed; only this comparison works on a folded copy: canonical and compatible forms made one,
//! accents dropped, case folded, invisible characters dropped, and in a word of Latin letters those of other scripts
//! that look like them. What is folded in a name is the space between its own
//! parts: `Ri Chol-su`, `RI CHOL SU` and `RiCholsu` are one name. The text keeps its words: a name begins where a word
//! begins and, in letters, ends where a word ends, so `Jo In` does not stand in `may join`. Hangul and Han names begin
//! so too, and particles may follow them directly. Han and kana are also written without any spaces; a name inside such
//! a line may be two other words and is only called a part.
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
    whole: Vec<Spelling>,
    parts: Vec<Spelling>,
}

/// A name as it is looked for: its parts, folded, in order.
#[derive(Clone)]
struct Spelling(Vec<String>);

/// A word of a folded text: letters of one way of writing.
struct Word {
    /// What stands between it and the word before.
    after: Gap,
    letters: String,
}

/// What stands between two words; of several, the last of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    /// Nothing, a hyphen, a middle dot or an apostrophe: it may stand inside a part of a name.
    Joint,
    /// Spaces, line breaks, the comma of `Kim, Chol-su`, and what stands for a space in the name of a file: they may
    /// stand between the parts of a name.
    Space,
    /// Anything else: no name goes on beyond it.
    End,
}

/// Letters that a whole name and a part of one have at least.
const WHOLE_LETTERS_MIN: usize = 2;
const PART_LETTERS_MIN: usize = 4;
const PART_SYLLABLES_MIN: usize = 2;

/// A shorter name in letters is not found written together: `Jo In` would be `join`.
const TOGETHER_LETTERS_MIN: usize = 6;

/// From so many characters on, a Hangul or Han name that is written together is a family name of one and a given name.
const TOGETHER_MIN: usize = 3;

impl NameIndex {
    /// An index of these names. A name of a single character cannot be told from text and is left out.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let whole = names.into_iter().map(Spelling::of);
        Self { whole: whole.filter(|name| name.length() >= WHOLE_LETTERS_MIN).collect(), parts: Vec::new() }
    }

    /// The same, which also knows parts of names: family names and given names alone.
    #[must_use]
    pub fn with_parts<'n>(mut self, parts: impl IntoIterator<Item = &'n str>) -> Self {
        let parts = parts.into_iter().map(Spelling::of);
        self.parts.extend(parts.filter(|part| {
            let least = if part.is_unspaced() { PART_SYLLABLES_MIN } else { PART_LETTERS_MIN };
            part.length() >= least
        }));
        self
    }

    /// Whether any of the names stands in `text`.
    pub fn occurs_in(&self, text: &str) -> bool {
        !self.whole.is_empty() && {
            let words = words(text);
            self.whole.iter().any(|name| name.stands_in(&words))
        }
    }

    /// Whether a part of a name stands in `text`, which may be a name or not.
    pub fn part_occurs_in(&self, text: &str) -> bool {
        if self.whole.is_empty() && self.parts.is_empty() {
            return false;
        }
        let words = words(text);
        let mut all = self.whole.iter().chain(&self.parts);
        self.parts.iter().any(|part| part.stands_in(&words)) || all.any(|name| name.stands_inside(&words))
    }
}

/// Whether anything of a name can be looked for.
pub fn has_letters(name: &str) -> bool {
    !words(name).is_empty()
}

/// Family and given name of a name that is written family name first; none where it is one name alone.
pub fn family_and_given(name: &str) -> Option<(&str, &str)> {
    let together = || {
        let is_long = name.chars().count() >= TOGETHER_MIN && name.chars().all(is_unspaced);
        is_long
            .then(|| name.chars().next().and_then(|family| name.split_at_checked(family.len_utf8())))
            .flatten()
    };
    let (family, given) = name.trim().split_once(char::is_whitespace).or_else(together)?;
    (has_letters(family) && has_letters(given)).then_some((family, given))
}

impl Spelling {
    fn of(name: &str) -> Self {
        let parts: Vec<String> = words(name).into_iter().map(|word| word.letters).collect();
        match parts.as_slice() {
            [one] => match family_and_given(one) {
                Some((family, given)) => Self(vec![family.to_owned(), given.to_owned()]),
                None => Self(parts),
            },
            _ => Self(parts),
        }
    }

    fn length(&self) -> usize {
        self.0.iter().map(|part| part.chars().count()).sum()
    }

    fn is_unspaced(&self) -> bool {
        self.0.iter().flat_map(|part| part.chars()).all(is_unspaced)
    }

    /// Matches may overlap: each place where a word begins is tried.
    fn stands_in(&self, words: &[Word]) -> bool {
        (0..words.len()).any(|start| words.get(start..).is_some_and(|rest| self.begins(rest)))
    }

    fn begins(&self, words: &[Word]) -> bool {
        let (mut words, mut is_one_word) = (words.iter(), true);
        let Some(mut rest) = words.next().map(|word| word.letters.as_str()) else { return false };
        for part in &self.0 {
            let mut left = part.as_str();
            while !left.is_empty() {
                if rest.is_empty() {
                    let most = if left.len() == part.len() { Gap::Space } else { Gap::Joint };
                    match words.next().filter(|word| word.after <= most) {
                        Some(word) => (rest, is_one_word) = (word.letters.as_str(), false),
                        None => return false,
                    }
                }
                if let Some(beyond) = rest.strip_prefix(left) {
                    (rest, left) = (beyond, "");
                } else if let Some(lacking) = left.strip_prefix(rest) {
                    (rest, left) = ("", lacking);
                } else {
                    return false;
                }
            }
        }
        // Particles follow where a script is written without spaces.
        let takes_particles = self.0.last().and_then(|part| part.chars().last()).is_some_and(is_unspaced);
        let is_ordinary = is_one_word && self.0.len() > 1 && self.length() < TOGETHER_LETTERS_MIN;
        takes_particles || rest.is_empty() && !is_ordinary
    }

    /// Whether it stands inside a word of a script that knows no spaces at all.
    fn stands_inside(&self, words: &[Word]) -> bool {
        let together = self.0.concat();
        together.chars().count() >= PART_SYLLABLES_MIN
            && together.chars().all(|c| is_unspaced(c) && !is_hangul(c))
            && words.iter().any(|word| word.letters.contains(&together))
    }
}

/// The words of `text`, folded.
fn words(text: &str) -> Vec<Word> {
    let visible = text.chars().filter(|c| !is_invisible(*c));
    let bare: String = visible.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let mut composed = bare.chars().flat_map(char::to_lowercase).nfkc().peekable();
    let mut words: Vec<Word> = Vec::new();
    let (mut before, mut gap) = (None, Gap::End);
    while let Some(c) = composed.next() {
        let script = c.is_alphanumeric().then(|| is_unspaced(c));
        match (script, words.last_mut()) {
            // A full stop ends a sentence; one with a letter behind it stands where a file name has no space.
            (None, _) if c == '.' && composed.peek().is_some_and(|next| next.is_alphanumeric()) => {
                gap = gap.max(Gap::Space);
            }
            (None, _) => gap = gap.max(Gap::of(c)),
            (Some(_), Some(word)) if script == before => word.letters.push(c),
            // A word ends at whatever is no letter, and where a script without spaces meets another one.
            (Some(_), _) => {
                words.push(Word { after: gap, letters: c.to_string() });
                gap = Gap::Joint;
            }
        }
        before = script;
    }
    words.iter_mut().filter(|word| is_mixed(&word.letters)).for_each(|word| {
        word.letters = word.letters.chars().map(|c| lookalike(c).unwrap_or(c)).collect();
    });
    words
}

/// Whether a word mixes Latin letters with those of another script that look like them.
fn is_mixed(letters: &str) -> bool {
    !letters.is_ascii()
        && letters.chars().any(|c| c.is_ascii_alphabetic())
        && letters.chars().any(|c| lookalike(c).is_some())
}

/// The Latin letter that a small Cyrillic or Greek one, or its capital, looks like.
fn lookalike(c: char) -> Option<char> {
    let place = LOOKALIKES.iter().position(|one| *one == c)?;
    LATIN.chars().nth(place)
}

/// Cyrillic letters, then Greek ones; the Latin letters in `LATIN` stand in the same order.
const LOOKALIKES: [char; 30] = [
    '\u{430}', '\u{432}', '\u{435}', '\u{43A}', '\u{43C}', '\u{43D}', '\u{43E}', '\u{440}', '\u{441}',
    '\u{442}', '\u{443}', '\u{445}', '\u{455}', '\u{456}', '\u{458}', '\u{4BB}', '\u{4CF}', '\u{3B1}',
    '\u{3B2}', '\u{3B5}', '\u{3B7}', '\u{3B9}', '\u{3BA}', '\u{3BC}', '\u{3BD}', '\u{3BF}', '\u{3C1}',
    '\u{3C4}', '\u{3C5}', '\u{3C7}',
];
const LATIN: &str = "abekmhopctyxsijhlabehikmnoptyx";

impl Gap {
    fn of(c: char) -> Self {
        match u32::from(c) {
            0x27
            | 0x2D
            | 0xB7
            | 0x2BC
            | 0x2010..=0x2015
            | 0x2018
            | 0x2019
            | 0x2022
            | 0x2027
            | 0x2212
            | 0x30FB => Self::Joint,
            _ if c.is_whitespace() || matches!(c, ',' | '_') => Self::Space,
            _ => Self::End,
        }
    }
}

impl fmt::Debug for NameIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameIndex")
    }
}

/// Hangul syllables and letters.
fn is_hangul(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x11FF | 0x3130..=0x318F | 0xA960..=0xA97F | 0xAC00..=0xD7FF)
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
    fn a_name_is_found_in_the_name_of_a_file_and_with_letters_of_another_script_in_it() {
        let index =
            NameIndex::new(["Kim Chol-su", "\u{41A}\u{456}\u{43C} \u{427}\u{445}\u{43E}\u{43B}\u{44C}"]);
        let found = [
            "Kim.Chol.su",
            "photo_Kim_Chol_su.jpg",
            "kim.cholsu.pdf",
            "\u{41A}im Chol-su",
            "Kim Ch\u{3BF}l-su",
            "\u{41A}\u{456}\u{43C}_\u{427}\u{445}\u{43E}\u{43B}\u{44C}.pdf",
        ];
        for text in found {
            assert!(index.occurs_in(text), "{text}");
        }
        for text in ["We met Kim. Chol-su was away.", "Kim; Chol-su", "Kim.. Chol-su"] {
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

    #[test]
    fn a_name_is_not_found_across_the_words_of_a_text() {
        let index = NameIndex::new(["Jo In", "한국", "김철수", "Mao Tse"]).with_parts(["길동"]);
        let none = [
            "States may join",
            "may jo. In",
            "jo (in)",
            "adjoin",
            "Joins",
            "대한 국민",
            "대한국민",
            "대한 국 민",
            "이김 철수",
            "상김철수",
            "mao; tse",
            "구길 동에",
            "길 동",
        ];
        for text in none {
            assert!(!index.occurs_in(text) && !index.part_occurs_in(text), "{text}");
        }
        for text in
            ["Jo\n In", "JO-IN", "Jo, In.", "한국에", "(한국", "김 철수는", "김·철수", "김철수가", "3김철수"]
        {
            assert!(index.occurs_in(text), "{text}");
        }
    }

    #[test]
    fn the_ways_to_space_a_name_are_one() {
        for known in ["Kim Chol Su", "Kim Chol-su", "Kim Cholsu", "김철수", "김 철수"] {
            let index = NameIndex::new([known]);
            let written = match known.is_ascii() {
                true => ["Kim Chol-su", "KimCholSu", "KIM-CHOL-SU", "Kim  Cholsu"],
                false => ["김철수", "김 철수", "김\n철수", "김-철수"],
            };
            for written in written {
                assert!(index.occurs_in(&format!("on {written}.")), "{known} in {written}");
            }
        }
    }

    #[test]
    fn a_han_name_inside_a_line_without_spaces_is_called_a_part() {
        let index = NameIndex::new(["金 哲洙"]);
        assert!(index.occurs_in("金哲洙는") && index.occurs_in("金 哲洙") && index.occurs_in("。金哲洙希望"));
        assert!(!index.occurs_in("战俘金哲洙希望") && index.part_occurs_in("战俘金哲洙希望"));
        assert!(!index.part_occurs_in("战俘金 哲洙希望"));
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
