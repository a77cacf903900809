//! What stands above the moves of a script.

use std::collections::BTreeMap;
use std::time::Duration;

use toml_edit::Item;

use super::{CharterPlan, Party, SCRIPT_REPEATED, SCRIPT_VALUE, Script};
use crate::consultation::acts::values::{LanguageCode, Span};
use crate::consultation::charter::{
    ASSESSMENT_VALIDITY_MAX, COOLING_OFF_MIN, FITNESS_VALIDITY_MAX, FOREIGN_HOLD_MAX, FOREIGN_HOLD_MIN,
    GO_WINDOW_MAX, NOTICE_MAX, NOTICE_MIN, RECONFIRM_MAX, REPORT_TOLERANCE_MAX, WILL_VALIDITY_MAX,
    WITNESSES_MIN,
};
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::words::PartyRole;
use crate::desk::form::reader::{Fields, Report, Wrong, ministry, string, term, time};
use crate::entropy::Entropy;
use crate::limits;
use crate::message::terms::Level;
use crate::rehearsal::dice::Dice;
use crate::time::Timestamp;
use crate::trust::name::{Authority, Label};

/// Parameters of the charter that are lengths of time.
pub(in crate::rehearsal) const SPANS: [&str; 14] = [
    "will_validity",
    "reconfirm_before_handover",
    "cooling_off",
    "assessment_validity",
    "fitness_validity",
    "notice_before_handover",
    "go_no_go_window",
    "report_tolerance",
    "foreign_hold_validity",
    "countersign_within",
    "erasure_after_closure",
    "flash_deadline",
    "immediate_deadline",
    "priority_deadline",
];

/// The offices of a party that names none, and what each may do.
pub(super) const USUAL_OFFICES: &[(&str, &[Authority])] = &[
    ("drafting-01", &[Authority::Draft]),
    ("legal-01", &[Authority::Clear, Authority::ClearLegal]),
    ("releasing-01", &[Authority::Release]),
    ("head", &[Authority::Conclude]),
    ("duty-01", &[Authority::ReleaseProtective]),
    ("seal", &[Authority::Seal]),
];

/// Reads it; what is wrong is reported, and something that fits takes its place.
pub(super) fn read(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Script {
    let title = fields.required(report, "title", |item| Ok(string(item)?.to_owned()));
    let summary = fields.optional(report, "summary", |item| Ok(string(item)?.trim().to_owned()));
    let start = fields.optional(report, "start", time).unwrap_or(Timestamp::from_seconds(1_772_438_400));
    let pace = fields.optional(report, "pace", span).unwrap_or(Duration::from_secs(600));
    let seed = fields.optional(report, "seed", number).unwrap_or(1);
    let dice = Dice::thrown(seed, "heading");
    let consultation =
        fields.optional(report, "consultation", |item| Ok(ConsultationId::parse(string(item)?)?));
    let opened = fields.optional(report, "opened", flag).unwrap_or(true);
    let charter = table(fields, report, "charter", charter).unwrap_or_default();
    let parties = parties(fields, report);
    let persons = persons(fields, report, &dice);
    let known_names = fields.each(report, "known_names", |text| Ok(text.to_owned()));
    let network = table(fields, report, "network", network).unwrap_or_default();
    Script {
        title: title.unwrap_or_default(),
        summary: summary.unwrap_or_default(),
        start: start.minute(),
        pace,
        seed,
        consultation: consultation.unwrap_or_else(|| minted(ConsultationId::mint(&dice))),
        opened,
        charter,
        parties,
        persons,
        known_names,
        network,
        moves: Vec::new(),
        faulty: Vec::new(),
    }
}

/// Dice never run out.
#[expect(clippy::expect_used, reason = "dice give as many bytes as are asked for")]
fn minted<T>(reference: Result<T, crate::entropy::NoEntropy>) -> T {
    reference.expect("dice always fall")
}

/// A table that may be absent.
fn table<'t, T>(
    fields: &mut Fields<'t>,
    report: &mut Report<'_>,
    name: &'static str,
    read: impl FnOnce(&mut Fields<'_>, &mut Report<'_>) -> T,
) -> Option<T> {
    if !fields.has(name) {
        // Known, though it is not there.
        fields.optional(report, name, |_| Ok(()));
        return None;
    }
    let mut inner = fields.inner(report, name)?;
    let value = read(&mut inner, report);
    inner.finish(report);
    Some(value)
}

