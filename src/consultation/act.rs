//! `Act`: the closed set of what one ministry can say to another in this release, and the ways in and out of it.
//!
//! The rows of `catalogue` make the set; every way in and out goes through the record of the act. A new act is a
//! new row and a new kind; the record of an existing one never gains a field.

use crate::consultation::acts::values::ActRef;
use crate::consultation::fault::Faults;
use crate::consultation::outline::Field;

pub use crate::consultation::catalogue::{Act, ActKind};

impl Act {
    /// Its kind as it stands in the dispatch: `position-statement`.
    pub fn kind(&self) -> &'static str {
        self.act_kind().word()
    }

    /// The field that says which act it answers, and that act; none where it answers no particular one.
    pub fn answered(&self) -> Option<(&'static str, ActRef)> {
        match self {
            Self::AgreementReply(act) => Some(("proposing_message", act.proposing_message)),
            Self::HandoverConfirmation(act) => Some(("arrangement", act.arrangement)),
            Self::HoldRelease(act) => Some(("hold_message", act.hold_message)),
            Self::ObserverReply(act) => Some(("invitation", act.invitation)),
            Self::TransferResponse(act) => Some(("request", act.request)),
            _ => None,
        }
    }

    /// Whether it tells who a person is, beyond a reference: names live in particulars and nowhere else (PRV_03).
    pub fn names_persons(&self) -> bool {
        matches!(self, Self::PersonParticulars(_))
    }

    /// What a receiver may do with it.
    pub fn class(&self) -> crate::message::terms::ActClass {
        self.act_kind().class()
    }
}

/// Writes the two enums of the acts and every function that must look at each of them.
macro_rules! acts {
    ($($name:ident($record:ty) $word:literal $title:literal = $specification:expr;)+) => {
        /// The kinds of act; the word stands in the dispatch and in forms.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ActKind { $(#[doc = $title] $name,)+ }

        /// One act.
        #[derive(Clone, PartialEq, Eq)]
        #[allow(clippy::large_enum_variant, reason = "acts are handled one by one")]
        pub enum Act { $(#[doc = $title] $name($record),)+ }

        impl ActKind {
            /// Every kind, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word as it stands in dispatches and forms.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// Its name for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// The kind for a word, exactly as written.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)+ _ => None }
            }

            /// What it is: class, senders, precedence, forms, documents, texts.
            pub fn specification(self) -> &'static Specification {
                match self {
                    $(Self::$name => {
                        static SPECIFICATION: Specification = $specification;
                        &SPECIFICATION
                    })+
                }
            }

            /// What its fields are.
            pub fn fields(self) -> Vec<Description> {
                match self { $(Self::$name => <$record as Record>::describe(),)+ }
            }

            /// What the act is for, and its source.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => describe::message(stringify!($name)),)+ }
            }

            /// An act of this kind from the exact bytes of its record.
            pub(crate) fn decode(self, bytes: &[u8], faults: &mut Faults) -> Option<Act> {
                match self { $(Self::$name => record::decode::<$record>(bytes, faults).map(Act::$name),)+ }
            }

            /// An act of this kind from fields that somebody wrote.
            pub(crate) fn parse(self, fields: &[Field], faults: &mut Faults) -> Option<Act> {
                match self {
                    $(Self::$name => <$record as Record>::parse_fields(fields, faults).map(Act::$name),)+
                }
            }
        }

        impl Act {
            /// Its kind as a term.
            pub fn act_kind(&self) -> ActKind {
                match self { $(Self::$name(_) => ActKind::$name,)+ }
            }

            /// Every field this act holds, in the order of the proto file.
            pub fn outline(&self) -> Vec<Field> {
                match self { $(Self::$name(act) => Record::outline(act),)+ }
            }

            /// The exact bytes of its record.
            pub(crate) fn encode(&self) -> Vec<u8> {
                match self { $(Self::$name(act) => record::encode(act),)+ }
            }
        }
    };
}
pub(crate) use acts;

impl Act {
    /// The act of this kind that says what the fields say: every fault at once, by the path of its field. Numbers,
    /// times and references may stand there as somebody wrote them, in texts.
    pub fn from_outline(kind: ActKind, fields: &[Field]) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        match kind.parse(fields, &mut faults) {
            Some(act) if faults.is_empty() => Ok(act),
            _ => Err(faults),
        }
    }
}

impl std::fmt::Display for ActKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

crate::consultation::opaque!(Act);
