//! Mistakes that only follow from others are left out: whoever mends the first ones has mended them too.

use super::{SCRIPT_NO_ROLE, SCRIPT_STRANGER};
use crate::consultation::fault::Reason;
use crate::desk::form::{FORM_FIELD_UNKNOWN, FormError};

/// The mistakes that stand by themselves.
pub(super) fn left_out(errors: Vec<FormError>) -> Vec<FormError> {
    let follows: Vec<bool> =
        errors.iter().map(|one| errors.iter().any(|other| leads_to(other, one))).collect();
    errors.into_iter().zip(follows).filter(|(_, follows)| !follows).map(|(one, _)| one).collect()
}

/// Whether the second comes of the first.
fn leads_to(first: &FormError, second: &FormError) -> bool {
    let of = |name: &str| first.field == name || first.field.starts_with(&format!("{name}."));
    match second.code {
        // Nobody has a role that could not be read, and nobody is introduced by what could not be read.
        SCRIPT_NO_ROLE => of("parties") || is_of_its_speaker(first, second),
        SCRIPT_STRANGER => of("parties") || of("persons") || is_of_its_speaker(first, second),
        code if code == Reason::FieldMissing.word() => is_meant(first, second),
        _ => false,
    }
}

/// Whether the first is about who speaks in a step, and the second about what he may do or to whom he may write.
fn is_of_its_speaker(first: &FormError, second: &FormError) -> bool {
    let Some(step) = first.field.strip_suffix(".who") else { return false };
    let rest = second.field.strip_prefix(step).and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|rest| ["kind", "to", "info"].contains(&rest))
}

/// Whether what is missing was written under a name that is no name but close to one.
fn is_meant(unknown: &FormError, missing: &FormError) -> bool {
    if unknown.code != FORM_FIELD_UNKNOWN {
        return false;
    }
    let table = unknown.field.rsplit_once('.').map_or("", |(table, _)| table);
    let meant = unknown.hint.strip_prefix("did you mean ").and_then(|hint| hint.strip_suffix('?'));
    let rest = missing.field.strip_prefix(table).map(|rest| rest.trim_start_matches('.'));
    let below = |meant: &str, rest: &str| rest == meant || rest.starts_with(&format!("{meant}."));
    meant.zip(rest).is_some_and(|(meant, rest)| below(meant, rest))
}
