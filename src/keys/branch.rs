//! `Branch` and `Serial`: the certificate authorities of a ministry, and the numbers of what they issue.

use std::fmt;

use data_encoding::HEXLOWER;

use crate::entropy::{self, Entropy, NoEntropy};
use crate::trust::name::Name;

/// One of the certificate authorities of a ministry. Each certifies keys for one use, so that a key of one
/// use cannot pass for another: a transport certificate cannot sign, a desk certificate cannot open TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Branch {
    /// Self-signed; certifies the other branches and the key that signs trust bundles.
    Root,
    /// Certifies gateways.
    Transport,
    /// Certifies the registry and offices.
    Desk,
    /// Certifies desks towards the own gateway; never published.
    DeskAccess,
    /// Certifies the service of one desk and its clients; made at that desk, under a root of its own.
    Client,
    /// Self-signed; certified one client authority and was forgotten. Nobody outside the desk and its clients knows it.
    ClientRoot,
}

impl Branch {
    /// Every branch below the root of the ministry, after the root.
    pub const ALL: [Self; 4] = [Self::Root, Self::Transport, Self::Desk, Self::DeskAccess];

    /// The branch that certifies the keys of `name`.
    pub fn of(name: &Name) -> Self {
        match name {
            Name::Gateway { .. } => Self::Transport,
            Name::Registry { .. } | Name::Office { .. } => Self::Desk,
            Name::Desk { .. } => Self::DeskAccess,
            Name::Client { .. } | Name::Service { .. } => Self::Client,
            Name::Trust { .. } => Self::Root,
        }
    }

    /// The word in names of files and certificates.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Transport => "transport",
            Self::Desk => "desk",
            Self::DeskAccess => "desk-access",
            Self::Client => "client",
            Self::ClientRoot => "client-root",
        }
    }

    /// The branch for a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|branch| branch.word() == word)
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Serial number of a certificate: 16 random bytes, so that nobody can tell how many were issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial([u8; 16]);

impl Serial {
    /// A new serial number. The first bits are 01, because a serial number is positive and all of ours have
    /// the same length.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let [first, rest @ ..] = entropy::random::<16>(entropy)?;
        let mut bytes = [(first & 0x3f) | 0x40; 16];
        for (to, from) in bytes.iter_mut().skip(1).zip(rest) {
            *to = from;
        }
        Ok(Self(bytes))
    }

    /// Parses 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// The number in a certificate, most significant byte first; none where it is not one of ours.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the same byte for ever.
    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn serial_numbers_are_positive_and_of_one_length() {
        for byte in [0x00, 0xff] {
            let serial = Serial::random(&Constant(byte)).unwrap();
            assert!((0x40..0x80).contains(&serial.as_bytes()[0]));
            assert_eq!(serial.as_bytes()[1..], [byte; 15]);
            assert_eq!(Serial::parse(&serial.to_string()), Some(serial));
        }
        assert_eq!(Serial::parse("00"), None);
    }

    #[test]
    fn every_name_has_one_branch_and_every_branch_one_word() {
        let branches = ["trust", "gateway", "registry", "office/a", "desk/main"]
            .map(|path| Branch::of(&Name::parse(&format!("chancery://XA/{path}")).unwrap()));
        assert_eq!(
            branches,
            [Branch::Root, Branch::Transport, Branch::Desk, Branch::Desk, Branch::DeskAccess]
        );
        for branch in Branch::ALL {
            assert_eq!(Branch::from_word(branch.word()), Some(branch));
        }
    }
}
