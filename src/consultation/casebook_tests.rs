//! Tests of the casebook: buffering, protective acts, duplicates, equivocation, and equal casebooks of equal acts.

use super::*;
use crate::consultation::codec;
use crate::consultation::state::samples::{act, case, ministry};
use crate::message::dispatch::{Dispatch, Marking};
use crate::message::header::{Address, Addressee, Position};
use crate::message::terms::{AddresseeKind, Form, Level, Precedence};
use crate::time::Timestamp;
use crate::trust::policy::ChannelId;

const WITHDRAWAL: (&str, &str) = ("will-withdrawal", "person = \"P1\"");

fn channel() -> ChannelFacts {
    ChannelFacts {
        channel: ChannelId::parse("ch-0123456789abcdef").unwrap(),
        parties: ["IC", "XA", "XB"].map(ministry).to_vec(),
        suspended: true,
        ceiling: Level::Restricted,
    }
}

fn casebook() -> Casebook {
    Casebook::new(channel(), Charter::default_for(channel().parties))
}

/// An act of this sender and number that knew these marks of others.
fn incoming(sender: &str, number: u64, basis: &[(&str, u64)], (kind, fields): (&str, &str)) -> Incoming {
    let act = act(kind, fields);
    let sender = ministry(sender);
    let others = channel().parties.into_iter().filter(|party| *party != sender);
    let address = Address {
        channel: channel().channel,
        consultation: "C-3HN8-ZC6V-5JF2".to_owned(),
        addressees: others.map(|ministry| Addressee { ministry, kind: AddresseeKind::Action }).collect(),
        precedence: Precedence::Routine,
        level: Level::Restricted,
        releasable_to: channel().parties,
        sender: sender.clone(),
    };
    let at = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    let marking = Marking {
        level: Level::Restricted,
        national_label: String::new(),
        caveats: Vec::new(),
        eyes_only_roles: Vec::new(),
    };
    let dispatch = Dispatch {
        address_digest: address.digest(),
        salt: [7; 32],
        form: Form::NoteVerbale,
        formal_number: format!("{sender}-2026-{number:04}"),
        marking,
        basis: Marks::new(basis.iter().map(|(party, mark)| (ministry(party), *mark))).basis(),
        documents: Vec::new(),
        authentications: Vec::new(),
        kind: act.kind().to_owned(),
        act_class: act.class(),
        act: codec::encode(&act),
        in_reply_to: None,
        reply_due: None,
        relayed_on_behalf_of: None,
        drafting_office: "office".to_owned(),
    };
    let position = Position {
        recipient: ministry("XA"),
        sequence: 1,
        previous: None,
        act_number: number,
        release_time: at,
        valid_until: at.after(crate::limits::VALIDITY_DEFAULT),
    };
    let digest =
        Digest::of(&[dispatch.act.as_slice(), sender.as_str().as_bytes(), &number.to_be_bytes()].concat());
    Incoming::new(address, position, dispatch, digest, None)
}

fn told(outcomes: &[Outcome]) -> Vec<&'static str> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Registered { .. } => "registered",
        Outcome::Buffered { .. } => "buffered",
        Outcome::TurnedAway { .. } => "turned away",
        Outcome::Duplicate { .. } => "duplicate",
        Outcome::Equivocation { .. } => "equivocation",
    };
    outcomes.iter().map(word).collect()
}

#[test]
fn acts_wait_for_what_they_rest_on_and_then_come_in_together() {
    let case = case("P1");
    let one = incoming("XB", 1, &[], ("case-registration", &case));
    let two = incoming("XB", 2, &[("XA", 1)], ("hold-release", &release()));
    let three = incoming("XA", 1, &[("XB", 1)], ("correspondence", "subject = \"A subject\""));
    let mut book = casebook();
    let outcomes = book.offer(two.clone());
    assert_eq!(told(&outcomes), ["buffered"]);
    let Outcome::Buffered { missing, .. } = &outcomes[0] else { panic!("not buffered") };
    let lack = |ministry_code: &str, first, last| Missing { ministry: ministry(ministry_code), first, last };
    assert_eq!(*missing, [lack("XA", 1, 1), lack("XB", 1, 1)]);
    assert_eq!(told(&book.offer(three.clone())), ["buffered"]);
    assert_eq!(book.lacking(), [lack("XA", 1, 1), lack("XB", 1, 1)]);
    assert_eq!(told(&book.offer(two)), ["duplicate"]);
    assert_eq!(told(&book.offer(one.clone())), ["registered", "registered", "registered"]);
    assert_eq!((book.waiting().count(), book.lacking()), (0, vec![]));
    assert_eq!(told(&book.offer(one)), ["duplicate"]);
    assert_eq!(book.draft_basis(), Marks::new([(ministry("XA"), 1), (ministry("XB"), 2)]));
    assert_eq!(book.next_number(&ministry("XB")), 3);
}

