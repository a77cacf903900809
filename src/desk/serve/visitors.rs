//! Visitors: which client is at the other end of a call, and what it may ask for now.
//!
//! A verified certificate, or a user of this machine, enters; a visitor leaves, or nobody. The certificate says which
//! roles were given, the book which of them still hold: suspension counts at the next call, on open connections too, and
//! in a long call at the next piece, which a `Stay` asks before.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use tonic::Code;

use super::config::User;
use super::refusals::Refused;
use super::suspended::SuspendedUsers;
use crate::digest::Digest;
use crate::keys::home::clients::{Client, ClientRefusal, Clients};
use crate::time::Clock;
use crate::transport::peer::{Cord, Peer};
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
    /// The number of a user of this machine.
    user: Option<u32>,
    cord: Cord,
}

impl Visitor {
    /// Whether the client may have the desk sign as this office.
    pub(super) fn may_sign_as(&self, office: &str) -> bool {
        self.offices.is_empty() || self.offices.iter().any(|label| label.as_str() == office)
    }

    /// Whether this office may ask through the client who a person is: only one that the client was enrolled for. A
    /// client that is bound to none may have any sign what its roles let it draft, clear or release, and asks for none.
    pub(super) fn may_ask_as(&self, office: &str) -> bool {
        self.offices.iter().any(|label| label.as_str() == office)
    }

    /// The offices it is bound to, to be preferred.
    pub(super) fn offices(&self) -> impl Iterator<Item = String> {
        self.offices.iter().map(ToString::to_string)
    }

    /// Closes the connection of the call.
    pub(super) fn hang_up(&self) {
        self.cord.pull();
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

/// A visitor in a call of many pieces: whether it may still go on is asked before each.
#[derive(Clone)]
pub(super) struct Stay {
    visitor: Visitor,
    still: Arc<Asked>,
}

/// Says whether a visitor may still go on.
type Asked = dyn Fn(&Visitor) -> Result<(), Stranger> + Send + Sync;

impl Stay {
    /// Who it is.
    pub(super) fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// Refuses whoever was suspended since, or whose certificate ended or was replaced.
    pub(super) fn may_go_on(&self) -> Result<(), Refused> {
        (self.still)(&self.visitor).map_err(Stranger::refused)
    }
}

#[cfg(test)]
impl Stay {
    /// Of a visitor of whom `still` says whether it may go on.
    pub(super) fn while_it(
        visitor: Visitor,
        still: impl Fn(&Visitor) -> Result<(), Stranger> + Send + Sync + 'static,
    ) -> Self {
        Self { visitor, still: Arc::new(still) }
    }
}

#[cfg(test)]
impl Visitor {
    /// Somebody who may do nothing.
    pub(super) fn anybody() -> Self {
        let label = Label::parse("anybody").unwrap();
        let (roles, offices) = (BTreeSet::new(), BTreeSet::new());
        Self { label, roles, offices, certificate: None, user: None, cord: Cord::default() }
    }

    /// Whether its connection was closed from within.
    pub(super) fn is_hung_up(&self) -> bool {
        self.cord.is_pulled()
    }
}

/// Why somebody is nobody here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    /// No enrolled client.
    Unknown,
    /// A client whose certificate has ended.
    Ended,
    /// A client that is suspended.
    Suspended,
    /// A user of this machine who lost a role in the midst of a call.
    Changed,
}

impl Stranger {
    /// What it is told.
    pub(super) fn refused(self) -> Refused {
        let (reason, message) = match self {
            Self::Unknown => ("CLIENT_UNKNOWN", "no client with this certificate is enrolled here"),
            Self::Ended => ("CLIENT_EXPIRED", "the certificate of this client has ended: enrol it again"),
            Self::Suspended => ("CLIENT_SUSPENDED", "this client is suspended"),
            Self::Changed => ("CLIENT_UNKNOWN", "what this client may do was changed meanwhile: begin anew"),
        };
        Refused::new(Code::Unauthenticated, reason, message)
    }
}

/// Knows the clients of a desk.
pub(super) struct Visitors {
    clients: Clients,
    users: RwLock<Vec<User>>,
    suspended: SuspendedUsers,
    clock: Arc<dyn Clock>,
    /// The book as it was read, and which file it was then.
    book: Mutex<Option<(Edition, Arc<Vec<Client>>)>>,
}

/// Which edition of the book: it is replaced whole, so each is another file.
type Edition = (u64, SystemTime);

impl Visitors {
    pub(super) fn new(
        clients: Clients,
        (users, suspended): (Vec<User>, SuspendedUsers),
        clock: Arc<dyn Clock>,
    ) -> Self {
        let users = RwLock::new(users);
        Self { clients, users, suspended, clock, book: Mutex::new(None) }
    }

    /// The client as which a user of this machine is known.
    pub(super) fn user(&self, uid: u32) -> Option<User> {
        self.find(|user| user.uid == uid)
    }

    /// Knows these users of this machine from now on, and no other.
    pub(super) fn replace_users(&self, users: Vec<User>) {
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = users;
    }

    fn find(&self, is_it: impl Fn(&User) -> bool) -> Option<User> {
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        users.iter().find(|user| is_it(user)).cloned()
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
        // Connections outlive certificates.
        if entered.valid_until <= self.clock.now() {
            return Err(Stranger::Ended);
        }
        Ok(Visitor {
            label: label.clone(),
            roles: entered.roles.intersection(peer.roles()).copied().collect(),
            offices: entered.offices.clone(),
            certificate: Some(entered.certificate),
            user: None,
            cord: peer.cord().clone(),
        })
    }

    /// Who is at the other end of the local socket.
    pub(super) fn by_user(&self, peer: &Peer) -> Result<Visitor, Stranger> {
        let Name::Client { label, .. } = peer.name() else { return Err(Stranger::Unknown) };
        // A name that was given to another user is no more that of whoever bore it.
        let is_it = |user: &User| user.label == *label && Some(user.uid) == peer.user();
        let user = self.find(is_it).ok_or(Stranger::Unknown)?;
        if self.suspended.is_suspended(label) {
            return Err(Stranger::Suspended);
        }
        let User { uid, label, roles, offices } = user;
        Ok(Visitor { label, roles, offices, certificate: None, user: Some(uid), cord: peer.cord().clone() })
    }

    /// A call of many pieces by a client that was let in.
    pub(super) fn stay(self: &Arc<Self>, visitor: Visitor) -> Stay {
        let visitors = self.clone();
        Stay { visitor, still: Arc::new(move |visitor| visitors.still(visitor)) }
    }

    /// Whether a client that was let in may go on.
    pub(super) fn still(&self, visitor: &Visitor) -> Result<(), Stranger> {
        let Some(certificate) = visitor.certificate else {
            let is_it = |user: &User| user.label == visitor.label && Some(user.uid) == visitor.user;
            let now = self.find(is_it).ok_or(Stranger::Unknown)?;
            // What was begun with a role that is gone ends.
            if !visitor.roles.is_subset(&now.roles) {
                return Err(Stranger::Changed);
            }
            let is_suspended = self.suspended.is_suspended(&visitor.label);
            return if is_suspended { Err(Stranger::Suspended) } else { Ok(()) };
        };
        let book = self.book().map_err(|_| Stranger::Unknown)?;
        let entered = book.iter().find(|client| client.certificate == certificate);
        match entered {
            None => Err(Stranger::Unknown),
            Some(client) if client.suspended => Err(Stranger::Suspended),
            Some(client) if client.valid_until <= self.clock.now() => Err(Stranger::Ended),
            Some(_) => Ok(()),
        }
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
