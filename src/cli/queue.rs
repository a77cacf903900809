//! `queue list|show|retry|hold|release|cancel`, and beside them `pack|unpack` (`courier`): what waits at the gateway, and what its operator decides.
//!
//! Headers and states are shown, never content: a gateway holds none that it could open. Ids may be shortened
//! to a beginning that no other message shares.

use serde_json::{Value, json};

use super::confirm;
use super::context::Context;
use super::courier::{Pack, Unpack};
use super::error::{CliError, Kind};
use super::operator::Operator;
use super::operator::queue::{QueueEntry, Withdrawn};
use super::queue_report::{self, SHORT, counted};
use super::report::Done;
use super::typed_without;
use crate::limits;
use crate::trust::name::Ministry;

/// List, hold, release, retry and withdraw what waits at the gateway
///
/// Numbers run in order: everything behind a message on its channel waits for it. That is why a message is
/// never dropped: one that is cancelled keeps its place, without its content, until the peer has answered.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home GATEWAY queue list --ministry XB\n  \
    chancery --home GATEWAY queue show 3fa9c1\n  \
    chancery --home GATEWAY queue hold 3fa9c1 --reason TICKET-4711\n  \
    chancery --home GATEWAY queue release 3fa9c1\n  \
    chancery --home GATEWAY queue retry --all XB\n  \
    chancery --home GATEWAY queue cancel 3fa9c1\n  \
    chancery --home GATEWAY queue pack --peer XB -o a.stick\n  \
    chancery --home GATEWAY queue unpack b.stick")]
pub struct Queue {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(List),
    Show(Show),
    Retry(Retry),
    Hold(Hold),
    Release(Release),
    Cancel(Cancel),
    Pack(Pack),
    Unpack(Unpack),
}

/// List sent messages that their recipients have not answered for, by channel and number
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery queue list\n  chancery queue list --state held --json")]
struct List {
    /// Only for this ministry
    #[arg(long, value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Option<Ministry>,

    /// Only in this state
    #[arg(long, value_name = "STATE", value_parser = ["queued", "held", "expired", "withdrawn"])]
    state: Option<String>,

    /// At most so many
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=256))]
    limit: u32,

    /// Where the list before ended, as it said
    #[arg(long, value_name = "PLACE", default_value = "")]
    after: String,
}

/// Show everything the gateway knows of one sent message
#[derive(Debug, clap::Args)]
struct Show {
    /// Beginning of its id, at least four digits
    #[arg(value_name = "ID")]
    message: String,
}

/// Try now, whatever pause is under way
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery queue retry 3fa9c1\n  chancery queue retry --all XB")]
struct Retry {
    /// Beginning of the id of one message; what stands before it is tried too
    #[arg(value_name = "ID")]
    message: Option<String>,

    /// Everything for this ministry
    #[arg(long, value_name = "CODE", value_parser = Ministry::parse, conflicts_with = "message")]
    all: Option<Ministry>,
}

/// Do not carry a message for now; everything behind it on its channel waits with it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery queue hold 3fa9c1 --reason TICKET-4711")]
struct Hold {
    /// Beginning of its id
    #[arg(value_name = "ID")]
    message: String,

    /// A code or the number of a ticket, kept with the message; never a name, never a text
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    reason: String,

    /// Also where it, or a message behind it, has precedence FLASH
    #[arg(long)]
    force: bool,
}

/// Carry a held message again
#[derive(Debug, clap::Args)]
struct Release {
    /// Beginning of its id
    #[arg(value_name = "ID")]
    message: String,
}

/// Withdraw a message that the peer has not taken: its content is never sent again
///
/// The withdrawal is an entry of our log. The peer is given header and signature only, and answers with a signed
/// rejection that uses up the number; until then the message stays in the queue. If the peer had taken the message
/// already, its receipt wins and the message is delivered. A FLASH message is withdrawn with --force alone; the alarm
/// URGENT_WITHDRAWN tells of it, and the desk sends a protective act anew under another number.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chancery queue cancel 3fa9c1\n  chancery queue cancel 3fa9c1 --yes --json"
)]
struct Cancel {
    /// Beginning of its id
    #[arg(value_name = "ID")]
    message: String,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// Also where it has precedence FLASH
    #[arg(long)]
    force: bool,
}

