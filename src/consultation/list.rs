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

/// What entries of a set are told apart and ordered by.
pub trait Keyed {
    /// The key.
    type Key: Ord;

    /// Its key.
    fn key(&self) -> Self::Key;
}

/// Values that are their own key.
macro_rules! own_key {
    ($($name:ty),+ $(,)?) => {
        $(impl $crate::consultation::list::Keyed for $name {
            type Key = Self;

            #[allow(clippy::clone_on_copy, reason = "some of them are Copy")]
            fn key(&self) -> Self {
                self.clone()
            }
        })+
    };
}
pub(crate) use own_key;

/// A list in the one order of its keys, each once; entries may be given in any order.
#[derive(Clone, PartialEq, Eq)]
pub struct Set<T, const MIN: usize>(List<T, MIN>);

impl<T: Keyed, const MIN: usize> Set<T, MIN> {
    /// Takes entries in any order.
    pub fn new(mut entries: Vec<T>) -> Result<Self, Fault> {
        if entries.len() < MIN {
            let message = format!("{} of at least {MIN} entries are there", entries.len());
            return Err(Fault::new(Reason::FieldMissing, message));
        }
        if entries.len() > limits::SET_ENTRIES_MAX {
            let message = format!("{} entries are more than {}", entries.len(), limits::SET_ENTRIES_MAX);
            return Err(Fault::new(Reason::ListTooLong, message));
        }
        entries.sort_by_key(Keyed::key);
        let repeated = |(one, next): (&T, &T)| one.key() == next.key();
        if entries.iter().zip(entries.iter().skip(1)).any(repeated) {
            return Err(Fault::new(Reason::EntryRepeated, "an entry stands there twice"));
        }
        Ok(Self(List(entries)))
    }

    /// The entry with this key.
    pub fn find(&self, key: &T::Key) -> Option<&T> {
        self.iter().find(|entry| entry.key() == *key)
    }
}

impl<T, const MIN: usize> Set<T, MIN> {
    /// The entries, ascending.
    pub fn as_slice(&self) -> &[T] {
        self.0.as_slice()
    }

    /// The entries one by one, ascending.
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

impl<'a, T, const MIN: usize> IntoIterator for &'a Set<T, MIN> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T, const MIN: usize> fmt::Debug for Set<T, MIN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Set")
    }
}

impl<T> Default for List<T, 0> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Default for Set<T, 0> {
    fn default() -> Self {
        Self(List::default())
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

    #[test]
    fn an_ordered_list_is_taken_up_to_its_bound_and_each_entry_once() {
        let of = |entries: Vec<Number>| Set::<Number, 1>::new(entries);
        let numbers = |count: usize| (0..count).rev().map(Number).collect::<Vec<_>>();
        let most = limits::SET_ENTRIES_MAX;
        let whole = of(numbers(most)).unwrap();
        assert!(whole.len() == most && whole.iter().map(|number| number.0).eq(0..most));
        assert_eq!(of(numbers(most + 1)).unwrap_err().reason(), Reason::ListTooLong);
        assert_eq!(of(vec![Number(1), Number(1)]).unwrap_err().reason(), Reason::EntryRepeated);
        assert_eq!(of(Vec::new()).unwrap_err().reason(), Reason::FieldMissing);
    }

    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    struct Number(usize);

    own_key!(Number);
}
