//! A desk that serves, as a process of its own, and its clients over mutual TLS.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery::desk::serve::clients_of;
use chancery::entropy::SystemEntropy;
use chancery::keys::home::clients::{Candidate, Clients};
use chancery::proto::consultation::v1::Correspondence;
use chancery::proto::desk::v1 as wire;
use chancery::proto::desk::v1::desk_service_client::DeskServiceClient;
use chancery::proto::message::v1 as terms;
use chancery::time::{Clock, SystemClock};
use chancery::trust::name::{Label, Ministry};
use chancery::trust::role::Role;
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::Outcome;
use crate::documents::write_words;
use crate::process::Reading;
use crate::stage::{Stage, free_address, passphrase};

pub type Client = DeskServiceClient<Channel>;

/// How long a service may take to listen.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// A desk that serves.
pub struct Served {
    child: Child,
    address: SocketAddr,
    clients: Clients,
}

impl Served {
    /// Starts the service of a ministry's desk, and waits until it listens.
    pub fn start(stage: &Stage, ministry: &Ministry) -> Outcome<Self> {
        let desk = stage.house(ministry)?.desk()?;
        let home = stage.house(ministry)?.homes().desk.directory().to_owned();
        let (address, words) = (free_address()?, home.join("words"));
        write_words(&words)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_chancery"))
            .arg("--home")
            .arg(&home)
            .args(["desk", "serve", "--listen", address.as_str(), "--passphrase-file"])
            .arg(&words)
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(home.join("serve.log"))?)
            .spawn()?;
        let address: SocketAddr = address.parse()?;
        let began = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            if child.try_wait()?.is_some() || began.elapsed() > START_PATIENCE {
                return Err(format!("the desk does not serve; see {}/serve.log", home.display()).into());
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Ok(Self { child, address, clients: clients_of(&desk) })
    }

    /// Enrols a client and connects as it.
    pub async fn client(&self, label: &str, roles: &[&str]) -> Outcome<Client> {
        let candidate = Candidate {
            label: Label::parse(label)?,
            roles: roles.iter().map(|word| Role::parse(word)).collect::<Result<BTreeSet<_>, _>>()?,
            offices: BTreeSet::new(),
            valid_for: Duration::from_secs(24 * 3600),
            request: None,
            replaces: false,
        };
        let enrolled = self.clients.enrol(&candidate, &passphrase()?, SystemClock.now(), &SystemEntropy)?;
        let key = enrolled.key.ok_or("no key was made")?;
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(enrolled.chain.as_bytes()).collect::<Result<_, _>>()?;
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(&fs::read(self.clients.root())?) {
            roots.add(root?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        let (connector, address) = (TlsConnector::from(Arc::new(config)), self.address);
        let name = ServerName::try_from(self.clients.service_dns_name())?;
        let dialling = tower::service_fn(move |_: Uri| {
            let (connector, name) = (connector.clone(), name.clone());
            async move {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok::<_, std::io::Error>(TokioIo::new(connector.connect(name, stream).await?))
            }
        });
        let endpoint = Endpoint::from_static("http://desk.invalid");
        Ok(DeskServiceClient::new(endpoint.connect_with_connector(dialling).await?))
    }

    pub fn reading(&self) -> Outcome<Reading> {
        Reading::of(self.child.id())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ended = pid.map(|pid| kill_process(pid, Signal::TERM));
        let _ended = self.child.wait();
    }
}

/// A note verbale as a system would draft it.
pub fn note(to: &str, channel: &str) -> wire::DraftContent {
    let text =
        |id: &str, standing: terms::DocumentStanding, of: &str, title: &str, words: &str| wire::DraftText {
            document_id: id.to_owned(),
            language: id.to_owned(),
            standing: standing.into(),
            title: title.to_owned(),
            words: words.to_owned(),
            upload_digest: Vec::new(),
            translation_of: of.to_owned(),
        };
    let act = Correspondence { subject: "Prisoners of war: procedure".to_owned(), ..Default::default() };
    wire::DraftContent {
        to: vec![to.to_owned()],
        channel: channel.to_owned(),
        precedence: terms::Precedence::Routine.into(),
        level: terms::Level::Restricted.into(),
        form: terms::Form::NoteVerbale.into(),
        texts: vec![
            text(
                "ko",
                terms::DocumentStanding::Official,
                "",
                "구상서",
                "외교부는 귀부에 경의를 표하며, 포로 문제에 관한 협의를 제안하는 바이다.\n\
                 외교부는 이 기회에 귀부에 최고의 경의를 표하는 바이다.\n",
            ),
            text(
                "en",
                terms::DocumentStanding::CourtesyTranslation,
                "ko",
                "Note verbale",
                "The Ministry presents its compliments to the Ministry and proposes consultations on prisoners of \
                 war.\nThe Ministry avails itself of this opportunity to renew the assurances of its highest \
                 consideration.\n",
            ),
        ],
        act: Some(wire::Act { act: Some(wire::act::Act::Correspondence(act)) }),
        ..wire::DraftContent::default()
    }
}
