//! The reference of all rules as one page of Markdown, written from their table: `docs/rules.md`.

use std::fmt::Write as _;

use crate::consultation::rules::{Place, Rule, Severity};
use crate::message::terms::ActClass;

/// The whole page.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    let own: Vec<&str> = Rule::ALL.iter().filter(|rule| !rule.is_common()).map(|rule| rule.word()).collect();
    let _ = write!(page, "\n{OWN}{}.\n", own.join(", "));
    let mut group = "";
    for rule in Rule::ALL {
        if rule.group() != group {
            group = rule.group();
            let _ = write!(page, "\n## {group}: {}\n\n{COLUMNS}", title(group));
        }
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} |",
            rule.word(),
            sentence(rule.text()),
            stops(*rule),
            rule.place(),
            rule.kind(),
            sentence(rule.cure()),
        );
    }
    page.push_str(HOW);
    page.push_str(FOOT);
    page
}

const HEAD: &str = "# Rules\n\n\
This page is written from the table of rules in `src/consultation/rules/table.rs`; a test compares it. A code is given\n\
once and never gets a second meaning. A rule is judged by the sender's desk before release and by every receiver's at\n\
registration: by the act, its dispatch, the past that it declares and the charter, at the time of release that its header\n\
states, and by the certificates of who signs: at the sender at release, at every receiver when its own gateway took\n\
custody. A copy that is on its way while a certificate ends or is revoked opens at one desk and not at another: what does\n\
not open is shown, and is no part of any past there, protective acts excepted. The rest is said where it applies.\n\n\
\"Stops\" names the classes of acts that a breach stops: P protective, F factual, N normative, C correspondence. Of other\n\
classes a breach is only said. Before release what is stopped does not go. At the receiver protective and factual acts\n\
are registered whatever the rules find, and a normative act that fails is answered by a RuleRejection. A fact against which\n\
a rule stands frees nobody and permits nothing, and stops all the same whom it stops.\n";

const OWN: &str = "What one desk knows for itself is no part of the verdict that all desks share: its policy and clock, \
earlier\nnumbers and messages, names, other consultations, which documents came inline. A breach of EXC_06 by what other\n\
consultations promise is judged before release alone. What a document was marked with is judged by every message that\n\
this desk had with it before, of whatever consultation. On such knowledge rest, at least in part:\n";

const COLUMNS: &str =
    "| code | rule | stops | judged by | status | what cures it |\n|---|---|---|---|---|---|\n";

const HOW: &str = "\n## How some of them are judged\n\n\
What a desk holds of a person decides, and where it cannot be told whether something stops him, it stops him.\n\n\
- WIL_10: a statement sets an earlier one aside only where its sender declared to have known of it. Of two that say\n\
\x20 different things and were made without knowledge of each other neither counts, whatever times they bear, until a\n\
\x20 third knew both; the order of a list says nothing. A handover against a qualifying statement that nobody overtook\n\
\x20 so is irregular (HND_06).\n\
- WIL_02 and WIL_05 know for whom somebody came by the code of a State or ministry in `affiliation`: who came for the\n\
\x20 Power of origin (of any registration of the case, or a party in that role) frightens, and who came for a Power that\n\
\x20 detains or is to receive is not neutral, whatever `neutral` says. Words without a code are believed: whoever signed\n\
\x20 answers for them.\n\
- WIL_03, WIL_07, WIL_10, PRO_01, PRO_02: POWER_OF_ORIGIN and REMAIN_IN_DETAINING_STATE mean the State that the case named\n\
\x20 when they were said, as whoever said them knew it, and every State that a registration named since and he did not\n\
\x20 know. What stops counts for each of these, and what permits must hold for all; where one of them was not determined,\n\
\x20 any State may be it. So a case that is registered anew frees nobody: a statement or an assessment does, whose sender\n\
\x20 knew both what stopped him and the case as it is. A line of an agreement that says POWER_OF_ORIGIN is agreed anew\n\
\x20 after that. A handover is judged by the registrations that were released until it took place (HND_06).\n\
- PRO_02: where the case does not say where a person comes from, any State may be his home. Grounds found for the Power\n\
\x20 of origin then bar every State but the one he is in. They are lifted by an assessment of the same place that knew of\n\
\x20 them; or the case is registered anew, with the Power of origin, and a State is assessed again by who knew both.\n\
- MED_01: the certificate of the Detaining Power counts, in whose hands he is (GC III Art. 47), or that of a party that\n\
\x20 decides nothing, such as the ICRC. That of another Power alone permits nothing; its UNFIT stops.\n\
- EXC_05 is asked before a departure too: a case registered anew as that of a civilian ends every route of prisoners.\n\
- CON_01: while a Power has adjourned the consultation nothing new is made in it. Whatever tells of a person or ends\n\
\x20 something is said as before: facts, statements of will, registrations of cases, terminations, and what takes a\n\
\x20 confirmation back. So nobody who is to leave waits for the end of the pause; only who adjourned after its GO gives it\n\
\x20 again. Whoever adjourned it resumes it.\n\
- CON_06: a fact goes to all parties of the consultation that all Powers accepted, in the past which it or an earlier act of\n\
\x20 its sender declares, and bears a number; otherwise it frees nobody. What it stops it stops all the same, at the desks that have it, and a GO names it.\n\
\x20 Nobody can declare to have known an act without a number. It is answered once its sender, or who was told, has said it\n\
\x20 again to all: the same words, or of a refusal or withdrawal hearsay that names the places refused. Whoever knew that\n\
\x20 knew the first one; who may answer it, and by when the person was asked, stays as if it had borne a number.\n";

