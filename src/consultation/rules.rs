//! The rules a desk applies to an act, before release and again at registration: the same functions on both
//! sides, so that two desks that know the same facts reach the same verdict.
//!
//! Facts enter as a `Judgement`, all findings leave at once. Pure: no rule asks a clock, a store or the
//! network, and no finding repeats what the act says. The codes are the API (`FRM_01` in a
//! `google.rpc.ErrorInfo`) and are never given a second meaning.

use crate::vocabulary;

pub mod judgement;
pub mod names;

mod channel;
mod classification;
mod form;
mod language;
mod privacy;

#[cfg(test)]
mod samples;

pub use form::required_authentications;
use judgement::Judgement;

vocabulary! {
    /// The rules of this release that a desk can judge.
    pub enum Rule {
        /// Known channel, and both ends are parties to it.
        Chn01 = 101 "CHN_01",
        /// Channel not suspended.
        Chn02 = 102 "CHN_02",
        /// The sender is who is authenticated.
        Chn03 = 103 "CHN_03",
        /// Not expired.
        Chn06 = 106 "CHN_06",
        /// Not dated into the future.
        Chn08 = 108 "CHN_08",
        /// FLASH for protective acts only.
        Pre01 = 151 "PRE_01",
        /// Level within the ceiling.
        Cls01 = 201 "CLS_01",
        /// Addressees among those it may be released to.
        Cls02 = 202 "CLS_02",
        /// Header and marking agree.
        Cls03 = 203 "CLS_03",
        /// No onward disclosure without the originator.
        Cls04 = 204 "CLS_04",
        /// A reply is not below what it quotes.
        Cls05 = 205 "CLS_05",
        /// Only the originator downgrades.
        Cls06 = 206 "CLS_06",
        /// Signatures by form.
        Frm01 = 301 "FRM_01",
        /// Courtesy formulas.
        Frm02 = 302 "FRM_02",
        /// Formal number.
        Frm03 = 303 "FRM_03",
        /// Documents are those the dispatch lists.
        Frm04 = 304 "FRM_04",
        /// Act, form and dispatch agree.
        Frm05 = 305 "FRM_05",
        /// One official text or several authentic ones.
        Lng01 = 401 "LNG_01",
        /// Translations name what they translate.
        Lng02 = 402 "LNG_02",
        /// Nothing personal in clear.
        Prv01 = 501 "PRV_01",
        /// References are random and belong to one consultation.
        Prv02 = 502 "PRV_02",
        /// No names outside the documents that identify a person.
        Prv03 = 503 "PRV_03",
        /// No more about a person than the act needs, and marked as such.
        Prv04 = 504 "PRV_04",
    }
}

impl Rule {
    /// What the rule says.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Chn01 => "the channel is known, and sender and addressees are parties to it",
            Self::Chn02 => "the channel is not suspended",
            Self::Chn03 => "every signature on the dispatch is of an office of the sender",
            Self::Chn06 => "the message is not expired",
            Self::Chn08 => "the message is not dated more than five minutes into the future",
            Self::Pre01 => "FLASH is for withdrawals, holds and notices of death alone",
            Self::Cls01 => "the level is not above the ceiling of the channel",
            Self::Cls02 => "every addressee is among those it may be released to",
            Self::Cls03 => "header and marking state the same level, in the sender's own word",
            Self::Cls04 => "what its originator controls goes to nobody else without his consent",
            Self::Cls05 => "a reply is not marked below what it quotes or annexes",
            Self::Cls06 => "only the originator of a document lowers its level",
            Self::Frm01 => "the dispatch bears the signatures that its form needs",
            Self::Frm02 => {
                "a note verbale opens and closes with the courtesy formulas, an aide-memoire has none"
            }
            Self::Frm03 => "a note bears a formal number of its ministry and year, unique and without gaps",
            Self::Frm04 => "the documents are those that the dispatch lists, byte for byte",
            Self::Frm05 => "act, form, kind, class, consultation and documents agree with each other",
            Self::Lng01 => "exactly one text is official, or all are authentic",
            Self::Lng02 => "a translation names what it translates, and has no effect of its own",
            Self::Prv01 => "nothing personal stands in clear",
            Self::Prv02 => "references of persons are random and belong to one consultation",
            Self::Prv03 => "the name of a person stands only in documents that identify him",
            Self::Prv04 => "no more about a person is sent than the act needs, and it is marked as such",
        }
    }

    /// How serious a finding of this rule is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Frm02 => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

/// Whether a finding stands against the act or only calls for a second look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is to be looked at; the act may go all the same.
    Warning,
    /// The act may not go, or is not to be registered as valid.
    Error,
}

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
}

impl Finding {
    /// The stable code, such as `FRM_01`.
    pub fn reason(&self) -> &'static str {
        self.rule.word()
    }
}

/// All findings against an act, in the order of the rules; empty when there is none.
pub fn judge(judgement: &Judgement<'_>) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    channel::judge(judgement, &mut findings);
    classification::judge(judgement, &mut findings);
    form::judge(judgement, &mut findings);
    language::judge(judgement, &mut findings);
    privacy::judge(judgement, &mut findings);
    let Findings(mut found) = findings;
    found.sort_by_key(|finding| finding.rule);
    found
}

/// Whether any finding stands against the act.
pub fn forbids(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// Collects what the groups find.
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, rule: Rule, field: impl Into<String>, message: impl Into<String>, hint: &str) {
        let severity = rule.severity();
        self.0.push(Finding {
            rule,
            severity,
            field: field.into(),
            message: message.into(),
            hint: hint.to_owned(),
        });
    }

    fn warn(&mut self, rule: Rule, field: impl Into<String>, message: impl Into<String>, hint: &str) {
        self.add(rule, field, message, hint);
        if let Some(last) = self.0.last_mut() {
            last.severity = Severity::Warning;
        }
    }
}
