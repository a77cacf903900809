//! What ministries say to each other: the acts, their exact bytes, and the rules that desks apply to them.
//!
//! Exact act bytes, headers, dispatches and facts a desk knows enter; acts, findings and neutral outlines
//! leave. Pure: time, randomness and the contents of documents are arguments. Only desks read this room.
//!
//! **One description for each act.** Forty acts times message, type, codec, form and rendering would be two
//! hundred copies that drift apart. Instead each act is described in three places, each of which says what the
//! others do not:
//!
//! 1. Its message in `proto/chancery/consultation/v1`: names and numbers of the fields, and in the comments
//!    what each field means, its source in law, and an example. The build reads vocabularies and comments out
//!    of the descriptors: `words` are the enums, `describe` finds the comments.
//! 2. Its record in `acts`: `record! { pub struct HoldRelease { hold_message: ActRef, reason: Text, } }` gives
//!    each field its domain type. From the types follow codec, outline and form, in four directions
//!    (`codec::content`). Where fields must fit together, `checked!` names the function that compares them, and
//!    only checked records exist; where an enum says more than fields, `Refined` maps it to its written form.
//! 3. Its row in `catalogue`: kind, title, class, senders, precedence, forms, documents, texts. Rules, forms,
//!    help and documentation read it.
//!
//! ```text
//!   bytes  <- codec::encode, decode ->  Act  <- Act::outline, from_outline ->  tree  <- desk::form ->  TOML
//! ```
//!
//! Whoever scripts acts (rehearsals, tests) builds the tree, or a TOML table, and calls `Act::from_outline`: the
//! table is the `[act]` table of a form. Whoever judges acts reads their typed fields. References between acts
//! are digests of dispatches (`ActRef`), which are the same at every Power, unlike message ids, of which every
//! copy has its own.
//!
//! What a receiver does with an act that it cannot read follows its class, which stands in the dispatch: `receive`.
//!
//! What must never happen: an act that holds a value outside its vocabulary or bounds, a text that is
//! normalised or re-encoded after it was signed, or an act whose content appears in `Debug`, in an error or
//! in a log. No type here that holds content has `Display` or serde.

pub mod act;
pub mod acts;
pub mod casebook;
pub mod catalogue;
pub mod charter;
pub mod clearance;
pub mod codec;
pub mod describe;
pub mod fault;
pub mod history;
pub mod list;
pub mod outline;
pub mod receive;
pub mod reference;
pub mod registered;
pub mod retelling;
pub mod rules;
pub mod state;
pub mod text;
pub mod withholding;
pub mod words;

pub(crate) mod suggest;

/// Makes `Debug` print the type's name and nothing of what it holds.
macro_rules! opaque {
    ($($name:ident $(<$life:lifetime>)?),+ $(,)?) => {
        $(impl ::std::fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(stringify!($name))
            }
        })+
    };
}
pub(crate) use opaque;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod trials;
