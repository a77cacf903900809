//! The administrative record of a desk on the command line: commands write into it before they act; `log tail
//! --administration` shows it and `log verify` checks it, in the home of a desk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::context::Context;
use super::desk_session;
use super::error::CliError;
use super::failures::record_damaged;
use super::table::Table;
use crate::desk::Desk;
use crate::desk::administration::{self, Entry, Record, Vouched};
use crate::desk::config::Config;
use crate::desk::error::DeskError;
use crate::desk::serve;
use crate::digest::Digest;
use crate::keys::home::enrolment::Enrolment;
use crate::message::administration::{AdministrativeAct, AdministrativeVerb};

/// Writes an act into the record of the desk in this home, before it is done; where the home is none of a desk, nothing.
pub(super) fn note(context: &Context, home: &Path, act: AdministrativeAct) -> Result<(), CliError> {
    if !is_desk(home) {
        return Ok(());
    }
    let written = Record::of(home).write(act, context.clock.now());
    written.map_err(|error| desk_session::failure(context, error))
}

/// The same of an act that concerns one key, office or client, by its place in the home.
pub(super) fn note_at(
    context: &Context,
    home: &Path,
    verb: AdministrativeVerb,
    stem: &str,
) -> Result<(), CliError> {
    note(context, home, administration::act(verb).concerning(administration::place(stem)))
}

/// The home that was named, if it is one of a desk.
pub(super) fn desk_named(context: &Context) -> Option<PathBuf> {
    context.named_home().filter(|home| is_desk(home))
}

fn is_desk(home: &Path) -> bool {
    home.join(Config::FILE).is_file()
}

/// Shows entries: from an index on, or the newest.
pub(super) fn tail(context: &Context, home: &Path, from: Option<u64>, count: u32) -> Result<(), CliError> {
    let failed = |error| desk_session::failure(context, error);
    let record = Record::of(home);
    let (entries, vouched) = (record.entries().map_err(failed)?, record.vouched().map_err(failed)?);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let first = match from {
        Some(index) => usize::try_from(index).unwrap_or(usize::MAX),
        None => entries.len().saturating_sub(count),
    };
    let places = places(context);
    let mut table = Table::new(["ENTRY", "TIME", "WHO", "WHAT", "ABOUT", "REASON", "GATEWAY"]);
    let mut reports = Vec::new();
    for (index, entry) in entries.iter().enumerate().skip(first).take(count) {
        let act = &entry.leaf.act;
        let concerned = act.concerns.map(|digest| match places.get(&digest) {
            Some(place) => place.clone(),
            None => digest.hex().chars().take(SHORT).collect(),
        });
        let about = act.ministry.iter().map(ToString::to_string).chain(concerned);
        let about = about.collect::<Vec<_>>().join(" ");
        let told = vouched.get(index);
        let gateway = told.map_or_else(
            || "not yet".to_owned(),
            |told| numbered(vouched.first().map(Vouched::origin), told.origin(), told.proof.index),
        );
        table.row([
            &index.to_string(),
            &entry.leaf.time.to_string(),
            &act.who.to_string(),
            act.verb.word(),
            if about.is_empty() { "-" } else { &about },
            if act.reason.is_empty() { "-" } else { &act.reason },
            &gateway,
        ]);
        reports.push(report(index, entry, told, &places));
    }
    context.output.list(&reports, &table, "nothing was done to this desk yet")?;
    let end = first.saturating_add(count);
    if end < entries.len() && !context.output.is_json() {
        let typed = super::typed_without(&context.typed, "--from");
        context.output.next(&format!("{typed} --from {end}"));
    }
    Ok(())
}

/// What came of checking a record.
pub(super) struct Examined {
    /// Entries, and for how many of them the gateway's log vouches.
    pub(super) entries: usize,
    pub(super) vouched: usize,
    root: Option<String>,
    /// What is not as the gateway was told.
    pub(super) damages: Vec<String>,
}

