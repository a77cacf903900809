//! The queue in the hands of its operator: the real binary at real gateways, and what the peer and the desk see.

mod administration;
mod alarms;
mod expiry;
mod heads;
mod order;
mod pausing;
mod withdrawal;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use chancery::message::envelope::Envelope;
use serde_json::Value;

use crate::support::Stage;
use crate::support::craft::Craft;

/// How a command ended.
#[derive(Debug)]
struct Said {
    code: i32,
    data: String,
    talk: String,
}

impl Said {
    /// The one report of a command that succeeded.
    fn report(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(self.data.trim_end()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The reports of a list that succeeded.
    fn reports(&self) -> Vec<Value> {
        assert_eq!(self.code, 0, "{self:?}");
        self.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Exit code and reason of a command that did not.
    fn refusal(&self) -> (i32, String) {
        let error: Value = serde_json::from_str(self.talk.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {self:?}"));
        (self.code, error["reason"].as_str().unwrap_or_default().to_owned())
    }
}

/// What the operator of a gateway types, without a terminal.
async fn types<I: AsRef<OsStr>>(stage: &Stage, code: &str, args: impl IntoIterator<Item = I>) -> Said {
    let home: PathBuf = stage.house(code).homes().gateway.directory().to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command.arg("--home").arg(home).args(args).env_clear().stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        data: String::from_utf8(output.stdout).unwrap(),
        talk: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The same with `--json`.
async fn asks(stage: &Stage, code: &str, line: &str) -> Said {
    types(stage, code, line.split_whitespace().chain(["--json"])).await
}

/// Channel-independent view of what waits at XA: number and state.
async fn waiting(stage: &Stage) -> Vec<(u64, String)> {
    let reports = asks(stage, "XA", "queue list").await.reports();
    let state = |report: &Value| report["state"].as_str().unwrap().to_owned();
    reports.iter().map(|report| (report["sequence"].as_u64().unwrap(), state(report))).collect()
}

/// Messages from XA to XB that follow each other, in custody at XA.
async fn submitted(stage: &Stage, sealed: &[&[u8]]) -> Vec<Envelope> {
    let mut craft = Craft::new(stage, "XA", "XB");
    let mut envelopes = Vec::new();
    for bytes in sealed {
        let envelope = craft.saying(bytes).signed(stage);
        stage.gateway("XA").submit(&envelope.encode()).await.unwrap();
        craft = craft.after(&envelope);
        envelopes.push(envelope);
    }
    envelopes
}

fn short(envelope: &Envelope) -> String {
    envelope.id().to_string()[..16].to_owned()
}
