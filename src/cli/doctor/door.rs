//! Looks at the own gateway from its desk: whether anybody listens, and with the passphrase at hand whether the desk is let
//! in there and believes whom it meets. Nobody is asked for a passphrase here.

use std::path::Path;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::finding::Finding;
use crate::cli::context::Context;
use crate::cli::desk_session::{self, DeskSession};
use crate::cli::error::CliError;
use crate::cli::passphrase::Origin;
use crate::desk::config::Config;
use crate::limits;

/// What came of knocking; nothing where there is no desk.
pub(super) async fn look(context: &Context, desk: &Path) -> Option<Finding> {
    let gateway = Config::load(desk).ok()?.gateway;
    let why = match timeout(limits::CONNECT_DEADLINE, TcpStream::connect(gateway.as_str())).await {
        Ok(Ok(_)) if context.passphrase.origin() == Origin::Typed => {
            let said =
                format!("{gateway} takes connections; with --passphrase-file also whether of this desk");
            return Some(Finding::ok("gateway", said));
        }
        Ok(Ok(_)) => {
            let knocked = context.within("the own gateway's answer", knock(context)).await;
            return Some(told(context, &gateway, knocked));
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    let said = format!("the own gateway at {gateway} is away: {why}");
    // It is mended on its host.
    Some(Finding::fail("gateway", said, "chancery --home GATEWAY doctor"))
}

/// Why the bundle that this desk holds does not vouch for the gateway; nothing where it does and the desk was let in.
async fn knock(context: &Context) -> Result<Option<String>, CliError> {
    let session = DeskSession::open(context)?;
    let failed = |error| desk_session::failure(context, error);
    let own = session.trust().own.clone();
    if let Some(why) = session.desk.disbelief(&session.keys, &own).await.map_err(failed)? {
        return Ok(Some(why));
    }
    // Who is shut out learns it with the first call only.
    let mut mailbox = session.desk.mailbox(&session.keys).await.map_err(failed)?;
    mailbox.offers().await.map_err(failed)?;
    Ok(None)
}

fn told(context: &Context, gateway: &str, knocked: Result<Option<String>, CliError>) -> Finding {
    match knocked {
        Ok(None) => Finding::ok("gateway", format!("{gateway} lets this desk in")),
        Ok(Some(why)) => {
            let said = format!(
                "the own bundle that is in force here does not vouch for whoever answers at {gateway}: {why}"
            );
            Finding::fail("gateway", said, "chancery --home GATEWAY key rotate transport")
        }
        Err(error) => {
            let next = error.hint_command().map_or_else(|| context.command("key list"), str::to_owned);
            let cause = error.causes().first().map(|cause| format!(": {cause}")).unwrap_or_default();
            Finding::fail("gateway", format!("{gateway}: {}{cause}", error.message()), next)
        }
    }
}
