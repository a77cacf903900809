//! `Endpoint`: where a gateway listens, as it stands in a bundle: `gateway.mfa.xa.example:7443`.

// `core::net` has the address types without any sockets.
use core::net::Ipv6Addr;
use std::fmt;

/// A host and a port. The host is a lower-case DNS name, an IPv4 address or an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// A text that is not an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an endpoint: host:port is expected, the host in lower case, an IPv6 address in brackets")]
pub struct InvalidEndpoint;

impl Endpoint {
    /// Parses `host:port`; exactly the text that `Display` gives back is taken.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let (host, digits) = text.rsplit_once(':').ok_or(InvalidEndpoint)?;
        let port: u16 = digits.parse().map_err(|_| InvalidEndpoint)?;
        if port == 0 || port.to_string() != digits || !is_host(host) {
            return Err(InvalidEndpoint);
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// The host; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn is_host(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok_and(|address| address.to_string() == inner);
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_addresses_with_a_port_are_endpoints() {
        for text in ["gateway.mfa.xa.example:7443", "localhost:1", "192.0.2.1:65535", "[2001:db8::1]:7443"] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
        let endpoint = Endpoint::parse("a.b:7443").unwrap();
        assert_eq!((endpoint.host(), endpoint.port()), ("a.b", 7443));
    }

    #[test]
    fn everything_else_is_refused() {
        let texts = [
            "",
            "a.b",
            "a.b:",
            ":1",
            "a.b:0",
            "a.b:65536",
            "a.b:07",
            "a.b:+7",
            "a b:7",
            "A.b:7",
            "a..b:7",
            "a/b:7",
            "2001:db8::1:7443",
            "[2001:DB8::1]:7",
            "[::1:7",
            "[a.b]:7",
            "-a.b:7",
            "user@a.b:7",
        ];
        for text in texts {
            assert_eq!(Endpoint::parse(text), Err(InvalidEndpoint), "{text}");
        }
    }
}
