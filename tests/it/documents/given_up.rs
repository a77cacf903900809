//! Copies that were signed and cannot be handed over: seen, holding up nobody else, given up by a proof, and their
//! numbers never used for anything else.

use chancery::desk::error::DeskError;
use chancery::desk::register::{SentEntry, SentState};
use chancery::message::envelope::Envelope;
use chancery::message::leaf::LeafKind;
use chancery::message::receipt::Receipt;
use chancery::message::terms::Level;
use chancery::rehearsal::RehearsalFault;
use chancery::trust::policy::ChannelRule;

use crate::support::answers::{mailbox, relay, signed};
use crate::support::craft::Craft;
use crate::support::{Stage, eventually, forms, ministry, proofs};

/// Where a copy stands after the gateway was asked.
async fn refreshed(stage: &Stage, id: &chancery::message::id::MessageId) -> SentEntry {
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    desk.refresh_sent(&trust, &mut desk.mailbox(house.keys()).await.unwrap()).await.unwrap();
    desk.register().sent().unwrap().into_iter().find(|entry| entry.id == *id).unwrap()
}

/// A copy to XB in the register of XA, released, whose large part is nowhere.
async fn lost(stage: &Stage) -> Envelope {
    let [model] = stage.send("XA", &forms::memorandum("XC", "new", "A model.")).await.try_into().unwrap();
    let mut craft = Craft::new(stage, "XA", "XB");
    craft.parts = vec![b"a sealed dispatch".to_vec(), vec![7; 300 * 1024]];
    let envelope = craft.signed(stage);
    let entry = SentEntry {
        id: envelope.id(),
        channel: envelope.header().address().channel.to_string(),
        recipient: ministry("XB"),
        sequence: 1,
        dispatch_digest: chancery::digest::Digest::of(b"another dispatch"),
        envelope: envelope.encode(),
        has_parts_beside: true,
        state: SentState::Released,
        submission_receipt: Vec::new(),
        delivery_receipt: Vec::new(),
        ..model
    };
    stage.house("XA").desk().unwrap().register().release(&[entry]).unwrap();
    envelope
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_part_is_lost_holds_up_nobody_else_and_is_given_up_by_a_proof() {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let envelope = lost(&stage).await;
    // To others everything goes on; to its recipient the reason is told.
    let [other] = stage.send("XA", &forms::memorandum("XC", "new", "Another.")).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &other).await.state, SentState::Delivered);
    let form = forms::memorandum("XB", "new", "The next.");
    let stuck = stage.house("XA").send(&form, stage.folder()).await.unwrap_err();
    let RehearsalFault::Desk(DeskError::Stuck { id, reason, .. }) = stuck else { panic!("{stuck}") };
    assert_eq!((id, reason.as_str()), (envelope.id(), "PART_LOST"));
    let seen = refreshed(&stage, &id).await;
    assert_eq!((seen.state, seen.reason.as_str()), (SentState::Released, "PART_LOST"));

    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let mut link = desk.mailbox(house.keys()).await.unwrap();
    let given_up = desk.void(&trust, &mut link, &id).await.unwrap();
    assert_eq!((given_up.state, given_up.reason.as_str()), (SentState::Withdrawn, "PART_LOST"));
    let receipt = Receipt::parse(&given_up.delivery_receipt).unwrap();
    assert_eq!(
        (receipt.leaf().kind, receipt.leaf().reason.as_str()),
        (LeafKind::Withdrawn, "WITHDRAWN_BY_DESK")
    );
    // A second time nothing changes, and what is in custody is not given up here.
    let again = desk.void(&trust, &mut link, &id).await.unwrap_err();
    assert!(matches!(again, DeskError::NotStuck { state: SentState::Withdrawn, .. }), "{again}");
    let again = desk.void(&trust, &mut link, &other.id).await.unwrap_err();
    assert!(matches!(again, DeskError::NotStuck { state: SentState::Delivered, .. }), "{again}");

    // Its number is used, here and by the peer's signed rejection.
    let [next] = stage.send("XA", &form).await.try_into().unwrap();
    assert_eq!(next.sequence, 2);
    assert_eq!(stage.settled("XA", &next).await.state, SentState::Delivered);
    assert_eq!(mailbox(&stage).await, [(1, next.id.to_string())]);
    let answered = refreshed(&stage, &id).await;
    let receipt = Receipt::parse(&answered.delivery_receipt).unwrap();
    assert_eq!((receipt.leaf().kind, receipt.leaf().reason.as_str()), (LeafKind::Rejected, "WITHDRAWN"));
    proofs::logs_agree(&stage).await;
    for code in ["XA", "XB"] {
        assert_eq!(stage.gateway(code).verify().await.unwrap().damages, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_given_up_while_the_gateway_is_away_is_withdrawn_when_it_answers() {
    let mut stage = Stage::of(&["XA", "XB", "XC"]).await;
    let envelope = lost(&stage).await;
    let desk = stage.house("XA").desk().unwrap();
    let trust = desk.trust().unwrap();
    let mut link = desk.mailbox(stage.house("XA").keys()).await.unwrap();
    stage.house_mut("XA").lose().await.unwrap();
    let away = desk.void(&trust, &mut link, &envelope.id()).await.unwrap_err();
    assert!(away.is_passing(), "{away}");
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(refreshed(&stage, &envelope.id()).await.state, SentState::Withdrawn);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_a_refused_copy_is_used_up_so_that_its_gateway_cannot_make_two_messages_of_it() {
    let stage = Stage::pair().await;
    let parties = ["XA", "XB"].map(ministry);
    let kept = stage.house("XA").homes().desk.directory().join("trust/channel.policy");
    let channel = stage.world.charter(&parties, Level::Secret, false).await.unwrap();
    let generous = std::fs::read(&kept).unwrap();
    let house = stage.house("XA");
    let ceiling = u32::try_from(Level::Restricted.number()).unwrap();
    let rule = ChannelRule { parties: parties.iter().cloned().collect(), ceiling, suspended: false };
    house.desk().unwrap().charter(house.keys(), channel, rule).await.unwrap();
    // The desk knows the former policy only, so it is the gateway that refuses.
    std::fs::write(&kept, generous).unwrap();
    let secret = forms::memorandum("XB", "new", "Refused.").replace("RESTRICTED", "SECRET");
    let refused = house.send(&secret, stage.folder()).await.unwrap_err();
    let RehearsalFault::Desk(DeskError::GatewayRefused { reason, .. }) = refused else { panic!("{refused}") };
    assert_eq!(reason, "CLS_01");
    let [first] = house.desk().unwrap().register().sent().unwrap().try_into().unwrap();
    assert_eq!((first.sequence, first.state, first.reason.as_str()), (1, SentState::Withdrawn, "CLS_01"));
    // The gateway has its bytes, and may deliver them after all.
    let envelope = Envelope::parse(&first.envelope).unwrap();
    let delivered = relay(&stage, &[&envelope]).await;
    let kind = signed(&delivered[0]).0;
    // Whatever came first, the next message has a number of its own, and nobody finds two for one.
    let [next] = stage.send("XA", &forms::memorandum("XB", "new", "The next.")).await.try_into().unwrap();
    assert_eq!(next.sequence, 2);
    assert_eq!(stage.settled("XA", &next).await.state, SentState::Delivered);
    let expected = if kind == LeafKind::Received { SentState::Delivered } else { SentState::Withdrawn };
    eventually("the peer's answer is known", || async {
        let entry = refreshed(&stage, &first.id).await;
        entry.state == expected && Receipt::parse(&entry.delivery_receipt).unwrap().leaf().kind == kind
    })
    .await;
    for code in ["XA", "XB"] {
        let status = stage.gateway(code).status().await.unwrap();
        assert!(
            status.alarms.iter().all(|alarm| !alarm.code.contains("EQUIVOCATION")),
            "{:?}",
            status.alarms
        );
    }
    proofs::logs_agree(&stage).await;
}
