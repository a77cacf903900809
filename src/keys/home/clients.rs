//! `Clients`: the systems of a ministry that may call the service of one of its desks, and the authority that certifies
//! them.
//!
//! ```text
//! clients/root.pem                     self-signed, its key forgotten when the folder was made: clients pin it
//! clients/authority.key authority.pem  certifies the service and its clients, under the passphrase of the desk
//! clients/service.key service.pem      what the service shows its clients
//! clients/book.toml book.lock          who was enrolled, for what, and who is suspended
//! ```
//! It lies in the home of the desk and is published nowhere: no certificate of the ministry's own root opens this door,
//! and no certificate from here opens another. Whoever is not in the book, or suspended there, is nobody, whatever his
//! certificate says. It must never happen that two clients share a key.

mod authority;
mod book;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::keys::authority::{Grant, IssueRefusal, certificate_pem};
use crate::keys::error::KeyError;
use crate::keys::ministry::HomeError;
use crate::keys::passphrase::Passphrase;
use crate::keys::request::{CertificateRequest, RequestRefusal};
use crate::keys::{PrivateKeyRefusal, file, generate};
use crate::time::Timestamp;
use crate::trust::name::{Authority, Domain, Label, Ministry, Name};
use crate::trust::role::Role;

pub use book::Client;

/// The folder of clients in the home of a desk.
#[derive(Debug, Clone)]
pub struct Clients {
    directory: PathBuf,
    ministry: Ministry,
    domain: Domain,
    desk: Label,
}

/// Who is to be enrolled.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which system.
    pub label: Label,
    /// What it may ask for.
    pub roles: BTreeSet<Role>,
    /// The offices as which it may have the desk sign; empty for all that its roles fit.
    pub offices: BTreeSet<Label>,
    /// For how long.
    pub valid_for: Duration,
    /// Its own request (PKCS#10, PEM); without one a key is made for it.
    pub request: Option<String>,
    /// Whether its earlier certificates end with that.
    pub replaces: bool,
}

/// A client that was enrolled.
pub struct EnrolledClient {
    /// As it stands in the book.
    pub client: Client,
    /// Its chain, PEM, without the root.
    pub chain: String,
    /// Its key, PEM, where it was made here: kept nowhere else.
    pub key: Option<Zeroizing<String>>,
}

/// Why a client was not enrolled, suspended or found.
#[derive(Debug, thiserror::Error)]
pub enum ClientRefusal {
    /// A file or certificate was refused.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A key stands in the book already.
    #[error("the key of this request is that of the client {0} already")]
    SameKey(Label),
    /// There is no such client.
    #[error("no client {0} is enrolled at this desk")]
    Unknown(Label),
    /// There is no book of clients.
    #[error("no client was ever enrolled at this desk")]
    NoBook,
    /// A client without roles could do nothing.
    #[error("a client needs at least one role")]
    NoRole,
}

/// What stands between a client and its certificate is told as the home tells it.
macro_rules! by_way_of_the_home {
    ($($cause:ty),+) => {
        $(impl From<$cause> for ClientRefusal {
            fn from(cause: $cause) -> Self {
                Self::Home(cause.into())
            }
        })+
    };
}
by_way_of_the_home!(IssueRefusal, KeyError, PrivateKeyRefusal, RequestRefusal);

impl Clients {
    /// The clients of the desk with this label in this home.
    pub fn at(home: &Path, ministry: &Ministry, domain: &Domain, desk: &Label) -> Self {
        let directory = home.join("clients");
        Self { directory, ministry: ministry.clone(), domain: domain.clone(), desk: desk.clone() }
    }

    /// Whether there is an authority that certifies clients.
    pub fn exists(&self) -> bool {
        self.directory.join(book::FILE).exists()
    }

    /// The root that clients pin, PEM.
    pub fn root(&self) -> PathBuf {
        self.directory.join("root.pem")
    }

    /// Certificate of the authority, PEM.
    pub fn authority(&self) -> PathBuf {
        self.directory.join("authority.pem")
    }

    /// Key of the service under the passphrase of the desk, and its chain.
    pub fn service(&self) -> (PathBuf, PathBuf) {
        (self.directory.join("service.key"), self.directory.join("service.pem"))
    }

