//! Writes evidence files.
//!
//! Either side has what it takes: the signed headers, the sealed parts and both receipts under checkpoints that
//! the other side has cosigned. What is disclosed is opened here from the sealed parts themselves, so that
//! nothing else can be shown. Whoever writes a file should verify it before handing it out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::limits;
use crate::message::header::Header;
use crate::message::receipt::Receipt;
use crate::message::refusal::Refusal;
use crate::message::seal::FileKey;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;

use super::container::ContainerWriter;
use super::contents::{Content, Planned, Whole};
use super::disclosure::{self, Disclosure, Measured};
use super::log::{self, Proofs};
use super::paper::{AnswerKind, Paper};
use super::standing::{Doubt, Standings, TrustBasis};

/// Where the bytes of a sealed part come from: a file, or a cursor over bytes.
pub trait PartSource: Read + Seek + Send {}

impl<Source: Read + Seek + Send> PartSource for Source {}

/// One message to be put into an evidence file.
pub struct Exhibit<'a> {
    /// The header with its exact bytes.
    pub header: Header,
    /// The registry's signature over it.
    pub signature: Vec<u8>,
    /// The sealed parts, all of them, in order.
    pub parts: Vec<Box<dyn PartSource + 'a>>,
    /// The leaf of the sender's log, under a checkpoint that the recipient has cosigned.
    pub sent: Receipt,
    /// The leaf of the recipient's log, under a checkpoint that the sender has cosigned.
    pub answer: Receipt,
    /// The keys of the parts to be disclosed, by number. Documents need the dispatch, part 0.
    pub disclosed: BTreeMap<usize, FileKey>,
}

impl fmt::Debug for Exhibit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exhibit({})", self.header.id())
    }
}

/// Why no evidence file was written. What the sink has received is then to be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// No message, or too many.
    #[error("an evidence file holds 1 to {max} messages, not {0}", max = limits::EVIDENCE_MESSAGES_MAX)]
    Count(usize),
    /// More entries than a zip file without further fields counts.
    #[error("so many messages with so many documents make {0} entries, and an evidence file holds {max}: \
             write several files", max = limits::EVIDENCE_ENTRIES_MAX)]
    Entries(usize),
    /// Two messages would bear the same name.
    #[error("two messages are {0}")]
    Twice(String),
    /// The sealed parts are not the header's.
    #[error("{reference}: sealed part {part} is not the one that the header names")]
    Part {
        /// The message.
        reference: String,
        /// Number of the part.
        part: usize,
    },
    /// The second receipt is no answer of the recipient.
    #[error("{0}: the recipient's receipt says neither that it was received nor that it was rejected")]
    Answer(String),
    /// A receipt is not shown by a cosigned checkpoint under the bundles that were given.
    #[error("{reference}: the {leaf} receipt is no evidence yet: {why}")]
    Receipt {
        /// The message.
        reference: String,
        /// Which of the two receipts.
        leaf: &'static str,
        /// What is wrong.
        why: String,
    },
    /// What is to be disclosed does not open.
    #[error("{reference}: part {part} cannot be disclosed: {why}")]
    Disclosure {
        /// The message.
        reference: String,
        /// Number of the part.
        part: usize,
        /// What is wrong.
        why: String,
    },
    /// The bundles do not fit together, or one is missing.
    #[error("the trust bundles do not suffice: {0}")]
    Bundles(String),
    /// Reading or writing failed.
    #[error("reading or writing failed: {0}")]
    Io(#[from] io::Error),
}

impl WriteError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Count(_) => "EVIDENCE_COUNT",
            Self::Entries(_) => "EVIDENCE_ENTRIES",
            Self::Twice(_) => "EVIDENCE_TWICE",
            Self::Part { .. } => "PART_MISMATCH",
            Self::Answer(_) => "EVIDENCE_ANSWER",
            Self::Receipt { .. } => "EVIDENCE_RECEIPT",
            Self::Disclosure { .. } => "EVIDENCE_DISCLOSURE",
            Self::Bundles(_) => "EVIDENCE_BUNDLES",
            Self::Io(_) => "EVIDENCE_IO",
        }
    }
}

