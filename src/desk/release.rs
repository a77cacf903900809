//! Release: a composed draft is numbered, signed, sealed and registered. Nothing has left this desk then.
//!
//! Compositions with their positions enter; registered copies leave, for several drafts in one transaction. The
//! formal numbers are reserved before anything is signed under them; one that is never bound stays void.

use std::fs::{self, File};
use std::io::{BufWriter, Read};
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::{Composition, Origin, bears_number};
use crate::desk::documents::Source;
use crate::desk::draft::{DraftFile, DraftRefusal};
use crate::desk::error::DeskError;
use crate::desk::keys::{Keys, Office};
use crate::desk::owed::Shortfall;
use crate::desk::progress::{Meter, Metered, Stage};
use crate::desk::register::{Marks, OwedEntry, SentEntry, SentState};
use crate::digest::Digest;
use crate::limits;
use crate::message::dispatch::{Dispatch, SignedDispatch};
use crate::message::envelope::{Envelope, inline_parts};
use crate::message::header::{Address, Header, Part, Position};
use crate::message::seal::{self, Recipient};
use crate::time::Timestamp;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;
use crate::trust::signature::{self, Signer};

/// A sealed part, ready to travel.
struct SealedPart {
    part: Part,
    content: Vec<u8>,
}

/// A release under way: some drafts that are registered together.
pub(super) struct Release<'a> {
    desk: &'a Desk,
    trust: &'a Trust,
    keys: &'a Keys,
    now: Timestamp,
    /// The next of the formal numbers reserved for it.
    next_number: u32,
    /// What becomes true when it is registered.
    marks: Marks,
    /// Copies of each draft.
    released: Vec<Vec<SentEntry>>,
    /// Who may open what was sealed last: most drafts of a release go to the same ministries.
    opened_by: (Vec<Ministry>, Vec<Recipient>),
}

