//! `Spans`: numbers under which nothing came, from the first to the last of each row of them: whoever leaves out
//! thousands takes no more room than whoever leaves out one.

use std::collections::BTreeMap;

use crate::consultation::opaque;

/// A set of numbers, kept as rows without a gap.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Spans {
    /// The last number of each row, by its first. Rows neither meet nor touch.
    rows: BTreeMap<u64, u64>,
    count: u64,
}

opaque!(Spans);

impl Spans {
    /// Puts in these numbers and all between them.
    pub(super) fn insert(&mut self, mut first: u64, mut last: u64) {
        if let Some((from, to)) = self.rows.range(..=first).next_back()
            && to.saturating_add(1) >= first
        {
            first = *from;
        }
        while let Some((from, to)) = self.rows.range(first..=last.saturating_add(1)).next() {
            let (from, to) = (*from, *to);
            last = last.max(to);
            self.rows.remove(&from);
            self.count = self.count.saturating_sub(length(from, to));
        }
        self.rows.insert(first, last);
        self.count = self.count.saturating_add(length(first, last));
    }

    /// Takes out one number.
    pub(super) fn remove(&mut self, number: u64) {
        let Some((from, to)) = self.rows.range(..=number).next_back().map(|(from, to)| (*from, *to)) else {
            return;
        };
        if number > to {
            return;
        }
        self.rows.remove(&from);
        self.count = self.count.saturating_sub(1);
        if from < number {
            self.rows.insert(from, number.saturating_sub(1));
        }
        if number < to {
            self.rows.insert(number.saturating_add(1), to);
        }
    }

    /// The last number of the row that this one stands in.
    pub(super) fn end_of_row(&self, number: u64) -> Option<u64> {
        self.rows.range(..=number).next_back().map(|(_, to)| *to).filter(|to| number <= *to)
    }

    /// How many numbers are in it.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The rows, each by its first and last number, ascending.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, u64)> {
        self.rows.iter().map(|(from, to)| (*from, *to))
    }
}

fn length(first: u64, last: u64) -> u64 {
    last.saturating_sub(first).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn spans_hold_what_a_set_of_single_numbers_holds(
            steps in proptest::collection::vec((any::<bool>(), 1..40_u64, 0..6_u64), 0..40),
        ) {
            let (mut spans, mut set) = (Spans::default(), BTreeSet::new());
            for (inserts, first, more) in steps {
                if inserts {
                    spans.insert(first, first + more);
                    set.extend(first..=first + more);
                } else {
                    spans.remove(first);
                    set.remove(&first);
                }
                let listed: Vec<u64> = spans.rows().flat_map(|(from, to)| from..=to).collect();
                prop_assert_eq!(&listed, &set.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(spans.count(), set.len() as u64);
                let rows: Vec<(u64, u64)> = spans.rows().collect();
                prop_assert!(rows.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "rows touch: {:?}", rows);
                for number in 0..50 {
                    prop_assert_eq!(spans.end_of_row(number).is_some(), set.contains(&number));
                }
            }
        }
    }
}
