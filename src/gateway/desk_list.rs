//! The list of desks of the own ministry that are let in no more.
//!
//! The authority that certifies desks for their own gateway is published to nobody, so its revocation list comes in no
//! bundle: it lies as a file in the gateway's home, signed by that authority. A list is read at the start and whenever
//! certificates are read again. It counts when its authority signed it, it is newer than the one that counts and it
//! names all whom that one names; that one is kept in the store, so that neither a damaged file nor a missing one, nor
//! a list that a restored root made without knowing of a revocation, lets anybody in again.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;

use crate::gateway::Gateway;
use crate::gateway::config::Config;
use crate::gateway::credentials::desk_anchors;
use crate::gateway::error::Fault;
use crate::gateway::store::record::{DESK_LIST_ALARM, KeptList};
use crate::keys::KeyError;
use crate::keys::secret_file;
use crate::limits;
use crate::time::Timestamp;
use crate::trust::anchor::Anchors;
use crate::trust::revocation::RevocationList;

impl Gateway {
    /// Reads the file, and lets its list count where it is newer. A file that cannot be used raises an alarm and
    /// changes nothing.
    pub(super) async fn read_desk_list(&self) -> Result<(), Fault> {
        let anchors = desk_anchors(&self.config)?;
        let own = &self.config.ministry;
        let kept = self.store.kept_lists(own.clone()).await?;
        let kept = anchors.newer_lists(&kept, Timestamp::from_seconds(i64::MAX));
        let kept = kept.into_iter().max_by_key(RevocationList::this_update);
        match self.desk_list_file(&anchors, kept.as_ref()) {
            Ok(newer) => {
                if let Some(list) = &newer {
                    let (issuer, bytes) = (list.issuer_digest(), list.der().to_vec());
                    self.store.keep_list(KeptList { ministry: own.clone(), issuer, bytes }).await?;
                }
                let counts = newer.or(kept).map(|list| Arc::new(list.der().to_vec()));
                self.desk_list.store(counts);
                self.store.clear_alarm(DESK_LIST_ALARM, own.clone(), self.clock.now()).await?;
            }
            Err(why) => {
                self.desk_list.store(kept.map(|list| Arc::new(list.der().to_vec())));
                let detail = format!("{}: {why}", self.config.desk_list().display());
                tracing::warn!(%detail, "the list of revoked desks cannot be used; the one before it stays");
                self.alarm_about(own, DESK_LIST_ALARM, detail).await?;
            }
        }
        Ok(())
    }

    /// The list in the file, if there is one and it is another than the one that counts; or why it cannot be used.
    fn desk_list_file(
        &self,
        anchors: &Anchors,
        kept: Option<&RevocationList>,
    ) -> Result<Option<RevocationList>, String> {
        let Some(list) = in_file(&self.config)? else { return Ok(None) };
        if kept.is_some_and(|kept| kept.der() == list) {
            return Ok(None);
        }
        let read = signed(anchors, list, self.clock.now())?;
        if kept.is_some_and(|kept| kept.this_update() >= read.this_update()) {
            return Err("a newer list of the desk-access authority is in force".to_owned());
        }
        let revoked: BTreeSet<String> = read.serials().into_iter().collect();
        let in_force = kept.map(RevocationList::serials).unwrap_or_default();
        match in_force.iter().find(|serial| !revoked.contains(*serial)) {
            Some(serial) => {
                Err(format!("this list lacks certificate {serial}, which the list in force revokes"))
            }
            None => Ok(Some(read)),
        }
    }
}

/// Tries the file without the store: whether a newer list is in force, only a start can tell.
pub(super) fn check_desk_list(config: &Config, now: Timestamp) -> Result<(), Fault> {
    let anchors = desk_anchors(config)?;
    let tried = in_file(config).and_then(|list| list.map(|list| signed(&anchors, list, now)).transpose());
    tried.map(drop).map_err(|why| Fault::DeskList(format!("{}: {why}", config.desk_list().display())))
}

/// The list in the file, DER, if there is one.
fn in_file(config: &Config) -> Result<Option<Vec<u8>>, String> {
    let pem = match secret_file::read_public(&config.desk_list(), limits::DESK_LIST_BYTES_MAX) {
        Ok(pem) => pem,
        Err(KeyError::NotFound(_)) => return Ok(None),
        Err(cause) => return Err(cause.to_string()),
    };
    let list = CertificateRevocationListDer::from_pem_slice(&pem)
        .map_err(|_| "the file holds no revocation list (PEM)".to_owned())?;
    Ok(Some(list.to_vec()))
}

/// The same list, once its authority has signed it.
fn signed(anchors: &Anchors, list: Vec<u8>, now: Timestamp) -> Result<RevocationList, String> {
    let read = anchors.newer_lists(&[list], now.after(limits::CLOCK_SKEW_MAX)).pop();
    read.ok_or_else(|| "the desk-access authority did not sign this list, or did so in the future".to_owned())
}
