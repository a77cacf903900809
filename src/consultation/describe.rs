//! What a field of an act is: its name, its number, whether it is mandatory, what it takes, and what it means.
//!
//! Kind and need come from the domain type of the field, everything else from the comment of the field in
//! `proto/chancery/consultation/v1`. Templates, help, forms and documentation read this and nothing else.

include!(concat!(env!("OUT_DIR"), "/consultation_meanings.rs"));

/// A field of an act or of a record inside one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: &'static str,
    /// Its number on the wire.
    pub number: u32,
    /// Whether it must be there.
    pub need: Need,
    /// What it takes.
    pub kind: Kind,
    /// What it means, in whole sentences.
    pub meaning: String,
    /// The law or practice behind it.
    pub source: &'static str,
    /// An example, as a TOML value.
    pub example: String,
    /// The whole comment of the field in its proto file.
    pub comment: &'static str,
    /// What a form takes where the officer leaves a mandatory field out; empty where he may not.
    pub supplied: &'static str,
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Always.
    Mandatory,
    /// Not always.
    Optional,
}

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Another act, by the digest of its dispatch; in forms by any reference to its message.
    Act,
    /// A code, id, date or digest, with an example.
    Code(&'static str),
    /// Yes or no.
    Flag,
    /// Fields that belong together.
    Group(Vec<Description>),
    /// A text of one line.
    Line,
    /// Several of one kind.
    List(Box<Kind>),
    /// A message, by its id; in forms by any reference to it.
    Message,
    /// A number.
    Number,
    /// A person.
    Person,
    /// A text.
    Text,
    /// An instant.
    Time,
    /// A term of a vocabulary.
    Word(Vec<&'static str>),
}

impl Kind {
    /// The words of its vocabulary, also of a list of words and of the kind inside a group; empty for others.
    pub fn words(&self) -> Vec<&'static str> {
        match self {
            Self::Word(words) => words.clone(),
            Self::List(entry) => entry.words(),
            _ => Vec::new(),
        }
    }

    /// An example, as a TOML value; empty for texts, which have no example of their own.
    pub fn example(&self) -> String {
        const DIGEST: &str = "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"";
        match self {
            Self::Act | Self::Message => DIGEST.to_owned(),
            Self::Code(example) => (*example).to_owned(),
            Self::Flag => "true".to_owned(),
            Self::Number => "1".to_owned(),
            Self::Person => "\"P-7QK4-M2XD-9WTV\"".to_owned(),
            Self::Time => "\"2026-12-06T12:00:00Z\"".to_owned(),
            Self::Word(words) => words.first().map_or_else(String::new, |word| format!("\"{word}\"")),
            Self::Line | Self::Text => String::new(),
            Self::List(entry) => format!("[{}]", entry.example()),
            Self::Group(fields) => {
                // A code of a destination belongs to its example though it is not always there.
                let shown = fields
                    .iter()
                    .filter(|field| field.need == Need::Mandatory || matches!(field.name, "region_code"));
                let each: Vec<String> =
                    shown.map(|field| format!("{} = {}", field.name, field.example)).collect();
                format!("{{ {} }}", each.join(", "))
            }
        }
    }
}

/// What the comments say of a field.
pub(crate) fn field(message: &str, name: &'static str, need: Need, kind: Kind) -> Description {
    let row = MEANINGS.iter().find(|(of, field, ..)| *of == message && *field == name);
    let (number, comment) = row.map_or((0, ""), |(_, _, number, comment)| (*number, *comment));
    let example = match section(comment, "Example:") {
        "" => kind.example(),
        example => example.to_owned(),
    };
    let meaning = meaning(comment);
    let source = section(comment, "Source:").trim_end_matches('.');
    let supplied = section(comment, "Form:");
    Description { name, number, need, kind, meaning, source, example, comment, supplied }
}

/// What the comment of a message says.
pub fn message(name: &str) -> &'static str {
    MEANINGS
        .iter()
        .find(|(of, field, ..)| *of == name && field.is_empty())
        .map_or("", |(.., comment)| comment)
}

const MARKS: [&str; 3] = ["Source:", "Example:", "Form:"];

fn section(comment: &'static str, mark: &str) -> &'static str {
    let Some((_, after)) = comment.split_once(mark) else { return "" };
    let ends = MARKS.iter().filter_map(|other| after.find(&format!(" {other}")));
    after.get(..ends.min().unwrap_or(after.len())).unwrap_or(after).trim()
}

fn meaning(comment: &'static str) -> String {
    let ends = MARKS.iter().filter_map(|mark| comment.find(mark));
    let said = comment.get(..ends.min().unwrap_or(comment.len())).unwrap_or(comment).trim();
    let said =
        said.strip_prefix("Required").map_or(said, |said| said.trim_start_matches(['.', ',', ' ', ':']));
    let mut letters = said.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
