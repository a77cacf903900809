//! Numbering: which number the next message to each ministry bears.
//!
//! The gateway says what it holds and the register what was released; only where both agree is a number given, and
//! then those after it follow from the register and from what was released meanwhile.

use std::collections::BTreeMap;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::Composition;
use crate::desk::error::DeskError;
use crate::desk::mailbox::Mailbox;
use crate::desk::register::{LastSent, Lost, SentEntry, SentState};
use crate::message::header::{Address, Position};
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The number that an act bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActNumber {
    /// The next one; none where it does not go to all Powers.
    Next,
    /// That of an act of which it is certain that nobody has it.
    InPlaceOf(u64),
    /// Whatever a rehearsal says.
    Directed(u64),
}

/// How far each sequence has come, as far as it was asked for. Of use only while the release lock is held.
#[derive(Debug, Default)]
pub(super) struct Numbering(BTreeMap<(String, Ministry), (u64, Option<MessageId>)>);

impl Numbering {
    /// Copies were released.
    pub(super) fn advance(&mut self, released: &[SentEntry]) {
        for copy in released {
            let line = (copy.channel.clone(), copy.recipient.clone());
            self.0.insert(line, (copy.sequence, Some(copy.id)));
        }
    }
}

/// What is done where a copy before the next one has not been taken by the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nothing is numbered: whoever sends is told what stands in front. Nor is anything towards a Power to which
    /// messages of this register are lost, for good: whoever composes does not see what he has said before.
    Refuse,
    /// The next one is numbered, and leaves as soon as what is in front has left or was given up. Its number follows
    /// from the register alone, which is safe: the gateway holds no later one, or it would say so.
    Follow,
}

impl Desk {
    /// The next position towards each addressee.
    pub(super) async fn positions(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        composition: &Composition,
        numbering: &mut Numbering,
    ) -> Result<Vec<Position>, DeskError> {
        let address = &composition.address;
        // One instant for all copies: desks judge by it, and must come to the same verdict.
        let told = (self.next_act_number(composition)?, self.clock.now().minute());
        let mut positions = Vec::new();
        for addressee in &address.addressees {
            let line = (address.channel.to_string(), addressee.ministry.clone());
            let last = match numbering.0.get(&line) {
                Some(last) => *last,
                None => {
                    let last = self.last_position(trust, mailbox, (&line.0, &line.1), Behind::Refuse).await?;
                    numbering.0.insert(line, last);
                    last
                }
            };
            positions.push(self.position_after(last, &addressee.ministry, composition, told));
        }
        Ok(positions)
    }

    /// The number of the next act to all Powers of the channel; 0 for an act that goes to some of them.
    pub(super) fn next_act_number(&self, composition: &Composition) -> Result<u64, DeskError> {
        if !composition.numbered {
            return Ok(0);
        }
        let address = &composition.address;
        let used = self.register.last_act_number_used(&address.channel.to_string(), &address.consultation)?;
        Ok(used.saturating_add(1))
    }

    /// What the gateway holds towards the addressees that this register does not: it was restored from an older copy.
    /// Every act to all of them took a place towards each, so the longest of these losses counts them all.
    pub(super) async fn lost_towards(
        &self,
        mailbox: &mut Mailbox,
        address: &Address,
    ) -> Result<Vec<Lost>, DeskError> {
        let mut lost = Vec::new();
        let mut most = 0_u64;
        for addressee in &address.addressees {
            let (channel, recipient) = (address.channel.to_string(), addressee.ministry.clone());
            let (through, _) = match mailbox.position(&channel, &recipient).await {
                Err(failure) if !failure.is_passing() => continue,
                position => position?,
            };
            let used = self.register.used_through(&channel, &recipient)?;
            if let Some(count) = through.checked_sub(used).filter(|count| *count > 0) {
                most = most.max(count);
                let noted = self.clock.now();
                lost.push(Lost { channel, recipient, through, acts: 0, noted });
            }
        }
        if let Some(first) = lost.first_mut() {
            first.acts = most;
        }
        Ok(lost)
    }

    /// The position of a copy behind the last one, under the act number and the release time of all copies of the act.
    pub(super) fn position_after(
        &self,
        (sequence, previous): (u64, Option<MessageId>),
        recipient: &Ministry,
        composition: &Composition,
        (act_number, release_time): (u64, Timestamp),
    ) -> Position {
        Position {
            recipient: recipient.clone(),
            sequence: sequence.saturating_add(1),
            previous,
            act_number,
            release_time,
            valid_until: composition.valid_until,
        }
    }

    /// The last position towards a recipient, by what the gateway holds and what the register says.
    pub(super) async fn last_position(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        (channel, recipient): (&str, &Ministry),
        behind: Behind,
    ) -> Result<(u64, Option<MessageId>), DeskError> {
        let (held, last_id) = mailbox.position(channel, recipient).await?;
        let lost = self.register.lost_to(channel, recipient)?;
        if behind == Behind::Refuse && lost > 0 {
            let recipient = recipient.clone();
            return Err(DeskError::RegisterBehind { recipient, held, sent: held.saturating_sub(lost) });
        }
        let last = self.register.last_sent(channel, recipient)?;
        let sent = last.as_ref().map_or(0, |last| last.sequence);
        let used = self.register.used_through(channel, recipient)?;
        if behind == Behind::Follow && used > sent && held == used {
            // What is lost in between is noted, and this comes behind it.
            return Ok((held, last_id));
        }
        if let Some(last) = last.filter(|last| matches!(last.state, SentState::Released | SentState::Void)) {
            return self.after_waiting(held, last_id, last, (channel, recipient), behind);
        }
        let (held, last_id) = match held < sent {
            // It was restored from an older copy, and what its peer cannot give back is here.
            true => {
                self.hand_back(trust, mailbox, recipient).await?;
                mailbox.position(channel, recipient).await?
            }
            false => (held, last_id),
        };
        let recipient = recipient.clone();
        match held.cmp(&sent) {
            std::cmp::Ordering::Less => Err(DeskError::GatewayRolledBack { recipient, held, sent }),
            std::cmp::Ordering::Greater => Err(DeskError::RegisterBehind { recipient, held, sent }),
            std::cmp::Ordering::Equal => Ok((held, last_id)),
        }
    }

    /// The last position where the last copy has not been taken yet.
    fn after_waiting(
        &self,
        held: u64,
        last_id: Option<MessageId>,
        last: LastSent,
        (channel, recipient): (&str, &Ministry),
        behind: Behind,
    ) -> Result<(u64, Option<MessageId>), DeskError> {
        let (recipient, sent) = (recipient.clone(), last.sequence);
        if behind == Behind::Follow {
            return match held > sent {
                true => Err(DeskError::RegisterBehind { recipient, held, sent }),
                false => Ok((sent, Some(last.id))),
            };
        }
        // What waits in front is what holds up the rest.
        let front = self.register.first_waiting(channel, &recipient)?;
        match front.or(Some(last)) {
            Some(LastSent { id, reason, .. }) => Err(DeskError::Stuck { id, recipient, reason }),
            None => Ok((held, last_id)),
        }
    }
}
