//! The administrative log of a gateway and the pauses of its peers, as its operator service tells them.

use super::{Operator, failed};
use crate::cli::error::{CliError, Kind};
use crate::message::administration::AdministrativeLeaf;
use crate::proto::gateway::v1 as wire;
use crate::trust::name::Ministry;

/// An entry of the administrative log.
#[derive(Debug)]
pub(in crate::cli) struct ActEntry {
    pub(in crate::cli) index: u64,
    pub(in crate::cli) bytes: Vec<u8>,
    pub(in crate::cli) leaf: AdministrativeLeaf,
}

/// A page of the administrative log.
#[derive(Debug)]
pub(in crate::cli) struct ActPage {
    pub(in crate::cli) origin: String,
    pub(in crate::cli) size: u64,
    pub(in crate::cli) entries: Vec<ActEntry>,
}

/// Which entries of which administrative log; the newest log where none is named.
#[derive(Debug)]
pub(in crate::cli) struct Wanted<'a> {
    pub(in crate::cli) log: Option<&'a str>,
    /// From this index on; otherwise the newest.
    pub(in crate::cli) from: Option<u64>,
    pub(in crate::cli) count: u32,
}

impl Operator {
    /// Entries of the administrative log.
    pub(in crate::cli) async fn acts(&mut self, wanted: Wanted<'_>) -> Result<ActPage, CliError> {
        let request = wire::ListActsRequest {
            origin: wanted.log.unwrap_or_default().to_owned(),
            first_index: wanted.from.unwrap_or(0),
            newest: if wanted.from.is_none() { wanted.count } else { 0 },
        };
        let page = self.client.list_acts(request).await.map_err(failed)?.into_inner();
        let mut entries = Vec::new();
        for (index, bytes) in (page.first_index..).zip(page.leaves).take(wanted.count as usize) {
            let leaf = parsed(&bytes)?;
            entries.push(ActEntry { index, bytes, leaf });
        }
        Ok(ActPage { origin: page.origin, size: page.size, entries })
    }

    /// One entry of the administrative log and the text of its proof.
    pub(in crate::cli) async fn prove_act(
        &mut self,
        log: Option<&str>,
        index: u64,
    ) -> Result<(ActEntry, String), CliError> {
        let request = wire::ProveActRequest { origin: log.unwrap_or_default().to_owned(), index };
        let proven = self.client.prove_act(request).await.map_err(failed)?.into_inner();
        let leaf = parsed(&proven.leaf)?;
        Ok((ActEntry { index, bytes: proven.leaf, leaf }, proven.proof))
    }

    /// Lets nothing be exchanged with a peer; answers how many messages wait for it.
    pub(in crate::cli) async fn pause(
        &mut self,
        peer: &Ministry,
        reason: &str,
        force: bool,
    ) -> Result<u64, CliError> {
        let request = wire::PausePeerRequest { ministry: peer.to_string(), reason: reason.to_owned(), force };
        Ok(self.client.pause_peer(request).await.map_err(failed)?.into_inner().queued)
    }

    /// Lets messages be exchanged with a paused peer again; answers how many wait for it.
    pub(in crate::cli) async fn resume(&mut self, peer: &Ministry) -> Result<u64, CliError> {
        let request = wire::ResumePeerRequest { ministry: peer.to_string() };
        Ok(self.client.resume_peer(request).await.map_err(failed)?.into_inner().queued)
    }
}

fn parsed(bytes: &[u8]) -> Result<AdministrativeLeaf, CliError> {
    AdministrativeLeaf::parse(bytes).map_err(|refusal| {
        let message = "the gateway's administrative log holds an entry that is not known here";
        CliError::new(Kind::Verification, "leaf", message).reason(refusal.reason().word()).because(&refusal)
    })
}