fn release() -> String {
    format!("hold_message = \"{}\"\nreason = \"settled\"", Digest::of(b"a hold"))
}

#[test]
fn a_protective_act_never_waits_and_is_no_part_of_a_basis_before_the_gap_is_filled() {
    let mut book = casebook();
    let withdrawal = incoming("XB", 3, &[("XA", 9)], WITHDRAWAL);
    assert_eq!(told(&book.offer(withdrawal)), ["registered"]);
    assert_eq!(book.everything().acts().count(), 1);
    assert_eq!(book.draft_basis(), Marks::default());
    let correspondence = ("correspondence", "subject = \"A subject\"");
    assert_eq!(told(&book.offer(incoming("XB", 2, &[], correspondence))), ["buffered"]);
    assert_eq!(told(&book.offer(incoming("XB", 1, &[], correspondence))), ["registered", "registered"]);
    assert_eq!(book.draft_basis(), Marks::new([(ministry("XB"), 3)]));
}

#[test]
fn one_number_for_two_acts_is_an_alarm_and_loses_no_protective_act() {
    let mut book = casebook();
    let first = incoming("XB", 1, &[], ("correspondence", "subject = \"One\""));
    let second = incoming("XB", 1, &[], ("correspondence", "subject = \"Two\""));
    let third = incoming("XB", 1, &[], WITHDRAWAL);
    assert_eq!(told(&book.offer(first.clone())), ["registered"]);
    let outcomes = book.offer(second);
    assert_eq!(told(&outcomes), ["equivocation"]);
    let Outcome::Equivocation { known, .. } = &outcomes[0] else { panic!("no equivocation") };
    assert!(*known == first.reference);
    assert_eq!(told(&book.offer(third)), ["equivocation", "registered"]);
    assert_eq!((book.history().len(), book.equivocations().count()), (2, 2));
    let waiting = incoming("XA", 5, &[], ("correspondence", "subject = \"One\""));
    let other = incoming("XA", 5, &[], ("correspondence", "subject = \"Two\""));
    assert_eq!(
        (told(&book.offer(waiting)), told(&book.offer(other))),
        (vec!["buffered"], vec!["equivocation"])
    );
}

#[test]
fn what_cannot_be_read_is_filed_as_not_understood_or_rejected_and_leaves_no_gap() {
    let unreadable = |number, class| {
        let mut act = incoming("XB", number, &[], ("correspondence", "subject = \"One\""));
        act.dispatch.kind = "act-of-2030".to_owned();
        act.dispatch.act_class = class;
        act.reference = ActRef::new(Digest::of(&[number as u8]));
        act
    };
    let mut book = casebook();
    book.offer(unreadable(1, ActClass::Factual));
    book.offer(unreadable(2, ActClass::Normative));
    book.offer(unreadable(3, ActClass::Protective));
    let verdicts: Vec<String> =
        book.everything().not_understood().map(|act| act.verdict.to_string()).collect();
    assert_eq!(verdicts, ["ok", "FRM_05", "ok"]);
    assert_eq!(book.next_number(&ministry("XB")), 4);
}

#[test]
fn a_draft_is_judged_as_every_desk_will_judge_it() {
    let mut book = casebook();
    let draft = incoming("XB", 1, &[], ("correspondence", "subject = \"One\""));
    let before = book.clone();
    let found = book.judge_draft(&draft);
    assert!(book == before && rules::forbids(&found), "it lacks its seal");
    let outcomes = book.offer(draft);
    assert!(matches!(&outcomes[0], Outcome::Registered { findings, .. } if *findings == found));
}

