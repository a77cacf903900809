//! Every message of ours that holds lists or other messages, with its bounds; all others hold single values.
//!
//! Frames between gateways, and questions and answers of the services, have the bounds of `limits` themselves.
//! Signed records are judged list by list where they are parsed, with reasons of their own: here they only get
//! so much room that no count of entries can exhaust the memory. A test compares the table with the descriptors.

use super::shape::Field::{Many, ManyOf, Numbers, One};
use super::shape::Shape;
use crate::limits::{
    ACTS_PAGE_MAX, BATCH_ENVELOPES_MAX, COURIER_MISSING_NAMED_MAX, COURIER_REFUSED_NAMED_MAX, DAMAGES_MAX,
    FORKS_MAX, FREIGHT_SHOWN_MAX, HELLO_CHECKPOINTS_MAX, LIFETIMES_MAX, LIST_ENTRIES_MAX,
    LOG_UPDATE_LEAVES_MAX, LOGS_MAX, NEWEST_LOGS_MAX, PAGE_MAX, PATH_HASHES_MAX, PEERS_MAX, QUEUE_PAGE_MAX,
    RECEIPTS_MAX, RECORD_ENTRIES_MAX, STATUS_ALARMS_MAX,
};

/// The shape of a message type.
pub fn of<Message: prost::Name>() -> &'static Shape {
    named(Message::PACKAGE, Message::NAME)
}

fn named(package: &str, name: &str) -> &'static Shape {
    if package == CONSULTATION {
        let found = CONSULTATION_SHAPES.iter().find(|(message, _)| *message == name);
        return found.map_or(&Shape::PLAIN, |(_, shape)| *shape);
    }
    if package == DESK {
        let found = DESK_SHAPES.iter().find(|(message, _)| *message == name);
        return found.map_or(&Shape::PLAIN, |(_, shape)| *shape);
    }
    let found = TABLE.iter().find(|row| row.package == package && row.name == name);
    found.map_or(&Shape::PLAIN, |row| row.shape)
}

struct Row {
    package: &'static str,
    name: &'static str,
    shape: &'static Shape,
}

const fn row(package: &'static str, name: &'static str, shape: &'static Shape) -> Row {
    Row { package, name, shape }
}

const CONSULTATION: &str = "chancery.consultation.v1";
const DESK: &str = "chancery.desk.v1";
const GATEWAY: &str = "chancery.gateway.v1";
const GOOGLE: &str = "google.protobuf";
const MESSAGE: &str = "chancery.message.v1";
const TRUST: &str = "chancery.trust.v1";

