//! The way in to a desk service: mutual TLS as any gRPC library speaks it, and nothing of ours in between.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper_util::rt::TokioIo;
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};

/// A service as its clients know it.
pub struct Doorway {
    /// Where it listens.
    pub address: SocketAddr,
    /// The root that clients pin, PEM.
    pub root: Vec<u8>,
    /// The name that it shows.
    pub name: String,
}

impl Doorway {
    /// Connects with this chain and key, PEM, or without any.
    pub async fn dial(&self, identity: Option<(&str, &str)>) -> Result<Channel, tonic::transport::Error> {
        let groups = rustls::crypto::ring::ALL_KX_GROUPS.to_vec();
        self.dialled(identity, groups, |endpoint| endpoint).await.map(|(channel, _)| channel)
    }

    /// The same by these groups alone, with settings of the client's own; and how often it was dialled.
    pub async fn dialled(
        &self,
        identity: Option<(&str, &str)>,
        kx_groups: Vec<&'static dyn SupportedKxGroup>,
        settings: impl FnOnce(Endpoint) -> Endpoint,
    ) -> Result<(Channel, Arc<AtomicUsize>), tonic::transport::Error> {
        let (connector, address) =
            (TlsConnector::from(Arc::new(self.tls(identity, kx_groups))), self.address);
        let name = ServerName::try_from(self.name.clone()).unwrap();
        let dialled = Arc::new(AtomicUsize::new(0));
        let count = dialled.clone();
        let dialling = tower::service_fn(move |_: Uri| {
            count.fetch_add(1, Ordering::Relaxed);
            let (connector, name) = (connector.clone(), name.clone());
            async move {
                let stream = TcpStream::connect(address).await?;
                Ok::<_, std::io::Error>(TokioIo::new(connector.connect(name, stream).await?))
            }
        });
        let endpoint = settings(Endpoint::from_static("http://desk.invalid"));
        Ok((endpoint.connect_with_connector(dialling).await?, dialled))
    }

    fn tls(
        &self,
        identity: Option<(&str, &str)>,
        kx_groups: Vec<&'static dyn SupportedKxGroup>,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for root in certificates(&self.root) {
            roots.add(root).unwrap();
        }
        let provider = CryptoProvider { kx_groups, ..rustls::crypto::ring::default_provider() };
        let building = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            Some((chain, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                building.with_client_auth_cert(certificates(chain.as_bytes()), key).unwrap()
            }
            None => building.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).map(Result::unwrap).collect()
}
