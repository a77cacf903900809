//! Scripts as they are written, and every mistake that is told.

use super::*;

const HEAD: &str = "title = \"t\"\nparties = { XA = { roles = [\"RECEIVING_POWER\"] }, XB = { roles = [\"DETAINING_POWER\"] } }\npersons = { P1 = \"P-7QK4-M2XD-9WTV\" }\n";

fn mistakes(steps: &str) -> Vec<(usize, String, &'static str)> {
    let errors = parse(&format!("{HEAD}{steps}")).err().unwrap_or_default();
    assert!(errors.iter().all(|error| !error.message.is_empty()));
    errors.into_iter().map(|error| (error.line, error.field, error.code)).collect()
}

fn one(steps: &str) -> (usize, String, &'static str) {
    let mut found = mistakes(steps);
    assert_eq!(found.len(), 1, "{found:?}");
    found.pop().unwrap()
}

#[test]
fn the_smallest_script_has_two_parties_and_a_step() {
    let script = parse(&format!(
        "{HEAD}[[step]]\nwho = \"XB\"\nkind = \"case-registration\"\nact = {{ person = \"P1\" }}\n"
    ));
    let script = script.unwrap();
    assert_eq!((script.parties.len(), script.moves.len()), (2, 1));
    assert_eq!(script.moves[0].line, 4);
}

#[test]
fn steps_and_checks_stand_in_the_order_of_the_file() {
    let text = "[[check]]\nconsultation = \"OPEN\"\n[[step]]\nwait = true\nafter = \"1d\"\n[[check]]\ncases = \"0\"\n";
    let script = parse(&format!("{HEAD}{text}")).unwrap();
    let checks: Vec<bool> = script.moves.iter().map(|one| matches!(one.what, What::Check(_))).collect();
    assert_eq!(checks, [true, false, true]);
}

#[test]
fn all_mistakes_come_at_once_each_at_its_line() {
    let found = mistakes(
        "[[step]]\nwho = \"XB\"\nkind = \"case-registration\"\nurgent = true\nact = { person = \"P2\", stat = 1 }\n\
         [[step]]\nwho = \"XC\"\nkind = \"case-regestration\"\nexpect = \"WIL_99\"\n",
    );
    let found: Vec<(usize, &str, &str)> =
        found.iter().map(|(line, field, code)| (*line, field.as_str(), *code)).collect();
    assert_eq!(
        found,
        [
            (7, "move-1.urgent", "FORM_FIELD_UNKNOWN"),
            (8, "move-1.act.person", SCRIPT_STRANGER),
            (8, "move-1.act.stat", "FORM_FIELD_UNKNOWN"),
            (10, "move-2.who", SCRIPT_STRANGER),
            (11, "move-2.kind", "ACT_KIND_UNKNOWN"),
            (12, "move-2.expect", SCRIPT_VALUE),
        ]
    );
}

#[test]
fn a_party_without_a_role_for_its_act_is_a_mistake_unless_it_is_expected() {
    let step = "[[step]]\nwho = \"XA\"\nkind = \"case-registration\"\nact = { person = \"P1\" }\n";
    assert_eq!(one(step), (6, "move-1.kind".to_owned(), SCRIPT_NO_ROLE));
    assert_eq!(
        mistakes(&format!("{step}expect = \"CON_03\"\n")).len(),
        usize::from(Rule::from_word("CON_03").is_none())
    );
    let fact = step.replace("case-registration", "judicial-status");
    assert_eq!(mistakes(&fact).len(), 0, "facts are refused to nobody for his role");
}

#[test]
fn an_unknown_speaker_hides_no_other_mistake_of_his_step() {
    let found = mistakes(
        "[[step]]\nwho = \"XC\"\nkind = \"case-registration\"\nto = [\"XA\"]\nact = { person = \"P2\", stat = 1 }\n",
    );
    let told: Vec<(&str, &str)> = found.iter().map(|(_, field, code)| (field.as_str(), *code)).collect();
    assert_eq!(
        told,
        [
            ("move-1.who", SCRIPT_STRANGER),
            ("move-1.act.person", SCRIPT_STRANGER),
            ("move-1.act.stat", "FORM_FIELD_UNKNOWN"),
        ]
    );
}

