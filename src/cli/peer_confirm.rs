//! `peer confirm`: an operator takes it on himself that the gateway signs for a peer that has not spoken.

use serde_json::json;

use super::confirm;
use super::context::Context;
use super::error::CliError;
use super::operator::Operator;
use super::operator::status::{GatewayStatus, Paused};
use super::output::Mark;
use super::report::Done;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Why a peer is paused that nobody has let in since its gateway was restored from a backup.
const RESTORED: &str = "RESTORED";

/// Let the gateway in this home sign for a peer that has not spoken since it started
///
/// After a start on another run of the host a gateway signs nothing for a peer before the peer's hello has shown that
/// the store is not an older copy. If the peer stays away for long and you know that nothing was restored, say so
/// here. If you are wrong, numbers are signed twice, and the peer can prove it.
///
/// A peer that is paused cannot speak: `peer resume` comes first, above all after a restore, because its hello shows what the
/// copy lacks. Whoever confirms it all the same is told so before he consents.
///
/// Where the gateway knows that leaves are lost which the peer does not show (alarm LEAVES_LOST), the same gives them up.
/// First let the desk send something, which puts its messages back, and ask the peer's operator what he has seen.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chancery --home GATEWAY peer confirm XB")]
pub(super) struct Confirm {
    /// Code of the ministry
    #[arg(value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Ministry,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Confirm {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let peer = &self.ministry;
        let seen = Operator::ask(context, async |mut operator| operator.status().await).await?;
        let paused = pause_of(&seen, peer);
        let warning = paused.map(|pause| warning(peer, pause, seen.restored));
        let resume = context.command(&format!("peer resume {peer}"));
        if let Some(warning) = &warning {
            context.output.step(Mark::Warning, warning);
            context.output.next(&resume);
        }
        let question = format!("the store of this gateway was never restored from a copy? type {peer}:");
        let consent = confirm::type_back(context, &question, peer.as_str(), self.yes);
        consent.map_err(|error| warning.iter().fold(error, |error, one| error.cause(one.as_str())))?;
        Operator::ask(context, async |mut operator| operator.confirm(peer).await).await?;
        let report = json!({
            "schema": "chancery.confirmed/1",
            "ministry": peer.as_str(),
            "paused": paused.is_some(),
            "warning": warning,
        });
        let says =
            format!("the gateway signs for {peer}; where it did not before, an alarm records who said so");
        let done = Done::new(report).says(says);
        let done = match paused {
            Some(_) => {
                done.says(format!("nothing is exchanged with {peer} before it is let in")).next(resume)
            }
            None => done,
        };
        done.tell(context)
    }
}

fn pause_of<'s>(seen: &'s GatewayStatus, peer: &Ministry) -> Option<&'s Paused> {
    seen.peers.iter().find(|one| one.ministry == peer.as_str())?.pause.as_ref()
}

/// What is to be known before one is confirmed that cannot speak, because nobody lets it.
fn warning(peer: &Ministry, pause: &Paused, restored: Option<Timestamp>) -> String {
    let since = pause.since;
    match restored.filter(|_| pause.reason == RESTORED) {
        Some(made) => format!(
            "this gateway came out of a backup of {made}, and {peer} was not let in since: its hello would show what the copy \
             lacks, and what is signed before that may be signed twice"
        ),
        None => format!(
            "{peer} is paused here since {since} and cannot speak: let in, its hello vouches for this store, and nobody has to"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_was_not_let_in_since_a_restore_is_told_of_with_the_backup() {
        let (peer, at) = (Ministry::parse("XB").unwrap(), Timestamp::from_seconds(1_795_345_200));
        let of = |reason: &str| Paused { since: at, reason: reason.to_owned(), force: true };
        let restored = warning(&peer, &of(RESTORED), Some(at));
        assert!(restored.contains(&format!("a backup of {at}, and XB was not let in")), "{restored}");
        // Whoever is paused for another reason since was not closed by the restore.
        for (reason, made) in [("TICKET-7", Some(at)), (RESTORED, None)] {
            assert!(warning(&peer, &of(reason), made).starts_with("XB is paused here since "));
        }
    }
}
