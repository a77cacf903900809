//! What each field of a form means: one table that the template, the help and the tests read.

mod heading;

pub use heading::heading;

use std::borrow::Cow;

use crate::consultation::act::ActKind;
use crate::consultation::describe::{self, Description, Kind};
use crate::message::terms::{ActClass, DocumentClass, DocumentStanding};

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be filled in.
    pub need: Need,
    /// What it means, in whole sentences.
    pub meaning: Cow<'static, str>,
    /// Where it comes from.
    pub source: &'static str,
    /// The words it takes; empty where it takes no vocabulary.
    pub words: Vec<&'static str>,
    /// An example, as a TOML value.
    pub example: Cow<'static, str>,
    /// The fields of the table that stands here, or of each table of the list that does; empty for other values.
    pub inner: Vec<Entry>,
    /// Whether a form takes a value of its own where an officer leaves it out.
    pub supplied: bool,
}

/// Whether a field must be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Always, and only the officer knows what with.
    Mandatory,
    /// Always; the template proposes the example.
    Proposed,
    /// Not always.
    Optional,
}

use Need::{Mandatory, Optional, Proposed};

/// The fields of a `[[text]]`.
pub fn text() -> Vec<Entry> {
    vec![
        entry("language", Mandatory, "Language of this text, a BCP 47 tag.", "VCLT Art. 33", "\"ko\""),
        entry(
            "standing",
            Proposed,
            "Exactly one text is OFFICIAL, or all are AUTHENTIC (LNG-01).",
            "VCLT Art. 33",
            "\"OFFICIAL\"",
        )
        .words(DocumentStanding::ALL.iter().map(|term| term.word())),
        entry(
            "title",
            Mandatory,
            "Neutral title, without the name of a person (PRV-03).",
            "GC III Art. 13",
            "\"Note verbale\"",
        ),
        entry(
            "words",
            Optional,
            "The text itself; or name its file in `file` instead.",
            "diplomatic practice",
            "\"The Ministry of Foreign Affairs presents its compliments to ...\"",
        ),
        entry(
            "file",
            Optional,
            "File with the text, beside this form.",
            "diplomatic practice",
            "\"note.ko.txt\"",
        ),
        entry(
            "translation_of",
            Optional,
            "Id of the text it translates; left out, it is the only original (LNG-02).",
            "VCLT Art. 33",
            "\"ko\"",
        ),
        entry("id", Optional, "Id in this message; left out, it is the language.", "this format", "\"ko\""),
    ]
}

/// The fields of a `[[document]]`.
pub fn document() -> Vec<Entry> {
    vec![
        entry("path", Mandatory, "File, beside this form.", "this format", "\"annex.pdf\""),
        entry(
            "title",
            Mandatory,
            "Neutral title, without the name of a person (PRV-03).",
            "GC III Art. 13",
            "\"Annex 1\"",
        ),
        entry("class", Mandatory, "What the document is.", "GC III Art. 17 and Annex IV", "\"LEGAL_BASIS\"")
            .words(DocumentClass::ALL.iter().map(|term| term.word())),
        entry("standing", Optional, "Legal standing; left out, ANNEX.", "VCLT Art. 33", "\"ANNEX\"")
            .words(DocumentStanding::ALL.iter().map(|term| term.word())),
        entry(
            "language",
            Mandatory,
            "Language, a BCP 47 tag; und where there is none.",
            "VCLT Art. 33",
            "\"en\"",
        ),
        entry(
            "media_type",
            Optional,
            "Left out, it follows from the ending of the file name.",
            "this format",
            "\"application/pdf\"",
        )
        .words(super::documents::MEDIA_TYPES.iter().map(|(media_type, _)| *media_type)),
        entry(
            "translation_of",
            Optional,
            "Id of the document it translates (LNG-02).",
            "VCLT Art. 33",
            "\"document-1\"",
        ),
        entry(
            "id",
            Optional,
            "Id in this message, by which the act names it.",
            "this format",
            "\"application\"",
        ),
    ]
}

/// The fields of the `[act]` table, as the catalogue and the proto files have them. The consultation of a proposal
/// stands in the heading.
pub fn act(kind: ActKind) -> Vec<Entry> {
    let fields = kind.fields().into_iter().filter(|field| field.name != "consultation");
    let supplies_no = kind.specification().class == ActClass::Protective;
    let entry = |field: Description| {
        let is_flag = field.kind == Kind::Flag;
        let entry = of_description(field);
        // What a protective act must say with yes or no is no, until somebody says yes.
        match is_flag && supplies_no && entry.need == Mandatory {
            true => Entry { need: Optional, supplied: true, ..entry },
            false => entry,
        }
    };
    fields.map(entry).collect()
}

fn of_description(field: Description) -> Entry {
    let supplied = !field.supplied.is_empty();
    let mandatory = field.need == describe::Need::Mandatory && !supplied;
    let inner = match &field.kind {
        Kind::Group(fields) => fields.clone(),
        Kind::List(entry) => match entry.as_ref() {
            Kind::Group(fields) => fields.clone(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let sentences = [field.meaning.as_str(), field.supplied];
    let meaning =
        sentences.iter().filter(|sentence| !sentence.is_empty()).copied().collect::<Vec<_>>().join(" ");
    Entry {
        name: field.name,
        need: if mandatory { Mandatory } else { Optional },
        meaning: Cow::Owned(meaning),
        source: field.source,
        words: field.kind.words(),
        example: Cow::Owned(field.example),
        inner: inner.into_iter().map(of_description).collect(),
        supplied,
    }
}

fn entry(
    name: &'static str,
    need: Need,
    meaning: &'static str,
    source: &'static str,
    example: impl Into<Cow<'static, str>>,
) -> Entry {
    let (meaning, example) = (Cow::Borrowed(meaning), example.into());
    Entry { name, need, meaning, source, words: Vec::new(), example, inner: Vec::new(), supplied: false }
}

impl Entry {
    fn words(mut self, words: impl Iterator<Item = &'static str>) -> Self {
        self.words = words.collect();
        self
    }
}