fn charter(fields: &mut Fields<'_>, report: &mut Report<'_>) -> CharterPlan {
    let ceiling = fields.optional(report, "ceiling", |item| term(string(item)?, Level::ALL, Level::word));
    let languages = fields.each(report, "working_languages", language);
    let prevailing = fields.optional(report, "prevailing_language", |item| language(string(item)?));
    let count = |item: &Item| Ok(u32::try_from(number(item)?).unwrap_or(u32::MAX));
    let witnesses =
        (fields.optional(report, "witnesses", count), fields.optional(report, "neutral_witnesses", count));
    if witnesses.1 == Some(0) {
        let wrong = Wrong::new(SCRIPT_VALUE, "one neutral witness at least is always needed (WIL_02)", "");
        report.add(fields.span_of("neutral_witnesses"), &fields.path("neutral_witnesses"), wrong);
    }
    if witnesses.0.is_some_and(|count| count < WITNESSES_MIN) {
        let wrong = Wrong::new(SCRIPT_VALUE, "two witnesses at least are always needed (CHN_10)", "");
        report.add(fields.span_of("witnesses"), &fields.path("witnesses"), wrong);
    }
    let mut spans = BTreeMap::new();
    for name in SPANS {
        if let Some(length) = fields.optional(report, name, span) {
            spans.insert(name, length);
        }
    }
    for (name, length) in &spans {
        if let Some(wrong) = beyond(name, *length) {
            report.add(fields.span_of(name), &fields.path(name), wrong);
        }
    }
    CharterPlan { ceiling, languages, prevailing, spans, witnesses }
}

/// What no charter may say (CHN_10), and what would leave nothing of the rule that it is for.
fn beyond(name: &str, length: Duration) -> Option<Wrong> {
    let (least, most) = bounds(name);
    let words = |length: Duration| match length.as_secs() {
        seconds if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        seconds => format!("{}h", seconds / 3_600),
    };
    let (message, hint) = match () {
        () if length.is_zero() => ("a length of time is not 0", String::new()),
        () if length < least => {
            ("no charter may say so short a time (CHN_10)", format!("{} at least", words(least)))
        }
        () if length > most => {
            ("no charter may say so long a time (CHN_10)", format!("{} at most", words(most)))
        }
        () => return None,
    };
    Some(Wrong::new(SCRIPT_VALUE, message, hint))
}

/// Between what lengths of time a parameter lies under any charter.
fn bounds(name: &str) -> (Duration, Duration) {
    match name {
        "will_validity" => (Duration::ZERO, WILL_VALIDITY_MAX),
        "reconfirm_before_handover" => (Duration::ZERO, RECONFIRM_MAX),
        "cooling_off" => (COOLING_OFF_MIN, Duration::MAX),
        "assessment_validity" => (Duration::ZERO, ASSESSMENT_VALIDITY_MAX),
        "fitness_validity" => (Duration::ZERO, FITNESS_VALIDITY_MAX),
        "notice_before_handover" => (NOTICE_MIN, NOTICE_MAX),
        "go_no_go_window" => (Duration::ZERO, GO_WINDOW_MAX),
        "report_tolerance" => (Duration::ZERO, REPORT_TOLERANCE_MAX),
        "foreign_hold_validity" => (FOREIGN_HOLD_MIN, FOREIGN_HOLD_MAX),
        _ => (Duration::ZERO, Duration::MAX),
    }
}

fn network(fields: &mut Fields<'_>, report: &mut Report<'_>) -> (Duration, Duration) {
    let least = fields.optional(report, "least", span).unwrap_or_default();
    let most = fields.optional(report, "most", span).unwrap_or(least);
    if most < least {
        let wrong = Wrong::new(SCRIPT_VALUE, "the longest delay is shorter than the shortest", "");
        report.add(fields.span_of("most"), &fields.path("most"), wrong);
    }
    (least, most.max(least))
}

