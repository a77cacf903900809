//! The claims. Each begins with an empty store and says what it saw where a claim does not hold.

use super::port::{Answer, Batch, Port};
use crate::digest::Digest;
use crate::gateway::store::fixture::{Line, NOW, beside, first_leaf, ground, later};
use crate::gateway::store::record::{
    Answered, Consignment, Custody, Direction, Expiry, Extension, Footing, Ground, MirrorUpdate, SentState,
    Settlement,
};
use crate::gateway::store::{Purpose, StoreFault};
use crate::trust::name::Ministry;

type Claim = Result<(), String>;

fn hold(holds: bool, seen: impl FnOnce() -> String) -> Claim {
    if holds { Ok(()) } else { Err(seen()) }
}

fn said<T>(answer: Answer<T>) -> Result<T, String> {
    answer.map_err(|fault| fault.to_string())
}

/// Offers a batch on no footing that could be lost.
async fn offer<P: Port>(store: &P, batch: Batch) -> Result<Vec<Custody>, String> {
    let count = batch.len();
    let custodies = said(store.admit(batch, Footing::default()).await)?;
    hold(custodies.len() == count, || format!("{count} were offered and {} answered", custodies.len()))?;
    Ok(custodies)
}

/// Offers a batch of one.
async fn offer_alone<P: Port>(store: &P, purpose: Purpose, message: &Consignment) -> Result<Custody, String> {
    Ok(offer(store, vec![(purpose, message.clone())]).await?.remove(0))
}

/// Offers a batch of which all must be taken; their indexes.
async fn take<P: Port>(store: &P, batch: Batch) -> Result<Vec<u64>, String> {
    let custodies = offer(store, batch).await?;
    let index = |custody: &Custody| match custody {
        Custody::Taken(place) => Ok(place.index),
        other => Err(format!("not taken: {other:?}")),
    };
    custodies.iter().map(index).collect()
}

/// Has messages taken that are to be sent, in batches of one, two, three and so on.
async fn take_growing<P: Port>(store: &P, messages: &[Consignment]) -> Claim {
    let (mut rest, mut size) = (messages, 1);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(size.min(rest.len()));
        take(store, to_send(now)).await?;
        (rest, size) = (later, size + 1);
    }
    Ok(())
}

fn to_send(messages: &[Consignment]) -> Batch {
    messages.iter().map(|message| (Purpose::Send, message.clone())).collect()
}

fn rejected() -> Purpose {
    Purpose::Reject("CLS_01".to_owned())
}

/// The peer has taken these messages.
fn delivered(messages: &[Consignment], receipt: &[u8]) -> Vec<Answered> {
    let answered = |message: &Consignment| {
        let (settlement, receipt) = (Settlement::Delivered, receipt.to_vec());
        Answered { message_id: message.message_id, settlement, receipt }
    };
    messages.iter().map(answered).collect()
}

fn ids(messages: &[Consignment]) -> Vec<Digest> {
    messages.iter().map(|message| message.message_id).collect()
}

async fn due<P: Port>(store: &P) -> Result<Vec<Digest>, String> {
    Ok(said(store.due(NOW).await)?.iter().map(|item| item.message_id).collect())
}

async fn leaves<P: Port>(store: &P) -> Result<u64, String> {
    Ok(said(store.leaves().await)?.len() as u64)
}

pub(super) async fn an_answer_survives_a_crash<P: Port>(mut store: P) -> Claim {
    let (mut out, mut came) = (Line::on("ch-1"), Line::on("ch-1"));
    let mut answered = 0;
    for size in 1..=4_u64 {
        let mut batch = Vec::new();
        for _ in 0..size {
            batch.extend([(Purpose::Send, out.next()), (Purpose::Deliver, came.next())]);
        }
        take(&store, batch).await?;
        answered += size;
        store = store.crash();
        for (direction, line) in [(Direction::Out, &out), (Direction::In, &came)] {
            let last = said(store.position(direction, "ch-1").await)?;
            hold((last.sequence, last.message_id) == (line.sequence, line.last), || {
                format!("{answered} were answered and {} are there: {direction:?}", last.sequence)
            })?;
        }
        let mailbox = said(store.received_after(0).await)?.len() as u64;
        hold(mailbox == answered, || format!("{answered} were received and {mailbox} are there"))?;
        let leaves = leaves(&store).await?;
        hold(leaves == 2 * answered, || {
            format!("{} leaves were answered, {leaves} are there", 2 * answered)
        })?;
    }
    Ok(())
}

