//! Bundles this desk has believed: its own and its peers', the superseded ones too. Evidence of an old message
//! needs the bundle that was in force then, long after its successors have replaced it.

use std::fs;
use std::path::PathBuf;

use crate::desk::Desk;
use crate::desk::accreditation::{BUNDLE_ENDING, Trust};
use crate::desk::error::DeskError;
use crate::trust::bundle::SignedBundle;

impl Desk {
    /// Keeps every bundle in force beside those before it, under its ministry and number.
    pub(super) fn remember_bundles(&self, trust: &Trust) -> Result<(), DeskError> {
        for bundle in trust.peers.values().chain([&trust.own]) {
            let content = bundle.bundle().content();
            let path = self.remembered().join(format!("{}.{}.bundle", content.ministry, content.sequence));
            if !path.exists() {
                self.keep(&path, &bundle.to_bytes())?;
            }
        }
        Ok(())
    }

    /// All bundles this desk has ever believed, those in force included.
    pub fn known_bundles(&self, trust: &Trust) -> Result<Vec<SignedBundle>, DeskError> {
        self.remember_bundles(trust)?;
        let folder = self.remembered();
        let mut bundles = Vec::new();
        for entry in fs::read_dir(&folder).map_err(DeskError::file(&folder))? {
            let path = entry.map_err(DeskError::file(&folder))?.path();
            // Another command may be writing one at this moment, or have been cut short, under a passing name.
            if path.extension().is_none_or(|ending| ending != BUNDLE_ENDING) {
                continue;
            }
            let bytes = fs::read(&path).map_err(DeskError::file(&path))?;
            let bundle = SignedBundle::parse(&bytes)
                .map_err(|cause| DeskError::Trust(format!("{}: {cause}", path.display())))?;
            bundles.push(bundle);
        }
        Ok(bundles)
    }

    fn remembered(&self) -> PathBuf {
        self.config.home.join("trust/believed")
    }
}
