//! Trials: whether a composition can be sent at all, asked before anybody consents to it.
//!
//! A composition enters; nothing leaves, or what the envelope would refuse. Nothing is numbered, signed or sealed.

use crate::desk::Desk;
use crate::desk::compose::Composition;
use crate::desk::error::DeskError;
use crate::digest::Digest;
use crate::message::dispatch::Dispatch;
use crate::message::header::{Header, Part, Position};
use crate::message::refusal::Refusal;

impl Desk {
    /// Whether headers and dispatch of it hold together. The numbers are those of a first message.
    pub fn trial(&self, composition: &Composition) -> Result<(), DeskError> {
        let refused =
            |refusal: Refusal| DeskError::Draft(format!("this cannot be sent: {}", refusal.detail()));
        let Composition { address, dispatch, .. } = composition;
        let bytes = dispatch.bytes();
        Dispatch::parse(&bytes).map_err(refused)?;
        let part = Part { digest: Digest::of(&bytes), size: 1 };
        let parts = vec![part; dispatch.documents.len().saturating_add(1)];
        for addressee in &address.addressees {
            let position = Position {
                recipient: addressee.ministry.clone(),
                sequence: 1,
                previous: None,
                act_number: u64::from(composition.numbered),
                release_time: self.clock.now().minute(),
                valid_until: composition.valid_until,
            };
            Header::compose(address, &position, &parts).map_err(refused)?;
        }
        Ok(())
    }
}