/// Frames first: they are looked up most.
static TABLE: &[Row] = &[
    row(GATEWAY, "RelayFrame", &RELAY_FRAME),
    row(GATEWAY, "Hello", &HELLO),
    row(GATEWAY, "Deliveries", &DELIVERIES),
    row(GATEWAY, "Outcomes", &OUTCOMES),
    row(GATEWAY, "LogUpdate", &LOG_UPDATE),
    row(GATEWAY, "Copy", &COPY),
    row(GATEWAY, "SubmitStreamRequest", &SUBMIT_STREAM_REQUEST),
    row(GATEWAY, "SubmitStreamResponse", &SUBMIT_STREAM_RESPONSE),
    row(GATEWAY, "WatchSentResponse", &WATCH_SENT_RESPONSE),
    row(GATEWAY, "ListPositionsResponse", &LIST_POSITIONS_RESPONSE),
    row(GATEWAY, "ListSentResponse", &LIST_SENT_RESPONSE),
    row(GATEWAY, "SentEnvelope", &SENT_ENVELOPE),
    row(GATEWAY, "GetPolicyResponse", &GET_POLICY_RESPONSE),
    row(GATEWAY, "ListReceivedResponse", &LIST_RECEIVED_RESPONSE),
    row(GATEWAY, "GetSentRequest", &GET_SENT_REQUEST),
    row(GATEWAY, "GetSentResponse", &GET_SENT_RESPONSE),
    row(GATEWAY, "GetReceiptsResponse", &RECEIPTS),
    row(GATEWAY, "AccreditRequest", &ACCREDIT_REQUEST),
    row(GATEWAY, "ListOfferedResponse", &LIST_OFFERED_RESPONSE),
    row(GATEWAY, "HandBackRequest", &HAND_BACK_REQUEST),
    row(GATEWAY, "HandBackResponse", &HAND_BACK_RESPONSE),
    row(GATEWAY, "GetStatusResponse", &GET_STATUS_RESPONSE),
    row(GATEWAY, "PeerStatus", &PEER_STATUS),
    row(GATEWAY, "ListLogsResponse", &LIST_LOGS_RESPONSE),
    row(GATEWAY, "ProveLeafResponse", &RECEIPTS),
    row(GATEWAY, "VerifyLogsResponse", &VERIFY_LOGS_RESPONSE),
    row(GATEWAY, "ListForksResponse", &LIST_FORKS_RESPONSE),
    row(GATEWAY, "ListActsResponse", &LIST_ACTS_RESPONSE),
    row(GATEWAY, "ListQueueResponse", &LIST_QUEUE_RESPONSE),
    row(GATEWAY, "ShowQueuedResponse", &SHOW_QUEUED_RESPONSE),
    row(GATEWAY, "QueuedLeaf", &QUEUED_LEAF),
    row(GATEWAY, "HoldQueuedResponse", &ONE_QUEUED),
    row(GATEWAY, "ReleaseQueuedResponse", &ONE_QUEUED),
    row(GATEWAY, "WithdrawQueuedResponse", &WITHDRAW_QUEUED_RESPONSE),
    row(GATEWAY, "ListAlarmsResponse", &ALARMS),
    row(GATEWAY, "AcknowledgeAlarmsResponse", &ALARMS),
    row(GATEWAY, "ExportArchiveResponse", &EXPORT_ARCHIVE_RESPONSE),
    row(GATEWAY, "ArchivedLeaves", &ARCHIVED_LEAVES),
    row(GATEWAY, "CopyStoreResponse", &COPY_STORE_RESPONSE),
    row(GATEWAY, "CopyEnd", &COPY_END),
    row(GATEWAY, "PackQueueResponse", &PACK_QUEUE_RESPONSE),
    row(GATEWAY, "UnpackQueueResponse", &UNPACK_QUEUE_RESPONSE),
    row(GATEWAY, "ReviewKeyResponse", &REVIEW_KEY_RESPONSE),
    row(GOOGLE, "FieldMask", &FIELD_MASK),
    row(MESSAGE, "Envelope", &ENVELOPE),
    row(MESSAGE, "Address", &ADDRESS),
    row(MESSAGE, "Parts", &PARTS),
    row(MESSAGE, "SignedDispatch", &SIGNED_DISPATCH),
    row(MESSAGE, "Dispatch", &DISPATCH),
    row(MESSAGE, "Marking", &MARKING),
    row(TRUST, "TrustBundle", &TRUST_BUNDLE),
    row(TRUST, "ChannelPolicy", &CHANNEL_POLICY),
    row(TRUST, "ChannelRule", &CHANNEL_RULE),
];

static RELAY_FRAME: Shape = Shape {
    fields: &[
        (1, One(&HELLO)),
        (2, One(&DELIVERIES)),
        (3, One(&OUTCOMES)),
        (4, One(&LOG_UPDATE)),
        (5, One(&Shape::PLAIN)),
        (6, One(&Shape::PLAIN)),
        (7, One(&Shape::PLAIN)),
        (8, One(&COPY)),
        (9, One(&Shape::PLAIN)),
    ],
};
static HELLO: Shape = Shape { fields: &[(3, Many(HELLO_CHECKPOINTS_MAX)), (4, Many(HELLO_CHECKPOINTS_MAX))] };
static DELIVERIES: Shape = Shape { fields: &[(1, ManyOf(BATCH_ENVELOPES_MAX, &Shape::PLAIN))] };
static OUTCOMES: Shape = Shape { fields: &[(1, ManyOf(BATCH_ENVELOPES_MAX, &Shape::PLAIN))] };
static LOG_UPDATE: Shape = Shape { fields: &[(2, Many(LOG_UPDATE_LEAVES_MAX))] };
static COPY: Shape =
    Shape { fields: &[(3, ManyOf(LOG_UPDATE_LEAVES_MAX, &Shape::PLAIN)), (5, Many(PATH_HASHES_MAX))] };

