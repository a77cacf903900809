//! The fields of the `[act]` table, one function for each kind of act.

use super::Need::{Mandatory, Optional, Proposed};
use super::{Entry, Need, entry};
use crate::consultation::act::ActKind;
use crate::consultation::words::{ConditionKind, DestinationKind, PartyRole, PositionKind, Reply, Route};

/// The fields of the `[act]` table.
pub fn act(kind: ActKind) -> Vec<Entry> {
    match kind {
        ActKind::Correspondence => correspondence(),
        ActKind::ConsultationProposal => proposal(),
        ActKind::ConsultationReply => vec![
            entry(
                "reply",
                Mandatory,
                "Your answer to the proposal; name it in in_reply_to.",
                "GC III Art. 6",
                "\"ACCEPT\"",
            )
            .words(replies()),
            entry(
                "reason",
                Optional,
                "Reason in words, without the name of a person (PRV-03).",
                "practice",
                "\"The Ministry welcomes the consultation.\"",
            ),
        ],
        ActKind::PositionStatement => position(),
        ActKind::TransferRequest => request(),
        ActKind::TransferResponse => response(),
        ActKind::RegistryReceipt => receipt(),
    }
}

fn correspondence() -> Vec<Entry> {
    vec![
        entry(
            "subject",
            Mandatory,
            "Subject, without the name of a person (PRV-03).",
            "VCDR Art. 27; practice",
            "\"Prisoners of war: procedure\"",
        ),
        entry(
            "opening_formula",
            Optional,
            "Courtesy formula at the head, if it does not stand in the text (FRM-02).",
            "diplomatic practice",
            "\"The Ministry presents its compliments to the Ministry\"",
        ),
        entry(
            "closing_formula",
            Optional,
            "Courtesy formula at the foot, if it does not stand in the text (FRM-02).",
            "diplomatic practice",
            "\"the assurances of its highest consideration\"",
        ),
        entry(
            "demarche_time",
            Optional,
            "When the demarche was made; in a DEMARCHE_RECORD, with both offices.",
            "diplomatic practice",
            "\"2026-11-20T09:00:00Z\"",
        ),
        entry(
            "delivered_by_office",
            Optional,
            "Office that made the demarche, never a person's name.",
            "diplomatic practice",
            "\"Embassy of XA\"",
        ),
        entry(
            "received_by_office",
            Optional,
            "Office that received the demarche, never a person's name.",
            "diplomatic practice",
            "\"Treaties Division of XB\"",
        ),
    ]
}

fn proposal() -> Vec<Entry> {
    vec![
        entry("subject", Mandatory, "Subject, without the name of a person (PRV-03).", "GC III Arts 6, 11", "\"Prisoners of war: procedure\""),
        entry("parties", Mandatory, "At least two parties, yourself included, each with its roles.", "GC III Arts 4, 8 to 12, 109 to 111", "[{ ministry = \"XA\", roles = [\"RECEIVING_POWER\"] }, { ministry = \"XB\", roles = [\"DETAINING_POWER\"] }]").words(PartyRole::ALL.iter().map(|term| term.word())),
        law(Optional),
        entry("open_until_time", Mandatory, "The proposal lapses when no answer came by then, in UTC.", "practice", "\"2026-12-20T12:00:00Z\""),
    ]
}

