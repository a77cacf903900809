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
- WIL_05 and WIL_09: whoever found pressure, doubt, somebody who frightens, a minor or no capacity found that nobody knows\n\
\x20 what the person wants. Such a statement stops him everywhere, whatever it accepts, until a later one that knew of it\n\
\x20 qualifies; and its own desk, which does not send it, says in which act to tell of it.\n\
- WIL_08: what is relayed for a Power that is not connected (`relayed_on_behalf_of`) is hearsay, whatever act it is put\n\
\x20 into: it permits and concludes nothing, and stops whom it stops.\n\
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
\x20 Grounds found for ANY_STATE_EXCEPT_REFUSED or UNDECIDED\n\
\x20 bar in the same way, and are lifted by an assessment in the same word.\n\
- PRO_01: a clearance is taken back by every later NEEDS_MORE of the Detaining Power, whatever assessment_time it bears:\n\
\x20 until the place is cleared again by who knew of it and looked no earlier. A handover before that is irregular (HND_06).\n\
- PRO_04, PRO_05 and MED_05: an act of assurances states all that its sender assures for its persons, or for everybody.\n\
\x20 What a Power said last of a person counts; what it takes back, by a note-withdrawal or by a corrigendum of what it\n\
\x20 assures, counts no more. A handover after that is irregular (HND_06).\n\
- AGR_01: a note-withdrawal is for a note that awaits its answer, and for assurances. That of a GO, an arrangement, its\n\
\x20 confirmation, a certificate, a statement or an assessment goes too, and takes from its sender's act what it permits\n\
\x20 (HND_08, HND_01, MED_01, WIL_07, PRO_01, CON_05), as a corrigendum of anything but its prose does; whoever sends it is told which act\n\
\x20 says so to everybody.\n\
- AGR_09: a neutral country is the State of a party in the role NEUTRAL_POWER whose consent the agreement needs (GC III Arts\n\
\x20 109(2), 111): neither home nor the Detaining Power.\n\
- MED_01: the certificate of the Detaining Power counts, in whose hands he is (GC III Art. 47), that of a party that only\n\
\x20 observes, such as the ICRC, or that of somebody whom all accepted to see examinations of him (scope MEDICAL). That of\n\
\x20 another Power, or of somebody who has no part here, permits nothing; its UNFIT stops. UNFIT is answered by the Detaining\n\
\x20 Power, or by whoever found it. Of UNFIT and FIT of one examination time UNFIT counts, unless the same ministry said both.\n\
- MED_02: a manifest case is one that the Detaining Power's physicians see (GC III Art. 112(2)). What a commission decided\n\
\x20 is decided anew by a commission alone.\n\
- AGR_03, MED_01 and JUD_01 believe what is told in passing, too: that he died, in the report of a handover, the check of a\n\
\x20 list or a notice to a Bureau; that he is unfit, or kept by an authority, in a report or a check. Whoever said it takes\n\
\x20 it back by another report of the same handover and time, or another check; besides, a death is answered by the case that\n\
\x20 the Detaining Power registers anew, UNFIT by a later FIT, JUDICIAL_HOLD and HELD_BY_AUTHORITY by a judicial status, each by\n\
\x20 who knew of it.\n\
- WIL_07 and WIL_12 believe the check of a list as they believe hearsay: NO_COMPATIBLE_WILL stops him everywhere, whoever\n\
\x20 says it, until a later statement that knew of it. Another check does not answer it: it asked nobody.\n\
- OBS_04 and HND_09: an invitation is for its persons and its time. Whoever watches a handover is invited for everybody in\n\
\x20 it and for the beginning of its window.\n\
- EXC_05 is asked before a departure too: a case registered anew as that of a civilian ends every route of prisoners.\n\
- CON_01: while a Power has adjourned the consultation nothing new is made in it. Whatever tells of a person or ends\n\
\x20 something is said as before: facts, statements of will, registrations of cases, terminations, and what takes a\n\
\x20 confirmation back. So nobody who is to leave waits for the end of the pause; only who adjourned after its GO, needed or\n\
\x20 not, gives it again, or the handover is arranged under another id. Whoever adjourned it resumes it.\n\
- CON_06: a fact goes to all parties of the consultation that all Powers accepted, in the past which it or an earlier act of\n\
\x20 its sender declares, and bears a number; otherwise it frees nobody. What it stops it stops all the same, at the desks that have it, and a GO names it.\n\
\x20 Nobody can declare to have known an act without a number; who sends one of the Powers' own that misses a ministry of the\n\
\x20 channel is warned that nothing rests on it. It is answered once its sender, or who was told, has said it\n\
\x20 again to all: the same words, or of a refusal, a withdrawal or a hold by reason of will hearsay that names the places\n\
\x20 refused, and the place wished for where one is. Whoever knew that knew the first one; who may answer it, and by when the person was asked, stays as if it had borne a number.\n\
\x20 A note-withdrawal or corrigendum of what went to all goes to all as well: its own desk does not send it to some. Where one\n\
\x20 came, it takes back all the same.\n\
- HND_05 and HND_06 judge a handover by the past as it was then: the case, the agreement, the arrangement, its\n\
\x20 confirmation and clearances as released until that instant, in which what stops, stops already. Of reported times that\n\
\x20 match the first and the last are judged. What is said afterwards makes no handover regular and none irregular, but for\n\
\x20 what the person had said until then, whenever it is told, and a report of a refusal at the gate, which its own sender\n\
\x20 alone corrects, about the very person and the same time. A report under the same id of a time more than 15 minutes from\n\
\x20 that tells of another attempt and corrects nothing: it is judged by what stood then. Irregular is also who went by a\n\
\x20 route of prisoners though his case said otherwise, after the consultation was concluded or after somebody adjourned it\n\
\x20 who had given his GO, after a notice of his death, more than 24 hours after the window of the arrangement closed, on\n\
\x20 what its sender had taken back, on an agreement that was made anew after it was arranged, while another agreement sent\n\
\x20 him elsewhere, or with an exposure after which nobody found that very destination safe.\n\
\x20 It stays so when he dies. A window that opens no later after a handover than times of reports may differ was open.\n\
- HND_05: where an agreement covers the person, reports of two that are party to it are needed, among them whoever held\n\
\x20 him then and whoever was to receive him. Who reported it under a wrong id reports it under the right one, and of the same\n\
\x20 time under the wrong one what was so. What strangers to the consultation report decides nothing. A Power that holds\n\
\x20 him not, is no party to what was agreed of him and is not to receive him disputes nothing either, but by telling that he\n\
\x20 died, cannot travel or is kept, until it reports otherwise; a refusal that it reports stops, and makes a handover\n\
\x20 irregular. What is relayed closes no round and corrects nothing; that somebody is gone keeps him back also as hearsay.\n\
- HND_01: an id of an arrangement is that of one handover. It is not given by another Power, nor once a handover under it\n\
\x20 was reported. Whoever arranges anew under it has taken back what he arranged before: until that is confirmed nothing is\n\
\x20 arranged under the id, nor while a party to the agreement declines it. Of two Powers that gave one id at once the later is asked under it: who was arranged by the other is arranged\n\
\x20 anew under another id (HND_02), and a handover of his is judged by what was arranged for him.\n\
\x20 Who was reported as handed over departs under no other arrangement, until his case is registered anew by whoever holds him,\n\
\x20 knowing of it; as that of a prisoner, it goes its road again. HANDED_OVER is shown until something is requested, proposed or\n\
\x20 agreed about him after that. HND_04: no window that has passed is set.\n\
- CLS_03: the word is the one that the charter lists for the sender and the level, or that of the level itself, such as\n\
\x20 RESTRICTED, which an office writes that cannot read the charter as it drafts.\n\
- CON_04: an act may rest on whatever its sender had heard, acts and letters of those included who take no part in the\n\
\x20 consultation. What is heard cannot be unheard, so that none of them ends it for others.\n\
- EXC_01: of what was found about a list only the words of its two parties count: that of the Power which answers the round\n\
\x20 for every line, and that of the Power which holds a person for his. What either of them found not to match stops the line\n\
\x20 until it finds otherwise; so does, up to the departure, what one of them finds of him after the agreement: that he is\n\
\x20 another, no prisoner of war, listed twice, or not there. EXC_04 is asked of who accepts a round, too: nobody of its own list refuses,\n\
\x20 or is said to, whether or not he ever made a statement. WIL_07: who withdrew before he made one is HELD like any other.\n\
- WIL_02, WIL_05: a State that the person accepts is a side as well, and who came for it no neutral; where he accepts any,\n\
\x20 that of every Power of the consultation which he does not refuse by name. A statement by which somebody sat who came for the\n\
\x20 Power of origin, as the case names it since, permits nothing any more, and stops him everywhere.\n\
- CHN_10: under any charter a statement of will counts for 180 days at most, was last reconfirmed seven days before departure\n\
\x20 at most, was made an hour after the explanation at least and before two witnesses, and a GO is six hours old at most.\n\
\x20 What terms of a channel do not say is as usual; the charter of a rehearsal states it within bounds (docs/rehearsals.md).\n\
- HND_04: a notice that was given more than twice the time for it before the agreement was concluded was of something else.\n\
- AGR_03: a notice of death stops whoever sent it. It was a mistake where the Detaining Power registered the case anew and the\n\
\x20 ICRC, a Protecting Power or somebody whom all accepted for that stated the will of the person (scope PRIVATE_INTERVIEWS)\n\
\x20 or had him examined (scope MEDICAL), and both knew of the notice.\n\
- HLD_01: a hold by reason of will never lapses. That of another Power than the Detaining one is answered by asking the\n\
\x20 person: a later statement that stands, of somebody who knew the hold, lifts it, as it overcomes a withdrawal.\n\
- HLD_03: a hold of a Power that registered the person too, without knowledge of his case, stays like that of the Detaining\n\
\x20 Power until that one has registered the case anew, knowing of it. Then it lapses like any other.\n\
- HLD_01: a protective act that this release cannot read stops everybody until whoever sent it releases it like a hold. Where he\n\
\x20 does not, it stops nobody more who was asked again by somebody who knew of it, once the time of a hold has passed.\n\
- CON_03: who holds a person gives him his reference, so that no Power registers a case of whom another Power that detains\n\
\x20 spoke first in a fact, a finding of physicians, its own list of an exchange or in what it agrees, unless it had spoken of\n\
\x20 him itself without knowledge of that. Who holds somebody of whom another Power said so, or received him from it, gives him\n\
\x20 a new reference.\n\
- CLS_04 to CLS_06 and OBS_03: a protective act is held up by no paper of another. What may not go with it, and what\n\
\x20 translates that, is left out before it is signed, for all addressees alike; the officer is told, and it goes.\n";

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
            include_str!("handover_departing_tests.rs"),
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
            let of_papers = matches!(rule, Rule::Cls04 | Rule::Cls05 | Rule::Cls06);
            assert!(!of_papers || !rule.stands_against(ActClass::Protective), "{rule}");
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
