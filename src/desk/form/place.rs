//! Where in a form the field stands that a rule names, so that a finding is shown at its line like a mistake.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike};

use super::guide;
use crate::consultation::act::ActKind;

/// Line and column, both from 1, of the field of a finding such as `dispatch.marking.level`, `act.subject` or
/// `dispatch.documents[2].title`; of its table where the form leaves the field out; none where neither stands
/// in the form.
pub fn place(text: &str, field: &str) -> Option<(usize, usize)> {
    let document = Document::parse(text).ok()?;
    let start = match span(document.as_table(), field) {
        Some(span) => span.start,
        None => of_heading(document.as_table(), text, field)?,
    };
    let before = text.get(..start)?;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    Some((before.matches('\n').count().saturating_add(1), column.saturating_add(1)))
}

/// Where a field of the heading is proposed in a comment, as the form was written for the officer; else where the
/// heading begins.
fn of_heading(form: &dyn TableLike, text: &str, field: &str) -> Option<usize> {
    let name = field.rsplit('.').next()?;
    guide::heading(ActKind::Correspondence).iter().find(|entry| entry.name == name)?;
    let comments = [format!("#{name} ="), format!("# {name} =")];
    let is_proposal = |line: &&str| comments.iter().any(|comment| line.starts_with(comment.as_str()));
    match text.lines().find(is_proposal) {
        // A line of this very text begins within it.
        Some(line) => Some((line.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)),
        None => form.get("kind")?.span().map(|span| span.start),
    }
}

fn span(form: &dyn TableLike, field: &str) -> Option<Range<usize>> {
    let mut segments = field.split('.').filter(|segment| *segment != "marking");
    let (table, mut found) = match segments.next()? {
        "act" => {
            let act = form.get("act")?;
            (act.as_table_like()?, act.span())
        }
        _ => (form, None),
    };
    let Some(segment) = segments.next() else { return found };
    let (name, number) = numbered(segment);
    if let ("documents", Some(number)) = (name, number) {
        let document = document_table(form, number)?;
        let inner = segments.next().and_then(|name| document.get(name));
        return inner.and_then(Item::span).or_else(|| first_span(document));
    }
    if name == "documents" {
        // All of them together are meant: what is said of them stands where the first is.
        return document_table(form, 0).and_then(first_span).or_else(|| form.get("act").and_then(Item::span));
    }
    // An addressee stands in the form among those who are to act, unless there is no such list.
    let name = if name == "addressees" { "to" } else { name };
    if let Some(item) = table.get(name) {
        found = item.span().or(found);
    }
    found
}

/// `documents[2]` as its name and number.
fn numbered(segment: &str) -> (&str, Option<usize>) {
    let split = segment.strip_suffix(']').and_then(|segment| segment.split_once('['));
    let read = split.and_then(|(name, number)| Some((name, Some(number.parse().ok()?))));
    read.unwrap_or((segment, None))
}

/// The table of document `number` of the dispatch: texts come first.
fn document_table(form: &dyn TableLike, number: usize) -> Option<&dyn TableLike> {
    let tables = ["text", "document"].into_iter().filter_map(|name| form.get(name)?.as_array_of_tables());
    tables.flatten().nth(number).map(|table| table as &dyn TableLike)
}

fn first_span(table: &dyn TableLike) -> Option<Range<usize>> {
    table.iter().filter_map(|(_, item)| item.span()).min_by_key(|span| span.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "kind = \"correspondence\"\nlevel = \"SECRET\"\n\n[act]\nsubject = \"x\"\n\n\
                        [[text]]\nlanguage = \"ko\"\n\n[[document]]\npath = \"a\"\ntitle = \"b\"\n";

    #[test]
    fn a_finding_stands_at_the_line_of_its_field() {
        assert_eq!(place(FORM, "dispatch.marking.level"), Some((2, 9)));
        assert_eq!(place(FORM, "address.level"), Some((2, 9)));
        assert_eq!(place(FORM, "act.subject"), Some((5, 11)));
        assert_eq!(place(FORM, "act.demarche_time"), Some((4, 1)));
        assert_eq!(place(FORM, "dispatch.documents[0]"), Some((8, 12)));
        assert_eq!(place(FORM, "dispatch.documents[1].title"), Some((12, 9)));
    }

    #[test]
    fn what_does_not_stand_in_the_form_has_no_place() {
        for field in
            ["dispatch.authentications", "dispatch.documents[2]", "dispatch.documents[x]", "", "act.."]
        {
            let place = place(FORM, field);
            assert!(place.is_none() || field == "act..", "{field}: {place:?}");
        }
        assert_eq!(place("not toml", "act.subject"), None);
    }

    #[test]
    fn what_is_said_of_all_texts_or_of_a_heading_left_out_has_a_line_too() {
        assert_eq!(place(FORM, "dispatch.documents"), Some((8, 12)));
        assert_eq!(place("kind = \"x\"\n\n[act]\n", "dispatch.documents"), Some((3, 1)));
        assert_eq!(place(FORM, "dispatch.marking.eyes_only_roles"), Some((1, 8)));
        assert_eq!(place("kind = \"x\"\nto = [\"XA\"]\n", "address.addressees[0]"), Some((2, 6)));
        let proposed = "kind = \"x\"\n#releasable_to = [\"XA\"]\n";
        assert_eq!(place(proposed, "address.releasable_to"), Some((2, 1)));
    }
}
