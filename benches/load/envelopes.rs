//! Real envelopes, made beforehand and kept between runs: an act of 2 KiB, signed by its offices, padded and
//! sealed to both ministries anew for every message, under a header that follows the one before it and bears
//! the registry's signature.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chancery::desk::form::draft::IdsOnly;
use chancery::desk::form::parse::parse;
use chancery::digest::Digest;
use chancery::entropy::SystemEntropy;
use chancery::message::dispatch::SignedDispatch;
use chancery::message::envelope::Envelope;
use chancery::message::header::{Address, Header, Part, Position};
use chancery::message::id::MessageId;
use chancery::message::seal::{self, Recipient};
use chancery::time::{Clock, SystemClock, Timestamp};
use chancery::trust::signature;

use crate::Outcome;
use crate::stage::Stage;

/// Envelopes that end sooner than this are made anew.
const LEAST_VALIDITY: Duration = Duration::from_secs(24 * 3600);

/// One envelope and its id.
pub type Made = (MessageId, Vec<u8>);

/// What all envelopes of a run are made of.
pub struct Mint {
    folder: PathBuf,
    address: Address,
    plain: Vec<u8>,
    recipients: Vec<Recipient>,
    valid_until: Timestamp,
    /// How many of each channel were taken in this run.
    taken: BTreeMap<usize, usize>,
}

impl Mint {
    /// Composes the act as the sender's desk does, and has its offices sign.
    pub fn open(stage: &Stage) -> Outcome<Self> {
        let folder = stage.cache.join("envelopes");
        fs::create_dir_all(&folder)?;
        let house = stage.house(&stage.sender)?;
        let (desk, keys) = (house.desk()?, house.keys());
        let trust = desk.trust()?;
        let draft = parse(&form(stage.recipient.as_str(), "new"), &IdsOnly);
        let draft = draft.map_err(|mistakes| format!("the form has mistakes: {mistakes:?}"))?;
        let composition = desk.compose(&trust, keys, &draft, &stage.folder, None)?;
        let now = SystemClock.now();
        let bytes = composition.dispatch.bytes();
        let mut signatures = Vec::new();
        for office in &composition.offices {
            signatures.push(match office {
                Some(office) => signature::sign(&bytes, keys.office(office)?.as_ref(), now)?,
                None => signature::sign(&bytes, keys.registry()?.as_ref(), now)?,
            });
        }
        let plain = SignedDispatch::compose(bytes, signatures)?.encode();
        let mut recipients = Vec::new();
        for ministry in [&stage.recipient, &stage.sender] {
            for key in &stage.world.bundle(ministry)?.bundle().content().reading_keys {
                recipients.push(Recipient::parse(key)?);
            }
        }
        let (address, valid_until) = (composition.address, composition.valid_until);
        Ok(Self { folder, address, plain, recipients, valid_until, taken: BTreeMap::new() })
    }

    /// The next envelopes of a channel that this run has not had, in the order of their numbers.
    pub fn take(&mut self, stage: &Stage, channel: usize, count: usize) -> Outcome<Vec<Made>> {
        let from = self.taken.get(&channel).copied().unwrap_or(0);
        let path = self.folder.join(channel.to_string());
        let mut kept = read(&path, from + count)?;
        let ends = kept.first().map(|(_, bytes)| Envelope::parse(bytes)).transpose()?;
        let soon = SystemClock.now().after(LEAST_VALIDITY);
        if ends.is_some_and(|first| first.header().position().valid_until < soon) {
            fs::remove_file(&path)?;
            kept.clear();
        }
        let missing = (from + count).saturating_sub(kept.len());
        if missing > 0 {
            let mut file = BufWriter::new(OpenOptions::new().create(true).append(true).open(&path)?);
            for _ in 0..missing {
                let made = self.make(stage, channel, kept.len(), kept.last().map(|(id, _)| *id))?;
                file.write_all(&u32::try_from(made.1.len())?.to_be_bytes())?;
                file.write_all(&made.1)?;
                kept.push(made);
            }
            file.flush()?;
        }
        self.taken.insert(channel, from + count);
        Ok(kept.split_off(from))
    }

