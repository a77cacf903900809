//! The baselines: what the same bytes cost without custody.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use chancery::keys::home::gateway::GatewayHome;
use chancery::limits;
use chancery::proto::gateway::v1 as wire;
use chancery::time::SystemClock;
use chancery::transport::anchors::{DeskAnchors, PeerAnchors};
use chancery::transport::channel::server_builder;
use chancery::transport::credentials::{CredentialStore, Door, Material, TlsIdentity};
use chancery::transport::listener::Listener;
use chancery::trust::anchor::Anchors;
use chancery::trust::name::Ministry;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

use crate::client::Client;
use crate::options::Options;
use crate::process::Reading;
use crate::report::{Report, micros_each, percentiles};
use crate::stage::{Stage, free_address};
use crate::{Outcome, custody};

/// First argument of the process that answers bare calls.
pub const SERVER: &str = "bare-server";

/// Bytes of an answer: about a receipt.
const ANSWER_BYTES: usize = 1_400;

/// Appends envelopes to a file, one by one and as many as one frame takes, each time with fdatasync.
pub fn append(stage: &Stage, options: &Options, report: &mut Report) -> Outcome<()> {
    let envelope = vec![0x5a_u8; custody::ENVELOPE_BYTES];
    let count = if options.quick { 10 } else { 300 };
    for (row, at_once) in [("bare append, 1 envelope", 1), ("bare append, 48 envelopes", custody::BATCH)] {
        let path = stage.folder.join("append");
        let mut file = File::create(&path)?;
        let batch = envelope.repeat(at_once);
        let (began, mut each) = (Instant::now(), Vec::with_capacity(count));
        for _ in 0..count {
            let one = Instant::now();
            file.write_all(&batch)?;
            file.sync_data()?;
            each.push(one.elapsed());
        }
        let whole = began.elapsed();
        fs::remove_file(&path)?;
        let (p50, p99) = percentiles(each);
        let rate = (count * at_once) as f64 / whole.as_secs_f64();
        report.add(row, &[("messages/s", rate), ("p50 ms", p50), ("p99 ms", p99)]);
    }
    Ok(())
}

/// Calls that do nothing, with envelopes of the usual size, at each concurrency.
pub async fn unary(stage: &mut Stage, options: &Options, report: &mut Report) -> Outcome<()> {
    let server = Bare::start(stage)?;
    let client = Client::at(stage, &stage.sender, &server.address).await?;
    for (at_once, each) in options.concurrency() {
        let before = (Reading::of(server.child.id())?, Reading::of(std::process::id())?);
        let began = Instant::now();
        let mut callers = Vec::new();
        for _ in 0..at_once {
            let mut client = client.clone();
            callers.push(tokio::spawn(async move {
                let mut took = Vec::with_capacity(each);
                for _ in 0..each {
                    let envelope = vec![0x5a; custody::ENVELOPE_BYTES];
                    let one = Instant::now();
                    client.submit(envelope).await?;
                    took.push(one.elapsed());
                }
                Outcome::Ok(took)
            }));
        }
        let mut took = Vec::new();
        for caller in callers {
            took.extend(caller.await??);
        }
        let (whole, count) = (began.elapsed(), took.len());
        let after = (Reading::of(server.child.id())?, Reading::of(std::process::id())?);
        let (p50, p99) = percentiles(took);
        report.add(
            &format!("bare tonic unary, {at_once} at once"),
            &[
                ("messages/s", count as f64 / whole.as_secs_f64()),
                ("p50 ms", p50),
                ("p99 ms", p99),
                ("CPU server us", micros_each(after.0.cpu_since(&before.0), count)),
                ("CPU load us", micros_each(after.1.cpu_since(&before.1), count)),
            ],
        );
    }
    Ok(())
}

struct Bare {
    child: Child,
    address: String,
}

impl Bare {
    fn start(stage: &Stage) -> Outcome<Self> {
        let address = free_address()?;
        let house = stage.house(&stage.sender)?;
        let child = Command::new(std::env::current_exe()?)
            .arg(SERVER)
            .arg(stage.sender.as_str())
            .arg(house.homes().gateway.directory())
            .arg(&address)
            .stdin(Stdio::null())
            .spawn()?;
        let bare = Self { child, address };
        let began = Instant::now();
        while std::net::TcpStream::connect(&bare.address).is_err() {
            if began.elapsed().as_secs() > 10 {
                return Err("the bare server does not listen".into());
            }
            std::thread::yield_now();
        }
        Ok(bare)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The bare server: the gateway's own listener and settings, and a service that answers at once.
pub async fn serve(arguments: Vec<String>) -> Outcome<()> {
    let [_, _, ministry, home, address] = arguments.as_slice() else { return Err("three arguments".into()) };
    let home = GatewayHome::at(Path::new(home));
    let identity = TlsIdentity::read(&home.transport_chain(), &home.transport_key())?;
    let root = CertificateDer::from_pem_file(home.root())?.to_vec();
    let desk_access = CertificateDer::from_pem_file(home.desk_access())?.to_vec();
    let anchors = Anchors::new(Ministry::parse(ministry)?, &root, &[desk_access], &[])?;
    let source = Box::new(move || {
        let desks = Some(DeskAnchors::new(anchors.clone()));
        Ok(Material { identity: identity.clone(), peers: PeerAnchors::new(), desks })
    });
    let (_, credentials) = CredentialStore::open(source, Arc::new(SystemClock))?;
    let listener = Listener::bind(address.parse()?, Door::Mailbox, credentials).await?;
    let incoming = listener.incoming(CancellationToken::new());
    server_builder().add_service(Echo).serve_with_incoming(incoming).await?;
    Ok(())
}

/// Stands where the mailbox stands and answers every envelope with as many bytes as a receipt has.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "chancery.gateway.v1.MailboxService";
}

type Answering<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answering<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let codec = tonic_prost::ProstCodec::<wire::SubmitResponse, wire::SubmitRequest>::default();
            let mut grpc = Grpc::new(codec).max_decoding_message_size(limits::FRAME_BYTES_MAX);
            Ok(grpc.unary(Echo, request).await)
        })
    }
}

impl UnaryService<wire::SubmitRequest> for Echo {
    type Response = wire::SubmitResponse;
    type Future = Answering<Result<Response<Self::Response>, Status>>;

    fn call(&mut self, request: Request<wire::SubmitRequest>) -> Self::Future {
        let seen = request.into_inner().envelope.len().min(1);
        Box::pin(
            async move { Ok(Response::new(wire::SubmitResponse { receipt: vec![1; ANSWER_BYTES * seen] })) },
        )
    }
}
