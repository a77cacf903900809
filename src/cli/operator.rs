//! The gateway as its operator sees it: a client of the operator service over the gateway's Unix socket.
//!
//! Plain values leave. What a gateway says of itself is shown, never decided upon; receipts that leave here
//! are proofs that whoever needs them checks.

pub(super) mod administration;
pub(super) mod copy;
pub(super) mod courier;
pub(super) mod queue;
pub(super) mod status;

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use self::copy::Copied;
use self::courier::{PackPiece, Unpacked};
use self::status::GatewayStatus;
use super::context::Context;
use super::error::{CliError, Kind};
use super::{placeholders, shell_word, typed_without};
use crate::digest::Digest;
use crate::keys::home::desk::DeskHome;
use crate::keys::home::gateway::GatewayHome;
use crate::limits;
use crate::message::id::MessageId;
use crate::message::receipt::Receipt;
use crate::proto::gateway::v1 as wire;
use crate::proto::gateway::v1::operator_service_client::OperatorServiceClient;
use crate::time::Timestamp;
use crate::transport::channel::connect_unix;
use crate::transport::status::reason_of;
use crate::trust::name::Ministry;

/// A connection to a gateway's operator socket.
#[derive(Debug)]
pub(super) struct Operator {
    client: OperatorServiceClient<Channel>,
}

/// What a ping found.
#[derive(Debug)]
pub(super) struct Ping {
    pub(super) endpoint: String,
    pub(super) round_trip_micros: u64,
    pub(super) peer_log_size: u64,
    pub(super) mirrored_size: u64,
    pub(super) clock_skew: i64,
}

/// The newest checkpoint of a log.
#[derive(Debug)]
pub(super) struct LogHead {
    pub(super) origin: String,
    pub(super) size: u64,
    pub(super) checkpoint: String,
    pub(super) mirror: bool,
    pub(super) cosigned_size: u64,
}

/// A kept proof that a log forked.
#[derive(Debug)]
pub(super) struct Fork {
    pub(super) ministry: String,
    pub(super) own: bool,
    pub(super) text: String,
}

/// What re-hashing everything found.
#[derive(Debug)]
pub(super) struct Scrub {
    pub(super) leaves: u64,
    pub(super) parts: u64,
    pub(super) damages: Vec<String>,
}

/// A piece of the gateway's archive, in the order of the service.
#[derive(Debug)]
pub(super) enum Archived {
    Record { ministry: String, sequence: u64, policy: bool, record: Vec<u8> },
    Log { origin: String, mirror: bool, size: u64, checkpoint: String },
    Leaves(Vec<Vec<u8>>),
    Cosigned { size: u64, checkpoint: String },
    Message { sent: bool, origin: String, index: u64, header: Vec<u8>, signature: Vec<u8>, receipt: Vec<u8> },
}

/// The gateway's archive on its way here.
#[derive(Debug)]
pub(super) struct Archive {
    pieces: Streaming<wire::ExportArchiveResponse>,
}

impl Archive {
    /// The next piece; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Archived>, CliError> {
        match self.pieces.message().await.map_err(failed)? {
            None => Ok(None),
            Some(wire::ExportArchiveResponse { piece: Some(piece) }) => Ok(Some(archived(piece))),
            Some(_) => {
                Err(CliError::failed("gateway", "the gateway's archive holds a piece that is not known here"))
            }
        }
    }
}

/// A courier stick on its way here.
#[derive(Debug)]
pub(super) struct Stick {
    pieces: Streaming<wire::PackQueueResponse>,
}

impl Stick {
    /// The next piece, or the end; none where the gateway broke off.
    pub(super) async fn next(&mut self) -> Result<Option<PackPiece>, CliError> {
        let next = self.pieces.message().await.map_err(failed)?;
        Ok(next.and_then(|answer| answer.piece).map(courier::piece))
    }
}

/// A copy of the gateway's store on its way here.
#[derive(Debug)]
pub(super) struct StoreCopy {
    pieces: Streaming<wire::CopyStoreResponse>,
}

impl StoreCopy {
    /// The next piece, or the end; none where the gateway broke off.
    pub(super) async fn next(&mut self) -> Result<Option<Copied>, CliError> {
        let next = self.pieces.message().await.map_err(failed)?;
        Ok(next.and_then(|answer| answer.piece).map(copy::copied))
    }
}

