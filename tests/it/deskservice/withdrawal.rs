//! Withdrawal of a note: possible until its recipient has answered for it, by whoever may release, and once.

use chancery::proto::desk::v1 as wire;
use chancery::trust::role::Role;
use tonic::Code;
use tonic_types::StatusExt;

use super::bureau::{Bureau, Client, reason, release};
use super::drafts::hold;
use super::{cleared, next, pair, watch};
use crate::support::forms;

fn withdraw(id: &str, name: &str) -> wire::WithdrawNoteRequest {
    wire::WithdrawNoteRequest { request_id: id.to_owned(), name: name.to_owned() }
}

/// Releases one more note; the name of its copy.
async fn released(xa: &Bureau, head: &mut Client, stem: &str) -> String {
    let draft = cleared(xa, stem).await;
    let sent = head.release_draft(release(stem, &draft.name)).await.unwrap().into_inner();
    sent.messages[0].name.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_withdrawn_until_its_recipient_has_answered_for_it() {
    let mut stage = pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let xa = Bureau::open(&stage, "XA").await;
    let mut head = xa.client("head", &[Role::Release, Role::Register]).await;
    let mut deputy = xa.client("deputy", &[Role::Release]).await;
    let mut seen = watch(&mut head, "").await;
    let name = released(&xa, &mut head, "first").await;
    assert_eq!(next(&mut seen, wire::EventKind::MessageQueued).await.subject, name);

    // While the own gateway is away nothing is changed, and the client knows to come back.
    stage.house_mut("XA").lose().await.unwrap();
    let away = head.withdraw_note(withdraw("w", &name)).await.unwrap_err();
    assert!(away.get_error_details().retry_info().is_some(), "{away:?}");
    assert_eq!(reason::<()>(Err(away)), "GATEWAY_AWAY");
    stage.house_mut("XA").start().await.unwrap();

    let gone = head.withdraw_note(withdraw("w", &name)).await.unwrap().into_inner();
    assert_eq!((gone.state(), gone.name.as_str()), (wire::SentState::Withdrawn, name.as_str()));
    assert_eq!(next(&mut seen, wire::EventKind::MessageWithdrawn).await.subject, name);
    for client in [&mut head, &mut deputy] {
        let again = client.withdraw_note(withdraw("w", &name)).await.unwrap().into_inner();
        assert_eq!(again.state(), wire::SentState::Withdrawn);
    }
    assert_eq!(
        reason(head.withdraw_note(withdraw("none", &name.replace("messages/", "messages/0"))).await),
        "NO_SUCH_MESSAGE"
    );

    // What is delivered stays delivered, and the refusal says what to do instead.
    stage.house_mut("XB").start().await.unwrap();
    let second = released(&xa, &mut head, "second").await;
    loop {
        if next(&mut seen, wire::EventKind::MessageDelivered).await.subject == second {
            break;
        }
    }
    let late = head.withdraw_note(withdraw("late", &second)).await.unwrap_err();
    assert!(late.message().contains("note-withdrawal"), "{late:?}");
    assert_eq!(reason::<()>(Err(late)), "ALREADY_SETTLED");
    let listed = wire::ListMessagesRequest { state: wire::SentState::Withdrawn.into(), ..Default::default() };
    let listed = head.list_messages(listed).await.unwrap().into_inner().messages;
    assert_eq!(listed.into_iter().map(|one| one.name).collect::<Vec<_>>(), [name]);

    let xb = Bureau::open(&stage, "XB").await;
    let mut theirs = xb.client("head", &[Role::Release, Role::Observe]).await;
    let everything = wire::WatchEventsRequest::default();
    let mut seen = theirs.watch_events(everything).await.unwrap().into_inner();
    assert_eq!(next(&mut seen, wire::EventKind::MessageReceived).await.subject, second, "only that one came");
    assert_eq!(reason(theirs.withdraw_note(withdraw("w", &second)).await), "NOT_SENT_HERE");
    xa.close().await;
    xb.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_protects_a_person_is_withdrawn_by_nobody() {
    let mut stage = pair().await;
    let [first] = stage.send("XA", &forms::memorandum("XB", "new", "Let us talk.")).await.try_into().unwrap();
    stage.settled("XA", &first).await;
    stage.house_mut("XB").stop().await.unwrap();
    let xa = Bureau::open(&stage, "XA").await;
    let mut head = xa.client("head", &[Role::Release, Role::Read]).await;
    let asked = wire::SendProtectiveActRequest {
        request_id: "hold".to_owned(),
        content: Some(hold(&format!("consultations/{}", first.consultation))),
    };
    let sent = head.send_protective_act(asked).await.unwrap().into_inner();
    let refused = head.withdraw_note(withdraw("w", &sent.messages[0].name)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("another act"), "{refused:?}");
    assert_eq!(reason::<()>(Err(refused)), "PROTECTIVE");
    let asked = wire::GetConsultationRequest {
        name: format!("consultations/{}", first.consultation),
        read_mask: None,
    };
    assert_eq!(head.get_consultation(asked).await.unwrap().into_inner().acts, 2);
    xa.close().await;
}
