//! Records: fields put together. `record!` takes the names and types of the fields and writes the domain type with
//! all four directions; `Refined` is for records of which not every combination of fields has a meaning.

use prost::Message as _;

use super::content::Entry;
use crate::canonical::{self, NotCanonical};
use crate::consultation::describe::{Description, Kind};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::outline::{Field, Value};
use crate::consultation::suggest;
use crate::limits;

/// A record of an act, or an act as a whole.
pub trait Record: Sized {
    /// The generated message.
    type Message: prost::Message + prost::Name + Default;

    /// Reads the fields of a message.
    fn read_message(message: Self::Message, faults: &mut Faults) -> Option<Self>;
    /// As a message.
    fn write_message(&self) -> Self::Message;
    /// Every field it holds, in the order of the proto file.
    fn outline(&self) -> Vec<Field>;
    /// Reads what somebody wrote.
    fn parse_fields(fields: &[Field], faults: &mut Faults) -> Option<Self>;
    /// What its fields are.
    fn describe() -> Vec<Description>;
}

/// A domain type of which a flat record is the written form.
pub trait Refined: Sized {
    /// The flat record.
    type Flat: Record;

    /// The domain type, where the fields fit together.
    fn refine(flat: Self::Flat, faults: &mut Faults) -> Option<Self>;
    /// The flat record of it.
    fn flat(&self) -> Self::Flat;
}

impl<T: Refined> Record for T {
    type Message = <T::Flat as Record>::Message;

    fn read_message(message: Self::Message, faults: &mut Faults) -> Option<Self> {
        T::Flat::read_message(message, faults).and_then(|flat| Self::refine(flat, faults))
    }

    fn write_message(&self) -> Self::Message {
        self.flat().write_message()
    }

    fn outline(&self) -> Vec<Field> {
        self.flat().outline()
    }

    fn parse_fields(fields: &[Field], faults: &mut Faults) -> Option<Self> {
        T::Flat::parse_fields(fields, faults).and_then(|flat| Self::refine(flat, faults))
    }

    fn describe() -> Vec<Description> {
        T::Flat::describe()
    }
}

impl<T: Record + Clone + PartialEq> Entry for T {
    type Wire = T::Message;
    type Slot = Option<T::Message>;

    fn read(wire: T::Message, faults: &mut Faults) -> Option<Self> {
        Self::read_message(wire, faults)
    }

    fn write(&self) -> T::Message {
        self.write_message()
    }

    fn show(&self) -> Value {
        Value::Group(self.outline())
    }

    fn parse(value: &Value, faults: &mut Faults) -> Option<Self> {
        parse_value(value, faults)
    }

    fn kind() -> Kind {
        Kind::Group(Self::describe())
    }
}

/// Reads a group as a record.
pub(crate) fn parse_value<T: Record>(value: &Value, faults: &mut Faults) -> Option<T> {
    match value {
        Value::Group(fields) => T::parse_fields(fields, faults),
        _ => faults.take(Err(Fault::of_type("a table { ... }"))),
    }
}

/// The exact bytes of a record.
pub fn encode<T: Record>(record: &T) -> Vec<u8> {
    record.write_message().encode_to_vec()
}

/// A record from its exact bytes: canonical and complete, or every fault kept.
pub fn decode<T: Record>(bytes: &[u8], faults: &mut Faults) -> Option<T> {
    let message = canonical::decode::<T::Message>(bytes, limits::SIGNED_DISPATCH_BYTES_MAX);
    let record = T::read_message(faults.take(message.map_err(fault))?, faults)?;
    // The message compared equal to its bytes, but the record may still be one that we would write otherwise:
    // parties out of order, for example.
    if encode(&record) == bytes {
        return Some(record);
    }
    faults.take(Err(fault(NotCanonical::Encoding)))
}

fn fault(cause: NotCanonical) -> Fault {
    let reason = match cause {
        NotCanonical::TooLong(_) | NotCanonical::TooMany => Reason::TooLarge,
        NotCanonical::Undecodable => Reason::Malformed,
        NotCanonical::Encoding => Reason::NotCanonical,
    };
    Fault::new(reason, cause.to_string())
}

/// The value of a field somebody wrote.
pub(crate) fn written<'f>(fields: &'f [Field], name: &str) -> Option<&'f Value> {
    fields.iter().find(|field| field.name == name).map(|field| &field.value)
}

