//! ROL: who releases what. Four eyes on everything but protective acts, and no way to configure them away.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::channel::CredentialNotice;
use crate::consultation::rules::authority::{
    AuthorityFacts, ClearanceKind, OfficeFacts, Validity, releasing,
};
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::words::{AttendeeFunction, CredentialAction, CredentialAuthority, ProtectionLevel};
use crate::message::dispatch::ExpectedAuthentication;
use crate::message::terms::{ActClass, AuthenticationKind, Form, Level};
use crate::trust::name::{Authority, Name};

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    releasers(judgement, findings);
    observers(judgement, findings);
    let Some(facts) = judgement.authorities else { return };
    four_eyes(judgement, facts, findings);
    credentials(judgement, facts, findings);
    conclusion(judgement, facts, findings);
}

/// ROL-04 and ROL-05: which kinds of holders may give which signature.
fn releasers(judgement: &Judgement<'_>, findings: &mut Findings) {
    use AuthenticationKind::{DutyOfficer, Registry, Witness};
    let protective = judgement.act.class() == ActClass::Protective;
    for (index, expected) in judgement.dispatch.authentications.iter().enumerate() {
        let field = || format!("dispatch.authentications[{index}]");
        let office = matches!(expected.credential, Name::Office { .. });
        if !office && !matches!(expected.kind, Registry | Witness) {
            let message = format!("{} is given by a credential that is no office's", expected.kind);
            findings.add(Rule::Rol04, field(), message, Rule::Rol04.cure());
        }
        if expected.kind == DutyOfficer && !protective {
            let message = "a duty officer releases an act that is not protective";
            findings.add(Rule::Rol05, field(), message, Rule::Rol05.cure());
        }
    }
    // A service message of a registry is its own; in every other form a registry alone releases nothing.
    let alone = judgement.dispatch.authentications.iter().all(|expected| expected.kind == Registry);
    let service = judgement.dispatch.form == Form::ServiceMessage;
    if alone && (!service || protective) {
        let message = "a registry alone signs what an office is to release";
        findings.add(Rule::Rol04, "dispatch.authentications", message, Rule::Rol04.cure());
    }
}

/// ROL-01: the office that drafted neither clears nor releases. What one hand may do alone is a protective act, and the
/// countersignature by which a second one stands behind it (ROL-08).
fn four_eyes(judgement: &Judgement<'_>, facts: &AuthorityFacts, findings: &mut Findings) {
    let released_by = releasing(&judgement.dispatch.authentications);
    let kind = judgement.act.act_kind();
    let alone = kind.class() == ActClass::Protective || kind == ActKind::Countersignature;
    if alone || released_by.is_empty() {
        return;
    }
    let Some(drafter) = &facts.drafter else {
        let message = "the dispatch does not say which office drafted it";
        findings.add(Rule::Rol01, "dispatch.drafting_office", message, "state the drafting office");
        return;
    };
    if released_by.iter().any(|expected| facts.is_one_hand(&expected.credential, drafter)) {
        let message = "the office that drafted it releases it";
        findings.add(Rule::Rol01, "dispatch.authentications", message, Rule::Rol01.cure());
    }
    if facts.clearances.iter().any(|clearance| facts.is_one_hand(&clearance.office, drafter)) {
        let message = "the office that drafted it clears it";
        findings.add(Rule::Rol01, "dispatch.drafting_office", message, Rule::Rol01.cure());
    }
}

/// ROL-02: by its certificate, and by what the sender told the other Powers of it.
fn credentials(judgement: &Judgement<'_>, facts: &AuthorityFacts, findings: &mut Findings) {
    for (index, expected) in judgement.dispatch.authentications.iter().enumerate() {
        let office = facts.office(&expected.credential);
        let message = match office.map(|office| office.validity) {
            // Before release an office may sign elsewhere, and its signature will show what it may do.
            None | Some(Validity::Unknown) if judgement.verified.is_none() => {
                noticed(judgement, expected, office)
            }
            None | Some(Validity::Unknown) => Some("the office has no certificate that is believed"),
            Some(Validity::OutOfTime) => Some("the certificate of the office was not valid at release"),
            Some(Validity::Revoked) => Some("the certificate of the office was revoked"),
            Some(Validity::Valid) => {
                let holds = office.is_some_and(|one| one.authorities.contains(&expected.kind.authority()));
                if holds {
                    noticed(judgement, expected, office)
                } else {
                    Some("the certificate does not permit it")
                }
            }
        };
        if let Some(message) = message {
            let field = format!("dispatch.authentications[{index}]");
            findings.add(Rule::Rol02, field, message, Rule::Rol02.cure());
        }
    }
}

