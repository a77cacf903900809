//! What an act would say if its mistakes were mended, so that whatever else stands against it is told in the same
//! breath.
//!
//! Fields with faults enter; the faults that remain whatever stood in the faulty fields leave, and an act in which
//! examples stand there. What must never happen: that such an act is sent, or that a fault is told which only an
//! example has.

use std::collections::BTreeSet;

use toml_edit::Document;

use super::tree;
use crate::consultation::act::{Act, ActKind};
use crate::consultation::describe::{Description, Kind, Need};
use crate::consultation::fault::{Faults, FormRefusal};
use crate::consultation::outline::{Field, Value};

/// Rounds of mending: faults between fields show themselves only when the fields are good.
const ROUNDS_MAX: usize = 4;

/// Forms of one act that are tried in a round.
const TRIED_MAX: usize = 100;

/// Instants long ago, and far away.
const TIMES: [&str; 2] = ["1971-01-01T00:00:00Z", "2999-01-01T00:00:00Z"];

/// An act as it would be without its faults.
#[derive(Debug)]
pub(super) struct Mended {
    /// Faults of other fields, which stay whatever stands in the faulty ones.
    pub(super) further: Vec<FormRefusal>,
    /// The act with examples in the places of its faults.
    pub(super) act: Option<Act>,
}

/// The act that these fields would make if every one that has a fault held something good.
pub(super) fn as_if_mended(kind: ActKind, written: &[Field], faults: &Faults) -> Mended {
    let known = kind.fields();
    let mut faulty: BTreeSet<String> = faults.iter().map(top).collect();
    let mut further: Vec<FormRefusal> = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let mut common: Option<Vec<FormRefusal>> = None;
        for tried in variants(&known, written, &faulty) {
            let found = match Act::from_outline(kind, &tried) {
                Ok(act) => return Mended { further, act: Some(act) },
                Err(found) => found,
            };
            let elsewhere: Vec<FormRefusal> =
                found.iter().filter(|one| !faulty.contains(&top(one))).cloned().collect();
            common = Some(match common {
                None => elsewhere,
                Some(before) => before.into_iter().filter(|one| elsewhere.contains(one)).collect(),
            });
        }
        let common = common.unwrap_or_default();
        if common.is_empty() {
            break;
        }
        faulty.extend(common.iter().map(top));
        further.extend(common);
    }
    Mended { further, act: None }
}

/// The field of the act in which a fault is.
fn top(fault: &FormRefusal) -> String {
    fault.field().split(['.', '[']).next().unwrap_or_default().to_owned()
}

/// The fields with something good in every faulty place: first the first thing that may stand there, then the others
/// one by one.
fn variants(known: &[Description], written: &[Field], faulty: &BTreeSet<String>) -> Vec<Vec<Field>> {
    let places: Vec<(&Description, Vec<Option<Value>>)> = known
        .iter()
        .filter(|description| faulty.contains(description.name))
        .map(|description| (description, alternatives(description)))
        .collect();
    let mut plain: Vec<Field> = written.to_vec();
    plain.retain(|field| !faulty.contains(field.name.as_ref()));
    let with = |chosen: &dyn Fn(usize) -> usize| {
        let mut fields = plain.clone();
        for (place, (description, values)) in places.iter().enumerate() {
            if let Some(Some(value)) = values.get(chosen(place)) {
                fields.push(Field { name: description.name.into(), value: value.clone() });
            }
        }
        fields
    };
    let mut all = vec![with(&|_| 0)];
    for (place, (_, values)) in places.iter().enumerate() {
        for other in 1..values.len() {
            all.push(with(&|here| if here == place { other } else { 0 }));
        }
    }
    all.truncate(TRIED_MAX);
    all
}

/// What may stand in a field: an example, every word of its vocabulary, early and late, and nothing.
fn alternatives(description: &Description) -> Vec<Option<Value>> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let mut values = vec![example(&description.example).or_else(|| text("x"))];
    match &description.kind {
        Kind::Word(words) => values.extend(words.iter().map(|word| text(word))),
        Kind::Flag => values.extend([true, false].map(|flag| Some(Value::Flag(flag)))),
        Kind::Time => values.extend(TIMES.map(text)),
        Kind::Number => values.extend([0, 1, 1_000_000].map(|number| Some(Value::Number(number)))),
        _ => {}
    }
    if description.need == Need::Optional {
        values.push(None);
    }
    values
}

fn example(toml: &str) -> Option<Value> {
    let line = format!("x = {toml}");
    let document = Document::parse(line.as_str()).ok()?;
    Some(tree::of_table(document.as_table()).pop()?.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::form::draft::IdsOnly;
    use crate::desk::form::parse::parse;
    use crate::desk::form::template::example as form_of;

    #[test]
    fn every_example_with_any_of_its_fields_spoilt_is_mended_and_nothing_else_is_told_of_it() {
        for kind in ActKind::ALL.iter().filter(|kind| **kind != ActKind::ConsultationProposal) {
            let draft = parse(&form_of(*kind), &IdsOnly).unwrap();
            let fields = draft
                .act
                .complete(crate::consultation::reference::ConsultationId::parse("C-7QK4-M2XD-9WTV").unwrap())
                .outline();
            for spoilt in 0..fields.len() {
                let mut written = fields.clone();
                written[spoilt].value = Value::Group(Vec::new());
                let Err(faults) = Act::from_outline(*kind, &written) else { continue };
                let mended = as_if_mended(*kind, &written, &faults);
                assert_eq!(mended.further, [], "{kind}: {}", fields[spoilt].name);
                assert!(mended.act.is_some(), "{kind}: {}", fields[spoilt].name);
            }
        }
    }
}