pub(super) async fn the_same_message_gets_its_first_leaf<P: Port>(mut store: P) -> Claim {
    let message = Line::on("ch-1").next();
    let twice = || to_send(&[message.clone(), message.clone()]);
    let mut custodies = offer(&store, twice()).await?;
    let first = match custodies.remove(0) {
        Custody::Taken(place) => place.index,
        other => return Err(format!("not taken: {other:?}")),
    };
    for _ in 0..3 {
        for again in &custodies {
            let same =
                matches!(again, Custody::AlreadyHeld { place, rejected: None } if place.index == first);
            hold(same, || format!("first at {first}, then {again:?}"))?;
        }
        let leaves = leaves(&store).await?;
        hold(leaves == 1, || format!("one message has {leaves} leaves"))?;
        store = store.crash();
        custodies = offer(&store, twice()).await?;
    }
    Ok(())
}

pub(super) async fn what_was_taken_is_carried<P: Port>(mut store: P) -> Claim {
    let mut line = Line::on("ch-1");
    let messages: Vec<Consignment> = (0..6).map(|_| line.next()).collect();
    take_growing(&store, &messages).await?;
    store = store.crash();
    let (mut waiting, mut size) = (messages.as_slice(), 1);
    while !waiting.is_empty() {
        let due = due(&store).await?;
        hold(due == ids(waiting), || format!("{} wait and {} are carried", waiting.len(), due.len()))?;
        let (now, later) = waiting.split_at(size);
        hold(said(store.settle(delivered(now, b"receipt"), vec![]).await)?, || "not settled".to_owned())?;
        store = store.crash();
        // The first answer stays, whatever comes later beside others.
        said(store.settle(delivered(now, b"other"), vec![]).await)?;
        for message in now {
            let kept = said(store.sent(message.message_id).await)?.and_then(|sent| sent.receipt);
            hold(kept.as_deref() == Some(b"receipt".as_slice()), || format!("its receipt is {kept:?}"))?;
        }
        (waiting, size) = (later, size + 1);
    }
    hold(due(&store).await?.is_empty(), || "something settled is carried again".to_owned())
}

pub(super) async fn a_number_is_used_once<P: Port>(mut store: P) -> Claim {
    let mut line = Line::on("ch-1");
    let mut other = line.peek("another");
    let first = line.next();
    let mut custodies = offer(&store, to_send(&[first, other.clone()])).await?;
    for _ in 0..2 {
        let custody = custodies.pop();
        let refused = matches!(custody, Some(Custody::Equivocation { held }) if Some(held) == line.last);
        hold(refused, || format!("another message with the same number: {custody:?}"))?;
        store = store.crash();
        custodies = offer(&store, to_send(std::slice::from_ref(&other))).await?;
    }
    other.sequence = 3;
    let mut stranger = line.peek("after another");
    stranger.previous = Some(Digest::of(b"another"));
    let refused = offer(&store, to_send(&[other, stranger])).await?;
    for custody in &refused {
        let gap = matches!(custody, Custody::OutOfSequence { last_sequence: 1, .. });
        hold(gap, || format!("a gap, or behind another: {custody:?}"))?;
    }
    hold(leaves(&store).await? == 1, || "a refusal has left a leaf".to_owned())
}

