//! The only place that builds rustls configurations: TLS 1.3, both ends named, h2, nothing resumed.
//!
//! An identity and a verifier enter, a configuration leaves. Never: TLS 1.2, a connection without a client
//! certificate, tickets, early data, a key log, the system's clock or roots.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring::kx_group::{SECP256R1, X25519};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, WebPkiSupportedAlgorithms};
use rustls::pki_types::UnixTime;
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, Error, ServerConfig, SignatureScheme};
use webpki::ring as algorithms;

use super::credentials::TlsIdentity;
use super::key_exchange::X25519MlKem768;
use crate::time::{Clock, Timestamp};

/// The one protocol spoken above TLS.
pub(super) const ALPN: &[u8] = b"h2";

/// Signatures believed in handshakes, the kinds that `trust` believes in certificates: ECDSA over P-256 and
/// P-384, Ed25519.
pub(super) static SIGNATURE_ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA384, algorithms::ED25519],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[algorithms::ECDSA_P256_SHA256]),
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[algorithms::ECDSA_P384_SHA384]),
        (SignatureScheme::ED25519, &[algorithms::ED25519]),
    ],
};

/// The configuration of a listener.
pub(super) fn server(
    identity: &TlsIdentity,
    visitors: Arc<dyn ClientCertVerifier>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, Error> {
    listener(identity, visitors, clock, provider())
}

/// The configuration of the listener of a desk, inside the ministry. Its clients speak what their libraries speak: gRPC
/// in C (Python, C++, Ruby, PHP) before 1.83, and what runs in FIPS mode, offer P-256 and nothing else.
pub(super) fn service(
    identity: &TlsIdentity,
    visitors: Arc<dyn ClientCertVerifier>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, Error> {
    let mut provider = provider();
    provider.kx_groups.push(SECP256R1);
    listener(identity, visitors, clock, provider)
}

fn listener(
    identity: &TlsIdentity,
    visitors: Arc<dyn ClientCertVerifier>,
    clock: &Arc<dyn Clock>,
    provider: CryptoProvider,
) -> Result<Arc<ServerConfig>, Error> {
    let mut config = ServerConfig::builder_with_details(Arc::new(provider), time(clock))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(visitors)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified())));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// The configuration of a client.
pub(super) fn client(
    identity: &TlsIdentity,
    expected: Arc<dyn ServerCertVerifier>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<ClientConfig>, Error> {
    let mut config = ClientConfig::builder_with_details(Arc::new(provider()), time(clock))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(expected)
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified())));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

/// ring's primitives, with the hybrid key exchange first and nothing that TLS 1.3 does not use.
pub(super) fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.retain(|suite| suite.tls13().is_some());
    provider.kx_groups = vec![HYBRID, X25519];
    provider.signature_verification_algorithms = SIGNATURE_ALGORITHMS;
    provider
}

/// The instant that rustls hands to a verifier: what it was told by our clock.
pub(super) fn instant(now: UnixTime) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

static HYBRID: &dyn SupportedKxGroup = &X25519MlKem768;

fn time(clock: &Arc<dyn Clock>) -> Arc<dyn TimeProvider> {
    Arc::new(ClockTime(clock.clone()))
}

/// Lets rustls ask our clock.
struct ClockTime(Arc<dyn Clock>);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        // Instants before 1970 do not occur in certificates.
        let seconds = u64::try_from(self.0.now().seconds()).unwrap_or(0);
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime")
    }
}