#[test]
fn a_consultation_that_a_step_proposes_is_not_said_to_stand_open() {
    let step = "[[step]]\nwho = \"XB\"\nkind = \"consultation-proposal\"\n";
    let opened = parse(&format!("opened = true\n{HEAD}{step}")).unwrap_err();
    assert_eq!((opened[0].line, opened[0].field.as_str(), opened[0].code), (1, "opened", SCRIPT_VALUE));
    assert!(parse(&format!("opened = false\n{HEAD}{step}")).is_ok());
    assert!(parse(&format!("{HEAD}{step}")).is_ok());
}

#[test]
fn references_mean_earlier_steps_alone() {
    let reply =
        "[[step]]\nwho = \"XA\"\nkind = \"agreement-reply\"\nact = { proposing_message = \"note\" }\n";
    let (line, field, code) = one(reply);
    assert_eq!((line, field.as_str(), code), (7, "move-1.act.proposing_message", SCRIPT_STEP_UNKNOWN));
    let check = "[[check]]\nstep = \"note\"\nverdict = \"ok\"\n";
    assert_eq!(one(check).2, SCRIPT_STEP_UNKNOWN);
    let deliver = "[[step]]\ndeliver = [\"note\"]\n";
    assert_eq!(one(deliver).2, SCRIPT_STEP_UNKNOWN);
}

#[test]
fn what_is_expected_to_be_refused_leaves_nothing_to_refer_to() {
    let note = "[[step]]\nlabel = \"position\"\nwho = \"XA\"\nkind = \"position-statement\"\nlevel = \"SECRET\"\n\
                expect = \"CLS_01\"\n";
    let correction = "[[step]]\nwho = \"XA\"\nkind = \"corrigendum\"\n\
                      act = { corrects = \"position\", new_text = \"other words\" }\n";
    assert_eq!(one(&format!("{note}{correction}")).2, SCRIPT_STEP_UNKNOWN);
    assert_eq!(mistakes(&format!("{note}force = true\n{correction}")), []);
}

#[test]
fn times_count_from_now_from_the_start_and_from_other_steps() {
    let will = |time: &str| {
        let text = format!(
            "[[step]]\nlabel = \"case-1\"\nwho = \"XB\"\nkind = \"case-registration\"\nact = {{ person = \"P1\" }}\n\
             [[step]]\nafter = \"2d\"\nwho = \"XB\"\nkind = \"protection-assessment\"\n\
             act = {{ person = \"P1\", destination = \"XA\", assessment_time = \"{time}\" }}\n"
        );
        mistakes(&text)
    };
    for time in
        ["now", "now-26h", "now+1d2h", "start", "start+3d-2h", "case-1", "case-1+6m", "2026-03-02T08:00:00Z"]
    {
        assert_eq!(will(time), [], "{time}");
    }
    for time in ["", "soon", "now-", "now-26", "case-2+6m", "26h"] {
        assert_eq!(
            will(time).iter().filter(|(_, _, code)| *code == SCRIPT_VALUE).count(),
            usize::from(!time.is_empty()),
            "{time}"
        );
    }
}

#[test]
fn a_script_that_is_no_toml_says_where() {
    let errors = parse("title = \"t\"\nparties = {\n").unwrap_err();
    assert_eq!(errors[0].code, "FORM_SYNTAX");
}

/// The codes and fields of what is wrong in a script of this heading and these moves.
fn told(heading: &str, moves: &str) -> Vec<(String, &'static str)> {
    let mistakes = parse(&format!("title = \"t\"\n{heading}\n{moves}")).unwrap_err();
    mistakes.into_iter().map(|one| (one.field, one.code)).collect()
}

const PARTIES: &str = "parties = { XA = { roles = [\"RECEIVING_POWER\"] }, XB = { roles = [\"DETAINING_POWER\"] } }\n\
                       persons = { P1 = \"new\" }";

