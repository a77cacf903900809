//! Reads bundles and messages out of a container: parsed, bounded, and not yet believed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use crate::limits;
use crate::message::header::Header;
use crate::message::receipt::Receipt;
use crate::message::seal::FileKey;
use crate::tlog::tlog_proof::TlogProof;
use crate::trust::bundle::SignedBundle;

use super::container::{Container, Fault};
use super::contents::{self, BUNDLE, TRUST};
use super::disclosure::{self, Disclosure};
use super::paper::{self, AnswerKind, MESSAGES, Paper};

/// The trust bundles of a file.
pub(super) fn bundles<R: Read + Seek>(container: &mut Container<R>) -> Result<Vec<SignedBundle>, Fault> {
    let is_bundle = |name: &&String| name.starts_with(TRUST) && name.ends_with(BUNDLE);
    let names: Vec<String> = container.names().iter().filter(is_bundle).cloned().collect();
    if names.len() > limits::EVIDENCE_BUNDLES_MAX {
        return Err(Fault::damaged("the file has more bundles than evidence may have"));
    }
    let mut bundles = Vec::new();
    for name in names {
        let bytes = container.read(&name, limits::SIGNED_FILE_BYTES_MAX)?;
        let bundle = SignedBundle::parse(&bytes);
        bundles.push(bundle.map_err(|cause| Fault::damaged(format!("{name} is not a bundle: {cause}")))?);
    }
    Ok(bundles)
}

/// The messages of a file, in its order.
pub(super) fn papers<R: Read + Seek>(container: &mut Container<R>) -> Result<Vec<Paper>, Fault> {
    let mut seen = BTreeSet::new();
    let mut references = Vec::new();
    let of_name = |name: &String| Some(name.strip_prefix(MESSAGES)?.split_once('/')?.0.to_owned());
    for reference in container.names().iter().filter_map(of_name) {
        if seen.insert(reference.clone()) {
            references.push(reference);
        }
    }
    if references.is_empty() || references.len() > limits::EVIDENCE_MESSAGES_MAX {
        return Err(Fault::damaged("the file has no messages, or more than evidence may have"));
    }
    references.iter().map(|reference| paper(container, reference)).collect()
}

/// A disclosed key: 32 hexadecimal digits and the end of the line.
const KEY_BYTES: usize = 33;

fn paper<R: Read + Seek>(container: &mut Container<R>, reference: &str) -> Result<Paper, Fault> {
    let name = |name: &str| paper::entry_of(reference, name);
    let header = container.read(&name("header.bin"), limits::HEADER_BYTES_MAX)?;
    let header = Header::parse(&header)
        .map_err(|cause| Fault::damaged(format!("the header of {reference} is not accepted: {cause}")))?;
    if paper::reference(&header) != reference {
        return Err(Fault::damaged(format!("{reference} holds the header of another message")));
    }
    let signature = container.read(&name("header.p7s"), limits::SIGNATURE_BYTES_MAX)?;
    let is_there = |kind: &AnswerKind| container.size(&name(&format!("{}.leaf", kind.word()))).is_some();
    let answer_kind = AnswerKind::ALL
        .into_iter()
        .find(is_there)
        .ok_or_else(|| Fault::damaged(format!("the recipient's answer to {reference} is missing")))?;
    let sent = receipt(container, reference, "sent")?;
    let answer = receipt(container, reference, answer_kind.word())?;
    let keys = keys(container, reference, header.parts().len())?;
    let disclosure = disclosure(container, reference, &header, &keys)?;
    Ok(Paper { header, signature, sent, answer, answer_kind, keys, disclosure })
}

fn receipt<R: Read + Seek>(
    container: &mut Container<R>,
    reference: &str,
    stem: &str,
) -> Result<Receipt, Fault> {
    let name = |ending: &str| paper::entry_of(reference, &format!("{stem}{ending}"));
    let refused = |what: &str, cause: &dyn std::fmt::Display| {
        Fault::damaged(format!("{} is not accepted: {cause}", name(what)))
    };
    let leaf = container.read(&name(".leaf"), limits::LEAF_BYTES_MAX)?;
    let proof = container.read(&name(".tlog-proof"), limits::LOG_PROOF_BYTES_MAX)?;
    let proof = String::from_utf8(proof).map_err(|cause| refused(".tlog-proof", &cause))?;
    let proof = TlogProof::parse(&proof).map_err(|cause| refused(".tlog-proof", &cause))?;
    Receipt::compose(leaf, proof).map_err(|cause| refused(".leaf", &cause))
}

fn keys<R: Read + Seek>(
    container: &mut Container<R>,
    reference: &str,
    parts: usize,
) -> Result<BTreeMap<usize, FileKey>, Fault> {
    let mut keys = BTreeMap::new();
    for part in 0..parts {
        let name = paper::entry_of(reference, &contents::key_name(part));
        if container.size(&name).is_none() {
            continue;
        }
        let text = container.read(&name, KEY_BYTES)?;
        let digits = text.strip_suffix(b"\n").and_then(|digits| std::str::from_utf8(digits).ok());
        let key = digits.and_then(|digits| FileKey::parse(digits).ok());
        keys.insert(part, key.ok_or_else(|| Fault::damaged(format!("{name} is not the key of a part")))?);
    }
    Ok(keys)
}

fn disclosure<R: Read + Seek>(
    container: &mut Container<R>,
    reference: &str,
    header: &Header,
    keys: &BTreeMap<usize, FileKey>,
) -> Result<Option<Result<Disclosure, String>>, Fault> {
    if keys.is_empty() {
        return Ok(None);
    }
    let (Some(key), Some(part)) = (keys.get(&0), header.parts().first()) else {
        return Ok(Some(Err("documents are disclosed without the dispatch that names them".to_owned())));
    };
    let most = usize::try_from(part.size).unwrap_or(usize::MAX);
    if !disclosure::may_hold_dispatch(part) {
        return Ok(Some(Err("the first part is too large to hold a dispatch".to_owned())));
    }
    let sealed = container.read(&paper::entry_of(reference, &contents::part_name(0)), most)?;
    Ok(Some(Disclosure::open(&sealed, key)))
}