#[test]
fn what_will_never_come_holds_nobody_up() {
    let mut book = casebook();
    let correspondence = ("correspondence", "subject = \"A subject\"");
    let xb = ministry("XB");
    assert_eq!(told(&book.offer(incoming("XB", 1, &[], correspondence))), ["registered"]);
    assert_eq!(told(&book.offer(incoming("XB", 3, &[], correspondence))), ["buffered"]);
    let before = book.clone();
    assert!(book.pass_over(&xb, 1, 1).is_empty() && book.pass_over(&xb, 3, 3).is_empty() && book == before);
    assert_eq!(told(&book.pass_over(&xb, 1, 3)), ["registered"], "acts bear the others");
    let before = book.clone();
    assert!(book.pass_over(&xb, 2, 2).is_empty() && book == before, "a second time nothing changes");
    assert_eq!(book.passed_over().collect::<Vec<_>>(), [Missing { ministry: xb.clone(), first: 2, last: 2 }]);
    assert_eq!((book.waiting().count(), book.lacking()), (0, vec![]));
    assert_eq!(book.draft_basis(), Marks::new([(xb, 3)]));
    // If it comes all the same, it is not lost.
    assert_eq!(told(&book.offer(incoming("XB", 2, &[], correspondence))), ["registered"]);
    assert_eq!((book.history().len(), book.passed_over().count()), (3, 0));
}

#[test]
fn so_many_acts_of_one_ministry_wait_and_protective_ones_are_never_turned_away() {
    let mut book = casebook();
    let correspondence = ("correspondence", "subject = \"A subject\"");
    let most = u64::try_from(limits::CASEBOOK_WAITING_ACTS_MAX).unwrap();
    // All of them rest on an act of XA that never comes.
    for number in 1..=most {
        assert_eq!(told(&book.offer(incoming("XB", number, &[("XA", 1)], correspondence))), ["buffered"]);
    }
    let before = book.clone();
    let one_more = incoming("XB", most + 1, &[("XA", 1)], correspondence);
    assert_eq!(told(&book.offer(one_more.clone())), ["turned away"]);
    assert!(book == before, "and nothing was kept of it");
    assert_eq!(told(&book.offer(incoming("XB", most + 2, &[("XA", 1)], WITHDRAWAL))), ["registered"]);
    assert_eq!(
        told(&book.offer(incoming("IC", 1, &[("XA", 1)], correspondence))),
        ["buffered"],
        "others wait on"
    );
    // Once what they wait for is here, what was turned away is taken like any other.
    assert_eq!(
        book.offer(incoming("XA", 1, &[], correspondence)).len(),
        2 + limits::CASEBOOK_WAITING_ACTS_MAX
    );
    assert!(book.has_room(&ministry("XB")));
    assert_eq!(told(&book.offer(one_more)), ["registered"]);
    assert_eq!((book.waiting().count(), book.lacking()), (0, vec![]));
    assert_eq!(book.next_number(&ministry("XB")), most + 3);
}

#[test]
fn an_act_is_not_looked_at_again_before_all_that_it_waits_for_is_here() {
    let mut book = casebook();
    let correspondence = ("correspondence", "subject = \"A subject\"");
    for number in 1..=3 {
        book.offer(incoming("XB", number, &[("IC", 40), ("XA", 2)], correspondence));
    }
    let before = book.awaited.clone();
    for number in 1..40 {
        assert_eq!(told(&book.offer(incoming("IC", number, &[], correspondence))), ["registered"]);
        assert!(book.awaited == before, "after {number} acts");
    }
    book.offer(incoming("IC", 40, &[], correspondence));
    book.offer(incoming("XA", 1, &[], correspondence));
    assert_eq!(book.waiting().count(), 3);
    assert_eq!(book.offer(incoming("XA", 2, &[], correspondence)).len(), 4);
    assert!(book.awaited.is_empty());
}

#[test]
fn acts_that_others_wait_for_are_missing_until_they_are_here() {
    let mut book = casebook();
    let correspondence = ("correspondence", "subject = \"A subject\"");
    book.offer(incoming("XB", 1, &[("IC", 3)], correspondence));
    let missing =
        |book: &Casebook| book.everything().missing().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(missing(&book), ["acts 1 to 3 of IC"]);
    // A declared past lacks nothing: no verdict hangs on what is missing here.
    assert!(book.declared(&ministry("XB"), 2, &Marks::default()).missing().is_empty());
    book.offer(incoming("IC", 1, &[], correspondence));
    book.offer(incoming("IC", 2, &[], correspondence));
    assert_eq!(missing(&book), ["act 3 of IC"]);
    book.offer(incoming("IC", 3, &[], correspondence));
    assert!(missing(&book).is_empty());
}

