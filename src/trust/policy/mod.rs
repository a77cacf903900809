//! Channel policies: what a blind gateway may judge by, signed by the own registry.
//!
//! Channels and accredited peers enter; exact bytes leave, and the other way round. The collections are ordered,
//! so a channel or a peer can be named once only and every policy has one encoding.

mod channel;
mod signed;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use crate::canonical::NotCanonical;
use crate::digest::Digest;
use crate::limits::{ADDRESSEES_MAX, CHANNELS_MAX, PEERS_MAX};
use crate::time::Timestamp;

use super::name::{Ministry, Name};
use super::signature::{SignatureRefusal, SigningFault};

pub use channel::{ChannelId, InvalidChannel};
pub use signed::SignedPolicy;

/// One channel: who may speak on it, and how high.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRule {
    /// Its parties, two or more.
    pub parties: BTreeSet<Ministry>,
    /// Highest level, a number of `chancery.message.v1.Level`.
    pub ceiling: u32,
    /// True while suspended: only FLASH passes.
    pub suspended: bool,
}

/// What the gateway of one ministry judges by. Peers are named with the digest of their accredited bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPolicy {
    ministry: Ministry,
    sequence: u64,
    issue_time: Timestamp,
    channels: BTreeMap<ChannelId, ChannelRule>,
    peers: BTreeMap<Ministry, Digest>,
}

impl ChannelPolicy {
    /// A policy for the gateway of `ministry`, in force from `issue_time`.
    pub fn new(
        ministry: Ministry,
        sequence: u64,
        issue_time: Timestamp,
        channels: BTreeMap<ChannelId, ChannelRule>,
        peers: BTreeMap<Ministry, Digest>,
    ) -> Result<Self, PolicyRefusal> {
        if sequence == 0 || issue_time.seconds() < 0 {
            return Err(PolicyRefusal::Field("sequence or time of issue"));
        }
        if channels.len() > CHANNELS_MAX || peers.len() > PEERS_MAX {
            return Err(PolicyRefusal::Field("number of channels or peers"));
        }
        if peers.contains_key(&ministry) {
            return Err(PolicyRefusal::OwnPeer);
        }
        for (channel, rule) in &channels {
            check_rule(&ministry, rule).map_err(|what| PolicyRefusal::Channel(channel.clone(), what))?;
        }
        Ok(Self { ministry, sequence, issue_time, channels, peers })
    }

    /// Whose gateway it is for.
    pub fn ministry(&self) -> &Ministry {
        &self.ministry
    }

    /// From 1, rising by one.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// In force from.
    pub fn issue_time(&self) -> Timestamp {
        self.issue_time
    }

    /// The channels.
    pub fn channels(&self) -> &BTreeMap<ChannelId, ChannelRule> {
        &self.channels
    }

    /// One channel.
    pub fn channel(&self, channel: &ChannelId) -> Option<&ChannelRule> {
        self.channels.get(channel)
    }

    /// The accredited peers with the digests of their bundles.
    pub fn peers(&self) -> &BTreeMap<Ministry, Digest> {
        &self.peers
    }

    /// The digest of the accredited bundle of `peer`.
    pub fn accredited_bundle(&self, peer: &Ministry) -> Option<&Digest> {
        self.peers.get(peer)
    }

    /// The name whose key signs policies of this ministry.
    pub fn registry_name(&self) -> Name {
        Name::Registry { ministry: self.ministry.clone() }
    }
}

/// Why a policy is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// A channel with a rule that is not allowed.
    #[error("the rule of channel {0} is not accepted: {1}")]
    Channel(ChannelId, &'static str),
    /// Not the bytes of one record.
    #[error("the channel policy is {0}")]
    Encoding(#[from] NotCanonical),
    /// A field with a content that is not allowed.
    #[error("the channel policy's {0} is not accepted")]
    Field(&'static str),
    /// Issued after the instant of judgement.
    #[error("the channel policy is in force from {0} only")]
    NotInForce(Timestamp),
    /// Channels, parties or peers are not ascending, or one stands twice.
    #[error("the {0} of the channel policy are not in ascending order")]
    Order(&'static str),
    /// The ministry itself among its peers.
    #[error("the ministry is named as its own peer")]
    OwnPeer,
    /// The signature over it is not believed.
    #[error(transparent)]
    Signature(#[from] SignatureRefusal),
    /// It does not follow the policy before it.
    #[error("the channel policy does not follow the one before it: {0}")]
    Succession(&'static str),
}

impl PolicyRefusal {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Channel(..) => "POLICY_CHANNEL",
            Self::Encoding(_) => "RECORD_NOT_CANONICAL",
            Self::Field(_) => "POLICY_FIELD",
            Self::NotInForce(_) => "POLICY_NOT_IN_FORCE",
            Self::Order(_) => "POLICY_ORDER",
            Self::OwnPeer => "POLICY_OWN_PEER",
            Self::Signature(refusal) => refusal.reason(),
            Self::Succession(_) => "POLICY_SUCCESSION",
        }
    }
}

/// Why a policy could not be issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// The gateway would not believe it.
    #[error(transparent)]
    Content(#[from] PolicyRefusal),
    /// The key did not sign.
    #[error(transparent)]
    Signing(#[from] SigningFault),
}

/// Numbers of `chancery.message.v1.Level`, the unspecified one left out.
const LEVELS: std::ops::RangeInclusive<u32> = 1..=5;

fn check_rule(ministry: &Ministry, rule: &ChannelRule) -> Result<(), &'static str> {
    if !(2..=ADDRESSEES_MAX).contains(&rule.parties.len()) {
        return Err("too few or too many parties");
    }
    if !rule.parties.contains(ministry) {
        return Err("the ministry is not a party");
    }
    if LEVELS.contains(&rule.ceiling) { Ok(()) } else { Err("the ceiling is not a level") }
}

#[cfg(test)]
mod tests;
