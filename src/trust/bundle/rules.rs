//! What a bundle may contain, field by field; certificates are checked by `trust::anchor`.

use data_encoding::BASE64;

use crate::digest::Digest;
use crate::limits::{
    BUNDLE_ENTRIES_MAX, KEY_TEXT_BYTES_MAX, READING_KEYS_MAX, REVOCATION_LISTS_MAX, SHORT_TEXT_BYTES_MAX,
};

use super::super::anchor;
use super::{BundleContent, BundleRefusal};

/// What a C2SP verifier key verifies, by its signature type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoteKeyKind {
    /// 0x01: Ed25519 signatures of a log.
    Log,
    /// 0x04: timestamped Ed25519 cosignatures.
    Cosigner,
    /// Another type, kept for verifiers that know it, such as post-quantum ones.
    Other(u8),
}

/// Checks everything but the certificates and lists themselves.
pub(super) fn check(content: &BundleContent) -> Result<(), BundleRefusal> {
    check_display_name(&content.display_name)?;
    check_place(content)?;
    check_count("transport_authorities", content.transport_authorities.len(), 1..=BUNDLE_ENTRIES_MAX)?;
    check_count("desk_authorities", content.desk_authorities.len(), 1..=BUNDLE_ENTRIES_MAX)?;
    check_count("revocation_lists", content.revocation_lists.len(), 0..=REVOCATION_LISTS_MAX)?;
    if !anchor::are_disjoint(&content.transport_authorities, &content.desk_authorities) {
        return refuse("desk_authorities", "one of them is a transport authority too");
    }
    check_note_keys("log_keys", &content.log_keys, &content.domain.log_name(), NoteKeyKind::Log)?;
    let cosigner = content.domain.cosigner_name();
    check_note_keys("cosigner_keys", &content.cosigner_keys, &cosigner, NoteKeyKind::Cosigner)?;
    check_count("reading_keys", content.reading_keys.len(), 1..=READING_KEYS_MAX)?;
    check_distinct("reading_keys", &content.reading_keys)?;
    if !content.reading_keys.iter().all(|key| is_reading_key(key)) {
        return refuse("reading_keys", "one of them is not an age recipient of the post-quantum kind");
    }
    check_count("endpoints", content.endpoints.len(), 1..=BUNDLE_ENTRIES_MAX)?;
    check_distinct("endpoints", &content.endpoints)
}

fn check_display_name(name: &str) -> Result<(), BundleRefusal> {
    let field = "display_name";
    if name.is_empty() || name.len() > SHORT_TEXT_BYTES_MAX {
        return refuse(field, "it is empty or too long");
    }
    // The name is shown to the person who decides about accreditation: it must not move text around.
    let hidden = |symbol: char| {
        symbol.is_control()
            || matches!(symbol, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if name.chars().any(hidden) || name.trim() != name {
        return refuse(field, "it contains invisible characters");
    }
    Ok(())
}

fn check_place(content: &BundleContent) -> Result<(), BundleRefusal> {
    match (content.sequence, content.previous_digest) {
        (0, _) => return refuse("sequence", "it begins with 1"),
        (1, Some(_)) => return refuse("previous_digest", "the first bundle has no bundle before it"),
        (2.., None) => return refuse("previous_digest", "it is missing"),
        _ => {}
    }
    if content.valid_from.seconds() < 0 || content.valid_from >= content.valid_until {
        return refuse("valid_until_time", "it is not after the beginning of the validity");
    }
    Ok(())
}

fn check_note_keys(
    field: &'static str,
    keys: &[String],
    name: &str,
    needed: NoteKeyKind,
) -> Result<(), BundleRefusal> {
    check_count(field, keys.len(), 1..=BUNDLE_ENTRIES_MAX)?;
    check_distinct(field, keys)?;
    let mut kinds = Vec::with_capacity(keys.len());
    for key in keys {
        match note_key_kind(key, name) {
            Some(kind) => kinds.push(kind),
            None => return refuse(field, "one of them is not a verifier key of the ministry's name"),
        }
    }
    if kinds.contains(&needed) { Ok(()) } else { refuse(field, "none of them is of the type that is needed") }
}

/// Reads a C2SP verifier key, `name+id+key`: the id is the beginning of a hash over name and key.
fn note_key_kind(text: &str, name: &str) -> Option<NoteKeyKind> {
    if text.len() > KEY_TEXT_BYTES_MAX {
        return None;
    }
    let (id, key) = text.strip_prefix(name)?.strip_prefix('+')?.split_once('+')?;
    let key = BASE64.decode(key.as_bytes()).ok()?;
    let (kind, bytes) = key.split_first()?;
    let expected: String = Digest::of_parts(&[name.as_bytes(), b"\n", &key]).hex().chars().take(8).collect();
    if id != expected {
        return None;
    }
    match *kind {
        0x01 if bytes.len() == ED25519_BYTES => Some(NoteKeyKind::Log),
        0x04 if bytes.len() == ED25519_BYTES => Some(NoteKeyKind::Cosigner),
        0x01 | 0x04 => None,
        other => Some(NoteKeyKind::Other(other)),
    }
}

const ED25519_BYTES: usize = 32;

/// The form of an age recipient; whether it is a usable key is seen when it is sealed for.
fn is_reading_key(text: &str) -> bool {
    let Some(symbols) = text.strip_prefix("age1pq1") else { return false };
    let bech32 = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9') && !b"1bio".contains(&byte);
    (64..=KEY_TEXT_BYTES_MAX).contains(&symbols.len()) && symbols.bytes().all(bech32)
}

fn check_count(
    field: &'static str,
    count: usize,
    allowed: std::ops::RangeInclusive<usize>,
) -> Result<(), BundleRefusal> {
    if allowed.contains(&count) { Ok(()) } else { refuse(field, "too few or too many entries") }
}

fn check_distinct<Entry: Ord>(field: &'static str, entries: &[Entry]) -> Result<(), BundleRefusal> {
    let distinct: std::collections::BTreeSet<&Entry> = entries.iter().collect();
    if distinct.len() == entries.len() { Ok(()) } else { refuse(field, "an entry stands twice") }
}

fn refuse(field: &'static str, what: &'static str) -> Result<(), BundleRefusal> {
    Err(BundleRefusal::Field { field, what })
}
