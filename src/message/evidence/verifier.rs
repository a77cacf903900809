//! Judges an evidence file: every binding between its pieces by itself, offline, at a given instant.
//!
//! No check relies on another one having passed: a proof may be good and be about another message, a signature
//! good and over another header. What holds is said; what does not is said first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use crate::limits;
use crate::message::id::MessageId;
use crate::message::leaf::LeafKind;
use crate::message::receipt::Receipt;
use crate::time::Timestamp;
use crate::trust::name::{Ministry, Name};
use crate::trust::policy::ChannelId;

use super::container::{Container, Fault};
use super::contents::{self, Planned, Whole};
use super::disclosure::Disclosure;
use super::findings::Findings;
use super::log::{self, Logged, Proofs};
use super::paper::{AnswerKind, Paper};
use super::reading;
use super::report::{Check, MessageReport, MinistryReport, Report};
use super::standing::{Doubt, Standings, TrustBasis};

/// Verifies an evidence file at the instant `at` against what the caller trusts.
pub fn verify<R: Read + Seek>(source: R, basis: &TrustBasis, at: Timestamp) -> Report {
    let judged = Container::open(source).and_then(|mut container| judge(&mut container, basis, at));
    judged.unwrap_or_else(Report::of_fault)
}

/// The README of an evidence file: how to check it without Chancery. It says nothing about whether the file is
/// good; none where the file cannot be read.
pub fn readme<R: Read + Seek>(source: R) -> Option<String> {
    let mut container = Container::open(source).ok()?;
    let text = container.read(contents::README, limits::EVIDENCE_README_BYTES_MAX).ok()?;
    String::from_utf8(text).ok()
}

fn judge<R: Read + Seek>(
    container: &mut Container<R>,
    basis: &TrustBasis,
    at: Timestamp,
) -> Result<Report, Fault> {
    let bundles = reading::bundles(container)?;
    let standings = Standings::new(bundles, basis).map_err(Fault::damaged)?;
    let papers = reading::papers(container)?;
    let proofs: Vec<Proofs> = papers.iter().map(|paper| Proofs::of(paper, &standings)).collect();
    let used = log::used_bundles(&papers, &proofs, &standings);
    let whole = Whole { standings: &standings, papers: &papers, proofs: &proofs, used: &used };
    let planned = whole.entries();
    let found = Findings::of(container, &papers, &planned)?;
    let sequence = Sequence::of(&papers);
    let message = |(paper, proofs)| report_on(paper, proofs, &standings, &found, &sequence, at);
    let ministry = |(ministry, standing): (&Ministry, &super::standing::Standing)| MinistryReport {
        ministry: ministry.clone(),
        fingerprint: standing.fingerprint(),
        vouched_by: standing.vouched_by(basis),
    };
    Ok(Report {
        checks: vec![
            Check::new("container", Ok("the zip file has the one layout of evidence".to_owned())),
            Check::new("entries", check_entries(container.names(), &papers, &planned)),
            Check::new("bundles", check_bundles(&standings, &used)),
            Check::new(
                "guide",
                found.equal(|name| !name.starts_with(super::paper::MESSAGES)).map(|()| {
                    "README, manifest, scripts and certificates say what the messages and bundles say"
                        .to_owned()
                }),
            ),
        ],
        messages: papers.iter().zip(&proofs).map(message).collect(),
        ministries: standings.iter().map(ministry).collect(),
    })
}

/// Every entry is expected, in its place, and none is missing.
fn check_entries(names: &[String], papers: &[Paper], planned: &[Planned]) -> Result<String, Doubt> {
    if papers.iter().any(|paper| matches!(paper.disclosure, Some(Err(_)))) {
        return Err(Doubt::refused("which entries there must be is unknown: a disclosed dispatch is broken"));
    }
    let expected: BTreeSet<&str> = planned.iter().map(|entry| entry.name.as_str()).collect();
    let found: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    if let Some(name) = expected.difference(&found).next() {
        return Err(Doubt::refused(format!("{name} is missing")));
    }
    if let Some(name) = found.difference(&expected).next() {
        return Err(Doubt::refused(format!("{name:?} does not belong into this file")));
    }
    if !names.iter().eq(planned.iter().map(|entry| &entry.name)) {
        return Err(Doubt::refused("the entries are not in their order"));
    }
    Ok(format!("all {} entries are expected", names.len()))
}

