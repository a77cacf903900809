//! `queue pack` and `queue unpack`: what waits for a peer goes on a data stick where there is no line, and its answers
//! come back the same way.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::sync::mpsc;

use super::context::Context;
use super::error::{CliError, Kind};
use super::operator::courier::{PackPiece, PackedStick, Unpacked};
use super::operator::{Operator, of_peer};
use super::queue_report::counted;
use super::report::{Done, require_no_file};
use super::{paths, shell_word};
use crate::digest::Digest;
use crate::keys::home::backup::NewFile;
use crate::message::courier::{Record, Unfit, Unpacking};
use crate::trust::name::Ministry;

/// Put what waits for a ministry on a data stick, with receipts and log entries, where there is no line to it
///
/// The file holds what the relay would carry: messages in their order with their documents, the entries of our log that
/// the peer has not cosigned, and our cosignatures on its log, which are its receipts. What an operator holds stays behind,
/// with all behind it on its channel, and is counted. Nothing leaves the queue by it: a
/// message may go by wire as well, and is answered once. Each stick repeats what no answer has come for, so that a lost
/// one costs a journey and nothing else. It is not sealed: whoever finds it sees what the network sees of us, headers and
/// ciphertext.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home GATEWAY queue pack --peer XB -o a.stick\n  \
    chancery --home GATEWAY queue pack --peer XB --new -o second.stick")]
pub(super) struct Pack {
    /// For this ministry
    #[arg(long, value_name = "CODE", value_parser = Ministry::parse)]
    peer: Ministry,

    /// The new file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Leave out messages that an earlier stick holds; they must have arrived before
    #[arg(long)]
    new: bool,
}

/// Take a data stick that a peer has packed: its messages, its documents and its receipts
///
/// The file is read once before anything is taken: a damaged one changes nothing. Everything in it is then judged as if
/// it had come by wire, so that the stick needs no trust. A stick that was taken before changes nothing, either. With
/// --answer what the peer is owed is packed at once, for the way back.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home GATEWAY queue unpack a.stick --answer b.stick\n  \
    chancery --home GATEWAY queue unpack b.stick")]
pub(super) struct Unpack {
    /// The stick
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Pack the answer into this new file
    #[arg(long, value_name = "FILE")]
    answer: Option<PathBuf>,
}

impl Pack {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let packed = pack(context, &self.peer, self.new, &self.output).await?;
        let report = json!({
            "schema": "chancery.packed/1",
            "to": self.peer.to_string(),
            "number": packed.number,
            "messages": packed.messages,
            "parts": packed.parts,
            "leaves": packed.leaves,
            "cosignatures": packed.cosignatures,
            "held": packed.held,
            "behind": packed.behind,
        });
        let shown = shell_word(&self.output.to_string_lossy());
        let done = Done::new(report)
            .says(said(&self.peer, &packed))
            .says(format!("carry it to {}; there: chancery queue unpack {shown} --answer FILE", self.peer))
            .wrote(&self.output);
        left(context, &self.peer, &packed, done).tell(context)
    }
}

/// What stays behind, and the command that shows it: our log tells the peer of it all the same.
fn left(context: &Context, peer: &Ministry, packed: &PackedStick, done: Done) -> Done {
    match (packed.held, packed.behind) {
        (0, 0) => done,
        (0, behind) => {
            let left = counted(behind, "message");
            done.says(format!("not on it: {left}, until what was lost of our log is back"))
                .next(context.command("status"))
        }
        (held, behind) => {
            let held = counted(held, "held message");
            let left = match behind {
                0 => held,
                behind => format!("{held}, and {} behind", counted(behind, "message")),
            };
            done.says(format!("not on it: {left}; {peer} learns of them by our log (COURIER_ABSENT)"))
                .next(context.command(&format!("queue list --ministry {peer} --state held")))
        }
    }
}

fn said(peer: &Ministry, packed: &PackedStick) -> String {
    format!(
        "stick {} for {peer}: {}, {}, {}, {}",
        packed.number,
        counted(packed.messages, "message"),
        counted(packed.parts, "document part"),
        entries(packed.leaves),
        counted(packed.cosignatures, "cosignature"),
    )
}

/// Entries of a log.
fn entries(count: u64) -> String {
    if count == 1 { "1 log entry".to_owned() } else { format!("{count} log entries") }
}

