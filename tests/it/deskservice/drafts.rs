//! Drafts before they leave: judged, shown, listed, cancelled; what is protective leaves without one.

use chancery::desk::register::DraftState;
use chancery::digest::Digest;
use chancery::proto::consultation::v1 as acts;
use chancery::proto::desk::v1 as wire;
use chancery::proto::message::v1 as terms;
use chancery::trust::role::Role;
use tonic_types::StatusExt;

use super::bureau::{Bureau, Client, creation, note, reason};
use super::{next, pair, watch};
use crate::support::forms;

/// A person whom nobody here has heard of before.
const PERSON: &str = "P-7QK4-M2XD-9WTV";

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_judged_without_a_trace_shown_in_part_listed_by_state_and_cancelled_by_its_drafter() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut casework = xa.client("casework", &[Role::Draft]).await;
    let mut other = xa.client("other", &[Role::Draft]).await;
    let before = xa.register().last_event().unwrap();
    let judge = |content| wire::ValidateDraftRequest { content: Some(content), clear_by: Vec::new() };
    let good = casework.validate_draft(judge(note("XB", ""))).await.unwrap().into_inner();
    assert!(good.acceptable && !good.steps.is_empty());
    let mut bad = note("XB", "");
    bad.precedence = terms::Precedence::Flash.into();
    let refused = casework.validate_draft(judge(bad.clone())).await.unwrap().into_inner();
    assert!(!refused.acceptable && refused.findings.iter().any(|one| one.error && one.rule == "PRE_01"));
    // What is refused at composing names the same rule, and the field.
    assert_eq!(reason(casework.create_draft(creation("bad", bad)).await), "PRE_01");
    assert_eq!(xa.register().last_event().unwrap(), before, "judging leaves no trace");

    let mut drafts = Vec::new();
    for id in ["one", "two", "three"] {
        drafts.push(casework.create_draft(creation(id, note("XB", ""))).await.unwrap().into_inner());
    }
    let mask = Some(prost_types::FieldMask { paths: vec!["state".to_owned(), "composed_by".to_owned()] });
    let asked =
        wire::GetDraftRequest { name: drafts[0].name.clone(), read_mask: mask, names_as: String::new() };
    let shown = casework.get_draft(asked).await.unwrap().into_inner();
    let expected = wire::Draft {
        state: wire::DraftState::Open.into(),
        composed_by: "casework".to_owned(),
        ..wire::Draft::default()
    };
    assert_eq!(shown, expected);

    let cancel =
        |name: &str| wire::CancelDraftRequest { request_id: "gone".to_owned(), name: name.to_owned() };
    assert_eq!(reason(other.cancel_draft(cancel(&drafts[1].name)).await), "NOT_THE_DRAFTER");
    let gone = casework.cancel_draft(cancel(&drafts[1].name)).await.unwrap().into_inner();
    assert_eq!(casework.cancel_draft(cancel(&drafts[1].name)).await.unwrap().into_inner().name, gone.name);
    assert_eq!(reason(casework.cancel_draft(cancel(&drafts[0].name)).await), "REQUEST_ID_REUSED");
    let digest = Digest::parse(drafts[1].name.strip_prefix("drafts/").unwrap()).unwrap();
    assert_eq!(xa.register().draft(&digest).unwrap().unwrap().state, DraftState::Cancelled);

    assert_eq!(
        listed(&mut casework, wire::DraftState::Open).await,
        [&drafts[2], &drafts[0]].map(|one| one.name.clone())
    );
    assert_eq!(listed(&mut casework, wire::DraftState::Cancelled).await, [drafts[1].name.clone()]);
    // A token is good for the list it is of.
    let first = list(wire::DraftState::Open, "");
    let token = casework.list_drafts(first).await.unwrap().into_inner().next_page_token;
    let foreign = casework.list_drafts(list(wire::DraftState::Cancelled, &token)).await;
    assert_eq!(reason(foreign), "INVALID_PAGE_TOKEN");
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_draft_that_is_wrong_is_told_at_once() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut casework = xa.client("casework", &[Role::Draft]).await;
    let bad = wire::DraftContent {
        to: vec!["xx!".to_owned(), "XB".to_owned(), "XB".to_owned()],
        precedence: 0,
        level: 0,
        form: 0,
        channel: "no channel".to_owned(),
        ..note("XB", "")
    };
    let refused = casework.create_draft(creation("bad", bad)).await.unwrap_err();
    let told = refused.get_error_details().bad_request().cloned().unwrap().field_violations;
    let mut fields: Vec<&str> = told.iter().map(|one| one.field.as_str()).collect();
    fields.sort_unstable();
    let expected =
        ["channel", "form", "level", "precedence", "to", "to[0]"].map(|name| format!("content.{name}"));
    assert_eq!(fields, expected, "nobody is informed who could stand twice");
    xa.close().await;
}

