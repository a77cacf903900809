//! Who may call what: one row for every call of every service, and nothing is allowed that has no row.
//!
//! `guard` enforces the table before a handler sees anything of a call; a test walks the descriptors of `proto/`
//! and fails on a call without a row. To add a call, add its row here.

use crate::limits;

/// What a caller is to this gateway, by the name in its verified certificate and the door it came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// The gateway of a ministry that the policy in force accredits.
    AccreditedGateway,
    /// A desk of another ministry.
    ForeignDesk,
    /// Nobody: a connection that names no one.
    Nobody,
    /// Whoever may open the operator's socket.
    Operator,
    /// A desk of the own ministry.
    OwnDesk,
    /// A gateway with a certificate of the own ministry.
    OwnGateway,
    /// A name that signs records and opens no connection: an office, a registry, a trust key.
    Signer,
    /// The gateway of a ministry that is not accredited.
    UnaccreditedGateway,
}

impl Caller {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AccreditedGateway,
        Self::ForeignDesk,
        Self::Nobody,
        Self::Operator,
        Self::OwnDesk,
        Self::OwnGateway,
        Self::Signer,
        Self::UnaccreditedGateway,
    ];
}

/// How long a caller may keep a call waiting for its next bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// `limits::CALL_SILENCE_MAX`.
    Prompt,
    /// As long as the connection lives: silence is normal.
    Lasting,
}

/// One call and who may make it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Full name of the service.
    pub service: &'static str,
    /// Name of the call.
    pub method: &'static str,
    /// Who may make it.
    pub callers: &'static [Caller],
    /// The reason others are refused with.
    pub reason: &'static str,
    /// How fast it must go on.
    pub pace: Pace,
    /// How many of it one caller may have under way.
    pub at_once: usize,
}

/// The row of a call, by the path of its request.
pub fn row_of(path: &str) -> Option<(usize, &'static Row)> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    TABLE.iter().enumerate().find(|(_, row)| row.service == service && row.method == method)
}

/// Every call that anybody may make.
pub static TABLE: &[Row] = &[
    relay("Relay", Pace::Lasting, limits::RELAY_STREAMS_PER_PEER_MAX),
    relay("FindPart", Pace::Prompt, limits::UPLOADS_PER_PEER_MAX),
    relay("PutPart", Pace::Prompt, limits::UPLOADS_PER_PEER_MAX),
    relay("TakePart", Pace::Lasting, limits::TAKERS_PER_PEER_MAX),
    mailbox("Submit"),
    desk_stream("SubmitStream"),
    mailbox("Withdraw"),
    mailbox("FindPart"),
    mailbox("PutPart"),
    mailbox("GetPart"),
    mailbox("GetPosition"),
    mailbox("ListPositions"),
    mailbox("ListSent"),
    mailbox("GetPolicy"),
    mailbox("ListReceived"),
    mailbox("GetSent"),
    mailbox("GetReceipts"),
    desk_stream("WatchSent"),
    mailbox("Acknowledge"),
    mailbox("Accredit"),
    mailbox("ListOffered"),
    mailbox("RecordAct"),
    mailbox("HandBack"),
    operator("GetStatus"),
    operator("GetMetrics"),
    operator("PingPeer"),
    operator("ListLogs"),
    operator("ProveLeaf"),
    operator("VerifyLogs"),
    operator("ListForks"),
    operator("ConfirmPeer"),
    operator("ListActs"),
    operator("ProveAct"),
    operator("PausePeer"),
    operator("ResumePeer"),
    operator("Reload"),
    operator("ReviewKey"),
    operator("ListQueue"),
    operator("ShowQueued"),
    operator("RetryQueued"),
    operator("HoldQueued"),
    operator("ReleaseQueued"),
    operator("WithdrawQueued"),
    operator("ListAlarms"),
    operator("AcknowledgeAlarms"),
    operator("ExportArchive"),
    operator("CopyStore"),
    operator("PackQueue"),
    operator("NotePacked"),
    // The gateway writes documents to the disk while whoever reads the stick waits.
    Row { pace: Pace::Lasting, ..operator("UnpackQueue") },
    health("Check"),
    health("Watch"),
];

const fn relay(method: &'static str, pace: Pace, at_once: usize) -> Row {
    let callers = &[Caller::AccreditedGateway];
    Row { service: "chancery.gateway.v1.RelayService", method, callers, reason: "CHN_03", pace, at_once }
}

const fn mailbox(method: &'static str) -> Row {
    Row {
        service: "chancery.gateway.v1.MailboxService",
        method,
        callers: &[Caller::OwnDesk],
        reason: "NOT_A_DESK",
        pace: Pace::Prompt,
        at_once: limits::CALLS_PER_DESK_MAX,
    }
}

const fn desk_stream(method: &'static str) -> Row {
    Row { pace: Pace::Lasting, at_once: limits::STREAMS_PER_DESK_MAX, ..mailbox(method) }
}

const fn operator(method: &'static str) -> Row {
    Row {
        service: "chancery.gateway.v1.OperatorService",
        method,
        callers: &[Caller::Operator],
        reason: "NOT_THE_OPERATOR",
        pace: Pace::Prompt,
        at_once: limits::CALLS_PER_DESK_MAX,
    }
}

const fn health(method: &'static str) -> Row {
    Row {
        service: "grpc.health.v1.Health",
        method,
        callers: &[Caller::AccreditedGateway, Caller::OwnDesk],
        reason: "NOT_PERMITTED",
        pace: Pace::Prompt,
        at_once: limits::HEALTH_CALLS_MAX,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message;

    use super::*;

    #[test]
    fn every_call_of_every_service_has_one_row() {
        let set = prost_types::FileDescriptorSet::decode(crate::proto::DESCRIPTORS).unwrap();
        let mut paths = BTreeSet::new();
        for file in set.file.iter().filter(|file| file.package() == "chancery.gateway.v1") {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    assert!(row_of(&path).is_some(), "{path} has no row in gateway/serve/permission.rs");
                    paths.insert(path);
                }
            }
        }
        assert!(paths.len() >= 16);
        let listed: Vec<String> =
            TABLE.iter().map(|row| format!("/{}/{}", row.service, row.method)).collect();
        assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len(), "a call has two rows");
        for path in listed.iter().filter(|path| !path.contains("grpc.health")) {
            assert!(paths.contains(path), "{path} is no call");
        }
    }

    #[test]
    fn nobody_and_signers_and_strangers_may_do_nothing_and_every_caller_something_of_its_own() {
        for row in TABLE {
            assert!(!row.callers.is_empty() && row.at_once > 0);
            for caller in [
                Caller::Nobody,
                Caller::Signer,
                Caller::ForeignDesk,
                Caller::OwnGateway,
                Caller::UnaccreditedGateway,
            ] {
                assert!(!row.callers.contains(&caller), "{} {caller:?}", row.method);
            }
            let own = row.service.ends_with("MailboxService") || row.service.ends_with("OperatorService");
            assert!(!(own && row.callers.contains(&Caller::AccreditedGateway)), "{}", row.method);
        }
    }

    #[test]
    fn other_paths_have_no_row() {
        for path in [
            "",
            "/",
            "chancery.gateway.v1.RelayService/Relay",
            "/chancery.gateway.v1.RelayService/relay",
            "/chancery.gateway.v1.RelayService/Relay/",
            "//Relay",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ] {
            assert!(row_of(path).is_none(), "{path}");
        }
    }
}