fn parties(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Vec<Party> {
    let Some(table) = fields.inner(report, "parties") else { return Vec::new() };
    let mut parties = Vec::new();
    for (code, item) in table.table().iter() {
        let path = table.path(code);
        let ministry = match ministry(code) {
            Ok(ministry) => ministry,
            Err(wrong) => {
                report.add(item.span(), &path, wrong);
                continue;
            }
        };
        let Some(inner) = item.as_table_like() else {
            report.add(
                item.span(),
                &path,
                Wrong::of_type("a table such as { roles = [\"DETAINING_POWER\"] }"),
            );
            continue;
        };
        let mut fields = Fields::new(inner, &path, item.span());
        let role = |text: &str| term(text, PartyRole::ALL, PartyRole::word);
        let errors = report.errors.len();
        let roles = fields.each(report, "roles", role);
        if roles.is_empty() && report.errors.len() == errors {
            let words: Vec<&str> = PartyRole::ALL.iter().map(|role| role.word()).collect();
            let hint = format!("roles = [...] with one or more of: {}", words.join(", "));
            let wrong = Wrong::new(SCRIPT_VALUE, "a party has at least one role", hint);
            report.add(fields.span_of("roles"), &fields.path("roles"), wrong);
        }
        let language = fields.optional(report, "language", |item| language(string(item)?));
        let offices = offices(&mut fields, report);
        fields.finish(report);
        parties.push(Party {
            ministry,
            roles,
            language: language.unwrap_or_else(|| "en".to_owned()),
            offices,
        });
    }
    if !(2..=limits::ADDRESSEES_MAX.saturating_add(1)).contains(&parties.len()) {
        let wrong = Wrong::new(SCRIPT_VALUE, "two parties at least, and 17 at most, take part", "");
        report.add(table.span(), "parties", wrong);
    }
    parties.sort_by(|a, b| a.ministry.cmp(&b.ministry));
    parties
}

/// The usual offices, and those that are named: `offices = { night-02 = ["RELEASE_PROTECTIVE"] }`.
fn offices(fields: &mut Fields<'_>, report: &mut Report<'_>) -> BTreeMap<Label, Vec<Authority>> {
    let usual =
        USUAL_OFFICES.iter().filter_map(|(label, may)| Some((Label::parse(label).ok()?, may.to_vec())));
    let mut offices: BTreeMap<Label, Vec<Authority>> = usual.collect();
    if !fields.has("offices") {
        fields.optional(report, "offices", |_| Ok(()));
        return offices;
    }
    let Some(table) = fields.inner(report, "offices") else { return offices };
    for (name, item) in table.table().iter() {
        let path = table.path(name);
        let words = item.as_array().map(|words| words.iter().map(toml_edit::Value::as_str).collect());
        let words: Option<Option<Vec<&str>>> = words;
        match (Label::parse(name), words.flatten()) {
            (Err(_), _) => {
                let hint = "small letters, digits and hyphens: releasing-02";
                report.add(item.span(), &path, Wrong::new(SCRIPT_VALUE, "not the label of an office", hint));
            }
            (Ok(_), None) => report.add(item.span(), &path, Wrong::of_type("a list of authorities")),
            (Ok(label), Some(words)) => {
                let mut may = Vec::new();
                for word in words {
                    match authority(word) {
                        Ok(authority) => may.push(authority),
                        Err(wrong) => report.add(item.span(), &path, wrong),
                    }
                }
                offices.insert(label, may);
            }
        }
    }
    offices
}

fn authority(word: &str) -> Result<Authority, Wrong> {
    let plain = word.to_ascii_lowercase().replace('_', "-");
    Authority::parse(&plain).map_err(|_| {
        let words: Vec<String> =
            Authority::ALL.iter().map(|one| one.word().to_ascii_uppercase().replace('-', "_")).collect();
        Wrong::new(SCRIPT_VALUE, "not an authority", format!("one of: {}", words.join(", ")))
    })
}

/// Persons: `P1 = "P-7QK4-M2XD-9WTV"`, or `P1 = "new"` for a reference that is minted.
fn persons(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    dice: &dyn Entropy,
) -> BTreeMap<String, PersonRef> {
    let mut persons: BTreeMap<String, PersonRef> = BTreeMap::new();
    if !fields.has("persons") {
        fields.optional(report, "persons", |_| Ok(()));
        return persons;
    }
    let Some(table) = fields.inner(report, "persons") else { return persons };
    for (name, item) in table.table().iter() {
        let path = table.path(name);
        let person = match string(item) {
            Ok("new") => Ok(minted(PersonRef::mint(dice))),
            Ok(text) => PersonRef::parse(text)
                .map_err(|fault| Wrong::from(fault.hint("\"new\" mints a reference that is valid"))),
            Err(wrong) => Err(wrong),
        };
        match person {
            Ok(person) if persons.values().any(|other| *other == person) => {
                let message = "another person of this script has the same reference";
                report.add(item.span(), &path, Wrong::new(SCRIPT_REPEATED, message, "write \"new\""));
            }
            Ok(person) => {
                persons.insert(name.to_owned(), person);
            }
            Err(wrong) => report.add(item.span(), &path, wrong),
        }
    }
    persons
}

/// A length of time such as `3d`, or of several units such as `2d12h`.
pub(super) fn span(item: &Item) -> Result<Duration, Wrong> {
    let text = string(item)?;
    length(text).ok_or_else(|| {
        let hint = "write days, hours, minutes or seconds: 3d, 26h, 2d12h, 10m";
        Wrong::new(SCRIPT_VALUE, "not a length of time", hint)
    })
}

/// The length of time that a text means.
pub(super) fn length(text: &str) -> Option<Duration> {
    let mut whole = Duration::ZERO;
    for part in text.split_inclusive(|c: char| c.is_ascii_alphabetic()) {
        if part == "0m" || part == "0s" || part == "0h" || part == "0d" {
            continue;
        }
        whole = whole.checked_add(Span::parse(part).ok()?.duration())?;
    }
    (!text.is_empty()).then_some(whole)
}

fn language(text: &str) -> Result<String, Wrong> {
    Ok(LanguageCode::parse(text)?.as_str().to_owned())
}

pub(super) fn number(item: &Item) -> Result<u64, Wrong> {
    let number = item.as_integer().and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| Wrong::of_type("a number from 0"))
}

pub(super) fn flag(item: &Item) -> Result<bool, Wrong> {
    item.as_bool().ok_or_else(|| Wrong::of_type("true or false"))
}
