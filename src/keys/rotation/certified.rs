//! Keys that carry a certificate: the next one asks for its own under the same name, and takes over with it.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::{Begun, Phase, RotationRefusal, id_of, is_there, next_of, promote, remove, step};
use crate::entropy::Entropy;
use crate::keys::error::KeyError;
use crate::keys::file;
use crate::keys::generate;
use crate::keys::home::enrolment::{ROOT, Requested};
use crate::keys::passphrase::Passphrase;
use crate::keys::private_key::PrivateKey;
use crate::keys::request::{CertificateRequest, certificate_request};
use crate::keys::secret_file;
use crate::limits;
use crate::time::Timestamp;
use crate::trust::anchor::Anchors;
use crate::trust::chain::{self, Purpose};
use crate::trust::name::{Authority, Name};
use crate::trust::subject::Subject;

/// One such key of a home.
pub(super) struct Certified<'a> {
    pub(super) home: &'a Path,
    pub(super) requested: &'a Requested,
    pub(super) is_protected: bool,
}

impl Certified<'_> {
    pub(super) fn phase(&self) -> Result<Phase, RotationRefusal> {
        let (key, request) = (self.next("key"), self.next("csr"));
        match (is_there(&key), is_there(&request)) {
            (false, false) => Ok(Phase::Steady),
            (true, false) => Ok(Phase::Unfinished),
            (false, true) => Ok(Phase::Switching),
            (true, true) => {
                let asked = request_key(&request)?;
                let is_shown = self.shown_key()?.is_some_and(|shown| shown == asked);
                Ok(if is_shown { Phase::Switching } else { Phase::Begun(id_of(&asked)) })
            }
        }
    }

    pub(super) fn id(&self) -> Result<Option<String>, RotationRefusal> {
        Ok(self.shown_key()?.map(|shown| id_of(&shown)))
    }

    pub(super) fn next_id(&self) -> Result<Option<String>, RotationRefusal> {
        let request = self.next("csr");
        if is_there(&request) { Ok(Some(id_of(&request_key(&request)?))) } else { Ok(None) }
    }

    pub(super) fn begin(
        &self,
        passphrase: Option<&Passphrase>,
        entropy: &dyn Entropy,
    ) -> Result<Begun, RotationRefusal> {
        if self.chain()?.is_empty() {
            return Err(RotationRefusal::NeverCertified(self.requested.stem.clone()));
        }
        let path = self.next("key");
        let key = if is_there(&path) {
            self.open(&path, passphrase)?
        } else {
            // Whoever cannot open the key in use makes no successor of it.
            self.open(&self.place("key"), passphrase)?;
            let key = generate::signing_key()?;
            step()?;
            match passphrase.filter(|_| self.is_protected) {
                Some(passphrase) => file::save_protected(&path, &key, passphrase, entropy)?,
                None => file::save_plain(&path, &key)?,
            }
            key
        };
        let request = self.next("csr");
        step()?;
        secret_file::create(&request, certificate_request(&key, &self.requested.name)?.as_bytes())?;
        Ok(Begun { id: id_of(key.public_key()), request: Some(request), public: None })
    }

    /// Verifies that chain, next key and name belong together, and that the chain is believed now. The id of the key.
    pub(super) fn verify(
        &self,
        chain: &[u8],
        passphrase: Option<&Passphrase>,
        now: Timestamp,
    ) -> Result<String, RotationRefusal> {
        let links = links(chain)?;
        let leaf = links.first().ok_or(RotationRefusal::NoChain)?;
        let subject = Subject::of(leaf).map_err(chain::ChainRefusal::from)?;
        let expected = &self.requested.name;
        if subject.name() != expected {
            let (found, expected) = (subject.name().clone(), expected.clone());
            return Err(RotationRefusal::OtherName { found, expected });
        }
        let asked = request_key(&self.next("csr"))?;
        if file::certified_key(leaf).as_ref() != Some(&asked) {
            return Err(RotationRefusal::OtherKey(self.requested.stem.clone()));
        }
        let present = self.chain()?;
        let in_use = present.first().and_then(|leaf| Subject::of(leaf).ok());
        if let Some(in_use) = in_use.filter(|in_use| in_use.authorities() != subject.authorities()) {
            let (found, expected) = (words(subject.authorities()), words(in_use.authorities()));
            return Err(RotationRefusal::OtherAuthorities { found, expected });
        }
        if present.get(1..) != links.get(1..) {
            return Err(RotationRefusal::OtherIssuer);
        }
        self.believe(&links, now)?;
        let key = self.open(&self.next("key"), passphrase)?;
        if key.public_key() != asked {
            return Err(RotationRefusal::OtherKey(self.requested.stem.clone()));
        }
        Ok(id_of(&asked))
    }

    /// The certificate leads to the root of the own ministry and is good for what the key does.
    fn believe(&self, links: &[CertificateDer<'static>], now: Timestamp) -> Result<(), RotationRefusal> {
        let path = self.home.join(ROOT);
        let root = CertificateDer::from_pem_file(&path)
            .map_err(|_| KeyError::malformed(&path, "the root certificate of the ministry (PEM)"))?;
        let Some((leaf, above)) = links.split_first() else { return Err(RotationRefusal::NoChain) };
        let above: Vec<Vec<u8>> =
            above.iter().filter(|link| **link != root).map(|link| link.to_vec()).collect();
        let ministry = self.requested.name.ministry().clone();
        let anchors = Anchors::new(ministry, &root, &above, &[]).map_err(|_| RotationRefusal::OtherIssuer)?;
        for purpose in purposes(&self.requested.name) {
            chain::verify(leaf, &anchors, *purpose, now)?;
        }
        Ok(())
    }

    /// Shows the certificate of the next key, the first of three steps. From here on the next key is in use: who
    /// finds that the certificate is not for the key beside it takes the next one.
    pub(super) fn show(&self, chain: &[u8]) -> Result<(), RotationRefusal> {
        step()?;
        Ok(secret_file::replace(&self.place("pem"), chain)?)
    }

    /// The other two steps.
    pub(super) fn switch(&self) -> Result<(), RotationRefusal> {
        promote(&self.next("key"), &self.place("key"))?;
        Ok(promote(&self.next("csr"), &self.place("csr"))?)
    }

    pub(super) fn abandon(&self) -> Result<(), RotationRefusal> {
        remove(&self.next("csr"))?;
        Ok(remove(&self.next("key"))?)
    }

    fn open(&self, path: &Path, passphrase: Option<&Passphrase>) -> Result<PrivateKey, RotationRefusal> {
        if self.is_protected {
            let passphrase = passphrase.ok_or(RotationRefusal::PassphraseNeeded)?;
            return Ok(file::open_protected(path, passphrase)?);
        }
        Ok(file::open_plain(path)?)
    }

    /// The key that the certificate in use is for.
    fn shown_key(&self) -> Result<Option<Vec<u8>>, RotationRefusal> {
        Ok(self.chain()?.first().and_then(|leaf| file::certified_key(leaf)))
    }

    /// The chain in use; empty before the first.
    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, RotationRefusal> {
        match file::read_certificates(&self.place("pem")) {
            Err(KeyError::NotFound(_)) => Ok(Vec::new()),
            chain => Ok(chain?),
        }
    }

    fn place(&self, ending: &str) -> PathBuf {
        self.requested.place(self.home, ending)
    }

    fn next(&self, ending: &str) -> PathBuf {
        next_of(&self.place(ending))
    }
}

