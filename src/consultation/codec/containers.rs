//! Lists, sets, and records that travel as exact bytes inside another.

use super::content::{Content, Entry};
use super::record::{self, Record};
use crate::consultation::describe::{Kind, Need};
use crate::consultation::fault::{Fault, Faults};
use crate::consultation::list::{Keyed, List, Set};
use crate::consultation::outline::Value;
use crate::digest::Digest;

const fn need(least: usize) -> Need {
    if least == 0 { Need::Optional } else { Need::Mandatory }
}

/// Reads every entry; none where one of them is faulty, because the list would only repeat that fault.
fn read_each<T: Entry>(wire: Vec<T::Wire>, faults: &mut Faults) -> Option<Vec<T>> {
    let count = wire.len();
    let entries = wire.into_iter().enumerate();
    let read: Vec<T> = entries
        .filter_map(|(index, wire)| faults.within_entry(index, |faults| <T as Entry>::read(wire, faults)))
        .collect();
    (read.len() == count).then_some(read)
}

fn parse_each<T: Entry>(value: Option<&Value>, faults: &mut Faults) -> Option<Vec<T>> {
    let values: &[Value] = match value.filter(|value| !value.is_blank()) {
        None => &[],
        Some(Value::List(values)) => values,
        Some(_) => return faults.take(Err(Fault::of_type("a list"))),
    };
    let entries = values.iter().enumerate();
    let read: Vec<T> = entries
        .filter_map(|(index, value)| faults.within_entry(index, |faults| <T as Entry>::parse(value, faults)))
        .collect();
    (read.len() == values.len()).then_some(read)
}

fn show_each<T: Entry>(entries: &[T]) -> Option<Value> {
    (!entries.is_empty()).then(|| Value::List(entries.iter().map(<T as Entry>::show).collect()))
}

/// Lists and sets travel alike; they differ in which entries they hold.
macro_rules! sequence {
    ($sequence:ident of $($bound:ident)+) => {
        impl<T: $($bound +)+, const MIN: usize> Content for $sequence<T, MIN> {
            type Wire = Vec<T::Wire>;
            const NEED: Need = need(MIN);

            fn read(wire: Vec<T::Wire>, faults: &mut Faults) -> Option<Self> {
                let entries = read_each(wire, faults)?;
                faults.take(Self::new(entries))
            }

            fn write(&self) -> Vec<T::Wire> {
                self.iter().map(<T as Entry>::write).collect()
            }

            fn show(&self) -> Option<Value> {
                show_each(self.as_slice())
            }

            fn parse(value: Option<&Value>, faults: &mut Faults) -> Option<Self> {
                let entries = parse_each(value, faults)?;
                faults.take(Self::new(entries))
            }

            fn kind() -> Kind {
                Kind::List(Box::new(<T as Entry>::kind()))
            }
        }
    };
}

sequence!(List of Entry);
sequence!(Set of Entry Keyed);

/// A record that travels as its exact bytes, so that "identical" means the same bytes. They are canonical, hence
/// encoding it again gives them back.
#[derive(Clone, PartialEq, Eq)]
pub struct Terms<T>(pub T);

impl<T: Record> Terms<T> {
    /// Its exact bytes.
    pub fn bytes(&self) -> Vec<u8> {
        record::encode(&self.0)
    }

    /// SHA-256 of its exact bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes())
    }
}

impl<T> std::ops::Deref for Terms<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> std::fmt::Debug for Terms<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Terms")
    }
}

impl<T: Record + Clone + PartialEq> Entry for Terms<T> {
    type Wire = Vec<u8>;
    type Slot = Vec<u8>;

    fn read(wire: Vec<u8>, faults: &mut Faults) -> Option<Self> {
        record::decode(&wire, faults).map(Self)
    }

    fn write(&self) -> Vec<u8> {
        self.bytes()
    }

    fn show(&self) -> Value {
        Value::Group(self.0.outline())
    }

    fn parse(value: &Value, faults: &mut Faults) -> Option<Self> {
        record::parse_value(value, faults).map(Self)
    }

    fn kind() -> Kind {
        Kind::Group(T::describe())
    }
}
