//! Proofs: what both logs say of a message, and evidence files that prove themselves to people without our software.
//!
//! An evidence file is written whole and verified as its reader will verify it, before its first byte leaves.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use tokio::runtime::Handle;
use tonic::Code;

use super::Service;
use super::outlet::{Answers, End, Outlet, Spout};
use super::reading::not_a_reader;
use super::refusals::Refused;
use super::visitors::Visitor;
use crate::desk::error::DeskError;
use crate::desk::receipts::Proven;
use crate::digest::{Digest, Hasher};
use crate::limits;
use crate::message::evidence::{self, Exhibit, TrustBasis, Verdict};
use crate::proto::desk::v1 as wire;
use crate::time::Timestamp;
use crate::trust::bundle::SignedBundle;
use crate::trust::role::Role;

impl Service {
    /// What is proven of a message: by what is kept here, and by what the own gateway has by now where that is not all.
    pub(super) async fn get_receipts(
        self: Arc<Self>,
        request: wire::GetReceiptsRequest,
    ) -> Result<wire::GetReceiptsResponse, Refused> {
        let entry = self.entry(&request.name)?;
        let trust = self.trust()?;
        let kept = self.desk.kept_receipts(&trust, &entry)?;
        // Of a message that came only the own log's receipt is kept; what the sender's log says is asked for.
        let is_all = kept.len() > 1 && kept.iter().all(|proven| proven.cosigned.is_some());
        let proven = match is_all {
            true => kept,
            false => {
                let newest = async {
                    let mut mailbox = self.desk.mailbox(&self.keys).await?;
                    self.desk.receipts(&trust, &mut mailbox, &entry).await
                };
                match newest.await {
                    Ok(newest) if !newest.is_empty() => newest,
                    // The gateway is away: what is kept here is proven all the same.
                    Err(cause) if !cause.is_passing() => return Err(cause.into()),
                    _ => kept,
                }
            }
        };
        Ok(wire::GetReceiptsResponse { receipts: proven.iter().map(receipt).collect() })
    }

    /// Writes an evidence file, verifies it and hands it out.
    pub(super) async fn export_evidence(
        self: Arc<Self>,
        visitor: Visitor,
        request: wire::ExportEvidenceRequest,
    ) -> Result<Answers<wire::ExportEvidenceResponse>, Refused> {
        if request.disclose && !visitor.may(Role::Read) {
            return Err(not_a_reader());
        }
        let place = self.place_to_hand_out()?;
        let trust = self.trust()?;
        let entries = match request.name.strip_prefix("consultations/") {
            Some(id) => self.desk.entries_of(id)?,
            None => vec![self.entry(&request.name)?],
        };
        if entries.is_empty() {
            let message = "no message of this consultation is at this desk";
            return Err(Refused::new(Code::NotFound, "NO_SUCH_CONSULTATION", message));
        }
        let is_one = entries.len() == 1;
        let (mut mailbox, mut exhibits, mut left_out, mut sealed) = (None, Vec::new(), 0_u32, 0_u32);
        for entry in &entries {
            let mut still_sealed = 0_usize;
            let mut disclosed = None;
            if request.disclose {
                let opened = self.desk.unseal_unjudged(&trust, &self.keys.reading()?, entry)?;
                let documents = opened.dispatch.dispatch().documents.as_slice();
                let (what, message) = ((opened.act(), documents), entry.id().to_string());
                let withheld = self.withheld(&visitor, what, &message, &request.names_as)?;
                still_sealed = if withheld.dispatch() { 1 } else { withheld.among(documents).len() };
                disclosed = Some(withheld);
            }
            match self.desk.exhibit(&trust, &self.keys, &mut mailbox, entry, disclosed.as_ref()).await {
                Ok(exhibit) => {
                    exhibits.push(exhibit);
                    sealed = sealed.saturating_add(u32::try_from(still_sealed).unwrap_or(u32::MAX));
                }
                // The rest of a consultation is evidence all the same; that it is not all is said.
                Err(DeskError::NotYetProven { .. }) if !is_one => left_out = left_out.saturating_add(1),
                Err(cause) => return Err(cause.into()),
            }
        }
        if exhibits.is_empty() {
            let message = "nothing of it is proven by both sides yet";
            return Err(Refused::new(Code::Unavailable, "NOT_YET_PROVEN", message).later());
        }
        let bundles = self.desk.known_bundles(&trust)?;
        let written = self.apart(move |service| service.write_evidence(exhibits, bundles)).await?;
        Ok(self.hand_out(visitor, place, move |outlet, runtime| {
            hand_out(written, (left_out, sealed), outlet, runtime)
        }))
    }

    fn write_evidence(
        &self,
        exhibits: Vec<Exhibit<'static>>,
        bundles: Vec<SignedBundle>,
    ) -> Result<(File, u64, Digest), Refused> {
        let home = &self.desk.config.home;
        let failed = |cause| Refused::from(DeskError::file(home)(cause));
        let mut file = tempfile::tempfile_in(home).map_err(failed)?;
        let written = evidence::write(BufWriter::new(&mut file), exhibits, bundles.clone());
        written.map_err(DeskError::from)?.flush().map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let basis = TrustBasis { bundles, fingerprints: Vec::new() };
        if !matches!(evidence::verify(&mut file, &basis, self.desk.clock.now()).verdict(), Verdict::Verified)
        {
            tracing::error!("evidence that was written does not verify");
            let message = "the evidence does not verify, and was not handed out";
            return Err(Refused::new(Code::DataLoss, "EVIDENCE_INVALID", message));
        }
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let (mut hasher, mut size, mut piece) = (Hasher::new(), 0_u64, vec![0; limits::PIECE_BYTES_MAX]);
        loop {
            let count = file.read(&mut piece).map_err(failed)?;
            if count == 0 {
                break;
            }
            hasher.update(piece.get(..count).unwrap_or_default());
            size = size.saturating_add(count as u64);
        }
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok((file, size, hasher.finish()))
    }
}

/// Reads an evidence file to its end and hands it out, for as long as somebody takes it.
fn hand_out(
    (mut file, size, digest): (File, u64, Digest),
    (left_out, withheld): (u32, u32),
    outlet: &Outlet<wire::ExportEvidenceResponse>,
    runtime: &Handle,
) -> Result<(), End> {
    let digest = digest.as_bytes().to_vec();
    let first = wire::ExportEvidenceResponse { size, digest, left_out, withheld, content: Vec::new() };
    runtime.block_on(outlet.hand(first))?;
    let shape = |content| wire::ExportEvidenceResponse { content, ..Default::default() };
    let mut spout = Spout::new(outlet, runtime.clone(), 0, shape);
    let copied = std::io::copy(&mut file, &mut spout).and_then(|_| spout.flush());
    copied.map_err(|cause| {
        spout.end.take().unwrap_or_else(|| {
            tracing::error!(%cause, "a file that was verified cannot be read");
            End::Told(Refused::new(Code::Internal, "DESK_FAULT", "the file could not be read"))
        })
    })
}

fn receipt(proven: &Proven) -> wire::ProvenReceipt {
    wire::ProvenReceipt {
        kind: proven.kind().word().to_owned(),
        keeper: proven.keeper.to_string(),
        index: proven.index(),
        leaf_time: proven.time().seconds(),
        cosign_time: proven.cosigned.map_or(0, Timestamp::seconds),
        receipt: proven.receipt.encode(),
    }
}