/// Checks the whole record: that every line reads, and that what the gateway proved of each entry is about it and all
/// before it.
pub(super) fn examine(context: &Context) -> Result<Examined, CliError> {
    let desk: Desk = desk_session::desk(context)?;
    let failed = |error| desk_session::failure(context, error);
    let record = desk.record();
    let (entries, vouched) = (record.entries().map_err(failed)?, record.vouched().map_err(failed)?);
    let (mut damages, mut unknown) = (Vec::new(), None);
    if !vouched.is_empty() {
        let trust = desk.trust().map_err(failed)?;
        for (index, told) in vouched.iter().enumerate() {
            let held = entries.get(index).map(|entry| desk.believe_vouched(&trust, entry, told));
            match held {
                Some(Ok(())) => {}
                // Nothing is known to be altered: nobody here can tell.
                Some(Err(old @ DeskError::OwnBundleOld { .. })) => unknown = Some(old),
                Some(Err(why)) => damages.push(format!("entry {index}: {why}")),
                None => damages.push(format!("entry {index} is gone, and the gateway vouched for it")),
            }
        }
    }
    if let Some(unknown) = unknown.filter(|_| damages.is_empty()) {
        return Err(failed(unknown));
    }
    let root = entries.last().map(|entry| entry.root.hex());
    Ok(Examined { entries: entries.len(), vouched: vouched.len(), root, damages })
}

/// Tells what came of checking the record of the desk that was named.
pub(super) fn verify(context: &Context) -> Result<(), CliError> {
    let Examined { entries, vouched, root, damages } = examine(context)?;
    let waiting = entries.saturating_sub(vouched);
    let told = json!({
        "schema": "chancery.desk-record/1",
        "entries": entries,
        "vouched": vouched,
        "root": root,
        "damages": damages,
    });
    context.output.data(&told, || {
        let mut text = format!(
            "{entries} entries, of which the gateway's log vouches for {vouched}; it was not told of {waiting} yet\n\
             root {}\n",
            root.as_deref().unwrap_or("-"),
        );
        damages.iter().for_each(|damage| text.push_str(&format!("damaged: {damage}\n")));
        text
    })?;
    if damages.is_empty() {
        context.output.note("nothing is damaged");
        return Ok(());
    }
    Err(record_damaged("the administrative record of this desk is not what the gateway was told"))
}

/// Keys, offices and clients of the desk by what stands for them in entries.
fn places(context: &Context) -> BTreeMap<Digest, String> {
    let Ok(desk) = desk_session::desk(context) else { return BTreeMap::new() };
    let mut stems = vec!["keys/reading".to_owned()];
    if let Ok(enrolment) = Enrolment::read(&desk.config().home) {
        stems.extend(enrolment.requests.into_iter().map(|requested| requested.stem));
    }
    if let Ok(clients) = serve::clients_of(&desk).all() {
        stems.extend(clients.into_iter().map(|client| client_place(client.label.as_str())));
    }
    stems.into_iter().map(|stem| (administration::place(&stem), stem)).collect()
}

/// What stands for a client of the desk service.
pub(super) fn client_place(label: &str) -> String {
    format!("clients/{label}")
}

fn report(index: usize, entry: &Entry, told: Option<&Vouched>, places: &BTreeMap<Digest, String>) -> Value {
    let act = &entry.leaf.act;
    json!({
        "schema": "chancery.desk-record-entry/1",
        "index": index,
        "time": entry.leaf.time.to_string(),
        "who": act.who.to_string(),
        "what": act.verb.word(),
        "ministry": act.ministry.as_ref().map(ToString::to_string),
        "digest": act.concerns.map(|digest| digest.hex()),
        "place": act.concerns.and_then(|digest| places.get(&digest)),
        "reason": (!act.reason.is_empty()).then_some(&act.reason),
        "entry": BASE64.encode(&entry.bytes),
        "root": entry.root.hex(),
        "gateway": told.map(|told| json!({ "log": told.origin(), "index": told.proof.index })),
    })
}

/// An entry of the gateway's log, with the log's name where it is not the first that vouched: numbers begin anew there.
fn numbered(first: Option<&str>, origin: &str, index: u64) -> String {
    match origin.rsplit('/').next() {
        Some(name) if first != Some(origin) => format!("{index} of {name}"),
        _ => index.to_string(),
    }
}

/// Digits of a digest that are shown to people.
const SHORT: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_a_log_that_was_begun_later_is_told_with_its_log() {
        let [first, later] =
            ["2026", "2026-002"].map(|name| format!("xa.example/chancery/administration/{name}"));
        assert_eq!(numbered(Some(&first), &first, 65), "65");
        assert_eq!(numbered(Some(&first), &later, 7), "7 of 2026-002");
    }
}