impl Operator {
    /// Connects to the gateway that runs in `home`.
    pub(super) async fn connect(home: &Path) -> Result<Self, CliError> {
        let channel = connect_unix(&GatewayHome::at(home).operator_socket()).await.map_err(|failure| {
            if let Some((error, _)) = no_gateway_home(home, "") {
                return error;
            }
            let message = format!("no gateway answers in {}", home.display());
            let command = format!("chancery-gateway run --home {}", shell_word(&home.to_string_lossy()));
            CliError::new(Kind::TryLater, "gateway-away", message).because(&failure).hint(command)
        })?;
        Ok(Self { client: OperatorServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX) })
    }

    /// Connects and does `work` within the time that was given.
    pub(super) async fn ask<T>(
        context: &Context,
        work: impl AsyncFnOnce(Self) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        Self::ask_patiently(context, context.timeout, work).await
    }

    /// The same for work that takes as long as there is much kept: `time`, unless the operator says otherwise.
    pub(super) async fn ask_patiently<T>(
        context: &Context,
        time: Duration,
        work: impl AsyncFnOnce(Self) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let home = context.gateway_home();
        let asked = async { work(Self::connect(&home).await?).await };
        let answer = context.within_time(time, "the gateway's answer", asked).await;
        answer.map_err(|error| match error.code() {
            "no-home" => wrong_home(context, &home).unwrap_or(error),
            _ => error,
        })
    }

    /// The gateway on one screen.
    pub(super) async fn status(&mut self) -> Result<GatewayStatus, CliError> {
        let seen = self.client.get_status(wire::GetStatusRequest {}).await.map_err(failed)?.into_inner();
        Ok(status::seen(seen))
    }

    /// Everything that is measured, as a page for Prometheus.
    pub(super) async fn metrics(&mut self) -> Result<String, CliError> {
        let answer = self.client.get_metrics(wire::GetMetricsRequest {}).await.map_err(failed)?;
        Ok(answer.into_inner().page)
    }

    /// Lets the gateway connect to a peer now.
    pub(super) async fn ping(&mut self, ministry: &Ministry) -> Result<Ping, CliError> {
        let request = wire::PingPeerRequest { ministry: ministry.to_string() };
        let found = self.client.ping_peer(request).await.map_err(failed)?.into_inner();
        Ok(Ping {
            endpoint: found.endpoint,
            round_trip_micros: found.round_trip_micros,
            peer_log_size: found.peer_log_size,
            mirrored_size: found.mirrored_size,
            clock_skew: found.clock_skew,
        })
    }

    /// The logs and mirrors with their newest checkpoints.
    pub(super) async fn logs(&mut self) -> Result<Vec<LogHead>, CliError> {
        let answer = self.client.list_logs(wire::ListLogsRequest {}).await.map_err(failed)?.into_inner();
        Ok(answer.logs.into_iter().map(log).collect())
    }

    /// Receipts of every leaf about a message: of the own log first.
    pub(super) async fn prove(&mut self, id: &MessageId) -> Result<Vec<Receipt>, CliError> {
        let request = wire::ProveLeafRequest { message_id: id.as_bytes().to_vec() };
        let answer = self.client.prove_leaf(request).await.map_err(failed)?.into_inner();
        let parse = |bytes: &Vec<u8>| {
            Receipt::parse(bytes).map_err(|refusal| {
                let message = "the gateway gave a proof that cannot be read";
                CliError::new(Kind::Verification, "proof", message)
                    .reason(refusal.reason().word())
                    .because(&refusal)
            })
        };
        answer.receipts.iter().map(parse).collect()
    }

    /// The kept proofs that a log forked, of one peer or of all.
    pub(super) async fn forks(&mut self, peer: Option<&Ministry>) -> Result<Vec<Fork>, CliError> {
        let ministry = peer.map(ToString::to_string).unwrap_or_default();
        let answer = self.client.list_forks(wire::ListForksRequest { ministry }).await.map_err(failed)?;
        let fork =
            |proof: wire::ForkProof| Fork { ministry: proof.ministry, own: proof.own, text: proof.text };
        Ok(answer.into_inner().proofs.into_iter().map(fork).collect())
    }

    /// Lets signing for a pair begin before its peer has spoken.
    pub(super) async fn confirm(&mut self, peer: &Ministry) -> Result<(), CliError> {
        let request = wire::ConfirmPeerRequest { ministry: peer.to_string() };
        self.client.confirm_peer(request).await.map_err(failed)?;
        Ok(())
    }

    /// Lets the gateway read certificates and keys again; when its certificate ends then.
    pub(super) async fn reload(&mut self) -> Result<Timestamp, CliError> {
        let answer = self.client.reload(wire::ReloadRequest {}).await.map_err(failed)?;
        Ok(Timestamp::from_seconds(answer.into_inner().certificate_end_time))
    }

    /// Who would believe what a log or cosigner key signs: whether the own bundle names it, and which peers have not
    /// accredited such a bundle.
    pub(super) async fn review_key(&mut self, key: &str) -> Result<(bool, Vec<String>), CliError> {
        let request = wire::ReviewKeyRequest { verifier_key: key.to_owned() };
        let answer = self.client.review_key(request).await.map_err(failed)?.into_inner();
        Ok((answer.announced, answer.waiting_for))
    }

    /// Lets the gateway re-hash everything it keeps.
    pub(super) async fn verify(&mut self) -> Result<Scrub, CliError> {
        let found = self.client.verify_logs(wire::VerifyLogsRequest {}).await.map_err(failed)?.into_inner();
        Ok(Scrub { leaves: found.leaves, parts: found.parts, damages: found.damages })
    }

    /// Lets the gateway pack a courier stick.
    pub(super) async fn pack_queue(&mut self, peer: &Ministry, only_new: bool) -> Result<Stick, CliError> {
        let request = wire::PackQueueRequest { ministry: peer.to_string(), only_new };
        let answer = self.client.pack_queue(request).await.map_err(failed)?;
        Ok(Stick { pieces: answer.into_inner() })
    }

    /// Tells the gateway that a courier stick is written; how many messages it has noted as packed.
    pub(super) async fn note_packed(&mut self, peer: &Ministry, number: u64) -> Result<u64, CliError> {
        let request = wire::NotePackedRequest { ministry: peer.to_string(), number };
        Ok(self.client.note_packed(request).await.map_err(failed)?.into_inner().messages)
    }

    /// Lets the gateway take a courier stick, whose bytes come from `stick`.
    pub(super) async fn unpack_queue(
        &mut self,
        digest: &Digest,
        stick: mpsc::Receiver<Vec<u8>>,
    ) -> Result<Unpacked, CliError> {
        let mut first = Some(*digest);
        let requests = ReceiverStream::new(stick).map(move |data| {
            let digest = first.take();
            courier::request(data, digest.as_ref().map(|digest| digest.as_bytes().as_slice()))
        });
        let answer = self.client.unpack_queue(requests).await.map_err(failed)?;
        Ok(courier::unpacked(answer.into_inner()))
    }

    /// Lets the gateway copy its store.
    pub(super) async fn copy_store(&mut self) -> Result<StoreCopy, CliError> {
        let answer = self.client.copy_store(wire::CopyStoreRequest {}).await.map_err(failed)?;
        Ok(StoreCopy { pieces: answer.into_inner() })
    }

    /// Lets the gateway hand out everything that others can check.
    pub(super) async fn archive(&mut self) -> Result<Archive, CliError> {
        let answer = self.client.export_archive(wire::ExportArchiveRequest {}).await.map_err(failed)?;
        Ok(Archive { pieces: answer.into_inner() })
    }
}

