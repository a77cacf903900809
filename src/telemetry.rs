//! What a daemon says while it runs: tracing events to stderr, as text or JSON, and where this is built in and asked
//! for, spans to a collector of OpenTelemetry. `CHANCERY_LOG` narrows or widens what is said, such as `chancery=debug`.
//!
//! Events never leave the host: the collector gets spans alone, whose names and fields are of our own making. What must
//! never happen: a span that tells of a person, a consultation or a message (tests/it/architecture/spans.rs).

#[cfg(feature = "opentelemetry")]
mod export;
pub mod supervisor;

use std::net::IpAddr;

use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// One line of text an event.
    #[default]
    Text,
    /// One JSON object an event.
    Json,
}

/// Whether spans can be handed to a collector: the feature `opentelemetry` is built in.
pub const EXPORTS_SPANS: bool = cfg!(feature = "opentelemetry");

/// The collector that a configuration names, where this program can hand it anything.
pub fn collector(named: Option<&str>) -> Result<Option<String>, String> {
    match named {
        Some(_) if !EXPORTS_SPANS => {
            Err("log.otlp: this program was built without the feature opentelemetry: build it with \
             --features opentelemetry, or leave the setting out"
                .to_owned())
        }
        named => Ok(named.map(str::to_owned)),
    }
}

/// What is wrong with the address of a collector. Spans travel in the clear, so that it must be on this host.
pub fn judge_collector(address: &str) -> Result<(), String> {
    let example = "a collector on this host is meant, such as http://127.0.0.1:4317";
    let place =
        address.strip_prefix("http://").ok_or_else(|| format!("{address:?} is no address: {example}"))?;
    let (host, port) =
        place.rsplit_once(':').ok_or_else(|| format!("{address:?} names no port: {example}"))?;
    if port.parse::<u16>().is_err() {
        return Err(format!("{address:?} names no port: {example}"));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_here {
        Ok(())
    } else {
        Err(format!("{host} is another host, and spans travel in the clear: {example}"))
    }
}

/// Spans on their way to a collector; those that wait are handed over when it ends.
#[derive(Debug, Default)]
#[must_use]
pub struct Exporting {
    #[cfg(feature = "opentelemetry")]
    provider: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Exporting {
    /// Hands over what waits. It may take some seconds where the collector is away, and blocks meanwhile.
    pub fn end(self) {
        #[cfg(feature = "opentelemetry")]
        if let Some(provider) = self.provider
            && let Err(cause) = provider.shutdown()
        {
            tracing::warn!(%cause, "the last spans did not reach the collector");
        }
    }
}

/// Begins to write events, and to hand spans to the collector at `otlp`, which needs an asynchronous runtime around the
/// call. A second call changes nothing.
pub fn start(format: LogFormat, otlp: Option<&str>) -> Exporting {
    let filter = EnvFilter::try_from_env("CHANCERY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Lines look the same whether or not there are spans around them.
    let lines = lines.with_filter(filter.and(filter_fn(|about| about.is_event())));
    let started = tracing_subscriber::registry().with(lines);
    #[cfg(feature = "opentelemetry")]
    if let Some(address) = otlp {
        return match export::layer(address) {
            Ok((spans, provider)) => match started.with(spans).try_init() {
                Ok(()) => Exporting { provider: Some(provider) },
                Err(_) => Exporting::default(),
            },
            Err(cause) => {
                let _ = started.try_init();
                tracing::error!(cause, "spans are handed to nobody");
                Exporting::default()
            }
        };
    }
    // It fails only where events are written already.
    let _ = started.try_init();
    if !EXPORTS_SPANS && otlp.is_some() {
        tracing::error!(
            "spans are handed to nobody: this program was built without the feature opentelemetry"
        );
    }
    Exporting::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hands_spans_to_nobody_refuses_the_setting() {
        assert_eq!(collector(None), Ok(None));
        assert_eq!(collector(Some("http://127.0.0.1:4317")).is_ok(), EXPORTS_SPANS);
    }

    #[test]
    fn a_collector_is_on_this_host_or_refused() {
        for right in ["http://127.0.0.1:4317", "http://[::1]:4317", "http://localhost:4317"] {
            assert_eq!(judge_collector(right), Ok(()), "{right}");
        }
        for wrong in [
            "",
            "127.0.0.1:4317",
            "https://127.0.0.1:4317",
            "http://127.0.0.1",
            "http://192.0.2.1:4317",
            "http://collector.example:4317",
            "http://127.0.0.1:port",
        ] {
            assert!(judge_collector(wrong).is_err(), "{wrong}");
        }
    }
}
