//! Shows an act that was verified and opened: as plain lines, as JSON, and as the `[act]` table of a form.
//!
//! All three walk the outline of the act, so none of them can lose a field. Texts stand as they were
//! written; making control characters of strangers harmless on a terminal is the printer's business.
//! Further lines of a text begin with `| `, so that no text can pass for another field.

use toml_edit::{Array, InlineTable, Table};

use crate::consultation::act::Act;
use crate::consultation::outline::{Field, Value};

/// Plain lines.
pub fn text(act: &Act) -> String {
    let mut lines = format!("act: {} ({})\n", act.act_kind().title(), act.kind());
    write_fields(&act.outline(), 0, &mut lines);
    lines
}

/// A JSON object: `kind`, `class`, and the fields by their names.
pub fn json(act: &Act) -> serde_json::Value {
    serde_json::json!({
        "kind": act.kind(),
        "class": act.class().word(),
        "fields": json_fields(&act.outline()),
    })
}

/// The `[act]` table of a form that says the same. The consultation of a proposal stands in the heading.
pub fn form(act: &Act) -> String {
    let mut table = Table::new();
    for field in act.outline().iter().filter(|field| field.name != "consultation") {
        table.insert(&field.name, toml_edit::Item::Value(toml_value(&field.value)));
    }
    format!("[act]\n{table}")
}

fn write_fields(fields: &[Field], depth: usize, lines: &mut String) {
    for field in fields {
        indent(depth, lines);
        lines.push_str(&field.name);
        lines.push(':');
        write_value(&field.value, depth, lines);
    }
}

fn write_value(value: &Value, depth: usize, lines: &mut String) {
    match value {
        Value::Group(fields) => {
            lines.push('\n');
            write_fields(fields, depth + 1, lines);
        }
        Value::List(values) => {
            lines.push('\n');
            for value in values {
                indent(depth + 1, lines);
                lines.push('-');
                write_value(value, depth + 1, lines);
            }
        }
        leaf => {
            let text = leaf_text(leaf);
            for (index, line) in text.split('\n').enumerate() {
                if index == 0 {
                    lines.push(' ');
                } else {
                    indent(depth + 1, lines);
                    lines.push_str("| ");
                }
                lines.push_str(line);
                lines.push('\n');
            }
        }
    }
}

fn indent(depth: usize, lines: &mut String) {
    for _ in 0..depth {
        lines.push_str("  ");
    }
}

fn leaf_text(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Reference(text) => text.clone(),
        Value::Word(word) => (*word).to_owned(),
        Value::Person(person) => person.text(),
        Value::Time(time) => time.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::List(_) | Value::Group(_) => String::new(),
    }
}

fn json_fields(fields: &[Field]) -> serde_json::Value {
    let object = fields.iter().map(|field| (field.name.to_string(), json_value(&field.value)));
    serde_json::Value::Object(object.collect())
}

fn json_value(value: &Value) -> serde_json::Value {
    match value {
        Value::Flag(flag) => (*flag).into(),
        Value::Number(number) => (*number).into(),
        Value::List(values) => values.iter().map(json_value).collect(),
        Value::Group(fields) => json_fields(fields),
        leaf => leaf_text(leaf).into(),
    }
}

fn toml_value(value: &Value) -> toml_edit::Value {
    match value {
        Value::Flag(flag) => (*flag).into(),
        Value::Number(number) => i64::try_from(*number).unwrap_or(i64::MAX).into(),
        Value::List(values) => toml_edit::Value::Array(values.iter().map(toml_value).collect::<Array>()),
        Value::Group(fields) => {
            let mut table = InlineTable::new();
            for field in fields {
                table.insert(field.name.as_ref(), toml_value(&field.value));
            }
            toml_edit::Value::InlineTable(table)
        }
        leaf => leaf_text(leaf).into(),
    }
}
