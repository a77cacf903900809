//! Protective acts, which nothing holds up: they go to whomever they can, and are owed to the others until they can.

mod ended;
mod restored;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chancery::consultation::act::ActKind;
use chancery::desk::Desk;
use chancery::desk::casebook::Attended;
use chancery::desk::error::DeskError;
use chancery::desk::form::draft::IdsOnly;
use chancery::desk::form::parse::parse;
use chancery::desk::owed::Outstanding;
use chancery::desk::reference::by_digest;
use chancery::desk::register::{SentEntry, SentState};
use chancery::digest::Digest;
use chancery::entropy::SystemEntropy;
use chancery::message::envelope::Envelope;
use chancery::message::terms::Level;
use chancery::time::{Clock, Timestamp};

use crate::support::craft::Craft;
use crate::support::{PATIENCE, Stage, forms, ministry};

const PERSON: &str = "P-7QK4-M2XD-9WTV";

const ALL: [&str; 3] = ["XA", "XB", "XC"];

fn withdrawal(to: &[&str], consultation: &str) -> String {
    let to = to.join("\", \"");
    format!(
        "kind = \"will-withdrawal\"\nto = [\"{to}\"]\nconsultation = \"{consultation}\"\n[act]\nperson = \"{PERSON}\"\n"
    )
}

