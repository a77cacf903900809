//! The settings of each file, and what must agree between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{Form, Kind, Mistake, Setting, Settings, Usual};
use crate::limits;

/// All files.
pub const FORMS: [&Form; 3] = [&GATEWAY, &DESK, &SERVICE];

/// `gateway.toml`.
pub const GATEWAY: Form = Form {
    file: "gateway.toml",
    about: "The gateway of a ministry: the exposed host",
    settings: &[
        setting("ministry", Kind::Ministry, Usual::Required, "Code of the ministry, as in its certificates"),
        setting("domain", Kind::Domain, Usual::Required, "Prefixes the origins of its logs and its TLS name"),
        setting("relay_listen", Kind::Endpoint, Usual::Required, "Where peers' gateways reach it"),
        setting("mailbox_listen", Kind::Endpoint, Usual::Required, "Where the own desk reaches it"),
        mib("store.ballast_mib", limits::BALLAST_BYTES, "MiB that are given away when the disk is full"),
        mib("store.floor_mib", limits::SPACE_FLOOR_BYTES, "Free MiB below which nothing new is taken"),
        count(
            "store.mailbox_messages",
            limits::MAILBOX_MESSAGES_MAX,
            "Messages of one peer that may wait for a desk that is away",
        ),
        mib(
            "store.mailbox_mib",
            limits::MAILBOX_BYTES_MAX,
            "MiB of one peer's messages that may wait for it",
        ),
        count("store.uploads", limits::UPLOADS_MAX, "Sealed parts of one peer that no message names yet"),
        mib("store.uploads_mib", limits::UPLOAD_BYTES_MAX, "MiB of them"),
        count(
            "store.mirror_leaves",
            limits::MIRROR_LEAVES_MAX,
            "Leaves that a peer's log may have beyond two for each message",
        ),
        METRICS_LISTEN,
        METRICS_BEYOND_LOOPBACK,
        OTLP,
    ],
    agree: metrics_stay_inside,
};

/// `desk.toml`.
pub const DESK: Form = Form {
    file: "desk.toml",
    about: "A desk: inside the ministry, with keys and plain text",
    settings: &[
        setting("ministry", Kind::Ministry, Usual::Required, "Code of the ministry, as in its certificates"),
        setting(
            "domain",
            Kind::Domain,
            Usual::Required,
            "Domain of the ministry, and of its gateway's TLS name",
        ),
        setting("label", Kind::Label, Usual::Required, "Name of this desk in its access certificate"),
        setting("gateway", Kind::Endpoint, Usual::Required, "Mailbox listener of the own gateway"),
        setting(
            "accreditation.follow",
            Kind::OneOf(&["successors", "by-hand"]),
            Usual::Word("successors"),
            "What is done with a later bundle of an accredited peer: accredited by itself, or by peer update only",
        ),
    ],
    agree: |_| Vec::new(),
};

/// `service.toml`.
pub const SERVICE: Form = Form {
    file: "service.toml",
    about: "The service of a desk, for systems of the ministry",
    settings: &[
        setting("listen", Kind::Socket, Usual::Nothing, "Address for clients with certificates, inside"),
        setting("socket", Kind::Path, Usual::Nothing, "Unix socket for processes of this machine"),
        OTLP,
        setting("user[].uid", Kind::Count(MOST_UID), Usual::Required, "Number of a user of this machine"),
        setting("user[].name", Kind::Label, Usual::Required, "Name of the client that this user is"),
        setting("user[].roles", Kind::Roles, Usual::Required, "What it may ask for"),
        setting(
            "user[].offices",
            Kind::Labels,
            Usual::Nothing,
            "The offices as which it may have the desk sign",
        ),
        METRICS_LISTEN,
        METRICS_BEYOND_LOOPBACK,
    ],
    agree: |settings| {
        let apart = users_are_told_apart(settings).into_iter();
        apart.chain(metrics_stay_inside(settings)).collect()
    },
};

const METRICS_LISTEN: Setting =
    setting("metrics.listen", Kind::Socket, Usual::Required, "Where Prometheus reads metrics, if anywhere");

const METRICS_BEYOND_LOOPBACK: Setting = setting(
    "metrics.beyond_loopback",
    Kind::Flag,
    Usual::Flag(false),
    "Whether whoever reaches that address may be on another machine",
);

/// Where a daemon hands its spans.
const OTLP: Setting = setting(
    "log.otlp",
    Kind::Collector,
    Usual::Nothing,
    "Collector of OpenTelemetry on this host that gets spans, in a build with the feature opentelemetry",
);

const fn setting(key: &'static str, kind: Kind, usual: Usual, about: &'static str) -> Setting {
    Setting { key, kind, usual, about }
}

const fn count(key: &'static str, usual: u64, about: &'static str) -> Setting {
    setting(key, Kind::Count(MOST_COUNTED), Usual::Number(usual), about)
}

const fn mib(key: &'static str, usual_bytes: u64, about: &'static str) -> Setting {
    count(key, usual_bytes / (1024 * 1024), about)
}

/// What counts may be at most: what 32 bits hold.
const MOST_COUNTED: u64 = u32::MAX as u64;
const MOST_UID: u64 = u32::MAX as u64;

/// Metrics are read on the loopback, unless the operator says that the network is the ministry's own.
fn metrics_stay_inside(settings: &Settings<'_>) -> Vec<Mistake> {
    let Ok(listen) = settings.text("metrics.listen").parse::<SocketAddr>() else { return Vec::new() };
    if listen.ip().is_loopback() || settings.flag("metrics.beyond_loopback") {
        return Vec::new();
    }
    vec![settings.mistake(
        "metrics.listen",
        format!("whoever reaches {listen} reads the metrics"),
        "choose a loopback address, or say beyond_loopback = true where its network is the ministry's own",
    )]
}

/// Four eyes are two clients.
fn users_are_told_apart(settings: &Settings<'_>) -> Vec<Mistake> {
    let mut found = Vec::new();
    if !settings.has("listen") && !settings.has("socket") {
        found.push(settings.mistake(
            "listen",
            "neither listen nor socket: nobody could call".to_owned(),
            "add listen = \"127.0.0.1:7110\" or socket = \"/run/chancery/desk.sock\"",
        ));
    }
    let (mut uids, mut names) = (BTreeMap::new(), BTreeMap::new());
    for place in 0..settings.count_of("user") {
        let (uid, name) = (format!("user[{place}].uid"), format!("user[{place}].name"));
        if settings.has(&uid) && uids.insert(settings.number(&uid), place).is_some() {
            let message = format!("user {} is two clients", settings.number(&uid));
            found.push(settings.mistake(&uid, message, "give each user one table"));
        }
        if settings.has(&name) && names.insert(settings.text(&name).to_owned(), place).is_some() {
            let message = format!("the name {} is that of two users", settings.text(&name));
            found.push(settings.mistake(&name, message, "give each user a name of its own"));
        }
    }
    found
}
