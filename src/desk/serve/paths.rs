//! Paths: where in its request a client finds what a rule found in the act that was composed of it.
//!
//! Rules name fields of the address, the dispatch and the act; a client knows the field of its request that became it.

use crate::consultation::rules::Finding;
use crate::proto::desk::v1 as wire;

/// The shape of a draft, as far as paths depend on it.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    texts: usize,
    /// The field of the act that was set.
    act: String,
}

/// Fields whose name in a request is another one than in what is composed of it.
const RENAMED: &[(&str, &str)] = &[
    ("address.addressees", "content.to"),
    ("address.sender", "content"),
    ("dispatch.authentications", "sign_as"),
    ("dispatch.basis", "content.consultation"),
    ("dispatch.formal_number", "content.form"),
    ("dispatch.kind", "content.act"),
    ("dispatch.marking", "content"),
    ("dispatch.reply_due", "content.reply_due_time"),
    ("header.valid_until", "content.valid_until_time"),
];

impl Shape {
    /// The shape of a draft with so many texts and an act of a kind.
    pub(super) fn of(texts: usize, kind: &str) -> Self {
        Self { texts, act: kind.replace('-', "_") }
    }

    /// The path in a request of a field that a rule names.
    pub(super) fn path(&self, field: &str) -> String {
        if let Some(rest) = field.strip_prefix("act.") {
            return format!("content.act.{}.{rest}", self.act);
        }
        if let Some(rest) = field.strip_prefix("dispatch.documents") {
            return self.document(rest);
        }
        for (known, asked) in RENAMED {
            match field.strip_prefix(known) {
                Some("") => return (*asked).to_owned(),
                // Which of several it is means nothing where they are told apart otherwise.
                Some(rest) if rest.starts_with('[') => return (*asked).to_owned(),
                Some(rest) if rest.starts_with('.') => return format!("{asked}{rest}"),
                _ => {}
            }
        }
        let bare = ["address.", "dispatch.", "header."].iter().find_map(|room| field.strip_prefix(room));
        bare.map_or_else(|| field.to_owned(), |bare| format!("content.{bare}"))
    }

    /// Texts stand before documents where both are documents.
    fn document(&self, rest: &str) -> String {
        let numbered = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let number = numbered.and_then(|(number, behind)| Some((number.parse::<usize>().ok()?, behind)));
        match number {
            Some((number, behind)) if number < self.texts => format!("content.texts[{number}]{behind}"),
            Some((number, behind)) => {
                format!("content.documents[{}]{behind}", number.saturating_sub(self.texts))
            }
            None if self.texts == 0 => format!("content.documents{rest}"),
            None => format!("content.texts{rest}"),
        }
    }

    /// Findings with the paths of a request.
    pub(super) fn findings(&self, findings: &[Finding]) -> Vec<wire::RuleFinding> {
        let mut told = super::draft_out::findings(findings);
        told.iter_mut().for_each(|one| one.field = self.path(&one.field));
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_points_to_the_field_that_the_client_set() {
        let shape = Shape::of(2, "transfer-request");
        for (field, path) in [
            ("act.persons[0]", "content.act.transfer_request.persons[0]"),
            ("address.level", "content.level"),
            ("address.addressees[1]", "content.to"),
            ("address.sender", "content"),
            ("dispatch.marking.national_label", "content.national_label"),
            ("dispatch.marking.level", "content.level"),
            ("dispatch.documents", "content.texts"),
            ("dispatch.documents[1].language", "content.texts[1].language"),
            ("dispatch.documents[2]", "content.documents[0]"),
            ("dispatch.documents[3].digest", "content.documents[1].digest"),
            ("dispatch.drafting_office", "content.drafting_office"),
            ("dispatch.form", "content.form"),
            ("dispatch.formal_number", "content.form"),
            ("dispatch.authentications[2]", "sign_as"),
            ("elsewhere", "elsewhere"),
        ] {
            assert_eq!(shape.path(field), path, "{field}");
        }
        let bare = Shape::of(0, "hold-notice");
        assert_eq!(bare.path("dispatch.documents"), "content.documents");
    }
}
