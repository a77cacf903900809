//! Anew: what a Power has not got of a protective act, because its copy ended, it is owed again.
//!
//! Copies enter that were given up, withdrawn, late, or refused by their recipient, whoever did it: the operator of the
//! exposed gateway, the peer, time. Of a protective act the same signed bytes leave as owed, to go under the next free
//! number of the sequence. So nobody can un-say for a person what the person said, and nothing ends with a copy but the
//! copy.
//!
//! The first goes anew at once. Where copies end again and again, because the peer refuses them, each next one waits longer,
//! up to a bound: the act stays owed and is told, and neither log is filled with it.

use std::time::Duration;

use super::{COPY_EXPIRED, COPY_REJECTED, COPY_VOID, COPY_WITHDRAWN};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::register::{OwedEntry, SentEntry, SentState};
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::terms::{ActClass, Precedence};

/// What a copy that ended held.
enum Held {
    /// A protective act: it is owed anew.
    Protective(Box<OwedEntry>),
    /// Another act, or nothing any more.
    Other,
    /// It does not open here, and may be a protective act.
    Unknown,
}

impl Desk {
    /// Notes what is owed anew for copies of protective acts that ended. Returns how many.
    pub fn owe_anew(&self, trust: &Trust, keys: &Keys) -> Result<usize, DeskError> {
        let (mut last, mut count) = (None, 0_usize);
        loop {
            let page = self.register.ended(last.as_ref(), limits::PAGE_MAX)?;
            let Some(newest) = page.last() else { return Ok(count) };
            last = Some(newest.id);
            for copy in &page {
                let owed = match self.held_in(trust, keys, copy)? {
                    Held::Protective(owed) => Some(owed),
                    Held::Other => None,
                    // It stands among what is outstanding until it opens.
                    Held::Unknown => continue,
                };
                if self.register.note_ended(copy, owed.as_deref())? {
                    count = count.saturating_add(1);
                    let (message, recipient, state) = (&copy.id, &copy.recipient, copy.state.word());
                    tracing::warn!(%message, %recipient, state, "a copy of a protective act ended: it is owed anew");
                    match self.keep_again(keys, copy) {
                        Err(fault @ DeskError::Register(_)) => return Err(fault),
                        Err(cause) => tracing::warn!(%cause, "a document of it is not in keeping"),
                        Ok(()) => {}
                    }
                }
            }
        }
    }

    fn held_in(&self, trust: &Trust, keys: &Keys, copy: &SentEntry) -> Result<Held, DeskError> {
        let Ok(envelope) = Envelope::parse_held(&copy.envelope) else { return Ok(Held::Other) };
        let is_bare = envelope.parts().is_empty();
        let is_urgent = envelope.header().address().precedence >= Precedence::Immediate;
        let recipients = vec![copy.recipient.clone()];
        let owed = self.open_own(keys, &envelope).and_then(|signed| {
            match signed.dispatch().act_class == ActClass::Protective {
                true => self.owed_again(trust, keys, &envelope, copy.dispatch_digest, recipients).map(Some),
                false => Ok(None),
            }
        });
        match owed {
            Ok(None) => Ok(Held::Other),
            Ok(Some(mut owed)) => {
                let pause = pause_after(self.register.copies_like(copy)?);
                let not_before = self.clock.now().after(pause);
                let reason = reason_of(copy.state).to_owned();
                let owed = owed.pop().map(|owed| OwedEntry { reason, not_before, ..owed });
                Ok(owed.map_or(Held::Other, |owed| Held::Protective(Box::new(owed))))
            }
            Err(failure @ (DeskError::Register(_) | DeskError::Key(_) | DeskError::Locked)) => Err(failure),
            // Nothing of what was withdrawn before is there any more, wherever it came back from.
            Err(_) if is_bare || !is_urgent => Ok(Held::Other),
            Err(cause) => {
                tracing::debug!(message = %copy.id, %cause, "a copy that ended does not open");
                Ok(Held::Unknown)
            }
        }
    }
}

fn reason_of(state: SentState) -> &'static str {
    match state {
        SentState::Rejected => COPY_REJECTED,
        SentState::Expired => COPY_EXPIRED,
        SentState::Withdrawn => COPY_WITHDRAWN,
        _ => COPY_VOID,
    }
}

/// How long the next copy waits when so many were made.
fn pause_after(copies: u64) -> Duration {
    let Some(further) = copies.checked_sub(2) else { return Duration::ZERO };
    let factor = 4_u32.saturating_pow(u32::try_from(further).unwrap_or(u32::MAX));
    limits::OWED_ANEW_PAUSE.saturating_mul(factor).min(limits::OWED_ANEW_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_copy_goes_anew_at_once_and_others_wait_longer_up_to_a_bound() {
        let [none, first, second, third] = [0, 1, 2, 3].map(pause_after);
        assert_eq!((none, first, second), (Duration::ZERO, Duration::ZERO, limits::OWED_ANEW_PAUSE));
        assert_eq!(third, limits::OWED_ANEW_PAUSE * 4);
        assert_eq!(
            (pause_after(9), pause_after(u64::MAX)),
            (limits::OWED_ANEW_PAUSE_MAX, limits::OWED_ANEW_PAUSE_MAX)
        );
    }
}