impl<'a> Release<'a> {
    /// Opens the keys that are to sign, and reserves the formal numbers.
    pub(super) fn begin<'b>(
        desk: &'a Desk,
        trust: &'a Trust,
        keys: &'a Keys,
        drafts: impl Iterator<Item = &'b Composition> + Clone,
    ) -> Result<Self, DeskError> {
        // Opened before a number is reserved: a wrong passphrase must not leave a void number behind.
        for office in drafts.clone().flat_map(offices) {
            keys.office(office)?;
        }
        keys.registry()?;
        let now = desk.clock.now();
        // A draft in clearance got its number when it was composed.
        let drafts = drafts.filter(|draft| !has_signed(draft));
        let bearing = drafts.filter(|draft| bears_number(draft.dispatch.form)).count();
        let next_number = match u32::try_from(bearing).unwrap_or(u32::MAX) {
            0 => 0,
            count => desk.register.reserve_formal_numbers(now.year(), count)?,
        };
        let (marks, released, opened_by) = (Marks::default(), Vec::new(), Default::default());
        Ok(Self { desk, trust, keys, now, next_number, marks, released, opened_by })
    }

    /// Takes up what becomes true besides when it is registered; to be called before anything is signed.
    pub(super) fn mark(&mut self, marks: Marks) {
        self.marks = marks;
    }

    /// Numbers, signs and seals one draft; its copies are not registered yet.
    pub(super) fn sign_and_seal(
        &mut self,
        composition: Composition,
        positions: Vec<Position>,
    ) -> Result<&[SentEntry], DeskError> {
        self.sign_and_seal_owing(composition, positions, ((0, self.now.minute()), Vec::new()))
    }

    /// The same where some are owed a copy, each for a reason, under the act number and release time of all copies.
    pub(super) fn sign_and_seal_owing(
        &mut self,
        composition: Composition,
        positions: Vec<Position>,
        (told, shortfalls): ((u64, Timestamp), Vec<Shortfall>),
    ) -> Result<&[SentEntry], DeskError> {
        let Composition {
            address, mut dispatch, act, sources, offices, numbered, valid_until, origin, ..
        } = composition;
        let (bytes, authentications, number) = match &origin {
            Origin::Draft(draft, number) => (draft.bytes().to_vec(), draft.complete()?, *number),
            Origin::Owed(draft, _) => (draft.bytes().to_vec(), draft.complete()?, None),
            Origin::Form | Origin::Answer(..) => {
                let number = self.number(&mut dispatch);
                let bytes = dispatch.bytes();
                let authentications = self.sign_all(&bytes, &offices)?;
                (bytes, authentications, number)
            }
        };
        let digest = Digest::of(&bytes);
        for errand in self.marks.errands.iter_mut().filter(|errand| errand.subject.is_empty()) {
            // What came of it is found by its consultation, and told from others there by its digest.
            errand.subject = [digest.as_bytes().as_slice(), address.consultation.as_bytes()].concat();
        }
        self.marks.numbers.extend(number.map(|number| (number, digest)));
        if !shortfalls.is_empty() {
            let kept = (sources.clone(), authentications.clone());
            let draft = DraftFile::signed(address.clone(), dispatch.clone(), act, valid_until, kept);
            self.owe(draft, (numbered, told), shortfalls)?;
        }
        match origin {
            Origin::Form => {}
            Origin::Owed(_, recipient) => self.marks.paid.push((digest, recipient)),
            Origin::Draft(..) => self.marks.drafts.push(digest),
            Origin::Answer(message, kind) => self.marks.answers.push((message, kind, digest)),
        }
        if positions.is_empty() {
            self.released.push(Vec::new());
            return Ok(&[]);
        }
        let sealed_dispatch = SignedDispatch::compose(bytes, authentications)?.encode();
        self.find_recipients(&positions)?;
        let digests: Vec<Digest> = dispatch.documents.iter().map(|document| document.digest).collect();
        let sizes: Vec<u64> = dispatch.documents.iter().map(|document| document.size).collect();
        let parts = self.desk.seal(&sealed_dispatch, &sources, &sizes, &digests, &self.opened_by.1)?;
        let headers: Vec<Part> = parts.iter().map(|sealed| sealed.part).collect();
        let contents: Vec<Vec<u8>> = parts.into_iter().map(|sealed| sealed.content).collect();
        let copy = |position| self.copy(&address, position, digest, &headers, &contents);
        let copies = positions.iter().map(copy).collect::<Result<Vec<_>, _>>()?;
        self.released.push(copies);
        Ok(self.released.last().map(Vec::as_slice).unwrap_or_default())
    }

    /// What will be owed when it is registered.
    pub(super) fn owed(&self) -> &[OwedEntry] {
        &self.marks.owed
    }

    /// Registers all of it in one transaction. For each draft its copies.
    pub(super) fn register(self) -> Result<Vec<Vec<SentEntry>>, DeskError> {
        if self.desk.register.release_with(self.released.iter().flatten(), &self.marks)? {
            return Ok(self.released);
        }
        // Somebody else was faster: nothing of this one was registered.
        Err(match self.marks.answers.first() {
            Some((message, ..)) => DeskError::AnsweredBefore(*message),
            None => DraftRefusal::AlreadyReleased.into(),
        })
    }

    /// Keeps a signed dispatch for those who cannot be sent a copy now, sealed to the own reading keys. Its large
    /// documents are taken into keeping afterwards: nothing waits for them, and nothing fails for want of room.
    fn owe(
        &mut self,
        draft: DraftFile,
        (numbered, (act_number, release_time)): (bool, (u64, Timestamp)),
        shortfalls: Vec<Shortfall>,
    ) -> Result<(), DeskError> {
        let sealed = self.desk.seal_to_itself(self.trust, &draft)?;
        let address = draft.address();
        let owed = shortfalls.into_iter().map(|shortfall| OwedEntry {
            dispatch: draft.digest(),
            recipient: shortfall.recipient,
            channel: address.channel.to_string(),
            consultation: address.consultation.clone(),
            act_number,
            awaits_number: numbered && act_number == 0,
            release_time,
            reason: shortfall.reason,
            sealed: sealed.clone(),
            not_before: Timestamp::from_seconds(0),
        });
        self.marks.owed.extend(owed);
        Ok(())
    }

    /// Gives a dispatch the next of the reserved formal numbers, if it bears one.
    fn number(&mut self, dispatch: &mut Dispatch) -> Option<(i16, u32)> {
        let number = bears_number(dispatch.form).then_some((self.now.year(), self.next_number))?;
        dispatch.formal_number = self.desk.formal_number(number.0, number.1);
        self.next_number = self.next_number.saturating_add(1);
        Some(number)
    }

    /// The signatures of all offices over the same bytes, in their order; where no office stands, the registry's.
    fn sign_all(&self, bytes: &[u8], offices: &[Option<Office>]) -> Result<Vec<Vec<u8>>, DeskError> {
        let each = offices.iter().map(|office| match office {
            Some(office) => sign(bytes, self.keys.office(office)?.as_ref(), self.now),
            None => sign(bytes, self.keys.registry()?.as_ref(), self.now),
        });
        each.collect()
    }

    /// Everybody who is to open it: the addressees' reading keys and our own.
    fn find_recipients(&mut self, positions: &[Position]) -> Result<(), DeskError> {
        let own = &self.desk.config.ministry;
        let ministries = positions.iter().map(|position| &position.recipient).chain([own]);
        if ministries.clone().eq(&self.opened_by.0) {
            return Ok(());
        }
        let mut recipients = Vec::new();
        for ministry in ministries.clone() {
            recipients.extend(recipients_of(ministry, self.trust.bundle_in_force(ministry, self.now)?)?);
        }
        self.opened_by = (ministries.cloned().collect(), recipients);
        Ok(())
    }

    /// One copy: its header, the registry's signature over it, and the parts.
    fn copy(
        &self,
        address: &Address,
        position: &Position,
        dispatch_digest: Digest,
        headers: &[Part],
        contents: &[Vec<u8>],
    ) -> Result<SentEntry, DeskError> {
        let header = Header::compose(address, position, headers)?;
        let signature = sign(header.bytes(), self.keys.registry()?.as_ref(), self.now)?;
        let envelope = Envelope::compose(header, signature, contents.to_vec())?;
        let bytes = envelope.encode();
        Ok(SentEntry::of((&envelope, bytes), dispatch_digest, SentState::Released))
    }
}