/// Writes an evidence file over `exhibits`, in their order, and returns the sink. Of `bundles` those are taken
/// that were in force when the messages were logged; the others may be given as well.
pub fn write<Sink: Write + Seek>(
    sink: Sink,
    exhibits: Vec<Exhibit<'_>>,
    bundles: Vec<SignedBundle>,
) -> Result<Sink, WriteError> {
    if exhibits.is_empty() || exhibits.len() > limits::EVIDENCE_MESSAGES_MAX {
        return Err(WriteError::Count(exhibits.len()));
    }
    let (mut papers, mut sources) = (Vec::new(), Vec::new());
    for exhibit in exhibits {
        let (paper, parts) = take(exhibit)?;
        papers.push(paper);
        sources.push(parts);
    }
    check_references(&papers)?;
    let mut standings = Standings::new(bundles, &TrustBasis::default()).map_err(WriteError::Bundles)?;
    keep_what_is_used(&papers, &mut standings)?;
    let proofs = papers
        .iter_mut()
        .map(|paper| prove(paper, &standings))
        .collect::<Result<Vec<Proofs>, WriteError>>()?;
    let used = log::used_bundles(&papers, &proofs, &standings);
    let whole = Whole { standings: &standings, papers: &papers, proofs: &proofs, used: &used };
    let entries = whole.entries();
    check_counts(used.len(), entries.len())?;
    let mut container = ContainerWriter::new(sink)?;
    for entry in entries {
        write_entry(&mut container, entry, &papers, &mut sources)?;
    }
    Ok(container.finish()?)
}

/// Nothing is written that would be refused when it is read.
pub(super) fn check_counts(bundles: usize, entries: usize) -> Result<(), WriteError> {
    let most = limits::EVIDENCE_BUNDLES_MAX;
    if bundles > most {
        return Err(WriteError::Bundles(format!("{bundles} are needed, and an evidence file holds {most}")));
    }
    if entries > limits::EVIDENCE_ENTRIES_MAX { Err(WriteError::Entries(entries)) } else { Ok(()) }
}

type Parts<'a> = Vec<Box<dyn PartSource + 'a>>;

/// Takes an exhibit apart and opens the dispatch if it is to be disclosed.
fn take(exhibit: Exhibit<'_>) -> Result<(Paper, Parts<'_>), WriteError> {
    let Exhibit { header, signature, mut parts, sent, answer, disclosed: keys } = exhibit;
    let reference = super::paper::reference(&header);
    if parts.len() != header.parts().len() {
        return Err(WriteError::Part { reference, part: parts.len() });
    }
    let answer_kind =
        AnswerKind::of(answer.leaf().kind).ok_or_else(|| WriteError::Answer(reference.clone()))?;
    let disclosure = if keys.is_empty() {
        None
    } else {
        let opened = open_dispatch(&header, &mut parts, &keys);
        Some(Ok(opened.map_err(|why| WriteError::Disclosure { reference, part: 0, why })?))
    };
    Ok((Paper { header, signature, sent, answer, answer_kind, keys, disclosure }, parts))
}

fn open_dispatch(
    header: &Header,
    parts: &mut Parts<'_>,
    keys: &BTreeMap<usize, FileKey>,
) -> Result<Disclosure, String> {
    let (Some(part), Some(source), Some(key)) = (header.parts().first(), parts.first_mut(), keys.get(&0))
    else {
        return Err("the dispatch must be disclosed before any document".to_owned());
    };
    if !disclosure::may_hold_dispatch(part) {
        return Err("it is too large to hold a dispatch".to_owned());
    }
    let mut sealed = Vec::new();
    let read = source.seek(SeekFrom::Start(0)).and_then(|_| source.take(part.size).read_to_end(&mut sealed));
    read.map_err(|error| error.to_string())?;
    let opened = Disclosure::open(&sealed, key)?;
    match keys.keys().find(|part| **part > 0 && opened.document(**part).is_none()) {
        Some(part) => Err(format!("the dispatch names no document that is part {part}")),
        None => Ok(opened),
    }
}

fn check_references(papers: &[Paper]) -> Result<(), WriteError> {
    let mut seen = BTreeSet::new();
    for paper in papers {
        if !seen.insert(paper.reference()) {
            return Err(WriteError::Twice(paper.reference()));
        }
    }
    Ok(())
}

