//! `List`: entries in the order in which they were written, each once, at least `MIN` of them.

use std::fmt;

use crate::consultation::fault::{Fault, Reason};
use crate::limits;

/// A bounded list without repetition.
#[derive(Clone, PartialEq, Eq)]
pub struct List<T, const MIN: usize>(Vec<T>);

impl<T: PartialEq, const MIN: usize> List<T, MIN> {
    /// Takes between `MIN` and `LIST_ENTRIES_MAX` entries, no two of them equal.
    pub fn new(entries: Vec<T>) -> Result<Self, Fault> {
        Self::distinct_by(entries, |a, b| a == b)
    }

    /// As `new`, where `same` tells when two entries may not stand beside each other.
    pub fn distinct_by(entries: Vec<T>, same: impl Fn(&T, &T) -> bool) -> Result<Self, Fault> {
        if entries.len() < MIN {
            let message = format!("{} of at least {MIN} entries are there", entries.len());
            return Err(Fault::new(Reason::FieldMissing, message));
        }
        if entries.len() > limits::LIST_ENTRIES_MAX {
            let message = format!("{} entries are more than {}", entries.len(), limits::LIST_ENTRIES_MAX);
            return Err(Fault::new(Reason::ListTooLong, message));
        }
        for (index, entry) in entries.iter().enumerate() {
            if entries.iter().take(index).any(|earlier| same(earlier, entry)) {
                let message = format!("entry {} stands there twice", index + 1);
                return Err(Fault::new(Reason::EntryRepeated, message));
            }
        }
        Ok(Self(entries))
    }
}

impl<T, const MIN: usize> List<T, MIN> {
    /// The entries.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The entries one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a, T, const MIN: usize> IntoIterator for &'a List<T, MIN> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T, const MIN: usize> fmt::Debug for List<T, MIN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("List")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_too_many_and_repeated_entries_are_refused() {
        let reason = |entries: Vec<usize>| List::<usize, 2>::new(entries).unwrap_err().reason();
        assert_eq!(reason(vec![1]), Reason::FieldMissing);
        assert_eq!(reason(vec![1, 2, 1]), Reason::EntryRepeated);
        assert_eq!(reason((0..=limits::LIST_ENTRIES_MAX).collect()), Reason::ListTooLong);
        assert_eq!(List::<usize, 2>::new(vec![2, 1]).unwrap().as_slice(), [2, 1]);
    }
}