    /// The book, for whoever watches it for changes.
    pub fn book_file(&self) -> PathBuf {
        self.directory.join(book::FILE)
    }

    /// The name that clients ask the service for.
    pub fn service_dns_name(&self) -> String {
        self.domain.service_dns_name(&self.desk)
    }

    /// Certifies a client and enters it into the book, before anything of it leaves.
    pub fn enrol(
        &self,
        candidate: &Candidate,
        passphrase: &Passphrase,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<EnrolledClient, ClientRefusal> {
        if candidate.roles.is_empty() {
            return Err(ClientRefusal::NoRole);
        }
        let authority = self.open_authority(passphrase)?;
        let name = Name::Client { ministry: self.ministry.clone(), label: candidate.label.clone() };
        let (public, key) = match &candidate.request {
            Some(request) => {
                let request = CertificateRequest::parse(request)?;
                if *request.name() != name {
                    let (requested, asked) = (request.name().clone(), name);
                    return Err(HomeError::OtherName { requested, asked }.into());
                }
                (request.public_key().to_vec(), None)
            }
            None => {
                let made = generate::signing_key()?;
                (made.public_key().to_vec(), Some(made.to_plain_pem()?))
            }
        };
        let issued = authority.certify(&public, &self.grant(&name, candidate), now, entropy)?;
        let client = Client {
            label: candidate.label.clone(),
            certificate: Digest::of(&issued.der),
            key: Digest::of(&public),
            roles: candidate.roles.clone(),
            offices: candidate.offices.clone(),
            valid_from: file::certificate_validity(&issued.der).map(|(begins, _)| begins),
            valid_until: issued.not_after,
            suspended: false,
        };
        let entered = client.clone();
        book::change(&self.directory, |book| {
            // Four eyes are two clients: one key behind two names would be one.
            if let Some(other) =
                book.iter().find(|other| other.key == entered.key && other.label != entered.label)
            {
                return Err(ClientRefusal::SameKey(other.label.clone()));
            }
            if candidate.replaces {
                // Whoever is not in the book is nobody.
                book.retain(|earlier| earlier.label != entered.label);
            }
            book.push(entered);
            Ok(())
        })?;
        let chain = format!("{}{}", certificate_pem(&issued.der), certificate_pem(authority.certificate()));
        Ok(EnrolledClient { client, chain, key })
    }

    /// Suspends all certificates of a client, or lets them act again.
    pub fn suspend(&self, label: &Label, suspended: bool) -> Result<usize, ClientRefusal> {
        book::change(&self.directory, |book| {
            let mut count = 0_usize;
            for client in book.iter_mut().filter(|client| client.label == *label) {
                client.suspended = suspended;
                count = count.saturating_add(1);
            }
            if count == 0 { Err(ClientRefusal::Unknown(label.clone())) } else { Ok(count) }
        })
    }

    /// Suspends everybody who was ever enrolled. Answers who could act until now.
    pub fn suspend_all(&self) -> Result<BTreeSet<Label>, ClientRefusal> {
        book::change(&self.directory, |book| {
            let active = book.iter().filter(|client| !client.suspended);
            let active = active.map(|client| client.label.clone()).collect();
            book.iter_mut().for_each(|client| client.suspended = true);
            Ok(active)
        })
    }

    /// Everybody in the book, in the order of enrolment.
    pub fn all(&self) -> Result<Vec<Client>, ClientRefusal> {
        Ok(book::read(&self.directory)?)
    }

    fn grant<'a>(&'a self, name: &'a Name, candidate: &'a Candidate) -> Grant<'a> {
        static NONE: BTreeSet<Authority> = BTreeSet::new();
        let (roles, valid_for) = (&candidate.roles, candidate.valid_for);
        Grant { name, authorities: &NONE, roles, domain: &self.domain, valid_for }
    }
}

