//! A draft in clearance: what is to be signed, what was signed of it, and where its documents are.
//!
//! A composed act enters, or the text of a file (`text`); a draft leaves whose address, dispatch, act and documents fit
//! together. Its bytes never change: signatures are over exactly these. Nothing is believed of its signatures here
//! (`standing`).

mod text;

use super::DraftRefusal;
use crate::consultation::act::Act;
use crate::desk::documents::{self, Source};
use crate::desk::error::DeskError;
use crate::digest::Digest;
use crate::limits;
use crate::message::dispatch::{Dispatch, Document};
use crate::message::header::Address;
use crate::message::terms::AuthenticationKind;
use crate::time::Timestamp;
use crate::trust::name::Name;

/// A draft in clearance, whole.
#[derive(Clone)]
pub struct DraftFile {
    address: Address,
    bytes: Vec<u8>,
    dispatch: Dispatch,
    act: Act,
    valid_until: Option<Timestamp>,
    /// One place for each authentication that the dispatch lists, in its order.
    pub(super) signatures: Vec<Option<Vec<u8>>>,
    sources: Vec<Source>,
}

impl DraftFile {
    /// A draft that nobody has signed.
    pub(super) fn unsigned(
        address: Address,
        dispatch: Dispatch,
        act: Act,
        valid_until: Option<Timestamp>,
        sources: Vec<Source>,
    ) -> Self {
        let signatures = vec![None; dispatch.authentications.len()];
        Self { address, bytes: dispatch.bytes(), dispatch, act, valid_until, signatures, sources }
    }

    /// A draft that every office has signed.
    pub(in crate::desk) fn signed(
        address: Address,
        dispatch: Dispatch,
        act: Act,
        valid_until: Timestamp,
        (sources, signatures): (Vec<Source>, Vec<Vec<u8>>),
    ) -> Self {
        let unsigned = Self::unsigned(address, dispatch, act, Some(valid_until), sources);
        Self { signatures: signatures.into_iter().map(Some).collect(), ..unsigned }
    }

    /// For each document whether it travels with the draft. Small ones do, so that it can be carried to another office;
    /// large files stay where they are.
    fn carried(&self) -> Vec<bool> {
        let mut room = limits::DRAFT_CARRIED_BYTES_MAX;
        let each = self.dispatch.documents.iter().zip(&self.sources).map(|(document, source)| {
            let rests = matches!(source, Source::File(_) | Source::Deposit(_));
            // One that is gone stays a path, under which it may be given back.
            let is_gone = matches!(source, Source::File(path) if !path.exists());
            if is_gone || rests && document.size > room {
                return false;
            }
            room = room.saturating_sub(document.size);
            true
        });
        each.collect()
    }

    /// Lets `keep` say where each document is from now on that does not travel with the draft.
    pub(in crate::desk) fn keep_large(
        &mut self,
        mut keep: impl FnMut(usize, &Document, &Source) -> Result<Source, DeskError>,
    ) -> Result<(), DeskError> {
        let carried = self.carried();
        let documents = self.dispatch.documents.iter().zip(self.sources.iter_mut()).zip(carried);
        for (place, ((document, source), is_carried)) in documents.enumerate() {
            if !is_carried {
                *source = keep(place, document, source)?;
            }
        }
        Ok(())
    }

    /// The same of every document that lies somewhere, however small it is.
    pub(in crate::desk) fn find_resting(
        &mut self,
        mut find: impl FnMut(usize, &Document, &Source) -> Result<Source, DeskError>,
    ) -> Result<(), DeskError> {
        let documents = self.dispatch.documents.iter().zip(self.sources.iter_mut()).enumerate();
        for (place, (document, source)) in documents {
            if matches!(source, Source::File(_) | Source::Deposit(_)) {
                *source = find(place, document, source)?;
            }
        }
        Ok(())
    }

    /// Whom it goes to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The exact bytes that are signed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of them, by which the register knows the draft.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// What they say.
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// The act.
    pub fn act(&self) -> &Act {
        &self.act
    }

    /// The signatures given so far, one place for each that the dispatch lists.
    pub fn signatures(&self) -> &[Option<Vec<u8>>] {
        &self.signatures
    }

    /// Puts a signature that was given elsewhere into the first place that lacks one of this kind by whom `is_wanted`
    /// takes. Whether it holds is not asked here.
    pub(in crate::desk) fn put_signature(
        &mut self,
        kind: AuthenticationKind,
        p7s: &[u8],
        is_wanted: impl Fn(&Name) -> bool,
    ) {
        let listed = self.dispatch.authentications.iter().zip(self.signatures.iter_mut());
        let mut open = listed.filter(|(expected, given)| {
            given.is_none() && expected.kind == kind && is_wanted(&expected.credential)
        });
        if let Some((_, place)) = open.next() {
            *place = Some(p7s.to_vec());
        }
    }

    /// All signatures, where every office has signed.
    pub(in crate::desk) fn complete(&self) -> Result<Vec<Vec<u8>>, DraftRefusal> {
        let all: Option<Vec<Vec<u8>>> = self.signatures.iter().cloned().collect();
        all.ok_or_else(|| DraftRefusal::Unsigned("some offices".to_owned()))
    }

    /// Where the plain documents are, in the order of the dispatch.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Not delivered after this, where the form said so.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// The words of the documents that are texts of moderate size.
    pub fn words(&self) -> Result<Vec<Option<String>>, DeskError> {
        documents::words(&self.dispatch.documents, &self.sources)
    }

    /// Takes over the signatures of another copy of the same draft, which went to other offices meanwhile.
    pub fn join(&mut self, other: &Self) -> Result<(), DraftRefusal> {
        if self.bytes != other.bytes {
            return Err(altered("the two files are not of one draft"));
        }
        for (ours, theirs) in self.signatures.iter_mut().zip(&other.signatures) {
            if ours.is_none() {
                ours.clone_from(theirs);
            }
        }
        Ok(())
    }
}

fn altered(detail: &str) -> DraftRefusal {
    DraftRefusal::Altered(detail.to_owned())
}

crate::consultation::opaque!(DraftFile);