    /// Envelopes that follow a message of a channel, made now and kept nowhere.
    pub fn follow(
        &self,
        stage: &Stage,
        channel: usize,
        (sequence, id): (u64, &[u8]),
        count: usize,
    ) -> Outcome<Vec<Made>> {
        let before = usize::try_from(sequence)?;
        let mut previous = MessageId::from_slice(id).ok();
        let mut made = Vec::with_capacity(count);
        for number in before..before + count {
            let one = self.make(stage, channel, number, previous)?;
            previous = Some(one.0);
            made.push(one);
        }
        Ok(made)
    }

    fn make(
        &self,
        stage: &Stage,
        channel: usize,
        before: usize,
        previous: Option<MessageId>,
    ) -> Outcome<Made> {
        let sealed = seal::seal(&self.plain, &self.recipients, &SystemEntropy)?.bytes;
        let part = Part { digest: Digest::of(&sealed), size: sealed.len() as u64 };
        let now = SystemClock.now();
        let channel = stage.channels.get(channel).ok_or("no such channel")?.clone();
        let address = Address { channel, ..self.address.clone() };
        let position = Position {
            recipient: stage.recipient.clone(),
            sequence: before as u64 + 1,
            previous,
            act_number: 0,
            release_time: now.minute(),
            valid_until: self.valid_until,
        };
        let header = Header::compose(&address, &position, &[part])?;
        let registry = stage.house(&stage.sender)?.keys().registry()?;
        let signed = signature::sign(header.bytes(), registry.as_ref(), now)?;
        let envelope = Envelope::compose(header, signed, vec![sealed])?;
        Ok((envelope.id(), envelope.encode()))
    }
}

/// At most `count` envelopes from the beginning of a file.
fn read(path: &Path, count: usize) -> Outcome<Vec<Made>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut file = BufReader::new(fs::File::open(path)?);
    let mut made = Vec::new();
    let mut length = [0; 4];
    while made.len() < count && file.read_exact(&mut length).is_ok() {
        let mut bytes = vec![0; usize::try_from(u32::from_be_bytes(length))?];
        file.read_exact(&mut bytes)?;
        made.push((Envelope::parse(&bytes)?.id(), bytes));
    }
    Ok(made)
}

/// The same act as a note verbale on a channel: two offices sign it, it bears a formal number, and its official text,
/// without which the rules let no act pass, is a sealed part of its own.
pub fn note(to: &str, channel: &str) -> String {
    let act = format!("channel = \"{channel}\"\n{}", form(to, "new"));
    act.replace("MEMORANDUM", "NOTE_VERBALE") + TEXT
}

const TEXT: &str = r#"
[[text]]
id = "en"
language = "en"
standing = "OFFICIAL"
title = "Note verbale"
words = """
The Ministry presents its compliments to the Ministry and states its position on the treatment of prisoners of war.
The Ministry avails itself of this opportunity to renew the assurances of its highest consideration.
"""
"#;

/// A position statement whose act takes about 2 KiB, without documents.
pub fn form(to: &str, consultation: &str) -> String {
    let commitment = "The Power undertakes to keep the list of persons concerned current, to answer every \
        enquiry of the other Power within three working days, and to admit the protecting Power at any time \
        and without witnesses to every place in which the persons concerned are held, in conformity with \
        Article 126 of the Convention, until every one of them has been repatriated or has declared \
        otherwise of his own free will before that Power";
    let commitments: Vec<String> = (1..=4).map(|number| format!("  \"{number}. {commitment}.\"")).collect();
    format!(
        r#"kind = "position-statement"
to = ["{to}"]
consultation = "{consultation}"
precedence = "ROUTINE"
level = "RESTRICTED"
form = "MEMORANDUM"

[act]
category = "treatment of the persons concerned"
kind = "WILLING_TO_ADMIT"
legal_basis = [{{ instrument = "GC-III-1949", provision = "Art. 126" }}]
may_be_quoted_publicly = false
commitments = [
{}
]
"#,
        commitments.join(",\n")
    )
}