impl Queue {
    /// Asks the gateway in this home.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::List(command) => command.run(context).await,
            What::Show(command) => command.run(context).await,
            What::Retry(command) => command.run(context).await,
            What::Hold(command) => command.run(context).await,
            What::Release(command) => command.run(context).await,
            What::Cancel(command) => command.run(context).await,
            What::Pack(command) => command.run(context).await,
            What::Unpack(command) => command.run(context).await,
        }
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self { ministry, state, limit, after } = self;
        let page = Operator::ask(context, async |mut operator| {
            operator.queue(ministry.as_ref(), state.as_deref(), limit, after).await
        })
        .await?;
        let now = context.clock.now();
        let mut reports: Vec<Value> = page.entries.iter().map(queue_report::entry).collect();
        // For scripts a last line of its own.
        let more = |next: &String| json!({ "schema": "chancery.queue-page/1", "after": next });
        reports.extend(page.next.as_ref().map(more));
        context.output.list(&reports, &queue_report::table(&page.entries, now), "nothing waits")?;
        if let Some(next) = page.next {
            context.output.next(&format!("{} --after {next}", typed_without(&context.typed, "--after")));
        }
        Ok(())
    }
}

impl Show {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let message = beginning(context, &self.message)?;
        let seen = Operator::ask(context, async |mut operator| operator.show_queued(&message).await).await?;
        let now = context.clock.now();
        context.output.data(&queue_report::shown(&seen), || queue_report::text(&seen, now))
    }
}

impl Retry {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let all = self.all.as_ref();
        let message = match (self.message, all) {
            (None, Some(_)) => String::new(),
            (Some(named), _) => {
                beginning(context, &named).map_err(|error| match Ministry::parse(&named) {
                    Ok(peer) => error.hint(context.command(&format!("queue retry --all {peer}"))),
                    Err(_) => error,
                })?
            }
            (None, None) => {
                let message = "name a message by its id, or a ministry by --all";
                let error = CliError::usage("usage", message);
                return Err(error.hint(context.command("queue retry --all CODE")));
            }
        };
        let due = Operator::ask(context, async |mut operator| operator.retry(&message, all).await).await;
        let due = due.map_err(|error| match error.reason_code() {
            Some("HELD") => error.hint(context.command(&format!("queue release {message}"))),
            _ => error,
        })?;
        let report = json!({
            "schema": "chancery.queue-retry/1",
            "message": (!message.is_empty()).then_some(&message),
            "ministry": all.map(Ministry::as_str),
            "due": due,
        });
        Done::new(report)
            .says(match due {
                0 => "nothing waited for another attempt; the peer is tried now".to_owned(),
                1 => "1 message is tried now".to_owned(),
                due => format!("{due} messages are tried now"),
            })
            .next(context.command("queue list"))
            .tell(context)
    }
}

impl Hold {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self { message, reason, force } = self;
        let message = beginning(context, &message)?;
        let held = Operator::ask(context, async |mut operator| operator.hold(&message, force, &reason).await);
        let (entry, behind) = held.await.map_err(|error| match error.reason_code() {
            Some("URGENT") => error.hint(format!("{} --force", context.typed)),
            _ => error,
        })?;
        let mut report = queue_report::entry(&entry);
        note(&mut report, "chancery.queue-hold/1", "behind", json!(behind));
        let (short, peer) = (short(&entry), &entry.ministry);
        let waits = match behind {
            0 => "nothing waits behind it yet; what comes later on its channel will".to_owned(),
            1 => "1 message behind it on its channel waits with it".to_owned(),
            behind => format!("{behind} messages behind it on its channel wait with it"),
        };
        Done::new(report)
            .says(format!("message {short}, number {} to {peer}, is held", entry.sequence))
            .says(waits)
            .next(context.command(&format!("queue release {short}")))
            .tell(context)
    }
}

impl Release {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let message = beginning(context, &self.message)?;
        let released = Operator::ask(context, async |mut operator| operator.release(&message).await).await?;
        let mut report = queue_report::entry(&released);
        note(&mut report, "chancery.queue-release/1", "released", json!(true));
        let (short, peer) = (short(&released), &released.ministry);
        Done::new(report)
            .says(format!("message {short}, number {} to {peer}, is carried again", released.sequence))
            .next(context.command(&format!("queue show {short}")))
            .tell(context)
    }
}