/// The offices whose keys a release needs; those of a draft have signed.
fn offices(draft: &Composition) -> impl Iterator<Item = &Office> {
    draft.offices.iter().flatten().filter(|_| !has_signed(draft))
}

/// Whether its offices have signed it and its formal number stands in it.
fn has_signed(draft: &Composition) -> bool {
    matches!(draft.origin, Origin::Draft(..) | Origin::Owed(..))
}

fn recipients_of(ministry: &Ministry, bundle: &SignedBundle) -> Result<Vec<Recipient>, DeskError> {
    let parse = |key: &String| {
        Recipient::parse(key)
            .map_err(|cause| DeskError::Trust(format!("a reading key of {ministry}: {cause}")))
    };
    bundle.bundle().content().reading_keys.iter().map(parse).collect()
}

impl Desk {
    /// Seals the dispatch and every document. What does not fit into the envelope stays in the parts folder
    /// under its digest until the gateway has it; what fits never touches the disk by itself.
    fn seal(
        &self,
        dispatch: &[u8],
        sources: &[Source],
        sizes: &[u64],
        digests: &[Digest],
        recipients: &[Recipient],
    ) -> Result<Vec<SealedPart>, DeskError> {
        let sealed = seal::seal(dispatch, recipients, self.entropy.as_ref()).map_err(unsealable)?;
        let part = Part { digest: Digest::of(&sealed.bytes), size: sealed.bytes.len() as u64 };
        // Which parts are inline follows from their sizes, and those from the plain ones.
        let mut planned = vec![part];
        planned.extend(
            sizes
                .iter()
                .map(|size| Part { digest: part.digest, size: seal::sealed_size(*size, recipients.len()) }),
        );
        let inline = inline_parts(&planned);
        let mut parts = vec![SealedPart { part, content: sealed.bytes }];
        let documents = sources.iter().zip(sizes).zip(digests).zip(inline.into_iter().skip(1));
        for (((source, size), digest), inline) in documents {
            let (sealed, plain_digest) = match inline {
                true => self.seal_inline(source, *size, recipients)?,
                false => self.seal_document(source, *size, recipients)?,
            };
            if plain_digest != *digest {
                return Err(DeskError::Draft("a document changed while it was being sent".to_owned()));
            }
            parts.push(sealed);
        }
        Ok(parts)
    }