/// Commands that are about a gateway or a desk, whichever lives in the home.
const OF_EITHER: [&str; 6] = ["backup", "config", "doctor", "key", "log", "status"];

/// A home in which no gateway can ever answer, with the same command for the home that is meant.
fn wrong_home(context: &Context, home: &Path) -> Option<CliError> {
    let (error, meant) = no_gateway_home(home, &context.typed)?;
    Some(error.hint(format!("{} --home {meant}", typed_without(&context.typed, "--home"))))
}

/// What is said of a home in which no gateway can ever answer, and what stands for the one that is meant by whoever typed
/// this.
fn no_gateway_home(home: &Path, typed: &str) -> Option<(CliError, &'static str)> {
    // One that we may not look into is another matter.
    let missing = |path: &Path| path.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    if !missing(&GatewayHome::at(home).config()) {
        return None;
    }
    let shown = home.display().to_string();
    let stands_for = placeholders::meaning(&shown);
    let is_either = typed.split(' ').any(|word| OF_EITHER.contains(&word));
    let (what, meant) = match (missing(&home.join(DeskHome::CONFIG)), missing(home)) {
        (false, _) => ("is a desk", "GATEWAY"),
        // Whoever typed a word of a hint as it stands is not told to type it again.
        (true, true) if is_either || stands_for.is_some() => ("is not there", "DIR"),
        (true, true) => ("is not there", "GATEWAY"),
        (true, false) if is_either => ("is no home of a gateway or desk", "DIR"),
        (true, false) => ("is no home of a gateway", "GATEWAY"),
    };
    let error = CliError::new(Kind::NotFound, "no-home", format!("{shown} {what}; give --home {meant}"));
    let error = stands_for.into_iter().fold(error, CliError::cause);
    Some(match (meant, is_either) {
        ("DIR", true) => (error.cause(DIR_OF_EITHER), meant),
        _ => (error, meant),
    })
}

/// What `--home DIR` means of a command that is about either.
pub(super) const DIR_OF_EITHER: &str =
    "DIR stands for the folder of the desk or of the gateway, whichever is meant, on its host";

