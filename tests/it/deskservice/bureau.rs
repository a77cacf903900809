//! The desk service of one ministry, running over its gateway, and its clients: with generated code, over mutual TLS as
//! any gRPC library speaks it, and nothing of ours in between.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use chancery::desk::config::Config;
use chancery::desk::error::DeskError;
use chancery::desk::keys::Keys;
use chancery::desk::register::Register;
use chancery::desk::serve::config::{ServiceConfig, User};
use chancery::desk::serve::{Service, clients_of};
use chancery::entropy::SystemEntropy;
use chancery::keys::home::clients::{Candidate, Clients};
use chancery::limits::READER_PATIENCE;
use chancery::proto::desk::v1 as wire;
use chancery::proto::desk::v1::desk_service_client::DeskServiceClient;
use chancery::time::{Clock, SystemClock};
use chancery::transport::status::reason_of;
use chancery::trust::name::Label;
use chancery::trust::role::Role;
use rustls::crypto::SupportedKxGroup;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::support::doorway::Doorway;
use crate::support::{PATIENCE, Stage, passphrase};

/// A running service.
pub struct Bureau {
    address: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    config: Config,
    clients: Clients,
    stop: CancellationToken,
    served: JoinHandle<Result<(), DeskError>>,
}

pub type Client = DeskServiceClient<Channel>;

impl Bureau {
    /// Opens the service of a ministry's desk.
    pub async fn open(stage: &Stage, code: &str) -> Self {
        Self::with_patience(stage, code, READER_PATIENCE).await
    }

    /// The same, which does not wait as long for its readers.
    pub async fn with_patience(stage: &Stage, code: &str, patience: Duration) -> Self {
        let (listen, metrics) = (Some("127.0.0.1:0".parse().unwrap()), Some("127.0.0.1:0".parse().unwrap()));
        let (socket, users) = (None, Vec::new());
        Self::serving(stage, code, ServiceConfig { listen, socket, metrics, users, otlp: None, patience })
            .await
    }

    /// The same at a local socket, for these users.
    pub async fn at_socket(stage: &Stage, code: &str, path: &Path, users: Vec<User>) -> Self {
        let (socket, patience) = (Some(path.to_owned()), READER_PATIENCE);
        Self::serving(
            stage,
            code,
            ServiceConfig { listen: None, socket, metrics: None, users, otlp: None, patience },
        )
        .await
    }

    async fn serving(stage: &Stage, code: &str, serving: ServiceConfig) -> Self {
        let house = stage.house(code);
        let desk = house.desk().unwrap();
        let (config, clients) = (desk.config().clone(), clients_of(&desk));
        let keys = Keys::new(config.clone(), passphrase());
        let stop = CancellationToken::new();
        let service = Service::new(desk, keys, &serving, stop.clone()).unwrap();
        let entrances = service.bind(&serving, &passphrase()).await.unwrap();
        let address = entrances.listener.as_ref().map(|listener| listener.local_address().unwrap());
        let metrics = entrances.metrics.as_ref().map(|listener| listener.address());
        let served = tokio::spawn(Arc::clone(&service).serve(entrances));
        Self { address, metrics, config, clients, stop, served }
    }

    /// A register of its own over the same file, to look at.
    pub fn register(&self) -> Register {
        Register::open(&self.config.register()).unwrap()
    }

    /// Where its metrics are read.
    pub fn metrics(&self) -> String {
        self.metrics.unwrap().to_string()
    }

    /// The clients of the desk.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Enrols a client and connects as it.
    pub async fn client(&self, label: &str, roles: &[Role]) -> Client {
        DeskServiceClient::new(self.channel(label, roles).await).max_decoding_message_size(usize::MAX)
    }

    /// The same for a client that is bound to these offices.
    pub async fn bound(&self, label: &str, roles: &[Role], offices: &[&str]) -> Client {
        let offices = offices.iter().map(|office| Label::parse(office).unwrap()).collect();
        let (chain, key) = self.enrol_for(label, roles, offices);
        let channel = self.dial(&chain, &key).await.unwrap();
        DeskServiceClient::new(channel).max_decoding_message_size(usize::MAX)
    }

    /// The same as a bare channel.
    pub async fn channel(&self, label: &str, roles: &[Role]) -> Channel {
        let (chain, key) = self.enrol(label, roles);
        self.dial(&chain, &key).await.unwrap()
    }

