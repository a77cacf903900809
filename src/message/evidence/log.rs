//! What a receipt proves: that the log of one ministry about another holds the leaf, and that the other
//! ministry has cosigned the log as a whole, and when.
//!
//! The instant of a cosignature is stated by the ministry that did not write the log. At that instant keys and
//! certificates are judged, so that nobody can date a signature back alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::CLOCK_SKEW_MAX;
use crate::message::envelope::{parts_digest, signed_header_digest};
use crate::message::leaf::LeafMessage;
use crate::message::receipt::Receipt;
use crate::message::refusal::Refusal;
use crate::time::Timestamp;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::signed_note::{Note, SignatureLine};
use crate::tlog::tlog_proof::TlogProof;
use crate::tlog::verifier_key::{KeyName, VerifierKey};
use crate::trust::name::Ministry;

use super::paper::Paper;
use super::standing::{Doubt, Standing, Standings};

/// The outcome of looking at one receipt.
#[derive(Debug)]
pub(super) struct Logged {
    /// When the other ministry cosigned, and with which keys.
    pub(super) cosigned: Result<(Timestamp, Vec<VerifierKey>), Doubt>,
    /// The checkpoint that covers the leaf, and the key of the log under its origin.
    pub(super) included: Result<(Checkpoint, VerifierKey), Doubt>,
}

/// Both receipts of one message.
#[derive(Debug)]
pub(super) struct Proofs {
    /// In the sender's log, cosigned by the recipient.
    pub(super) sent: Logged,
    /// In the recipient's log, cosigned by the sender.
    pub(super) answer: Logged,
}

impl Proofs {
    /// Looks at the receipts of one message.
    pub(super) fn of(paper: &Paper, standings: &Standings) -> Self {
        let (sender, recipient) = (paper.sender(), paper.recipient());
        Self {
            sent: Logged::of(&paper.sent, sender, recipient, standings),
            answer: Logged::of(&paper.answer, recipient, sender, standings),
        }
    }

    /// The instant at which the sender's signatures are judged: when the recipient cosigned the sender's log.
    pub(super) fn judged_at(&self) -> Option<Timestamp> {
        self.sent.at()
    }
}

impl Logged {
    fn of(receipt: &Receipt, owner: &Ministry, peer: &Ministry, standings: &Standings) -> Self {
        let cosigned = standings.of(peer).and_then(|peer| peer.cosigned(&receipt.proof().checkpoint));
        // Without a cosignature the leaf's own time still tells which key the log had to use.
        let at = cosigned.as_ref().map_or(receipt.leaf().time, |(at, _)| *at);
        let included = standings.of(owner).and_then(|owner| included(receipt, owner, peer, at));
        Self { cosigned, included }
    }

    /// When the other ministry cosigned.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.cosigned.as_ref().ok().map(|(at, _)| *at)
    }

    /// The keys for `verify_proof.py`.
    pub(super) fn policy(&self) -> Option<String> {
        let ((_, cosigners), (_, log)) = (self.cosigned.as_ref().ok()?, self.included.as_ref().ok()?);
        let witnesses: String = cosigners.iter().map(|key| format!("witness {key}\n")).collect();
        Some(format!("log {log}\n{witnesses}"))
    }

    /// Whether every signature line and every byte of the proof was looked at: what nobody can check must not
    /// stand in evidence.
    pub(super) fn check_complete(&self, receipt: &Receipt) -> Result<(), Doubt> {
        let stranger = receipt.proof().checkpoint.signatures().iter().find(|line| !self.knows(line));
        match stranger {
            _ if !receipt.proof().extra.is_empty() => {
                Err(Doubt::refused("the proof carries data that nobody signed"))
            }
            Some(line) => Err(Doubt::refused(format!(
                "the checkpoint carries a line of an unknown key {:?}",
                line.name
            ))),
            None => Ok(()),
        }
    }

    /// The same receipt without what nobody who reads the file could check.
    pub(super) fn trimmed(&self, receipt: &Receipt) -> Result<Receipt, Refusal> {
        let note = &receipt.proof().checkpoint;
        let lines: String = note
            .signatures()
            .iter()
            .filter(|line| self.knows(line))
            .map(|line| format!("{line}\n"))
            .collect();
        // A note that lost lines of a good note is a good note.
        let checkpoint = Note::parse(&format!("{}\n{lines}", note.text())).unwrap_or_else(|_| note.clone());
        let proof = TlogProof { extra: Vec::new(), checkpoint, ..receipt.proof().clone() };
        Receipt::compose(receipt.leaf_bytes().to_vec(), proof)
    }

    fn knows(&self, line: &SignatureLine) -> bool {
        let cosigners = self.cosigned.iter().flat_map(|(_, keys)| keys);
        let log = self.included.iter().map(|(_, key)| key);
        cosigners.chain(log).any(|key| line.name == key.name && line.key_id == key.id())
    }
}

/// The commitments that leaves about this message must bear.
pub(super) fn commitments(paper: &Paper) -> LeafMessage {
    LeafMessage {
        id: paper.id(),
        envelope: signed_header_digest(paper.header.bytes(), &paper.signature),
        parts: parts_digest(paper.header.parts()),
    }
}