    /// Seals a small document in memory; with the digest of what was read.
    fn seal_inline(
        &self,
        source: &Source,
        size: u64,
        recipients: &[Recipient],
    ) -> Result<(SealedPart, Digest), DeskError> {
        // One byte more than it had when it was measured would show that it has grown.
        let room = size.saturating_add(1);
        let mut plain = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or(0)));
        source.open()?.take(room).read_to_end(&mut plain).map_err(|cause| source.unreadable(cause))?;
        let content = seal::seal(&plain, recipients, self.entropy.as_ref()).map_err(unsealable)?.bytes;
        let part = Part { digest: Digest::of(&content), size: content.len() as u64 };
        Ok((SealedPart { part, content }, Digest::of(&plain)))
    }

    /// Seals a document into the parts folder; with the digest of what was read.
    fn seal_document(
        &self,
        source: &Source,
        size: u64,
        recipients: &[Recipient],
    ) -> Result<(SealedPart, Digest), DeskError> {
        let folder = self.config.parts();
        fs::create_dir_all(&folder).map_err(DeskError::file(&folder))?;
        let file = tempfile::NamedTempFile::new_in(&folder).map_err(DeskError::file(&folder))?;
        let sink = BufWriter::with_capacity(limits::PIECE_BYTES_MAX, file.as_file());
        let plain = Metered::new(source.open()?, Meter::new(&self.progress, Stage::Sealing, size));
        let sealed = seal::seal_stream(plain, size, sink, recipients, self.entropy.as_ref());
        let sealed = sealed.map_err(unsealable)?;
        file.as_file().sync_all().map_err(DeskError::file(&folder))?;
        let path = self.part_path(&sealed.sealed_digest);
        file.persist(&path).map_err(|cause| DeskError::file(&path)(cause.error))?;
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(DeskError::file(&folder))?;
        let part = Part { digest: sealed.sealed_digest, size: sealed.sealed_size };
        Ok((SealedPart { part, content: Vec::new() }, sealed.plain_digest))
    }

    /// A signed draft, sealed to the own reading keys.
    pub(super) fn seal_to_itself(&self, trust: &Trust, draft: &DraftFile) -> Result<Vec<u8>, DeskError> {
        let text = Zeroizing::new(draft.text()?);
        let own = recipients_of(&self.config.ministry, &trust.own)?;
        Ok(seal::seal(text.as_bytes(), &own, self.entropy.as_ref()).map_err(unsealable)?.bytes)
    }

    /// Where a sealed part rests that is too large for its envelope.
    pub(super) fn part_path(&self, digest: &Digest) -> PathBuf {
        self.config.parts().join(format!("{digest}.age"))
    }
}

fn unsealable(cause: seal::SealError) -> DeskError {
    DeskError::Draft(format!("sealing failed: {cause}"))
}

fn sign(bytes: &[u8], signer: &dyn Signer, at: Timestamp) -> Result<Vec<u8>, DeskError> {
    signature::sign(bytes, signer, at).map_err(|cause| DeskError::Trust(cause.to_string()))
}