/// Every bundle serves a message; one that serves none was never verified.
fn check_bundles(
    standings: &Standings,
    used: &BTreeMap<(Ministry, u64), Timestamp>,
) -> Result<String, Doubt> {
    for (ministry, standing) in standings.iter() {
        for bundle in standing.bundles() {
            let sequence = bundle.bundle().content().sequence;
            if !used.contains_key(&(ministry.clone(), sequence)) {
                let doubt = used.values().next().map(|at| standing.in_force(*at).err());
                let why = match doubt.flatten() {
                    Some(Doubt::Refused(why) | Doubt::Undecided(why)) => format!(": {why}"),
                    None => String::new(),
                };
                return Err(Doubt::refused(format!(
                    "bundle {sequence} of {ministry} serves no message{why}"
                )));
            }
        }
    }
    Ok("every bundle was in force when it was needed, signed under the root of its ministry".to_owned())
}

/// The messages by their places in the sequences of pairs.
#[derive(Debug)]
struct Sequence(BTreeMap<(ChannelId, Ministry, Ministry, u64), BTreeSet<MessageId>>);

impl Sequence {
    fn of(papers: &[Paper]) -> Self {
        let mut places: BTreeMap<_, BTreeSet<MessageId>> = BTreeMap::new();
        for paper in papers {
            let place = Self::place(paper, paper.header.position().sequence);
            places.entry(place).or_default().insert(paper.id());
        }
        Self(places)
    }

    fn place(paper: &Paper, sequence: u64) -> (ChannelId, Ministry, Ministry, u64) {
        let channel = paper.header.address().channel.clone();
        (channel, paper.sender().clone(), paper.recipient().clone(), sequence)
    }

    fn check(&self, paper: &Paper) -> Result<String, Doubt> {
        let position = paper.header.position();
        let at_place = |sequence| self.0.get(&Self::place(paper, sequence));
        if at_place(position.sequence).is_some_and(|ids| ids.len() > 1) {
            return Err(Doubt::refused(format!("two messages bear the number {}", position.sequence)));
        }
        let Some(previous) = position.previous else {
            return Ok("it is the first of its sequence".to_owned());
        };
        let before = position.sequence.saturating_sub(1);
        match at_place(before) {
            Some(ids) if !ids.contains(&previous) => {
                Err(Doubt::refused(format!("it names another message {before} than the one in this file")))
            }
            Some(_) => Ok(format!("it names message {before} of this file as the one before it")),
            None => Ok(format!("message {before}, which it names, is not in this file")),
        }
    }
}

fn report_on(
    paper: &Paper,
    proofs: &Proofs,
    standings: &Standings,
    found: &Findings,
    sequence: &Sequence,
    at: Timestamp,
) -> MessageReport {
    let mut checks = vec![Check::new("header-signature", check_signature(paper, proofs, standings))];
    checks.extend(commitment_checks(paper));
    checks.extend((0..paper.header.parts().len()).map(|part| {
        let finding = found.parts.get(&(paper.id(), part)).cloned();
        let finding =
            finding.unwrap_or_else(|| Err(Doubt::refused(format!("sealed part {part} is missing"))));
        Check::new(format!("part-{part}"), finding.map(|()| format!("sealed part {part} is the header's")))
    }));
    let answer = paper.answer_kind.word();
    checks.extend(receipt_checks(
        "sent",
        &paper.sent,
        &proofs.sent,
        paper.sent.leaf().kind == LeafKind::Sent,
    ));
    let answers = AnswerKind::of(paper.answer.leaf().kind) == Some(paper.answer_kind);
    checks.extend(receipt_checks(answer, &paper.answer, &proofs.answer, answers));
    let instants = log::check_instants(paper, proofs, at);
    checks.push(Check::new("instants", instants.map(|()| "the times can be true".to_owned())));
    checks.push(Check::new("sequence", sequence.check(paper)));
    let (own, disclosed) = (paper.entry(""), paper.entry("disclosed/"));
    let policies = found.equal(|name| name.starts_with(&own) && !name.starts_with(&disclosed));
    let policies = policies.map(|()| "the policies name the keys that the ministries announced".to_owned());
    checks.push(Check::new("policies", policies));
    checks.extend(disclosure_checks(paper, proofs, standings, found));
    MessageReport {
        reference: paper.reference(),
        id: paper.id(),
        sender: paper.sender().clone(),
        recipient: paper.recipient().clone(),
        answer: paper.answer_kind,
        judged_at: proofs.judged_at(),
        is_disclosed: paper.disclosure.is_some(),
        checks,
    }
}

fn check_signature(paper: &Paper, proofs: &Proofs, standings: &Standings) -> Result<String, Doubt> {
    let at = judged_at(proofs)?;
    let standing = standings.of(paper.sender())?;
    let signed = standing.signed(paper.header.bytes(), &paper.signature, at)?;
    let registry = Name::Registry { ministry: paper.sender().clone() };
    signed.require_name(&registry).map_err(Doubt::of)?;
    Ok(format!("{registry} signed the header, with a certificate that was good at {at}"))
}

