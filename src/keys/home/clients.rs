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

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::found;
use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::keys::authority::{CertificateAuthority, DESK_VALIDITY, Grant, IssueRefusal, certificate_pem};
use crate::keys::branch::Branch;
use crate::keys::error::KeyError;
use crate::keys::ministry::HomeError;
use crate::keys::passphrase::Passphrase;
use crate::keys::request::{CertificateRequest, RequestRefusal};
use crate::keys::{PrivateKey, PrivateKeyRefusal, file, generate, secret_file};
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::{Domain, Label, Ministry, Name};
use crate::trust::role::Role;

/// The folder of clients in the home of a desk.
#[derive(Debug, Clone)]
pub struct Clients {
    directory: PathBuf,
    ministry: Ministry,
    domain: Domain,
    desk: Label,
}

/// One certificate of a client, as it stands in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Which system of the ministry; its name in certificates, logs and registers.
    pub label: Label,
    /// SHA-256 of its certificate, DER.
    pub certificate: Digest,
    /// SHA-256 of its public key.
    pub key: Digest,
    /// What it may ask for, as its certificate says too.
    pub roles: BTreeSet<Role>,
    /// Labels of the offices as which it may have the desk sign; empty for every office that its roles fit.
    pub offices: BTreeSet<Label>,
    /// The certificate began then; unknown of one that an older release enrolled.
    pub valid_from: Option<Timestamp>,
    /// The certificate ends then.
    pub valid_until: Timestamp,
    /// Whether it may do nothing for now.
    pub suspended: bool,
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
        self.directory.join(BOOK).exists()
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
        self.directory.join(BOOK)
    }

    /// The name that clients ask the service for.
    pub fn service_dns_name(&self) -> String {
        self.domain.service_dns_name(&self.desk)
    }

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
        let laid_out = found(&self.directory, BOOK, |folder| {
            let write = |name: &str, text: &str| secret_file::create(&folder.join(name), text.as_bytes());
            write("root.pem", &certificate_pem(&root))?;
            file::save_protected(&folder.join("authority.key"), authority.key(), passphrase, entropy)?;
            write("authority.pem", &certificate_pem(authority.certificate()))?;
            file::save_protected(&folder.join("service.key"), &service, passphrase, entropy)?;
            write("service.pem", &chain)?;
            write("book.lock", "")?;
            Ok(write(BOOK, &text_of(&[]))?)
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
        self.change(|book| {
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
        self.change(|book| {
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
        self.change(|book| {
            let active = book.iter().filter(|client| !client.suspended);
            let active = active.map(|client| client.label.clone()).collect();
            book.iter_mut().for_each(|client| client.suspended = true);
            Ok(active)
        })
    }

    /// Everybody in the book, in the order of enrolment.
    pub fn all(&self) -> Result<Vec<Client>, ClientRefusal> {
        let path = self.directory.join(BOOK);
        let bytes = secret_file::read_public(&path, BOOK_BYTES_MAX)?;
        let stored: Option<Book> =
            std::str::from_utf8(&bytes).ok().and_then(|text| toml::from_str(text).ok());
        let read = stored.and_then(|book| book.client.into_iter().map(Stored::read).collect());
        read.ok_or_else(|| KeyError::malformed(&path, "a book of clients (TOML)").into())
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<Client>) -> Result<T, ClientRefusal>,
    ) -> Result<T, ClientRefusal> {
        let path = self.directory.join("book.lock");
        let lock = File::create(&path).map_err(|cause| KeyError::io(&path, cause))?;
        lock.lock().map_err(|cause| KeyError::io(&path, cause))?;
        let mut book = self.all()?;
        let done = change(&mut book)?;
        secret_file::replace(&self.directory.join(BOOK), text_of(&book).as_bytes())?;
        Ok(done)
    }

    fn open_authority(&self, passphrase: &Passphrase) -> Result<CertificateAuthority, ClientRefusal> {
        let path = self.authority();
        let [certificate] = file::read_certificates(&path)?
            .try_into()
            .map_err(|_| KeyError::malformed(&path, "one certificate (PEM)"))?;
        let key = file::open_protected(&self.directory.join("authority.key"), passphrase)?;
        Ok(CertificateAuthority::resume(Branch::Client, &self.ministry, certificate.to_vec(), key)?)
    }

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

    fn grant<'a>(&'a self, name: &'a Name, candidate: &'a Candidate) -> Grant<'a> {
        static NONE: BTreeSet<crate::trust::name::Authority> = BTreeSet::new();
        let (roles, valid_for) = (&candidate.roles, candidate.valid_for);
        Grant { name, authorities: &NONE, roles, domain: &self.domain, valid_for }
    }
}

impl std::fmt::Debug for EnrolledClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EnrolledClient({})", self.client.label)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    client: Vec<Stored>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    label: String,
    certificate: String,
    key: String,
    roles: Vec<String>,
    offices: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_from: Option<i64>,
    valid_until: i64,
    suspended: bool,
}

impl Stored {
    fn write(client: &Client) -> Self {
        Self {
            label: client.label.to_string(),
            certificate: client.certificate.hex(),
            key: client.key.hex(),
            roles: client.roles.iter().map(ToString::to_string).collect(),
            offices: client.offices.iter().map(ToString::to_string).collect(),
            valid_from: client.valid_from.map(Timestamp::seconds),
            valid_until: client.valid_until.seconds(),
            suspended: client.suspended,
        }
    }

    fn read(self) -> Option<Client> {
        let roles: Option<BTreeSet<Role>> = self.roles.iter().map(|word| Role::parse(word).ok()).collect();
        let offices: Option<BTreeSet<Label>> =
            self.offices.iter().map(|text| Label::parse(text).ok()).collect();
        Some(Client {
            label: Label::parse(&self.label).ok()?,
            certificate: Digest::parse(&self.certificate).ok()?,
            key: Digest::parse(&self.key).ok()?,
            roles: roles?,
            offices: offices?,
            valid_from: self.valid_from.map(Timestamp::from_seconds),
            valid_until: Timestamp::from_seconds(self.valid_until),
            suspended: self.suspended,
        })
    }
}

fn text_of(clients: &[Client]) -> String {
    let book = Book { client: clients.iter().map(Stored::write).collect() };
    let body = toml::to_string(&book).unwrap_or_default();
    format!(
        "# Who may call the service of this desk. `chancery desk enrol` and `desk suspend` write it.\n\n{body}"
    )
}

const BOOK: &str = "book.toml";

/// A client takes some hundred bytes.
const BOOK_BYTES_MAX: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::keys::request::certificate_request;
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