/// Whether the times that leaves and cosignatures state can be true, as far as `at`, the instant of the
/// verification, can tell.
pub(super) fn check_instants(paper: &Paper, proofs: &Proofs, at: Timestamp) -> Result<(), Doubt> {
    for (receipt, logged) in [(&paper.sent, &proofs.sent), (&paper.answer, &proofs.answer)] {
        let Some(cosigned) = logged.at() else { continue };
        if receipt.leaf().time > cosigned.after(CLOCK_SKEW_MAX) {
            return Err(Doubt::refused("a leaf states a later time than the cosignature that covers it"));
        }
        if cosigned > at.after(CLOCK_SKEW_MAX) {
            return Err(Doubt::Undecided(format!("the cosignature of {cosigned} is still to come at {at}")));
        }
    }
    if paper.header.position().release_time > paper.sent.leaf().time.after(CLOCK_SKEW_MAX) {
        return Err(Doubt::refused("the message was released after the sender's log took it"));
    }
    Ok(())
}

/// Whose keys stand under a receipt, of the keeper of the log and of who cosigned it, and when they were announced.
fn announcements<'a>(
    logged: &Logged,
    [keeper, cosigner]: [&'a Ministry; 2],
    standings: &Standings,
) -> Vec<(&'a Ministry, Timestamp)> {
    let (Ok((at, cosigners)), Ok((_, log))) = (&logged.cosigned, &logged.included) else { return Vec::new() };
    let owners = std::iter::once((keeper, log)).chain(cosigners.iter().map(|key| (cosigner, key)));
    let announced = owners.filter_map(|(ministry, key)| {
        standings.of(ministry).ok()?.announced_at(key, *at).map(|instant| (ministry, instant))
    });
    announced.collect()
}

/// Which bundles an evidence file needs, with the first instant at which each is used.
pub(super) fn used_bundles(
    papers: &[Paper],
    proofs: &[Proofs],
    standings: &Standings,
) -> BTreeMap<(Ministry, u64), Timestamp> {
    let mut used = BTreeMap::new();
    for (paper, proofs) in papers.iter().zip(proofs) {
        let instants: BTreeSet<Timestamp> = proofs.sent.at().into_iter().chain(proofs.answer.at()).collect();
        let parties = [paper.sender(), paper.recipient()].into_iter().cloned();
        let mut uses: BTreeSet<(Ministry, Timestamp)> =
            parties.flat_map(|party| instants.iter().map(move |at| (party.clone(), *at))).collect();
        let (sender, recipient) = (paper.sender(), paper.recipient());
        let sent = announcements(&proofs.sent, [sender, recipient], standings);
        let answer = announcements(&proofs.answer, [recipient, sender], standings);
        uses.extend(sent.into_iter().chain(answer).map(|(ministry, at)| (ministry.clone(), at)));
        let judged = paper.disclosed().zip(proofs.judged_at());
        uses.extend(judged.into_iter().flat_map(|(disclosure, at)| {
            let listed = disclosure.dispatch.dispatch().authentications.iter();
            listed.map(move |one| (one.credential.ministry().clone(), at))
        }));
        for (ministry, at) in uses {
            let Ok(bundle) = standings.of(&ministry).and_then(|standing| standing.in_force(at)) else {
                continue;
            };
            let first = used.entry((ministry, bundle.bundle().content().sequence)).or_insert(at);
            *first = at.min(*first);
        }
    }
    used
}

/// Believes the receipt if a log key that `owner` announced about `at` signed its checkpoint under the origin of
/// the log that it keeps about `peer`.
fn included(
    receipt: &Receipt,
    owner: &Standing,
    peer: &Ministry,
    at: Timestamp,
) -> Result<(Checkpoint, VerifierKey), Doubt> {
    let origin = origin(receipt, owner, peer, at)?;
    let mut doubt = Doubt::refused("the ministry announced no key for its log");
    for key in owner.log_keys(at)? {
        match receipt.verify(&origin, &key) {
            Ok(checkpoint) => return Ok((checkpoint, key.with_name(origin))),
            Err(refusal) => doubt = Doubt::refused(refusal.detail()),
        }
    }
    Err(doubt)
}

/// The name of the log that must hold the leaf. The log of a year may take a leaf that bears the date of the
/// year beside it, when both happen within the turn of the year.
fn origin(receipt: &Receipt, owner: &Standing, peer: &Ministry, at: Timestamp) -> Result<KeyName, Doubt> {
    let domain = owner.in_force(at)?.bundle().domain();
    let year = receipt.leaf().time.year();
    let claimed = receipt.proof().checkpoint.text().split('\n').next().unwrap_or_default();
    [year, year.saturating_sub(1), year.saturating_add(1)]
        .into_iter()
        .map(|year| domain.log_origin(peer, year))
        .find(|origin| origin == claimed)
        .and_then(|origin| KeyName::parse(&origin).ok())
        .ok_or_else(|| {
            Doubt::refused("the checkpoint is not of the log that this ministry keeps about the other one")
        })
}
