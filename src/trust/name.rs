//! Parsed names: ministries, the parts of a ministry that hold keys, their authorities, and the domain
//! under which a ministry keeps logs.
//!
//! Text enters and is refused unless it is the one spelling of a name; the text that leaves is that
//! spelling again. A name says who holds a key, never whether the key is believed (see `signature`).

use std::fmt;

/// A text that is not a name. It carries the beginning of the text, because texts of strangers can be long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Not one of the authorities.
    #[error("{0:?} is not the URI of an authority")]
    Authority(String),
    /// Not a domain.
    #[error("{0:?} is not a domain: lower-case labels joined by dots are expected")]
    Domain(String),
    /// Not the label of an office or a desk.
    #[error("{0:?} is not a label: 1 to 32 of a-z, 0-9 and '-' are expected")]
    Label(String),
    /// Not the code of a ministry.
    #[error("{0:?} is not the code of a ministry: 2 to 8 capital letters are expected")]
    Ministry(String),
    /// Not the URI of a name.
    #[error("{0:?} is not the URI of a name such as chancery://XA/gateway")]
    Name(String),
    /// Not one of the roles.
    #[error("{0:?} is no role: audit, clear, draft, observe, read, register or release is expected")]
    Role(String),
}

/// The code of a ministry: two to eight capital letters, such as `XA`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ministry(String);

