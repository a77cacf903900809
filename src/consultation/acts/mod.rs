//! The acts themselves, one file for each room of the law they belong to.
//!
//! | file | acts |
//! |---|---|
//! | `channel` | charter of a channel, credentials |
//! | `correspondence` | notes, aide-memoires, records of demarches |
//! | `opening` | consultations and their closure, positions, observers |
//! | `custody` | case, particulars, proceedings at law, death |
//! | `will` | hearsay, statements, withdrawals |
//! | `protection` | assessments, assurances, holds, publicity |
//! | `medical` | fitness to travel, commissions, manifest cases |
//! | `transfer` | requests for transfer and their answers |
//! | `exchange` | proposals, counter-proposals, lists, answers |
//! | `agreement` | exchange of notes, termination |
//! | `handover` | arrangement, go or no go, reports, and what follows |
//! | `registry` | receipts, rejections, corrections, withdrawn notes |
//! | `law`, `values` | what several of them hold |
//!
//! Here stands only what an act says. What it is (class, senders, precedence, documents) stands in `catalogue`,
//! what its fields mean in the proto files, what it does in the rules.

use crate::consultation::fault::{Fault, Faults, Reason};

pub mod agreement;
pub mod channel;
pub mod correspondence;
pub mod custody;
pub mod exchange;
pub mod handover;
pub mod law;
pub mod medical;
pub mod opening;
pub mod protection;
pub mod registry;
pub mod transfer;
pub mod values;
pub mod will;

/// Keeps a fault where a field is absent although it belongs there, or stands there although it does not.
fn belongs(field: &str, present: bool, wanted: bool, otherwise: &str, faults: &mut Faults) -> bool {
    match (present, wanted) {
        (false, true) => faults.add_at(field, Fault::missing()),
        (true, false) => faults.add_at(field, Fault::new(Reason::FieldConflict, otherwise)),
        _ => {}
    }
    present == wanted
}
