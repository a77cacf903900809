//! The claims. Each begins with an empty store and says what it saw where a claim does not hold.

use super::port::{Answer, Port};
use crate::digest::Digest;
use crate::gateway::store::fixture::{Line, NOW, beside, later};
use crate::gateway::store::record::{
    Consignment, Custody, Direction, Expiry, SentState, Settled, Settlement,
};

type Claim = Result<(), String>;

fn hold(holds: bool, seen: impl FnOnce() -> String) -> Claim {
    if holds { Ok(()) } else { Err(seen()) }
}

fn said<T>(answer: Answer<T>) -> Result<T, String> {
    answer.map_err(|fault| fault.to_string())
}

/// The index in a `Taken` answer.
fn index(custody: Answer<Custody>) -> Result<u64, String> {
    match said(custody)? {
        Custody::Taken(place) => Ok(place.index),
        other => Err(format!("not taken: {other:?}")),
    }
}

pub(super) async fn an_answer_survives_a_crash<P: Port>(mut store: P) -> Claim {
    let (mut out, mut came) = (Line::on("ch-1"), Line::on("ch-1"));
    for round in 1..=4_u64 {
        index(store.take_custody(out.next()).await)?;
        store = store.crash();
        let last = said(store.position(Direction::Out, "ch-1").await)?;
        hold((last.sequence, last.message_id) == (out.sequence, out.last), || {
            format!("message {round} was answered and is gone")
        })?;
        index(store.receive(came.next()).await)?;
        store = store.crash();
        let mailbox = said(store.received_after(0).await)?.len() as u64;
        hold(mailbox == round, || format!("{round} were received and {mailbox} are there"))?;
        let leaves = said(store.leaves().await)?.len() as u64;
        hold(leaves == 2 * round, || format!("{} leaves were answered, {leaves} are there", 2 * round))?;
    }
    Ok(())
}

pub(super) async fn the_same_message_gets_its_first_leaf<P: Port>(mut store: P) -> Claim {
    let mut line = Line::on("ch-1");
    let message = line.next();
    let first = index(store.take_custody(message.clone()).await)?;
    for _ in 0..2 {
        let again = said(store.take_custody(message.clone()).await)?;
        let same = matches!(&again, Custody::AlreadyHeld { place, rejected: None } if place.index == first);
        hold(same, || format!("first at {first}, then {again:?}"))?;
        let leaves = said(store.leaves().await)?.len();
        hold(leaves == 1, || format!("one message has {leaves} leaves"))?;
        store = store.crash();
    }
    Ok(())
}

pub(super) async fn what_was_taken_is_carried<P: Port>(mut store: P) -> Claim {
    let mut line = Line::on("ch-1");
    let messages: Vec<Consignment> = (0..3).map(|_| line.next()).collect();
    for message in &messages {
        index(store.take_custody(message.clone()).await)?;
    }
    store = store.crash();
    let mut waiting: Vec<Digest> = messages.iter().map(|message| message.message_id).collect();
    for message in &messages {
        let due: Vec<Digest> = said(store.due(NOW).await)?.iter().map(|item| item.message_id).collect();
        hold(due == waiting, || format!("{} wait and {} are carried", waiting.len(), due.len()))?;
        let settled = said(store.settle(message.message_id, Settlement::Delivered, b"receipt").await)?;
        hold(settled == Settled::Done, || format!("{settled:?}"))?;
        waiting.remove(0);
        store = store.crash();
        let sent = said(store.sent(message.message_id).await)?;
        let kept = sent.and_then(|sent| sent.receipt);
        hold(kept.as_deref() == Some(b"receipt".as_slice()), || "its receipt is not there".to_owned())?;
        let again = said(store.settle(message.message_id, Settlement::Delivered, b"other").await)?;
        hold(again == Settled::Already(SentState::Delivered), || format!("settled again: {again:?}"))?;
    }
    hold(said(store.due(NOW).await)?.is_empty(), || "something settled is carried again".to_owned())
}

pub(super) async fn a_number_is_used_once<P: Port>(mut store: P) -> Claim {
    let mut line = Line::on("ch-1");
    let mut other = line.peek("another");
    index(store.take_custody(line.next()).await)?;
    for _ in 0..2 {
        let custody = said(store.take_custody(other.clone()).await)?;
        let refused = matches!(custody, Custody::Equivocation { held } if Some(held) == line.last);
        hold(refused, || format!("another message with the same number: {custody:?}"))?;
        store = store.crash();
    }
    other.sequence = 3;
    let gap = said(store.take_custody(other).await)?;
    hold(matches!(gap, Custody::OutOfSequence { last_sequence: 1, .. }), || format!("a gap: {gap:?}"))?;
    let mut stranger = line.peek("after another");
    stranger.previous = Some(Digest::of(b"another"));
    let custody = said(store.take_custody(stranger).await)?;
    hold(matches!(custody, Custody::OutOfSequence { .. }), || format!("it follows another: {custody:?}"))?;
    hold(said(store.leaves().await)?.len() == 1, || "a refusal has left a leaf".to_owned())
}

