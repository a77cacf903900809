//! Two ministries that have exchanged messages, and evidence files over them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::Cursor;

use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::digest::Digest;
use crate::entropy::SystemEntropy;
use crate::message::dispatch::{Dispatch, Document, ExpectedAuthentication, Marking, SignedDispatch};
use crate::message::envelope::{parts_digest, signed_header_digest};
use crate::message::evidence::container::{Container, ContainerWriter};
use crate::message::evidence::{Exhibit, Outcome, Report, TrustBasis, Verdict, verify, write};
use crate::message::header::{Address, Addressee, Header, Part, Position};
use crate::message::id::MessageId;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::receipt::Receipt;
use crate::message::seal::{FileKey, ReadingKey, seal};
use crate::message::terms::{
    ActClass, AddresseeKind, AuthenticationKind, DocumentClass, DocumentStanding, Form, Level, Precedence,
};
use crate::time::Timestamp;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature::{attach, cosign};
use crate::tlog::merkle::{Tree, leaf_hash};
use crate::tlog::signed_note::{Note, NoteSigner};
use crate::tlog::tlog_proof::TlogProof;
use crate::tlog::verifier_key::{KeyKind, KeyName, VerifierKey};
use crate::trust::bundle::{BundleContent, SignedBundle};
use crate::trust::name::{Authority, Name};
use crate::trust::policy::ChannelId;
use crate::trust::signature::sign;
use crate::trust::testing::{NOW, TestMinistry, TestSigner, days};

/// When the other ministry cosigned.
pub(super) fn logged_at() -> Timestamp {
    NOW.after(std::time::Duration::from_secs(5))
}

/// When the files are verified.
pub(super) fn later() -> Timestamp {
    NOW.after(days(30))
}

#[derive(Debug)]
pub(super) struct NoteKey(Ed25519KeyPair);

impl NoteKey {
    pub(super) fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    pub(super) fn verifier(&self, name: &str, kind: KeyKind) -> VerifierKey {
        VerifierKey { name: KeyName::parse(name).unwrap(), kind, public_key: self.public_key() }
    }
}

impl NoteSigner for NoteKey {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}

/// One ministry with everything it signs with.
pub(super) struct Side {
    pub(super) ministry: TestMinistry,
    pub(super) registry: TestSigner,
    pub(super) office: TestSigner,
    pub(super) trust: TestSigner,
    pub(super) log: NoteKey,
    pub(super) cosigner: NoteKey,
    pub(super) reading: ReadingKey,
    bundle: OnceCell<SignedBundle>,
    /// What its log about the other one holds.
    pub(super) leaves: Vec<Vec<u8>>,
}

impl Side {
    fn new(code: &str, seed: u8, authorities: &[Authority]) -> Self {
        let ministry = TestMinistry::new(code);
        Self {
            registry: ministry.registry(),
            office: ministry.office("first", authorities),
            trust: ministry.trust(),
            log: NoteKey::new(seed),
            cosigner: NoteKey::new(seed + 1),
            reading: ReadingKey::generate(&SystemEntropy).unwrap(),
            bundle: OnceCell::new(),
            leaves: vec![Leaf::about_record(LeafKind::Opened, Digest::of(b"year before"), NOW).bytes()],
            ministry,
        }
    }

    pub(super) fn bundle_content(&self) -> BundleContent {
        let domain = &self.ministry.domain;
        BundleContent {
            log_keys: vec![self.log.verifier(&domain.log_name(), KeyKind::Log).to_string()],
            cosigner_keys: vec![self.cosigner_key().to_string()],
            ..self.ministry.bundle_content()
        }
    }

    /// Its first bundle, always the same one.
    pub(super) fn bundle(&self) -> SignedBundle {
        let issue = || SignedBundle::issue(self.bundle_content(), &self.trust, NOW).unwrap();
        self.bundle.get_or_init(issue).clone()
    }

    /// Announces something else from the beginning.
    pub(super) fn replace_bundle(&mut self, change: impl FnOnce(&mut BundleContent)) {
        let mut content = self.bundle_content();
        change(&mut content);
        self.bundle = OnceCell::from(SignedBundle::issue(content, &self.trust, NOW).unwrap());
    }

