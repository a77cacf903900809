//! Sending: signs, seals, registers and submits a composed draft.
//!
//! The order is the guarantee. Numbers are reserved, the offices sign, everything is sealed, the registry
//! signs one header for each addressee, and all of it is durable in the register before the first byte is
//! submitted. After a crash the same bytes go again; a number is never used for other bytes.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

use crate::consultation::rules;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::{Composition, bears_number};
use crate::desk::documents::Source;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::mailbox::{Mailbox, ReportedState};
use crate::desk::progress::{Meter, Metered, Stage};
use crate::desk::register::{LastSent, SentEntry, SentState};
use crate::digest::Digest;
use crate::limits;
use crate::message::dispatch::SignedDispatch;
use crate::message::envelope::{Envelope, inline_parts};
use crate::message::header::{Header, Part, Position};
use crate::message::id::MessageId;
use crate::message::leaf::LeafKind;
use crate::message::seal::{self, Recipient};
use crate::trust::signature::{self, Signer};

/// Two releases at once would reach for the same numbers.
pub(super) const RELEASE_LOCK: &str = "release.lock";

/// A sealed part, ready to travel.
struct SealedPart {
    part: Part,
    content: Vec<u8>,
}

impl Desk {
    /// Sends a composed draft to all its addressees. Returns what is registered, one entry for each copy, each in
    /// the own gateway's custody; a copy stays `Released` where the gateway went away before it took it.
    pub async fn send(
        &self,
        trust: &Trust,
        keys: &Keys,
        composition: Composition,
    ) -> Result<Vec<SentEntry>, DeskError> {
        if rules::forbids(&composition.findings) {
            return Err(DeskError::Forbidden(composition.findings));
        }
        // Held until everything is submitted: two releases at once must not reach for the same numbers.
        let _released_alone = self.hold(RELEASE_LOCK).await?;
        let mut mailbox = self.mailbox(keys).await?;
        self.hand_over(trust, &mut mailbox).await?;
        let positions = self.positions(trust, &mut mailbox, &composition).await?;
        let entries = self.release(trust, keys, composition, positions)?;
        self.register.release(&entries)?;
        let mut sent = Vec::with_capacity(entries.len());
        let mut refused = None;
        for entry in entries {
            sent.push(match self.submit(trust, &mut mailbox, entry.clone()).await {
                // Registered, so the next command hands over the same bytes; sending it anew would be a second one.
                Err(failure) if failure.is_passing() => entry,
                Err(failure @ DeskError::GatewayRefused { .. }) => {
                    refused = Some(failure);
                    entry
                }
                submitted => submitted?,
            });
        }
        // Only when copies to others had their turn.
        refused.map_or(Ok(sent), Err)
    }

    /// Submits again what was registered but, for all this desk knows, never reached the gateway. What the
    /// gateway does not take yet waits, and does not hold up messages to others.
    pub async fn resume(&self, trust: &Trust, mailbox: &mut Mailbox) -> Result<(), DeskError> {
        let _released_alone = self.hold(RELEASE_LOCK).await?;
        self.hand_over(trust, mailbox).await
    }

    /// The next position towards each addressee, by what the gateway holds and what the register says.
    async fn positions(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        composition: &Composition,
    ) -> Result<Vec<Position>, DeskError> {
        let address = &composition.address;
        let release_time = self.clock.now().minute();
        let act_number = match composition.numbered {
            true => self.register.last_act_number_signed(&address.consultation)?.saturating_add(1),
            false => 0,
        };
        let mut positions = Vec::new();
        for addressee in &address.addressees {
            let recipient = addressee.ministry.clone();
            let (held, last_id) = mailbox.position(address.channel.as_str(), &recipient).await?;
            let last = self.register.last_sent(address.channel.as_str(), &recipient)?;
            let sent = last.as_ref().map_or(0, |last| last.sequence);
            if let Some(LastSent { id, state: SentState::Released | SentState::Void, reason, .. }) = last {
                return Err(DeskError::Stuck { id, recipient, reason });
            }
            let (held, last_id) = match held < sent {
                // It was restored from an older copy, and what its peer cannot give back is here.
                true => {
                    self.hand_back(trust, mailbox, &recipient).await?;
                    mailbox.position(address.channel.as_str(), &recipient).await?
                }
                false => (held, last_id),
            };
            if held < sent {
                return Err(DeskError::GatewayRolledBack { recipient, held, sent });
            }
            if held > sent {
                return Err(DeskError::RegisterBehind { recipient, held, sent });
            }
            positions.push(Position {
                recipient,
                sequence: held.saturating_add(1),
                previous: last_id,
                act_number,
                release_time,
                valid_until: composition.valid_until,
            });
        }
        Ok(positions)
    }

