//! Envelopes made by hand: whatever a registry could sign, whether or not our desk would.

use chancery::digest::Digest;
use chancery::message::envelope::{Envelope, inline_parts};
use chancery::message::header::{Address, Addressee, Header, Part, Position};
use chancery::message::id::MessageId;
use chancery::message::terms::{AddresseeKind, Level, Precedence};
use chancery::time::Clock;
use chancery::trust::signature::{self, Signer};

use super::{Stage, ministry};

/// A message to be signed, and what is sealed in it: to a gateway any bytes look like a seal.
#[derive(Clone)]
pub struct Craft {
    pub address: Address,
    pub position: Position,
    pub parts: Vec<Vec<u8>>,
}

impl Craft {
    /// A good first message on the channel of the two.
    pub fn new(stage: &Stage, from: &str, to: &str) -> Self {
        let (from, to) = (ministry(from), ministry(to));
        let mut releasable_to = vec![from.clone(), to.clone()];
        releasable_to.sort();
        let release_time = stage.clock.now().minute();
        Self {
            address: Address {
                channel: stage.world.channel(&[from.clone(), to.clone()]).unwrap(),
                consultation: "C-7QK4-M2XD-9WTV".to_owned(),
                sender: from,
                addressees: vec![Addressee { ministry: to.clone(), kind: AddresseeKind::Action }],
                precedence: Precedence::Routine,
                level: Level::Restricted,
                releasable_to,
            },
            position: Position {
                recipient: to,
                sequence: 1,
                previous: None,
                act_number: 0,
                release_time,
                valid_until: release_time.after(std::time::Duration::from_secs(24 * 3600)),
            },
            parts: vec![b"sealed".to_vec()],
        }
    }

    /// The message after `previous`, otherwise as this one.
    pub fn after(&self, previous: &Envelope) -> Self {
        self.at(previous.header().position().sequence + 1, Some(previous.id()))
    }

    /// At another place in the sequence.
    pub fn at(&self, sequence: u64, previous: Option<MessageId>) -> Self {
        let mut next = self.clone();
        next.position.sequence = sequence;
        next.position.previous = previous;
        next
    }

    /// With other sealed bytes, hence another id.
    pub fn saying(&self, sealed: &[u8]) -> Self {
        Self { parts: vec![sealed.to_vec()], ..self.clone() }
    }

    pub fn header(&self) -> Header {
        let part = |bytes: &Vec<u8>| Part { digest: Digest::of(bytes), size: bytes.len() as u64 };
        let parts: Vec<Part> = self.parts.iter().map(part).collect();
        Header::compose(&self.address, &self.position, &parts).unwrap()
    }

    /// Signed by the registry of the sender.
    pub fn signed(&self, stage: &Stage) -> Envelope {
        let house = stage.house(self.address.sender.as_str());
        self.signed_by(stage, house.keys().registry().unwrap().as_ref())
    }

    pub fn signed_by(&self, stage: &Stage, signer: &dyn Signer) -> Envelope {
        let header = self.header();
        let signature = signature::sign(header.bytes(), signer, stage.clock.now()).unwrap();
        let inline = |(content, inline): (&Vec<u8>, bool)| if inline { content.clone() } else { Vec::new() };
        let parts = self.parts.iter().zip(inline_parts(header.parts())).map(inline).collect();
        Envelope::compose(header, signature, parts).unwrap()
    }
}
