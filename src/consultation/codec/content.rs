//! What a field can hold, whatever shows or carries it: four directions for every type, each written once.
//!
//! `Entry` is one value (a text, a term, a reference, a record); `Content` is what a field holds (an entry, one
//! that may be absent, a list, yes or no). Both go to and from the wire and to and from the outline. `record!`
//! puts fields together; so codec, form and rendering of an act follow from the types of its fields.

use crate::consultation::describe::{Kind, Need};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::outline::Value;

/// One value of an act.
pub trait Entry: Sized + Clone + PartialEq {
    /// Its type in the generated messages, in a list.
    type Wire;
    /// Its type in the generated messages, in a field of its own.
    type Slot: Slot<Self::Wire>;

    /// Reads what came over the wire; faults are kept where the value is none.
    fn read(wire: Self::Wire, faults: &mut Faults) -> Option<Self>;
    /// As it goes over the wire.
    fn write(&self) -> Self::Wire;
    /// As it is shown.
    fn show(&self) -> Value;
    /// Reads what somebody wrote.
    fn parse(value: &Value, faults: &mut Faults) -> Option<Self>;
    /// What it is.
    fn kind() -> Kind;
}

/// How a single field of a generated message says that it is absent.
pub trait Slot<Wire>: Sized {
    /// What stands there.
    fn take(self) -> Option<Wire>;
    /// The field with this in it.
    fn put(wire: Option<Wire>) -> Self;
}

macro_rules! emptiable {
    ($($wire:ty: $absent:expr;)+) => {
        $(impl Slot<$wire> for $wire {
            fn take(self) -> Option<$wire> {
                let absent: $wire = $absent;
                (self != absent).then_some(self)
            }

            fn put(wire: Option<$wire>) -> Self {
                wire.unwrap_or($absent)
            }
        })+
    };
}

emptiable! {
    String: String::new();
    Vec<u8>: Vec::new();
    i32: 0;
    i64: 0;
    u32: 0;
    u64: 0;
}

impl<Message> Slot<Message> for Option<Message> {
    fn take(self) -> Self {
        self
    }

    fn put(wire: Self) -> Self {
        wire
    }
}

/// What a field of an act holds.
pub trait Content: Sized {
    /// Its type in the generated messages.
    type Wire;
    /// Whether it must be there.
    const NEED: Need;

    /// Reads what came over the wire.
    fn read(wire: Self::Wire, faults: &mut Faults) -> Option<Self>;
    /// As it goes over the wire.
    fn write(&self) -> Self::Wire;
    /// As it is shown; none where it is absent.
    fn show(&self) -> Option<Value>;
    /// Reads what somebody wrote, or left out.
    fn parse(value: Option<&Value>, faults: &mut Faults) -> Option<Self>;
    /// What it is.
    fn kind() -> Kind;
}

impl<T: Entry> Content for T {
    type Wire = T::Slot;
    const NEED: Need = Need::Mandatory;

    fn read(wire: T::Slot, faults: &mut Faults) -> Option<Self> {
        let Some(wire) = wire.take() else {
            faults.add(Fault::missing());
            return None;
        };
        <T as Entry>::read(wire, faults)
    }

    fn write(&self) -> T::Slot {
        Slot::put(Some(<T as Entry>::write(self)))
    }

    fn show(&self) -> Option<Value> {
        Some(<T as Entry>::show(self))
    }

    fn parse(value: Option<&Value>, faults: &mut Faults) -> Option<Self> {
        let Some(value) = value.filter(|value| !value.is_blank()) else {
            faults.add(Fault::missing());
            return None;
        };
        <T as Entry>::parse(value, faults)
    }

    fn kind() -> Kind {
        <T as Entry>::kind()
    }
}

impl<T: Entry> Content for Option<T> {
    type Wire = T::Slot;
    const NEED: Need = Need::Optional;

    fn read(wire: T::Slot, faults: &mut Faults) -> Option<Self> {
        match wire.take() {
            None => Some(None),
            Some(wire) => <T as Entry>::read(wire, faults).map(Some),
        }
    }

    fn write(&self) -> T::Slot {
        Slot::put(self.as_ref().map(<T as Entry>::write))
    }

    fn show(&self) -> Option<Value> {
        self.as_ref().map(<T as Entry>::show)
    }

    fn parse(value: Option<&Value>, faults: &mut Faults) -> Option<Self> {
        match value.filter(|value| !value.is_blank()) {
            None => Some(None),
            Some(value) => <T as Entry>::parse(value, faults).map(Some),
        }
    }

    fn kind() -> Kind {
        <T as Entry>::kind()
    }
}

/// A term of a vocabulary from its number: 0 is a missing value, another unknown number one of a later release.
pub(crate) fn term<T>(number: i32, from_number: fn(i32) -> Option<T>, faults: &mut Faults) -> Option<T> {
    let found = from_number(number);
    if found.is_none() {
        faults.add(match number {
            0 => Fault::missing(),
            _ => Fault::new(Reason::ValueUnknown, "not a value of this vocabulary"),
        });
    }
    found
}

/// A term of a vocabulary from its word.
pub(crate) fn word<T: Copy>(
    value: &Value,
    all: &'static [T],
    word: fn(T) -> &'static str,
    faults: &mut Faults,
) -> Option<T> {
    let Some(text) = value.as_text() else {
        faults.add(Fault::of_type("a text"));
        return None;
    };
    let found = all.iter().copied().find(|term| word(*term) == text);
    if found.is_none() {
        let words: Vec<&str> = all.iter().map(|term| word(*term)).collect();
        let hint = match crate::consultation::suggest::nearest(&text, words.iter().copied()) {
            Some(known) => format!("did you mean {known}?"),
            None => format!("one of: {}", words.join(", ")),
        };
        faults.add(Fault::new(Reason::ValueUnknown, "not a word of this vocabulary").hint(hint));
    }
    found
}

/// Makes vocabularies entries of acts.
macro_rules! words {
    ($($name:ident),+ $(,)?) => {
        $crate::consultation::list::own_key!($($name),+);
        $(impl $crate::consultation::codec::content::Entry for $name {
            type Wire = i32;
            type Slot = i32;

            fn read(wire: i32, faults: &mut $crate::consultation::fault::Faults) -> Option<Self> {
                $crate::consultation::codec::content::term(wire, Self::from_number, faults)
            }

            fn write(&self) -> i32 {
                self.number()
            }

            fn show(&self) -> $crate::consultation::outline::Value {
                $crate::consultation::outline::Value::Word(self.word())
            }

            fn parse(
                value: &$crate::consultation::outline::Value,
                faults: &mut $crate::consultation::fault::Faults,
            ) -> Option<Self> {
                $crate::consultation::codec::content::word(value, Self::ALL, Self::word, faults)
            }

            fn kind() -> $crate::consultation::describe::Kind {
                $crate::consultation::describe::Kind::Word(Self::ALL.iter().map(|term| term.word()).collect())
            }
        })+
    };
}
pub(crate) use words;