impl std::fmt::Debug for EnrolledClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EnrolledClient({})", self.client.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::keys::authority::DESK_VALIDITY;
    use crate::keys::request::certificate_request;
    use crate::keys::{file, secret_file};
    use crate::trust::anchor::Anchors;
    use crate::trust::chain::{self, Purpose};

    fn candidate(label: &str, roles: &[Role], request: Option<String>) -> Candidate {
        Candidate {
            label: Label::parse(label).unwrap(),
            roles: roles.iter().copied().collect(),
            offices: BTreeSet::new(),
            valid_for: DESK_VALIDITY,
            request,
            replaces: false,
        }
    }

    #[test]
    fn a_client_is_certified_for_its_roles_alone_and_stands_in_the_book_until_it_is_suspended() {
        let home = tempfile::tempdir().unwrap();
        let (ministry, domain) = (Ministry::parse("XA").unwrap(), Domain::parse("mfa.xa.example").unwrap());
        let clients = Clients::at(home.path(), &ministry, &domain, &Label::parse("main").unwrap());
        let (now, passphrase) =
            (Timestamp::parse("2026-11-22T10:00:00Z").unwrap(), Passphrase::new("correct horse").unwrap());
        assert!(!clients.exists());
        clients.found(&passphrase, now, &SystemEntropy).unwrap();
        clients.found(&passphrase, now, &SystemEntropy).unwrap();
        let enrol = |candidate| clients.enrol(&candidate, &passphrase, now, &SystemEntropy);

        let enrolled = enrol(candidate("casework", &[Role::Draft], None)).unwrap();
        assert_eq!(clients.all().unwrap(), std::slice::from_ref(&enrolled.client));
        let certificates = |path: &Path| file::read_certificates(path).unwrap();
        let (root, authority) = (certificates(&clients.root()), certificates(&clients.authority()));
        let anchors = Anchors::new(ministry.clone(), &root[0], &[authority[0].to_vec()], &[]).unwrap();
        let chain = home.path().join("chain.pem");
        secret_file::create(&chain, enrolled.chain.as_bytes()).unwrap();
        let leaf = certificates(&chain).remove(0);
        assert_eq!(Digest::of(&leaf), enrolled.client.certificate);
        let believed = chain::verify(&leaf, &anchors, Purpose::TlsClient, now).unwrap();
        assert_eq!(believed.subject().roles(), &BTreeSet::from([Role::Draft]));
        for purpose in [Purpose::TlsServer, Purpose::Signing] {
            assert!(chain::verify(&leaf, &anchors, purpose, now).is_err());
        }
        let service = certificates(&clients.service().1).remove(0);
        assert!(chain::verify(&service, &anchors, Purpose::TlsServer, now).is_ok());
        assert!(chain::verify(&service, &anchors, Purpose::TlsClient, now).is_err());

        // One key behind two names would be one hand.
        let key = generate::signing_key().unwrap();
        let request = |label: &str| {
            let (ministry, label) = (ministry.clone(), Label::parse(label).unwrap());
            Some(certificate_request(&key, &Name::Client { ministry, label }).unwrap())
        };
        enrol(candidate("legal", &[Role::Clear], request("legal"))).unwrap();
        let same = enrol(candidate("head", &[Role::Release], request("head")));
        assert!(matches!(same, Err(ClientRefusal::SameKey(label)) if label.as_str() == "legal"));
        let other = enrol(candidate("head", &[Role::Release], request("legal")));
        assert!(matches!(other, Err(ClientRefusal::Home(HomeError::OtherName { .. }))));
        assert!(matches!(enrol(candidate("head", &[], None)), Err(ClientRefusal::NoRole)));

        clients.suspend(&enrolled.client.label, true).unwrap();
        assert!(clients.all().unwrap().iter().any(|one| one.suspended && one.label.as_str() == "casework"));
        let unknown = clients.suspend(&Label::parse("head").unwrap(), true);
        assert!(matches!(unknown, Err(ClientRefusal::Unknown(_))));

        let active = clients.suspend_all().unwrap();
        assert_eq!(active.iter().map(Label::as_str).collect::<Vec<_>>(), ["legal"]);
        assert!(clients.all().unwrap().iter().all(|one| one.suspended));

        let narrower = Candidate { replaces: true, ..candidate("legal", &[Role::Observe], None) };
        let narrower = enrol(narrower).unwrap().client;
        let mut legal = clients.all().unwrap();
        legal.retain(|one| one.label == narrower.label);
        assert_eq!(legal, [narrower], "the wider certificate ended");
    }
}
