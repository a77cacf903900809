//! Spans reach a real collector of OpenTelemetry, and tell nothing of what is exchanged.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::{Ministries, text_of, wait};
use crate::support::{PATIENCE, forms, ministry};

/// Everything that came.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Listens on this machine, for as long as the runtime is there.
    fn start(&self, runtime: &Runtime) -> SocketAddr {
        let service = TraceServiceServer::new(self.clone());
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let serving = Server::builder().add_service(service);
            tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
            address
        })
    }

    fn names(&self) -> BTreeSet<String> {
        let requests = self.0.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        let spans = resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans);
        spans.map(|span| span.name.clone()).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().iter().flat_map(Message::encode_to_vec).collect()
    }
}

/// A daemon that is told to stop, and killed where it does not.
struct Daemon(Child);

impl Daemon {
    fn start(args: &[&str], home: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
        command.args(args).arg("--home").arg(home).env_clear().stdin(Stdio::null());
        let said = fs::File::create(home.join("said.log")).unwrap();
        Self(command.stdout(Stdio::null()).stderr(said).spawn().unwrap())
    }

    fn stop(&mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        until("the daemon ends", || self.0.try_wait().unwrap().is_some());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn add(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, format!("{before}\n{text}")).unwrap();
}

#[test]
fn spans_reach_a_collector_and_tell_of_no_person_consultation_or_message() {
    let mut both = Ministries::found("spans");
    let collector = Collector::default();
    let runtime = Runtime::new().unwrap();
    let address = collector.start(&runtime);
    wait(both.world.house_mut(&ministry("XA")).unwrap().stop()).unwrap();
    let (gateway, desk) = (both.directory.join("xa/gateway"), both.desk("XA"));
    add(&gateway.join("gateway.toml"), &format!("[log]\notlp = \"http://{address}\"\n"));
    add(
        &desk.join("service.toml"),
        &format!("socket = \"service.sock\"\n[log]\notlp = \"http://{address}\"\n"),
    );
    let mut running = Daemon::start(&["gateway-run"], &gateway);
    let passphrase = both.directory.join("passphrase");
    let serve = ["desk", "serve", "--passphrase-file", passphrase.to_str().unwrap()];
    until("the gateway answers", || both.types("XA", ["inbox"]).code == 0);
    let mut serving = Daemon::start(&serve, &desk);

    let canary = "Wilhelmina Canary";
    let sent = both.delivers("XA", &forms::memorandum("XB", "new", canary), &[]);
    both.delivers("XB", &forms::memorandum("XA", "new", canary), &[]);
    assert_eq!(both.types("XA", ["inbox"]).code, 0);
    let wanted = ["Submit", "ListReceived", "store.commit", "relay.hand_over", "relay.place", "desk.fetch"];
    let missing = || -> Vec<&str> {
        let names = collector.names();
        wanted.into_iter().filter(|name| !names.contains(*name)).collect()
    };
    until("spans of gateway and desk", || missing().is_empty());
    // What waits is handed over at the end.
    serving.stop();
    running.stop();
    let bytes = collector.bytes();
    let tells = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(tells("XB") && tells("chancery"), "a peer and a service are named");
    let (id, number, consultation) =
        (text_of(&sent, "message_id"), text_of(&sent, "ref"), text_of(&sent, "consultation"));
    for secret in [canary, "Wilhelmina", id, &id[..16], number, consultation, "drafting-01", "legal-01"] {
        assert!(secret.len() > 3 && !tells(secret), "a span tells {secret:?}");
    }
    let raw = data_encoding::HEXLOWER.decode(id.as_bytes()).unwrap();
    assert!(!bytes.windows(raw.len()).any(|window| window == raw), "a span tells the id of a message");
}
