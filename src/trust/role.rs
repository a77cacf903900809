//! Roles: what a client of the desk service may ask its desk for.
//!
//! A role stands as a URI in the certificate of a client, `chancery://XA/role/draft`, beside its name. It is a leave to
//! ask, given by the desk that enrolled the client, and no authority: nothing is ever signed with such a certificate.

use super::name::{InvalidName, Ministry, SCHEME, beginning, split};

/// What a client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Receipts and evidence.
    Audit,
    /// Clearances of drafts that others composed.
    Clear,
    /// Drafts: composed, validated, cancelled; documents for them.
    Draft,
    /// Events.
    Observe,
    /// What messages say; consultations and cases.
    Read,
    /// What is registered about messages, receipts; nothing of what they say.
    Register,
    /// Releases of drafts that others composed and cleared.
    Release,
}

impl Role {
    /// All roles, in the order of their words.
    pub const ALL: [Self; 7] =
        [Self::Audit, Self::Clear, Self::Draft, Self::Observe, Self::Read, Self::Register, Self::Release];

    /// The word that ends the URI, such as `draft`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Clear => "clear",
            Self::Draft => "draft",
            Self::Observe => "observe",
            Self::Read => "read",
            Self::Register => "register",
            Self::Release => "release",
        }
    }

    /// Parses the word alone.
    pub fn parse(word: &str) -> Result<Self, InvalidName> {
        let found = Self::ALL.into_iter().find(|role| role.word() == word);
        found.ok_or_else(|| InvalidName::Role(beginning(word)))
    }

    /// The URI by which `ministry` gives it: `chancery://XA/role/draft`.
    pub fn uri(self, ministry: &Ministry) -> String {
        format!("{SCHEME}{ministry}/role/{}", self.word())
    }

    /// Parses the URI of a role into who gives it and what it is.
    pub fn parse_uri(uri: &str) -> Option<(Ministry, Self)> {
        let (ministry, path) = split(uri)?;
        Some((ministry, Self::parse(path.strip_prefix("role/")?).ok()?))
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_one_word_and_one_uri() {
        let xa = Ministry::parse("XA").unwrap();
        assert!(Role::ALL.is_sorted_by_key(|role| role.word()));
        for role in Role::ALL {
            assert_eq!(Role::parse(role.word()), Ok(role));
            assert_eq!(Role::parse_uri(&role.uri(&xa)), Some((xa.clone(), role)));
        }
        for other in
            ["chancery://XA/authority/draft", "chancery://XA/role/", "chancery://xa/role/draft", "draft"]
        {
            assert_eq!(Role::parse_uri(other), None, "{other}");
        }
    }
}
