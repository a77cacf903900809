//! `ChannelPolicy` to and from the exact bytes of its record.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use crate::canonical;
use crate::digest::Digest;
use crate::limits::SIGNED_RECORD_BYTES_MAX;
use crate::proto::trust::v1 as wire;
use crate::time::Timestamp;

use super::super::name::Ministry;
use super::{ChannelId, ChannelPolicy, ChannelRule, PolicyRefusal};

const CONTEXT: &str = "chancery/policy/v1";

/// Encodes a policy.
pub(super) fn encode(policy: &ChannelPolicy) -> Result<Vec<u8>, PolicyRefusal> {
    let channel = |(channel, rule): (&ChannelId, &ChannelRule)| wire::ChannelRule {
        channel: channel.to_string(),
        parties: rule.parties.iter().map(Ministry::to_string).collect(),
        ceiling: rule.ceiling,
        suspended: rule.suspended,
    };
    let peer = |(ministry, digest): (&Ministry, &Digest)| wire::AccreditedPeer {
        ministry: ministry.to_string(),
        bundle_digest: digest.as_bytes().to_vec(),
    };
    let record = wire::ChannelPolicy {
        context: CONTEXT.to_owned(),
        ministry: policy.ministry.to_string(),
        sequence: policy.sequence,
        issue_time: policy.issue_time.seconds(),
        channels: policy.channels.iter().map(channel).collect(),
        peers: policy.peers.iter().map(peer).collect(),
    };
    let bytes = record.encode_to_vec();
    if bytes.len() > SIGNED_RECORD_BYTES_MAX { Err(PolicyRefusal::Field("length")) } else { Ok(bytes) }
}

/// Decodes a policy and checks it as a whole.
pub(super) fn decode(bytes: &[u8]) -> Result<ChannelPolicy, PolicyRefusal> {
    let record: wire::ChannelPolicy = canonical::decode(bytes, SIGNED_RECORD_BYTES_MAX)?;
    if record.context != CONTEXT {
        return Err(PolicyRefusal::Field("context"));
    }
    let mut channels = BTreeMap::new();
    for rule in record.channels {
        let channel = ChannelId::parse(&rule.channel).map_err(|_| PolicyRefusal::Field("channel"))?;
        check_ascending(channels.last_key_value().map(|(last, _)| last), &channel, "channels")?;
        let mut parties = BTreeSet::new();
        for code in &rule.parties {
            let party = ministry(code)?;
            check_ascending(parties.last(), &party, "parties")?;
            parties.insert(party);
        }
        channels.insert(channel, ChannelRule { parties, ceiling: rule.ceiling, suspended: rule.suspended });
    }
    let mut peers = BTreeMap::new();
    for peer in record.peers {
        let code = ministry(&peer.ministry)?;
        check_ascending(peers.last_key_value().map(|(last, _)| last), &code, "peers")?;
        let digest =
            Digest::from_slice(&peer.bundle_digest).map_err(|_| PolicyRefusal::Field("bundle digest"))?;
        peers.insert(code, digest);
    }
    let issue_time = Timestamp::from_seconds(record.issue_time);
    ChannelPolicy::new(ministry(&record.ministry)?, record.sequence, issue_time, channels, peers)
}

fn ministry(code: &str) -> Result<Ministry, PolicyRefusal> {
    Ministry::parse(code).map_err(|_| PolicyRefusal::Field("code of a ministry"))
}

fn check_ascending<Key: Ord>(
    last: Option<&Key>,
    next: &Key,
    what: &'static str,
) -> Result<(), PolicyRefusal> {
    if last.is_none_or(|last| last < next) { Ok(()) } else { Err(PolicyRefusal::Order(what)) }
}
