//! Custody: nothing is lost, nothing comes twice, no number is used for two messages, whatever stops when.

mod accreditation;
mod adversity;
mod rejection;

use std::time::Duration;

use chancery::desk::register::{Place, SentEntry, SentState};
use chancery::gateway::store::record::LogHead;
use chancery::message::envelope::Envelope;
use chancery::message::leaf::LeafKind;
use chancery::message::receipt::Receipt;
use chancery::message::terms::Level;

use crate::support::answers::{mailbox, refused, relay, signed, unsigned};
use crate::support::craft::Craft;
use crate::support::{Stage, eventually, forms, ministry, proofs};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_submitted_again_gets_its_receipt_again() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let envelope = Craft::new(&stage, "XA", "XB").signed(&stage).encode();
    let first = stage.gateway("XA").submit(&envelope).await.unwrap();
    let before = proofs::trace(&stage, "XA").await;
    let again = stage.gateway("XA").submit(&envelope).await.unwrap();
    assert_eq!((first.leaf_bytes(), first.proof().index), (again.leaf_bytes(), again.proof().index));
    assert_eq!(proofs::trace(&stage, "XA").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_gets_its_receipt_even_when_its_signer_is_no_longer_believed() {
    let mut stage = Stage::pair().await;
    let envelope = Craft::new(&stage, "XA", "XB").signed(&stage);
    let [taken] = relay(&stage, &[&envelope]).await.try_into().unwrap();
    stage.house_mut("XB").stop().await.unwrap();
    let submitted = stage.gateway("XA").submit(&envelope.encode()).await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    // All certificates have ended.
    stage.clock.forward(Duration::from_secs(500 * 24 * 3600));
    assert_eq!(signed(&relay(&stage, &[&envelope]).await[0]).3, signed(&taken).3);
    let again = stage.gateway("XA").submit(&envelope.encode()).await.unwrap();
    assert_eq!(again.leaf_bytes(), submitted.leaf_bytes());
    let next = Craft::new(&stage, "XA", "XB").after(&envelope).signed(&stage);
    assert_eq!(unsigned(&relay(&stage, &[&next]).await[0]), "SIGNATURE_INVALID");
    assert_eq!(refused(&stage, &next.encode()).await, "SIGNATURE_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_signer_ended_on_the_way_is_refused_for_good_and_what_was_never_good_is_not() {
    let stage = Stage::pair().await;
    let craft = Craft::new(&stage, "XA", "XB");
    let first = craft.signed(&stage);
    let second = craft.after(&first).signed(&stage);
    // All certificates have ended.
    stage.clock.forward(Duration::from_secs(500 * 24 * 3600));
    let late = craft.signed(&stage);
    let before = proofs::trace(&stage, "XB").await;
    assert_eq!(unsigned(&relay(&stage, &[&late]).await[0]), "SIGNATURE_INVALID", "signed after the end");
    let other = craft.saying(b"other").header();
    let stolen = Envelope::compose(other, first.signature().to_vec(), vec![b"other".to_vec()]).unwrap();
    assert_eq!(unsigned(&relay(&stage, &[&stolen]).await[0]), "SIGNATURE_INVALID", "another's signature");
    assert_eq!(proofs::trace(&stage, "XB").await, before);
    // Their numbers are used, so that what its desk signs anew can follow.
    for answer in relay(&stage, &[&first, &second]).await {
        let (kind, reason, ..) = signed(&answer);
        assert_eq!((kind, reason.as_str()), (LeafKind::Rejected, "SIGNER_EXPIRED"));
    }
    assert!(mailbox(&stage).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_relayed_again_gets_its_receipt_again_and_is_in_the_mailbox_once() {
    let stage = Stage::pair().await;
    let envelope = Craft::new(&stage, "XA", "XB").signed(&stage);
    let [first] = relay(&stage, &[&envelope]).await.try_into().unwrap();
    let before = proofs::trace(&stage, "XB").await;
    // Alone, and twice in one batch.
    let again = relay(&stage, &[&envelope]).await;
    let twice = relay(&stage, &[&envelope, &envelope]).await;
    for answer in again.iter().chain(&twice) {
        assert_eq!(signed(answer), signed(&first));
    }
    assert_eq!(proofs::trace(&stage, "XB").await, before);
    assert_eq!(mailbox(&stage).await, [(1, envelope.id().to_string())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_twice_in_its_first_batch_is_taken_once() {
    let stage = Stage::pair().await;
    let envelope = Craft::new(&stage, "XA", "XB").signed(&stage);
    let [first, second] = relay(&stage, &[&envelope, &envelope]).await.try_into().unwrap();
    assert_eq!(signed(&first), signed(&second));
    assert_eq!(mailbox(&stage).await, [(1, envelope.id().to_string())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_header_under_another_signature_is_a_duplicate() {
    let stage = Stage::pair().await;
    let craft = Craft::new(&stage, "XA", "XB");
    let (first, second) = (craft.signed(&stage), craft.signed(&stage));
    assert_eq!(first.id(), second.id());
    assert_ne!(first.signature(), second.signature(), "ECDSA signatures differ each time");
    let [taken] = relay(&stage, &[&first]).await.try_into().unwrap();
    let [again] = relay(&stage, &[&second]).await.try_into().unwrap();
    assert_eq!(signed(&taken), signed(&again));
    let (items, _) = stage.gateway("XB").list_received(0, 64).await.unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].envelope, first.encode(), "the first is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_message_for_a_used_number_is_refused_kept_and_alarmed() {
    let stage = Stage::pair().await;
    let craft = Craft::new(&stage, "XA", "XB");
    let (first, other) = (craft.signed(&stage), craft.saying(b"something else").signed(&stage));
    relay(&stage, &[&first]).await;
    let size = |logs: Vec<LogHead>| logs[0].size;
    let before = size(proofs::own_logs(&stage, &ministry("XB")).await);
    assert_eq!(unsigned(&relay(&stage, &[&other]).await[0]), "CHN_04_EQUIVOCATION");
    assert_eq!(size(proofs::own_logs(&stage, &ministry("XB")).await), before);
    assert_eq!(mailbox(&stage).await, [(1, first.id().to_string())]);
    let status = stage.gateway("XB").status().await.unwrap();
    let [alarm] = status.alarms.try_into().unwrap();
    assert_eq!((alarm.code.as_str(), alarm.ministry.as_str()), ("CHN_04_EQUIVOCATION", "XA"));
    // Both signed headers are kept: they prove it to anybody.
    let [proof] = stage.gateway("XB").equivocations().await.unwrap().try_into().unwrap();
    assert_eq!(
        (proof.held.header, proof.held.signature),
        (first.header().bytes().to_vec(), first.signature().to_vec())
    );
    assert_eq!(
        (proof.offered.header, proof.offered.signature),
        (other.header().bytes().to_vec(), other.signature().to_vec())
    );
    // The next message passes.
    let next = craft.after(&first).signed(&stage);
    assert_eq!(signed(&relay(&stage, &[&next]).await[0]).0, LeafKind::Received);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_desk_cannot_use_a_number_twice_either() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let craft = Craft::new(&stage, "XA", "XB");
    let (first, other) = (craft.signed(&stage), craft.saying(b"something else").signed(&stage));
    stage.gateway("XA").submit(&first.encode()).await.unwrap();
    assert_eq!(refused(&stage, &other.encode()).await, "CHN_04_EQUIVOCATION");
    assert_eq!(stage.gateway("XA").status().await.unwrap().alarms[0].code, "CHN_04_EQUIVOCATION");
    assert_eq!(refused(&stage, &craft.at(3, Some(first.id())).signed(&stage).encode()).await, "CHN_04");
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_and_wrong_predecessors_are_refused_and_taken_later_in_order() {
    let stage = Stage::pair().await;
    let craft = Craft::new(&stage, "XA", "XB");
    let first = craft.signed(&stage);
    let second = craft.after(&first).signed(&stage);
    let third = craft.after(&second).signed(&stage);
    let before = proofs::trace(&stage, "XB").await;
    for early in [&second, &third] {
        assert_eq!(unsigned(&relay(&stage, &[early]).await[0]), "CHN_04");
    }
    assert_eq!(proofs::trace(&stage, "XB").await, before);
    relay(&stage, &[&first]).await;
    let stranger = craft.at(2, Some(third.id())).signed(&stage);
    assert_eq!(unsigned(&relay(&stage, &[&stranger]).await[0]), "CHN_04");
    assert_eq!(unsigned(&relay(&stage, &[&third]).await[0]), "CHN_04");
    let answers = relay(&stage, &[&second, &third]).await;
    assert_eq!(answers.iter().map(|answer| signed(answer).0).collect::<Vec<_>>(), [LeafKind::Received; 2]);
    let ids: Vec<String> = [&first, &second, &third].map(|one| one.id().to_string()).into();
    assert_eq!(mailbox(&stage).await.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_batch_is_taken_in_its_order_under_one_checkpoint() {
    let stage = Stage::pair().await;
    let mut envelopes = vec![Craft::new(&stage, "XA", "XB").signed(&stage)];
    for number in 1..100_u8 {
        let next = Craft::new(&stage, "XA", "XB").after(&envelopes[envelopes.len() - 1]);
        envelopes.push(next.saying(&[number]).signed(&stage));
    }
    let before = stage.gateway("XB").logs().await.unwrap().iter().find(|log| !log.mirror).unwrap().size;
    let answers = relay(&stage, &envelopes.iter().collect::<Vec<_>>()).await;
    for (place, answer) in (before..).zip(&answers) {
        let (kind, _, index, _) = signed(answer);
        assert_eq!((kind, index), (LeafKind::Received, place));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_with_the_gateway_is_given_again() {
    let mut stage = Stage::pair().await;
    // Taken by the own gateway, which is lost before its desk hears of it.
    stage.house_mut("XB").stop().await.unwrap();
    let craft = Craft::new(&stage, "XA", "XB");
    let envelope = craft.signed(&stage);
    let first = stage.gateway("XA").submit(&envelope.encode()).await.unwrap();
    stage.house_mut("XA").lose().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    let again = stage.gateway("XA").submit(&envelope.encode()).await.unwrap();
    assert_eq!((first.leaf_bytes(), first.proof().index), (again.leaf_bytes(), again.proof().index));
    // Taken by the peer, which is lost before the sender hears of it.
    stage.house_mut("XA").lose().await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    let [taken] = relay(&stage, &[&envelope]).await.try_into().unwrap();
    stage.house_mut("XB").lose().await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    delivered(&stage, &envelope).await;
    assert_eq!(mailbox(&stage).await, [(1, envelope.id().to_string())]);
    let [report] = stage.gateway("XA").sent_reports(vec![envelope.id()]).await.unwrap().try_into().unwrap();
    let kept = Receipt::parse(&report.delivery_receipt).unwrap();
    assert_eq!((kept.leaf_bytes().to_vec(), kept.proof().index), (signed(&taken).3, signed(&taken).2));
    // Settled, and lost again.
    stage.house_mut("XA").lose().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    let [after] = stage.gateway("XA").sent_reports(vec![envelope.id()]).await.unwrap().try_into().unwrap();
    assert_eq!(after.delivery_receipt, report.delivery_receipt);
    proofs::logs_agree(&stage).await;
}

/// Waits until the gateway of XA holds the peer's receipt.
async fn delivered(stage: &Stage, envelope: &Envelope) {
    use chancery::gateway::store::record::SentState::Delivered;
    eventually("the message is delivered", || async {
        let reports = stage.gateway("XA").sent_reports(vec![envelope.id()]).await.unwrap();
        reports[0].state == Some(Delivered)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_listed_but_not_acknowledged_is_listed_again_and_registered_once() {
    let mut stage = Stage::pair().await;
    for _ in 0..2 {
        let [sent] = stage.send("XA", &forms::memorandum("XB", "new", "One.")).await.try_into().unwrap();
        stage.settled("XA", &sent).await;
    }
    // The desk registers what it was shown and is cut off before it can say so.
    let house = stage.house("XB");
    let desk = house.desk().unwrap();
    let mut link = desk.mailbox(house.keys()).await.unwrap();
    let listed = link.list_received(&Place::default()).await.unwrap();
    assert_eq!(listed.messages.len(), 2);
    drop((link, desk));
    stage.house_mut("XB").lose().await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    assert_eq!(stage.gateway("XB").status().await.unwrap().mailbox_waiting, 2);
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 2);
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 0);
    assert_eq!(stage.house("XB").desk().unwrap().register().received().unwrap().len(), 2);
    assert_eq!(stage.gateway("XB").status().await.unwrap().mailbox_waiting, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_stopped_before_submitting_submits_the_same_bytes() {
    let stage = Stage::pair().await;
    let [sent] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    stage.settled("XA", &sent).await;
    // Released by the registry: in the register, and nowhere else.
    let before = Envelope::parse(&sent.envelope).unwrap();
    let mut craft = Craft::new(&stage, "XA", "XB").after(&before);
    craft.address.consultation = sent.consultation.clone();
    craft.parts = before.parts().to_vec();
    let envelope = craft.signed(&stage);
    let entry = SentEntry {
        id: envelope.id(),
        sequence: 2,
        envelope: envelope.encode(),
        state: SentState::Released,
        submission_receipt: Vec::new(),
        delivery_receipt: Vec::new(),
        ..sent
    };
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    desk.register().release(std::slice::from_ref(&entry)).unwrap();
    drop(desk);
    // Whatever the desk does next, that one goes first.
    let [next] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    assert_eq!(next.sequence, 3);
    for one in [&entry, &next] {
        assert_eq!(stage.settled("XA", one).await.state, SentState::Delivered);
    }
    // And a desk that stopped after submitting, before it noted the receipt, submits once more.
    let desk = house.desk().unwrap();
    desk.register().note_sent(&next.id, SentState::Released, "", &[], &[]).unwrap();
    let trust = desk.trust().unwrap();
    let mut link = desk.mailbox(house.keys()).await.unwrap();
    desk.resume(&trust, &mut link).await.unwrap();
    assert_eq!(stage.settled("XA", &next).await.state, SentState::Delivered);
    assert_eq!(mailbox(&stage).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_the_gateway_took_unheard_does_not_block_the_next() {
    let stage = Stage::pair().await;
    let house = stage.house("XA");
    let kept = house.homes().desk.directory().join("trust/channel.policy");
    let before = std::fs::read(&kept).unwrap();
    let parties = ["XA", "XB"].map(ministry);
    stage.world.charter(&parties, Level::Restricted, false).await.unwrap();
    // The gateway has it in force, and the desk was stopped before it kept it.
    std::fs::write(&kept, before).unwrap();
    stage.world.charter(&parties, Level::Secret, false).await.unwrap();
    let [sent] =
        stage.send("XA", &forms::note("XB", "new").replace("RESTRICTED", "SECRET")).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_lost_at_any_moment_lose_and_double_nothing() {
    const MESSAGES: usize = 8;
    let mut stage = Stage::pair().await;
    let homes = stage.house("XA").homes().clone();
    let clock = stage.clock.clone();
    let (tell, mut told) = tokio::sync::watch::channel(0_usize);
    // A desk of its own that goes on whatever happens to the gateways.
    let sending = tokio::spawn(async move {
        let desk = chancery::desk::Desk::open(
            homes.desk.directory(),
            std::sync::Arc::new(clock),
            std::sync::Arc::new(chancery::entropy::SystemEntropy),
        )
        .unwrap();
        let keys = chancery::desk::keys::Keys::new(desk.config().clone(), crate::support::passphrase());
        let trust = desk.trust().unwrap();
        for number in 1..=MESSAGES {
            let form = forms::memorandum("XB", "new", &format!("Number {number}."));
            let draft =
                chancery::desk::form::parse::parse(&form, &chancery::desk::form::draft::IdsOnly).unwrap();
            let composition = desk.compose(&trust, &keys, &draft, homes.desk.directory(), None).unwrap();
            match desk.send(&trust, &keys, composition).await {
                Ok(_) => {}
                Err(failure) if failure.is_passing() => {}
                Err(other) => panic!("{other}"),
            }
            tell.send_replace(number);
        }
    });
    for (step, code) in (0_u64..).zip(["XB", "XA", "XB", "XA", "XA", "XB"]) {
        // Not a pause to wait for anything: each loss is to hit another moment.
        tokio::time::sleep(Duration::from_millis(37 * (step % 4))).await;
        stage.house_mut(code).lose().await.unwrap();
        stage.house_mut(code).start().await.unwrap();
    }
    told.wait_for(|number| *number == MESSAGES).await.unwrap();
    sending.await.unwrap();
    let desk = stage.house("XA").desk().unwrap();
    for entry in desk.register().sent().unwrap() {
        assert_eq!(stage.settled("XA", &entry).await.state, SentState::Delivered);
    }
    let sent: Vec<_> = desk.register().sent().unwrap().iter().map(|entry| entry.id).collect();
    let received = mailbox(&stage).await;
    assert_eq!(
        received.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>(),
        sent.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
    assert_eq!(
        received.iter().map(|(cursor, _)| *cursor).collect::<Vec<_>>(),
        (1..=sent.len() as u64).collect::<Vec<_>>()
    );
    proofs::logs_agree(&stage).await;
}