fn position() -> Vec<Entry> {
    vec![
        entry(
            "category",
            Mandatory,
            "The category of persons it is about, never one of them (PRV-03).",
            "GC III Arts 12, 118",
            "\"prisoners who request admission\"",
        ),
        entry(
            "kind",
            Mandatory,
            "What the position comes to.",
            "GC III Art. 118 and declarations to it",
            "\"WILLING_TO_ADMIT\"",
        )
        .words(PositionKind::ALL.iter().map(|term| term.word())),
        law(Mandatory),
        entry(
            "commitments",
            Optional,
            "Index lines of what you undertake; the texts are authoritative.",
            "GC III Art. 12(2)",
            "[\"admission of all who request it\"]",
        ),
        entry(
            "supersedes",
            Optional,
            "The message whose position this one replaces.",
            "practice",
            "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        ),
        entry(
            "may_be_quoted_publicly",
            Optional,
            "Whether the addressees may quote it in public; left out, they may not.",
            "GC III Art. 13(2)",
            "false",
        ),
    ]
}

fn request() -> Vec<Entry> {
    vec![
        entry(
            "persons",
            Mandatory,
            "References of the persons, as the Detaining Power minted them.",
            "GC III Arts 12, 17",
            "[\"P-7QK4-M2XD-9WTV\"]",
        ),
        entry(
            "route",
            Mandatory,
            "Legal route of the transfer.",
            "GC III Arts 6, 12, 109 to 111, 118",
            "\"RELEASE_AND_SETTLEMENT\"",
        )
        .words(Route::ALL.iter().map(|term| term.word())),
        entry(
            "destination",
            Mandatory,
            "Where they are to go; region_code belongs to NAMED_STATE alone.",
            "GC III Arts 12, 109 to 111, 118",
            "{ kind = \"NAMED_STATE\", region_code = \"XA\" }",
        )
        .words(DestinationKind::ALL.iter().map(|term| term.word())),
        law(Mandatory),
        entry(
            "supporting_documents",
            Mandatory,
            "Ids of the [[document]] tables below that support the request.",
            "GC III Art. 12(2)",
            "[\"application\"]",
        ),
        entry(
            "assurances_message",
            Mandatory,
            "The message in which you gave your assurances.",
            "GC III Art. 12(2)",
            "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        ),
        entry(
            "requested_by_time",
            Optional,
            "The transfer is asked for by this time, in UTC.",
            "GC III Art. 48",
            "\"2027-01-31T12:00:00Z\"",
        ),
    ]
}

fn response() -> Vec<Entry> {
    vec![
        entry("request", Mandatory, "The message that asked.", "GC III Art. 12", "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\""),
        entry("reply", Mandatory, "Your answer.", "GC III Art. 12", "\"ACCEPT_CONDITIONALLY\"").words(replies()),
        entry("conditions", Optional, "For ACCEPT_CONDITIONALLY: what must be so before the transfer. Each has condition_id, kind, text, and may have satisfied and evidence_message.", "GC III Arts 7, 12, 13, 47, 119; CAT Art. 3; CSR 1951 Art. 33", "[{ condition_id = \"will\", kind = \"NEW_EXPRESSION\", text = \"A new expression of will before a neutral witness.\" }]").words(ConditionKind::ALL.iter().map(|term| term.word())),
        entry("reasons", Optional, "For DECLINE: why. Each has message, and may have rule, legal_basis, subjects and remedy.", "GC III Art. 12; CAT Art. 3", "[{ message = \"The will of the person is not established.\", rule = \"WIL_01\" }]"),
    ]
}

fn receipt() -> Vec<Entry> {
    vec![
        entry(
            "message_id",
            Mandatory,
            "The message taken in charge: register number, message id or @last.",
            "registry practice; GC III Art. 122",
            "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        ),
        entry(
            "dispatch_digest",
            Optional,
            "SHA-256 of its dispatch; left out, it is that of the message as opened here.",
            "registry practice",
            "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"",
        ),
        entry(
            "registry_number",
            Mandatory,
            "Number under which your registry entered it.",
            "registry practice",
            "\"XB-2026-0412\"",
        ),
        entry(
            "register_time",
            Mandatory,
            "When it was entered, in UTC.",
            "registry practice",
            "\"2026-11-22T10:00:00Z\"",
        ),
        entry(
            "opened",
            Proposed,
            "Whether it was opened; false for a message registered unread.",
            "registry practice",
            "true",
        ),
    ]
}

fn law(need: Need) -> Entry {
    let meaning = "Law you invoke: instrument and provision, and in note what you draw from it.";
    let example = "[{ instrument = \"GC-III-1949\", provision = \"Art. 118\", note = \"openly and freely expressed will\" }]";
    entry("legal_basis", need, meaning, "GC III Arts 6, 12, 118; national law", example)
}

fn replies() -> impl Iterator<Item = &'static str> {
    Reply::ALL.iter().map(|term| term.word())
}
