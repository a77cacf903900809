//! Copies on their way: each due at an instant, held back, or lost. Those due together arrive in the order in which
//! they were sent.

use std::time::Duration;

use super::dispatch::Message;
use crate::rehearsal::dice::Dice;
use crate::rehearsal::script::{Say, Travel};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The network.
#[derive(Default)]
pub(super) struct Network {
    under_way: Vec<Copy>,
    sent: u64,
}

/// One copy.
pub(super) struct Copy {
    pub(super) label: String,
    pub(super) to: Ministry,
    pub(super) message: Message,
    /// None while it is held back.
    due: Option<Timestamp>,
    order: u64,
}

impl Network {
    /// Takes the copies of a message; those that are lost are gone.
    pub(super) fn take(
        &mut self,
        label: &str,
        say: &Say,
        message: &Message,
        now: Timestamp,
        usual: (Duration, Duration),
        dice: &Dice,
    ) {
        for addressee in &message.address.addressees {
            let to = addressee.ministry.clone();
            let stated = say.travel.get(&Some(to.clone())).or_else(|| say.travel.get(&None));
            let due = match stated {
                Some(Travel::Never) => continue,
                Some(Travel::Held) => None,
                Some(Travel::Takes(time)) => Some(now.after(*time)),
                None => Some(now.after(dice.between(usual.0, usual.1))),
            };
            self.sent = self.sent.saturating_add(1);
            let (label, message) = (label.to_owned(), message.clone());
            self.under_way.push(Copy { label, to, message, due, order: self.sent });
        }
    }

    /// Lets copies go that were held back: of these steps, or all. Returns how many.
    pub(super) fn let_go(&mut self, labels: &[String], now: Timestamp) -> usize {
        let held = self.under_way.iter_mut().filter(|copy| copy.due.is_none());
        let meant = held.filter(|copy| labels.is_empty() || labels.contains(&copy.label));
        meant.map(|copy| copy.due = Some(now)).count()
    }

    /// The next copy that is due by now, with the instant when it arrives.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<(Timestamp, Copy)> {
        let due = self
            .under_way
            .iter()
            .enumerate()
            .filter_map(|(index, copy)| Some((copy.due?, copy.order, index)));
        let (time, _, index) = due.filter(|(time, ..)| *time <= now).min()?;
        Some((time, self.under_way.remove(index)))
    }
}
