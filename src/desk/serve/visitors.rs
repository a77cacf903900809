//! Visitors: which client is at the other end of a call, and what it may ask for now.
//!
//! A verified certificate, or a user of this machine, enters; a visitor leaves, or nobody. The certificate says which
//! roles were given, the book which of them still hold: suspension counts at the next call, on open connections too.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::config::User;
use crate::digest::Digest;
use crate::keys::home::clients::{Client, ClientRefusal, Clients};
use crate::transport::peer::Peer;
use crate::trust::name::{Label, Name};
use crate::trust::role::Role;

/// A client as the service knows it during one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visitor {
    /// Which client; the same on the socket and on the network.
    pub(super) label: Label,
    /// What it may ask for.
    pub(super) roles: BTreeSet<Role>,
    offices: BTreeSet<Label>,
    /// Digest of its certificate; none of a user of this machine.
    certificate: Option<Digest>,
}

impl Visitor {
    /// Whether the client may have the desk sign as this office.
    pub(super) fn may_sign_as(&self, office: &str) -> bool {
        self.offices.is_empty() || self.offices.iter().any(|label| label.as_str() == office)
    }

    /// The offices it is bound to, to be preferred.
    pub(super) fn offices(&self) -> impl Iterator<Item = String> {
        self.offices.iter().map(ToString::to_string)
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.label.as_str()
    }

    /// Whether it has a role.
    pub(super) fn may(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// Why somebody is nobody here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    /// No enrolled client.
    Unknown,
    /// A client that is suspended.
    Suspended,
}

/// Knows the clients of a desk.
pub(super) struct Visitors {
    clients: Clients,
    users: Vec<User>,
    /// The book as it was read, and which file it was then.
    book: Mutex<Option<(Edition, Arc<Vec<Client>>)>>,
}

/// Which edition of the book: it is replaced whole, so each is another file.
type Edition = (u64, SystemTime);

impl Visitors {
    pub(super) fn new(clients: Clients, users: Vec<User>) -> Self {
        Self { clients, users, book: Mutex::new(None) }
    }

    /// The client as which a user of this machine is known.
    pub(super) fn user(&self, uid: u32) -> Option<&User> {
        self.users.iter().find(|user| user.uid == uid)
    }

    /// Who is at the other end of a connection with a certificate.
    pub(super) fn by_certificate(&self, peer: &Peer) -> Result<Visitor, Stranger> {
        let Name::Client { label, .. } = peer.name() else { return Err(Stranger::Unknown) };
        let book = self.book().map_err(|cause| {
            tracing::error!(%cause, "the book of clients cannot be read: nobody is let in");
            Stranger::Unknown
        })?;
        let entered = book.iter().find(|client| client.certificate == peer.certificate());
        let entered = entered.filter(|client| client.label == *label).ok_or(Stranger::Unknown)?;
        if entered.suspended {
            return Err(Stranger::Suspended);
        }
        Ok(Visitor {
            label: label.clone(),
            roles: entered.roles.intersection(peer.roles()).copied().collect(),
            offices: entered.offices.clone(),
            certificate: Some(entered.certificate),
        })
    }

    /// Who is at the other end of the local socket.
    pub(super) fn by_user(&self, peer: &Peer) -> Result<Visitor, Stranger> {
        let Name::Client { label, .. } = peer.name() else { return Err(Stranger::Unknown) };
        let user = self.users.iter().find(|user| user.label == *label).ok_or(Stranger::Unknown)?;
        let (roles, offices) = (user.roles.clone(), user.offices.clone());
        Ok(Visitor { label: label.clone(), roles, offices, certificate: None })
    }

    /// Whether a client that was let in may go on: long calls ask.
    pub(super) fn is_still(&self, visitor: &Visitor) -> bool {
        let Some(certificate) = visitor.certificate else { return true };
        let is_active = |client: &Client| client.certificate == certificate && !client.suspended;
        self.book().is_ok_and(|book| book.iter().any(is_active))
    }

    fn book(&self) -> Result<Arc<Vec<Client>>, ClientRefusal> {
        let edition = fs::metadata(self.clients.book_file())
            .and_then(|file| Ok((file.ino(), file.modified()?)))
            .map_err(|_| ClientRefusal::NoBook)?;
        let mut known = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, book)) = known.as_ref().filter(|(then, _)| *then == edition) {
            return Ok(book.clone());
        }
        let book = Arc::new(self.clients.all()?);
        *known = Some((edition, book.clone()));
        Ok(book)
    }
}
