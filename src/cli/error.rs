//! `CliError`: what went wrong, as a person and as a script see it, and the exit code it ends with.
//!
//! A person reads `error[code]: message`, the causes below it, and `hint:` with one exact command. A script reads
//! the same as one JSON object (`chancery.error/1`) and the exit code, which tells the kind and nothing else.

use std::borrow::Cow;
use std::error::Error;

use serde_json::{Value, json};

/// How a command failed; each kind has its own exit code, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something failed that no other kind describes.
    Failed,
    /// The command, a form or a configuration is wrong.
    Usage,
    /// A signature, proof or digest was checked and is proven bad. "Could not decide" is never this.
    Verification,
    /// Not trusted, not permitted, not consented to, or the key is locked.
    NotPermitted,
    /// The peer is away, a receipt is not yet here, the store is busy: the same command may succeed later.
    TryLater,
    /// The peer, the own gateway or this desk refused, and the same command will be refused again.
    Refused,
    /// What was asked for is not there, or what was to be made is there already.
    NotFound,
    /// Whoever read our output closed it. Nothing is said; the code is that of a process ended by SIGPIPE.
    ReaderGone,
}

impl Kind {
    /// The exit code.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Verification => 3,
            Self::NotPermitted => 4,
            Self::TryLater => 5,
            Self::Refused => 6,
            Self::NotFound => 7,
            Self::ReaderGone => 141,
        }
    }

    /// What it means, as README and `chancery help exit-codes` say it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "failed, in a way that no other code describes",
            Self::Usage => "the command, a form or a configuration is wrong, or a rule forbids it",
            Self::Verification => "verification failed: something is proven bad",
            Self::NotPermitted => "not trusted, not permitted, no consent, or the key is locked",
            Self::TryLater => "try later: the peer is away, the receipt is not here yet, a store busy",
            Self::Refused => "refused for good, by the peer, the own gateway or this desk",
            Self::NotFound => "not found, or already there",
            Self::ReaderGone => "whoever read our output closed it, as in `chancery inbox | head -1`",
        }
    }

    /// The word for it in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Verification => "verification-failed",
            Self::NotPermitted => "not-permitted",
            Self::TryLater => "try-later",
            Self::Refused => "refused",
            Self::NotFound => "not-found-or-exists",
            Self::ReaderGone => "reader-gone",
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError(Box<Account>);

/// Apart from the error itself, so that results that are not errors stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    kind: Kind,
    code: Cow<'static, str>,
    message: String,
    reason: Option<Cow<'static, str>>,
    causes: Vec<String>,
    hint: Option<String>,
    /// The exit code of another convention, under which what was printed has told everything.
    told: Option<u8>,
}

impl CliError {
    /// An error of `kind`; `code` is a stable word in lower case with hyphens, `message` says what happened.
    pub fn new(kind: Kind, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self(Box::new(Account {
            kind,
            code,
            message,
            reason: None,
            causes: Vec::new(),
            hint: None,
            told: None,
        }))
    }

    /// The command, a form or a configuration is wrong.
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, code, message)
    }

    /// Something failed that no other kind describes.
    pub fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, code, message)
    }

    /// Whoever read our output closed it.
    pub fn reader_gone() -> Self {
        Self::new(Kind::ReaderGone, "reader-gone", "the reader of the output closed it")
    }

    /// What was printed has told everything, by a convention that has exit codes of its own.
    pub fn told(exit: u8) -> Self {
        let mut error = Self::failed("told", "what was printed tells it");
        error.0.told = Some(exit);
        error
    }

    /// Whether nothing more is to be said.
    pub fn is_told(&self) -> bool {
        self.0.told.is_some()
    }

    /// What the process ends with.
    pub fn exit_code(&self) -> u8 {
        self.0.told.unwrap_or_else(|| self.0.kind.exit_code())
    }

    /// Adds the stable reason code of a refusal, such as `SIGNATURE_INVALID` or `CHN_04`.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// Adds what lies below: one line of its own.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    /// Adds `error` and everything it says lies below it, outermost first.
    #[must_use]
    pub fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let line = error.to_string();
            // Many errors end with the words of the one below.
            if !self.0.causes.last().is_some_and(|above| above.ends_with(&line)) {
                self.0.causes.push(line);
            }
            next = error.source();
        }
        self
    }

    /// Adds the one command that comes next, exactly as it is to be typed.
    #[must_use]
    pub fn hint(mut self, command: impl Into<String>) -> Self {
        self.0.hint = Some(command.into());
        self
    }

    /// The kind, which decides the exit code.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The stable word for what happened.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What happened, in one sentence.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What lies below, outermost first.
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// The stable reason code of a refusal, if there was one.
    pub fn reason_code(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The command to type next.
    pub fn hint_command(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// One JSON object, `chancery.error/1`.
    pub fn to_json(&self) -> Value {
        json!({
            "schema": "chancery.error/1",
            "kind": self.0.kind.word(),
            "exit": self.exit_code(),
            "code": self.0.code,
            "reason": self.0.reason,
            "message": self.0.message,
            "causes": self.0.causes,
            "hint": self.0.hint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the store")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_kind_has_its_own_exit_code_and_word() {
        let kinds = [
            Kind::Failed,
            Kind::Usage,
            Kind::Verification,
            Kind::NotPermitted,
            Kind::TryLater,
            Kind::Refused,
            Kind::NotFound,
            Kind::ReaderGone,
        ];
        let codes: Vec<u8> = kinds.iter().map(|kind| kind.exit_code()).collect();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 141]);
        let words: std::collections::BTreeSet<&str> = kinds.iter().map(|kind| kind.word()).collect();
        assert_eq!(words.len(), kinds.len());
        let (help, readme) = (include_str!("help/exit-codes.txt"), include_str!("../../README.md"));
        for kind in kinds {
            let (code, meaning) = (kind.exit_code(), kind.meaning());
            assert!(
                help.contains(&format!("\n  {code:<4} {meaning}\n")),
                "the help says otherwise of {code}"
            );
            assert!(
                readme.contains(&format!("\n| {code} | {meaning} |\n")),
                "README says otherwise of {code}"
            );
        }
    }

    #[test]
    fn causes_are_the_whole_chain_outermost_first() {
        let error =
            CliError::failed("store", "no status").because(&Outer(std::io::Error::other("disk full")));
        assert_eq!(error.causes(), ["cannot open the store", "disk full"]);
        let twice = std::io::Error::other("cannot reach it: disk full");
        let error = CliError::failed("store", "no status")
            .because(&twice)
            .because(&std::io::Error::other("disk full"));
        assert_eq!(error.causes(), ["cannot reach it: disk full"], "nothing is said twice");
    }

    #[test]
    fn json_carries_every_field() {
        let error = CliError::new(Kind::Refused, "gap", "XB refused the message")
            .reason("CHN_04")
            .cause("expected number 8")
            .hint("chancery outbox --with XB");
        let expected = json!({
            "schema": "chancery.error/1", "kind": "refused", "exit": 6, "code": "gap", "reason": "CHN_04",
            "message": "XB refused the message", "causes": ["expected number 8"],
            "hint": "chancery outbox --with XB",
        });
        assert_eq!(error.to_json(), expected);
    }
}