    /// The next bundle after the first, from a moment ago.
    pub(super) fn next_bundle(&self, change: impl FnOnce(&mut BundleContent)) -> SignedBundle {
        let mut content = self.bundle_content();
        (content.sequence, content.previous_digest) = (2, Some(self.bundle().digest()));
        change(&mut content);
        SignedBundle::issue(content, &self.trust, NOW).unwrap()
    }

    fn cosigner_key(&self) -> VerifierKey {
        self.cosigner.verifier(&self.ministry.domain.cosigner_name(), KeyKind::Cosigner)
    }

    /// A receipt for leaf `index`, under a checkpoint that `peer` has cosigned.
    fn receipt(&self, index: usize, peer: &Self, at: Timestamp) -> Receipt {
        let origin = self.ministry.domain.log_origin(&peer.ministry.ministry, NOW.year());
        self.receipt_of_log(index, peer, &origin, at)
    }

    pub(super) fn receipt_of_log(&self, index: usize, peer: &Self, origin: &str, at: Timestamp) -> Receipt {
        let mut tree = Tree::new();
        self.leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
        let size = self.leaves.len() as u64;
        let checkpoint = Checkpoint { origin: KeyName::parse(origin).unwrap(), size, root: tree.root() };
        let note = Note::parse(&checkpoint.sign(&self.log)).unwrap();
        let key = peer.cosigner_key();
        let line = cosign(&checkpoint, &key.name, &peer.cosigner, at);
        let proof = TlogProof::prove(index as u64, attach(&note, &line, &key).unwrap(), &tree).unwrap();
        Receipt::compose(self.leaves[index].clone(), proof).unwrap()
    }
}

/// One message that was sent and answered.
pub(super) struct Made {
    pub(super) header: Header,
    pub(super) signature: Vec<u8>,
    pub(super) parts: Vec<Vec<u8>>,
    pub(super) keys: Vec<FileKey>,
    logged_at: Timestamp,
    pub(super) sent: usize,
    answer: usize,
    by_xa: bool,
}

/// How messages are made; the default is right.
pub(super) struct Recipe {
    pub(super) authorities: Vec<Authority>,
    /// What the office gives, in this order.
    pub(super) kinds: Vec<AuthenticationKind>,
    pub(super) address_digest: Option<Digest>,
    /// What the act is, and what it calls itself.
    pub(super) act: (&'static str, ActClass),
    pub(super) credential: &'static str,
    pub(super) documents_named: Option<usize>,
    pub(super) previous: Option<MessageId>,
    pub(super) answer: LeafKind,
    pub(super) logged_at: Timestamp,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            authorities: vec![Authority::Release, Authority::Seal],
            kinds: vec![AuthenticationKind::Initials, AuthenticationKind::Seal],
            address_digest: None,
            act: ("note-verbale", ActClass::Correspondence),
            credential: "chancery://XA/office/first",
            documents_named: None,
            previous: None,
            answer: LeafKind::Received,
            logged_at: logged_at(),
        }
    }
}

pub(super) struct World {
    pub(super) xa: Side,
    pub(super) xb: Side,
    pub(super) messages: Vec<Made>,
}

impl World {
    /// XA has sent one message with two documents.
    pub(super) fn of_one(recipe: &Recipe) -> Self {
        let mut world = Self {
            xa: Side::new("XA", 1, &recipe.authorities),
            xb: Side::new("XB", 3, &[Authority::Release, Authority::Seal]),
            messages: Vec::new(),
        };
        world.send(true, &[b"%PDF one", b"two"], recipe);
        world
    }

    /// A further message from XA, and an answer of XB.
    pub(super) fn of_three(recipe: &Recipe) -> Self {
        let mut world = Self::of_one(&Recipe::default());
        world.send(true, &[], recipe);
        world.send(false, &[], &Recipe { credential: "chancery://XB/office/first", ..Recipe::default() });
        world
    }