/// Ends a switch of which only the last step is missing, so that the request is that of the key in use.
pub(in crate::keys) fn settle(home: &Path, requested: &Requested) -> Result<(), KeyError> {
    let next = |ending: &str| next_of(&requested.place(home, ending));
    if !is_there(&next("key")) && is_there(&next("csr")) {
        promote(&next("csr"), &requested.place(home, "csr"))?;
    }
    Ok(())
}

fn purposes(name: &Name) -> &'static [Purpose] {
    match name {
        Name::Gateway { .. } => &[Purpose::TlsServer, Purpose::TlsClient],
        Name::Desk { .. } | Name::Client { .. } => &[Purpose::TlsClient],
        Name::Service { .. } => &[Purpose::TlsServer],
        Name::Registry { .. } | Name::Office { .. } | Name::Trust { .. } => &[Purpose::Signing],
    }
}

fn links(chain: &[u8]) -> Result<Vec<CertificateDer<'static>>, RotationRefusal> {
    if chain.len() > limits::CHAIN_BYTES_MAX {
        return Err(RotationRefusal::NoChain);
    }
    let links: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    links.ok().filter(|links| !links.is_empty()).ok_or(RotationRefusal::NoChain)
}

fn request_key(path: &Path) -> Result<Vec<u8>, RotationRefusal> {
    let bytes = secret_file::read_public(path, REQUEST_BYTES_MAX)?;
    let text = String::from_utf8(bytes).ok();
    let request = text.and_then(|text| CertificateRequest::parse(&text).ok());
    let request = request.ok_or_else(|| KeyError::malformed(path, "a certificate request (PEM)"))?;
    Ok(request.public_key().to_vec())
}

fn words(authorities: &std::collections::BTreeSet<Authority>) -> String {
    let words: Vec<&str> = authorities.iter().map(|one| one.word()).collect();
    if words.is_empty() { "no authority".to_owned() } else { words.join(", ") }
}

/// A request carries one key and one name.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
