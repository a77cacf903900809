//! The fields above the tables of a form: to whom it goes and where it belongs, how it is to be handled, and in what
//! form of diplomacy it is sent.
//!
//! The kind of its act says which precedences and forms it may have, and whether it is one that must be sendable at
//! night.

use std::borrow::Cow;

use super::Need::{Mandatory, Optional, Proposed};
use super::{Entry, entry};
use crate::consultation::act::ActKind;
use crate::consultation::catalogue::Specification;
use crate::message::terms::{ActClass, Caveat, Level};

/// The fields above the tables.
pub fn heading(kind: ActKind) -> Vec<Entry> {
    let specification = kind.specification();
    let mut entries: Vec<Entry> =
        whereto().into_iter().chain(handling(specification)).chain(formalities(specification)).collect();
    if specification.class == ActClass::Protective {
        entries.iter_mut().for_each(of_protective_act);
    }
    entries
}

/// To whom it goes, and where it belongs.
fn whereto() -> Vec<Entry> {
    vec![
        entry(
            "to",
            Mandatory,
            "Ministries that must act or answer, by code.",
            "GC III Art. 12; practice",
            "[\"XB\"]",
        ),
        entry(
            "info",
            Optional,
            "Ministries that receive a copy: observers, the Protecting Power.",
            "GC III Arts 8 to 10",
            "[\"XN\"]",
        ),
        entry(
            "channel",
            Optional,
            "The channel; left out, it is the one with the addressees.",
            "charter of the channel",
            "\"ch-0123456789abcdef\"",
        ),
        entry(
            "consultation",
            Proposed,
            "\"new\" opens a consultation; otherwise the id of the one this belongs to. Left out, it is that of the \
             message this answers, or of the person it is about.",
            "GC III Art. 6",
            "\"new\"",
        ),
    ]
}

/// How it is to be handled, and who may read it.
fn handling(specification: &Specification) -> Vec<Entry> {
    vec![
        entry(
            "precedence",
            Proposed,
            "Urgency. FLASH is for withdrawals, holds and notices of death alone (PRE-01).",
            "ACP 121",
            usual(specification.precedences.first().map(|term| term.word())),
        )
        .words(specification.precedences.iter().map(|term| term.word())),
        entry(
            "level",
            Proposed,
            "Level of protection, at most the ceiling of the channel (CLS-01).",
            "charter of the channel",
            "\"RESTRICTED\"",
        )
        .words(Level::ALL.iter().map(|term| term.word())),
        entry(
            "national_label",
            Optional,
            "Your own word for the level; left out, it is the charter's (CLS-03).",
            "charter of the channel",
            "\"대외비\"",
        ),
        entry(
            "caveats",
            Optional,
            "Handling caveats. Documents that identify a prisoner need PERSONAL_GC3_13 (PRV-04).",
            "GC III Art. 13",
            "[\"PERSONAL_GC3_13\"]",
        )
        .words(Caveat::ALL.iter().map(|term| term.word())),
        entry(
            "releasable_to",
            Optional,
            "Ministries it may be released to; left out, you and the addressees (CLS-02).",
            "third-party rule",
            "[\"XA\", \"XB\"]",
        ),
        entry(
            "eyes_only_roles",
            Optional,
            "Roles inside the receiving ministry that may read it.",
            "practice",
            "[\"treaties\"]",
        ),
    ]
}

/// Its form of diplomacy, and what it refers to.
fn formalities(specification: &Specification) -> Vec<Entry> {
    vec![
        entry(
            "form",
            Proposed,
            "Diplomatic form; it decides which signatures are needed (FRM-01).",
            "diplomatic practice",
            usual(specification.forms.first().map(|term| term.word())),
        )
        .words(specification.forms.iter().map(|term| term.word())),
        entry(
            "formal_number",
            Optional,
            "\"auto\" takes the next number of the register; only notes bear one (FRM-03).",
            "diplomatic practice",
            "\"auto\"",
        ),
        entry(
            "reply_due",
            Optional,
            "A reply is asked for by this time, in UTC.",
            "practice",
            "\"2026-12-06T12:00:00Z\"",
        ),
        entry(
            "valid_until",
            Optional,
            "Not delivered after this time; left out, thirty days after release.",
            "practice",
            "\"2026-12-20T12:00:00Z\"",
        ),
        entry(
            "in_reply_to",
            Optional,
            "The message this one answers: register number, message id or @last.",
            "diplomatic practice",
            "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        ),
        entry(
            "relayed_on_behalf_of",
            Optional,
            "An unconnected Power whose act you convey; it counts as hearsay of that Power.",
            "GC III Art. 11",
            "\"XD\"",
        ),
        entry(
            "drafting_office",
            Optional,
            "Symbol of the drafting office, never a person's name (PRV-03).",
            "5 FAH-1 H-610",
            "\"TREATIES-2\"",
        ),
    ]
}

/// The first word of a list, as it stands in a form.
fn usual(word: Option<&str>) -> String {
    format!("\"{}\"", word.unwrap_or_default())
}

/// What the desk knows need not be written at night, and is not asked for.
fn of_protective_act(entry: &mut Entry) {
    let (meaning, example) = match entry.name {
        "to" => ("Left out, every Power of the consultation, which is as it should be.", "[\"XB\"]"),
        "consultation" => (
            "Left out, that of the person; for somebody unknown here, the id, or \"new\".",
            "\"C-4T9M-2XQ7-HD8K\"",
        ),
        "level" => {
            ("Left out, RESTRICTED, or the ceiling of the channel where that is lower.", "\"RESTRICTED\"")
        }
        _ => return,
    };
    entry.need = Optional;
    entry.meaning = Cow::Borrowed(meaning);
    entry.example = Cow::Borrowed(example);
    // Without a desk nobody else knows whom it goes to.
    entry.supplied = entry.name == "to";
}