async fn pack(
    context: &Context,
    peer: &Ministry,
    only_new: bool,
    output: &Path,
) -> Result<PackedStick, CliError> {
    use std::io::Write;
    require_no_file(output)?;
    let home = context.gateway_home();
    let refused = |error| of_peer(context, peer.as_str(), error);
    let mut operator = context.within("the gateway's answer", Operator::connect(&home)).await?;
    let asked = operator.pack_queue(peer, only_new);
    let mut pieces = context.within("the gateway's answer", asked).await.map_err(refused)?;
    let mut file = NewFile::beside(output)?;
    let cannot = |error: std::io::Error| paths::unwritable(output, &error);
    // A large stick takes its time; only silence is bounded.
    loop {
        match context.within("the next piece of the stick", pieces.next()).await.map_err(refused)? {
            Some(PackPiece::Bytes(bytes)) => file.write_all(&bytes).map_err(cannot)?,
            Some(PackPiece::End(packed)) => {
                file.keep(output)?;
                // Only now: what is told as packed is on a stick that somebody can carry.
                let noted = operator.note_packed(peer, packed.number);
                context.within("the gateway's answer", noted).await?;
                return Ok(packed);
            }
            None => {
                return Err(CliError::new(Kind::TryLater, "gateway-away", "the gateway broke off the stick"));
            }
        }
    }
}

impl Unpack {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        if let Some(answer) = &self.answer {
            require_no_file(answer)?;
        }
        let (digest, from) = examine(&self.file)?;
        let (pieces, stick) = mpsc::channel(PIECES_WAITING);
        let reading = std::thread::spawn({
            let file = self.file.clone();
            move || read_out(&file, &pieces)
        });
        let home = context.gateway_home();
        let mut operator = context.within("the gateway's answer", Operator::connect(&home)).await?;
        // A large stick is written to the disk piece by piece: it is given the time it needs.
        let unpacked = operator.unpack_queue(&digest, stick).await;
        // It ends with the channel.
        let read = reading.join();
        let unpacked = unpacked.map_err(|error| match error.reason_code() {
            Some("COURIER_OWN") => {
                let stick = shell_word(&self.file.to_string_lossy());
                let next = format!("chancery --home GATEWAY queue unpack {stick}");
                error.hint(format!("{next}, at the ministry that it is for"))
            }
            _ => of_peer(context, &from, error),
        })?;
        if let (false, Ok(Err(error))) = (unpacked.already_taken, read) {
            return Err(
                CliError::failed("unreadable", "the stick could not be read to its end").because(&error)
            );
        }
        self.tell(context, &unpacked).await
    }

    async fn tell(&self, context: &Context, unpacked: &Unpacked) -> Result<(), CliError> {
        let report = json!({
            "schema": "chancery.unpacked/1",
            "from": unpacked.ministry,
            "number": unpacked.number,
            "already_taken": unpacked.already_taken,
            "taken": unpacked.taken,
            "held": unpacked.held,
            "rejected": unpacked.rejected,
            "leaves": unpacked.leaves,
            "settled": unpacked.settled,
            "refusals": unpacked.refusals,
            "refused": unpacked.refused.iter().map(|(what, reason, detail)| json!({
                "what": what, "reason": reason, "detail": detail,
            })).collect::<Vec<_>>(),
            "missing_sticks": unpacked.missing,
            "absent": unpacked.absent,
        });
        let mut done = Done::new(report);
        for line in lines(unpacked) {
            done = done.says(line);
        }
        let peer = Ministry::parse(&unpacked.ministry);
        if let (Some(answer), Ok(peer)) = (&self.answer, &peer) {
            let packed = pack(context, peer, false, answer).await?;
            done = left(context, peer, &packed, done.says(said(peer, &packed)).wrote(answer));
        }
        done.tell(context)?;
        failure(context, unpacked).map_or(Ok(()), Err)
    }
}

/// What was not taken, or is not here although the log on the stick tells of it.
fn failure(context: &Context, unpacked: &Unpacked) -> Option<CliError> {
    if unpacked.refusals == 0 && unpacked.absent == 0 {
        return None;
    }
    let mut error = match unpacked.refusals {
        0 => {
            let message = format!(
                "{} of which its log tells are neither here nor on the stick",
                counted(unpacked.absent, "message")
            );
            CliError::new(Kind::Refused, "courier-absent", message)
                .reason("COURIER_ABSENT")
                .cause("cut out of the stick, held back there, or on a stick that has not been here")
        }
        refusals => {
            let message = format!("{} on the stick could not be taken", counted(refusals, "element"));
            CliError::new(Kind::Refused, "courier-refused", message).reason("COURIER_REFUSED")
        }
    };
    for (what, reason, detail) in &unpacked.refused {
        error = error.cause(format!("{what}: {reason}: {detail}"));
    }
    // What stands before it comes first.
    let Some(first) = unpacked.missing.first() else { return Some(error) };
    let error = error.cause(format!(
        "sticks of {} that have not been here: {}",
        unpacked.ministry,
        listed(&unpacked.missing)
    ));
    Some(error.hint(context.command(&format!("queue unpack STICK-{first}"))))
}

