//! Parsed names: ministries, the parts of a ministry that hold keys, their authorities (`authority`), and the domain
//! under which a ministry keeps logs (`domain`).
//!
//! Text enters and is refused unless it is the one spelling of a name; the text that leaves is that
//! spelling again. A name says who holds a key, never whether the key is believed (see `signature`).

mod authority;
mod domain;

use std::fmt;

pub use authority::Authority;
pub use domain::Domain;

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

/// How the URI of everything here begins.
pub(super) const SCHEME: &str = "chancery://";

/// The ministry of a URI, and what stands behind it.
pub(super) fn split(uri: &str) -> Option<(Ministry, &str)> {
    let (code, path) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    Some((Ministry::parse(code).ok()?, path))
}

/// As much of a text of a stranger as a refusal carries.
pub(super) fn beginning(text: &str) -> String {
    text.chars().take(64).collect()
}

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
        let offices = ["registry", "office/releasing-01", "trust"];
        let machines = ["gateway", "desk/main", "client/casework", "service/main"];
        for path in offices.iter().chain(&machines) {
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
    fn only_registry_and_offices_may_hold_authorities() {
        let holders = ["gateway", "desk/main", "trust", "registry", "office/a"]
            .map(|path| Name::parse(&format!("chancery://XA/{path}")).unwrap().may_hold_authority());
        assert_eq!(holders, [false, false, false, true, true]);
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
