//! `channel open|list|suspend|resume`: channels among this ministry and those it believes.
//!
//! Accrediting a peer opens a channel of two. What three or more ministries consult about takes a channel of all of
//! them, which each opens at its own desk; its id follows from their roots, so that all find the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::{CliError, Kind};
use super::peer::level;
use super::report::Done;
use super::table::Table;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::message::terms::Level;
use crate::trust::name::Ministry;
use crate::trust::policy::{ChannelId, ChannelRule};

/// Open channels among several ministries, suspend and resume them
#[derive(Debug, clap::Args)]
pub struct Channel {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Open(Open),
    List(List),
    Suspend(Suspend),
    Resume(Resume),
}

/// Open a channel among this ministry and these peers, or change its ceiling
///
/// Every peer is accredited first (`peer add`), and each of them opens the same channel at its own desk: until then its
/// gateway refuses what comes on it. A message to all of them then goes by this channel, and its acts are numbered
/// alike for everybody.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery channel open XB XN\n  \
    chancery channel open XB XN --ceiling CONFIDENTIAL")]
struct Open {
    /// Codes of the other ministries
    #[arg(value_name = "CODE", required = true, value_parser = Ministry::parse)]
    with: Vec<Ministry>,

    /// Highest level of protection of what is exchanged on it
    #[arg(long, value_name = "LEVEL", default_value = "RESTRICTED", value_parser = level)]
    ceiling: Level,
}

/// List the channels in force at this desk
#[derive(Debug, clap::Args)]
struct List {}

/// Let nothing but FLASH pass on a channel until it is resumed
#[derive(Debug, clap::Args)]
struct Suspend {
    /// Its id, as `channel list` shows it
    #[arg(value_name = "CHANNEL", value_parser = channel)]
    channel: ChannelId,
}

/// Let a suspended channel carry messages again
#[derive(Debug, clap::Args)]
struct Resume {
    /// Its id, as `channel list` shows it
    #[arg(value_name = "CHANNEL", value_parser = channel)]
    channel: ChannelId,
}

fn channel(text: &str) -> Result<ChannelId, String> {
    ChannelId::parse(text)
        .map_err(|_| "the id of a channel such as ch-7f3a51c09b24de68 is expected".to_owned())
}

impl Channel {
    /// Does what was asked for.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Open(open) => open.run(context).await,
            What::List(List {}) => list(context),
            What::Suspend(suspend) => change(context, &suspend.channel, true).await,
            What::Resume(resume) => change(context, &resume.channel, false).await,
        }
    }
}

impl Open {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        let failed = |error| desk_session::failure(context, error);
        let trust = &session.trust();
        let own = &session.desk.config().ministry;
        let parties: BTreeSet<Ministry> = self.with.iter().chain([own]).cloned().collect();
        if parties.len() < 2 {
            return Err(CliError::usage("parties", "a channel joins this ministry with at least one other"));
        }
        let root = |party: &Ministry| Ok(*trust.bundle(party)?.bundle().fingerprint().digest());
        let roots = parties.iter().map(root).collect::<Result<Vec<_>, DeskError>>().map_err(failed)?;
        let id = ChannelId::between(&roots);
        // The numbers of levels are those of the vocabulary, none of them negative.
        let ceiling = u32::try_from(self.ceiling.number()).unwrap_or(0);
        let rule = ChannelRule { parties, ceiling, suspended: false };
        put_in_force(context, &session, &id, rule.clone()).await?;
        let others = |party: &Ministry| {
            let rest = rule.parties.iter().filter(|other| *other != party);
            rest.map(Ministry::as_str).collect::<Vec<_>>().join(" ")
        };
        let mut done = Done::new(channel_report(&id, &rule)).says(format!(
            "{id}: {}, up to {}",
            names(&rule),
            self.ceiling.word()
        ));
        for party in rule.parties.iter().filter(|party| *party != own) {
            done = done.says(format!("{party} types: chancery --home DESK channel open {}", others(party)));
        }
        done.next(context.command("channel list")).tell(context)
    }
}

fn list(context: &Context) -> Result<(), CliError> {
    let trust: Trust =
        desk_session::desk(context)?.trust().map_err(|error| desk_session::failure(context, error))?;
    let mut table = Table::new(["CHANNEL", "PARTIES", "CEILING", "STATE"]);
    let mut reports = Vec::new();
    for (id, rule) in trust.policy.iter().flat_map(|policy| policy.channels()) {
        let state = if rule.suspended { "suspended" } else { "open" };
        table.row([id.as_str(), &names(rule), ceiling(rule), state]);
        reports.push(channel_report(id, rule));
    }
    context.output.list(&reports, &table, "no channels yet: chancery peer add FILE")
}

async fn change(context: &Context, id: &ChannelId, suspended: bool) -> Result<(), CliError> {
    let session = DeskSession::open(context)?;
    let rule = session.trust().policy.as_ref().and_then(|policy| policy.channel(id)).cloned();
    let Some(rule) = rule else {
        let error = CliError::new(Kind::NotFound, "no-channel", format!("{id} is not in force at this desk"));
        return Err(error.hint(context.command("channel list")));
    };
    let rule = ChannelRule { suspended, ..rule };
    put_in_force(context, &session, id, rule.clone()).await?;
    let says = match suspended {
        true => format!("{id} of {} is suspended: only FLASH passes", names(&rule)),
        false => format!("{id} of {} carries messages again", names(&rule)),
    };
    Done::new(channel_report(id, &rule)).says(says).tell(context)
}

async fn put_in_force(
    context: &Context,
    session: &DeskSession,
    id: &ChannelId,
    rule: ChannelRule,
) -> Result<(), CliError> {
    let chartering = async {
        let chartered = session.desk.charter(&session.keys, id.clone(), rule).await;
        chartered.map_err(|error| desk_session::failure(context, error))
    };
    context.within("the gateway's answer", chartering).await
}

fn names(rule: &ChannelRule) -> String {
    rule.parties.iter().map(Ministry::as_str).collect::<Vec<_>>().join(" ")
}

fn ceiling(rule: &ChannelRule) -> &'static str {
    let level = i32::try_from(rule.ceiling).ok().and_then(Level::from_number);
    level.map_or("-", |level| level.word())
}

fn channel_report(id: &ChannelId, rule: &ChannelRule) -> Value {
    json!({
        "schema": "chancery.channel/1",
        "channel": id.as_str(),
        "parties": rule.parties.iter().map(Ministry::as_str).collect::<Vec<_>>(),
        "ceiling": ceiling(rule),
        "suspended": rule.suspended,
    })
}
