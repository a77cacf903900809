//! Drafts as clients see them: what they say, who has signed and who must next, and what the rules warn of.

use super::names;
use crate::consultation::rules::{Finding, Severity};
use crate::consultation::withholding::Withheld;
use crate::desk::compose::Composition;
use crate::desk::draft::{DraftFile, Standing};
use crate::desk::register::{DraftEntry, DraftState, Hand};
use crate::message::dispatch::{Document, ExpectedAuthentication};
use crate::message::header::Addressee;
use crate::message::terms::AuthenticationKind;
use crate::proto::desk::v1 as wire;
use crate::proto::message::v1 as message;
use crate::trust::name::Name;

/// Everything of a draft that stands in the register and in its file.
pub(super) struct Shown<'a> {
    pub(super) draft: &'a DraftFile,
    pub(super) entry: Option<&'a DraftEntry>,
    /// None where a signature does not hold any more: then nothing counts as signed.
    pub(super) standing: Option<&'a Standing>,
    pub(super) hands: &'a [Hand],
    /// What of it is not shown.
    pub(super) withheld: &'a Withheld,
}

/// Word of the hand that composed a draft, whether an office signed with it or not.
pub(super) const COMPOSED: &str = "COMPOSED";

impl Shown<'_> {
    /// The draft.
    pub(super) fn to_wire(&self) -> wire::Draft {
        let (dispatch, address) = (self.draft.dispatch(), self.draft.address());
        wire::Draft {
            name: format!("drafts/{}", self.draft.digest().hex()),
            state: self.entry.map_or(wire::DraftState::Unspecified, |entry| state(entry.state)).into(),
            formal_number: dispatch.formal_number.clone(),
            compose_time: self.entry.map_or(0, |entry| entry.composed.seconds()),
            composed_by: self.client(COMPOSED, ""),
            consultation: format!("consultations/{}", address.consultation),
            channel: address.channel.to_string(),
            addressees: addressees(&address.addressees),
            precedence: address.precedence.number(),
            level: address.level.number(),
            form: dispatch.form.number(),
            act: names::shown(self.draft.act(), self.withheld),
            documents: self.documents(),
            steps: self.steps(),
            findings: Vec::new(),
            // Whoever asks for them by name is given them besides.
            dispatch: Vec::new(),
            address: Vec::new(),
        }
    }

    fn documents(&self) -> Vec<wire::DocumentInfo> {
        let listed = self.draft.dispatch().documents.iter().enumerate();
        listed.map(|(place, one)| document(one, self.withheld.document(place))).collect()
    }

    fn steps(&self) -> Vec<wire::AuthenticationStep> {
        let listed = self.draft.dispatch().authentications.iter().enumerate();
        // The last signatures are given at release, and go with the message.
        let is_released = self.entry.is_some_and(|entry| entry.state == DraftState::Released);
        let step = |(place, expected): (usize, &ExpectedAuthentication)| {
            let office = label(&expected.credential);
            let step = self.standing.and_then(|standing| standing.steps.get(place));
            wire::AuthenticationStep {
                client: self.client(expected.kind.word(), &office),
                signed: is_released || step.is_some_and(|step| step.signed.is_some()),
                due: !is_released && step.is_some_and(|step| step.is_due),
                ..expected_step(expected.kind, office)
            }
        };
        listed.map(step).collect()
    }

    fn client(&self, kind: &str, office: &str) -> String {
        let found = self.hands.iter().find(|hand| hand.kind == kind && hand.office == office);
        found.map(|hand| hand.client.clone()).unwrap_or_default()
    }
}

/// The steps that a composition would need.
pub(super) fn expected_steps(composition: &Composition) -> Vec<wire::AuthenticationStep> {
    let listed = composition.dispatch.authentications.iter();
    listed.map(|expected| expected_step(expected.kind, label(&expected.credential))).collect()
}

fn expected_step(kind: AuthenticationKind, office: String) -> wire::AuthenticationStep {
    wire::AuthenticationStep { kind: kind.number(), office, signed: false, due: false, client: String::new() }
}

/// The label of an office; empty for the registry.
pub(super) fn label(name: &Name) -> String {
    match name {
        Name::Office { label, .. } => label.to_string(),
        _ => String::new(),
    }
}

/// What rules found.
pub(super) fn findings(findings: &[Finding]) -> Vec<wire::RuleFinding> {
    let each = findings.iter().map(|finding| wire::RuleFinding {
        rule: finding.reason().to_owned(),
        error: finding.severity == Severity::Error,
        field: finding.field.clone(),
        message: finding.message.clone(),
        hint: finding.hint.clone(),
    });
    each.collect()
}

/// Addressees.
pub(super) fn addressees(all: &[Addressee]) -> Vec<message::Addressee> {
    let each = all
        .iter()
        .map(|one| message::Addressee { ministry: one.ministry.to_string(), kind: one.kind.number() });
    each.collect()
}

/// A text or document, without its words. Where it is withheld, without size and digest as well: a short text that names
/// somebody would be guessed by them, with nobody asking.
pub(super) fn document(document: &Document, withheld: bool) -> wire::DocumentInfo {
    let (size, digest) = match withheld {
        true => (0, Vec::new()),
        false => (document.size, document.digest.as_bytes().to_vec()),
    };
    wire::DocumentInfo {
        document_id: document.document_id.clone(),
        title: document.title.clone(),
        document_class: document.class.number(),
        standing: document.standing.number(),
        language: document.language.clone(),
        media_type: document.media_type.clone(),
        size,
        digest,
        translation_of: document.translation_of.clone(),
        words: String::new(),
        withheld,
    }
}

/// What became of a draft.
pub(super) fn state(state: DraftState) -> wire::DraftState {
    match state {
        DraftState::Open => wire::DraftState::Open,
        DraftState::Released => wire::DraftState::Released,
        DraftState::Cancelled => wire::DraftState::Cancelled,
        DraftState::Superseded => wire::DraftState::Superseded,
    }
}
