//! `peer update`: the bundle that takes the place of an accredited one, and what it says anew.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::context::Context;
use super::desk_session;
use super::error::CliError;
use super::files;
use super::report::Done;
use crate::desk::following::{Announced, Followed};
use crate::desk::keys::Keys;
use crate::trust::bundle::Change;
use crate::trust::name::Ministry;

/// Accredit the next bundle of a peer: the one that it announced, or the one in a file
///
/// The bundle must be of the root that is accredited, and later. A peer announces its newest bundle by itself, and a desk
/// accredits it with the next command that fetches, unless desk.toml says follow = "by-hand". Another root is never
/// followed: that is `peer add`, once the fingerprint was compared.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery peer update XB\n  chancery peer update XB XB-7.bundle")]
pub(super) struct Update {
    /// Code of the ministry
    #[arg(value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Ministry,

    /// Its bundle; without a file, the one that the own gateway has from the peer's
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Update {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let peer = &self.ministry;
        let given = self.file.as_deref().map(files::bundle).transpose()?;
        let desk = desk_session::desk(context)?;
        let passphrase = context.passphrase.existing("the registry key")?.for_keys()?;
        let keys = Keys::new(desk.config().clone(), passphrase);
        let updating = async {
            let updated = desk.update_peer(&keys, peer, given).await;
            updated.map_err(|error| desk_session::failure(context, error))
        };
        match context.within("the gateway's answer", updating).await? {
            Some(followed) => told(&followed, "chancery.followed/1")
                .says(format!("bundle {} of {peer} is accredited, and the gateway follows", followed.after))
                .tell(context),
            None => Done::new(json!({ "schema": "chancery.followed/1", "ministry": peer.as_str() }))
                .says(format!("nothing newer of {peer} is known than the bundle that is accredited"))
                .next(context.command(&format!("peer show {peer}")))
                .tell(context),
        }
    }
}

/// What a peer has announced and nobody has accredited here.
pub(super) async fn announced(context: &Context, peer: &Ministry) -> Result<Vec<Announced>, CliError> {
    let desk = desk_session::desk(context)?;
    let whose = format!("the desk of {}", desk.config().ministry);
    let keys = Keys::new(desk.config().clone(), context.passphrase.existing(&whose)?.for_keys()?);
    let asking = async {
        let asked = desk.announced(&keys, peer).await;
        asked.map_err(|error| desk_session::failure(context, error))
    };
    context.within("the gateway's answer", asking).await
}

pub(super) fn announced_report(one: &Announced) -> Value {
    let content = one.bundle.bundle().content();
    json!({
        "sequence": content.sequence,
        "valid_until": content.valid_until.to_string(),
        "digest": one.bundle.digest().hex(),
        "changes": one.followed.changes.iter().map(report).collect::<Vec<_>>(),
        "refused": one.refused,
    })
}

pub(super) fn announced_text(announced: &[Announced]) -> String {
    let mut text = String::new();
    for Announced { bundle, followed, refused } in announced {
        let content = bundle.bundle().content();
        text.push_str(&format!(
            "announced      bundle {}, in force until {}, {}\n",
            content.sequence,
            content.valid_until,
            refused.as_ref().map_or("not accredited yet".to_owned(), |why| format!("refused: {why}")),
        ));
        for change in &followed.changes {
            text.push_str(&format!("               {}\n", sentence(change)));
        }
    }
    if text.is_empty() { "announced      nothing newer\n".to_owned() } else { text }
}

/// What became of a bundle, to be completed.
pub(super) fn told(followed: &Followed, schema: &str) -> Done {
    let Followed { ministry, before, after, changes } = followed;
    let report = json!({
        "schema": schema,
        "ministry": ministry.as_str(),
        "before": before,
        "sequence": after,
        "changes": changes.iter().map(report).collect::<Vec<_>>(),
    });
    let lines = changes.iter().map(sentence);
    lines.fold(Done::new(report), Done::says)
}

fn report(change: &Change) -> Value {
    json!({ "what": change.what, "added": change.added, "which": change.which })
}

/// `log key added: 5f2c81aa`.
fn sentence(change: &Change) -> String {
    let Change { what, added, which } = change;
    format!("{what} {}: {which}", if *added { "added" } else { "ended" })
}
