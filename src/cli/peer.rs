//! `peer card|inspect|add|list|show|ping|confirm|pause|resume|remove|update|adopt`: whom this ministry believes, and how they are reached.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::comparison::{self, Told};
use super::context::Context;
use super::desk_session;
use super::dismissal::Remove;
use super::error::{CliError, Kind};
use super::files;
use super::operator::{Operator, of_peer};
use super::pause::{Pause, Resume};
use super::peer_adopt::Adopt;
use super::peer_confirm::Confirm;
use super::peer_update::{self, Update};
use super::report::{self, Done};
use super::shell_word;
use super::table::Table;
use crate::desk::accreditation::Trust;
use crate::desk::keys::Keys;
use crate::message::terms::Level;
use crate::time::Timestamp;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;

/// Exchange trust bundles with other ministries, and reach their gateways
#[derive(Debug, clap::Args)]
pub struct Peer {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Card(Card),
    Inspect(Inspect),
    Add(Add),
    List(List),
    Show(Show),
    Ping(Ping),
    Confirm(Confirm),
    Pause(Pause),
    Resume(Resume),
    Remove(Remove),
    Update(Update),
    Adopt(Adopt),
}

/// Write the own trust bundle, to be given to a peer
#[derive(Debug, clap::Args)]
struct Card {
    /// Where to write it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Show what a trust bundle says, believed or not
#[derive(Debug, clap::Args)]
struct Inspect {
    /// The bundle
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Believe a peer from now on, once its fingerprint was compared over another way than the file took
#[derive(Debug, clap::Args)]
struct Add {
    /// Its trust bundle
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The fingerprint the peer told, as hexadecimal digits or its 24 words, numbered or not; without it you are asked
    #[arg(long, value_name = "HEX-OR-WORDS", value_parser = Told::parse)]
    fingerprint: Option<Told>,

    /// Highest level of protection of what is exchanged with it
    #[arg(long, value_name = "LEVEL", default_value = "RESTRICTED", value_parser = level)]
    ceiling: Level,
}

/// List the peers this desk believes
#[derive(Debug, clap::Args)]
struct List {}

/// Show what is believed of one peer, and with --announced what it has said of itself since
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery --home DESK peer show XB\n  \
    chancery --home DESK peer show XB --announced              # asks the own gateway, with the desk's passphrase")]
struct Show {
    /// Ask the own gateway too for a later bundle that the peer has announced and nobody has accredited here
    #[arg(long)]
    announced: bool,

    /// Code of the ministry
    #[arg(value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Ministry,
}

/// Let the gateway in this home connect to a peer now
#[derive(Debug, clap::Args)]
struct Ping {
    /// Code of the ministry
    #[arg(value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Ministry,
}

impl Peer {
    /// Does what was asked for.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Card(command) => command.run(context),
            What::Inspect(command) => command.run(context),
            What::Add(command) => command.run(context).await,
            What::List(command) => command.run(context),
            What::Show(command) => command.run(context).await,
            What::Ping(command) => command.run(context).await,
            What::Confirm(command) => command.run(context).await,
            What::Pause(command) => command.run(context).await,
            What::Resume(command) => command.run(context).await,
            What::Remove(command) => command.run(context).await,
            What::Update(command) => command.run(context).await,
            What::Adopt(adopt) => adopt.run(context).await,
        }
    }
}

impl Card {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let own = believed(context)?.own;
        files::write(context, &self.output, &own.to_bytes(), false)?;
        Done::new(bundle_report(&own, context.clock.now()))
            .says(format!("bundle {} of {}", own.bundle().content().sequence, own.bundle().ministry()))
            .says(report::fingerprint(&own.bundle().fingerprint()))
            .says("give the file to the peer, and read it the fingerprint over another way")
            .wrote(&self.output)
            .next("chancery --home DESK peer add OURS.bundle, typed by the peer")
            .tell(context)
    }
}

