//! What a step says where its author leaves a field out: the tables of `usual.toml`, one for each kind of act.

use std::sync::LazyLock;

use toml_edit::Document;

use crate::consultation::act::ActKind;
use crate::consultation::outline::{Field, Value};
use crate::desk::form::tree;

/// The usual values, as they are written.
pub const USUAL: &str = include_str!("usual.toml");

static TABLES: LazyLock<Vec<Field>> = LazyLock::new(|| {
    // A test reads the file; were it broken nevertheless, nothing would be usual.
    Document::parse(USUAL).map(|document| tree::of_table(document.as_table())).unwrap_or_default()
});

/// What an act of this kind usually says.
pub(super) fn of(kind: ActKind) -> &'static [Field] {
    match named(&TABLES, kind.word()) {
        Some(Value::Group(fields)) => fields,
        _ => &[],
    }
}

/// What stands in the field of this name.
pub(super) fn named<'f>(fields: &'f [Field], name: &str) -> Option<&'f Value> {
    fields.iter().find(|field| field.name == name).map(|field| &field.value)
}

/// What usually stands in a group.
pub(super) fn inside<'f>(fields: &'f [Field], name: &str) -> &'f [Field] {
    match named(fields, name) {
        Some(Value::Group(fields)) => fields,
        _ => &[],
    }
}

/// Whether a field is left out.
pub(super) fn lacks(fields: &[Field], name: &str) -> bool {
    named(fields, name).is_none_or(Value::is_blank)
}

/// Puts a value into a field that is left out.
pub(super) fn supply(fields: &mut Vec<Field>, name: &'static str, value: impl FnOnce() -> Option<Value>) {
    if lacks(fields, name)
        && let Some(value) = value()
    {
        fields.retain(|field| field.name != name);
        fields.push(Field { name: name.into(), value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::describe::{Description, Kind};

    fn fits(usual: &[Field], known: &[Description], path: &str) {
        for field in usual {
            let description = known.iter().find(|one| one.name == field.name);
            let description = description.unwrap_or_else(|| panic!("{path}.{}: no such field", field.name));
            let inner = match &description.kind {
                Kind::Group(inner) => Some(inner),
                Kind::List(entry) => match entry.as_ref() {
                    Kind::Group(inner) => Some(inner),
                    _ => None,
                },
                _ => None,
            };
            if let (Value::Group(fields), Some(inner)) = (&field.value, inner) {
                fits(fields, inner, &format!("{path}.{}", field.name));
            }
        }
    }

    #[test]
    fn the_usual_values_are_of_fields_that_acts_have() {
        assert!(Document::parse(USUAL).is_ok());
        for table in TABLES.iter() {
            let kind = ActKind::from_word(&table.name).unwrap_or_else(|| panic!("{}", table.name));
            fits(of(kind), &kind.fields(), kind.word());
        }
    }
}