fn judged_at(proofs: &Proofs) -> Result<Timestamp, Doubt> {
    let unknown = "it cannot be judged: no cosignature of the recipient states the time";
    proofs.judged_at().ok_or_else(|| Doubt::refused(unknown))
}

/// That both leaves are about this very message: its header, its signature and its parts.
fn commitment_checks(paper: &Paper) -> Vec<Check> {
    let expected = log::commitments(paper);
    let mut checks = Vec::new();
    for (stem, receipt) in [("sent", &paper.sent), (paper.answer_kind.word(), &paper.answer)] {
        let stated = receipt.leaf().message;
        let mut bound = |binding: &str, what: &str, holds: bool| {
            let finding = if holds {
                Ok(format!("the {stem} leaf states {what} of this message"))
            } else {
                Err(Doubt::refused(format!("the {stem} leaf states {what} of another message")))
            };
            checks.push(Check::new(format!("{stem}-{binding}"), finding));
        };
        bound("message-id", "the id", stated.is_some_and(|leaf| leaf.id == expected.id));
        let envelope = stated.is_some_and(|leaf| leaf.envelope == expected.envelope);
        bound("envelope-digest", "header and signature", envelope);
        bound("parts-digest", "the sealed parts", stated.is_some_and(|leaf| leaf.parts == expected.parts));
    }
    checks
}

fn receipt_checks(stem: &str, receipt: &Receipt, logged: &Logged, fits: bool) -> Vec<Check> {
    let kind = if fits {
        Ok(format!("the leaf says: {} at {}", receipt.leaf().kind.word(), receipt.leaf().time))
    } else {
        Err(Doubt::refused(format!("the leaf says {}, not {stem}", receipt.leaf().kind.word())))
    };
    let included = logged.included.as_ref().map_err(Clone::clone).map(|(checkpoint, _)| {
        let index = receipt.proof().index;
        format!("{} holds the leaf at index {index} of {}", checkpoint.origin, checkpoint.size)
    });
    let cosigned = logged.cosigned.as_ref().map_err(Clone::clone).map(|(at, keys)| {
        let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        format!("{} cosigned the checkpoint at {at}", names.join(" and "))
    });
    let complete = logged.check_complete(receipt).map(|()| "every line of the proof was checked".to_owned());
    vec![
        Check::new(format!("{stem}-leaf"), kind),
        Check::new(format!("{stem}-in-log"), included),
        Check::new(format!("{stem}-cosigned"), cosigned),
        Check::new(format!("{stem}-complete"), complete),
    ]
}

fn disclosure_checks(paper: &Paper, proofs: &Proofs, standings: &Standings, found: &Findings) -> Vec<Check> {
    let disclosure: &Disclosure = match &paper.disclosure {
        None => return Vec::new(),
        Some(Err(why)) => return vec![Check::new("dispatch-opens", Err(Doubt::refused(why.clone())))],
        Some(Ok(disclosure)) => disclosure,
    };
    let opens = Ok("the disclosed key opens the first part, which is a dispatch".to_owned());
    let address = disclosure.check_header(&paper.header);
    let shown = found.equal(|name| name.starts_with(&paper.entry("disclosed/")));
    let shown = shown.map(|()| "the shown dispatch and signatures are those of the sealed part".to_owned());
    let mut checks = vec![
        Check::new("dispatch-opens", opens),
        Check::new("dispatch-shown", shown),
        Check::new("dispatch-address", address.map(|()| "the dispatch is bound to this address".to_owned())),
    ];
    checks.extend((0..disclosure.dispatch.authentications().len()).map(|number| {
        let finding = judged_at(proofs)
            .and_then(|at| disclosure.check_authentication(number, paper.sender(), standings, at));
        let name = format!("authentication-{}", number.saturating_add(1));
        match disclosure.is_protective() {
            true => Check::dispensable(name, finding),
            false => Check::new(name, finding),
        }
    }));
    checks.extend(paper.keys.keys().filter(|part| **part > 0).map(|part| {
        let missing = || Err(Doubt::refused("the dispatch names no such document"));
        let finding = found.documents.get(&(paper.id(), *part)).cloned().unwrap_or_else(missing);
        let sentence = "the key opens the part, and the shown document is the one the dispatch names";
        Check::new(format!("document-{part}"), finding.map(|()| sentence.to_owned()))
    }));
    checks
}
