//! What a script may ask of simulated desks and no real one can do: refused before anything is founded, by its name.

use std::time::Duration;

use crate::rehearsal::play::stage::last_move;
use crate::rehearsal::play::{Unfit, Wishes};
use crate::rehearsal::script::Script;
use crate::rehearsal::script::proof::time_of;

/// How long a script may last: the certificates of desks are founded for a year, and so are trust bundles.
const DAYS_MAX: u64 = 360;

/// Refuses a script that cannot be played with real gateways.
pub(super) fn refuse(script: &Script, wishes: &Wishes) -> Result<(), Unfit> {
    let last = last_move(script, wishes)?;
    let end = script.start.after(Duration::from_secs(DAYS_MAX * 24 * 3600));
    let mut now = script.start;
    for (index, one) in script.moves.iter().enumerate().take_while(|(index, _)| *index <= last) {
        now = time_of(script, one, now, index == 0);
        if now > end {
            let cause =
                format!("it happens more than {DAYS_MAX} days after the start, when certificates have ended");
            return Err(Unfit::Unreal { label: one.label.clone(), line: one.line, cause });
        }
    }
    Ok(())
}
