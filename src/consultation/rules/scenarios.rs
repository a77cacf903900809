//! The scenarios S1 to S6 over casebooks: every party judges what the sender judged, with exactly the codes given.

use std::collections::BTreeMap;

use crate::consultation::act::Act;
use crate::consultation::casebook::{Casebook, Incoming, Outcome};
use crate::consultation::charter::Charter;
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::Severity;
use crate::consultation::rules::drafts::{self, Draft, office};
use crate::consultation::rules::said::{self, Line};
use crate::consultation::rules::samples::ministry;
use crate::consultation::rules::scenes::codes;
use crate::consultation::state::samples::{DAY, act};
use crate::consultation::state::{stage, will};
use crate::digest::Digest;
use crate::message::terms::{Level, Precedence};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

mod exchange;
mod transfer;

/// Parties with a casebook each, and a clock.
struct World {
    parties: Vec<&'static str>,
    books: BTreeMap<Ministry, Casebook>,
    at: Timestamp,
    count: u8,
    held: Vec<Incoming>,
}

impl World {
    /// XB proposes a consultation to these parties, each with its role; all Powers accept.
    fn open(roles: &[(&'static str, &str)]) -> Self {
        let parties: Vec<&str> = roles.iter().map(|(party, _)| *party).collect();
        let book = || {
            Casebook::new(
                drafts::channel(&parties),
                Charter::default_for(parties.iter().map(|one| ministry(one))),
            )
        };
        let books = parties.iter().map(|party| (ministry(party), book())).collect();
        let at = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
        let mut world = Self { parties: parties.clone(), books, at, count: 0, held: Vec::new() };
        let party = |(ministry, role): &(&str, &str)| {
            format!("{{ ministry = \"{ministry}\", roles = [\"{role}\"] }}")
        };
        let proposal = format!(
            "consultation = \"C-4T9M-W2KX-7CQW\"\nsubject = \"Prisoners of war\"\nparties = [{}]\nopen_until_time = \"2026-12-02T10:00:00Z\"",
            roles.iter().map(party).collect::<Vec<_>>().join(", ")
        );
        world.step("XB", "consultation-proposal", &proposal, "");
        for (party, role) in roles.iter().filter(|(party, _)| *party != "XB") {
            if !matches!(*role, "ICRC" | "INTERMEDIARY") {
                world.step(party, "consultation-reply", "reply = \"ACCEPT\"", "");
            }
        }
        world
    }

    /// XB detains, XA receives, IC observes.
    fn two() -> Self {
        Self::open(&[("XB", "DETAINING_POWER"), ("XA", "RECEIVING_POWER"), ("IC", "ICRC")])
    }

    /// Ten minutes later `sender` says this; its desk finds exactly these codes, and sends it where there is none.
    #[track_caller]
    fn step(&mut self, sender: &str, kind: &str, fields: &str, expected: &str) -> String {
        self.changed(sender, kind, fields, expected, |_| {})
    }

    #[track_caller]
    fn changed(
        &mut self,
        sender: &str,
        kind: &str,
        fields: &str,
        expected: &str,
        change: impl FnOnce(&mut Draft),
    ) -> String {
        self.at = self.at.after(std::time::Duration::from_secs(600));
        let incoming = self.draft(sender, act(kind, fields), change);
        let findings = self.book(sender).judge_draft(&incoming);
        assert_eq!(codes(&findings, Severity::Error), expected, "{kind} by {sender}: {findings:#?}");
        let reference = incoming.reference.dispatch_digest().hex();
        if expected.is_empty() {
            self.deliver(&incoming);
        }
        reference
    }

    /// As `step`, but for the time being only its own desk registers it.
    #[track_caller]
    fn delayed(&mut self, sender: &str, kind: &str, fields: &str, expected: &str) {
        self.at = self.at.after(std::time::Duration::from_secs(600));
        let incoming = self.draft(sender, act(kind, fields), |_| {});
        let findings = self.book(sender).judge_draft(&incoming);
        assert_eq!(codes(&findings, Severity::Error), expected, "{kind} by {sender}: {findings:#?}");
        self.books.get_mut(&ministry(sender)).unwrap().offer(incoming.clone());
        self.held.push(incoming);
    }

    /// What was delayed arrives.
    fn flush(&mut self) {
        for incoming in std::mem::take(&mut self.held) {
            self.deliver(&incoming);
        }
    }

    fn draft(&mut self, sender: &str, act: Act, change: impl FnOnce(&mut Draft)) -> Incoming {
        self.count += 1;
        let book = self.book(sender);
        let (number, basis) = (book.next_number(&ministry(sender)), book.draft_basis());
        let mut draft = Draft::new(&self.parties, sender, number, &basis, self.at, act);
        draft.dispatch.salt = [self.count; 32];
        change(&mut draft);
        let digest = Digest::of(&draft.dispatch.bytes());
        Incoming::new(draft.address, draft.position, draft.dispatch, digest, Some(draft.authorities))
    }

    /// Every desk registers it, and none finds what the sender did not find.
    #[track_caller]
    fn deliver(&mut self, incoming: &Incoming) {
        for (party, book) in &mut self.books {
            for outcome in book.offer(incoming.clone()) {
                if let Outcome::Registered { verdict, findings, .. } = outcome {
                    assert!(verdict.stands(), "at {party}: {findings:#?}");
                }
            }
        }
    }

    fn book(&self, party: &str) -> &Casebook {
        &self.books[&ministry(party)]
    }

    /// The stage of a person, the same at every desk.
    #[track_caller]
    fn stage(&self, person: &str, expected: &str) {
        for (party, book) in &self.books {
            let case = stage::stage(&book.everything(), &known(person), self.at, book.charter());
            assert_eq!(case.shown().to_string(), expected, "{person} at {party}");
        }
    }

    /// The will of a person, the same at every desk.
    #[track_caller]
    fn will(&self, person: &str, expected: &str) {
        for (party, book) in &self.books {
            let will = will::will(&book.everything(), &known(person), self.at, book.charter());
            assert_eq!(will.standing.word(), expected, "{person} at {party}");
        }
    }

    fn wait(&mut self, days: u64) {
        self.at = self.at.after(std::time::Duration::from_secs(days * DAY));
    }

    /// A case with a statement for one place and against another, both assessed; what a line of an agreement rests on.
    fn ready(&mut self, person: &'static str) -> (String, String) {
        self.step("XB", "case-registration", &said::case_of(person, "PRISONER_OF_WAR", "XD"), "");
        let statement = said::statement(self.at, person, &["XA"], &["XD"]);
        let will = self.step("XB", "expression-of-will", &statement, "");
        let barred = said::assessment(self.at, person, "XD", "SUBSTANTIAL_GROUNDS");
        self.step("XB", "protection-assessment", &barred, "");
        (will, self.assess(person))
    }

    /// An assessment that clears XA.
    fn assess(&mut self, person: &str) -> String {
        let clear = said::assessment(self.at, person, "XA", "NO_SUBSTANTIAL_GROUNDS");
        self.step("XB", "protection-assessment", &clear, "")
    }

    /// A note of XB and the identical reply of XA for persons who go to XA.
    fn agree(&mut self, id: &str, lines: &[(&str, &(String, String))]) {
        let fields = self.note(id, lines);
        let note = self.step("XB", "agreement-note", &fields, "");
        self.step("XA", "agreement-reply", &said::reply(&note, &fields, &["en", "ko", "uk"]), "");
    }

    fn note(&self, id: &str, lines: &[(&str, &(String, String))]) -> String {
        let lines: Vec<Line<'_>> = lines
            .iter()
            .map(|(person, (will, protection))| Line { person, place: "XA", will, protection })
            .collect();
        said::note(self.at, id, "RELEASE_AND_SETTLEMENT", ["XA", "XB"], &lines)
    }

    /// An arrangement of XB in three days that XA confirms; its reference.
    fn arrange(&mut self, id: &str, agreement: &str, persons: &[&str]) -> String {
        let fields = said::arrangement(self.at, id, agreement, persons, 72);
        let arrangement = self.step("XB", "handover-arrangement", &fields, "");
        self.step("XA", "handover-confirmation", &said::confirmation(id, &arrangement, persons), "");
        arrangement
    }

    /// What XB's desk answers to clear-to-depart.
    fn departure(&self, person: &str, arrangement: &str) -> String {
        let id = crate::consultation::acts::values::EntryId::parse(arrangement).unwrap();
        let book = self.book("XB");
        let clear = crate::consultation::state::departure::clear_to_depart;
        let stops = clear(&book.everything(), &known(person), &id, self.at, book.charter());
        let mut words: Vec<&str> = stops.iter().map(|stop| stop.rule.word()).collect();
        words.dedup();
        words.join(" ")
    }

    /// A last private statement, fitness, and GO of both.
    fn last_check(&mut self, person: &str, arrangement: &str) {
        let statement = said::statement(self.at, person, &["XA"], &["XD"]);
        self.step("XB", "expression-of-will", &statement, "");
        let fitness = said::fitness(self.at, person);
        self.step("XB", "medical-finding", &fitness, "");
        for party in ["XA", "XB"] {
            let go = said::go(self.at, arrangement);
            self.step(party, "go-no-go", &go, "");
        }
    }
}

fn known(person: &str) -> PersonRef {
    match person {
        "P1" => crate::consultation::state::samples::person(1),
        "P2" => crate::consultation::state::samples::person(2),
        "P3" => crate::consultation::state::samples::person(3),
        full => PersonRef::parse(full).unwrap(),
    }
}

const POSITION: &str = r#"category = "prisoners who request admission"
    kind = "WILLING_TO_ADMIT"
    legal_basis = [{ instrument = "GC-III-1949", provision = "Art. 118 declaration" }]
    may_be_quoted_publicly = false"#;

#[test]
fn s1_a_position_is_conveyed() {
    let mut world = World::two();
    let mut refused = |codes: &str, change: fn(&mut Draft)| {
        world.changed("XA", "position-statement", POSITION, codes, change);
    };
    refused("ROL_01", |d| d.authorities.drafter = Some(office("XA", "initials")));
    refused("CLS_01", |d| (d.address.level, d.dispatch.marking.level) = (Level::Secret, Level::Secret));
    refused("PRE_01", |d| d.address.precedence = Precedence::Flash);
    refused("CLS_02", |d| d.address.releasable_to.retain(|one| one.as_str() != "IC"));
    world.step("XA", "position-statement", POSITION, "");
    world.stage("P1", "UNKNOWN");
}

#[test]
fn s2_a_prisoner_asks_to_settle() {
    let mut world = World::two();
    let case = said::case_of("P1", "PRISONER_OF_WAR", "XD");
    world.step("XA", "case-registration", &case, "CON_03");
    world.step("XB", "case-registration", &case, "");
    let indication = world.step("XB", "will-indication", "person = \"P1\"\nsource = \"MEDIA_INTERVIEW\"", "");
    world.will("P1", "INDICATED");
    let assessed = world.assess("P1");
    let note = world.note("A-0", &[("P1", &(indication, assessed))]);
    world.step("XB", "agreement-note", &note, "WIL_08");
    let table: [(&str, &str, &str); 5] = [
        (
            "WIL_02 WIL_05",
            r#"{ function = "INTERPRETER", affiliation = "court", neutral = true"#,
            r#"{ function = "INTELLIGENCE_OR_SECURITY", affiliation = "XA", neutral = false, co_signed = false },
            { function = "INTERPRETER", affiliation = "XA", neutral = false"#,
        ),
        (
            "WIL_05",
            "attendees = [",
            r#"attendees = [{ function = "MEDIA", affiliation = "press", neutral = false, co_signed = false },"#,
        ),
        ("WIL_02", r#"affiliation = "IC", neutral = true"#, r#"affiliation = "XB camp", neutral = false"#),
        ("WIL_04", "\"ICRC_ACCESS\",", ""),
        ("WIL_06", "no_waiver_of_rights = true", "no_waiver_of_rights = false"),
    ];
    for (codes, from, to) in table {
        let fields = said::statement(world.at, "P1", &["XA"], &["XD"]);
        assert!(fields.contains(from), "{from}");
        world.step("XB", "expression-of-will", &fields.replace(from, to), codes);
    }
    let hasty = said::statement(world.at, "P1", &["XA"], &["XD"]);
    let long_ago = world.at.before(std::time::Duration::from_secs(26 * 3600)).to_string();
    let just_now = world.at.before(std::time::Duration::from_secs(3600)).to_string();
    world.step("XB", "expression-of-will", &hasty.replace(&long_ago, &just_now), "WIL_05");
    let good = said::statement(world.at, "P1", &["XA", "REMAIN_IN_DETAINING_STATE"], &["XD"]);
    world.step("XB", "expression-of-will", &good, "");
    world.will("P1", "CURRENT");
}
