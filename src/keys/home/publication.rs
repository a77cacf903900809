//! `Publication`: the next trust bundle of a ministry, from its own authorities, the gateway's announcement
//! and the desks' reading keys.

use std::path::PathBuf;
use std::time::Duration;

use super::desk::DeskHome;
use super::gateway::GatewayHome;
use crate::keys::IssuedRecord;
use crate::keys::branch::{Branch, Serial};
use crate::keys::error::KeyError;
use crate::keys::file::{certificate_serial, read_certificates};
use crate::keys::ministry::{HomeError, MinistryHome};
use crate::keys::rotation::next_of;
use crate::keys::secret_file;
use crate::limits;
use crate::time::Timestamp;
use crate::trust::bundle::{BundleContent, SignedBundle};
use crate::trust::endpoint::Endpoint;
use crate::trust::name::Name;

/// Whose keys and addresses the bundle names.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The gateway.
    pub gateway: GatewayHome,
    /// The desks that are to be able to read.
    pub desks: Vec<DeskHome>,
    /// For how long the bundle is in force.
    pub valid_for: Duration,
}

impl Publication {
    /// Signs the next bundle, enters it in the ministry's register and installs it at the desks. The
    /// revocation lists in it are good for as long as the bundle itself.
    pub fn sign(&self, ministry: &MinistryHome, now: Timestamp) -> Result<SignedBundle, HomeError> {
        let signed = SignedBundle::issue(self.content(ministry, now)?, &ministry.trust_signer()?, now)?;
        ministry.record_bundle(signed.bundle().content().sequence, signed.digest())?;
        for desk in &self.desks {
            secret_file::replace(&desk.own_bundle(), &signed.to_bytes())?;
        }
        Ok(signed)
    }

    /// The serial number of the certificate that the gateway shows, where the ministry has revoked it: under the next
    /// bundle everybody hangs up on that gateway. Where no more than its public.toml is here, it is the newest that was
    /// certified.
    pub fn revoked_gateway(&self, ministry: &MinistryHome) -> Result<Option<Serial>, HomeError> {
        let gateway = Name::Gateway { ministry: ministry.founding().ministry.clone() };
        let mut issued = ministry.issued()?;
        issued.retain(|one| one.name == gateway);
        let chain = self.gateway.transport_chain();
        let shown = match chain.exists() {
            true => read_certificates(&chain)?.first().and_then(|leaf| certificate_serial(leaf)),
            false => issued.last().map(|newest| newest.serial),
        };
        let is_revoked = |one: &&IssuedRecord| Some(one.serial) == shown && one.revocation.is_some();
        Ok(issued.iter().find(is_revoked).map(|one| one.serial))
    }

    fn content(&self, ministry: &MinistryHome, now: Timestamp) -> Result<BundleContent, HomeError> {
        let (founding, position) = (ministry.founding(), ministry.next_bundle()?);
        let announced = self.gateway.announcement()?;
        let file = self.gateway.announcement_file();
        if announced.ministry != founding.ministry.as_str() {
            return Err(KeyError::malformed(&file, "what a gateway of this ministry announces").into());
        }
        let endpoints = announced.endpoints.iter().map(|text| Endpoint::parse(text));
        let endpoints: Vec<Endpoint> = endpoints
            .collect::<Result<_, _>>()
            .map_err(|_| KeyError::malformed(&file, "a list of endpoints (host:port)"))?;
        let published = [Branch::Root, Branch::Transport, Branch::Desk];
        let lists = published.map(|branch| ministry.revocation_list(branch, now, self.valid_for));
        Ok(BundleContent {
            ministry: founding.ministry.clone(),
            display_name: founding.display_name.clone(),
            domain: founding.domain.clone(),
            sequence: position.sequence,
            previous_digest: position.previous,
            valid_from: now,
            valid_until: now.after(self.valid_for),
            root: ministry.certificate(Branch::Root)?,
            transport_authorities: vec![ministry.certificate(Branch::Transport)?],
            desk_authorities: vec![ministry.certificate(Branch::Desk)?],
            log_keys: self.log_keys()?,
            cosigner_keys: self.cosigner_keys()?,
            reading_keys: self.reading_keys()?,
            endpoints,
            revocation_lists: lists.into_iter().collect::<Result<_, _>>()?,
        })
    }

    /// The log key in use and, during a rotation, the next one.
    pub(in crate::keys) fn log_keys(&self) -> Result<Vec<String>, HomeError> {
        let announced = self.gateway.announcement()?;
        Ok([announced.log_key].into_iter().chain(announced.next_log_key).collect())
    }

    /// The same of cosigners.
    pub(in crate::keys) fn cosigner_keys(&self) -> Result<Vec<String>, HomeError> {
        let announced = self.gateway.announcement()?;
        Ok([announced.cosigner_key].into_iter().chain(announced.next_cosigner_key).collect())
    }

    /// The same of the reading keys of the desks: during a rotation peers seal to both.
    pub(in crate::keys) fn reading_keys(&self) -> Result<Vec<String>, HomeError> {
        let places = self.desks.iter().map(DeskHome::reading_recipient);
        let places = places.flat_map(|path| {
            let next = Some(next_of(&path)).filter(|next| next.exists());
            [path].into_iter().chain(next)
        });
        let read = |path: PathBuf| -> Result<String, HomeError> {
            let bytes = secret_file::read_public(&path, limits::KEY_TEXT_BYTES_MAX.saturating_add(1))?;
            let text =
                String::from_utf8(bytes).map_err(|_| KeyError::malformed(&path, "an age recipient"))?;
            Ok(text.trim_end().to_owned())
        };
        let mut keys: Vec<String> = places.map(read).collect::<Result<_, _>>()?;
        // In the midst of a switch the next one may already be the one in use.
        keys.dedup();
        Ok(keys)
    }
}
