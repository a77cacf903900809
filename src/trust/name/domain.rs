//! The domain of a ministry, and the names that follow from it: of hosts, of logs and of their keys.
//!
//! A text enters and is refused unless it is lower-case labels joined by dots; names leave, each made in this one
//! place, so that those of two logs are never the same. Nothing here asks the DNS.

use std::fmt;

use super::{InvalidName, Label, Ministry, beginning};

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

/// In the place of a peer in the origin of the log of the own administration.
const ADMINISTRATION: &str = "administration";

/// A domain must leave room for `gateway.` within the 253 bytes of a DNS name.
const DOMAIN_BYTES_MAX: usize = 200;

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
