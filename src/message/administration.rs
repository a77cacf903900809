//! `AdministrativeLeaf`: what a gateway writes into the log of its own administration, and a desk into the record of
//! its own. A leaf names what was done, by whom as a number or an office and why as a code, never anything about a
//! person.

use std::fmt;

use crate::canonical;
use crate::digest::{Digest, InvalidDigest};
use crate::limits;
use crate::message::refusal::{Reason, Refusal};
use crate::proto::message::v1 as wire;
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::vocabulary;
use prost::Message as _;

const CONTEXT: &str = "chancery/administration/v1";

vocabulary! {
    /// What was done.
    pub enum AdministrativeVerb {
        /// A log was begun behind another.
        Opened = 1 "OPENED",
        /// The gateway's process started.
        Started = 2 "STARTED",
        /// It was told to stop.
        Stopped = 3 "STOPPED",
        /// Certificates, keys and revocation lists were read again.
        Reloaded = 4 "RELOADED",
        /// A channel policy came into force.
        Policy = 5 "POLICY",
        /// A trust bundle of a ministry was accredited.
        PeerAccredited = 6 "PEER_ACCREDITED",
        /// A ministry is not accredited any more.
        PeerRemoved = 7 "PEER_REMOVED",
        /// Signing was let begin before the peer had spoken, or lost leaves were given up.
        PeerConfirmed = 8 "PEER_CONFIRMED",
        /// Nothing is exchanged with a peer from now on.
        PeerPaused = 9 "PEER_PAUSED",
        /// Its messages travel again.
        PeerResumed = 10 "PEER_RESUMED",
        /// A message is not carried from now on.
        MessageHeld = 11 "MESSAGE_HELD",
        /// It is carried again.
        MessageReleased = 12 "MESSAGE_RELEASED",
        /// A message, or everything for a ministry, was made due at once.
        MessageRetried = 13 "MESSAGE_RETRIED",
        /// A message was withdrawn before its recipient had answered for it.
        MessageWithdrawn = 14 "MESSAGE_WITHDRAWN",
        /// An alarm was acknowledged; its code is the reason.
        AlarmAcknowledged = 15 "ALARM_ACKNOWLEDGED",
        /// A backup was made.
        BackupMade = 16 "BACKUP_MADE",
        /// The gateway was restored from a backup.
        Restored = 17 "RESTORED",
        /// Messages for a ministry were written for a courier.
        PackWritten = 18 "PACK_WRITTEN",
        /// What a courier brought was read.
        PackRead = 19 "PACK_READ",
        /// A key of the gateway was replaced.
        KeyRotated = 20 "KEY_ROTATED",
        /// A revocation list of an authority was taken.
        RevocationTaken = 21 "REVOCATION_TAKEN",
        /// A key of one more office was made.
        OfficeAdded = 22 "OFFICE_ADDED",
        /// The keys of a home were certified in the home of the ministry.
        KeysCertified = 23 "KEYS_CERTIFIED",
        /// A key was put under another passphrase.
        PassphraseChanged = 24 "PASSPHRASE_CHANGED",
        /// The next key was made beside the one in use.
        RotationBegun = 25 "ROTATION_BEGUN",
        /// The next key was given up.
        RotationAbandoned = 26 "ROTATION_ABANDONED",
        /// The reading keys were written into a file.
        KeyRevealed = 27 "KEY_REVEALED",
        /// The next bundle of the own ministry was signed for this home.
        BundleSigned = 28 "BUNDLE_SIGNED",
        /// A bundle of the own ministry was put in force.
        BundleInstalled = 29 "BUNDLE_INSTALLED",
        /// A bundle of a peer took the place of the one before it.
        PeerUpdated = 30 "PEER_UPDATED",
        /// The configuration was found to be another one than before.
        SettingsChanged = 31 "SETTINGS_CHANGED",
        /// A client of the desk service was certified.
        ClientEnrolled = 32 "CLIENT_ENROLLED",
        /// No call of a client is taken from now on.
        ClientSuspended = 33 "CLIENT_SUSPENDED",
        /// Its calls are taken again.
        ClientReadmitted = 34 "CLIENT_READMITTED",
        /// What a restored register lacks of messages to a ministry was given up: it opens no more.
        LossesGivenUp = 35 "LOSSES_GIVEN_UP",
    }
}