#[test]
fn what_only_follows_from_another_mistake_is_not_told() {
    let request =
        "[[step]]\nlabel = \"r\"\nwho = \"XA\"\nkind = \"transfer-request\"\nact = { persons = [\"P1\"] }\n";
    for (written, meant, only) in [
        ("\"RECEIVING_POWER\"", "\"RECEIVING_POWR\"", "parties.XA.roles[0]"),
        ("P1 = \"new\"", "P1 = \"knew\"", "persons.P1"),
        ("act = {", "acts = {", "move-1.acts"),
        ("{ persons =", "{ person =", "move-1.act.person"),
    ] {
        let (heading, step) = (PARTIES.replace(written, meant), request.replace(written, meant));
        let fields: Vec<String> = told(&heading, &step).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, [only]);
    }
    // Of a step that is wrong itself nothing is said by those that refer to it.
    let reply = "[[step]]\nwho = \"XB\"\nkind = \"agreement-reply\"\nin_reply_to = \"r\"\n\
                 act = { proposing_message = \"r\", accepts = true }\n";
    for (written, meant) in [("transfer-request", "transfer-reqest"), ("[\"P1\"]", "[\"P2\"]")] {
        let moves = format!("{}{reply}", request.replace(written, meant));
        let found = told(PARTIES, &moves);
        assert!(found.iter().all(|(_, code)| *code != SCRIPT_STEP_UNKNOWN), "{found:?}");
        assert!(found.iter().any(|(field, _)| field.starts_with("move-1.")), "{found:?}");
    }
    let check = "[[check]]\nperson = \"P1\"\nstage = \"REGISTERD\"\n";
    assert_eq!(told(PARTIES, check), [("move-1.stage".to_owned(), SCRIPT_VALUE)]);
    let nothing = "[[check]]\nperson = \"P1\"\n";
    assert_eq!(told(PARTIES, nothing), [("move-1.stage".to_owned(), SCRIPT_VALUE)]);
}

#[test]
fn what_can_never_be_seen_is_a_mistake_of_the_script_and_not_of_who_is_rehearsed() {
    let told = |check: &str| mistakes(&format!("[[check]]\nperson = \"P1\"\n{check}"));
    for (check, field) in [
        ("stage = \"REMAINS\"", "stage"),
        ("stage = \"REMAINS FOO\"", "stage"),
        ("stage = \"REMAINS HANDED_OVER\"", "stage"),
        ("stage = \"HELD WILL\"", "stage"),
        ("will = \"CURRENT FOO\"", "will"),
        ("protection = \"NONE\"", "protection"),
        ("protection = \"NONE\"\ndestination = \"Atlantis\"", "destination"),
    ] {
        let fields: Vec<(String, &str)> =
            told(check).into_iter().map(|(_, field, code)| (field, code)).collect();
        assert_eq!(fields, [(format!("move-1.{field}"), SCRIPT_VALUE)], "{check}");
    }
    for check in [
        "stage = \"REMAINS SUBSTITUTED\"",
        "stage = \"remains(turned_back)\"",
        "stage = \"handed_over\"",
        "protection = \"NONE\"\ndestination = \"REMAIN\"",
    ] {
        assert_eq!(told(check), [], "{check}");
    }
}

#[test]
fn a_charter_says_no_length_of_time_that_undoes_what_protects_a_person() {
    let step = "[[step]]\nwho = \"XB\"\nkind = \"case-registration\"\nact = { person = \"P1\" }\n";
    let says = |name: &str, length: &str| {
        let told =
            parse(&format!("{HEAD}charter = {{ {name} = \"{length}\" }}\n{step}")).err().unwrap_or_default();
        let said = told.iter().map(|one| format!("{} {} {}: {}", one.code, one.field, one.message, one.hint));
        said.collect::<Vec<String>>()
    };
    for (name, within, beyond, bound) in [
        ("will_validity", "180d", "181d", "180d at most"),
        ("reconfirm_before_handover", "7d", "8d", "7d at most"),
        ("cooling_off", "1h", "59m", "1h at least"),
        ("assessment_validity", "365d", "366d", "365d at most"),
        ("fitness_validity", "14d", "15d", "14d at most"),
        ("notice_before_handover", "6h", "5h", "6h at least"),
        ("notice_before_handover", "30d", "31d", "30d at most"),
        ("go_no_go_window", "6h", "7h", "6h at most"),
        ("report_tolerance", "6h", "7h", "6h at most"),
        ("foreign_hold_validity", "1d", "23h", "1d at least"),
        ("foreign_hold_validity", "365d", "366d", "365d at most"),
    ] {
        assert_eq!(says(name, within), Vec::<String>::new());
        let told = says(name, beyond);
        let is_told = |one: &String| {
            one.starts_with(SCRIPT_VALUE)
                && one.contains(name)
                && one.contains("CHN_10")
                && one.ends_with(bound)
        };
        assert!(told.len() == 1 && told.iter().all(is_told), "{name} {beyond}: {told:?}");
    }
}