fn archived(piece: wire::export_archive_response::Piece) -> Archived {
    use wire::export_archive_response::Piece;
    match piece {
        Piece::Record(wire::ArchivedRecord { ministry, sequence, policy, record }) => {
            Archived::Record { ministry, sequence, policy, record }
        }
        Piece::Log(wire::ArchivedLog { origin, mirror, size, checkpoint }) => {
            Archived::Log { origin, mirror, size, checkpoint }
        }
        Piece::Leaves(wire::ArchivedLeaves { leaves }) => Archived::Leaves(leaves),
        Piece::Cosigned(wire::ArchivedCheckpoint { size, checkpoint }) => {
            Archived::Cosigned { size, checkpoint }
        }
        Piece::Message(wire::ArchivedMessage { sent, origin, index, header, signature, receipt }) => {
            Archived::Message { sent, origin, index, header, signature, receipt }
        }
    }
}

fn log(seen: wire::LogHead) -> LogHead {
    LogHead {
        origin: seen.origin,
        size: seen.size,
        checkpoint: seen.checkpoint,
        mirror: seen.mirror,
        cosigned_size: seen.cosigned_size,
    }
}

fn failed(status: Status) -> CliError {
    let reason = reason_of(&status);
    let (kind, code) = match status.code() {
        // Somebody paused the exchange for a time, and it goes on when he resumes it.
        Code::FailedPrecondition if reason.as_deref() == Some(PAUSED) => (Kind::TryLater, "paused"),
        Code::NotFound => (Kind::NotFound, "not-found"),
        Code::FailedPrecondition => (Kind::Refused, "not-now"),
        Code::InvalidArgument => (Kind::Usage, "usage"),
        Code::Unavailable | Code::DeadlineExceeded => (Kind::TryLater, "try-later"),
        _ => (Kind::Failed, "gateway"),
    };
    let error = CliError::new(kind, code, status.message());
    match reason {
        Some(reason) => error.reason(reason),
        None => error,
    }
}

/// The reason of a gateway whose operator exchanges nothing with the peer for now.
const PAUSED: &str = "PAUSED";

/// The reason where the peer's operator exchanges nothing with us for now.
const PAUSED_BY_PEER: &str = "PAUSED_BY_PEER";

/// The error of an exchange with `peer`, with the command that ends its pause where one is under way.
pub(super) fn of_peer(context: &Context, peer: &str, error: CliError) -> CliError {
    match error.reason_code() {
        Some(PAUSED) => error.hint(context.command(&format!("peer resume {peer}"))),
        // Nothing that is typed here ends that; whether it has ended is asked once more.
        Some(PAUSED_BY_PEER) => error.hint(context.command(&format!("peer ping {peer}"))),
        Some("AWAITS_DESK") => error.hint("chancery --home DESK outbox"),
        Some("NOT_ACCREDITED") => {
            error.hint(format!("chancery --home DESK peer add {}.bundle", shell_word(peer)))
        }
        // To sign without the peer is to be thought about first.
        Some("AWAITING_HELLO") => error.hint(context.command("peer confirm --help")),
        _ => error,
    }
}

/// The operator's answers list every peer and every log.
const ANSWER_BYTES_MAX: usize = limits::MAILBOX_ANSWER_BYTES_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_in_which_no_gateway_can_answer_is_told_apart_from_one_that_does_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let told =
            |home: &Path, typed| no_gateway_home(home, typed).map(|(error, _)| error.message().to_owned());
        let said = |home: &Path| told(home, "chancery queue list");
        let (desk, gateway) = (folder.path().join("desk"), folder.path().join("gateway"));
        assert!(said(&desk).unwrap().ends_with("desk is not there; give --home GATEWAY"));
        let either = told(&desk, "chancery --home x status").unwrap();
        assert!(either.ends_with("desk is not there; give --home DIR"), "a desk was meant as likely");
        std::fs::create_dir(&desk).unwrap();
        assert!(said(&desk).unwrap().ends_with("is no home of a gateway; give --home GATEWAY"));
        std::fs::write(desk.join(DeskHome::CONFIG), "").unwrap();
        assert!(said(&desk).unwrap().ends_with("desk is a desk; give --home GATEWAY"));
        std::fs::create_dir(&gateway).unwrap();
        std::fs::write(GatewayHome::at(&gateway).config(), "").unwrap();
        assert_eq!(said(&gateway), None);
    }

    #[test]
    fn a_word_of_a_hint_that_was_typed_as_it_stands_is_explained_and_not_hinted_again() {
        for typed in ["chancery --home GATEWAY status", "chancery --home GATEWAY queue list"] {
            let (error, meant) = no_gateway_home(Path::new("GATEWAY"), typed).unwrap();
            assert_eq!((error.message(), meant), ("GATEWAY is not there; give --home DIR", "DIR"));
            assert_eq!(error.causes()[0], placeholders::meaning("GATEWAY").unwrap());
        }
    }
}
