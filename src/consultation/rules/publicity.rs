//! PUB: nobody is exposed to public curiosity by what is sent here, and what exposed him elsewhere is answered for.
//! That an incident never blocks a protective act (PUB-05) needs no finding: no rule of another group stands against
//! one.

use std::collections::BTreeSet;

use crate::consultation::act::Act;
use crate::consultation::acts::protection::TakedownConfirmation;
use crate::consultation::acts::values::EntryId;
use crate::consultation::history::{Past, Thread};
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::privacy::identifies;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::saying;
use crate::message::dispatch::Document;

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    embedded(judgement, findings);
    if let (Act::TakedownConfirmation(act), Some(past)) = (judgement.act, judgement.past) {
        answered(past, act, findings);
    }
}

/// PUB-01 and PUB-04.
fn embedded(judgement: &Judgement<'_>, findings: &mut Findings) {
    let notice = match judgement.act {
        Act::PublicityNotice(notice) => Some(notice),
        _ => None,
    };
    for (index, document) in judgement.dispatch.documents.iter().enumerate() {
        let field = format!("dispatch.documents[{index}]");
        if shows(document) && (notice.is_some() || !identifies(document.class)) {
            let message = "a picture or recording stands where it may show a person";
            findings.add(Rule::Pub01, field, message, Rule::Pub01.cure());
            continue;
        }
        let published = |notice: &&crate::consultation::acts::protection::PublicityNotice| {
            notice.locators.iter().any(|locator| locator.content_sha256 == Some(document.digest))
        };
        if notice.as_ref().is_some_and(published) {
            let message = "it is the very thing that was published";
            findings.add(Rule::Pub04, field, message, Rule::Pub04.cure());
        }
    }
}

/// Whether a document can show a face or let a voice be heard by its type alone.
fn shows(document: &Document) -> bool {
    let kind = document.media_type.split('/').next().unwrap_or_default();
    ["image", "video", "audio"].iter().any(|shown| kind.eq_ignore_ascii_case(shown))
}

/// PUB-02 and PUB-03.
fn answered(past: &Past<'_>, act: &TakedownConfirmation, findings: &mut Findings) {
    let notices = saying!(past.of_thread(&Thread::Incident(act.incident_id.clone())), PublicityNotice);
    let asked: Vec<BTreeSet<&EntryId>> = notices
        .map(|(_, notice)| notice.locators.iter().map(|locator| &locator.locator_id).collect())
        .collect();
    if asked.is_empty() {
        let message = "no notice opened an incident under this id";
        findings.add(Rule::Pub02, "act.incident_id", message, Rule::Pub02.cure());
        return;
    }
    let results: BTreeSet<&EntryId> = act.results.iter().map(|result| &result.locator_id).collect();
    // Two Powers may notify one incident; a confirmation answers one of the notices, or all of them.
    let all: BTreeSet<&EntryId> = asked.iter().flatten().copied().collect();
    if !asked.contains(&results) && results != all {
        let message = "the results are not those of the locators of the notice";
        findings.add(Rule::Pub03, "act.results", message, Rule::Pub03.cure());
    }
}

#[cfg(test)]
#[path = "publicity_tests.rs"]
mod tests;
