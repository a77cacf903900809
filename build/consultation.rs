//! What the library reads of the acts' proto files besides the generated messages: the vocabularies as enums of
//! the domain, what each message and field means, and how many entries each list may have.
//!
//! The proto files are the one place where an act's fields are explained; forms, help and rules read the tables
//! written here, so no explanation can differ from the format.

use std::fmt::Write as _;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

const PACKAGE: &str = "chancery.consultation.v1";

/// The three sources: `words.rs`, `meanings.rs` and `shapes.rs`.
pub(crate) struct Written {
    pub(crate) words: String,
    pub(crate) meanings: String,
    pub(crate) shapes: String,
}

pub(crate) fn write(set: &FileDescriptorSet) -> Written {
    let files: Vec<&FileDescriptorProto> = set.file.iter().filter(|file| file.package() == PACKAGE).collect();
    Written { words: words(&files), meanings: meanings(&files), shapes: shapes(&files) }
}

/// One `vocabulary!` for each enum.
fn words(files: &[&FileDescriptorProto]) -> String {
    let mut out = String::new();
    let mut names = Vec::new();
    for file in files {
        for (index, vocabulary) in file.enum_type.iter().enumerate() {
            names.push(vocabulary.name().to_owned());
            one_vocabulary(file, index as i32, vocabulary, &mut out);
        }
    }
    let _ = writeln!(out, "crate::consultation::codec::content::words! {{ {} }}", names.join(", "));
    out
}

fn one_vocabulary(
    file: &FileDescriptorProto,
    index: i32,
    vocabulary: &EnumDescriptorProto,
    out: &mut String,
) {
    let prefix = format!("{}_", screaming(vocabulary.name()));
    let _ = writeln!(out, "vocabulary! {{\n    /// {}", comment(file, &[5, index]));
    let _ = writeln!(out, "    pub enum {} {{", vocabulary.name());
    for (place, value) in vocabulary.value.iter().enumerate() {
        if value.number() == 0 {
            continue;
        }
        let word = value.name().strip_prefix(&prefix).unwrap_or_default();
        assert!(!word.is_empty(), "{} does not begin with {prefix}", value.name());
        let _ = writeln!(out, "        /// {}", comment(file, &[5, index, 2, place as i32]));
        let _ = writeln!(out, "        {} = {} {word:?},", pascal(word), value.number());
    }
    out.push_str("    }\n}\n");
}

/// `MEANINGS`: message, field, number and comment, in the order of the files.
fn meanings(files: &[&FileDescriptorProto]) -> String {
    let mut out = String::from("pub(super) static MEANINGS: &[(&str, &str, u32, &str)] = &[\n");
    for file in files {
        for (index, message) in file.message_type.iter().enumerate() {
            let path = [4, index as i32];
            let _ = writeln!(out, "    ({:?}, \"\", 0, {:?}),", message.name(), comment(file, &path));
            for (place, field) in message.field.iter().enumerate() {
                let said = comment(file, &[4, index as i32, 2, place as i32]);
                let (name, number) = (field.name(), field.number());
                let _ = writeln!(out, "    ({:?}, {name:?}, {number}, {said:?}),", message.name());
            }
        }
    }
    out.push_str("];\n");
    out
}

/// A static for each message with lists or inner messages, and `CONSULTATION_SHAPES` to find it by name.
fn shapes(files: &[&FileDescriptorProto]) -> String {
    let messages: Vec<&DescriptorProto> = files.iter().flat_map(|file| &file.message_type).collect();
    let mut out = String::new();
    let mut rows = String::from("static CONSULTATION_SHAPES: &[(&str, &Shape)] = &[\n");
    for message in &messages {
        let fields = listed(message, &messages);
        if !fields.is_empty() {
            let name = screaming(message.name());
            let _ = writeln!(out, "static {name}: Shape = Shape {{ fields: &[{}] }};", fields.join(", "));
            let _ = writeln!(rows, "    ({:?}, &{name}),", message.name());
        }
    }
    format!("{out}{rows}];\n")
}

fn listed(message: &DescriptorProto, messages: &[&DescriptorProto]) -> Vec<String> {
    let mut fields = Vec::new();
    for field in &message.field {
        let repeated = field.label() == Label::Repeated;
        let number = field.number();
        let entry = match (repeated, field.r#type()) {
            (true, Type::Bytes | Type::String) => "Many(RECORD_ENTRIES_MAX)".to_owned(),
            (true, Type::Message) => {
                format!("ManyOf(RECORD_ENTRIES_MAX, {})", shape_of(field.type_name(), messages))
            }
            (true, _) => "Numbers(RECORD_ENTRIES_MAX)".to_owned(),
            (false, Type::Message) => format!("One({})", shape_of(field.type_name(), messages)),
            (false, _) => continue,
        };
        fields.push(format!("({number}, {entry})"));
    }
    fields
}

fn shape_of(type_name: &str, messages: &[&DescriptorProto]) -> String {
    let name = type_name.rsplit('.').next().unwrap_or_default();
    let found = messages.iter().find(|message| message.name() == name);
    match found.filter(|message| !listed(message, messages).is_empty()) {
        Some(_) => format!("&{}", screaming(name)),
        None => "&Shape::PLAIN".to_owned(),
    }
}

/// The comment before what stands at this path, in one line.
fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
    let mut locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let found = locations.find(|location| location.path == path);
    let text = found.map(|location| location.leading_comments().trim()).unwrap_or_default();
    assert!(!text.is_empty(), "{}: {path:?} has no comment", file.name());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `PartyRole` as `PARTY_ROLE`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

/// `DETAINING_POWER` as `DetainingPower`.
fn pascal(word: &str) -> String {
    let mut out = String::new();
    for part in word.split('_') {
        let mut letters = part.chars();
        out.extend(letters.next());
        out.push_str(&letters.as_str().to_lowercase());
    }
    out
}