static SUBMIT_STREAM_REQUEST: Shape = Shape { fields: &[(1, Many(BATCH_ENVELOPES_MAX))] };
static SUBMIT_STREAM_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(BATCH_ENVELOPES_MAX, &Shape::PLAIN))] };
static WATCH_SENT_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(BATCH_ENVELOPES_MAX, &Shape::PLAIN))] };
static LIST_POSITIONS_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(PAGE_MAX, &Shape::PLAIN))] };
static LIST_SENT_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(PAGE_MAX, &SENT_ENVELOPE))] };
static SENT_ENVELOPE: Shape = Shape { fields: &[(2, One(&Shape::PLAIN))] };
static GET_POLICY_RESPONSE: Shape = Shape { fields: &[(2, Many(PEERS_MAX))] };
static LIST_RECEIVED_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(PAGE_MAX, &Shape::PLAIN))] };
static GET_SENT_REQUEST: Shape = Shape { fields: &[(1, Many(BATCH_ENVELOPES_MAX))] };
static GET_SENT_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(BATCH_ENVELOPES_MAX, &Shape::PLAIN))] };
static RECEIPTS: Shape = Shape { fields: &[(1, Many(RECEIPTS_MAX))] };
static ACCREDIT_REQUEST: Shape = Shape { fields: &[(3, Many(PEERS_MAX))] };
static LIST_OFFERED_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(PEERS_MAX, &Shape::PLAIN))] };
static HAND_BACK_REQUEST: Shape = Shape {
    fields: &[
        (1, Many(BATCH_ENVELOPES_MAX)),
        (2, Many(BATCH_ENVELOPES_MAX)),
        (3, ManyOf(BATCH_ENVELOPES_MAX, &Shape::PLAIN)),
    ],
};
static HAND_BACK_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(LOGS_MAX, &Shape::PLAIN))] };

static GET_STATUS_RESPONSE: Shape = Shape {
    fields: &[
        (5, ManyOf(PEERS_MAX, &PEER_STATUS)),
        (8, ManyOf(STATUS_ALARMS_MAX, &Shape::PLAIN)),
        (11, One(&Shape::PLAIN)),
        (12, One(&Shape::PLAIN)),
        (14, ManyOf(LIFETIMES_MAX, &Shape::PLAIN)),
        (15, ManyOf(NEWEST_LOGS_MAX, &Shape::PLAIN)),
    ],
};
static PEER_STATUS: Shape = Shape { fields: &[(20, ManyOf(FREIGHT_SHOWN_MAX, &Shape::PLAIN))] };
static LIST_LOGS_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(LOGS_MAX, &Shape::PLAIN))] };
static VERIFY_LOGS_RESPONSE: Shape = Shape { fields: &[(3, Many(DAMAGES_MAX))] };
static EXPORT_ARCHIVE_RESPONSE: Shape = Shape {
    fields: &[
        (1, One(&Shape::PLAIN)),
        (2, One(&Shape::PLAIN)),
        (3, One(&ARCHIVED_LEAVES)),
        (4, One(&Shape::PLAIN)),
        (5, One(&Shape::PLAIN)),
    ],
};
static REVIEW_KEY_RESPONSE: Shape = Shape { fields: &[(2, Many(PEERS_MAX))] };
static PACK_QUEUE_RESPONSE: Shape = Shape { fields: &[(2, One(&Shape::PLAIN))] };
static UNPACK_QUEUE_RESPONSE: Shape = Shape {
    fields: &[
        (10, ManyOf(COURIER_REFUSED_NAMED_MAX, &Shape::PLAIN)),
        (11, Numbers(COURIER_MISSING_NAMED_MAX)),
    ],
};
static COPY_STORE_RESPONSE: Shape = Shape { fields: &[(1, One(&Shape::PLAIN)), (3, One(&COPY_END))] };
static COPY_END: Shape = Shape { fields: &[(2, ManyOf(LOGS_MAX, &Shape::PLAIN)), (3, Many(DAMAGES_MAX))] };
static ARCHIVED_LEAVES: Shape = Shape { fields: &[(1, Many(LOG_UPDATE_LEAVES_MAX))] };

