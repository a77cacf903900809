//! Courier sticks on the operator's socket: the exact bytes of a stick, out and in.

use std::pin::Pin;
use std::sync::Arc;

use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::canonical::shapes;
use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::courier::{CourierRefusal, Item, Items, PackEnd, Packing, Unpacked};
use crate::gateway::error::Fault;
use crate::gateway::serve::{failed, malformed, wire as frames};
use crate::limits;
use crate::message::courier::{self, Record, Unpacking};
use crate::proto::gateway::v1 as wire;
use crate::transport::status;

/// The bytes of a stick, and at their end what was packed.
pub(super) type Packed = Pin<Box<dyn Stream<Item = Result<wire::PackQueueResponse, Status>> + Send>>;

/// Items that wait to be written or judged: pieces of parts are the largest.
const ITEMS_WAITING: usize = 4;

/// Packs as the bytes are read.
pub(super) fn pack(gateway: Arc<Gateway>, packing: Packing) -> Packed {
    let (out, pieces) = mpsc::channel(ITEMS_WAITING);
    tokio::spawn(async move {
        let (sink, items) = mpsc::channel(ITEMS_WAITING);
        let packing = async {
            let ended = gateway.pack(packing, &sink).await;
            drop(sink);
            ended
        };
        let (ended, written) = tokio::join!(packing, write(items, &out));
        let last = match (ended, written) {
            (Ok(end), Some(last)) => last_pieces(end, last),
            (Ok(_), None) => return,
            (Err(refusal), _) => vec![Err(refused(&refusal))],
        };
        for piece in last {
            // Whoever asked may have gone.
            let _gone = out.send(piece).await;
        }
    });
    Box::pin(ReceiverStream::new(pieces))
}

type Piece = Result<wire::PackQueueResponse, Status>;

fn data(bytes: Vec<u8>) -> Piece {
    Ok(wire::PackQueueResponse { piece: Some(wire::pack_queue_response::Piece::Data(bytes)) })
}

fn last_pieces(end: PackEnd, last: Vec<u8>) -> Vec<Piece> {
    let PackEnd { number, messages, parts, leaves, cosignatures, held, behind } = end;
    let summary = wire::PackedStick { number, messages, parts, leaves, cosignatures, held, behind };
    let piece = wire::pack_queue_response::Piece::End(summary);
    vec![data(last), Ok(wire::PackQueueResponse { piece: Some(piece) })]
}

/// Writes items as records; the bytes of the last record, where somebody took all before it.
async fn write(
    mut items: mpsc::Receiver<Result<Item, CourierRefusal>>,
    out: &mpsc::Sender<Piece>,
) -> Option<Vec<u8>> {
    let mut packing: Option<courier::Packing> = None;
    while let Some(item) = items.recv().await {
        let bytes = match (item, &mut packing) {
            (Ok(Item::Opening(opening)), none @ None) => {
                let (begun, bytes) = courier::Packing::begin(&opening);
                *none = Some(begun);
                bytes
            }
            (Ok(Item::Frame(frame)), Some(packing)) => packing.frame(&frames::encode(frame).encode_to_vec()),
            (Ok(Item::Part { digest, size }), Some(packing)) => packing.part(&digest, size),
            (Ok(Item::Piece(piece)), Some(packing)) => packing.piece(&piece),
            _ => return None,
        };
        out.send(data(bytes)).await.ok()?;
    }
    packing.map(courier::Packing::end)
}

/// Takes a stick as its bytes come.
pub(super) async fn unpack(
    gateway: &Arc<Gateway>,
    mut pieces: Streaming<wire::UnpackQueueRequest>,
    operator: u32,
) -> Result<wire::UnpackQueueResponse, Status> {
    let first = pieces.message().await?.ok_or_else(|| malformed("the first piece"))?;
    let digest = match first.digest.as_slice() {
        [] => None,
        digest => Some(Digest::from_slice(digest).map_err(|_| malformed("the digest"))?),
    };
    let (sink, items): (_, Items) = mpsc::channel(ITEMS_WAITING);
    let reading = tokio::spawn(read(first.data, pieces, sink));
    let unpacked = gateway.unpack(items, digest, operator).await;
    reading.abort();
    unpacked.map(told).map_err(|refusal| refused(&refusal))
}

async fn read(
    first: Vec<u8>,
    mut pieces: Streaming<wire::UnpackQueueRequest>,
    sink: mpsc::Sender<Result<Item, CourierRefusal>>,
) {
    let (mut unpacking, mut bytes) = (Unpacking::default(), first);
    loop {
        unpacking.add(&bytes);
        loop {
            let item = match unpacking.next_record() {
                Ok(None) => break,
                Ok(Some(record)) => item(record),
                Err(unfit) => Err(unfit.into()),
            };
            let ends = item.is_err();
            if sink.send(item).await.is_err() || ends {
                return;
            }
        }
        bytes = match pieces.message().await {
            Ok(Some(piece)) => piece.data,
            Ok(None) => break,
            Err(_) => return,
        };
    }
    // Whoever judges may have had enough.
    let _gone = sink.send(unpacking.finish().map(Item::End).map_err(CourierRefusal::from)).await;
}

fn item(record: Record) -> Result<Item, CourierRefusal> {
    Ok(match record {
        Record::Opening(opening) => Item::Opening(opening),
        Record::Frame(bytes) => Item::Frame(frame(&bytes)?),
        Record::Part { digest, size } => Item::Part { digest, size },
        Record::Piece(piece) if piece.len() > limits::PIECE_BYTES_MAX => {
            return Err(CourierRefusal::Misshapen("a piece is over its bound"));
        }
        Record::Piece(piece) => Item::Piece(piece),
    })
}

/// A frame, counted before it is decoded, as the codec of the wire does.
fn frame(bytes: &[u8]) -> Result<crate::gateway::frame::Frame, CourierRefusal> {
    let misshapen = || CourierRefusal::Misshapen("a frame cannot be read");
    shapes::of::<wire::RelayFrame>().check(bytes).map_err(|_| misshapen())?;
    let frame = wire::RelayFrame::decode(bytes).map_err(|_| misshapen())?;
    frames::decode(frame).map_err(|_: Fault| misshapen())
}

fn told(unpacked: Unpacked) -> wire::UnpackQueueResponse {
    let refused = unpacked.refused.into_iter().map(|one| wire::RefusedOnStick {
        what: one.what,
        reason: one.reason,
        detail: frames::plain_words(&one.detail),
    });
    wire::UnpackQueueResponse {
        ministry: unpacked.from,
        number: unpacked.number,
        already_taken: unpacked.already_taken,
        taken: unpacked.taken,
        held: unpacked.held,
        rejected: unpacked.rejected,
        leaves: unpacked.leaves,
        settled: unpacked.settled,
        refusals: unpacked.refusals,
        refused: refused.collect(),
        missing: unpacked.missing,
        absent: unpacked.absent,
    }
}

fn refused(refusal: &CourierRefusal) -> Status {
    let code = match refusal {
        CourierRefusal::Failed(fault) => return failed(fault),
        CourierRefusal::NotAccredited(_) => Code::NotFound,
        _ => Code::FailedPrecondition,
    };
    status::refusal(code, refusal.word(), refusal.to_string())
}
