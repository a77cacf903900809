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
    charter(script)?;
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

/// Real desks judge by what the parties of a channel have concluded between them, which a script only supposes.
fn charter(script: &Script) -> Result<(), Unfit> {
    let plan = &script.charter;
    let named = [
        ("ceiling", plan.ceiling.is_some()),
        ("working_languages", !plan.languages.is_empty()),
        ("prevailing_language", plan.prevailing.is_some()),
        ("witnesses", plan.witnesses.0.is_some()),
        ("neutral_witnesses", plan.witnesses.1.is_some()),
    ];
    let field = named.iter().find(|(_, is_there)| *is_there).map(|(name, _)| *name);
    let Some(field) = field.or_else(|| plan.spans.keys().next().copied()) else { return Ok(()) };
    let cause = format!(
        "{field}: real desks know no charter but what their parties conclude by notes; leave [charter] out"
    );
    Err(Unfit::Unreal { label: "charter".to_owned(), line: 0, cause })
}
