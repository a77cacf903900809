//! A message that was verified and opened, as a person reads it and as scripts do.

use serde_json::{Value, json};

use super::failures::finding_line;
use super::output::{Mark, Output};
use super::{names, proofs, summary};
use crate::consultation::casebook::Missing;
use crate::consultation::receive::Received;
use crate::consultation::rules::Severity;
use crate::consultation::withholding::Withheld;
use crate::desk::parts::OpenedText;
use crate::desk::read::Opened;
use crate::desk::receipts::Proven;
use crate::desk::reference::Entry;
use crate::message::dispatch::Document;
use crate::message::terms::{AddresseeKind, DocumentStanding};
use crate::trust::name::{Ministry, Name};

/// Everything that is shown of a message.
pub(super) struct Message<'a> {
    pub(super) own: &'a Ministry,
    /// What names it and no other.
    pub(super) spelling: &'a str,
    pub(super) opened: &'a Opened,
    pub(super) receipts: &'a [Proven],
    pub(super) texts: &'a [OpenedText<'a>],
    /// What of it is not shown.
    pub(super) withheld: &'a Withheld,
}

impl Message<'_> {
    /// The verdict, step by step; it goes where the content does not.
    pub(super) fn tell_verdict(&self, output: &Output) {
        let opened = self.opened;
        let sender = opened.envelope.header().address().sender.clone();
        output.step(Mark::Ok, &format!("{} signed the header", Name::Registry { ministry: sender }));
        for (signature, expected) in opened.signatures.iter().zip(&opened.held) {
            let key = signature.certificate_digest().hex();
            let key = key.get(..8).unwrap_or_default();
            let at = opened.entry.judged_at();
            let who = format!("{} signed ({})", signature.name(), expected.kind);
            output.step(Mark::Ok, &format!("{who} · certificate {key}… valid at {at}"));
        }
        for (expected, refusal) in &opened.doubts {
            let who = format!("the signature of {} ({})", expected.credential, expected.kind);
            let text = format!("{who} does not hold: {refusal}; a protective act counts all the same");
            output.step(Mark::Warning, &text);
        }
        for proven in self.receipts {
            let mark = if proven.cosigned.is_some() { Mark::Ok } else { Mark::Warning };
            output.step(mark, &proofs::sentence(proven));
        }
        output.step(Mark::Ok, "sealed to us, bound to this address, nothing altered");
        for missing in &opened.waits_for {
            output
                .step(Mark::Warning, &format!("not registered yet: it rests on {}", missing_words(missing)));
        }
        for finding in &opened.findings {
            let mark = if finding.severity == Severity::Error { Mark::Bad } else { Mark::Warning };
            output.step(mark, &finding_line(finding));
        }
    }

    /// Heading, act, texts and list of documents.
    pub(super) fn text(&self) -> String {
        let opened = self.opened;
        let (header, dispatch) = (opened.envelope.header(), opened.dispatch.dispatch());
        let (address, position) = (header.address(), header.position());
        let mut lines = String::new();
        let mut say = |label: &str, value: &str| summary::say(&mut lines, label, value);
        say("reference", &opened.entry.reference(self.own));
        say("message", &opened.envelope.id().to_string());
        say("from", address.sender.as_str());
        say("to", &self.addressees(AddresseeKind::Action).join(", "));
        say("copies to", &self.addressees(AddresseeKind::Info).join(", "));
        say("consultation", &address.consultation);
        say("released", &position.release_time.to_string());
        say("precedence", address.precedence.word());
        say("marking", &self.marking());
        summary::say_terms(&mut lines, dispatch);
        lines.push('\n');
        lines.push_str(&self.act());
        for text in self.texts {
            let OpenedText { document, bytes } = text;
            let Document { language, standing, title, .. } = document;
            lines.push_str(&format!("\n--- {language} · {standing} · {title}\n"));
            let is_withheld = self.withheld.words();
            let words = if is_withheld { names::WITHHELD.into() } else { String::from_utf8_lossy(bytes) };
            lines.push_str(&words);
            if !words.ends_with('\n') {
                lines.push('\n');
            }
        }
        lines.push_str(&summary::documents_text(&dispatch.documents, self.withheld));
        lines
    }

    /// The act, or what becomes of it.
    fn act(&self) -> String {
        let dispatch = self.opened.dispatch.dispatch();
        let (kind, class) = (&dispatch.kind, dispatch.act_class);
        match &self.opened.received {
            Received::Read(act) => names::text(act, self.withheld),
            Received::NotUnderstood(faults) => {
                format!(
                    "act: {kind} ({class}), which this release cannot read, is registered without being understood: {faults}\n"
                )
            }
            Received::Rejected(faults) => {
                let reference = self.spelling;
                let answer = format!("chancery new rule-rejection --reply-to {reference}");
                format!(
                    "act: {kind} ({class}), which this release cannot read, has no effect: {faults}\nanswer: {answer}\n"
                )
            }
        }
    }

    /// The same for scripts, with the verdict.
    pub(super) fn report(&self) -> Value {
        let opened = self.opened;
        let (header, dispatch) = (opened.envelope.header(), opened.dispatch.dispatch());
        let (address, position) = (header.address(), header.position());
        json!({
            "schema": "chancery.message/1",
            "ref": opened.entry.reference(self.own),
            "message_id": opened.envelope.id().to_string(),
            "from": address.sender.as_str(),
            "to": self.addressees(AddresseeKind::Action),
            "info": self.addressees(AddresseeKind::Info),
            "channel": address.channel.as_str(),
            "consultation": address.consultation,
            "sequence": position.sequence,
            "act_number": position.act_number,
            "released": position.release_time.to_string(),
            "received": match &opened.entry {
                Entry::Received(received) => Some(received.receive_time.to_string()),
                Entry::Sent(_) => None,
            },
            "precedence": address.precedence.word(),
            "level": address.level.word(),
            "national_label": dispatch.marking.national_label,
            "caveats": dispatch.marking.caveats.iter().map(|caveat| caveat.word()).collect::<Vec<_>>(),
            "releasable_to": address.releasable_to.iter().map(Ministry::as_str).collect::<Vec<_>>(),
            "eyes_only_roles": dispatch.marking.eyes_only_roles,
            "form": dispatch.form.word(),
            "formal_number": (!dispatch.formal_number.is_empty()).then_some(&dispatch.formal_number),
            "in_reply_to": dispatch.in_reply_to.map(|id| id.to_string()),
            "reply_due": dispatch.reply_due.map(|due| due.to_string()),
            "relayed_on_behalf_of": dispatch.relayed_on_behalf_of.as_ref().map(Ministry::as_str),
            "drafting_office": dispatch.drafting_office,
            "dispatch_sha256": opened.dispatch.digest().hex(),
            "kind": dispatch.kind,
            "act": opened.act().map(|act| names::report(act, self.withheld)),
            "not_understood": opened.act().is_none(),
            "texts": self.texts.iter().map(|text| text_report(text, self.withheld)).collect::<Vec<_>>(),
            "documents": summary::documents_report(&dispatch.documents, self.withheld),
            "verdict": self.verdict(),
        })
    }

    /// Who signed, what the logs prove and what the rules found; a message without a good one is never shown.
    fn verdict(&self) -> Value {
        let opened = self.opened;
        let sender = opened.envelope.header().address().sender.clone();
        let signatures = opened.signatures.iter().zip(&opened.held).map(|(signed, expected)| {
            json!({
                "kind": expected.kind.word(),
                "name": signed.name().to_string(),
                "certificate_sha256": signed.certificate_digest().hex(),
                "claimed_time": signed.claimed_time().to_string(),
            })
        });
        let findings = opened.findings.iter().map(|finding| {
            json!({
                "rule": finding.reason(),
                "severity": if finding.severity == Severity::Error { "error" } else { "warning" },
                "field": finding.field,
                "message": finding.message,
                "hint": finding.hint,
            })
        });
        let doubts = opened.doubts.iter().map(|(expected, refusal)| {
            json!({
                "kind": expected.kind.word(),
                "name": expected.credential.to_string(),
                "reason": refusal.reason(),
            })
        });
        json!({
            "good": true,
            "registry": Name::Registry { ministry: sender }.to_string(),
            "signatures": signatures.collect::<Vec<_>>(),
            "doubts": doubts.collect::<Vec<_>>(),
            "judged_at": opened.entry.judged_at().to_string(),
            "receipts": self.receipts.iter().map(proofs::report).collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
            "waits_for": opened.waits_for.iter().map(missing_report).collect::<Vec<_>>(),
        })
    }

    fn addressees(&self, kind: AddresseeKind) -> Vec<&str> {
        let addressees = self.opened.envelope.header().address().addressees.iter();
        addressees.filter(|one| one.kind == kind).map(|one| one.ministry.as_str()).collect()
    }

    fn marking(&self) -> String {
        let address = self.opened.envelope.header().address();
        let marking = &self.opened.dispatch.dispatch().marking;
        let mut words = vec![address.level.word().to_owned()];
        let label = marking.national_label.as_str();
        if !label.is_empty() && label != address.level.word() {
            words.push(label.to_owned());
        }
        words.extend(marking.caveats.iter().map(|caveat| caveat.word().to_owned()));
        let releasable: Vec<&str> = address.releasable_to.iter().map(Ministry::as_str).collect();
        words.push(format!("releasable to {}", releasable.join(", ")));
        if !marking.eyes_only_roles.is_empty() {
            words.push(format!("eyes only: {}", marking.eyes_only_roles.join(", ")));
        }
        words.join(" · ")
    }
}

