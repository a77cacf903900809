//! Authorities: what an office or a registry may do for its ministry, as a closed list of words.
//!
//! The URI of a certificate or the word of a policy enters and is refused unless it is the one spelling of an
//! authority. Whether the ministry that stands in the URI may grant it is never decided here.

use std::fmt;

use super::{InvalidName, Ministry, SCHEME, beginning, split};

/// What an office or a registry may do in the name of its ministry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Authority {
    /// Clears a draft before others release it.
    Clear,
    /// Clears a draft in law; without it nothing is concluded.
    ClearLegal,
    /// Concludes arrangements that bind the ministry.
    Conclude,
    /// Drafts, and never releases what it drafted.
    Draft,
    /// Answers that a message was received.
    Receipt,
    /// Registers messages.
    Register,
    /// Releases a dispatch.
    Release,
    /// Releases protective acts, which wait for nobody else.
    ReleaseProtective,
    /// Puts the seal of the ministry on a dispatch.
    Seal,
    /// Attests what another office did.
    Witness,
}

impl Authority {
    /// All authorities, in the order of their words.
    pub const ALL: [Self; 10] = [
        Self::Clear,
        Self::ClearLegal,
        Self::Conclude,
        Self::Draft,
        Self::Receipt,
        Self::Register,
        Self::Release,
        Self::ReleaseProtective,
        Self::Seal,
        Self::Witness,
    ];

    /// The word that ends the URI, such as `release-protective`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::ClearLegal => "clear-legal",
            Self::Conclude => "conclude",
            Self::Draft => "draft",
            Self::Receipt => "receipt",
            Self::Register => "register",
            Self::Release => "release",
            Self::ReleaseProtective => "release-protective",
            Self::Seal => "seal",
            Self::Witness => "witness",
        }
    }

    /// Parses the word alone.
    pub fn parse(word: &str) -> Result<Self, InvalidName> {
        let found = Self::ALL.into_iter().find(|authority| authority.word() == word);
        found.ok_or_else(|| InvalidName::Authority(beginning(word)))
    }

    /// The URI by which `ministry` grants it: `chancery://XA/authority/seal`.
    pub fn uri(self, ministry: &Ministry) -> String {
        format!("{SCHEME}{ministry}/authority/{}", self.word())
    }

    /// Parses the URI of an authority into who grants it and what it is.
    pub fn parse_uri(uri: &str) -> Result<(Ministry, Self), InvalidName> {
        let refusal = || InvalidName::Authority(beginning(uri));
        let (ministry, path) = split(uri).ok_or_else(refusal)?;
        let word = path.strip_prefix("authority/").ok_or_else(refusal)?;
        Ok((ministry, Self::parse(word).map_err(|_| refusal())?))
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Name;
    use super::*;

    #[test]
    fn authorities_are_a_closed_list() {
        let xa = Ministry::parse("XA").unwrap();
        for authority in Authority::ALL {
            let uri = authority.uri(&xa);
            assert_eq!(Authority::parse_uri(&uri), Ok((xa.clone(), authority)));
            assert!(Name::parse(&uri).is_err());
        }
        for uri in ["chancery://XA/authority/", "chancery://XA/authority/rule", "chancery://XA/seal", "seal"]
        {
            assert!(Authority::parse_uri(uri).is_err(), "{uri}");
        }
    }
}
