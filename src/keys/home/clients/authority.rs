//! The authority that certifies the service of a desk and its clients: founded once, its root's key forgotten with
//! that, and opened again with the passphrase of the desk.
//!
//! A passphrase and an instant enter; files of a folder leave, all of them or none, and the authority itself to whoever
//! enrols. It must never certify anything of the ministry outside this desk: its root is pinned by clients alone.

use std::collections::BTreeSet;

use super::{ClientRefusal, Clients, book};
use crate::entropy::Entropy;
use crate::keys::authority::{CertificateAuthority, DESK_VALIDITY, Grant, certificate_pem};
use crate::keys::branch::Branch;
use crate::keys::error::KeyError;
use crate::keys::home::found;
use crate::keys::ministry::HomeError;
use crate::keys::passphrase::Passphrase;
use crate::keys::{PrivateKey, file, generate, secret_file};
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::Name;

impl Clients {
    /// Founds the authority, with a key and certificate of the service, where there is none yet.
    pub fn found(
        &self,
        passphrase: &Passphrase,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(), ClientRefusal> {
        if self.exists() {
            return Ok(());
        }
        let (authority, root) = CertificateAuthority::for_clients(&self.ministry, now, entropy)?;
        let service = generate::signing_key()?;
        let chain = self.service_chain(&authority, &service, now, entropy)?;
        let laid_out = found(&self.directory, book::FILE, |folder| {
            let write = |name: &str, text: &str| secret_file::create(&folder.join(name), text.as_bytes());
            write("root.pem", &certificate_pem(&root))?;
            file::save_protected(&folder.join("authority.key"), authority.key(), passphrase, entropy)?;
            write("authority.pem", &certificate_pem(authority.certificate()))?;
            file::save_protected(&folder.join("service.key"), &service, passphrase, entropy)?;
            write("service.pem", &chain)?;
            write(book::LOCK, "")?;
            Ok(write(book::FILE, &book::text_of(&[]))?)
        });
        match laid_out {
            // Somebody else was faster.
            Err(HomeError::AlreadyExists(_)) if self.exists() => Ok(()),
            other => Ok(other?),
        }
    }

    /// Certifies the key of the service again where its certificate ends before long.
    pub fn renew(
        &self,
        passphrase: &Passphrase,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(), ClientRefusal> {
        let (key, chain) = self.service();
        let certificates = file::read_certificates(&chain)?;
        let ends = certificates
            .first()
            .and_then(|certificate| file::certificate_validity(certificate))
            .map(|(_, ends)| ends);
        if ends.is_some_and(|ends| ends > now.after(limits::SERVICE_RENEWAL)) {
            return Ok(());
        }
        let authority = self.open_authority(passphrase)?;
        let service = file::open_protected(&key, passphrase)?;
        let renewed = self.service_chain(&authority, &service, now, entropy)?;
        Ok(secret_file::replace(&chain, renewed.as_bytes())?)
    }

    /// The authority, under the passphrase of the desk.
    pub(super) fn open_authority(
        &self,
        passphrase: &Passphrase,
    ) -> Result<CertificateAuthority, ClientRefusal> {
        let path = self.authority();
        let [certificate] = file::read_certificates(&path)?
            .try_into()
            .map_err(|_| KeyError::malformed(&path, "one certificate (PEM)"))?;
        let key = file::open_protected(&self.directory.join("authority.key"), passphrase)?;
        Ok(CertificateAuthority::resume(Branch::Client, &self.ministry, certificate.to_vec(), key)?)
    }

    /// Certifies the key of the service; its chain, PEM.
    fn service_chain(
        &self,
        authority: &CertificateAuthority,
        key: &PrivateKey,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<String, ClientRefusal> {
        let name = Name::Service { ministry: self.ministry.clone(), label: self.desk.clone() };
        let grant = Grant {
            name: &name,
            authorities: &BTreeSet::new(),
            roles: &BTreeSet::new(),
            domain: &self.domain,
            valid_for: DESK_VALIDITY,
        };
        let issued = authority.certify(key.public_key(), &grant, now, entropy)?;
        Ok(format!("{}{}", certificate_pem(&issued.der), certificate_pem(authority.certificate())))
    }
}
