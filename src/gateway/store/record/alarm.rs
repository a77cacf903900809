//! Alarms: what a person must look at. One row for each code and ministry, however often it happens.

use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Two messages with one number.
pub const EQUIVOCATION_ALARM: &str = "CHN_04_EQUIVOCATION";
/// A message with precedence IMMEDIATE or FLASH was not delivered in time.
pub const URGENT_EXPIRED_ALARM: &str = "URGENT_EXPIRED";
/// A message with precedence IMMEDIATE or FLASH waits behind one that an operator holds.
pub const URGENT_HELD_UP_ALARM: &str = "URGENT_HELD_UP";
/// An operator withdrew a message with precedence IMMEDIATE or FLASH.
pub const URGENT_WITHDRAWN_ALARM: &str = "URGENT_WITHDRAWN";
/// A peer takes messages and gives no receipts.
pub const WITHHOLDING_ALARM: &str = "PEER_WITHHOLDS_RECEIPTS";
/// A sealed part is damaged or lost here, and its message cannot be delivered until its desk hands it over again.
pub const PART_DAMAGED_ALARM: &str = "PART_DAMAGED";
/// A sealed part does not reach its peer.
pub const PART_STUCK_ALARM: &str = "PART_STUCK";
/// A sealed part of a peer is refused, because it would leave less free than the floor.
pub const PART_ROOM_ALARM: &str = "PART_WITHOUT_ROOM";
/// A policy is in force whose TLS configurations could not be built.
pub const CREDENTIALS_ALARM: &str = "CREDENTIALS_REFUSED";
/// A peer's gateway announced a trust bundle that does not follow the one that is accredited.
pub const BUNDLE_REFUSED_ALARM: &str = "BUNDLE_REFUSED";
/// The revocation list of the own desk-access authority cannot be used, and the one before it stays in force.
pub const DESK_LIST_ALARM: &str = "DESK_LIST_REFUSED";
/// A key signs logs or cosignatures that the own bundle in force does not name.
pub const KEY_ALARM: &str = "KEY_NOT_ANNOUNCED";
/// The disk has no room for anything new.
pub const SPACE_ALARM: &str = "STORE_SPACE";
/// A peer refuses messages and signs nothing, so that its channel stands still.
pub const REFUSED_ALARM: &str = "REFUSED_BY_PEER";
/// A peer's log grows beyond what the messages between us account for.
pub const MIRROR_ALARM: &str = "MIRROR_QUOTA";
/// The store holds fewer entries of the administrative log than this host has seen signed.
pub const ADMINISTRATION_ALARM: &str = "ADMINISTRATION_ROLLED_BACK";
/// The home came out of a backup, and what was decided since is not in it.
pub const RESTORED_ALARM: &str = "RESTORED";
/// A message of precedence FLASH ended the pause of a peer.
pub const PAUSE_ENDED_ALARM: &str = "PAUSE_ENDED";
/// The gateway has started and nothing vouches that its store is the newest copy.
pub const UNCONFIRMED_ALARM: &str = "UNCONFIRMED";

/// Something happened that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Stable code, `CHN_04_EQUIVOCATION`.
    pub code: String,
    /// The ministry it concerns.
    pub ministry: Ministry,
    /// What happened; never personal data.
    pub detail: String,
    /// When.
    pub time: Timestamp,
}

/// An alarm as it stands: everything that happened with one code about one ministry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaisedAlarm {
    /// Stable code.
    pub code: String,
    /// The ministry it concerns.
    pub ministry: Ministry,
    /// What happened first.
    pub first_detail: String,
    /// What happened last.
    pub detail: String,
    /// When it happened first.
    pub first_time: Timestamp,
    /// When it happened last.
    pub time: Timestamp,
    /// How often it happened.
    pub count: u64,
    /// Who has seen it, and when; none where it waits for somebody.
    pub acknowledged: Option<Acknowledged>,
    /// When its cause went away; none while it stands.
    pub cleared: Option<Timestamp>,
}

/// That an operator has seen an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// When.
    pub time: Timestamp,
    /// Number of the operator's user on the gateway's host.
    pub operator: u32,
}
