//! A gateway as a process: its options, its signals and its exit code. The daemon runs it, and so does the
//! command line's own executable where a rehearsal starts gateways as child processes.
//!
//! SIGHUP reads certificates and keys again, SIGTERM and SIGINT stop it. It ends with 0 when it was stopped,
//! 1 when something failed and 2 when the home or its configuration cannot be used.

mod backup;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::entropy::SystemEntropy;
use crate::gateway::Gateway;
use crate::gateway::config::Config;
use crate::gateway::desk_list::check_desk_list;
use crate::gateway::error::Fault;
use crate::gateway::filling::{self, Filled, Filling};
use crate::gateway::fsck;
use crate::gateway::run::{Opened, check_home};
use crate::gateway::store::StoreFault;
use crate::gateway::store::record::Progress;
use crate::keys::home::gateway::GatewayHome;
use crate::limits;
use crate::message::administration::{Actor, AdministrativeVerb};
use crate::telemetry::supervisor;
use crate::telemetry::{self, LogFormat};
use crate::time::{Clock, SystemClock};

pub use backup::{BackupOptions, backup};

/// How a gateway is run.
#[derive(Debug, Clone, clap::Args)]
pub struct RunOptions {
    /// Home of the gateway
    #[arg(long, env = "CHANCERY_HOME", value_name = "DIR", default_value = "/var/lib/chancery")]
    pub home: PathBuf,

    /// How log lines look
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// What is examined, and how it is reported.
#[derive(Debug, Clone, clap::Args)]
pub struct FsckOptions {
    /// Home of a gateway that does not run, or a copy of one
    #[arg(long, env = "CHANCERY_HOME", value_name = "DIR", default_value = "/var/lib/chancery")]
    pub home: PathBuf,

    /// Report as one JSON object
    #[arg(long)]
    pub json: bool,

    /// How log lines look
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// Examines what a gateway keeps; `say` gets what is printed on stdout and on stderr. Ends with 0 where all is well,
/// 3 where something is damaged, and otherwise as `run` does.
pub fn fsck(options: &FsckOptions, say: impl FnOnce(&str, &str)) -> ExitCode {
    telemetry::start(options.log_format, None).end();
    let Ok(runtime) = prepared(runtime()) else { return ExitCode::from(FAILED) };
    let examined = runtime.block_on(fsck::examine(&options.home, SystemClock.now(), &ProgressLines));
    runtime.shutdown_background();
    let json_line = |report: serde_json::Value| format!("{report}\n");
    match examined {
        Ok(report) => {
            say(&if options.json { json_line(report.json()) } else { report.text() }, "");
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(DAMAGED) }
        }
        Err(fault) => {
            let (exit, hint) = (exit_code(&fault), remedy(&options.home, &fault));
            let failure = fsck::Failure { fault, exit, hint };
            match options.json {
                true => say(&json_line(failure.json()), ""),
                false => say("", &failure.text()),
            }
            ExitCode::from(exit)
        }
    }
}

/// What is filled in, and where.
#[derive(Debug, Clone, clap::Args)]
pub struct FillOptions {
    /// Home of the gateway that sends
    #[arg(long, value_name = "DIR")]
    pub home: PathBuf,

    /// Home of the gateway that receives
    #[arg(long, value_name = "DIR")]
    pub peer_home: PathBuf,

    /// How many messages
    #[arg(long, value_name = "N")]
    pub messages: u64,

    /// What became of them: queued, mailbox or settled
    #[arg(long, value_name = "STATE", value_parser = filled)]
    pub state: Filled,

    /// Sealed bytes of each
    #[arg(long, value_name = "BYTES", default_value_t = 512)]
    pub sealed_bytes: usize,
}

fn filled(word: &str) -> Result<Filled, String> {
    Filled::from_word(word).ok_or_else(|| "queued, mailbox or settled is expected".to_owned())
}

/// Fills the stores of two gateways that do not run, as if they had exchanged messages: for measurements only.
pub fn fill(options: &FillOptions) -> ExitCode {
    let run = RunOptions { home: options.home.clone(), log_format: LogFormat::default() };
    let (peer_home, state) = (options.peer_home.clone(), options.state);
    let filling = Filling { messages: options.messages, state, sealed_bytes: options.sealed_bytes };
    begin(&run, |run| async move {
        let homes = [run.home.as_path(), peer_home.as_path()];
        filling::fill(homes, filling, Arc::new(SystemClock), Arc::new(SystemEntropy), &ProgressLines).await
    })
}

/// A line now and then.
#[derive(Debug)]
struct ProgressLines;

impl Progress for ProgressLines {
    fn done(&self, what: &str, count: u64) {
        if count.is_multiple_of(ROWS_PER_LINE) && count > 0 {
            tracing::info!(count, "{what}");
        }
    }
}

/// Runs the gateway until it is told to stop.
pub fn run(options: &RunOptions) -> ExitCode {
    begin(options, |options| async move {
        // It ends a process that does not listen, and means that something is to be read again.
        let hangup = listen(SignalKind::hangup())?;
        let opened = open(&options).await?;
        opened.gateway().record_own_act(AdministrativeVerb::Started).await;
        supervisor::ready();
        let stop = CancellationToken::new();
        let signals = Signals::after(hangup)?;
        let signals = tokio::spawn(obey_signals(opened.gateway().clone(), stop.clone(), signals));
        let served = serve(opened, stop).await;
        signals.abort();
        served
    })
}

/// Tries everything that can be tried without opening a listener or the store.
pub fn check(options: &RunOptions) -> ExitCode {
    begin(options, |options| async move {
        let config = Config::load(&options.home)?;
        let ends = check_home(&config, Arc::new(SystemClock))?;
        check_desk_list(&config, SystemClock.now())?;
        tracing::info!(ministry = %config.ministry, certificate_until = %ends, "the gateway can run");
        Ok(())
    })
}

fn begin<Work>(options: &RunOptions, work: impl FnOnce(RunOptions) -> Work) -> ExitCode
where
    Work: Future<Output = Result<(), Fault>>,
{
    let runtime = runtime();
    // What is wrong with the configuration, the work itself says.
    let otlp = Config::load(&options.home).ok().and_then(|config| config.otlp);
    let exporting = {
        let _inside = runtime.as_ref().ok().map(Runtime::enter);
        telemetry::start(options.log_format, otlp.as_deref())
    };
    let Ok(runtime) = prepared(runtime) else { return ExitCode::from(FAILED) };
    let ended = runtime.block_on(work(options.clone()));
    exporting.end();
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tracing::error!(%fault, "the gateway ended");
            if let Some(command) = remedy(&options.home, &fault) {
                tracing::info!("next: {command}");
            }
            ExitCode::from(exit_code(&fault))
        }
    }
}

