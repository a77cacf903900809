//! The forms of the state: of the gateway and of a desk alike.

/// For whom the state is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(in crate::cli) enum Form {
    /// For people.
    #[default]
    Text,
    /// For scripts, as with `--json`.
    Json,
    /// For Prometheus: every metric, in the OpenMetrics text format.
    Prometheus,
    /// For Nagios, Icinga and others that run its plugins: one line and its own exit codes.
    Nagios,
}
