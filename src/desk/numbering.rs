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
use crate::desk::register::{LastSent, SentEntry, SentState};
use crate::message::header::Position;
use crate::message::id::MessageId;
use crate::trust::name::Ministry;

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
        let release_time = self.clock.now().minute();
        let act_number = match composition.numbered {
            true => self.register.last_act_number_signed(&address.consultation)?.saturating_add(1),
            false => 0,
        };
        let mut positions = Vec::new();
        for addressee in &address.addressees {
            let line = (address.channel.to_string(), addressee.ministry.clone());
            let (sequence, previous) = match numbering.0.get(&line) {
                Some(last) => *last,
                None => {
                    let last = self.last_position(trust, mailbox, &line.0, &line.1).await?;
                    numbering.0.insert(line, last);
                    last
                }
            };
            positions.push(Position {
                recipient: addressee.ministry.clone(),
                sequence: sequence.saturating_add(1),
                previous,
                act_number,
                release_time,
                valid_until: composition.valid_until,
            });
        }
        Ok(positions)
    }

    /// The last position towards a recipient, by what the gateway holds and what the register says.
    async fn last_position(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        channel: &str,
        recipient: &Ministry,
    ) -> Result<(u64, Option<MessageId>), DeskError> {
        let (held, last_id) = mailbox.position(channel, recipient).await?;
        let last = self.register.last_sent(channel, recipient)?;
        let sent = last.as_ref().map_or(0, |last| last.sequence);
        if matches!(&last, Some(LastSent { state: SentState::Released | SentState::Void, .. })) {
            // What waits in front is what holds up the rest.
            let front = self.register.first_waiting(channel, recipient)?;
            if let Some(LastSent { id, reason, .. }) = front.or(last) {
                return Err(DeskError::Stuck { id, recipient: recipient.clone(), reason });
            }
            return Ok((held, last_id));
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
}