/// What work runs in.
fn runtime() -> std::io::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.max_blocking_threads(limits::BLOCKING_THREADS_MAX).enable_all().build()
}

/// The same once events are written. Where it did not start, that was said.
fn prepared(built: std::io::Result<Runtime>) -> Result<Runtime, ()> {
    forbid_core_dumps();
    built.map_err(|error| tracing::error!(%error, "the asynchronous runtime did not start"))
}

async fn open(options: &RunOptions) -> Result<Opened, Fault> {
    let config = Config::load(&options.home)?;
    let opened = Opened::open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    let (gateway, addresses) = (opened.gateway(), opened.gateway().addresses());
    tracing::info!(
        ministry = %gateway.config.ministry,
        relay = %addresses.relay,
        mailbox = %addresses.mailbox,
        operator = %gateway.config.operator_socket().display(),
        "the gateway listens"
    );
    if gateway.trust.load().is_none() {
        tracing::info!("no peers yet: the first comes with `chancery peer add`");
    }
    Ok(opened)
}

/// Serves until stopped; what does not end in time after that is cut off.
async fn serve(opened: Opened, stop: CancellationToken) -> Result<(), Fault> {
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(limits::STOP_DEADLINE).await;
    };
    tokio::select! {
        ended = opened.serve(stop.clone()) => ended?,
        () = too_late => tracing::warn!("connections that did not end in time were cut off"),
    }
    tracing::info!("the gateway stopped");
    Ok(())
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn after(hangup: Signal) -> Result<Self, Fault> {
        let (terminate, interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        Ok(Self { hangup, terminate, interrupt })
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Fault> {
    signal(kind).map_err(|cause| Fault::Listener(format!("signals: {cause}")))
}

async fn obey_signals(gateway: Arc<Gateway>, stop: CancellationToken, mut signals: Signals) {
    loop {
        tokio::select! {
            _ = signals.hangup.recv() => {
                supervisor::reloading();
                // What became of it is in the log.
                let _said = gateway.reload_as_asked(Actor::Gateway).await;
                supervisor::ready();
            }
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
        }
    }
    tracing::info!("stopping");
    supervisor::stopping();
    gateway.record_own_act(AdministrativeVerb::Stopped).await;
    stop.cancel();
}

/// Keys and envelopes must not end up in a crash dump. Where the system refuses, it is only said.
fn forbid_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = setrlimit(Resource::Core, none);
    if let Err(error) = limited.and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable)) {
        tracing::warn!(%error, "core dumps could not be forbidden");
    }
}

fn exit_code(fault: &Fault) -> u8 {
    match fault {
        Fault::Config(_) | Fault::Credentials(_) | Fault::DeskList(_) | Fault::Unsettled(_) => UNUSABLE,
        _ => FAILED,
    }
}

/// The command that mends it, where there is one.
fn remedy(home: &Path, fault: &Fault) -> Option<String> {
    let places = GatewayHome::at(home);
    let home = home.display();
    match fault {
        // It is most likely on another host, or named otherwise: nobody is led to found another one.
        Fault::Config(_) if !places.directory().exists() => Some(format!("ls -ld {home}")),
        Fault::Config(_) if !places.config().exists() => {
            Some(format!("chancery --home {home} init gateway --help"))
        }
        Fault::Credentials(_) if !places.transport_chain().exists() => {
            Some(format!("chancery desk enrol --ministry-home ROOT {home}"))
        }
        Fault::DeskList(_) => Some(format!("cp ROOT/desk-access.crl {}", places.desk_list().display())),
        Fault::Unsettled(_) => Some("chancery --home EMPTY backup restore --help".to_owned()),
        Fault::Store(StoreFault::InUse(_)) => {
            Some(format!("stop the gateway that runs there, or ask it: chancery --home {home} log verify"))
        }
        _ => None,
    }
}

const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;
/// What `chancery log verify` ends with as well.
const DAMAGED: u8 = 3;

/// Rows between two lines of progress: a multiple of what one snapshot looks at.
const ROWS_PER_LINE: u64 = 512 * 256;
