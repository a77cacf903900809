//! `PersonRef` and `ConsultationId`: random references with a check character.
//!
//! `P-XXXX-XXXX-XXXX` and `C-XXXX-XXXX-XXXX`: eleven random Crockford base32 characters (55 bits) and one
//! check character, a weighted sum over GF(32) with the primitive polynomial x^5 + x^2 + 1. Every single
//! wrong character and every exchange of two characters is noticed, so a reference can be read out over
//! the telephone. A reference is never derived from a name, a date or a number, and the same person bears
//! unrelated references in two consultations (PRV-02).

use crate::consultation::fault::{Fault, Reason};
use crate::consultation::opaque;
use crate::entropy::{self, Entropy, NoEntropy};

/// One person inside one consultation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonRef(Code);

/// One consultation; never a word of its subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsultationId(Code);

impl PersonRef {
    /// A new reference. Only the desk of the Detaining Power mints them.
    pub fn mint(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        Code::mint(entropy).map(Self)
    }

    /// Parses `P-XXXX-XXXX-XXXX`, exactly in this spelling.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        Code::parse(text, 'P').map(Self)
    }

    /// `P-XXXX-XXXX-XXXX`.
    pub fn text(&self) -> String {
        self.0.text('P')
    }

    /// Whether it bears the same characters as a consultation: then it is not random, and a gateway, which
    /// reads the id of the consultation, could know it.
    pub fn coincides_with(&self, consultation: &ConsultationId) -> bool {
        self.0 == consultation.0
    }
}

impl ConsultationId {
    /// A new id. The desk that proposes a consultation mints it.
    pub fn mint(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        Code::mint(entropy).map(Self)
    }

    /// Parses `C-XXXX-XXXX-XXXX`, exactly in this spelling.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        Code::parse(text, 'C').map(Self)
    }

    /// `C-XXXX-XXXX-XXXX`.
    pub fn text(&self) -> String {
        self.0.text('C')
    }
}

opaque!(PersonRef, ConsultationId);

const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DATA: usize = 11;
const GROUP: usize = 4;

/// The twelve characters as elements of GF(32), the check element last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Code([u8; DATA + 1]);

impl Code {
    fn mint(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let random: [u8; DATA] = entropy::random(entropy)?;
        let mut elements = [0; DATA + 1];
        for (element, byte) in elements.iter_mut().zip(random) {
            *element = byte & 31;
        }
        // The sum over the data with a zero check element is the check element itself: its weight is one.
        let check = weighted_sum(&elements);
        if let Some(last) = elements.last_mut() {
            *last = check;
        }
        Ok(Self(elements))
    }

    fn parse(text: &str, letter: char) -> Result<Self, Fault> {
        let shape = || {
            let message = format!("a reference of the form {letter}-XXXX-XXXX-XXXX is expected");
            Fault::new(Reason::ReferenceInvalid, message)
        };
        if text.is_empty() {
            return Err(Fault::missing());
        }
        let mut elements = [0; DATA + 1];
        let mut rest = text.chars();
        if rest.next() != Some(letter) {
            return Err(shape());
        }
        for (index, element) in elements.iter_mut().enumerate() {
            if index % GROUP == 0 && rest.next() != Some('-') {
                return Err(shape());
            }
            let found = rest.next().and_then(|c| ALPHABET.find(c)).ok_or_else(shape)?;
            *element = u8::try_from(found).map_err(|_| shape())?;
        }
        if rest.next().is_some() {
            return Err(shape());
        }
        if weighted_sum(&elements) != 0 {
            let message = "the check character does not fit: one or two characters were misread";
            return Err(Fault::new(Reason::ReferenceInvalid, message));
        }
        Ok(Self(elements))
    }

    fn text(self, letter: char) -> String {
        let mut text = String::from(letter);
        for (index, element) in self.0.iter().enumerate() {
            if index % GROUP == 0 {
                text.push('-');
            }
            text.extend(ALPHABET.chars().nth(usize::from(*element)));
        }
        text
    }
}

/// The sum of alpha^(11 - i) times element i, by Horner's rule; 0 for a valid reference.
fn weighted_sum(elements: &[u8; DATA + 1]) -> u8 {
    elements.iter().fold(0, |sum, element| times_alpha(sum) ^ element)
}

/// Multiplies by alpha, a root of x^5 + x^2 + 1.
fn times_alpha(element: u8) -> u8 {
    let shifted = element << 1;
    if shifted & 0b10_0000 == 0 { shifted } else { shifted ^ 0b10_0101 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn the_references_of_the_scenarios_are_valid() {
        for text in ["P-7QK4-M2XD-9WTV", "P-3HN8-ZC6V-5JF2", "P-9RB2-T7GE-1KYT"] {
            assert_eq!(PersonRef::parse(text).unwrap().text(), text);
        }
    }

    #[test]
    fn every_single_substitution_and_every_swap_is_noticed() {
        for _ in 0..40 {
            let text = ConsultationId::mint(&SystemEntropy).unwrap().text();
            assert!(ConsultationId::parse(&text).is_ok());
            let places: Vec<usize> =
                (0..text.len()).filter(|i| *i >= 2 && !text[*i..].starts_with('-')).collect();
            for &place in &places {
                for wrong in ALPHABET.chars().filter(|c| !text[place..].starts_with(*c)) {
                    let mut other = text.clone();
                    other.replace_range(place..=place, &wrong.to_string());
                    assert!(ConsultationId::parse(&other).is_err(), "{text} as {other}");
                }
                for &second in places.iter().filter(|second| text[**second..=**second] != text[place..=place])
                {
                    let mut bytes = text.clone().into_bytes();
                    bytes.swap(place, second);
                    assert!(ConsultationId::parse(std::str::from_utf8(&bytes).unwrap()).is_err());
                }
            }
        }
    }

    #[test]
    fn only_the_one_spelling_is_taken() {
        for text in [
            "",
            "P-7qk4-M2XD-9WTV",
            "P-7QK4-M2XD-9WTV ",
            "P7QK4M2XD9WTV",
            "C-7QK4-M2XD-9WTV",
            "P-7QK4-M2XD-9WT",
            "P-7QK4-M2XD-9WTVV",
            "P-7QK4-M2XD-9WTＶ",
        ] {
            assert!(PersonRef::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn minted_references_differ_and_hide_themselves() {
        let (one, other) =
            (PersonRef::mint(&SystemEntropy).unwrap(), PersonRef::mint(&SystemEntropy).unwrap());
        assert!(one != other);
        assert_eq!(format!("{one:?}"), "PersonRef");
    }
}
