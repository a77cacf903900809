//! TOML into the neutral tree that acts are read from, and from a path in that tree back to its place in the text.

use std::ops::Range;

use toml_edit::{Array, ArrayOfTables, Item, TableLike};

use crate::consultation::outline::{Field, Value};

/// The fields of a table, as they were written.
pub(crate) fn of_table(table: &dyn TableLike) -> Vec<Field> {
    let fields = table
        .iter()
        .filter_map(|(name, item)| of_item(item).map(|value| Field { name: name.to_owned().into(), value }));
    fields.collect()
}

fn of_item(item: &Item) -> Option<Value> {
    match item {
        Item::None => None,
        Item::Value(value) => Some(of_value(value)),
        Item::Table(table) => Some(Value::Group(of_table(table))),
        Item::ArrayOfTables(tables) => {
            Some(Value::List(tables.iter().map(|table| Value::Group(of_table(table))).collect()))
        }
    }
}

fn of_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => Value::Text(text.value().clone()),
        toml_edit::Value::Integer(number) => match u64::try_from(*number.value()) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Text(number.value().to_string()),
        },
        toml_edit::Value::Float(number) => Value::Text(number.value().to_string()),
        toml_edit::Value::Boolean(flag) => Value::Flag(*flag.value()),
        toml_edit::Value::Datetime(time) => Value::Text(time.value().to_string()),
        toml_edit::Value::Array(values) => Value::List(values.iter().map(of_value).collect()),
        toml_edit::Value::InlineTable(table) => Value::Group(of_table(table)),
    }
}

/// Something that may hold more.
#[derive(Clone, Copy)]
enum Node<'t> {
    Table(&'t dyn TableLike),
    Tables(&'t ArrayOfTables),
    Array(&'t Array),
    Leaf,
}

/// Where the field of this path stands: its value, or its key with `of_key`; the innermost table of it that is there
/// where it is absent; none where nothing of it is.
pub(crate) fn span_of(table: &dyn TableLike, path: &str, of_key: bool) -> Option<Range<usize>> {
    let mut node = Node::Table(table);
    let mut found = None;
    let mut segments = path.split('.').peekable();
    while let Some(segment) = segments.next() {
        let (name, indices) = segment.split_once('[').unwrap_or((segment, ""));
        if !name.is_empty() {
            let Node::Table(table) = node else { return found };
            let Some((key, item)) = table.get_key_value(name) else { return found };
            found = item.span().or(found);
            if of_key && segments.peek().is_none() && indices.is_empty() {
                return key.span().or(found);
            }
            node = node_of(item);
        }
        for index in indices.split('[').filter_map(|index| index.trim_end_matches(']').parse::<usize>().ok())
        {
            let Some((inner, span)) = entry(node, index) else { return found };
            found = span.or(found);
            node = inner;
        }
    }
    found
}

fn node_of(item: &Item) -> Node<'_> {
    match item {
        Item::Table(table) => Node::Table(table),
        Item::ArrayOfTables(tables) => Node::Tables(tables),
        Item::Value(value) => node_of_value(value),
        Item::None => Node::Leaf,
    }
}

fn node_of_value(value: &toml_edit::Value) -> Node<'_> {
    match value {
        toml_edit::Value::Array(values) => Node::Array(values),
        toml_edit::Value::InlineTable(table) => Node::Table(table),
        _ => Node::Leaf,
    }
}

fn entry(node: Node<'_>, index: usize) -> Option<(Node<'_>, Option<Range<usize>>)> {
    match node {
        Node::Tables(tables) => {
            let table = tables.get(index)?;
            Some((Node::Table(table), table.span()))
        }
        Node::Array(values) => {
            let value = values.get(index)?;
            Some((node_of_value(value), value.span()))
        }
        Node::Table(_) | Node::Leaf => None,
    }
}