/// XA, XB and XC on one channel, with a consultation that has begun.
async fn three(change: impl FnOnce(&mut Vec<chancery::rehearsal::founding::Plan>)) -> (Stage, String) {
    let stage = Stage::changed(&ALL, change).await;
    stage.world.charter(&ALL.map(ministry), Level::Confidential, false).await.unwrap();
    let sent = stage.send("XA", &forms::memorandum("XB\", \"XC", "new", "A word.")).await;
    for copy in &sent {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
    let consultation = sent[0].consultation.clone();
    (stage, consultation)
}

/// What XA still owes.
fn outstanding(stage: &Stage) -> Vec<Outstanding> {
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    desk.outstanding(&desk.trust().unwrap(), house.keys()).unwrap()
}

/// A copy to XB on the channel of all, registered and released, whose large part is nowhere.
fn lose_a_part(stage: &Stage, consultation: &str) -> Envelope {
    let desk = stage.house("XA").desk().unwrap();
    let sent = desk.register().sent().unwrap();
    let last = sent.iter().rfind(|copy| copy.recipient == ministry("XB")).unwrap();
    let mut craft = Craft::new(stage, "XA", "XB");
    craft.address.channel = stage.world.channel(&ALL.map(ministry)).unwrap();
    craft.address.consultation = consultation.to_owned();
    let mut craft = craft.at(last.sequence + 1, Some(last.id));
    craft.parts = vec![b"a sealed dispatch".to_vec(), vec![7; 300 * 1024]];
    let envelope = craft.signed(stage);
    let entry = SentEntry {
        id: envelope.id(),
        sequence: last.sequence + 1,
        act_number: 0,
        dispatch_digest: Digest::of(b"another dispatch"),
        envelope: envelope.encode(),
        has_parts_beside: true,
        state: SentState::Released,
        submission_receipt: Vec::new(),
        delivery_receipt: Vec::new(),
        ..last.clone()
    };
    desk.register().release(&[entry]).unwrap();
    envelope
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_goes_at_once_to_the_others_and_to_a_stuck_power_as_soon_as_it_can() {
    let (stage, consultation) = three(|_| {}).await;
    let stuck = lose_a_part(&stage, &consultation);
    let sent = stage.send("XA", &withdrawal(&["XB", "XC"], &consultation)).await;
    let [to_xb, to_xc] = sent.try_into().unwrap();
    assert_eq!(stage.settled("XA", &to_xc).await.state, SentState::Delivered);
    assert_eq!((to_xb.state, to_xb.recipient.as_str()), (SentState::Released, "XB"));

    let owed = outstanding(&stage);
    assert_eq!(owed.len(), 1, "{owed:?}");
    let front = owed[0].behind.as_ref().unwrap();
    assert_eq!((front.reason.as_str(), owed[0].recipient.as_str()), ("PART_LOST", "XB"));
    assert_eq!(owed[0].copy.as_ref().unwrap().0, to_xb.id);

    // A second one goes behind the first, and neither is lost.
    let second = stage.send("XA", &withdrawal(&["XB", "XC"], &consultation)).await;
    assert_eq!(stage.settled("XA", &second[1]).await.state, SentState::Delivered);
    assert_eq!(outstanding(&stage).len(), 2);

    // What the officer is told to do frees both at once.
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    desk.void(&desk.trust().unwrap(), &mut mailbox, &stuck.id()).await.unwrap();
    for copy in [&to_xb, &second[0]] {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
    assert_eq!(outstanding(&stage), []);
    for code in ["XB", "XC"] {
        stage.house(code).fetch().await.unwrap();
        let received = stage.house(code).desk().unwrap().register().newest_received(None, false, 10).unwrap();
        assert_eq!(received.len(), 3, "the word and both withdrawals, once each, at {code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_is_owed_to_a_power_whose_bundle_ended_and_goes_when_its_successor_is_accredited() {
    let day = Duration::from_secs(24 * 3600);
    let (stage, consultation) = three(|plans| plans[2].valid_for = day).await;
    stage.clock.forward(2 * day);
    let sent = stage.send("XA", &withdrawal(&["XB", "XC"], &consultation)).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    let to_xb = stage.settled("XA", &sent[0]).await;
    assert_eq!((to_xb.state, to_xb.recipient.as_str()), (SentState::Delivered, "XB"));
    let owed = outstanding(&stage);
    assert_eq!(owed.len(), 1, "{owed:?}");
    assert_eq!((owed[0].recipient.as_str(), owed[0].reason.as_str()), ("XC", "BUNDLE_ENDED"));
    assert_eq!((owed[0].act_number, owed[0].released), (to_xb.act_number, to_xb.release_time));

    // It stays owed, whatever is tried meanwhile; the next act has the next number.
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    assert_eq!(desk.pay_owed(&desk.trust().unwrap(), house.keys()).await.unwrap(), 0);
    let next = stage.send("XA", &withdrawal(&["XB", "XC"], &consultation)).await;
    assert_eq!(next[0].act_number, to_xb.act_number + 1);
    assert_eq!(outstanding(&stage).len(), 2);

    let successor = stage.house("XC").issue_bundle().unwrap();
    let fingerprint = *successor.bundle().fingerprint().digest();
    let (accrediting, level) = (stage.house("XA").desk().unwrap(), Level::Confidential);
    accrediting.accredit(house.keys(), successor, &fingerprint, level).await.unwrap();
    let desk = stage.house("XA").desk().unwrap();
    let trust = desk.trust().unwrap();
    let keys = stage.house("XA").keys();
    assert_eq!(desk.pay_owed(&trust, keys).await.unwrap(), 2);
    assert_eq!(desk.pay_owed(&trust, keys).await.unwrap(), 0, "and only once");
    let copies = desk.register().sent().unwrap();
    let late: Vec<&SentEntry> =
        copies.iter().filter(|copy| copy.recipient == ministry("XC") && copy.act_number > 1).collect();
    assert_eq!(late.len(), 2, "{late:?}");
    assert_eq!(late[0].dispatch_digest, to_xb.dispatch_digest, "the very act that XB has");
    for copy in late {
        assert_eq!(
            desk.wait(&trust, keys, &copy.id, PATIENCE).await.unwrap().unwrap().state,
            SentState::Delivered
        );
    }
    assert_eq!(outstanding(&stage), []);
    stage.house("XC").fetch().await.unwrap();
    let read = stage.house("XC").read("@last").unwrap();
    assert_eq!(read.dispatch.digest(), next[0].dispatch_digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_is_signed_while_the_own_gateway_is_away_and_goes_when_it_is_back() {
    let (mut stage, consultation) = three(|_| {}).await;
    stage.house_mut("XA").stop().await.unwrap();
    let sent = stage.send("XA", &withdrawal(&["XB", "XC"], &consultation)).await;
    assert!(sent.is_empty(), "{sent:?}");
    let owed: Vec<(String, String)> =
        outstanding(&stage).into_iter().map(|one| (one.recipient.to_string(), one.reason)).collect();
    let away = |code: &str| (code.to_owned(), "GATEWAY_AWAY".to_owned());
    assert_eq!(owed, [away("XB"), away("XC")]);
    let named = stage.house("XA").desk().unwrap().find(&by_digest(&outstanding(&stage)[0].dispatch));
    let Err(DeskError::NotSentYet { owed, .. }) = named else { panic!("{named:?}") };
    assert_eq!(owed, outstanding(&stage), "it is no message yet, and not unknown either");
    // Whoever looks into the casebook meanwhile finds it there, and nothing moves the person.
    let known = |stage: &Stage| {
        let house = stage.house("XA");
        let desk = house.desk().unwrap();
        let folded = desk.consultation_of(&desk.trust().unwrap(), house.keys(), &consultation).unwrap();
        let past = folded.book.everything();
        let withdrawals: Vec<_> = past.of_kind(ActKind::WillWithdrawal).collect();
        assert!(withdrawals.iter().all(|act| act.stands()));
        (withdrawals.len(), folded.kept.len())
    };
    let (withdrawals, kept) = known(&stage);
    assert_eq!(withdrawals, 1);
    stage.house_mut("XA").start().await.unwrap();
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    // The registry pays its debts by itself when it looks at what came.
    let mut attended = Attended::default();
    desk.attend_telling(&trust, house.keys(), &mut attended).await.unwrap();
    let went =
        attended.paid.iter().map(|paid| (paid.copy.recipient.as_str(), paid.copy.act_number, paid.act));
    let went: Vec<(&str, u64, ActKind)> = went.collect();
    assert_eq!(
        went,
        ["XB", "XC"].map(|to| (to, 2_u64, ActKind::WillWithdrawal)),
        "each is told, with its number"
    );
    for copy in desk.register().sent().unwrap() {
        assert_eq!(stage.settled("XA", &copy).await.state, SentState::Delivered);
    }
    assert_eq!(desk.register().sent().unwrap().len(), 4);
    assert_eq!(known(&stage), (1, kept + 1), "it is the same act");
    assert_eq!(outstanding(&stage), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_bears_the_level_that_its_channel_admits() {
    let stage = Stage::pair().await;
    stage.world.charter(&["XA", "XB"].map(ministry), Level::Unclassified, false).await.unwrap();
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let person = chancery::consultation::reference::PersonRef::parse(PERSON).unwrap();
    let consultation = chancery::consultation::reference::ConsultationId::parse("C-7QK4-M2XD-9WTV").unwrap();
    let draft = desk.withdrawal(&trust, house.keys(), person, Some(consultation), &[ministry("XB")]).unwrap();
    assert_eq!(draft.level, Level::Unclassified);
    let composition = desk.compose(&trust, house.keys(), &draft, stage.folder(), None).unwrap();
    let [copy] = desk.send(&trust, house.keys(), composition).await.unwrap().try_into().unwrap();
    assert_eq!(stage.settled("XA", &copy).await.state, SentState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_goes_before_the_rest_of_a_run_that_was_under_way() {
    let stage = Stage::pair().await;
    let [first] = stage.send("XA", &forms::memorandum("XB", "new", "The first.")).await.try_into().unwrap();
    // Of one consultation, so that each is a batch of its own.
    let form = forms::memorandum("XB", &first.consultation, "Of a run.");
    let count = 40;
    let drafts = vec![parse(&form, &IdsOnly).unwrap(); count];
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let under_way = tokio::sync::Notify::new();
    let mut sent = Vec::new();
    let told = |_, copies: chancery::desk::run::Sent| {
        sent.extend(copies.unwrap());
        under_way.notify_one();
    };
    let run = desk.send_run(&trust, house.keys(), &mut mailbox, drafts, stage.folder(), told);
    let withdraw = async {
        under_way.notified().await;
        stage.send("XA", &withdrawal(&["XB"], &first.consultation)).await
    };
    let (ended, withdrawn) = tokio::join!(run, withdraw);
    ended.unwrap();
    let [withdrawn] = withdrawn.try_into().unwrap();
    assert_eq!(sent.len(), count);
    let last = count as u64 + 2;
    assert!(withdrawn.sequence > 2 && withdrawn.sequence < last, "{} of {last}", withdrawn.sequence);
    sent.push(withdrawn);
    let mut sequences: Vec<u64> = sent.iter().map(|copy| copy.sequence).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (2..=last).collect::<Vec<_>>());
    for copy in &sent {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
}

/// A clock that shows a second more whenever somebody looks.
struct Hasty(AtomicI64);

impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_copies_of_an_act_bear_one_release_time_however_long_it_takes_to_make_them() {
    let (stage, consultation) = three(|_| {}).await;
    let house = stage.house("XA");
    let home = house.homes().desk.directory();
    let letter = forms::memorandum("XB\", \"XC", &consultation, "To both.");
    let mut minutes = BTreeSet::new();
    // Each begins some seconds nearer to the end of a minute.
    for begin in (0..60).step_by(4) {
        let at = stage.clock.now().minute().seconds() + begin;
        let desk = Desk::open(home, Arc::new(Hasty(AtomicI64::new(at))), Arc::new(SystemEntropy)).unwrap();
        let trust = desk.trust().unwrap();
        let form = if begin % 8 == 0 { letter.clone() } else { withdrawal(&["XB", "XC"], &consultation) };
        let draft = parse(&form, &IdsOnly).unwrap();
        let composition = desk.compose(&trust, house.keys(), &draft, stage.folder(), None).unwrap();
        let sent = desk.send(&trust, house.keys(), composition).await.unwrap();
        let times: BTreeSet<Timestamp> = sent.iter().map(|copy| copy.release_time).collect();
        assert_eq!((sent.len(), times.len()), (2, 1), "{begin}: {times:?}");
        minutes.extend(times);
    }
    assert!(minutes.len() > 1, "no release came near the end of a minute");
}
