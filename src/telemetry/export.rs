//! Spans to a collector: what of them leaves, and how.
//!
//! Only spans of this program's own files leave, without events, places in the source or threads. They wait in a
//! bounded queue of the batch processor, which drops what does not fit: a collector that is away costs no message
//! anything.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

/// How long one batch may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The layer that hands spans over, and what ends it.
pub(super) fn layer<S>(
    address: &str,
) -> Result<(impl Layer<S> + Send + Sync + 'static, SdkTracerProvider), String>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(address).with_timeout(PATIENCE);
    let exporter = exporter.build().map_err(|cause| cause.to_string())?;
    // Nothing of the environment, the host or the process is told.
    let resource = Resource::builder_empty().with_service_name("chancery").build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let ours = filter_fn(|about| {
        let is_ours = about.target() == "chancery" || about.target().starts_with("chancery::");
        about.is_span() && is_ours && *about.level() <= Level::INFO
    });
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("chancery"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    Ok((spans.with_filter(ours), provider))
}
