//! What the registry of this desk answers by itself: a RuleRejection to a normative act that fails here, and a
//! RegistryReceipt for what was registered.
//!
//! A message that was opened enters with what the rules found; a signed service message leaves, once for each message
//! however often it is asked for: that it is answered is registered in the transaction that registers the answer. The
//! registry says only what a registry may say: it releases nothing (ROL-04), and protective and factual acts are never
//! rejected.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::law::Refusal;
use crate::consultation::acts::registry::{RegistryReceipt, RuleRejection};
use crate::consultation::acts::values::Stated;
use crate::consultation::fault::Fault;
use crate::consultation::list::List;
use crate::consultation::reference::ConsultationId;
use crate::consultation::rules::{Finding, Severity};
use crate::consultation::text::{ShortText, Text};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::Origin;
use crate::desk::error::DeskError;
use crate::desk::form::draft::{Draft, Reference, Referenced};
use crate::desk::keys::Keys;
use crate::desk::read::Opened;
use crate::desk::reference::Entry;
use crate::desk::register::SentEntry;
use crate::limits;
use crate::message::header::Addressee;
use crate::message::terms::{ActClass, AddresseeKind};

impl Desk {
    /// Answers a normative act against which rules stand by a RuleRejection that names them. Nothing where it was
    /// answered so before, where nothing stands against it, or where an act of its class is never rejected.
    pub async fn reject(
        &self,
        trust: &Trust,
        keys: &Keys,
        opened: &Opened,
        findings: &[Finding],
    ) -> Result<Option<Vec<SentEntry>>, DeskError> {
        let declared = opened.dispatch.dispatch();
        // Of a kind of this release its own class counts, whatever the dispatch calls it.
        let class = ActKind::from_word(&declared.kind).map_or(declared.act_class, ActKind::class);
        let refusals = refusals(findings).map_err(unsayable)?;
        if class != ActClass::Normative || refusals.is_empty() {
            return Ok(None);
        }
        let act = Act::RuleRejection(RuleRejection {
            message_id: opened.envelope.id(),
            dispatch_digest: opened.dispatch.digest(),
            refusals: List::new(refusals).map_err(unsayable)?,
        });
        self.answer(trust, keys, opened, act).await
    }

    /// Confirms that this registry took a message in charge under a number of its own. Nothing where it was confirmed
    /// before, or where the message is itself what a registry says to another.
    pub async fn acknowledge(
        &self,
        trust: &Trust,
        keys: &Keys,
        opened: &Opened,
        registry_number: &str,
    ) -> Result<Option<Vec<SentEntry>>, DeskError> {
        use Act::{NonAcknowledgement, RegistryReceipt as Receipt, RuleRejection as Rejection};
        if matches!(opened.act(), Some(NonAcknowledgement(_) | Receipt(_) | Rejection(_))) {
            return Ok(None);
        }
        let act = Act::RegistryReceipt(RegistryReceipt {
            message_id: opened.envelope.id(),
            dispatch_digest: opened.dispatch.digest(),
            registry_number: ShortText::new(registry_number).map_err(unsayable)?,
            register_time: self.clock.now(),
            opened: Stated(opened.act().is_some()),
        });
        self.answer(trust, keys, opened, act).await
    }

    /// Sends an act of the registry in answer to a message, unless it was sent before.
    async fn answer(
        &self,
        trust: &Trust,
        keys: &Keys,
        opened: &Opened,
        act: Act,
    ) -> Result<Option<Vec<SentEntry>>, DeskError> {
        let (message, kind) = (opened.envelope.id(), act.kind());
        let received = matches!(opened.entry, Entry::Received(_));
        if !received || self.register.answer_to(&message, kind)?.is_some() {
            return Ok(None);
        }
        let draft = self.answering(opened, act)?;
        let mut composition = self.compose(trust, keys, &draft, std::path::Path::new("."), None)?;
        composition.origin = Origin::Answer(message, kind);
        match self.send(trust, keys, composition).await {
            // Another process of this desk was faster.
            Err(DeskError::AnsweredBefore(_)) => Ok(None),
            sent => sent.map(Some),
        }
    }

    /// A service message to the sender of what it answers, at its level, on its channel.
    fn answering(&self, opened: &Opened, act: Act) -> Result<Draft, DeskError> {
        let address = opened.envelope.header().address();
        let message_id = opened.envelope.id();
        let consultation = ConsultationId::parse(&address.consultation).map_err(unsayable)?;
        let message = Referenced {
            message_id,
            dispatch_digest: Some(opened.dispatch.digest()),
            known: true,
            consultation: Some(consultation),
        };
        let addressee = Addressee { ministry: address.sender.clone(), kind: AddresseeKind::Action };
        Ok(Draft {
            channel: Some(address.channel.clone()),
            level: address.level,
            in_reply_to: Some(Reference { text: message_id.to_string(), message }),
            ..Draft::service_message(vec![addressee], consultation, act)
        })
    }
}

/// The rules that stand against an act, in their own words: findings repeat nothing of what an act says.
fn refusals(findings: &[Finding]) -> Result<Vec<Refusal>, Fault> {
    let mut refusals: Vec<Refusal> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
        let remedy = Some(finding.hint.as_str()).filter(|hint| !hint.is_empty());
        let refusal = Refusal {
            rule: Some(ShortText::new(finding.reason())?),
            message: Text::new(format!("{}: {}", finding.field, finding.message))?,
            legal_basis: List::new(Vec::new())?,
            subjects: List::new(finding.subjects.clone())?,
            remedy: remedy.map(Text::new).transpose()?,
        };
        if refusals.len() < limits::LIST_ENTRIES_MAX && !refusals.contains(&refusal) {
            refusals.push(refusal);
        }
    }
    Ok(refusals)
}

fn unsayable(fault: Fault) -> DeskError {
    DeskError::Draft(format!("the answer cannot be written: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::reference::PersonRef;
    use crate::consultation::rules::Rule;

    fn finding(severity: Severity, field: &str) -> Finding {
        Finding {
            rule: Rule::Frm01,
            severity,
            field: field.to_owned(),
            message: "is missing".to_owned(),
            hint: String::new(),
            subjects: Vec::new(),
        }
    }

    #[test]
    fn what_stands_against_an_act_is_said_once_and_warnings_are_not() {
        let findings = [
            finding(Severity::Error, "dispatch.form"),
            finding(Severity::Error, "dispatch.form"),
            finding(Severity::Warning, "act.subject"),
            finding(Severity::Error, "dispatch.kind"),
        ];
        let said = refusals(&findings).unwrap();
        let words: Vec<&str> = said.iter().map(|refusal| refusal.message.as_str()).collect();
        assert_eq!(words, ["dispatch.form: is missing", "dispatch.kind: is missing"]);
        assert!(said.iter().all(|refusal| refusal.rule.as_ref().unwrap().as_str() == "FRM_01"));
        assert!(said.iter().all(|refusal| refusal.subjects.is_empty()), "they concern everybody");
        let subjects = vec![PersonRef::parse("P-7QK4-M2XD-9WTV").unwrap()];
        let one = Finding { subjects: subjects.clone(), ..finding(Severity::Error, "act.persons[0]") };
        assert_eq!(refusals(&[one]).unwrap()[0].subjects.as_slice(), subjects);
    }
}