/// Keeps a fault for every field that a record does not have.
pub(crate) fn refuse_others(fields: &[Field], known: &[&str], faults: &mut Faults) {
    for field in fields.iter().filter(|field| !known.contains(&field.name.as_ref())) {
        let hint = match suggest::nearest(&field.name, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("fields here: {}", known.join(", ")),
        };
        let fault = Fault::new(Reason::FieldUnknown, "there is no such field here").hint(hint);
        faults.add_at(field.name.clone(), fault);
    }
}

/// Defines a record by the names and types of its fields; names are those of the proto file. With `of`, the
/// message in the proto file has another name than the type.
macro_rules! record {
    ($(#[$doc:meta])* $visibility:vis struct $name:ident { $($field:ident: $content:ty,)+ }) => {
        $crate::consultation::codec::record::record! {
            $(#[$doc])* $visibility struct $name of $name { $($field: $content,)+ }
        }
    };
    ($(#[$doc:meta])* $visibility:vis struct $name:ident of $message:ident { $($field:ident: $content:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        $visibility struct $name {
            $(
                #[doc = concat!("Field `", stringify!($field), "` of `", stringify!($message), "`, explained in its proto file.")]
                pub $field: $content,
            )+
        }

        $crate::consultation::opaque!($name);

        impl $crate::consultation::codec::record::Record for $name {
            type Message = $crate::proto::consultation::v1::$message;

            fn read_message(
                message: Self::Message,
                faults: &mut $crate::consultation::fault::Faults,
            ) -> Option<Self> {
                $(let $field = faults.within(stringify!($field), |faults| {
                    <$content as $crate::consultation::codec::content::Content>::read(message.$field, faults)
                });)+
                Some(Self { $($field: $field?,)+ })
            }

            fn write_message(&self) -> Self::Message {
                $crate::proto::consultation::v1::$message {
                    $($field: <$content as $crate::consultation::codec::content::Content>::write(&self.$field),)+
                }
            }

            fn outline(&self) -> Vec<$crate::consultation::outline::Field> {
                let shown = [$((
                    stringify!($field),
                    <$content as $crate::consultation::codec::content::Content>::show(&self.$field),
                ),)+];
                let present = shown.into_iter().filter_map(|(name, value)| {
                    value.map(|value| $crate::consultation::outline::Field { name: name.into(), value })
                });
                present.collect()
            }

            fn parse_fields(
                fields: &[$crate::consultation::outline::Field],
                faults: &mut $crate::consultation::fault::Faults,
            ) -> Option<Self> {
                use $crate::consultation::codec::record::{refuse_others, written};
                $(let $field = faults.within(stringify!($field), |faults| {
                    let value = written(fields, stringify!($field));
                    <$content as $crate::consultation::codec::content::Content>::parse(value, faults)
                });)+
                refuse_others(fields, &[$(stringify!($field),)+], faults);
                Some(Self { $($field: $field?,)+ })
            }

            fn describe() -> Vec<$crate::consultation::describe::Description> {
                vec![$($crate::consultation::describe::field(
                    stringify!($message),
                    stringify!($field),
                    <$content as $crate::consultation::codec::content::Content>::NEED,
                    <$content as $crate::consultation::codec::content::Content>::kind(),
                ),)+]
            }
        }
    };
}
pub(crate) use record;

/// Defines a record whose fields must fit together: a flat record that is open, and the checked type around it,
/// which only `new` makes and which lends the fields for reading. `$check` keeps a fault for what does not fit.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident = $flat:ident { $($field:ident: $content:ty,)+ } by $check:path) => {
        $crate::consultation::codec::record::record! {
            /// The fields of the record, not yet compared with each other.
            pub struct $flat of $name { $($field: $content,)+ }
        }

        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name($flat);

        impl $name {
            /// The record, where its fields fit together.
            pub fn new(fields: $flat) -> Result<Self, $crate::consultation::fault::Faults> {
                let mut faults = $crate::consultation::fault::Faults::default();
                $check(&fields, &mut faults);
                if faults.is_empty() { Ok(Self(fields)) } else { Err(faults) }
            }

            /// The fields, to build another record from.
            pub fn into_fields(self) -> $flat {
                self.0
            }
        }

        impl ::std::ops::Deref for $name {
            type Target = $flat;

            fn deref(&self) -> &$flat {
                &self.0
            }
        }

        $crate::consultation::opaque!($name);

        impl $crate::consultation::codec::record::Refined for $name {
            type Flat = $flat;

            fn refine(flat: $flat, faults: &mut $crate::consultation::fault::Faults) -> Option<Self> {
                let before = faults.len();
                $check(&flat, faults);
                (faults.len() == before).then_some(Self(flat))
            }

            fn flat(&self) -> $flat {
                self.0.clone()
            }
        }
    };
}
pub(crate) use checked;
