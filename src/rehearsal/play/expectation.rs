//! What a step expects of those who receive it, and how what came differs from that.

use super::account::{Arrival, Arrived, Deviation};
use super::stage::Stage;
use crate::consultation::rules::{Finding, Rule, Severity};
use crate::rehearsal::script::{Expected, Say};
use crate::trust::name::Ministry;

/// What a released step expects of its receivers.
pub(super) struct Expectation<'s> {
    pub(super) label: String,
    pub(super) line: usize,
    pub(super) say: &'s Say,
    pub(super) addressees: Vec<Ministry>,
}

impl<G> Stage<'_, G> {
    /// How an arrival differs from what its step expects.
    pub(super) fn differs(&self, arrival: &Arrival) -> Option<Deviation> {
        let expectation = self.expectations.iter().find(|one| one.label == arrival.label)?;
        let expected = expectation.at(&arrival.at);
        let holds = match (&arrival.outcome, &expected) {
            (Arrived::Registered(actual), Expected::Rules(expected)) => actual == expected,
            // It waited, as expected, and then came to be registered.
            (Arrived::Registered(_) | Arrived::Waits(_), Expected::Waits) => true,
            (Arrived::Equivocation, Expected::Equivocation) => true,
            // Whether it ever comes to be registered is seen at the end.
            (Arrived::Waits(_), Expected::Rules(_)) => true,
            _ => false,
        };
        (!holds).then(|| expectation.deviation(&arrival.at, &arrival.outcome.to_string()))
    }

    /// What was expected of copies and did not come to be.
    pub(super) fn outstanding(&self) -> Vec<Deviation> {
        let mut found = Vec::new();
        for expectation in &self.expectations {
            for at in &expectation.addressees {
                let actual = self.verdicts.get(&(expectation.label.clone(), at.clone()));
                let stated = expectation.say.expect_at.contains_key(&Some(at.clone()))
                    || expectation.say.expect_at.contains_key(&None);
                let missing = match (actual, expectation.at(at)) {
                    (None, Expected::Absent) => None,
                    (None, _) => stated.then(|| "nothing arrived".to_owned()),
                    (Some(Arrived::Waits(missing)), Expected::Rules(_)) => {
                        Some(Arrived::Waits(missing.clone()).to_string())
                    }
                    _ => None,
                };
                found.extend(missing.map(|actual| expectation.deviation(at, &actual)));
            }
        }
        found
    }
}

impl Expectation<'_> {
    /// What is expected at this receiver: what the step says, or else what its sender's desk was to find, as far as
    /// every desk finds it.
    fn at(&self, receiver: &Ministry) -> Expected {
        let stated =
            self.say.expect_at.get(&Some(receiver.clone())).or_else(|| self.say.expect_at.get(&None));
        stated.cloned().unwrap_or_else(|| {
            // A script plays one consultation: whom it promises twice, it does so in the past of all. And no credential
            // ends while a copy is on its way.
            let is_found = |rule: &Rule| rule.is_common() || matches!(rule, Rule::Exc06 | Rule::Rol02);
            Expected::Rules(self.say.expect.iter().copied().filter(is_found).collect())
        })
    }

    fn deviation(&self, at: &Ministry, actual: &str) -> Deviation {
        Deviation {
            label: self.label.clone(),
            line: self.line,
            at: Some(at.clone()),
            what: format!("{} on arrival", self.say.kind),
            expected: self.at(at).to_string(),
            actual: actual.to_owned(),
        }
    }
}

/// The rules that stand against an act, each once.
pub(super) fn standing(findings: &[Finding]) -> Vec<Rule> {
    let standing = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let mut rules: Vec<Rule> = standing.map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// What the own desk says against an act: rule, what is wrong, what cures it.
pub(super) fn told(findings: &[Finding]) -> Vec<(Rule, String, String)> {
    let each = findings.iter().filter(|finding| finding.severity == Severity::Error);
    each.map(|finding| {
        (finding.rule, format!("{}: {}", finding.field, finding.message), finding.hint.clone())
    })
    .collect()
}