pub(super) async fn the_answered_place_holds_the_leaf<P: Port>(store: P) -> Claim {
    let (mut out, mut came) = (Line::on("ch-1"), Line::on("ch-1"));
    let (sent, received, refused) = (out.next(), came.next(), came.next());
    let places = [
        (index(store.take_custody(sent.clone()).await)?, sent.leaf.clone()),
        (index(store.receive(received.clone()).await)?, received.leaf),
        (index(store.reject(refused.clone(), "CLS_01").await)?, refused.leaf.clone()),
        match said(store.expire(sent.message_id, "leaf of an expiry").await)? {
            Expiry::Done(place) => (place.index, b"leaf of an expiry".to_vec()),
            other => return Err(format!("not expired: {other:?}")),
        },
    ];
    let again = said(store.receive(refused).await)?;
    let told = matches!(&again, Custody::AlreadyHeld { rejected: Some(reason), .. } if reason == "CLS_01");
    hold(told, || format!("a rejected message offered again: {again:?}"))?;
    let leaves = said(store.crash().leaves().await)?;
    for (expected, (index, leaf)) in places.into_iter().enumerate() {
        let held = leaves.get(expected).filter(|_| index == expected as u64);
        hold(held == Some(&leaf), || format!("leaf {expected} was answered as {index}"))?;
    }
    hold(leaves.len() == 4, || format!("{} leaves for four answers", leaves.len()))
}

pub(super) async fn a_channel_is_never_reordered<P: Port>(mut store: P) -> Claim {
    let mut lines = [Line::on("ch-1"), Line::on("ch-2")];
    for (turn, precedence) in [1_u8, 4, 2, 1, 3, 4].into_iter().enumerate() {
        let mut message = lines[turn % 2].next();
        message.precedence = precedence;
        index(store.take_custody(message).await)?;
    }
    for _ in 0..2 {
        let due = said(store.due(NOW).await)?;
        hold(due.len() == 6, || format!("six are due and {} are carried", due.len()))?;
        for channel in ["ch-1", "ch-2"] {
            let numbers = due.iter().filter(|item| item.channel == channel).map(|item| item.sequence);
            let numbers: Vec<u64> = numbers.collect();
            hold(numbers == [1, 2, 3], || format!("{channel} is carried as {numbers:?}"))?;
        }
        store = store.crash();
    }
    let first = said(store.due(NOW).await)?.into_iter().find(|item| item.channel == "ch-1");
    let first = first.ok_or("nothing is due")?.message_id;
    said(store.defer(first, later(5)).await)?;
    let store = store.crash();
    let before = said(store.due(NOW).await)?;
    hold(before.iter().all(|item| item.channel == "ch-2"), || "a later message overtakes".to_owned())?;
    let after = said(store.due(later(5)).await)?;
    hold(after.len() == 6, || format!("{} are carried after the pause", after.len()))
}

pub(super) async fn an_expiry_is_no_end_and_a_receipt_is<P: Port>(store: P) -> Claim {
    let message = Line::on("ch-1").next();
    index(store.take_custody(message.clone()).await)?;
    let expired = said(store.expire(message.message_id, "leaf of an expiry").await)?;
    hold(matches!(expired, Expiry::Done(_)), || format!("{expired:?}"))?;
    let store = store.crash();
    let state = said(store.sent(message.message_id).await)?.map(|sent| sent.state);
    hold(state == Some(SentState::Expired), || format!("expired, and now {state:?}"))?;
    hold(said(store.due(NOW).await)?.len() == 1, || "it is carried no more".to_owned())?;
    let again = said(store.expire(message.message_id, "another leaf").await)?;
    hold(again == Expiry::Already(SentState::Expired), || format!("expired again: {again:?}"))?;
    said(store.settle(message.message_id, Settlement::Delivered, b"late").await)?;
    let state = said(store.crash().sent(message.message_id).await)?.map(|sent| sent.state);
    hold(state == Some(SentState::Delivered), || format!("delivered after all, and now {state:?}"))
}

pub(super) async fn the_mailbox_has_no_gap<P: Port>(mut store: P) -> Claim {
    let mut line = Line::on("ch-1");
    let mut expected = Vec::new();
    for turn in 0..4_u64 {
        let message = line.next();
        if turn == 1 {
            index(store.reject(message, "CLS_01").await)?;
        } else {
            expected.push(message.message_id);
            index(store.receive(message).await)?;
        }
    }
    store = store.crash();
    let page = said(store.received_after(0).await)?;
    let cursors: Vec<u64> = page.iter().map(|item| item.cursor).collect();
    let found: Vec<Digest> = page.iter().map(|item| item.message_id).collect();
    hold(cursors == [1, 2, 3] && found == expected, || format!("the mailbox has {cursors:?}"))?;
    for (asked, expected) in [(2, 2), (1, 2), (9, 3)] {
        let acknowledged = said(store.acknowledge(asked).await)?;
        hold(acknowledged == expected, || format!("acknowledged {asked}, in force {acknowledged}"))?;
        store = store.crash();
    }
    let rest = said(store.received_after(2).await)?;
    hold(rest.len() == 1, || format!("{} after the second", rest.len()))
}

pub(super) async fn a_part_is_held_first<P: Port>(store: P) -> Claim {
    let mut message = Line::on("ch-1").next();
    message.parts.push(beside(b"a large document"));
    let custody = said(store.receive(message.clone()).await)?;
    let missing = Custody::PartMissing(Digest::of(b"a large document"));
    hold(custody == missing, || format!("its part is not there: {custody:?}"))?;
    said(store.put_part(b"a large document").await)?;
    let store = store.crash();
    index(store.receive(message).await)?;
    let page = said(store.crash().received_after(0).await)?;
    hold(page.first().is_some_and(|item| item.parts.len() == 3), || "its parts are gone".to_owned())
}