fn list(state: wire::DraftState, page_token: &str) -> wire::ListDraftsRequest {
    wire::ListDraftsRequest {
        page_size: 1,
        page_token: page_token.to_owned(),
        state: state.into(),
        read_mask: None,
    }
}

/// The names of all drafts of a state, one on each page.
async fn listed(client: &mut Client, state: wire::DraftState) -> Vec<String> {
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page = client.list_drafts(list(state, &token)).await.unwrap().into_inner();
        names.extend(page.drafts.into_iter().map(|draft| draft.name));
        token = page.next_page_token;
        if token.is_empty() {
            return names;
        }
    }
}

/// A hold, as a system would send it.
pub fn hold(consultation: &str) -> wire::DraftContent {
    let act = acts::HoldNotice {
        persons: vec![PERSON.to_owned()],
        reason: acts::HoldReason::Identity.into(),
        ..acts::HoldNotice::default()
    };
    wire::DraftContent {
        to: vec!["XB".to_owned()],
        consultation: consultation.to_owned(),
        precedence: terms::Precedence::Flash.into(),
        level: terms::Level::Restricted.into(),
        form: terms::Form::ServiceMessage.into(),
        act: Some(wire::Act { act: Some(wire::act::Act::HoldNotice(act)) }),
        ..wire::DraftContent::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_does_not_open_is_named_and_the_others_are_listed() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut casework = xa.client("casework", &[Role::Draft]).await;
    let mut names = Vec::new();
    for id in ["one", "two", "three"] {
        let draft = casework.create_draft(creation(id, note("XB", ""))).await.unwrap().into_inner();
        names.push(draft.name);
    }
    let digest = Digest::parse(names[1].strip_prefix("drafts/").unwrap()).unwrap();
    let register = rusqlite::Connection::open(xa.register_file()).unwrap();
    let altered = "UPDATE held_draft SET sealed = x'00' WHERE dispatch_digest = ?1";
    assert_eq!(register.execute(altered, [digest.as_bytes().as_slice()]).unwrap(), 1);
    let listed = casework.list_drafts(wire::ListDraftsRequest::default()).await.unwrap().into_inner();
    let found: Vec<&str> = listed.drafts.iter().map(|draft| draft.name.as_str()).collect();
    assert_eq!(found, [names[2].as_str(), names[0].as_str()]);
    assert_eq!(listed.unopened, [names[1].clone()]);
    // Page by page each comes once.
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let asked = wire::ListDraftsRequest { page_size: 1, page_token: token, ..Default::default() };
        let page = casework.list_drafts(asked).await.unwrap().into_inner();
        seen.extend(page.drafts.into_iter().map(|draft| draft.name).chain(page.unopened));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    names.reverse();
    assert_eq!(seen, names);
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_goes_at_once_and_stops_the_person_at_both_desks() {
    let stage = pair().await;
    let [first] = stage.send("XA", &forms::memorandum("XB", "new", "Let us talk.")).await.try_into().unwrap();
    stage.settled("XA", &first).await;
    let consultation = format!("consultations/{}", first.consultation);
    let (xa, xb) = (Bureau::open(&stage, "XA").await, Bureau::open(&stage, "XB").await);
    let mut duty = xa.client("duty", &[Role::Release, Role::Read]).await;
    let mut registry = xb.client("registry", &[Role::Read]).await;
    let mut seen = watch(&mut registry, "").await;
    let send = |id: &str, content| wire::SendProtectiveActRequest {
        request_id: id.to_owned(),
        content: Some(content),
    };
    let slow = duty.send_protective_act(send("slow", note("XB", &consultation))).await;
    assert_eq!(reason(slow), "NOT_PROTECTIVE");
    let nothing = wire::SendProtectiveActRequest { request_id: "none".to_owned(), content: None };
    assert_eq!(reason(duty.send_protective_act(nothing).await), "FIELD_MISSING");
    assert_eq!(reason(registry.send_protective_act(send("x", hold(&consultation))).await), "WRONG_ROLE");
    let sent = duty.send_protective_act(send("hold", hold(&consultation))).await.unwrap().into_inner();
    let again = duty.send_protective_act(send("hold", hold(&consultation))).await.unwrap().into_inner();
    assert_eq!(sent.messages[0].name, again.messages[0].name);
    assert_eq!(xa.register().sent().unwrap().len(), 2, "the memorandum and one hold");

    loop {
        if next(&mut seen, wire::EventKind::MessageReceived).await.subject == sent.messages[0].name {
            break;
        }
    }
    for client in [&mut duty, &mut registry] {
        held_up(client, &consultation).await;
    }
    picked(&mut duty, &consultation).await;
    found_by_what_it_is(&mut registry, &consultation, &sent.messages[0].name).await;
    xa.close().await;
    xb.close().await;
}

/// The person has a case at this desk, and may not leave.
async fn held_up(client: &mut Client, consultation: &str) {
    let name = format!("{consultation}/cases/{PERSON}");
    let asked = wire::ListCasesRequest { parent: consultation.to_owned(), ..Default::default() };
    let cases = client.list_cases(asked).await.unwrap().into_inner().cases;
    assert_eq!(cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>(), [&name]);
    let case = client
        .get_case(wire::GetCaseRequest { name: name.clone(), read_mask: None })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(case, cases[0]);
    assert!(case.stops.iter().any(|stop| stop.contains("HOLD") || stop.contains("hold")), "{:?}", case.stops);
    let asked = wire::CheckDepartureRequest { person: PERSON.to_owned(), ..Default::default() };
    let answer = client.check_departure(asked).await.unwrap().into_inner();
    assert!(!answer.clear && !answer.stops.is_empty() && answer.case_name == name);
    for wrong in ["", "consultations/x", consultation, &format!("{consultation}/cases/P-0")] {
        let asked = wire::GetCaseRequest { name: wrong.to_owned(), read_mask: None };
        assert_eq!(reason(client.get_case(asked).await), "INVALID_NAME", "{wrong}");
    }
}

/// Consultations and cases are listed by what they are, and shown in part.
async fn picked(client: &mut Client, consultation: &str) {
    let mask = |field: &str| Some(prost_types::FieldMask { paths: vec![field.to_owned()] });
    let all = || wire::ListConsultationsRequest { read_mask: mask("name"), ..Default::default() };
    let id = consultation.strip_prefix("consultations/").unwrap();
    for (asked, count) in [
        (all(), 1),
        (wire::ListConsultationsRequest { party: "XA".to_owned(), person: PERSON.to_owned(), ..all() }, 1),
        (wire::ListConsultationsRequest { party: "XC".to_owned(), ..all() }, 0),
        (wire::ListConsultationsRequest { person: "P-3HN8-ZC6V-5JF2".to_owned(), ..all() }, 0),
        (wire::ListConsultationsRequest { query: id.to_lowercase(), ..all() }, 1),
        (wire::ListConsultationsRequest { query: "nothing of it".to_owned(), ..all() }, 0),
        (wire::ListConsultationsRequest { state: "OPEN".to_owned(), ..all() }, 0),
        (wire::ListConsultationsRequest { state: "UNKNOWN".to_owned(), ..all() }, 1),
    ] {
        let shown = format!("{asked:?}");
        let listed = client.list_consultations(asked).await.unwrap().into_inner().consultations;
        let bare = wire::Consultation { name: consultation.to_owned(), ..Default::default() };
        assert_eq!(listed, vec![bare; count], "{shown}");
    }
    let all = || wire::ListCasesRequest { parent: "consultations/-".to_owned(), ..Default::default() };
    let whole = client.list_cases(all()).await.unwrap().into_inner().cases;
    assert_eq!(whole.len(), 1);
    for (asked, count) in [
        (wire::ListCasesRequest { person: PERSON.to_owned(), stopped_only: true, ..all() }, 1),
        (
            wire::ListCasesRequest {
                stage: whole[0].shown.clone(),
                parent: consultation.to_owned(),
                ..all()
            },
            1,
        ),
        (wire::ListCasesRequest { stage: "no such stage".to_owned(), ..all() }, 0),
        (wire::ListCasesRequest { awaits: "XC".to_owned(), ..all() }, 0),
    ] {
        let shown = format!("{asked:?}");
        let listed = client.list_cases(asked).await.unwrap().into_inner().cases;
        assert_eq!(listed.len(), count, "{shown}");
    }
    let asked = wire::ListCasesRequest { read_mask: mask("stage"), ..all() };
    let part = client.list_cases(asked).await.unwrap().into_inner().cases;
    assert!(part[0].name.is_empty() && part[0].stage == whole[0].stage && part[0].stops.is_empty());
    for wrong in [
        wire::ListConsultationsRequest { state: "open".to_owned(), ..Default::default() },
        wire::ListConsultationsRequest { party: "xa".to_owned(), ..Default::default() },
        wire::ListConsultationsRequest { person: "somebody".to_owned(), ..Default::default() },
        wire::ListConsultationsRequest { query: "x".to_owned(), ..Default::default() },
    ] {
        assert_eq!(reason(client.list_consultations(wrong).await), "FIELD_INVALID");
    }
    let wrong = wire::SearchMessagesRequest {
        person: PERSON.to_owned(),
        read_mask: mask("content"),
        ..Default::default()
    };
    assert_eq!(reason(client.search_messages(wrong).await), "INVALID_FIELD_MASK");
    let drafts = wire::ListDraftsRequest { read_mask: mask("dispatch"), ..Default::default() };
    assert_eq!(reason(client.list_drafts(drafts).await), "INVALID_FIELD_MASK");
}

/// It is found by person, act, sender and time, and a token of one search is none of another.
async fn found_by_what_it_is(client: &mut Client, consultation: &str, name: &str) {
    let all = || wire::SearchMessagesRequest { page_size: 1, ..Default::default() };
    let person = || wire::SearchMessagesRequest { person: PERSON.to_owned(), ..all() };
    for (asked, count) in [
        (person(), 1),
        (wire::SearchMessagesRequest { query: PERSON.to_lowercase(), ..all() }, 1),
        (wire::SearchMessagesRequest { act: "hold-notice".to_owned(), sender: "XA".to_owned(), ..all() }, 1),
        (wire::SearchMessagesRequest { act: "hold-notice".to_owned(), sender: "XB".to_owned(), ..all() }, 0),
        (wire::SearchMessagesRequest { from_time: 1, consultation: consultation.to_owned(), ..person() }, 1),
        (wire::SearchMessagesRequest { before_time: 1, ..person() }, 0),
        (wire::SearchMessagesRequest { state: wire::SentState::Delivered.into(), ..person() }, 0),
    ] {
        let shown = format!("{asked:?}");
        let mut names = Vec::new();
        let mut token = String::new();
        loop {
            let page_token = std::mem::take(&mut token);
            let page =
                client.search_messages(wire::SearchMessagesRequest { page_token, ..asked.clone() }).await;
            let page = page.unwrap().into_inner();
            names.extend(page.messages.into_iter().map(|message| message.name));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(names, vec![name; count], "{shown}");
    }
    let page = client.search_messages(person()).await.unwrap().into_inner();
    assert!(!page.next_page_token.is_empty());
    for foreign in [
        wire::SearchMessagesRequest { sender: "XA".to_owned(), ..person() },
        wire::SearchMessagesRequest { query: "hold".to_owned(), ..all() },
    ] {
        let asked = wire::SearchMessagesRequest { page_token: page.next_page_token.clone(), ..foreign };
        assert_eq!(reason(client.search_messages(asked).await), "INVALID_PAGE_TOKEN");
    }
    for wrong in [
        all(),
        wire::SearchMessagesRequest { query: "  ".to_owned(), ..all() },
        wire::SearchMessagesRequest { query: "x".to_owned(), ..person() },
        wire::SearchMessagesRequest { act: "hold".to_owned(), ..all() },
        wire::SearchMessagesRequest { person: "somebody".to_owned(), ..all() },
        wire::SearchMessagesRequest { sender: "xa".to_owned(), ..all() },
        wire::SearchMessagesRequest { consultation: "C-1".to_owned(), ..all() },
        wire::SearchMessagesRequest { from_time: 2, before_time: 2, ..person() },
        wire::SearchMessagesRequest { state: 99, ..person() },
    ] {
        let shown = format!("{wrong:?}");
        assert_eq!(reason(client.search_messages(wrong).await), "FIELD_INVALID", "{shown}");
    }
}