static LIST_ACTS_RESPONSE: Shape = Shape { fields: &[(4, Many(ACTS_PAGE_MAX))] };
static LIST_FORKS_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(FORKS_MAX, &Shape::PLAIN))] };

static LIST_QUEUE_RESPONSE: Shape = Shape { fields: &[(1, ManyOf(QUEUE_PAGE_MAX, &Shape::PLAIN))] };
static SHOW_QUEUED_RESPONSE: Shape = Shape {
    fields: &[
        (1, One(&Shape::PLAIN)),
        (7, ManyOf(RECEIPTS_MAX, &QUEUED_LEAF)),
        (8, ManyOf(LIST_ENTRIES_MAX, &Shape::PLAIN)),
        (9, ManyOf(LIST_ENTRIES_MAX, &Shape::PLAIN)),
    ],
};
static QUEUED_LEAF: Shape = Shape { fields: &[(1, One(&Shape::PLAIN))] };
static ONE_QUEUED: Shape = Shape { fields: &[(1, One(&Shape::PLAIN))] };
static WITHDRAW_QUEUED_RESPONSE: Shape =
    Shape { fields: &[(1, One(&Shape::PLAIN)), (2, One(&Shape::PLAIN))] };
static ALARMS: Shape = Shape { fields: &[(1, ManyOf(STATUS_ALARMS_MAX, &Shape::PLAIN))] };

static FIELD_MASK: Shape = Shape { fields: &[(1, Many(LIST_ENTRIES_MAX))] };

static ENVELOPE: Shape = Shape { fields: &[(3, Many(RECORD_ENTRIES_MAX))] };
static ADDRESS: Shape =
    Shape { fields: &[(5, ManyOf(RECORD_ENTRIES_MAX, &Shape::PLAIN)), (8, Many(RECORD_ENTRIES_MAX))] };
static PARTS: Shape = Shape { fields: &[(2, ManyOf(RECORD_ENTRIES_MAX, &Shape::PLAIN))] };
static SIGNED_DISPATCH: Shape = Shape { fields: &[(2, Many(RECORD_ENTRIES_MAX))] };
static DISPATCH: Shape = Shape {
    fields: &[
        (6, One(&MARKING)),
        (7, ManyOf(RECORD_ENTRIES_MAX, &Shape::PLAIN)),
        (8, ManyOf(RECORD_ENTRIES_MAX, &Shape::PLAIN)),
        (9, ManyOf(RECORD_ENTRIES_MAX, &Shape::PLAIN)),
    ],
};
static MARKING: Shape = Shape { fields: &[(3, Numbers(RECORD_ENTRIES_MAX)), (4, Many(RECORD_ENTRIES_MAX))] };

static TRUST_BUNDLE: Shape = Shape {
    fields: &[
        (10, Many(RECORD_ENTRIES_MAX)),
        (11, Many(RECORD_ENTRIES_MAX)),
        (12, Many(RECORD_ENTRIES_MAX)),
        (13, Many(RECORD_ENTRIES_MAX)),
        (14, Many(RECORD_ENTRIES_MAX)),
        (15, Many(RECORD_ENTRIES_MAX)),
        (16, Many(RECORD_ENTRIES_MAX)),
    ],
};
static CHANNEL_POLICY: Shape = Shape {
    fields: &[(5, ManyOf(RECORD_ENTRIES_MAX, &CHANNEL_RULE)), (6, ManyOf(RECORD_ENTRIES_MAX, &Shape::PLAIN))],
};
static CHANNEL_RULE: Shape = Shape { fields: &[(2, Many(RECORD_ENTRIES_MAX))] };

// Lists of acts all have the same bound; the table of `proto/chancery/consultation/v1` is written by the build.
include!(concat!(env!("OUT_DIR"), "/consultation_shapes.rs"));

// Those of the desk service too: its callers are the ministry's own, and what a draft may hold is judged by its form.
include!(concat!(env!("OUT_DIR"), "/desk_shapes.rs"));

#[cfg(test)]
mod tests;
