//! `peer adopt`: takes up the policy in force at the own gateway, where this desk knows an older one.

use serde_json::json;

use super::confirm;
use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::CliError;
use super::report::Done;
use crate::trust::name::Ministry;

/// Take up what the registry of this ministry decided and this desk does not know
///
/// For a desk that was restored from a backup, or beside another desk that signs policies: until then it changes nothing of
/// whom the ministry believes, because it would bring back whoever was removed since. The policy must be signed by the own
/// registry; what it adds and removes is shown first.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chancery --home DESK peer adopt\n  chancery --home DESK peer adopt --yes"
)]
pub(super) struct Adopt {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Adopt {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        let failed = |error| desk_session::failure(context, error);
        let asking = async {
            let mut mailbox = session.mailbox(context).await?;
            session.desk.policy_unknown(&mut mailbox).await.map_err(failed)
        };
        let Some(unknown) = context.within("the gateway's answer", asking).await? else {
            let report = json!({ "schema": "chancery.adoption/1", "adopted": false });
            let known = "the policy in force at the gateway is known here";
            return Done::new(report).says(known).next(context.command("peer list")).tell(context);
        };
        let (added, removed) = (codes(&unknown.added), codes(&unknown.removed));
        let of = |peers: &[String]| if peers.is_empty() { "nobody".to_owned() } else { peers.join(", ") };
        let (here, in_force) = (unknown.here, unknown.in_force);
        let differences = format!("it accredits {} anew, and {} no more", of(&added), of(&removed));
        context.output.note(&format!("policy {in_force} takes the place of policy {here}: {differences}"));
        let code = format!("policy-{in_force}");
        confirm::type_back(context, &format!("type {code} to take it up:"), &code, self.yes)?;
        session.desk.adopt(&unknown).await.map_err(failed)?;
        let report = json!({
            "schema": "chancery.adoption/1",
            "adopted": true,
            "before": here,
            "sequence": in_force,
            "added": added,
            "removed": removed,
        });
        Done::new(report)
            .says(format!("policy {in_force} is what this desk believes: {differences}"))
            .next(context.command("peer list"))
            .tell(context)
    }
}

fn codes<'m>(peers: impl IntoIterator<Item = &'m Ministry>) -> Vec<String> {
    peers.into_iter().map(Ministry::to_string).collect()
}