    /// Numbers, signs and seals. Nothing has left this desk when this returns.
    fn release(
        &self,
        trust: &Trust,
        keys: &Keys,
        composition: Composition,
        positions: Vec<Position>,
    ) -> Result<Vec<SentEntry>, DeskError> {
        let Composition { address, mut dispatch, sources, offices, .. } = composition;
        let now = self.clock.now();
        // Opened before a number is reserved: a wrong passphrase must not leave a void number behind.
        let signers = offices
            .iter()
            .map(|office| office.as_ref().map(|office| keys.office(office)).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let registry = keys.registry()?;
        let year = now.year();
        let mut reserved = None;
        if bears_number(dispatch.form) {
            let number = self.register.reserve_formal_number(year)?;
            dispatch.formal_number = self.formal_number(year, number);
            reserved = Some(number);
        }
        let bytes = dispatch.bytes();
        let mut authentications = Vec::with_capacity(signers.len());
        for signer in &signers {
            let signer: &dyn Signer = signer.as_deref().unwrap_or(registry);
            authentications.push(sign(&bytes, signer, now)?);
        }
        let digest = Digest::of(&bytes);
        let sealed_dispatch = SignedDispatch::compose(bytes, authentications)?.encode();
        let recipients = self.recipients(trust, &positions)?;
        let digests: Vec<Digest> = dispatch.documents.iter().map(|document| document.digest).collect();
        let sizes: Vec<u64> = dispatch.documents.iter().map(|document| document.size).collect();
        let parts = self.seal(&sealed_dispatch, &sources, &sizes, &digests, &recipients)?;
        let headers: Vec<Part> = parts.iter().map(|sealed| sealed.part).collect();
        let contents: Vec<Vec<u8>> = parts.into_iter().map(|sealed| sealed.content).collect();
        let mut entries = Vec::with_capacity(positions.len());
        for position in positions {
            let header = Header::compose(&address, &position, &headers)?;
            let signature = sign(header.bytes(), registry, now)?;
            let envelope = Envelope::compose(header, signature, contents.clone())?;
            entries.push(SentEntry {
                id: envelope.id(),
                channel: address.channel.to_string(),
                recipient: position.recipient.clone(),
                consultation: address.consultation.clone(),
                sequence: position.sequence,
                act_number: position.act_number,
                release_time: position.release_time,
                dispatch_digest: digest,
                envelope: envelope.encode(),
                state: SentState::Released,
                reason: String::new(),
                submission_receipt: Vec::new(),
                delivery_receipt: Vec::new(),
            });
        }
        if let Some(number) = reserved {
            self.register.bind_formal_number(year, number, &digest)?;
        }
        Ok(entries)
    }

    /// Everybody who is to open it: the addressees' reading keys and our own.
    fn recipients(&self, trust: &Trust, positions: &[Position]) -> Result<Vec<Recipient>, DeskError> {
        let own = &self.config.ministry;
        let mut recipients = Vec::new();
        for ministry in positions.iter().map(|position| &position.recipient).chain([own]) {
            for key in &trust.bundle_in_force(ministry, self.clock.now())?.bundle().content().reading_keys {
                let recipient = Recipient::parse(key)
                    .map_err(|cause| DeskError::Trust(format!("a reading key of {ministry}: {cause}")))?;
                recipients.push(recipient);
            }
        }
        Ok(recipients)
    }

    /// Seals the dispatch and every document. What does not fit into the envelope stays in the parts folder
    /// under its digest until the gateway has it.
    fn seal(
        &self,
        dispatch: &[u8],
        sources: &[Source],
        sizes: &[u64],
        digests: &[Digest],
        recipients: &[Recipient],
    ) -> Result<Vec<SealedPart>, DeskError> {
        let unsealable = |cause: seal::SealError| DeskError::Draft(format!("sealing failed: {cause}"));
        let sealed = seal::seal(dispatch, recipients, self.entropy.as_ref()).map_err(unsealable)?;
        let part = Part { digest: Digest::of(&sealed.bytes), size: sealed.bytes.len() as u64 };
        let mut parts = vec![SealedPart { part, content: sealed.bytes }];
        let mut files: Vec<PathBuf> = vec![PathBuf::new()];
        for ((source, size), digest) in sources.iter().zip(sizes).zip(digests) {
            let (sealed, path) = self.seal_document(source, *size, recipients)?;
            if sealed.plain_digest != *digest {
                return Err(DeskError::Draft("a document changed while it was being sent".to_owned()));
            }
            let part = Part { digest: sealed.sealed_digest, size: sealed.sealed_size };
            parts.push(SealedPart { part, content: Vec::new() });
            files.push(path);
        }
        let headers: Vec<Part> = parts.iter().map(|sealed| sealed.part).collect();
        for ((sealed, path), inline) in parts.iter_mut().zip(files).zip(inline_parts(&headers)).skip(1) {
            if inline {
                sealed.content = fs::read(&path).map_err(DeskError::file(&path))?;
                fs::remove_file(&path).map_err(DeskError::file(&path))?;
            }
        }
        Ok(parts)
    }

    fn seal_document(
        &self,
        source: &Source,
        size: u64,
        recipients: &[Recipient],
    ) -> Result<(seal::SealedStream, PathBuf), DeskError> {
        let folder = self.config.parts();
        fs::create_dir_all(&folder).map_err(DeskError::file(&folder))?;
        let file = tempfile::NamedTempFile::new_in(&folder).map_err(DeskError::file(&folder))?;
        let sink = BufWriter::with_capacity(limits::PIECE_BYTES_MAX, file.as_file());
        let plain = Metered::new(source.open()?, Meter::new(&self.progress, Stage::Sealing, size));
        let sealed = seal::seal_stream(plain, size, sink, recipients, self.entropy.as_ref())
            .map_err(|cause| DeskError::Draft(format!("sealing failed: {cause}")))?;
        file.as_file().sync_all().map_err(DeskError::file(&folder))?;
        let path = self.part_path(&sealed.sealed_digest);
        file.persist(&path).map_err(|cause| DeskError::file(&path)(cause.error))?;
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(DeskError::file(&folder))?;
        Ok((sealed, path))
    }

    /// Where a sealed part rests that is too large for its envelope.
    pub(super) fn part_path(&self, digest: &Digest) -> PathBuf {
        self.config.parts().join(format!("{digest}.age"))
    }

    /// Asks the gateway what became of everything that is under way, and keeps verified receipts.
    pub async fn refresh_sent(&self, trust: &Trust, mailbox: &mut Mailbox) -> Result<(), DeskError> {
        if let Some(_released_alone) = self.try_hold(RELEASE_LOCK)? {
            self.hand_over(trust, mailbox).await?;
        }
        let under_way: Vec<SentEntry> = self
            .register
            .sent()?
            .into_iter()
            .filter(|entry| {
                matches!(entry.state, SentState::Queued | SentState::Expired | SentState::Withdrawn)
            })
            .collect();
        if under_way.is_empty() {
            return Ok(());
        }
        for entry in under_way.iter().filter(|entry| entry.state == SentState::Queued) {
            self.mend(mailbox, entry).await?;
        }
        let ids: Vec<_> = under_way.iter().map(|entry| entry.id).collect();
        for (entry, report) in under_way.iter().zip(mailbox.sent(&ids).await?) {
            // A message that our log calls expired may still have been rejected by the peer.
            let (state, kinds): (SentState, &[LeafKind]) = match report.state {
                ReportedState::Queued => continue,
                ReportedState::Unknown => {
                    match self.submit_again(trust, mailbox, entry).await {
                        // What became of the others is asked for all the same.
                        Err(failure) if failure.is_passing() => {}
                        handed_back => handed_back?,
                    }
                    continue;
                }
                ReportedState::Delivered => (SentState::Delivered, &[LeafKind::Received]),
                ReportedState::Rejected => (SentState::Rejected, &[LeafKind::Rejected]),
                ReportedState::Expired => (SentState::Expired, &[LeafKind::Expired, LeafKind::Rejected]),
                ReportedState::Withdrawn => {
                    (SentState::Withdrawn, &[LeafKind::Withdrawn, LeafKind::Rejected])
                }
            };
            let envelope = Envelope::parse(&entry.envelope)?;
            let (submission, delivery) = (&report.submission_receipt, &report.delivery_receipt);
            let proven = self
                .prove_as(trust, &envelope, delivery, kinds)
                .and_then(|_| self.prove_as(trust, &envelope, submission, &[LeafKind::Sent]));
            match proven {
                Ok(_) => self.register.note_sent(&entry.id, state, &report.reason, submission, delivery)?,
                // One that proves nothing is noted and stays under way; it must not hold up the others.
                Err(DeskError::Refused(refusal)) => {
                    let reason = refusal.reason().word();
                    self.register.note_sent(&entry.id, entry.state, reason, &[], &[])?;
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Waits until a copy is delivered, rejected or expired, asking again and again for at most `patience`.
    pub async fn wait(
        &self,
        trust: &Trust,
        keys: &Keys,
        id: &MessageId,
        patience: Duration,
    ) -> Result<Option<SentEntry>, DeskError> {
        let mut mailbox = self.mailbox(keys).await?;
        let settled = async {
            loop {
                match self.refresh_sent(trust, &mut mailbox).await {
                    // It may come back within the time there is.
                    Err(failure) if !failure.is_passing() => return Err(failure),
                    _ => {}
                }
                let entry = self.register.sent()?.into_iter().find(|entry| entry.id == *id);
                match entry {
                    Some(entry) if !matches!(entry.state, SentState::Queued | SentState::Released) => {
                        return Ok(entry);
                    }
                    Some(_) => tokio::time::sleep(limits::WAIT_PAUSE).await,
                    None => return Err(DeskError::NoSuchMessage(id.to_string())),
                }
            }
        };
        match tokio::time::timeout(patience, settled).await {
            Ok(entry) => entry.map(Some),
            Err(_) => Ok(None),
        }
    }
}

fn sign(bytes: &[u8], signer: &dyn Signer, at: crate::time::Timestamp) -> Result<Vec<u8>, DeskError> {
    signature::sign(bytes, signer, at).map_err(|cause| DeskError::Trust(cause.to_string()))
}