#[test]
fn a_countersignature_waits_for_the_act_it_names_and_comes_to_one_verdict_in_every_order() {
    use crate::consultation::rules::drafts::{self, Draft};
    let parties = ["IC", "XA", "XB"];
    let at = |minute: u64| {
        Timestamp::parse("2026-11-22T10:00:00Z").unwrap().after(std::time::Duration::from_secs(60 * minute))
    };
    let said = |number: u64, kind: &str, fields: &str| {
        let draft = Draft::new(&parties, "XB", number, &Marks::default(), at(number), act(kind, fields));
        let digest = Digest::of(&draft.dispatch.bytes());
        Incoming::new(draft.address, draft.position, draft.dispatch, digest, Some(draft.authorities))
    };
    let withdrawal = said(1, "will-withdrawal", "person = \"P1\"");
    let names = |remark: &str| {
        let act = withdrawal.reference.dispatch_digest().hex();
        format!("countersigns = \"{act}\"\nremark = \"{remark}\"")
    };
    let first = said(2, "countersignature", &names("one"));
    let second = said(3, "countersignature", &names("two"));
    let acts = [withdrawal.clone(), first, second];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let mut book = Casebook::new(drafts::channel(&parties), Charter::default_for(channel().parties));
        order.iter().for_each(|place| drop(book.offer(acts[*place].clone())));
        let past = book.everything();
        let verdicts = acts.iter().map(|one| past.find(one.reference).unwrap().verdict.to_string());
        assert_eq!(verdicts.collect::<Vec<_>>(), ["ok", "ok", "ROL_09"], "{order:?}");
    }
}

/// An act as a careful ministry would send it, released at this instant.
fn said(
    book: &mut Casebook,
    sender: &str,
    number: u64,
    at: Timestamp,
    (kind, fields): (&str, &str),
) -> String {
    use crate::consultation::rules::drafts::Draft;
    let draft = Draft::new(&["IC", "XA", "XB"], sender, number, &book.draft_basis(), at, act(kind, fields));
    let digest = Digest::of(format!("{sender} {number}").as_bytes());
    let Draft { address, position, dispatch, authorities, .. } = draft;
    let outcomes = book.offer(Incoming::new(address, position, dispatch, digest, Some(authorities)));
    let Some(Outcome::Registered { verdict, .. }) = outcomes.first() else {
        panic!("{kind} is not registered")
    };
    verdict.to_string()
}

#[test]
fn a_release_dated_back_behind_its_own_predecessor_lifts_no_hold() {
    use crate::consultation::state::{holds, samples::person};
    use std::time::Duration;
    let parties = ["IC", "XA", "XB"];
    let channel = crate::consultation::rules::drafts::channel(&parties);
    let mut book = Casebook::new(channel, Charter::default_for(parties.map(ministry)));
    let start = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    let minute = |minutes: u64| start.after(Duration::from_secs(60 * minutes));
    let proposal = r#"consultation = "C-4T9M-W2KX-7CQW"
        subject = "Prisoners of war: procedure"
        parties = [{ ministry = "IC", roles = ["ICRC"] }, { ministry = "XA", roles = ["RECEIVING_POWER"] },
            { ministry = "XB", roles = ["DETAINING_POWER"] }]
        open_until_time = "2026-12-02T10:00:00Z""#;
    assert_eq!(said(&mut book, "XB", 1, start, ("consultation-proposal", proposal)), "ok");
    let hold = ("hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
    assert_eq!(said(&mut book, "XB", 2, minute(60), hold), "ok");
    let held =
        |book: &Casebook| holds::active(&book.everything(), &person(1), minute(90), book.charter()).len();
    let reference = Digest::of(b"XB 2").hex();
    let release = format!("hold_message = \"{reference}\"\nreason = \"settled\"");
    let release = ("hold-release", release.as_str());
    assert_eq!(said(&mut book, "XB", 3, minute(50), release), "CHN_09");
    assert_eq!(held(&book), 1, "what is dated back frees nobody");
    let withdrawal = ("will-withdrawal", "person = \"P1\"");
    assert_eq!(
        said(&mut book, "XB", 4, minute(40), withdrawal),
        "ok",
        "what protects is registered and stands"
    );
    assert_eq!(said(&mut book, "XB", 5, minute(56), release), "ok", "clocks differ by so much");
    assert_eq!(held(&book), 0);
}

#[test]
fn an_act_that_is_relayed_is_kept_as_such() {
    let mut book = casebook();
    let mut relayed = incoming("XB", 1, &[], ("correspondence", "subject = \"A subject\""));
    relayed.dispatch.relayed_on_behalf_of = Some(ministry("XD"));
    let own = incoming("XB", 2, &[], ("correspondence", "subject = \"Another subject\""));
    for one in [relayed, own] {
        assert_eq!(told(&book.offer(one)), ["registered"]);
    }
    let kept: Vec<bool> = book.everything().acts().map(|one| one.relayed).collect();
    assert_eq!(kept, [true, false]);
}