impl Ministry {
    /// Parses a code.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let valid = (2..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName::Ministry(beginning(text))) }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code in lower case, as it stands in log origins.
    pub fn lower(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for Ministry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What tells the offices or the desks of one ministry apart, such as `releasing-01`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

impl Label {
    /// Parses a label.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let valid = (1..=32).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName::Label(beginning(text))) }
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Who holds a key. The same URI stands in the certificate, in logs and on the screen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// Speaks TLS to peers: `chancery://XA/gateway`.
    Gateway {
        /// The ministry it serves.
        ministry: Ministry,
    },
    /// May open the own gateway's mailbox: `chancery://XA/desk/main`.
    Desk {
        /// The ministry it belongs to.
        ministry: Ministry,
        /// Which of its desks.
        label: Label,
    },
    /// A system of the ministry that calls the desk service: `chancery://XA/client/casework`.
    Client {
        /// The ministry it belongs to.
        ministry: Ministry,
        /// Which of its systems.
        label: Label,
    },
    /// The desk service, as its clients see it: `chancery://XA/service/main`.
    Service {
        /// The ministry it belongs to.
        ministry: Ministry,
        /// Label of the desk.
        label: Label,
    },
    /// Signs headers and channel policies: `chancery://XA/registry`.
    Registry {
        /// The ministry it belongs to.
        ministry: Ministry,
    },
    /// Signs dispatches: `chancery://XA/office/releasing-01`.
    Office {
        /// The ministry it belongs to.
        ministry: Ministry,
        /// Which of its offices.
        label: Label,
    },
    /// Signs trust bundles: `chancery://XA/trust`.
    Trust {
        /// The ministry it speaks for.
        ministry: Ministry,
    },
}

impl Name {
    /// Parses the URI of a name.
    pub fn parse(uri: &str) -> Result<Self, InvalidName> {
        let refusal = || InvalidName::Name(beginning(uri));
        let (ministry, path) = split(uri).ok_or_else(refusal)?;
        let label = |text: &str| Label::parse(text).map_err(|_| refusal());
        match path.split_once('/') {
            None => match path {
                "gateway" => Ok(Self::Gateway { ministry }),
                "registry" => Ok(Self::Registry { ministry }),
                "trust" => Ok(Self::Trust { ministry }),
                _ => Err(refusal()),
            },
            Some(("client", text)) => Ok(Self::Client { ministry, label: label(text)? }),
            Some(("service", text)) => Ok(Self::Service { ministry, label: label(text)? }),
            Some(("desk", text)) => Ok(Self::Desk { ministry, label: label(text)? }),
            Some(("office", text)) => Ok(Self::Office { ministry, label: label(text)? }),
            Some(_) => Err(refusal()),
        }
    }

    /// The ministry whose key it is.
    pub fn ministry(&self) -> &Ministry {
        match self {
            Self::Gateway { ministry }
            | Self::Client { ministry, .. }
            | Self::Desk { ministry, .. }
            | Self::Service { ministry, .. }
            | Self::Registry { ministry }
            | Self::Office { ministry, .. }
            | Self::Trust { ministry } => ministry,
        }
    }

    /// Whether an authority may stand beside this name: only registry and offices act for the ministry.
    pub fn may_hold_authority(&self) -> bool {
        matches!(self, Self::Registry { .. } | Self::Office { .. })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway { ministry } => write!(f, "{SCHEME}{ministry}/gateway"),
            Self::Client { ministry, label } => write!(f, "{SCHEME}{ministry}/client/{label}"),
            Self::Desk { ministry, label } => write!(f, "{SCHEME}{ministry}/desk/{label}"),
            Self::Service { ministry, label } => write!(f, "{SCHEME}{ministry}/service/{label}"),
            Self::Registry { ministry } => write!(f, "{SCHEME}{ministry}/registry"),
            Self::Office { ministry, label } => write!(f, "{SCHEME}{ministry}/office/{label}"),
            Self::Trust { ministry } => write!(f, "{SCHEME}{ministry}/trust"),
        }
    }
}

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

/// The DNS-like name of a ministry that prefixes its log origins: `mfa.xa.example`. Lower case only; it
/// need not exist in the public DNS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    /// Parses a domain of at least two labels.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let valid = text.len() <= DOMAIN_BYTES_MAX && text.contains('.') && text.split('.').all(is_dns_label);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName::Domain(beginning(text))) }
    }

    /// The domain.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The DNS name in the transport certificate of its gateway; TLS clients ask for it.
    pub fn gateway_dns_name(&self) -> String {
        format!("gateway.{self}")
    }

    /// The DNS name in the certificate of the service of one of its desks; clients ask for it.
    pub fn service_dns_name(&self, desk: &Label) -> String {
        format!("{desk}.desk.{self}")
    }

    /// Origin of the log that this ministry keeps about `peer` in `year`.
    pub fn log_origin(&self, peer: &Ministry, year: i16) -> String {
        format!("{self}/chancery/{}/{year:04}", peer.lower())
    }

    /// Origin of the log of the own administration in `year`; a `part` beyond the first stands behind a log of the
    /// year of which leaves were lost. No ministry has a code of so many letters.
    pub fn administration_origin(&self, year: i16, part: u16) -> String {
        let base = format!("{self}/chancery/{ADMINISTRATION}/{year:04}");
        if part <= 1 { base } else { format!("{base}-{part:03}") }
    }

    /// Year and part of an origin of the log of the own administration; none for any other log.
    pub fn administration_year(&self, origin: &str) -> Option<(i16, u16)> {
        let rest = origin.strip_prefix(&format!("{self}/chancery/{ADMINISTRATION}/"))?;
        let (year, part) = match rest.split_once('-') {
            Some((year, part)) => (year.parse().ok()?, part.parse().ok()?),
            None => (rest.parse().ok()?, 1),
        };
        (self.administration_origin(year, part) == origin).then_some((year, part))
    }

    /// Name under which the bundle announces the log key, without peer and year.
    pub fn log_name(&self) -> String {
        format!("{self}/chancery")
    }

    /// Name of the key that cosigns the logs of peers.
    pub fn cosigner_name(&self) -> String {
        format!("{self}/chancery/cosigner")
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

const SCHEME: &str = "chancery://";

/// A domain must leave room for `gateway.` within the 253 bytes of a DNS name.
const DOMAIN_BYTES_MAX: usize = 200;

fn split(uri: &str) -> Option<(Ministry, &str)> {
    let (code, path) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    Some((Ministry::parse(code).ok()?, path))
}

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn beginning(text: &str) -> String {
    text.chars().take(64).collect()
}

/// In the place of a peer in the origin of the log of the own administration.
const ADMINISTRATION: &str = "administration";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn xa() -> Ministry {
        Ministry::parse("XA").unwrap()
    }

    #[test]
    fn a_code_is_two_to_eight_capital_letters() {
        for text in ["XA", "ABCDEFGH"] {
            assert_eq!(Ministry::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "X", "xa", "ABCDEFGHI", "X1", "X ", "ÄÖ"] {
            assert_eq!(Ministry::parse(text), Err(InvalidName::Ministry(text.to_owned())));
        }
        assert_eq!(xa().lower(), "xa");
    }

    #[test]
    fn every_name_prints_as_it_was_parsed() {
        for path in ["gateway", "desk/main", "registry", "office/releasing-01", "trust"] {
            let uri = format!("chancery://XA/{path}");
            let name = Name::parse(&uri).unwrap();
            assert_eq!(name.to_string(), uri);
            assert_eq!(name.ministry(), &xa());
        }
    }

    #[test]
    fn every_other_spelling_of_a_name_is_refused() {
        let spellings = [
            "",
            "XA/gateway",
            "chancery://XA",
            "chancery://XA/",
            "chancery://xa/gateway",
            "Chancery://XA/gateway",
            "chancery://XA/gateway/",
            "chancery://XA/gateway?x",
            "chancery://XA//gateway",
            "chancery://XA/desk",
            "chancery://XA/desk/",
            "chancery://XA/desk/a/b",
            "chancery://XA/office/Releasing",
            "chancery://XA/authority/seal",
            "chancery://XA/trust/main",
        ];
        for uri in spellings {
            assert!(Name::parse(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn authorities_are_a_closed_list() {
        for authority in Authority::ALL {
            let uri = authority.uri(&xa());
            assert_eq!(Authority::parse_uri(&uri), Ok((xa(), authority)));
            assert!(Name::parse(&uri).is_err());
        }
        for uri in ["chancery://XA/authority/", "chancery://XA/authority/rule", "chancery://XA/seal", "seal"]
        {
            assert!(Authority::parse_uri(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn only_registry_and_offices_may_hold_authorities() {
        let holders = ["gateway", "desk/main", "trust", "registry", "office/a"]
            .map(|path| Name::parse(&format!("chancery://XA/{path}")).unwrap().may_hold_authority());
        assert_eq!(holders, [false, false, false, true, true]);
    }

    #[test]
    fn names_of_logs_follow_from_the_domain() {
        let domain = Domain::parse("mfa.xa.example").unwrap();
        let peer = Ministry::parse("XB").unwrap();
        assert_eq!(domain.gateway_dns_name(), "gateway.mfa.xa.example");
        assert_eq!(domain.log_origin(&peer, 2026), "mfa.xa.example/chancery/xb/2026");
        let administration = domain.administration_origin(2026, 2);
        assert_eq!(administration, "mfa.xa.example/chancery/administration/2026-002");
        assert_eq!(domain.administration_year(&administration), Some((2026, 2)));
        assert_eq!(domain.administration_year(&domain.administration_origin(2026, 1)), Some((2026, 1)));
        for other in ["mfa.xa.example/chancery/xb/2026", "mfa.xa.example/chancery/administration/2026-2"] {
            assert_eq!(domain.administration_year(other), None, "{other}");
        }
        assert_eq!(domain.log_name(), "mfa.xa.example/chancery");
        assert_eq!(domain.cosigner_name(), "mfa.xa.example/chancery/cosigner");
    }

    #[test]
    fn a_domain_is_lower_case_labels_joined_by_dots() {
        for text in ["", "example", "a..b", ".a.b", "a.b.", "A.b", "a.-b", "a.b-", "a b.c", "a/b.c", "ä.b"] {
            assert!(Domain::parse(text).is_err(), "{text}");
        }
        assert!(Domain::parse(&format!("{}.example", "a.".repeat(120))).is_err());
    }

    proptest! {
        #[test]
        fn whatever_parses_as_a_name_prints_as_the_same_text(text in "chancery://[A-Za-z]{1,9}/[a-z]{4,8}(/[a-zA-Z0-9./-]{0,6})?") {
            if let Ok(name) = Name::parse(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
