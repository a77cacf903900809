//! What ministries say to each other: the acts, their exact bytes, and the rules that desks apply to them.
//!
//! Exact act bytes, headers, dispatches and facts a desk knows enter; acts, findings and neutral outlines
//! leave. Pure: time, randomness and the contents of documents are arguments. Only desks read this room.
//!
//! What must never happen: an act that holds a value outside its vocabulary or bounds, a text that is
//! normalised or re-encoded after it was signed, or an act whose content appears in `Debug`, in an error or
//! in a log. No type here that holds content has `Display` or serde.

pub mod act;
pub mod codec;
pub mod correspondence;
pub mod fault;
pub mod legal;
pub mod list;
pub mod outline;
pub mod party;
pub mod position;
pub mod proposal;
pub mod reference;
pub mod registry;
pub mod rules;

pub mod text;
pub mod transfer;
pub mod words;

/// Makes `Debug` print the type's name and nothing of what it holds.
macro_rules! opaque {
    ($($name:ident),+ $(,)?) => {
        $(impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(stringify!($name))
            }
        })+
    };
}
pub(crate) use opaque;

#[cfg(test)]
pub(crate) mod samples;