impl Inspect {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let bundle = files::bundle(&self.file)?;
        let now = context.clock.now();
        context.output.data(&bundle_report(&bundle, now), || bundle_text(&bundle, now))?;
        bundle.verify(None, now)?;
        context.output.note("the file is whole; whose it is, only comparing the fingerprint tells");
        let file = shell_word(&self.file.to_string_lossy());
        context.output.next(&format!("chancery --home DESK peer add {file}"));
        Ok(())
    }
}

impl Add {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let bundle = files::bundle(&self.file)?;
        let now = context.clock.now();
        bundle.verify(None, now)?;
        let desk = desk_session::desk(context)?;
        let peer = bundle.bundle().ministry().clone();
        if peer == desk.config().ministry {
            return Err(CliError::usage("own-bundle", format!("this is the bundle of {peer} itself")));
        }
        match &self.fingerprint {
            Some(told) => comparison::with_told(told, bundle.bundle(), &self.untold(context))?,
            None => comparison::by_asking(context, bundle.bundle())?,
        }
        let passphrase = context.passphrase.existing("the registry key")?.for_keys()?;
        let keys = Keys::new(desk.config().clone(), passphrase);
        let fingerprint = bundle.bundle().fingerprint();
        let accrediting = async {
            let accredited = desk.accredit(&keys, bundle.clone(), fingerprint.digest(), self.ceiling).await;
            accredited.map_err(|error| desk_session::failure(context, error))
        };
        let channel = context.within("the gateway's answer", accrediting).await?;
        let report = json!({
            "schema": "chancery.accreditation/1",
            "ministry": peer.as_str(),
            "channel": channel.as_str(),
            "ceiling": self.ceiling.word(),
            "sequence": bundle.bundle().content().sequence,
            "fingerprint": fingerprint.digest().hex(),
        });
        Done::new(report)
            .says(format!("{peer} is accredited up to {}, and the gateway follows", self.ceiling.word()))
            .wrote(&desk.config().peer_bundles().join(format!("{peer}.bundle")))
            .wrote(&desk.config().policy())
            .next(format!("chancery --home GATEWAY peer ping {peer}"))
            .tell(context)
    }

    /// The same command without what the peer told.
    fn untold(&self, context: &Context) -> String {
        let file = shell_word(&self.file.to_string_lossy());
        context.command(&format!("peer add --ceiling {} {file}", self.ceiling.word()))
    }
}

impl List {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let trust = believed(context)?;
        let now = context.clock.now();
        let mut table = Table::new(["PEER", "NAME", "BUNDLE", "IN FORCE UNTIL", "CEILING"]);
        let mut reports = Vec::new();
        for (peer, signed) in &trust.peers {
            let content = signed.bundle().content();
            table.row([
                peer.as_str(),
                &content.display_name,
                &content.sequence.to_string(),
                &content.valid_until.to_string(),
                ceiling(&trust, peer).unwrap_or("-"),
            ]);
            reports.push(peer_report(&trust, peer, signed, now));
        }
        context.output.list(&reports, &table, "no peers yet: chancery peer add FILE")
    }
}

impl Show {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let trust = believed(context)?;
        let now = context.clock.now();
        let signed = trust.peers.get(&self.ministry).ok_or_else(|| {
            let message = format!("{} is not accredited at this desk", self.ministry);
            let error = CliError::new(Kind::NotFound, "not-accredited", message);
            error.hint(context.command("peer add FILE"))
        })?;
        let announced = match self.announced {
            true => Some(peer_update::announced(context, &self.ministry).await?),
            false => None,
        };
        let mut report = peer_report(&trust, &self.ministry, signed, now);
        if let (Some(object), Some(announced)) = (report.as_object_mut(), &announced) {
            let reports = announced.iter().map(peer_update::announced_report).collect::<Vec<_>>();
            object.insert("announced".to_owned(), json!(reports));
        }
        let ceiling = ceiling(&trust, &self.ministry).unwrap_or("-");
        context.output.data(&report, || {
            let lines = announced.as_deref().map(peer_update::announced_text).unwrap_or_default();
            format!("{}ceiling        {ceiling}\n{lines}", bundle_text(signed, now))
        })?;
        if announced.iter().flatten().any(|one| one.refused.is_none()) {
            context.output.next(&context.command(&format!("peer update {}", self.ministry)));
        }
        Ok(())
    }
}

