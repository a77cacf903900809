//! What registered acts amount to: pure functions from a past to the states of a consultation and of each person.
//!
//! A past, a person, an instant and the charter enter; states leave, each with the acts it rests on. They are the
//! same at every desk that holds the same past, whatever the order in which acts came. Rules judge an act by them on
//! its declared past; a desk asks them of everything it holds.
//!
//! | file | answers |
//! |---|---|
//! | `opening` | whether the consultation is open, who takes part and as what |
//! | `custody` | who holds a person, whether he lives |
//! | `places` | where the words for a place lead, by the case as it was and is |
//! | `will` | what he wants, and whether that still counts |
//! | `protection` | what he has to fear at a destination |
//! | `medical`, `judicial`, `holds`, `exposure` | fitness and eligibility, proceedings, holds, publicity |
//! | `exchange` | which round of a proposal is live, which lines were found to match |
//! | `commitments` | what was agreed and arranged, and what ended |
//! | `offers` | what one ministry offered and what may still bind it |
//! | `promised` | whether he is promised twice |
//! | `guard` | all that stands against moving one person as agreed |
//! | `go` | who said GO or NO GO, and whose word is needed |
//! | `departure` | whether he may leave now |
//! | `unnumbered` | what went to some Powers only and may stop him |
//! | `reports` | what was reported of his handover, and what stood against it |
//! | `stage`, `reached` | where his case stands, and the words for it |
//! | `next_steps` | who must act next, by when, and what blocks it |
//! | `acknowledgement` | which urgent acts nobody acknowledged in time |
//! | `countersignature` | which protective acts a second office stands behind |
//!
//! Two asymmetries run through all of it. What permits must stand, and must be the last word of somebody who knew
//! everything against it; what stops need not stand, may be a rumour, and stays until it is overcome. And "later"
//! means that the sender knew the earlier act, not that a clock says so.
//!
//! What must never happen: a state that depends on the order of arrival, on a clock, or on anything but past,
//! instant and charter.

pub mod acknowledgement;
pub mod commitments;
pub mod countersignature;
pub mod custody;
pub mod departure;
pub mod exchange;
pub mod exposure;
pub mod go;
pub mod guard;
pub mod holds;
pub mod judicial;
pub mod medical;
pub mod next_steps;
pub mod offers;
pub mod opening;
pub mod places;
pub mod promised;
pub mod protection;
pub mod reached;
pub mod reports;
pub mod stage;
pub mod unnumbered;
pub mod will;

/// Picks the acts of one kind out of registered ones, each with what it says.
macro_rules! saying {
    ($acts:expr, $kind:ident) => {
        $acts.filter_map(|one| match &one.act {
            Some($crate::consultation::act::Act::$kind(act)) => Some((one, act)),
            _ => None,
        })
    };
}
pub(crate) use saying;

#[cfg(test)]
mod edges;
#[cfg(test)]
pub(crate) mod samples;