    /// Enrols a client: its chain and its key, PEM.
    pub fn enrol(&self, label: &str, roles: &[Role]) -> (String, String) {
        self.enrol_for(label, roles, BTreeSet::new())
    }

    fn enrol_for(&self, label: &str, roles: &[Role], offices: BTreeSet<Label>) -> (String, String) {
        let candidate = Candidate {
            label: Label::parse(label).unwrap(),
            roles: roles.iter().copied().collect(),
            offices,
            valid_for: Duration::from_secs(24 * 3600),
            request: None,
            replaces: false,
        };
        let enrolled =
            self.clients.enrol(&candidate, &passphrase(), SystemClock.now(), &SystemEntropy).unwrap();
        (enrolled.chain, enrolled.key.unwrap().to_string())
    }

    /// Where the keys of its offices lie.
    pub fn offices(&self) -> std::path::PathBuf {
        self.config.offices()
    }

    /// Where its register lies.
    pub fn register_file(&self) -> std::path::PathBuf {
        self.config.register()
    }

    /// Connects with this certificate, believing the root of this desk's clients.
    pub async fn dial(&self, chain: &str, key: &str) -> Result<Channel, tonic::transport::Error> {
        self.dial_with(chain, key, |endpoint| endpoint).await.map(|(channel, _)| channel)
    }

    /// The same with settings of the client's own; and how often it was dialled.
    pub async fn dial_with(
        &self,
        chain: &str,
        key: &str,
        settings: impl FnOnce(Endpoint) -> Endpoint,
    ) -> Result<(Channel, Arc<AtomicUsize>), tonic::transport::Error> {
        let groups = rustls::crypto::ring::ALL_KX_GROUPS.to_vec();
        self.doorway().dialled(Some((chain, key)), groups, settings).await
    }

    /// The same by these groups alone.
    pub async fn dial_by(
        &self,
        chain: &str,
        key: &str,
        groups: Vec<&'static dyn SupportedKxGroup>,
    ) -> Result<Channel, tonic::transport::Error> {
        let dialled = self.doorway().dialled(Some((chain, key)), groups, |endpoint| endpoint).await;
        dialled.map(|(channel, _)| channel)
    }

    /// The way in for clients with certificates.
    pub fn doorway(&self) -> Doorway {
        let root = fs::read(self.clients.root()).unwrap();
        Doorway { address: self.address.unwrap(), root, name: self.clients.service_dns_name() }
    }

    /// Stops it, and waits until it has ended.
    pub async fn close(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.served).await;
        ended.expect("the service did not stop").unwrap().unwrap();
    }
}

/// The reason that a call was refused with.
pub fn reason<T>(answer: Result<T, Status>) -> String {
    match answer {
        Ok(_) => panic!("it was not refused"),
        Err(status) => reason_of(&status).unwrap_or_else(|| panic!("no reason: {status:?}")),
    }
}

/// A note verbale as a system would draft it.
pub fn note(to: &str, consultation: &str) -> wire::DraftContent {
    use chancery::proto::consultation::v1::Correspondence;
    use chancery::proto::message::v1 as terms;
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
    let act =
        Correspondence { subject: "Prisoners of war: procedure".to_owned(), ..Correspondence::default() };
    wire::DraftContent {
        to: vec![to.to_owned()],
        consultation: consultation.to_owned(),
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

/// A request for a draft that `legal-01` is to clear.
pub fn creation(request_id: &str, content: wire::DraftContent) -> wire::CreateDraftRequest {
    wire::CreateDraftRequest {
        request_id: request_id.to_owned(),
        content: Some(content),
        sign_as: Vec::new(),
        clear_by: vec!["legal-01".to_owned()],
    }
}

/// A clearance.
pub fn clearance(request_id: &str, name: &str) -> wire::ClearDraftRequest {
    let (request_id, name) = (request_id.to_owned(), name.to_owned());
    wire::ClearDraftRequest { request_id, name, office: String::new() }
}

/// A release.
pub fn release(request_id: &str, name: &str) -> wire::ReleaseDraftRequest {
    wire::ReleaseDraftRequest { request_id: request_id.to_owned(), name: name.to_owned() }
}