impl AdministrativeVerb {
    /// Whether a desk may tell its gateway of such an act of its own.
    pub fn is_of_a_desk(self) -> bool {
        use AdministrativeVerb::{
            BackupMade, KeyRotated, Opened, PeerAccredited, PeerRemoved, Policy, Reloaded, Restored, Started,
            Stopped,
        };
        let shared = [
            BackupMade,
            KeyRotated,
            Opened,
            PeerAccredited,
            PeerRemoved,
            Policy,
            Reloaded,
            Restored,
            Started,
            Stopped,
        ];
        shared.contains(&self) || self.number() >= Self::OfficeAdded.number()
    }
}

/// Who did something to the gateway or the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A desk of the own ministry, as its own record has it.
    Desk,
    /// The gateway by itself.
    Gateway,
    /// The own registry, by what it has signed.
    Registry,
    /// The user with this number on the gateway's host, as its system tells it.
    User(u32),
}

impl Actor {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "desk" => Some(Self::Desk),
            "gateway" => Some(Self::Gateway),
            "registry" => Some(Self::Registry),
            _ => text.strip_prefix("uid:")?.parse().ok().map(Self::User),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Desk => f.write_str("desk"),
            Self::Gateway => f.write_str("gateway"),
            Self::Registry => f.write_str("registry"),
            Self::User(number) => write!(f, "uid:{number}"),
        }
    }
}

/// What was done to a gateway or a desk, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdministrativeAct {
    /// What was done.
    pub verb: AdministrativeVerb,
    /// The ministry it concerns.
    pub ministry: Option<Ministry>,
    /// The message, record, file or checkpoint it concerns.
    pub concerns: Option<Digest>,
    /// Why: a code, never a text; may be empty.
    pub reason: String,
    /// By whom.
    pub who: Actor,
}

impl AdministrativeAct {
    /// An act that concerns nothing in particular.
    pub fn new(verb: AdministrativeVerb, who: Actor) -> Self {
        Self { verb, ministry: None, concerns: None, reason: String::new(), who }
    }

    /// The same about a ministry.
    #[must_use]
    pub fn about(mut self, ministry: &Ministry) -> Self {
        self.ministry = Some(ministry.clone());
        self
    }

    /// The same concerning a message, record, file or checkpoint.
    #[must_use]
    pub fn concerning(mut self, digest: Digest) -> Self {
        self.concerns = Some(digest);
        self
    }

    /// The same for a reason. One that is no code is left out: no text in which somebody could be named gets in.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = if is_reason(reason) { reason.to_owned() } else { String::new() };
        self
    }
}

/// Whether a text is the reason that an operator may give: a code or the number of a ticket; it may be empty.
pub fn is_reason(text: &str) -> bool {
    let fits = |symbol: char| symbol.is_ascii_uppercase() || symbol.is_ascii_digit() || "_-".contains(symbol);
    text.chars().all(fits) && text.len() <= limits::OPERATOR_REASON_MAX
}

/// One entry of the administrative log, or of the record of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdministrativeLeaf {
    /// What was done.
    pub act: AdministrativeAct,
    /// When, by the clock of whoever keeps the log.
    pub time: Timestamp,
}

impl AdministrativeLeaf {
    /// The exact bytes that are hashed into the log.
    pub fn bytes(&self) -> Vec<u8> {
        let AdministrativeAct { verb, ministry, concerns, reason, who } = &self.act;
        wire::AdministrativeLeaf {
            context: CONTEXT.to_owned(),
            verb: verb.number(),
            ministry: ministry.as_ref().map(ToString::to_string).unwrap_or_default(),
            digest: concerns.map(|digest| digest.as_bytes().to_vec()).unwrap_or_default(),
            reason: reason.clone(),
            who: who.to_string(),
            time: self.time.seconds(),
        }
        .encode_to_vec()
    }

