//! How acts are named on the screen: by their register numbers, which every officer knows from his inbox.

use std::collections::BTreeMap;

use crate::consultation::acts::values::ActRef;
use crate::consultation::registered::Registered;
use crate::desk::casebook::Folded;
use crate::desk::reference::by_digest;

/// Register numbers by act.
#[derive(Debug, Clone, Default)]
pub(super) struct Registers(BTreeMap<ActRef, String>);

impl Registers {
    /// Those of a consultation.
    pub(super) fn of_consultation(folded: &Folded) -> Self {
        let numbers = folded.kept.iter().map(|(reference, kept)| (*reference, kept.register_number()));
        Self(numbers.collect())
    }

    /// The number of an act.
    pub(super) fn of(&self, act: &Registered) -> String {
        self.named(act.reference)
    }

    /// The same for a reference; one that is not here is shown by its digest.
    pub(super) fn named(&self, reference: ActRef) -> String {
        match self.0.get(&reference) {
            Some(number) => number.clone(),
            None => by_digest(&reference.dispatch_digest()),
        }
    }
}
