//! What was really done, proven: every receipt of the consultation checked again, and the evidence file that each desk
//! would hand out of it, verified as its reader will verify it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use super::Deeds;
use super::ground::{Real, RealDesk};
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::reference::Entry;
use crate::limits;
use crate::message::evidence::{self, Exhibit, TrustBasis, Verdict};
use crate::message::leaf::LeafKind;
use crate::rehearsal::RehearsalFault;
use crate::rehearsal::script::Script;
use crate::trust::name::Ministry;

/// How long the other side may take to cosign, in real time.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// Proves what every desk holds of the consultation.
pub(super) fn prove(
    real: &mut Real,
    script: &Script,
    watch: &mut dyn FnMut(&Ministry),
) -> Result<Deeds, String> {
    let mut deeds = Deeds { ministries: real.desks.len(), ..Deeds::default() };
    let consultation = script.consultation.text();
    let (runtime, folder) = (real.ministries.runtime.clone(), real.ministries.folder.clone());
    for (ministry, one) in &real.desks {
        watch(ministry);
        let house = real.ministries.world.house(ministry).map_err(|fault| fault.to_string())?;
        let path = folder.join(format!("{}-evidence.zip", ministry.lower()));
        let proven = runtime.block_on(proven(one, house.keys(), &consultation, &path, &mut deeds));
        proven.map_err(|fault| format!("the evidence of {ministry}: {fault}"))?;
    }
    Ok(deeds)
}

async fn proven(
    one: &RealDesk,
    keys: &Keys,
    consultation: &str,
    path: &Path,
    deeds: &mut Deeds,
) -> Result<(), RehearsalFault> {
    let RealDesk { desk, trust, .. } = one;
    let entries = desk.entries_of(consultation)?;
    let mut dispatches = std::collections::BTreeSet::new();
    let mut exhibits: Vec<Exhibit<'static>> = Vec::new();
    for entry in &entries {
        if let Entry::Sent(copy) = entry {
            deeds.copies = deeds.copies.saturating_add(1);
            dispatches.insert(copy.dispatch_digest);
        }
        exhibits.push(exhibit(one, keys, entry).await?);
        let kinds = [LeafKind::Sent, LeafKind::Received];
        let receipts = desk.kept_receipts(trust, entry)?;
        let counted = receipts.iter().filter(|receipt| kinds.contains(&receipt.kind())).count();
        deeds.receipts = deeds.receipts.saturating_add(counted);
    }
    deeds.acts = deeds.acts.saturating_add(dispatches.len());
    if exhibits.is_empty() {
        return Ok(());
    }
    let count = exhibits.len();
    let bundles = desk.known_bundles(trust)?;
    let written = || -> Result<(), std::io::Error> {
        let file = BufWriter::new(File::create(path)?);
        let written = evidence::write(file, exhibits, bundles.clone());
        written.map_err(std::io::Error::other)?.flush()
    };
    written().map_err(|cause| RehearsalFault::unfit(format!("{}: {cause}", path.display())))?;
    let file = File::open(path).map_err(RehearsalFault::unfit)?;
    let basis = TrustBasis { bundles, fingerprints: Vec::new() };
    // The clock of desks stands, that of gateways has gone on while they worked.
    let at = desk.clock().now().after(limits::CLOCK_SKEW_MAX);
    match evidence::verify(file, &basis, at).verdict() {
        Verdict::Verified => {
            deeds.evidence = deeds.evidence.saturating_add(count);
            Ok(())
        }
        Verdict::Altered { first, .. } | Verdict::Undecided { first, .. } => {
            Err(RehearsalFault::unfit(format!("{}: {}", first.name, first.sentence)))
        }
        Verdict::ConsistentNotTrusted { .. } => {
            Err(RehearsalFault::unfit("it names a root that nobody believes"))
        }
    }
}

/// A message as evidence, as soon as both sides have cosigned it.
async fn exhibit(one: &RealDesk, keys: &Keys, entry: &Entry) -> Result<Exhibit<'static>, RehearsalFault> {
    let mut mailbox = None;
    let cosigned = async {
        loop {
            match one.desk.exhibit(&one.trust, keys, &mut mailbox, entry, None).await {
                Err(DeskError::NotYetProven { .. }) => tokio::time::sleep(PAUSE).await,
                exhibit => return exhibit,
            }
        }
    };
    match tokio::time::timeout(PATIENCE, cosigned).await {
        Ok(exhibit) => Ok(exhibit?),
        Err(_) => Err(RehearsalFault::unfit("a message was not proven by both sides in time")),
    }
}