impl Ping {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let peer = &self.ministry;
        let found = Operator::ask(context, async |mut operator| operator.ping(peer).await).await;
        let found = found.map_err(|error| of_peer(context, peer.as_str(), error))?;
        let report = json!({
            "schema": "chancery.ping/1",
            "ministry": peer.as_str(),
            "endpoint": found.endpoint,
            "round_trip_micros": found.round_trip_micros,
            "peer_log_size": found.peer_log_size,
            "mirrored_size": found.mirrored_size,
            "clock_skew": found.clock_skew,
        });
        context.output.data(&report, || {
            format!(
                "{peer} answered at {} in {} ms\n\
                 its log has {} entries, it holds {} of ours, its clock differs by {:+} s\n",
                found.endpoint,
                found.round_trip_micros.div_ceil(1000),
                found.peer_log_size,
                found.mirrored_size,
                found.clock_skew,
            )
        })
    }
}

/// What the desk of this context believes.
fn believed(context: &Context) -> Result<Trust, CliError> {
    desk_session::desk(context)?.trust().map_err(|error| desk_session::failure(context, error))
}

fn ceiling(trust: &Trust, peer: &Ministry) -> Option<&'static str> {
    let own = trust.own.bundle().ministry().clone();
    let (_, rule) = trust.channel_of(&[own, peer.clone()]).ok()?;
    Level::from_number(i32::try_from(rule.ceiling).ok()?).map(|level| level.word())
}

fn bundle_report(signed: &SignedBundle, now: Timestamp) -> Value {
    let content = signed.bundle().content();
    let fingerprint = signed.bundle().fingerprint();
    json!({
        "schema": "chancery.bundle/1",
        "ministry": content.ministry.as_str(),
        "display_name": content.display_name,
        "domain": content.domain.as_str(),
        "sequence": content.sequence,
        "valid_from": content.valid_from.to_string(),
        "valid_until": content.valid_until.to_string(),
        "whole": signed.verify(None, now).is_ok(),
        "digest": signed.digest().hex(),
        "fingerprint": fingerprint.digest().hex(),
        "words": fingerprint.words(),
        "endpoints": content.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "log_keys": content.log_keys,
        "cosigner_keys": content.cosigner_keys,
        "reading_keys": content.reading_keys,
    })
}

fn peer_report(trust: &Trust, peer: &Ministry, signed: &SignedBundle, now: Timestamp) -> Value {
    let mut report = bundle_report(signed, now);
    if let Some(object) = report.as_object_mut() {
        object.insert("schema".to_owned(), json!("chancery.peer/1"));
        object.insert("ceiling".to_owned(), json!(ceiling(trust, peer)));
    }
    report
}

fn bundle_text(signed: &SignedBundle, now: Timestamp) -> String {
    let content = signed.bundle().content();
    let endpoints: Vec<String> = content.endpoints.iter().map(ToString::to_string).collect();
    let verdict = signed.verify(None, now).err().map(|refusal| format!("refused        {refusal}\n"));
    format!(
        "ministry       {}, {}\n\
         domain         {}\n\
         bundle         {}, in force from {} until {}\n\
         endpoints      {}\n\
         {}\n{}",
        content.ministry,
        content.display_name,
        content.domain,
        content.sequence,
        content.valid_from,
        content.valid_until,
        endpoints.join(", "),
        report::fingerprint(&signed.bundle().fingerprint()),
        verdict.unwrap_or_default(),
    )
}

/// A level on the command line.
pub(super) fn level(text: &str) -> Result<Level, String> {
    let known: Vec<&str> = (1..=5).filter_map(Level::from_number).map(Level::word).collect();
    Level::from_word(text).ok_or_else(|| format!("{text:?} is none of {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceiling_is_one_of_the_levels() {
        assert_eq!(level("RESTRICTED"), Ok(Level::Restricted));
        assert!(level("restricted").unwrap_err().contains("TOP_SECRET"));
    }
}