    /// Parses exact leaf bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let record: wire::AdministrativeLeaf = canonical::decode(bytes, limits::LEAF_BYTES_MAX)?;
        let verb = AdministrativeVerb::from_number(record.verb).ok_or_else(malformed)?;
        let ministry = match record.ministry.as_str() {
            "" => None,
            code => Some(Ministry::parse(code).map_err(|_| malformed())?),
        };
        let concerns = match record.digest.as_slice() {
            [] => None,
            digest => Some(Digest::from_slice(digest).map_err(|InvalidDigest| malformed())?),
        };
        let who = Actor::parse(&record.who).ok_or_else(malformed)?;
        if record.context != CONTEXT || !is_reason(&record.reason) || record.time <= 0 {
            return Err(malformed());
        }
        let act = AdministrativeAct { verb, ministry, concerns, reason: record.reason, who };
        let leaf = Self { act, time: Timestamp::from_seconds(record.time) };
        if leaf.bytes() == bytes { Ok(leaf) } else { Err(malformed()) }
    }
}

fn malformed() -> Refusal {
    Refusal::new(Reason::Malformed, "not an administrative log leaf of format version 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(who: Actor) -> AdministrativeLeaf {
        let act = AdministrativeAct::new(AdministrativeVerb::MessageHeld, who)
            .about(&Ministry::parse("XB").unwrap())
            .concerning(Digest::of(b"message"))
            .because("TICKET-7");
        AdministrativeLeaf { act, time: Timestamp::from_seconds(1_795_000_000) }
    }

    #[test]
    fn what_was_written_reads_back_as_it_was() {
        for who in [Actor::Desk, Actor::Gateway, Actor::Registry, Actor::User(0), Actor::User(u32::MAX)] {
            let leaf = leaf(who);
            assert_eq!(AdministrativeLeaf::parse(&leaf.bytes()).unwrap(), leaf);
        }
        for verb in AdministrativeVerb::ALL {
            let act = AdministrativeAct::new(*verb, Actor::Gateway);
            let leaf = AdministrativeLeaf { act, time: Timestamp::from_seconds(1) };
            assert_eq!(AdministrativeLeaf::parse(&leaf.bytes()).unwrap(), leaf);
        }
    }

    #[test]
    fn a_desk_tells_of_acts_of_desks_and_of_no_others() {
        let of_gateways = AdministrativeVerb::ALL.iter().filter(|verb| !verb.is_of_a_desk());
        let of_gateways: Vec<&str> = of_gateways.map(|verb| verb.word()).collect();
        assert!(!of_gateways.contains(&"RELOADED"), "a desk that serves reads its clients again");
        assert!(of_gateways.contains(&"MESSAGE_WITHDRAWN") && of_gateways.contains(&"PEER_CONFIRMED"));
        assert_eq!(of_gateways.len(), 11, "{of_gateways:?}");
    }

    #[test]
    fn a_text_in_which_somebody_could_be_named_never_gets_into_a_leaf() {
        for text in ["about Mr Doe", "ticket 7", &"X".repeat(33)] {
            let act = AdministrativeAct::new(AdministrativeVerb::PeerPaused, Actor::User(7)).because(text);
            assert_eq!(act.reason, "", "{text}");
        }
    }

    #[test]
    fn what_no_gateway_of_ours_would_write_is_refused() {
        let good = wire::AdministrativeLeaf::decode(leaf(Actor::User(7)).bytes().as_slice()).unwrap();
        let breaks: [fn(&mut wire::AdministrativeLeaf); 9] = [
            |leaf| leaf.context = "chancery/leaf/v1".to_owned(),
            |leaf| leaf.verb = 0,
            |leaf| leaf.verb = 999,
            |leaf| leaf.ministry = "xb".to_owned(),
            |leaf| leaf.digest = vec![1; 31],
            |leaf| leaf.reason = "about Mr Doe".to_owned(),
            |leaf| leaf.who = "uid:007".to_owned(),
            |leaf| leaf.who = "root".to_owned(),
            |leaf| leaf.time = 0,
        ];
        for (number, broken) in breaks.iter().enumerate() {
            let mut record = good.clone();
            broken(&mut record);
            let refused = AdministrativeLeaf::parse(&record.encode_to_vec()).unwrap_err();
            assert_eq!(refused.reason(), Reason::Malformed, "break {number}");
        }
    }
}
