//! Persons: references minted for a consultation, and names shown to an office that may know them.
//!
//! A reference is random and belongs to one consultation; the desk remembers for which it minted it (PRV-02). A name is
//! shown to an office that works on cases, on its request and no other way. The office signs for what it asked, and
//! that is kept, sealed, before anything is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use data_encoding::BASE64;

use super::Contents;
use super::index::KnownName;
use super::shelf::Shelf;
use super::wax::Wax;
use crate::consultation::act::Act;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::time::Timestamp;
use crate::trust::name::{Authority, Name};
use crate::trust::signature;

/// Whoever drafts, clears or releases works on cases; registries, seals and witnesses need no names.
const MAY_KNOW_NAMES: [Authority; 6] = [
    Authority::Draft,
    Authority::Clear,
    Authority::ClearLegal,
    Authority::Release,
    Authority::ReleaseProtective,
    Authority::Conclude,
];

/// That an office asked who a person is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// When.
    pub at: Timestamp,
    /// Which office.
    pub office: String,
    /// Whose names, as the reference; a message whose act names nobody or cannot be read, by its id.
    pub person: String,
    /// The client through which it asked; none for an officer at the desk itself.
    pub client: Option<String>,
    /// Whether the office's signature over it holds.
    pub signed: bool,
}

impl Desk {
    /// Mints a reference for a person in a consultation, and remembers it.
    pub fn mint_person(
        &self,
        trust: &Trust,
        keys: &Keys,
        consultation: &ConsultationId,
    ) -> Result<PersonRef, DeskError> {
        self.grow_casebook(trust, keys)?;
        let no_entropy = |cause: crate::entropy::NoEntropy| DeskError::Draft(cause.to_string());
        let wax = Wax::of(keys.reading()?);
        let mut shelf = Shelf::open(&self.config.casebook())?;
        let open = shelf.take()?;
        let mut contents = Contents::of(&open, &wax)?.unwrap_or_default();
        let mut person = PersonRef::mint(self.entropy.as_ref()).map_err(no_entropy)?;
        while contents.index.knows(&person) || person.coincides_with(consultation) {
            person = PersonRef::mint(self.entropy.as_ref()).map_err(no_entropy)?;
        }
        contents.index.minted.insert(person, consultation.text());
        contents.write_index(&open, &wax, self.entropy.as_ref())?;
        open.commit(&contents.place, &wax)?;
        self.memory.forget();
        Ok(person)
    }

    /// Whether an office of this desk works on cases, so that it may know who a person is.
    pub fn may_know_names(&self, keys: &Keys, office: &str) -> bool {
        let offices = keys.offices();
        offices
            .is_ok_and(|known| known.values().any(|one| one.label() == office && may_know(&one.authorities)))
    }

    /// The names of a person, for an office that may know them. That it asked is kept first.
    pub fn names_of(
        &self,
        trust: &Trust,
        keys: &Keys,
        person: &PersonRef,
        office: &str,
    ) -> Result<Vec<KnownName>, DeskError> {
        let index = self.casebook(trust, keys)?;
        self.sign_for(keys, (office, None), &[person.text()])?;
        Ok(index.names.get(person).into_iter().flat_map(BTreeMap::keys).cloned().collect())
    }

    /// Keeps that an office that may know asks who is meant by a message: by its persons, or by `message` itself where
    /// it names none or cannot be read. Whoever shows what tells it has called this first; `client` is through whom it
    /// asks.
    pub fn ask_who(
        &self,
        keys: &Keys,
        (office, client): (&str, Option<&str>),
        act: Option<&Act>,
        message: &str,
    ) -> Result<(), DeskError> {
        let persons: BTreeSet<PersonRef> = act.into_iter().flat_map(Act::persons).collect();
        let mut asked: Vec<String> = persons.iter().map(PersonRef::text).collect();
        if asked.is_empty() {
            asked.push(message.to_owned());
        }
        self.sign_for(keys, (office, client), &asked)
    }