/// The text in a language, or else the one that says what the message says: official or authentic.
pub(super) fn chosen<'a>(texts: &'a [OpenedText<'a>], language: Option<&str>) -> Option<&'a OpenedText<'a>> {
    let is_original = |standing| matches!(standing, DocumentStanding::Official | DocumentStanding::Authentic);
    match language {
        Some(language) => texts.iter().find(|text| text.document.language == language),
        None => texts.iter().find(|text| is_original(text.document.standing)).or(texts.first()),
    }
}

/// Acts that are not here, in words.
pub(super) fn missing_words(missing: &Missing) -> String {
    let Missing { ministry, first, last } = missing;
    match first == last {
        true => format!("act {first} of {ministry}, which is not here: ask {ministry} for it"),
        false => format!("acts {first} to {last} of {ministry}, which are not here: ask {ministry} for them"),
    }
}

fn missing_report(missing: &Missing) -> Value {
    json!({ "ministry": missing.ministry.as_str(), "first": missing.first, "last": missing.last })
}

fn text_report(text: &OpenedText<'_>, withheld: &Withheld) -> Value {
    let mut report = summary::document_report(text.document);
    if let Some(report) = report.as_object_mut() {
        let words = std::str::from_utf8(&text.bytes).ok().filter(|_| !withheld.words());
        report.insert("text".to_owned(), json!(words));
    }
    report
}