const FOOT: &str = "\n## Codes that no desk judges\n\n\
CHN_05 (one id, one content) is judged by gateways, and so is CHN_04 as far as sequences go. PRV_06 asks for\n\
erasure too: that desks destroy what they hold when its time has come is not in this release.\n\
PUB_05 says that an open incident blocks no protective act: it needs no finding, because of the classes above. HND_07 was\n\
never given. A draft whose basis went stale while it was cleared is refused at release as STALE_BASIS.\n";

fn title(group: &str) -> &'static str {
    match group {
        "AGR" => "agreements",
        "CHN" => "the channel",
        "CLS" => "classification",
        "CON" => "the consultation",
        "EXC" => "exchanges",
        "FRM" => "form",
        "HLD" => "holds",
        "HND" => "handovers",
        "JUD" => "proceedings at law",
        "LNG" => "languages",
        "MED" => "health",
        "OBS" => "observers",
        "PRE" => "precedence",
        "PRO" => "protection",
        "PRV" => "privacy",
        "PUB" => "public curiosity",
        "ROL" => "roles",
        "WIL" => "will",
        _ => "",
    }
}

fn stops(rule: Rule) -> String {
    use ActClass::{Correspondence, Factual, Normative, Protective};
    if rule.severity() == Severity::Warning {
        return "nothing".to_owned();
    }
    if rule.place() == Place::Departure {
        return "departure".to_owned();
    }
    let classes = [(Protective, "P"), (Factual, "F"), (Normative, "N"), (Correspondence, "C")];
    let stopped = classes.iter().filter(|(class, _)| rule.stands_against(*class));
    stopped.map(|(_, letter)| *letter).collect::<Vec<_>>().join(" ")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use crate::consultation::rules::{Rule, RuleKind, Severity};
    use crate::message::terms::ActClass;

    #[test]
    fn the_page_of_rules_is_the_one_in_docs() {
        let (kept, page) = (include_str!("../../../docs/rules.md"), super::page());
        let anew = std::env::temp_dir().join("chancery-rules.md");
        if kept != page {
            std::fs::write(&anew, &page).unwrap();
        }
        assert!(kept == page, "docs/rules.md is of another time; {} is what it should be", anew.display());
    }

    /// Every test of a rule names it: as `WIL_02`, as `Rule::Wil02`, or in the name of the test.
    #[test]
    fn every_rule_has_a_test_that_names_it() {
        let tests = [
            include_str!("agreement_tests.rs"),
            include_str!("consultation_tests.rs"),
            include_str!("exchange_tests.rs"),
            include_str!("form_tests.rs"),
            include_str!("handover_tests.rs"),
            include_str!("hold_tests.rs"),
            include_str!("observer_tests.rs"),
            include_str!("passage_tests.rs"),
            include_str!("publicity_tests.rs"),
            include_str!("role_tests.rs"),
            include_str!("will_tests.rs"),
        ];
        let beside = [
            include_str!("channel.rs"),
            include_str!("classification.rs"),
            include_str!("countersignature.rs"),
            include_str!("language.rs"),
            include_str!("precedence.rs"),
            include_str!("privacy.rs"),
        ];
        let beside = beside.iter().filter_map(|text| text.split_once("#[cfg(test)]")).map(|(_, tests)| tests);
        let all: String = tests.into_iter().chain(beside).collect();
        let names = |rule: &Rule| {
            let term = format!("Rule::{rule:?}");
            all.contains(rule.word()) || all.contains(&term)
        };
        let unnamed: Vec<&Rule> = Rule::ALL.iter().filter(|rule| !names(rule)).collect();
        assert!(unnamed.is_empty(), "{unnamed:?}");
    }

    #[test]
    fn protective_acts_stop_for_marking_and_exposure_alone_and_facts_at_no_state() {
        for rule in Rule::ALL {
            let (group, kind) = (rule.group(), rule.kind());
            assert!(!rule.stands_against(ActClass::Protective) || matches!(group, "CLS" | "PUB"), "{rule}");
            let of_state = kind == RuleKind::State && !matches!(group, "CHN" | "OBS" | "PRE" | "PUB" | "ROL");
            assert!(!of_state || !rule.stands_against(ActClass::Factual), "{rule}");
            let error = rule.severity() == Severity::Error;
            assert_eq!(rule.stands_against(ActClass::Normative), error, "{rule}");
        }
    }

    #[test]
    fn rules_stand_in_the_order_of_their_codes() {
        assert!(Rule::ALL.is_sorted_by(|one, next| one.word() < next.word() && one < next));
    }
}