    /// The office signs for each of whom it asks, and that is kept.
    fn sign_for(
        &self,
        keys: &Keys,
        (office, client): (&str, Option<&str>),
        asked: &[String],
    ) -> Result<(), DeskError> {
        let offices = keys.offices()?;
        let known = offices.values().find(|known| known.label() == office);
        let known = known.filter(|known| may_know(&known.authorities));
        let known = known.ok_or_else(|| DeskError::NotForNames(office.to_owned()))?;
        let now = self.clock.now();
        let signer = keys.office(known)?;
        for one in asked {
            let statement = statement(now, &known.name, one, client);
            let signed = signature::sign(statement.as_bytes(), signer.as_ref(), now)
                .map_err(|cause| DeskError::Trust(cause.to_string()))?;
            self.note_lookup(keys, &format!("{statement}{}\n", BASE64.encode(&signed)))?;
        }
        Ok(())
    }

    /// Who asked for names, oldest first.
    pub fn lookups(&self, trust: &Trust, keys: &Keys) -> Result<Vec<Lookup>, DeskError> {
        let wax = Wax::of(keys.reading()?);
        let folder = self.config.lookups();
        let mut paths: Vec<_> = match fs::read_dir(&folder) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(cause) => return Err(DeskError::file(&folder)(cause)),
        };
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "age"));
        paths.sort();
        let anchors = trust.signing_anchors(&self.config.ministry)?;
        let read = |path: &std::path::PathBuf| -> Result<Lookup, DeskError> {
            let sealed = fs::read(path).map_err(DeskError::file(path))?;
            let damaged = || DeskError::Trust(format!("{}: not what this desk wrote", path.display()));
            let plain = wax.open(&sealed).ok_or_else(damaged)?;
            let text = std::str::from_utf8(&plain).map_err(|_| damaged())?;
            let lines: Vec<&str> = text.lines().collect();
            let (said, signed) = lines.split_at_checked(lines.len().saturating_sub(1)).ok_or_else(damaged)?;
            let (at, office, person, client) = match said {
                [at, office, person] => (at, office, person, None),
                [at, office, person, client] => (at, office, person, Some((*client).to_owned())),
                _ => return Err(damaged()),
            };
            let at = Timestamp::parse(at).ok_or_else(damaged)?;
            let signed = BASE64.decode(signed.concat().as_bytes()).map_err(|_| damaged())?;
            let words = said.iter().fold(String::new(), |words, line| format!("{words}{line}\n"));
            let signed = signature::verify(words.as_bytes(), &signed, anchors, at)
                .is_ok_and(|signature| signature.name().to_string() == *office);
            Ok(Lookup { at, office: (*office).to_owned(), person: (*person).to_owned(), client, signed })
        };
        paths.iter().map(read).collect()
    }

    fn note_lookup(&self, keys: &Keys, text: &str) -> Result<(), DeskError> {
        let sealed = Wax::of(keys.reading()?).seal(text.as_bytes(), self.entropy.as_ref())?;
        let folder = self.config.lookups();
        let digest = crate::digest::Digest::of(&sealed).hex();
        let beginning = digest.get(..16).unwrap_or_default();
        // The time orders them, and tells no more than the time of the file does.
        let name = format!("{:012}-{beginning}.age", self.clock.now().seconds());
        self.keep(&folder.join(name), &sealed)
    }
}

/// Whether an office with these authorities may know who a person is.
pub(in crate::desk) fn may_know(authorities: &std::collections::BTreeSet<Authority>) -> bool {
    MAY_KNOW_NAMES.iter().any(|authority| authorities.contains(authority))
}

/// What the office signs.
fn statement(at: Timestamp, office: &Name, asked: &str, client: Option<&str>) -> String {
    let through = client.map_or_else(String::new, |client| format!("{client}\n"));
    format!("{at}\n{office}\n{asked}\n{through}")
}
