//! The guards of an agreement: one line, and one thing that stands against it.

use crate::consultation::rules::Rule;
use crate::consultation::rules::said::{Line, assessment, case_of, note, publicity, statement};
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::samples::{DAY, Scene};

/// The first person, who wants to go to XA or XC and not to XD; both were assessed, XA is clear, XD is barred.
pub(in crate::consultation::rules) struct Ready {
    pub(in crate::consultation::rules) scene: Scene,
    will: String,
    protection: String,
}

impl Ready {
    pub(in crate::consultation::rules) fn new() -> Self {
        let mut scene = Scene::opened();
        scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XD"));
        let will =
            scene.say("XB", "expression-of-will", &statement(scene.at(), "P1", &["XA", "XC"], &["XD"]));
        scene.say("XB", "protection-assessment", &assessment(scene.at(), "P1", "XD", "SUBSTANTIAL_GROUNDS"));
        let clear = assessment(scene.at(), "P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
        let protection = scene.say("XB", "protection-assessment", &clear);
        Self { scene, will, protection }
    }

    /// Something said before.
    pub(in crate::consultation::rules) fn after(mut self, sender: &str, kind: &str, fields: &str) -> Self {
        self.scene.say(sender, kind, fields);
        self
    }

    pub(in crate::consultation::rules) fn fields(&self, place: &str, route: &str) -> String {
        let line = Line { person: "P1", place, will: &self.will, protection: &self.protection };
        note(self.scene.at(), "A-9", route, ["XA", "XB"], &[line])
    }

    /// The same, by a route that may have to say which exchange it settles.
    fn by(&self, place: &str, route: &str) -> String {
        let settled = format!("route = \"EXCHANGE\"\nexchange_terms_sha256 = \"{}\"", self.will);
        self.fields(place, route).replace("route = \"EXCHANGE\"", &settled)
    }

    /// A note of XB that sends him there.
    pub(in crate::consultation::rules) fn note_to(&self, place: &str) -> Case {
        Case::new(&self.scene, "XB", "agreement-note", &self.fields(place, "RELEASE_AND_SETTLEMENT"))
    }

    /// A note of XB that sends him to XA, with these words replaced.
    pub(in crate::consultation::rules) fn changed(&self, from: &str, to: &str) -> Case {
        let fields = self.fields("XA", "RELEASE_AND_SETTLEMENT");
        assert!(fields.contains(from), "{from}");
        Case::new(&self.scene, "XB", "agreement-note", &fields.replace(from, to))
    }

    /// The statement that counts from now on was taken by somebody else.
    pub(in crate::consultation::rules) fn stated_by(mut self, sender: &str) -> Self {
        let fields = statement(self.scene.at(), "P1", &["XA", "XC"], &["XD"]);
        self.will = self.scene.say(sender, "expression-of-will", &fields);
        self
    }

    /// The statement that counts from now on.
    fn states(mut self, accepts: &[&str], refuses: &[&str]) -> Self {
        let fields = statement(self.scene.at(), "P1", accepts, refuses);
        self.will = self.scene.say("XB", "expression-of-will", &fields);
        self
    }
}

const P1: &str = "person = \"P1\"";
const HELD: &str = "persons = [\"P1\"]";

#[test]
fn nothing_stands_against_a_person_who_wants_to_go_and_may() {
    Ready::new().note_to("XA").passes();
}

#[test]
fn agr_03_nobody_who_died_is_on_a_list() {
    Ready::new()
        .after("XB", "death-notice", &format!("{P1}\ninquiry_opened = true"))
        .note_to("XA")
        .fails("AGR_03");
}

#[test]
fn hld_01_a_hold_stops_until_it_is_released() {
    let held = Ready::new().after("XA", "hold-notice", HELD);
    held.note_to("XA").fails("HLD_01");
    held.note_to("XA").silent(Rule::Hld03);
}

#[test]
fn hld_03_a_foreign_hold_lapses_and_is_remembered() {
    let mut held = Ready::new().after("XA", "hold-notice", HELD);
    held.scene.wait(15 * DAY);
    held.note_to("XA").passes();
    held.note_to("XA").warns(Rule::Hld03);
}

#[test]
fn wil_01_a_statement_is_there_and_not_too_old() {
    let mut old = Ready::new();
    old.scene.wait(90 * DAY);
    old.note_to("XA").fails("WIL_01");
    let mut none = Ready::new();
    none.scene = Scene::opened();
    none.scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XD"));
    none.note_to("XA").fails("PRO_01 WIL_01");
}

#[test]
fn wil_03_the_destination_is_accepted_and_not_refused() {
    let ready = Ready::new();
    ready.note_to("XD").fails("PRO_02 WIL_03");
    ready.note_to("XD").silent(Rule::Wil11);
    Ready::new().states(&["XA", "UNDECIDED"], &[]).note_to("XA").fails("WIL_03");
}

#[test]
fn wil_11_silence_is_said_to_be_no_consent() {
    let clear = |scene: &Scene| assessment(scene.at(), "P1", "XN", "NO_SUBSTANTIAL_GROUNDS");
    let mut ready = Ready::new();
    let fields = clear(&ready.scene);
    ready.protection = ready.scene.say("XB", "protection-assessment", &fields);
    ready.note_to("XN").fails("PRO_05 WIL_03");
    ready.note_to("XN").warns(Rule::Wil11);
    let any = ready.states(&["ANY_STATE_EXCEPT_REFUSED"], &["XD"]);
    // XN takes no part: nobody there can assure anything.
    any.note_to("XN").fails("PRO_05");
}

#[test]
fn wil_07_a_withdrawal_stops_until_a_later_statement_knew_of_it() {
    let withdrawn = Ready::new().after("XB", "will-withdrawal", P1);
    withdrawn.note_to("XA").fails("WIL_07");
    withdrawn.note_to("XA").silent(Rule::Wil12);
    withdrawn.states(&["XA"], &[]).note_to("XA").passes();
}

#[test]
fn wil_08_hearsay_never_suffices() {
    let mut hearsay = Ready::new();
    hearsay.scene = Scene::opened();
    hearsay.scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XD"));
    let clear = assessment(hearsay.scene.at(), "P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    hearsay.protection = hearsay.scene.say("XB", "protection-assessment", &clear);
    let said = format!("{P1}\nsource = \"MEDIA_INTERVIEW\"");
    hearsay.after("XB", "will-indication", &said).note_to("XA").fails("WIL_08");
}

#[test]
fn wil_10_statements_of_one_instant_do_not_contradict_each_other() {
    let ready = Ready::new();
    let one = statement(ready.scene.at(), "P1", &["XA"], &[]);
    let other = statement(ready.scene.at(), "P1", &["XD"], &[]);
    let both = ready.after("XB", "expression-of-will", &one).after("IC", "expression-of-will", &other);
    both.note_to("XA").fails("WIL_10");
}

#[test]
fn wil_12_hearsay_of_a_refusal_stops_and_is_named() {
    let refused = format!(
        "{P1}\nsource = \"CAMP_STAFF\"\nrefused = [{{ kind = \"NAMED_STATE\", region_code = \"XA\" }}]"
    );
    let heard = Ready::new().after("XB", "will-indication", &refused);
    heard.note_to("XA").fails("WIL_07");
    heard.note_to("XA").warns(Rule::Wil12);
}

#[test]
fn pro_01_the_destination_was_assessed() {
    Ready::new().note_to("XC").fails("PRO_01 PRO_05");
}

#[test]
fn pro_02_substantial_grounds_bar_whatever_he_wants() {
    Ready::new().states(&["XD"], &[]).note_to("XD").fails("PRO_02");
}

#[test]
fn pro_03_age_and_exposure_make_an_assessment_stale() {
    let ready = Ready::new();
    let notice = publicity(ready.scene.at(), "P1");
    let mut exposed = ready.after("XA", "publicity-notice", &notice);
    exposed.note_to("XA").fails("PRO_03");
    let anew = assessment(exposed.scene.at(), "P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    exposed.protection = exposed.scene.say("XB", "protection-assessment", &anew);
    exposed.note_to("XA").passes();
    exposed.scene.wait(181 * DAY);
    exposed.states(&["XA"], &[]).note_to("XA").fails("PRO_03");
}

#[test]
fn pro_04_a_transfer_needs_a_party_that_is_willing_and_able() {
    let transfer = |ready: &Ready| {
        Case::new(&ready.scene, "XB", "agreement-note", &ready.fields("XA", "TRANSFER_TO_POWER"))
    };
    transfer(&Ready::new()).fails("PRO_04");
    let assured = |party: bool| {
        let fields = format!("persons = []\nparty_to_gc3 = {party}\nassurances = [\"WILLING_AND_ABLE_GC3\"]");
        Ready::new().after("XA", "assurances", &fields)
    };
    transfer(&assured(true)).passes();
    transfer(&assured(false)).fails("PRO_04");
}

#[test]
fn pro_05_a_third_state_assures_that_it_returns_nobody_to_danger() {
    let none = "assurances = []";
    let agreed = "assurances = [\"NO_ONWARD_RETURN\"]";
    Ready::new().changed(agreed, none).fails("PRO_05");
    let given = format!("persons = [\"P1\"]\nparty_to_gc3 = true\n{agreed}");
    Ready::new().after("XA", "assurances", &given).changed(agreed, none).passes();
    let other = given.replace("P1", "P2");
    Ready::new().after("XA", "assurances", &other).changed(agreed, none).fails("PRO_05");
    for sender in ["XB", "IC"] {
        Ready::new().after(sender, "assurances", &given).changed(agreed, none).fails("PRO_05");
    }
}

#[test]
fn pro_05_is_asked_of_every_third_state_whatever_the_route_is_called() {
    let note = |route: &str| {
        let ready = Ready::new();
        let fields = ready.by("XA", route).replace("[\"NO_ONWARD_RETURN\"]", "[]");
        Case::new(&ready.scene, "XB", "agreement-note", &fields)
    };
    note("END_OF_HOSTILITIES").fails("AGR_09 PRO_05");
    note("REMAIN").fails("AGR_09 PRO_05");
    note("EXCHANGE").fails("EXC_03 PRO_05");
}

#[test]
fn agr_09_a_route_leads_where_routes_of_its_kind_lead() {
    let leads = |place: &str, route: &str| {
        let ready = Ready::new();
        let case = Case::new(&ready.scene, "XB", "agreement-note", &ready.by(place, route));
        !case.errors().contains("AGR_09")
    };
    for (place, route, expected) in [
        ("XA", "REMAIN", false),
        ("XB", "REMAIN", true),
        ("REMAIN_IN_DETAINING_STATE", "REMAIN", true),
        ("XA", "END_OF_HOSTILITIES", false),
        ("XD", "END_OF_HOSTILITIES", true),
        ("POWER_OF_ORIGIN", "DIRECT_MEDICAL_REPATRIATION", true),
        ("XA", "DIRECT_MEDICAL_REPATRIATION", false),
        ("XB", "TRANSFER_TO_POWER", false),
        ("XB", "EXCHANGE", false),
        ("XB", "NEUTRAL_INTERNMENT", false),
        ("XA", "TRANSFER_TO_POWER", true),
        ("XB", "RELEASE_AND_SETTLEMENT", true),
    ] {
        assert_eq!(leads(place, route), expected, "{route} to {place}");
    }
}

#[test]
fn pro_01_an_assessment_that_looked_no_further_is_registered_and_clears_nothing() {
    let mut ready = Ready::new();
    ready.scene = Scene::opened();
    ready.scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XD"));
    let short = assessment(ready.scene.at(), "P1", "XA", "NO_SUBSTANTIAL_GROUNDS")
        .replace("onward_return_considered = true", "onward_return_considered = false");
    let case = Case::new(&ready.scene, "XB", "protection-assessment", &short);
    case.passes();
    case.warns(Rule::Pro01);
    ready.protection = ready.scene.say("XB", "protection-assessment", &short);
    ready.states(&["XA"], &["XD"]).note_to("XA").fails("PRO_01");
}

#[test]
fn wil_13_who_settles_is_asked_whether_he_is_a_civilian_now() {
    let mut ready = Ready::new();
    ready.note_to("XA").warns(Rule::Wil13);
    let fields = statement(ready.scene.at(), "P1", &["XA"], &["XD"]);
    ready.will =
        ready.scene.say("XB", "expression-of-will", &format!("{fields}\ncivilian_status_declared = true"));
    ready.note_to("XA").silent(Rule::Wil13);
    ready.note_to("XA").passes();
}

#[test]
fn jud_01_proceedings_keep_him_unless_he_is_released_or_consents() {
    let status = |state: &str, consent: bool| {
        let document = if state == "RELEASED_FOR_TRANSFER" { "\ndocument = \"decision\"" } else { "" };
        format!("{P1}\nstate = \"{state}\"\nwritten_consent_to_exchange = {consent}{document}")
    };
    let pending = || Ready::new().after("XB", "judicial-status", &status("PENDING", true));
    pending().note_to("XA").fails("JUD_01");
    pending().after("XB", "judicial-status", &status("RELEASED_FOR_TRANSFER", false)).note_to("XA").passes();
    Ready::new().after("XB", "judicial-status", &status("CONVICTED", false)).note_to("XA").fails("JUD_01");
    Ready::new().after("XB", "judicial-status", &status("CONVICTED", true)).note_to("XA").passes();
}

#[test]
fn exc_05_civilians_travel_by_no_route_of_prisoners() {
    let civilian = |ready: Ready| ready.after("XB", "case-registration", &case_of("P1", "CIVILIAN", "XD"));
    civilian(Ready::new()).note_to("XA").fails("EXC_05");
    let presumed = Ready::new().after("XB", "case-registration", &case_of("P1", "PRESUMED_POW", "XD"));
    presumed.note_to("XA").passes();
}

/// A man from XA who is seriously ill, wants to go home and may; and what was found about him.
fn ill(finding: &str) -> (Ready, String) {
    let mut ready = Ready::new();
    ready.scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XA"));
    let fields = format!(
        "{P1}\nkind = \"{}\"\nexamination_time = \"{}\"\ndecision = \"REPATRIATE\"\n{finding}\ncertificate_document = \"certificate\"",
        if finding.is_empty() { "MANIFEST" } else { "MIXED_COMMISSION" },
        ready.scene.at(),
    );
    let reference = ready.scene.say("XB", "medical-finding", &fields);
    (ready, reference)
}

fn repatriated((ready, finding): &(Ready, String), assurances: &str) -> Case {
    let fields = ready
        .fields("XA", "DIRECT_MEDICAL_REPATRIATION")
        .replace("NO_ONWARD_RETURN", assurances)
        .replace("protection_act = ", &format!("medical_act = \"{finding}\", protection_act = "));
    Case::new(&ready.scene, "XB", "agreement-note", &fields)
}

const COMMISSION: &str = r#"votes_for = 2
    members = [{ appointed_by = "IC", neutral = true, chair = true, speciality = "surgeon" },
        { appointed_by = "IC", neutral = true, chair = false, speciality = "physician" },
        { appointed_by = "XB", neutral = false, chair = false, speciality = "physician" }]"#;

#[test]
fn med_02_a_commission_of_three_decides_by_majority_or_the_case_is_manifest() {
    let undertaking = "NO_ACTIVE_MILITARY_SERVICE";
    repatriated(&ill(COMMISSION), undertaking).passes();
    repatriated(&ill(""), undertaking).passes();
    let partial = COMMISSION.replacen("neutral = true, chair = false", "neutral = false, chair = false", 1);
    repatriated(&ill(&partial), undertaking).fails("MED_02");
    repatriated(&ill(&COMMISSION.replace("votes_for = 2", "votes_for = 1")), undertaking).fails("MED_02");
}

#[test]
fn med_02_an_ill_composed_commission_is_registered_and_named() {
    let finding = |members: &str| {
        let scene = Scene::ready();
        let fields = format!(
            "{P1}\nkind = \"MIXED_COMMISSION\"\nexamination_time = \"{}\"\ndecision = \"REPATRIATE\"\n{members}\ncertificate_document = \"certificate\"",
            scene.at()
        );
        Case::new(&scene, "XB", "medical-finding", &fields)
    };
    finding(COMMISSION).silent(Rule::Med02);
    let one_vote = finding(&COMMISSION.replace("votes_for = 2", "votes_for = 1"));
    one_vote.passes();
    one_vote.warns(Rule::Med02);
}

#[test]
fn med_03_nobody_is_repatriated_for_his_health_against_his_will() {
    let (ready, finding) = ill("");
    let unwilling = (ready.states(&["REMAIN_IN_DETAINING_STATE"], &[]), finding);
    repatriated(&unwilling, "NO_ACTIVE_MILITARY_SERVICE").fails("MED_03");
}

#[test]
fn med_04_a_manifest_case_is_named_as_such() {
    repatriated(&ill(""), "NO_ACTIVE_MILITARY_SERVICE").warns(Rule::Med04);
    repatriated(&ill(COMMISSION), "NO_ACTIVE_MILITARY_SERVICE").silent(Rule::Med04);
}

#[test]
fn med_05_who_goes_home_ill_does_not_fight_again() {
    repatriated(&ill(""), "MEDICAL_CARE").fails("MED_05");
    let given = "persons = []\nparty_to_gc3 = true\nassurances = [\"NO_ACTIVE_MILITARY_SERVICE\"]";
    let undertaken = |sender: &str| {
        let (ready, finding) = ill("");
        repatriated(&(ready.after(sender, "assurances", given), finding), "MEDICAL_CARE")
    };
    undertaken("XA").passes();
    undertaken("IC").fails("MED_05");
}