fn lines(unpacked: &Unpacked) -> Vec<String> {
    let Unpacked { ministry, number, .. } = unpacked;
    if unpacked.already_taken {
        return vec![format!("stick {number} of {ministry} was already taken: nothing changed")];
    }
    let mut lines = vec![format!(
        "stick {number} of {ministry}: {} taken, {} held before, {} rejected; {} of theirs, {} of ours answered",
        counted(unpacked.taken, "message"),
        unpacked.held,
        unpacked.rejected,
        entries(unpacked.leaves),
        counted(unpacked.settled, "message"),
    )];
    if !unpacked.missing.is_empty() {
        lines.push(format!("not seen here: sticks {} of {ministry}", listed(&unpacked.missing)));
    }
    if unpacked.absent > 0 {
        let absent = counted(unpacked.absent, "message");
        lines.push(format!("{absent} of which its log tells are neither here nor on the stick"));
    }
    lines
}

fn listed(numbers: &[u64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Reads a whole stick before anything of it is taken; its digest, and who says to have packed it.
fn examine(path: &Path) -> Result<(Digest, String), CliError> {
    let mut file = open(path)?;
    let (mut unpacking, mut from) = (Unpacking::default(), "CODE".to_owned());
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = file.read(&mut piece).map_err(|error| paths::unreadable(path, &error))?;
        if count == 0 {
            return unpacking.finish().map(|digest| (digest, from)).map_err(|unfit| refused(&unfit));
        }
        unpacking.add(piece.get(..count).unwrap_or_default());
        while let Some(record) = unpacking.next_record().map_err(|unfit| refused(&unfit))? {
            if let Record::Opening(opening) = record {
                from = opening.from.to_string();
            }
        }
    }
}

/// Gives the bytes of a stick, as long as anybody takes them.
fn read_out(path: &Path, pieces: &mpsc::Sender<Vec<u8>>) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let count = file.read(&mut piece)?;
        piece.truncate(count);
        if count == 0 || pieces.blocking_send(piece).is_err() {
            return Ok(());
        }
    }
}

fn open(path: &Path) -> Result<File, CliError> {
    File::open(path).map_err(|error| paths::unreadable(path, &error))
}

fn refused(unfit: &Unfit) -> CliError {
    let (kind, code) = match unfit {
        Unfit::Damaged { .. } | Unfit::Truncated { .. } => (Kind::Verification, "stick-damaged"),
        Unfit::LaterRelease => (Kind::Usage, "later-release"),
        Unfit::NoStick => (Kind::Usage, "no-stick"),
    };
    CliError::new(kind, code, unfit.to_string()).reason(unfit.reason())
}

/// Pieces that wait for the gateway, and what each holds.
const PIECES_WAITING: usize = 4;
const PIECE_BYTES: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::super::context::GlobalOptions;
    use super::super::environment::Environment;
    use super::super::output::tests::kept_streams;
    use super::*;

    #[test]
    fn what_stays_behind_is_told_with_the_command_that_shows_it() {
        let peer = Ministry::parse("XB").unwrap();
        let told = |held: u64, behind: u64| {
            let (streams, _, shown) = kept_streams();
            let options = GlobalOptions { home: Some("xa/gateway".into()), ..GlobalOptions::default() };
            let context = Context::new(options, Environment::default(), streams, String::new());
            let packed =
                PackedStick { number: 1, messages: 1, parts: 0, leaves: 1, cosignatures: 0, held, behind };
            left(&context, &peer, &packed, Done::new(json!({}))).tell(&context).unwrap();
            shown.text()
        };
        assert_eq!(told(0, 0), "");
        let held = told(1, 2);
        assert!(
            held.contains("not on it: 1 held message, and 2 messages behind; XB learns of them"),
            "{held}"
        );
        assert!(held.contains("chancery --home xa/gateway queue list --ministry XB --state held"), "{held}");
        assert!(told(2, 0).contains("not on it: 2 held messages; XB"));
        assert!(told(0, 1).contains("not on it: 1 message, until what was lost of our log is back"));
    }
}
