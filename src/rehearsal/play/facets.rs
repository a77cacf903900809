//! What a check can look at, by name: where a case and the consultation stand, as desks see them.

use crate::consultation::act::ActKind;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::RegionCode;
use crate::consultation::casebook::Casebook;
use crate::consultation::reference::PersonRef;
use crate::consultation::state::opening::{self, Opening};
use crate::consultation::state::places::Spoken;
use crate::consultation::state::protection::ProtectionStanding;
use crate::consultation::state::reached::Stage;
use crate::consultation::state::will::WillStanding;
use crate::consultation::state::{custody, exposure, holds, judicial, medical, protection, stage, will};
use crate::consultation::suggest::nearest;
use crate::consultation::words::{DestinationKind, HandoverOutcome};
use crate::desk::form::reader::Wrong;
use crate::rehearsal::script::{Check, SCRIPT_VALUE};
use crate::time::Timestamp;

/// A facet: its name, whether it is one person's, and how what is expected of it is read.
pub(in crate::rehearsal) type Facet = (&'static str, bool, fn(&str) -> Result<String, Wrong>);

/// All of them.
pub(in crate::rehearsal) const ALL: &[Facet] = &[
    ("stage", true, stage_word),
    ("will", true, will_word),
    ("protection", true, protection_word),
    ("fitness", true, fitness_word),
    ("judicial", true, judicial_word),
    ("holds", true, count),
    ("exposure", true, exposure_word),
    ("consultation", false, consultation),
    ("cases", false, count),
    ("positions", false, count),
    ("acts", false, count),
    ("waiting", false, count),
];

/// How a stage begins of whoever was not handed over.
const REMAINS: &str = "REMAINS";

/// A state in the one spelling in which states are compared: capitals, and single spaces between words.
pub(in crate::rehearsal) fn plain(text: &str) -> String {
    let letters = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_uppercase() } else { ' ' };
    let spaced: String = text.chars().map(letters).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a desk sees in a facet.
pub(super) fn of(name: &str, casebook: &Casebook, check: &Check, now: Timestamp) -> String {
    let past = casebook.everything();
    let Some(person) = check.person else { return of_all(name, casebook, now) };
    match name {
        "protection" => match check.destination.as_deref().and_then(destination) {
            Some(destination) => {
                protection::protection(&past, &person, Spoken::now(&destination), now, casebook.charter())
                    .standing
                    .to_string()
            }
            None => "NO DESTINATION".to_owned(),
        },
        name => {
            let states = all_of_person(casebook, &person, now);
            let state = states.into_iter().find(|(facet, _)| *facet == name);
            state.map_or_else(|| of_all(name, casebook, now), |(_, state)| state)
        }
    }
}

fn of_all(name: &str, casebook: &Casebook, now: Timestamp) -> String {
    let past = casebook.everything();
    let standing = |kind| past.of_kind(kind).filter(|one| one.stands()).count();
    match name {
        "consultation" => opening::state(&past, now).to_string(),
        "cases" => past.persons().filter(|person| custody::case(&past, person).is_some()).count().to_string(),
        "positions" => standing(ActKind::PositionStatement).to_string(),
        "acts" => past.acts().count().to_string(),
        "waiting" => casebook.waiting().count().to_string(),
        _ => "NO PERSON".to_owned(),
    }
}

/// How the consultation stands.
pub(super) fn of_consultation(casebook: &Casebook, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut states: Vec<(&'static str, String)> =
        ["consultation", "acts"].iter().map(|name| (*name, of_all(name, casebook, now))).collect();
    let waiting = of_all("waiting", casebook, now);
    if waiting != "0" {
        states.push(("waiting", waiting));
    }
    states
}

/// Everything a desk sees of one person's case.
pub(super) fn all_of_person(
    casebook: &Casebook,
    person: &PersonRef,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let (past, charter) = (casebook.everything(), casebook.charter());
    let open = exposure::open(&past, person);
    vec![
        ("stage", plain(&stage::stage(&past, person, now, charter).shown().to_string())),
        ("will", will::will(&past, person, now, charter).standing.to_string()),
        ("fitness", medical::fitness(&past, person, now, charter).standing.to_string()),
        ("judicial", judicial::judicial(&past, person).standing.to_string()),
        ("holds", holds::active(&past, person, now, charter).len().to_string()),
        ("exposure", if open.is_empty() { "NONE".to_owned() } else { "OPEN".to_owned() }),
    ]
}

/// What stops the case of a person who is shown as held: a hold is one of several things that may.
pub(super) fn held_by(casebook: &Casebook, person: &PersonRef, now: Timestamp) -> Option<String> {
    let (past, charter) = (casebook.everything(), casebook.charter());
    let case = stage::stage(&past, person, now, charter);
    let words: Vec<&str> = case.stops.iter().map(|stop| stop.word()).collect();
    (case.shown() == Stage::Held).then(|| words.join(" and "))
}

/// Reads where a check asks after protection.
pub(in crate::rehearsal) fn destination_word(text: &str) -> Result<String, Wrong> {
    if destination(text).is_some() {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(SCRIPT_VALUE, "no such destination", "the code of a State such as XA, ORIGIN or REMAIN"))
}

/// A destination as checks write it: the code of a State, ORIGIN, REMAIN.
fn destination(text: &str) -> Option<Destination> {
    match text {
        "REMAIN" => Some(Destination::RemainInDetainingState),
        "ORIGIN" => Some(Destination::PowerOfOrigin),
        text if text == DestinationKind::RemainInDetainingState.word() => {
            Some(Destination::RemainInDetainingState)
        }
        text if text == DestinationKind::PowerOfOrigin.word() => Some(Destination::PowerOfOrigin),
        text => RegionCode::parse(text).ok().map(Destination::NamedState),
    }
}

fn word_of(text: &str, words: &[&str]) -> Result<String, Wrong> {
    let plain = plain(text);
    if words.contains(&plain.as_str()) {
        return Ok(plain);
    }
    let hint = match nearest(&plain, words.iter().copied()) {
        Some(known) => format!("did you mean {known}?"),
        None => format!("one of: {}", words.join(", ")),
    };
    Err(Wrong::new(SCRIPT_VALUE, "no such state", hint))
}

fn words<T: Copy>(all: &'static [T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| word(*one)).collect()
}

/// A stage; of those who remain with the outcome, as nobody just remains.
fn stage_word(text: &str) -> Result<String, Wrong> {
    let stage = plain(text);
    if stage.starts_with(REMAINS) {
        let outcomes = HandoverOutcome::ALL.iter().filter(|one| **one != HandoverOutcome::HandedOver);
        let all: Vec<String> = outcomes.map(|one| format!("{REMAINS} {}", one.word())).collect();
        if all.contains(&stage) {
            return Ok(stage);
        }
        let hint = format!("one of: {}", all.join(", "));
        return Err(Wrong::new(SCRIPT_VALUE, "it is not said by which outcome he remains", hint));
    }
    word_of(
        text,
        &[
            "UNKNOWN",
            "REGISTERED",
            "PROPOSED",
            "REQUESTED",
            "AGREED",
            "ARRANGED",
            "CLEARED",
            "HELD",
            "REPORTED_ONCE",
            "HANDED_OVER",
            "DISPUTED",
            "IRREGULAR",
            "DECEASED",
        ],
    )
}

fn will_word(text: &str) -> Result<String, Wrong> {
    word_of(text, &words(WillStanding::ALL, WillStanding::word))
}

fn protection_word(text: &str) -> Result<String, Wrong> {
    word_of(text, &words(ProtectionStanding::ALL, ProtectionStanding::word))
}

fn exposure_word(text: &str) -> Result<String, Wrong> {
    word_of(text, &["NONE", "OPEN"])
}

fn consultation(text: &str) -> Result<String, Wrong> {
    word_of(text, &words(Opening::ALL, Opening::word))
}

fn fitness_word(text: &str) -> Result<String, Wrong> {
    word_of(text, &words(medical::FitnessStanding::ALL, medical::FitnessStanding::word))
}

fn judicial_word(text: &str) -> Result<String, Wrong> {
    word_of(text, &words(judicial::JudicialStanding::ALL, judicial::JudicialStanding::word))
}

fn count(text: &str) -> Result<String, Wrong> {
    match text.parse::<u64>() {
        Ok(number) => Ok(number.to_string()),
        Err(_) => Err(Wrong::new(SCRIPT_VALUE, "not a number", "write it in quotes: \"1\"")),
    }
}