/// Drops the bundles that no message needs, after making sure that each one needed is there.
fn keep_what_is_used(papers: &[Paper], standings: &mut Standings) -> Result<(), WriteError> {
    let mut proofs = Vec::new();
    for paper in papers {
        let needed: BTreeSet<&Ministry> =
            [paper.sender(), paper.recipient()].into_iter().chain(credentials(paper)).collect();
        for ministry in needed {
            standings.of(ministry).map_err(|doubt| WriteError::Bundles(sentence(doubt)))?;
        }
        proofs.push(Proofs::of(paper, standings));
    }
    let used = log::used_bundles(papers, &proofs, standings);
    standings.retain(|ministry, sequence| used.contains_key(&(ministry.clone(), sequence)));
    Ok(())
}

fn credentials(paper: &Paper) -> impl Iterator<Item = &Ministry> {
    let listed = paper.disclosed().map(|disclosure| &disclosure.dispatch.dispatch().authentications);
    listed.into_iter().flatten().map(|one| one.credential.ministry())
}

/// Makes sure that both receipts prove something, and takes out of them what the file's readers cannot check.
fn prove(paper: &mut Paper, standings: &Standings) -> Result<Proofs, WriteError> {
    let proofs = Proofs::of(paper, standings);
    let reference = paper.reference();
    let answer = paper.answer_kind.word();
    for (leaf, logged) in [("sent", &proofs.sent), (answer, &proofs.answer)] {
        let refused = |why: String| WriteError::Receipt { reference: reference.clone(), leaf, why };
        if let Some(doubt) = logged.cosigned.as_ref().err().or(logged.included.as_ref().err()) {
            return Err(refused(sentence(doubt.clone())));
        }
    }
    let refused = |leaf| {
        let reference = reference.clone();
        move |cause: Refusal| WriteError::Receipt { reference, leaf, why: cause.to_string() }
    };
    paper.sent = proofs.sent.trimmed(&paper.sent).map_err(refused("sent"))?;
    paper.answer = proofs.answer.trimmed(&paper.answer).map_err(refused(answer))?;
    Ok(proofs)
}

fn sentence(doubt: Doubt) -> String {
    match doubt {
        Doubt::Refused(why) | Doubt::Undecided(why) => why,
    }
}

fn write_entry<Sink: Write + Seek>(
    container: &mut ContainerWriter<Sink>,
    entry: Planned,
    papers: &[Paper],
    sources: &mut [Parts<'_>],
) -> Result<(), WriteError> {
    let Planned { name, content } = entry;
    let (message, part, opens) = match content {
        Content::Bytes(bytes) => return Ok(container.add(&name, &bytes)?),
        Content::Part(message, part) => (message, part, false),
        Content::Document(message, part) => (message, part, true),
    };
    let source = sources.get_mut(message).and_then(|parts| parts.get_mut(part));
    let (Some(paper), Some(source)) = (papers.get(message), source) else { return Ok(()) };
    source.seek(SeekFrom::Start(0))?;
    if opens {
        write_document(container, &name, paper, part, source)
    } else {
        write_part(container, &name, paper, part, source)
    }
}

fn write_part<Sink: Write + Seek>(
    container: &mut ContainerWriter<Sink>,
    name: &str,
    paper: &Paper,
    part: usize,
    source: &mut dyn PartSource,
) -> Result<(), WriteError> {
    let other = || WriteError::Part { reference: paper.reference(), part };
    let listed = paper.header.parts().get(part).ok_or_else(other)?;
    container.add_with(name, listed.size, |sink| {
        let mut measured = Measured::default();
        // One byte more is asked for, so that a part that goes on is noticed.
        let mut source = source.take(listed.size.saturating_add(1));
        io::copy(&mut source, &mut Both { first: sink, second: &mut measured })?;
        if measured.is(listed.digest, listed.size) { Ok(()) } else { Err(other()) }
    })
}

fn write_document<Sink: Write + Seek>(
    container: &mut ContainerWriter<Sink>,
    name: &str,
    paper: &Paper,
    part: usize,
    source: &mut dyn PartSource,
) -> Result<(), WriteError> {
    let refused = |why| WriteError::Disclosure { reference: paper.reference(), part, why };
    let document = paper.disclosed().and_then(|disclosure| disclosure.document(part));
    let (Some(document), Some(key)) = (document, paper.keys.get(&part)) else { return Ok(()) };
    container.add_with(name, document.size, |sink| {
        disclosure::open_document(source, key, document, sink).map_err(refused)
    })
}

/// Writes everything twice.
struct Both<'a> {
    first: &'a mut dyn Write,
    second: &'a mut Measured,
}

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.first.write(bytes)?;
        self.second.write_all(bytes.get(..count).unwrap_or(bytes))?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.first.flush()
    }
}