    fn send(&mut self, by_xa: bool, documents: &[&[u8]], recipe: &Recipe) {
        let before = self.messages.iter().filter(|made| made.by_xa == by_xa).collect::<Vec<_>>();
        let sequence = before.len() as u64 + 1;
        let previous = recipe.previous.or(before.last().map(|made| made.header.id()));
        let (sender, recipient) = if by_xa { (&self.xa, &self.xb) } else { (&self.xb, &self.xa) };
        let address = address(sender, recipient);
        let plain = signed_dispatch(sender, &address, documents, recipe);
        let contents = std::iter::once(plain.as_slice()).chain(documents.iter().copied());
        let recipients = [recipient.reading.recipient(), sender.reading.recipient()];
        let sealed: Vec<_> =
            contents.map(|content| seal(content, &recipients, &SystemEntropy).unwrap()).collect();
        let listed: Vec<Part> = sealed
            .iter()
            .map(|part| Part { digest: Digest::of(&part.bytes), size: part.bytes.len() as u64 })
            .collect();
        let position = Position {
            recipient: recipient.ministry.ministry.clone(),
            sequence,
            previous,
            act_number: 0,
            release_time: NOW.minute(),
            valid_until: NOW.after(days(30)),
        };
        let header = Header::compose(&address, &position, &listed).unwrap();
        let signature = sign(header.bytes(), &sender.registry, NOW).unwrap();
        let about = LeafMessage {
            id: header.id(),
            envelope: signed_header_digest(header.bytes(), &signature),
            parts: parts_digest(&listed),
        };
        let sent = Leaf::about(LeafKind::Sent, about, "", NOW).bytes();
        let reason = if recipe.answer == LeafKind::Rejected { "CLS_01" } else { "" };
        let answer = Leaf::about(recipe.answer, about, reason, NOW).bytes();
        let (sender, recipient) =
            if by_xa { (&mut self.xa, &mut self.xb) } else { (&mut self.xb, &mut self.xa) };
        sender.leaves.push(sent);
        recipient.leaves.push(answer);
        self.messages.push(Made {
            header,
            signature,
            keys: sealed.iter().map(|part| part.file_key.clone()).collect(),
            parts: sealed.into_iter().map(|part| part.bytes).collect(),
            logged_at: recipe.logged_at,
            sent: sender.leaves.len() - 1,
            answer: recipient.leaves.len() - 1,
            by_xa,
        });
    }

    pub(super) fn receipts(&self, message: usize) -> (Receipt, Receipt) {
        let made = &self.messages[message];
        let (sender, recipient) = if made.by_xa { (&self.xa, &self.xb) } else { (&self.xb, &self.xa) };
        let at = made.logged_at;
        (sender.receipt(made.sent, recipient, at), recipient.receipt(made.answer, sender, at))
    }

    /// All messages, with the parts `disclosed` of the first one disclosed.
    pub(super) fn exhibits(&self, disclosed: &[usize]) -> Vec<Exhibit<'_>> {
        let exhibit = |(number, made): (usize, &Made)| {
            let (sent, answer) = self.receipts(number);
            let keys = disclosed.iter().filter(|_| number == 0).map(|part| (*part, made.keys[*part].clone()));
            Exhibit {
                header: made.header.clone(),
                signature: made.signature.clone(),
                parts: made.parts.iter().map(|part| Box::new(Cursor::new(part.clone())) as _).collect(),
                sent,
                answer,
                disclosed: keys.collect(),
            }
        };
        self.messages.iter().enumerate().map(exhibit).collect()
    }

    pub(super) fn bundles(&self) -> Vec<SignedBundle> {
        vec![self.xa.bundle(), self.xb.bundle()]
    }

    /// An evidence file over all messages.
    pub(super) fn file(&self, disclosed: &[usize]) -> Vec<u8> {
        let sink = Cursor::new(Vec::new());
        write(sink, self.exhibits(disclosed), self.bundles()).unwrap().into_inner()
    }

    /// Trusts both ministries.
    pub(super) fn basis(&self) -> TrustBasis {
        TrustBasis { bundles: self.bundles(), fingerprints: Vec::new() }
    }
}