impl Cancel {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let message = beginning(context, &self.message)?;
        if !self.yes {
            let seen =
                Operator::ask(context, async |mut operator| operator.show_queued(&message).await).await?;
            consent(context, &seen.entry)?;
        }
        let force = self.force;
        let done =
            Operator::ask(context, async |mut operator| operator.withdraw(&message, force).await).await;
        let done = done.map_err(|error| match error.reason_code() {
            Some("URGENT") => error
                .cause("it may say that a person refuses: its desk sends a protective act anew, whatever is withdrawn")
                .hint(format!("{} --force", context.typed)),
            _ => error,
        })?;
        let Withdrawn { entry, origin, index, unreceipted } = done;
        let mut report = queue_report::entry(&entry);
        note(&mut report, "chancery.queue-cancel/1", "unreceipted", json!(unreceipted));
        note(&mut report, "chancery.queue-cancel/1", "leaf", json!({ "log": origin, "index": index }));
        let (short, peer) = (short(&entry), &entry.ministry);
        let mut done = Done::new(report)
            .says(format!(
                "message {short}, number {} to {peer}, is withdrawn: entry {index} of {origin}",
                entry.sequence
            ))
            .says(format!("it leaves the queue when {peer} has answered for its number"));
        if unreceipted > 0 {
            done = done.says(format!(
                "{peer} was given it {} and answered nothing: if it holds it, its receipt wins",
                counted(unreceipted.into(), "time")
            ));
        }
        done.next(context.command(&format!("queue show {short}"))).tell(context)
    }
}

/// A person types the beginning of the id back.
fn consent(context: &Context, entry: &QueueEntry) -> Result<(), CliError> {
    if entry.state == "answered" {
        let message = format!("{} has answered for it", entry.ministry);
        return Err(CliError::new(Kind::Refused, "not-now", message).reason("ANSWERED"));
    }
    let short = short(entry);
    let question = format!(
        "message {short}, number {} to {}, {}, in custody since {}, will never be delivered; type {short} to withdraw it:",
        entry.sequence, entry.ministry, entry.precedence, entry.custody
    );
    confirm::type_back(context, &question, &short, false)
}

/// The beginning of an id as the gateway wants it: what cannot be one is told before anybody is asked.
fn beginning(context: &Context, typed: &str) -> Result<String, CliError> {
    let id = typed.to_ascii_lowercase();
    let message = if !id.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        format!(
            "{typed:?} is no id: messages are named here by ids in hexadecimal digits, not by register numbers"
        )
    } else if id.len() < limits::ID_PREFIX_DIGITS_MIN {
        format!("at least four hexadecimal digits of an id are needed, not {typed:?}")
    } else {
        return Ok(id);
    };
    Err(CliError::usage("id", message).reason("MALFORMED").hint(context.command("queue list")))
}

fn short(entry: &QueueEntry) -> String {
    entry.id.chars().take(SHORT).collect()
}

fn note(report: &mut Value, schema: &str, name: &str, value: Value) {
    if let Some(report) = report.as_object_mut() {
        report.insert("schema".to_owned(), json!(schema));
        report.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::context::GlobalOptions;
    use super::super::environment::Environment;
    use super::super::output::tests::kept_streams;
    use super::*;

    #[test]
    fn what_cannot_be_an_id_is_told_apart_and_the_hint_stays_in_the_same_home() {
        let options = GlobalOptions { home: Some("xa/gateway".into()), ..GlobalOptions::default() };
        let context = Context::new(options, Environment::default(), kept_streams().0, String::new());
        assert_eq!(beginning(&context, "3FA9c1").as_deref(), Ok("3fa9c1"));
        for (wrong, said) in
            [("b8", "at least four"), ("", "at least four"), ("XA-XB-2026-0002", "not by register numbers")]
        {
            let error = beginning(&context, wrong).unwrap_err();
            assert!(error.kind() == Kind::Usage && error.message().contains(said), "{error:?}");
            assert_eq!(error.hint_command(), Some("chancery --home xa/gateway queue list"));
        }
    }
}
