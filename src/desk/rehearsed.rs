//! What nobody but a rehearsal makes a desk do: release what its own rules forbid, sign through hands that four eyes
//! keep apart, declare another past than it has, use a number twice, judge by a charter that nobody concluded, and
//! leave on the way what has not arrived yet.
//!
//! A draft and directions enter; a directed composition leaves, with everything that the rules find in it, and goes all
//! the same. It is signed, sealed, registered and sent like any other: what is rehearsed is what the others make of it.
//! What must never happen: that a command of an officer comes here. The test of the layers sees to it that this file is
//! named in the rooms `desk` and `rehearsal` alone.

use std::path::Path;

use crate::consultation::charter::Charter;
use crate::consultation::rules::Finding;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::authorities;
use crate::desk::compose::Composition;
use crate::desk::error::DeskError;
use crate::desk::form::draft::Draft;
use crate::desk::keys::Keys;
use crate::desk::mailbox::Mailbox;
use crate::desk::numbering::ActNumber;
use crate::desk::register::{Marks, Place, SentEntry};
use crate::desk::signatories::Wishes;
use crate::message::dispatch::{Basis, ExpectedAuthentication};
use crate::message::header::Address;
use crate::message::id::MessageId;
use crate::message::terms::AuthenticationKind;
use crate::trust::name::Name;

/// What a desk is told to do otherwise than it would.
#[derive(Debug, Clone, Default)]
pub struct Directions {
    /// Who signs, in order; where a desk may choose so, it does.
    pub authentications: Vec<ExpectedAuthentication>,
    /// What it declares to have known; none for all that it knows.
    pub basis: Option<Vec<Basis>>,
    /// The act number it bears; none for the next one.
    pub act_number: Option<u64>,
}

/// A composition that goes whatever the rules found.
pub struct Directed {
    composition: Composition,
    act_number: Option<u64>,
}

impl Directed {
    /// Its address.
    pub fn address(&self) -> &Address {
        &self.composition.address
    }

    /// What the rules found.
    pub fn findings(&self) -> &[Finding] {
        &self.composition.findings
    }
}

impl Desk {
    /// The same desk, as if the parties of every channel had concluded this charter before.
    pub fn supposing(self, charter: Charter) -> Self {
        Self { supposed: Some(charter), ..self }
    }

    /// Composes a draft as directed; `folder` is where the paths in it begin.
    pub fn direct(
        &self,
        trust: &Trust,
        keys: &Keys,
        draft: &Draft,
        folder: &Path,
        directions: Directions,
    ) -> Result<Directed, DeskError> {
        let Directions { authentications, basis, act_number } = directions;
        let composed = self.compose_with(trust, keys, draft, folder, &wishes(&authentications));
        let mut composition = match composed {
            // Offices that may not sign so do it all the same, and the rules say what stands against it.
            Err(DeskError::FourEyes | DeskError::NoOffice(_) | DeskError::NotAuthorised { .. }) => {
                self.compose(trust, keys, draft, folder, None)?
            }
            composed => composed?,
        };
        let basis = basis.unwrap_or_else(|| composition.dispatch.basis.clone());
        let as_directed =
            composition.dispatch.authentications == authentications && composition.dispatch.basis == basis;
        if !as_directed {
            let offices = keys.offices()?;
            let office = |one: &ExpectedAuthentication| match &one.credential {
                Name::Office { .. } => match offices.get(&one.credential) {
                    Some(office) => Ok(Some(office.clone())),
                    None => Err(DeskError::NoOffice(one.kind.word())),
                },
                _ => Ok(None),
            };
            composition.offices = authentications.iter().map(office).collect::<Result<_, DeskError>>()?;
            composition.dispatch.authentications = authentications;
            composition.dispatch.basis = basis;
            composition.findings = self.judged_again(trust, keys, &composition)?;
        }
        Ok(Directed { composition, act_number })
    }

    fn judged_again(
        &self,
        trust: &Trust,
        keys: &Keys,
        composition: &Composition,
    ) -> Result<Vec<Finding>, DeskError> {
        let Composition { address, dispatch, act, sources, .. } = composition;
        let facts = authorities::at_this_desk(keys.offices()?.as_ref(), &dispatch.authentications);
        let last = self.register.last_formal_number(self.clock.now().year())?;
        self.judge_own(trust, keys, (address, dispatch, act), sources, &facts, last)
    }

    /// Sends what was directed, whatever the rules found in it.
    pub async fn send_directed(
        &self,
        trust: &Trust,
        keys: &Keys,
        directed: Directed,
    ) -> Result<Vec<SentEntry>, DeskError> {
        let Directed { composition, act_number } = directed;
        let act_number = act_number.map_or(ActNumber::Next, ActNumber::Directed);
        self.release(trust, keys, (composition, act_number, Marks::default()), |_| {}).await
    }

    /// Fetches those messages that have arrived; the others stay in the gateway, as if they were still on their way.
    pub async fn fetch_arrived(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        has_arrived: impl Fn(&MessageId) -> bool,
    ) -> Result<(), DeskError> {
        let (mut seen, mut front) = (self.register.place()?, None);
        let (mut entries, mut in_front) = (Vec::new(), true);
        loop {
            let listed = mailbox.list_received(&seen).await?;
            for message in listed.messages {
                let entry = self.take(trust, message)?;
                seen = Place { epoch: listed.epoch, cursor: entry.cursor, message: Some(entry.id) };
                in_front &= has_arrived(&entry.id);
                if in_front {
                    front = Some(seen);
                }
                if has_arrived(&entry.id) {
                    entries.push(entry);
                }
            }
            if !listed.more {
                break;
            }
        }
        match front {
            Some(front) => {
                self.register.receive_page(&entries, &front)?;
                mailbox.acknowledge(front.epoch, front.cursor).await
            }
            // The first of them has not arrived: what stands behind it is listed again.
            None => Ok(entries.iter().try_for_each(|entry| self.register.receive(entry).map(|_| ()))?),
        }
    }
}

/// Whom a desk would have to prefer to sign as directed.
fn wishes(authentications: &[ExpectedAuthentication]) -> Wishes {
    let label = |one: &ExpectedAuthentication| match &one.credential {
        Name::Office { label, .. } => Some(label.as_str().to_owned()),
        _ => None,
    };
    let clearing = authentications.iter().filter(|one| one.kind == AuthenticationKind::Clearance);
    Wishes {
        prefer: authentications.iter().filter_map(label).collect(),
        clear: clearing.filter_map(label).collect(),
    }
}

crate::consultation::opaque!(Directed);
