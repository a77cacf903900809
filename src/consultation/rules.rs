//! The rules a desk applies to an act, before release and again at registration: the same functions on both
//! sides, so that two desks that know the same facts reach the same verdict.
//!
//! Facts enter as a `Judgement`, all findings leave at once. Pure: no rule asks a clock, a store or the
//! network, and no finding repeats what the act says. The codes are the API (`FRM_01` in a
//! `google.rpc.ErrorInfo`) and are never given a second meaning.

use crate::consultation::reference::PersonRef;
use crate::message::terms::ActClass;

pub mod authority;
pub mod judgement;
pub mod names;
pub mod page;

mod agreement;
mod channel;
mod classification;
mod consultation;
mod countersignature;
mod exchange;
mod form;
mod handover;
mod hold;
mod kept_back;
mod language;
mod medical;
mod observer;
mod passage;
mod precedence;
mod privacy;
mod protection;
mod publicity;
mod role;
pub(in crate::consultation) mod table;
mod will;

#[cfg(test)]
pub(in crate::consultation) mod drafts;
#[cfg(test)]
mod said;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod scenes;

pub use form::{authentications_needed, required_authentications};
use judgement::Judgement;
pub use kept_back::{KeptBack, kept_back};
pub(in crate::consultation) use privacy::identifies;
pub use privacy::names_a_person;
pub use table::{Place, Rule, RuleKind, Severity};

/// One thing a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// How serious it is.
    pub severity: Severity,
    /// Path of the field: `dispatch.marking.level`, `act.subject`.
    pub field: String,
    /// What is wrong, without content.
    pub message: String,
    /// What would cure it.
    pub hint: String,
    /// Whom it concerns; empty where it concerns everybody whom the act is about.
    pub subjects: Vec<PersonRef>,
}

impl Finding {
    /// The stable code, such as `FRM_01`.
    pub fn reason(&self) -> &'static str {
        self.rule.word()
    }
}

/// All findings against an act, in the order of the rules; empty when there is none.
pub fn judge(judgement: &Judgement<'_>) -> Vec<Finding> {
    let mut findings = Findings::against(judgement.act.class());
    let groups = [
        agreement::judge,
        channel::judge,
        classification::judge,
        consultation::judge,
        countersignature::judge,
        exchange::judge,
        form::judge,
        handover::judge,
        hold::judge,
        language::judge,
        medical::judge,
        observer::judge,
        precedence::judge,
        privacy::judge,
        protection::judge,
        publicity::judge,
        role::judge,
        will::judge,
    ];
    groups.iter().for_each(|group| group(judgement, &mut findings));
    findings.sorted()
}

/// Whether any finding stands against the act.
pub fn forbids(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// Collects what the groups find.
struct Findings {
    class: ActClass,
    found: Vec<Finding>,
    about: Option<PersonRef>,
}

impl Findings {
    fn against(class: ActClass) -> Self {
        Self { class, found: Vec::new(), about: None }
    }

    /// A finding: an error where the rule may stop an act of this class, otherwise a warning.
    fn add(&mut self, rule: Rule, field: impl Into<String>, message: impl Into<String>, hint: &str) {
        let severity = match rule.stands_against(self.class) {
            true => Severity::Error,
            false => Severity::Warning,
        };
        self.found.push(Finding {
            rule,
            severity,
            field: field.into(),
            message: message.into(),
            hint: hint.to_owned(),
            subjects: self.about.into_iter().collect(),
        });
    }

    /// What this finds concerns one of several persons.
    fn about<T>(&mut self, person: &PersonRef, judge: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.about.replace(*person);
        let judged = judge(self);
        self.about = outer;
        judged
    }

    fn warn(&mut self, rule: Rule, field: impl Into<String>, message: impl Into<String>, hint: &str) {
        self.add(rule, field, message, hint);
        if let Some(last) = self.found.last_mut() {
            last.severity = Severity::Warning;
        }
    }

    fn sorted(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| finding.rule);
        self.found
    }
}
