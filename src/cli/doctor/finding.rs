//! What one check found.

use serde_json::{Value, json};

use crate::cli::status::monitoring::Severity;
use crate::keys::expiry::Nearness;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One check: what was looked at, what was seen, and the command that comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) subject: String,
    pub(super) said: String,
    pub(super) next: Option<String>,
}

impl Finding {
    pub(super) fn ok(subject: impl Into<String>, said: impl Into<String>) -> Self {
        Self { level: Level::Ok, subject: subject.into(), said: said.into(), next: None }
    }

    pub(super) fn warn(subject: impl Into<String>, said: impl Into<String>, next: impl Into<String>) -> Self {
        Self { level: Level::Warn, subject: subject.into(), said: said.into(), next: Some(next.into()) }
    }

    pub(super) fn fail(subject: impl Into<String>, said: impl Into<String>, next: impl Into<String>) -> Self {
        Self { level: Level::Fail, subject: subject.into(), said: said.into(), next: Some(next.into()) }
    }

    /// Of something that ends, by how near that is.
    pub(super) fn of_end(
        nearness: Nearness,
        subject: impl Into<String>,
        said: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        match Severity::of_end(nearness) {
            Severity::Ok => Self::ok(subject, said),
            Severity::Warning => Self::warn(subject, said, next),
            Severity::Critical => Self::fail(subject, said, next),
        }
    }

    pub(super) fn report(&self) -> Value {
        json!({
            "level": self.level.word(),
            "subject": self.subject,
            "said": self.said,
            "next": self.next,
        })
    }
}