fn address(sender: &Side, recipient: &Side) -> Address {
    let [sender, recipient] = [sender, recipient].map(|side| side.ministry.ministry.clone());
    Address {
        channel: ChannelId::between(&[Digest::of(b"xa"), Digest::of(b"xb")]),
        consultation: "C-0123-4567-89AB".to_owned(),
        sender,
        addressees: vec![Addressee { ministry: recipient, kind: AddresseeKind::Action }],
        precedence: Precedence::Routine,
        level: Level::Restricted,
        releasable_to: Vec::new(),
    }
}

fn signed_dispatch(sender: &Side, address: &Address, documents: &[&[u8]], recipe: &Recipe) -> Vec<u8> {
    let credential = Name::parse(recipe.credential).unwrap();
    let expect = |kind| ExpectedAuthentication { kind, credential: credential.clone() };
    let named = recipe.documents_named.unwrap_or(documents.len());
    let dispatch = Dispatch {
        address_digest: recipe.address_digest.unwrap_or(address.digest()),
        salt: [9; 32],
        form: Form::NoteVerbale,
        formal_number: "XA-2026-0001".to_owned(),
        marking: Marking {
            level: Level::Restricted,
            national_label: "대외비".to_owned(),
            caveats: Vec::new(),
            eyes_only_roles: Vec::new(),
        },
        basis: Vec::new(),
        documents: documents.iter().take(named).enumerate().map(document).collect(),
        authentications: recipe.kinds.iter().copied().map(expect).collect(),
        kind: recipe.act.0.to_owned(),
        act_class: recipe.act.1,
        act: b"act".to_vec(),
        in_reply_to: None,
        reply_due: None,
        relayed_on_behalf_of: None,
        drafting_office: String::new(),
    }
    .bytes();
    let signatures = vec![sign(&dispatch, &sender.office, NOW).unwrap(); recipe.kinds.len()];
    SignedDispatch::compose(dispatch, signatures).unwrap().encode()
}

fn document((number, content): (usize, &&[u8])) -> Document {
    Document {
        document_id: format!("text-{number}"),
        title: "Text".to_owned(),
        standing: DocumentStanding::Official,
        class: DocumentClass::DiplomaticText,
        language: "ko".to_owned(),
        media_type: if number == 0 { "application/pdf" } else { "text/plain" }.to_owned(),
        size: content.len() as u64,
        digest: Digest::of(content),
        translation_of: String::new(),
    }
}

/// The entries of a file, to be changed.
pub(super) fn entries(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut container = Container::open(Cursor::new(file)).unwrap();
    let names = container.names().to_vec();
    names
        .into_iter()
        .map(|name| {
            let content = container.read(&name, usize::MAX).unwrap();
            (name, content)
        })
        .collect()
}

/// A file of these entries, with checksums that are right.
pub(super) fn zip(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ContainerWriter::new(Cursor::new(Vec::new())).unwrap();
    entries.iter().for_each(|(name, content)| writer.add(name, content).unwrap());
    writer.finish().unwrap().into_inner()
}

/// A file with some contents replaced.
pub(super) fn replaced(file: &[u8], changes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let changes: BTreeMap<&str, &Vec<u8>> = changes.iter().map(|(name, content)| (*name, content)).collect();
    let mut all = entries(file);
    let mut made = 0;
    for (name, content) in &mut all {
        if let Some(change) = changes.get(name.as_str()) {
            (*content, made) = ((*change).clone(), made + 1);
        }
    }
    assert_eq!(made, changes.len(), "an entry to be replaced is not there");
    zip(&all)
}

pub(super) fn content(file: &[u8], name: &str) -> Vec<u8> {
    entries(file).into_iter().find(|(found, _)| found == name).unwrap().1
}

pub(super) fn check(file: &[u8], basis: &TrustBasis) -> Report {
    verify(Cursor::new(file), basis, later())
}

/// The names of the checks that do not hold, those of messages with their reference.
pub(super) fn failures(report: &Report) -> Vec<String> {
    let bad = report.all_checks().filter(|(_, check)| check.outcome != Outcome::Ok);
    bad.map(|(reference, check)| match reference {
        Some(reference) => format!("{reference} {}", check.name),
        None => check.name.clone(),
    })
    .collect()
}

pub(super) fn is_altered(report: &Report) -> bool {
    matches!(report.verdict(), Verdict::Altered { .. })
}
