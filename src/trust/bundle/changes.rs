//! What a bundle says anew beside the one before it, for people who decide about it and for what they are told.

use super::super::revocation::RevocationList;
use super::Bundle;
use crate::digest::Digest;

/// One thing that a bundle says and the one before it did not, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What kind of thing: `log key`, `address`.
    pub what: &'static str,
    /// Whether it came with the later bundle; otherwise it went with the earlier.
    pub added: bool,
    /// Which one, as short as tells it apart: an address, the beginning of a key, a digest.
    pub which: String,
}

/// What `after` says anew, and what it says no more, kind by kind.
pub fn changes(before: &Bundle, after: &Bundle) -> Vec<Change> {
    let (old, new) = (before.content(), after.content());
    let texts = |what, old: &[String], new: &[String]| differences(what, old, new, |text| shown(text));
    let addresses = |content: &super::BundleContent| -> Vec<String> {
        content.endpoints.iter().map(ToString::to_string).collect()
    };
    let names = ([old.display_name.clone()], [new.display_name.clone()]);
    let digest = |der: &Vec<u8>| Digest::of(der).hex().chars().take(SHOWN_SYMBOLS).collect();
    [
        differences("name", &names.0, &names.1, Clone::clone),
        differences("address", &addresses(old), &addresses(new), Clone::clone),
        differences("gateway authority", &old.transport_authorities, &new.transport_authorities, digest),
        differences("office authority", &old.desk_authorities, &new.desk_authorities, digest),
        texts("log key", &old.log_keys, &new.log_keys),
        texts("cosigner key", &old.cosigner_keys, &new.cosigner_keys),
        texts("reading key", &old.reading_keys, &new.reading_keys),
        differences("revoked certificate", &revoked(before), &revoked(after), Clone::clone),
    ]
    .concat()
}

fn differences<Entry: PartialEq>(
    what: &'static str,
    old: &[Entry],
    new: &[Entry],
    word: impl Fn(&Entry) -> String,
) -> Vec<Change> {
    let came = new.iter().filter(|entry| !old.contains(entry)).map(|entry| (true, entry));
    let went = old.iter().filter(|entry| !new.contains(entry)).map(|entry| (false, entry));
    came.chain(went).map(|(added, entry)| Change { what, added, which: word(entry) }).collect()
}

/// Serial numbers of everything that the lists of a bundle revoke.
fn revoked(bundle: &Bundle) -> Vec<String> {
    let anchors = [bundle.transport_anchors(), bundle.signing_anchors()];
    let lists = anchors.iter().flat_map(|anchors| anchors.revocation_lists());
    let mut serials: Vec<String> = lists.flat_map(RevocationList::serials).collect();
    serials.sort();
    serials.dedup();
    serials
}

/// A key as its id, or as its first and last symbols: nobody compares the rest.
fn shown(key: &str) -> String {
    match key.split_once('+') {
        Some((_, rest)) => rest.split('+').next().unwrap_or_default().to_owned(),
        None => {
            let last: String = key.chars().rev().take(SHOWN_SYMBOLS).collect();
            format!("…{}", last.chars().rev().collect::<String>())
        }
    }
}

const SHOWN_SYMBOLS: usize = 16;
