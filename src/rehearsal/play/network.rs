//! Copies on their way: each due at an instant, held back, or lost. Those due together arrive in the order in which
//! they were sent.

use std::time::Duration;

use crate::digest::Digest;
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
    pub(super) from: Ministry,
    pub(super) to: Ministry,
    /// Digest of the dispatch.
    pub(super) dispatch: Digest,
    /// None while it is held back.
    due: Option<Timestamp>,
    /// Never arrives.
    lost: bool,
    order: u64,
}

impl Network {
    /// Takes the copies of a dispatch, one to each addressee.
    pub(super) fn take(
        &mut self,
        (label, say): (&str, &Say),
        (dispatch, addressees): (Digest, &[Ministry]),
        now: Timestamp,
        usual: (Duration, Duration),
        dice: &Dice,
    ) {
        for to in addressees {
            let stated = say.travel.get(&Some(to.clone())).or_else(|| say.travel.get(&None));
            let due = match stated {
                Some(Travel::Never | Travel::Held) => None,
                Some(Travel::Takes(time)) => Some(now.after(*time)),
                None => Some(now.after(dice.between(usual.0, usual.1))),
            };
            self.sent = self.sent.saturating_add(1);
            self.under_way.push(Copy {
                label: label.to_owned(),
                from: say.sender.clone(),
                to: to.clone(),
                dispatch,
                due,
                lost: stated == Some(&Travel::Never),
                order: self.sent,
            });
        }
    }

    /// Lets copies go that were held back: of these steps, or all. Returns how many.
    pub(super) fn let_go(&mut self, labels: &[String], now: Timestamp) -> usize {
        let held = self.under_way.iter_mut().filter(|copy| copy.due.is_none() && !copy.lost);
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

    /// The step of an earlier copy between the same two that has not arrived: this one overtakes it.
    pub(super) fn overtaken_by(&self, copy: &Copy) -> Option<&str> {
        let before = |one: &&Copy| one.from == copy.from && one.to == copy.to && one.order < copy.order;
        self.under_way.iter().find(before).map(|one| one.label.as_str())
    }
}
