//! `vocabulary!` defines a closed set of the field's terms: the number each has on the wire and the word
//! each has for people, in one table. Unknown numbers and words do not become values.

/// Defines an enum whose variants carry the wire number and the word of a protobuf enum.
///
/// The wire name of a variant is the enum's prefix in the proto file followed by the word.
#[macro_export]
macro_rules! vocabulary {
    ($(#[$doc:meta])* $visibility:vis enum $name:ident { $($(#[$term_doc:meta])* $term:ident = $number:literal $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name { $($(#[$term_doc])* $term = $number,)+ }

        impl $name {
            /// Every term, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$term,)+];

            /// The number on the wire.
            pub const fn number(self) -> i32 {
                self as i32
            }

            /// The term with this number on the wire; `None` for 0 and for numbers of later releases.
            pub fn from_number(number: i32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$term),)+
                    _ => None,
                }
            }

            /// The word as it stands in forms and reports.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$term => $word,)+
                }
            }

            /// The term for a word, exactly as written.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$term),)+
                    _ => None,
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
