//! The casebook of a desk: what it knows of every consultation, sealed at rest and made anew at any time.
//!
//! Registered envelopes enter, each opened once; consultations as the pure `consultation::casebook` folds them leave,
//! and an index across them. What is written lies in one file, `casebook.db`, sealed to the desk's own reading key and
//! bound to it. Nothing there is a source: the register is, and whatever is missing, torn, altered or of another
//! release is written anew from it.
//!
//! | file | does |
//! |---|---|
//! | `wax` | seals, opens and binds with the reading key |
//! | `shelf` | sealed volumes in a database, and how far the register has come into them |
//! | `kept` | what is kept of a message, in its exact bytes |
//! | `index`, `index_record` | persons, names and urgent messages across consultations |
//! | `growth` | brings what the register has and the casebook has not, in batches |
//! | `reading` | the index, and what was kept of a consultation |
//! | `memory` | what one process has read already |
//! | `knowledge` | what is known beside an act that is to be judged |
//! | `charters` | what the parties of a channel agreed on |
//! | `homes` | the consultation that a person belongs to |
//! | `persons` | references minted, names shown and to whom |
//! | `vouching` | whose word makes a name one that no text may contain |
//! | `papers` | which messages carried a document, and how they were marked |
//! | `promises` | where other consultations send the persons of this one |
//! | `departing` | may this person leave now, and every reason why not |
//! | `supplying` | what a form may leave out |
//! | `attending` | rejections and receipts that this desk owes |
//! | `folding` | a consultation, folded by the pure casebook |
//!
//! What must never happen: that a reference, a name or an act stands in clear in a file, that a command opens
//! envelopes that were opened before, or that a verdict depends on the order in which messages came.

mod attending;
mod charters;
mod departing;
mod folding;
mod growth;
mod homes;
mod index;
mod index_record;
mod kept;
mod knowledge;
mod memory;
mod papers;
mod persons;
mod promises;
mod reading;
mod shelf;
mod supplying;
mod vouching;
mod wax;

pub use attending::{Answered, Attended};
pub use departing::Departure;
pub use folding::Folded;
pub use growth::Growth;
pub use index::{Index, KnownName};
pub use kept::Kept;
pub(super) use knowledge::Knowledge;
pub(super) use memory::Memory;
pub use persons::Lookup;
pub(super) use persons::may_know;
pub use supplying::HeldHere;
pub use vouching::is_vouched_for;

use shelf::{Place, Spine};

/// The topic of the volume that holds the index; every other topic is a consultation.
const INDEX_TOPIC: &str = "index";

/// What stands on the shelf, in memory; the volumes of consultations are not.
#[derive(Debug, Default)]
struct Contents {
    place: Place,
    spines: Vec<Spine>,
    index: Index,
}