/// What the last notice of this credential says against it.
fn noticed(
    judgement: &Judgement<'_>,
    expected: &ExpectedAuthentication,
    office: Option<&OfficeFacts>,
) -> Option<&'static str> {
    let (past, at) = (judgement.past?, judgement.release_time());
    let name = expected.credential.to_string();
    let mut last: Option<&CredentialNotice> = None;
    for registered in past.of_kind(ActKind::CredentialNotice) {
        if let Some(Act::CredentialNotice(notice)) = &registered.act
            && registered.sender == judgement.address.sender
            && notice.credential.as_str() == name
        {
            last = Some(notice);
        }
    }
    let notice = last?;
    let level = judgement.dispatch.marking.level;
    match notice.action {
        CredentialAction::Revoke | CredentialAction::RevokeCompromised => {
            Some("the sender revoked the credential")
        }
        CredentialAction::Issue if at < notice.valid_from_time || notice.valid_until_time < at => {
            Some("the credential was not valid at release")
        }
        CredentialAction::Issue if notice.max_level.is_some_and(|most| level > level_of(most)) => {
            Some("the level is above what the credential may release")
        }
        CredentialAction::Issue
            if announced(expected.kind)
                .is_some_and(|one| !notice.authorities.iter().any(|held| *held == one)) =>
        {
            Some("the sender announced the credential without this authority")
        }
        CredentialAction::Issue
            if office.and_then(|office| office.key).is_some_and(|key| key != notice.public_key_sha256) =>
        {
            Some("the sender announced another key for the credential")
        }
        CredentialAction::Issue => None,
    }
}

/// The authority that a notice announces for a signature; none for those that stay inside the ministry.
const fn announced(kind: AuthenticationKind) -> Option<CredentialAuthority> {
    match kind {
        AuthenticationKind::Initials => Some(CredentialAuthority::Release),
        AuthenticationKind::Seal => Some(CredentialAuthority::Seal),
        AuthenticationKind::Signature => Some(CredentialAuthority::Conclude),
        AuthenticationKind::Witness => Some(CredentialAuthority::Witness),
        AuthenticationKind::DutyOfficer => Some(CredentialAuthority::ReleaseProtective),
        AuthenticationKind::Registry => Some(CredentialAuthority::Register),
        AuthenticationKind::Draft | AuthenticationKind::Clearance | AuthenticationKind::LegalClearance => {
            None
        }
    }
}

const fn level_of(level: ProtectionLevel) -> Level {
    match level {
        ProtectionLevel::Unclassified => Level::Unclassified,
        ProtectionLevel::Restricted => Level::Restricted,
        ProtectionLevel::Confidential => Level::Confidential,
        ProtectionLevel::Secret => Level::Secret,
        ProtectionLevel::TopSecret => Level::TopSecret,
    }
}

/// ROL-03: what binds the ministry needs the authority to bind it, and a lawyer who is neither drafter nor releaser.
fn conclusion(judgement: &Judgement<'_>, facts: &AuthorityFacts, findings: &mut Findings) {
    if !judgement.act.act_kind().specification().concludes {
        return;
    }
    let released_by = releasing(&judgement.dispatch.authentications);
    let may_conclude = |expected: &&ExpectedAuthentication| match facts.office(&expected.credential) {
        Some(office) if office.validity != Validity::Unknown => {
            office.authorities.contains(&Authority::Conclude)
        }
        // Whoever gives a signature elsewhere will have to hold it.
        _ => judgement.verified.is_none() && expected.kind == AuthenticationKind::Signature,
    };
    if !released_by.iter().copied().any(|expected| may_conclude(&expected)) {
        let message = "no office that releases it may conclude";
        findings.add(Rule::Rol03, "dispatch.authentications", message, Rule::Rol03.cure());
    }
    let third = |office: &Name| {
        let mut others = facts.drafter.iter().chain(released_by.iter().map(|expected| &expected.credential));
        others.all(|other| !facts.is_one_hand(other, office))
    };
    let mut legal = facts.clearances.iter().filter(|clearance| clearance.kind == ClearanceKind::Legal);
    if !legal.any(|clearance| third(&clearance.office)) {
        let message = "it bears no legal clearance by an office that neither drafted nor releases it";
        findings.add(Rule::Rol03, "dispatch.authentications", message, Rule::Rol03.cure());
    }
}

/// ROL-06: a party that only observes sends what the catalogue lets observers send, and statements it witnessed.
fn observers(judgement: &Judgement<'_>, findings: &mut Findings) {
    if !judgement.sender_observes() {
        return;
    }
    if !judgement.act.act_kind().specification().observers {
        let message = "a party that only observes sends an act of the Powers";
        findings.add(Rule::Rol06, "address.sender", message, Rule::Rol06.cure());
    }
    if let Act::ExpressionOfWill(statement) = judgement.act {
        let sender = judgement.address.sender.as_str();
        let witnessed = statement.attendees.iter().any(|attendee| {
            attendee.function == AttendeeFunction::Witness && attendee.affiliation.as_str() == sender
        });
        if !witnessed {
            let message = "the observer was no witness of the statement";
            findings.add(Rule::Rol06, "act.attendees", message, "list the observer's delegate as a witness");
        }
    }
}

#[cfg(test)]
#[path = "role_tests.rs"]
mod tests;