pub(super) async fn the_answered_place_holds_the_leaf<P: Port>(store: P) -> Claim {
    let (mut out, mut came) = (Line::on("ch-1"), Line::on("ch-1"));
    let (sent, received, refused) = (out.next(), came.next(), came.next());
    let purposes = [(Purpose::Send, &sent), (Purpose::Deliver, &received), (rejected(), &refused)];
    let batch: Batch = purposes.into_iter().map(|(purpose, message)| (purpose, message.clone())).collect();
    let mut places: Vec<(u64, Vec<u8>)> = take(&store, batch)
        .await?
        .into_iter()
        .zip([&sent, &received, &refused].map(|it| it.leaf.clone()))
        .collect();
    places.push(match said(store.expire(sent.message_id, "leaf of an expiry").await)? {
        Expiry::Done(place) => (place.index, b"leaf of an expiry".to_vec()),
        other => return Err(format!("not expired: {other:?}")),
    });
    let again = offer_alone(&store, Purpose::Deliver, &refused).await?;
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
    let precedences = [1_u8, 4, 2, 1, 3, 4].into_iter().enumerate();
    let messages: Vec<Consignment> =
        precedences.map(|(turn, precedence)| Consignment { precedence, ..lines[turn % 2].next() }).collect();
    take_growing(&store, &messages).await?;
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
    take(&store, to_send(std::slice::from_ref(&message))).await?;
    let expired = said(store.expire(message.message_id, "leaf of an expiry").await)?;
    hold(matches!(expired, Expiry::Done(_)), || format!("{expired:?}"))?;
    let store = store.crash();
    let state = said(store.sent(message.message_id).await)?.map(|sent| sent.state);
    hold(state == Some(SentState::Expired), || format!("expired, and now {state:?}"))?;
    hold(said(store.due(NOW).await)?.len() == 1, || "it is carried no more".to_owned())?;
    let again = said(store.expire(message.message_id, "another leaf").await)?;
    hold(again == Expiry::Already(SentState::Expired), || format!("expired again: {again:?}"))?;
    said(store.settle(delivered(std::slice::from_ref(&message), b"late"), vec![]).await)?;
    let state = said(store.crash().sent(message.message_id).await)?.map(|sent| sent.state);
    hold(state == Some(SentState::Delivered), || format!("delivered after all, and now {state:?}"))
}

pub(super) async fn the_mailbox_has_no_gap<P: Port>(mut store: P) -> Claim {
    let mut line = Line::on("ch-1");
    let messages: Vec<Consignment> = (0..4).map(|_| line.next()).collect();
    let purposes = [Purpose::Deliver, rejected(), Purpose::Deliver, Purpose::Deliver];
    take(&store, purposes.into_iter().zip(messages.clone()).collect()).await?;
    let mut expected = ids(&messages);
    expected.remove(1);
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
    let other = Line::on("ch-2").next();
    let batch = [&message, &other].map(|message| (Purpose::Deliver, message.clone()));
    let custodies = offer(&store, batch.into()).await?;
    // Each is answered as if it had come alone.
    let expected = Custody::PartMissing(Digest::of(b"a large document"));
    let as_alone = matches!(custodies.as_slice(), [missing, Custody::Taken(_)] if *missing == expected);
    hold(as_alone, || format!("the part of the first is not there: {custodies:?}"))?;
    said(store.put_part(b"a large document").await)?;
    let store = store.crash();
    take(&store, vec![(Purpose::Deliver, message)]).await?;
    let page = said(store.crash().received_after(0).await)?;
    hold(page.last().is_some_and(|item| item.parts.len() == 3), || "its parts are gone".to_owned())
}

pub(super) async fn a_batch_is_kept_whole_or_not_at_all<P: Port>(mut store: P) -> Claim {
    let (mut first, mut second) = (Line::on("ch-1"), Line::on("ch-2"));
    let mut kept = Vec::new();
    for round in 1..=3 {
        // Its last message does not belong into a log of this peer: the batch is a mistake of its caller.
        let mut line = Line::on("ch-3");
        let mut mistaken: Vec<Consignment> = (0..round).map(|_| line.next()).collect();
        mistaken.push(Consignment { peer: Ministry::parse("XC").unwrap(), ..Line::on("ch-9").next() });
        let before: Vec<Consignment> = (0..round).map(|_| first.next()).collect();
        let after: Vec<Consignment> = (0..round).map(|_| second.next()).collect();
        // Asked for at once, so that they share a group.
        let (before_it, fault, after_it) = tokio::join!(
            store.admit(to_send(&before), Footing::default()),
            store.admit(to_send(&mistaken), Footing::default()),
            store.admit(to_send(&after), Footing::default()),
        );
        hold(matches!(fault, Err(StoreFault::Misuse(_))), || format!("a mistake was taken: {fault:?}"))?;
        for (custodies, count) in [(before_it, before.len()), (after_it, after.len())] {
            let custodies = said(custodies)?;
            let taken = custodies.iter().filter(|custody| matches!(custody, Custody::Taken(_))).count();
            hold(taken == count, || format!("{count} were offered beside it: {custodies:?}"))?;
        }
        kept.extend(ids(&before).into_iter().chain(ids(&after)));
        store = store.crash();
        let last = said(store.position(Direction::Out, "ch-3").await)?.sequence;
        hold(last == 0, || format!("of a batch that was refused, {last} are there"))?;
        let (mut due, mut expected) = (due(&store).await?, kept.clone());
        due.sort();
        expected.sort();
        hold(due == expected, || format!("{} beside it were taken, {} are carried", kept.len(), due.len()))?;
        let leaves = leaves(&store).await?;
        hold(leaves == kept.len() as u64, || format!("{} were taken, {leaves} have leaves", kept.len()))?;
    }
    Ok(())
}

