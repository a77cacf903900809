//! What the library reads of the proto files of the desk service besides the generated messages: how many entries
//! each list may have, and which field of `Act` holds which kind of act.

use std::fmt::Write as _;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};

const PACKAGE: &str = "chancery.desk.v1";

/// The two sources: `shapes.rs` and `acts.rs`.
pub(crate) struct Written {
    pub(crate) shapes: String,
    pub(crate) acts: String,
}

/// Every message with the package it stands in.
type Messages<'a> = Vec<(&'a str, &'a DescriptorProto)>;

pub(crate) fn write(set: &FileDescriptorSet) -> Written {
    let messages: Messages<'_> = set
        .file
        .iter()
        .flat_map(|file| file.message_type.iter().map(move |message| (file.package(), message)))
        .collect();
    Written { shapes: shapes(&messages), acts: acts(&messages) }
}

/// A static for each message with lists or inner messages, and `DESK_SHAPES` to find it by name.
fn shapes(messages: &Messages<'_>) -> String {
    let mut out = String::new();
    let mut rows = String::from("static DESK_SHAPES: &[(&str, &Shape)] = &[\n");
    for (_, message) in messages.iter().filter(|(package, _)| *package == PACKAGE) {
        let fields = listed(message, messages);
        if !fields.is_empty() {
            let name = format!("DESK_{}", screaming(message.name()));
            let _ = writeln!(out, "static {name}: Shape = Shape {{ fields: &[{}] }};", fields.join(", "));
            let _ = writeln!(rows, "    ({:?}, &{name}),", message.name());
        }
    }
    format!("{out}{rows}];\n")
}

fn listed(message: &DescriptorProto, messages: &Messages<'_>) -> Vec<String> {
    let mut fields = Vec::new();
    for field in &message.field {
        let repeated = field.label() == Label::Repeated;
        let entry = match (repeated, field.r#type()) {
            (true, Type::Bytes | Type::String) => "Many(LIST_ENTRIES_MAX)".to_owned(),
            (true, Type::Message) => {
                format!("ManyOf(LIST_ENTRIES_MAX, {})", shape_of(field.type_name(), messages))
            }
            (true, _) => "Numbers(LIST_ENTRIES_MAX)".to_owned(),
            (false, Type::Message) => format!("One({})", shape_of(field.type_name(), messages)),
            (false, _) => continue,
        };
        fields.push(format!("({}, {entry})", field.number()));
    }
    fields
}

fn shape_of(type_name: &str, messages: &Messages<'_>) -> String {
    let full = type_name.trim_start_matches('.');
    let (package, name) = full.rsplit_once('.').unwrap_or(("", full));
    let found = messages.iter().find(|(other, message)| *other == package && message.name() == name);
    match found.filter(|(_, message)| !listed(message, messages).is_empty()) {
        Some(_) if package == PACKAGE => format!("&DESK_{}", screaming(name)),
        Some(_) => format!("&{}", screaming(name)),
        None => "&Shape::PLAIN".to_owned(),
    }
}

/// `ACT_FIELDS`: number and kind of every act.
fn acts(messages: &Messages<'_>) -> String {
    let act = messages.iter().find(|(package, message)| *package == PACKAGE && message.name() == "Act");
    let mut out = String::from("static ACT_FIELDS: &[(u32, &str)] = &[\n");
    for field in act.iter().flat_map(|(_, act)| &act.field) {
        let _ = writeln!(out, "    ({}, {:?}),", field.number(), field.name().replace('_', "-"));
    }
    out.push_str("];\n");
    out
}

/// `DraftContent` as `DRAFT_CONTENT`.
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
