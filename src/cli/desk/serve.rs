//! `desk serve`: the service of this desk for the ministry's own systems, in the foreground until it is told to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::super::context::Context;
use super::super::desk_record;
use super::super::desk_session;
use super::super::error::CliError;
use crate::desk::administration::{Record, act};
use crate::desk::serve::Service;
use crate::desk::serve::config::ServiceConfig;
use crate::message::administration::AdministrativeVerb as Verb;
use crate::telemetry::{self, LogFormat, supervisor};
use crate::time::Clock;

/// What was typed.
pub(super) struct Serving {
    pub(super) listen: Option<std::net::SocketAddr>,
    pub(super) socket: Option<PathBuf>,
    pub(super) log_format: LogFormat,
}

impl Serving {
    /// Serves until SIGTERM or SIGINT; SIGHUP reads `service.toml` again.
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let failed = |error| desk_session::failure(context, error);
        let desk = desk_session::desk(context)?;
        let mut config = ServiceConfig::load(desk.config())
            .map_err(|cause| failed(crate::desk::error::DeskError::Config(cause)))?;
        if self.listen.is_some() || self.socket.is_some() {
            (config.listen, config.socket) = (self.listen, self.socket);
        }
        let passphrase =
            context.passphrase.existing(&format!("the desk of {}", desk.config().ministry))?.for_keys()?;
        let keys = desk_session::keys_of(context, desk.config(), passphrase.clone())?;
        let home = desk.config().home.clone();
        let exporting = telemetry::start(self.log_format, config.otlp.as_deref());
        let stop = CancellationToken::new();
        let signals = Signals::listen()?;
        let service = Service::new(desk, keys, &config, stop.clone()).map_err(failed)?;
        let entrances = service.bind(&config, &passphrase).await.map_err(failed)?;
        let listen = entrances.listener.as_ref().and_then(|listener| listener.local_address().ok());
        let report = json!({
            "schema": "chancery.desk-serving/1",
            "listen": listen.map(|address| address.to_string()),
            "socket": config.socket.as_ref().map(|path| path.display().to_string()),
            "metrics": entrances.metrics.as_ref().map(|listener| listener.address().to_string()),
        });
        let places = [
            listen.map(|address| address.to_string()),
            config.socket.as_ref().map(|path| path.display().to_string()),
        ];
        let places: Vec<String> = places.into_iter().flatten().collect();
        desk_record::note(context, &home, act(Verb::Started))?;
        // For whoever started it: from now on clients may call.
        context.output.data(&report, || format!("the desk serves clients at {}", places.join(" and ")))?;
        if let Some(metrics) = &entrances.metrics {
            context.output.note(&format!("metrics at http://{}/metrics", metrics.address()));
        }
        supervisor::ready();
        tokio::spawn(signals.obey(service.clone(), stop, (home.clone(), context.clock.clone())));
        let served = service.serve(entrances).await.map_err(failed);
        // It blocks while it hands over what waits; a task that died has nothing to hand over.
        let _ended = tokio::task::spawn_blocking(move || exporting.end()).await;
        served?;
        // It has stopped, whether or not that can be written.
        if let Err(error) = desk_record::note(context, &home, act(Verb::Stopped)) {
            context
                .output
                .note(&format!("the administrative record could not take an entry: {}", error.message()));
        }
        context.output.note("the desk has stopped serving");
        Ok(())
    }
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    fn listen() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| CliError::failed("signals", "cannot listen to signals").because(&error))
        };
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn obey(
        mut self,
        service: Arc<Service>,
        stop: CancellationToken,
        (home, clock): (PathBuf, Arc<dyn Clock>),
    ) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    supervisor::reloading();
                    read_again(&service, &home, clock.as_ref());
                    supervisor::ready();
                }
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
            }
        }
        supervisor::stopping();
        stop.cancel();
    }
}

/// What became of it is in the log: nobody waits for an answer.
fn read_again(service: &Service, home: &Path, clock: &dyn Clock) {
    match service.reload() {
        Ok(()) => tracing::info!("service.toml was read again; where it listens changes with a restart only"),
        Err(fault) => {
            tracing::warn!(%fault, "the reload was refused; what was in force stays");
            return;
        }
    }
    if let Err(fault) = Record::of(home).write(act(Verb::Reloaded), clock.now()) {
        tracing::warn!(%fault, "the administrative record could not take an entry");
    }
}