pub(super) async fn nothing_is_placed_behind_lost_footing<P: Port>(mut store: P) -> Claim {
    let mut line = Line::on("ch-1");
    let refused = [
        first_leaf(Some(Digest::of(b"another root")), &Footing::default()),
        MirrorUpdate { first_index: 1, ..first_leaf(None, &Footing::default()) },
    ];
    for update in refused {
        let footing = Footing::default();
        let mut there = line.clone();
        let batch: Batch = (0..3).map(|_| (Purpose::Deliver, there.next())).collect();
        let update = MirrorUpdate { footing: footing.clone(), ..update };
        let (mirrored, placed) =
            tokio::join!(store.mirror(update), store.admit(batch.clone(), footing.clone()));
        let extension = said(mirrored)?.extension;
        let kept = matches!(extension, Extension::Extended { .. } | Extension::AlreadyHeld { .. });
        hold(!kept, || format!("leaves that lead nowhere: {extension:?}"))?;
        hold(matches!(placed, Err(StoreFault::Unfounded)), || format!("placed behind them: {placed:?}"))?;
        store = store.crash();
        hold(leaves(&store).await? == 0, || "placed behind leaves that were refused".to_owned())?;
        let later = store.admit(batch, footing).await;
        hold(matches!(later, Err(StoreFault::Unfounded)), || format!("placed later: {later:?}"))?;
    }
    let footing = Footing::default();
    let batch = (0..3).map(|_| (Purpose::Deliver, line.next())).collect();
    let (mirrored, placed) =
        tokio::join!(store.mirror(first_leaf(None, &footing)), store.admit(batch, footing.clone()));
    let cosigned = said(mirrored)?.cosigned;
    hold(cosigned.as_deref() == Some("cosigned"), || format!("cosigned as {cosigned:?}"))?;
    said(placed)?;
    let mailbox = said(store.crash().received_after(0).await)?.len();
    hold(mailbox == 3, || format!("three were placed on good footing, {mailbox} are there"))
}

pub(super) async fn nothing_is_settled_without_its_ground<P: Port>(mut store: P) -> Claim {
    let mut line = Line::on("ch-1");
    let messages: Vec<Consignment> = (0..4).map(|_| line.next()).collect();
    take_growing(&store, &messages).await?;
    let elsewhere = Ground { root: Digest::of(b"another root"), ..ground() };
    for grounds in [vec![ground()], vec![ground(), elsewhere.clone()], vec![elsewhere]] {
        let settled = said(store.settle(delivered(&messages, b"receipt"), grounds).await)?;
        hold(!settled, || "settled on a ground that nobody keeps".to_owned())?;
        store = store.crash();
        let due = due(&store).await?;
        hold(due == ids(&messages), || format!("four have no ground, {} are carried", due.len()))?;
    }
    // The ground comes in the same breath.
    let (mirrored, settled) = tokio::join!(
        store.mirror(first_leaf(None, &Footing::default())),
        store.settle(delivered(&messages, b"receipt"), vec![ground()]),
    );
    said(mirrored)?;
    hold(said(settled)?, || "not settled on a ground that is kept".to_owned())?;
    let due = due(&store.crash()).await?;
    hold(due.is_empty(), || format!("{} are carried that are settled", due.len()))
}
