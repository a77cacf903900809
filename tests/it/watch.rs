//! The night watch over real gateways: what one officer sends alone another countersigns in the morning, and what nobody
//! acknowledges in time the registry of its sender signs, once.

use std::time::Duration;

use chancery::consultation::act::{Act, ActKind};
use chancery::consultation::rules::{self, Severity};
use chancery::consultation::state::{acknowledgement, countersignature};
use chancery::desk::casebook::Folded;
use chancery::desk::error::DeskError;
use chancery::desk::reference::Entry;
use chancery::desk::register::SentEntry;
use chancery::desk::silence::Way;
use chancery::message::terms::AuthenticationKind;
use chancery::rehearsal::house::House;
use chancery::time::Clock;

use crate::support::{Stage, forms};

const MINUTE: u64 = 60;

fn withdrawal(precedence: &str) -> String {
    format!(
        "kind = \"will-withdrawal\"\nto = [\"XB\"]\nconsultation = \"new\"\nprecedence = \"{precedence}\"\n\n\
         [act]\nperson = \"P-7QK4-M2XD-9WTV\"\n"
    )
}

fn folded(house: &House, consultation: &str) -> std::sync::Arc<Folded> {
    let desk = house.desk().unwrap();
    desk.consultation_of(&desk.trust().unwrap(), house.keys(), consultation).unwrap()
}

/// XA has sent a withdrawal, and XB has fetched it and not read it.
async fn withdrawn() -> (Stage, SentEntry) {
    let stage = Stage::pair().await;
    let [sent] = stage.send("XA", &withdrawal("FLASH")).await.try_into().unwrap();
    stage.settled("XA", &sent).await;
    stage.house("XB").fetch().await.unwrap();
    (stage, sent)
}

/// What is known at a desk of the countersignature of its only protective act: whether it is overdue, and by whom.
fn countersigned(house: &House, consultation: &str, at: impl Clock) -> (bool, Option<String>) {
    let folded = folded(house, consultation);
    let all = countersignature::all(&folded.book.everything(), folded.book.charter());
    let [one] = all.as_slice() else { panic!("{} of them", all.len()) };
    assert_eq!(one.act.hands.len(), 1, "the key of the officer, as ROL_08 needs it");
    (one.is_overdue(at.now()), one.by.map(|by| by.signed_by[0].to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_office_stands_behind_what_one_officer_sent_and_both_desks_show_it() {
    let (stage, sent) = withdrawn().await;
    let clock = || stage.clock.clone();
    let shown = |code: &str| countersigned(stage.house(code), &sent.consultation, clock());
    assert_eq!((shown("XA"), shown("XB")), ((false, None), (false, None)));
    stage.clock.forward(Duration::from_secs(25 * 60 * MINUTE));
    assert_eq!((shown("XA"), shown("XB")), ((true, None), (true, None)), "late, and it counts all the same");

    let (desk, keys) = (stage.house("XA").desk().unwrap(), stage.house("XA").keys());
    let trust = desk.trust().unwrap();
    let entry = || Entry::Sent(sent.clone());
    let by_duty = desk.countersignature(&trust, keys, &entry(), Some("duty-01"));
    assert!(
        matches!(by_duty, Err(DeskError::NotAuthorised { .. })),
        "it may not release what waits for the morning"
    );
    let (_, composition) = desk.countersignature(&trust, keys, &entry(), None).unwrap();
    assert!(!rules::forbids(&composition.findings), "{:?}", composition.findings);
    let [copy] = desk.send(&trust, keys, composition).await.unwrap().try_into().unwrap();
    stage.settled("XA", &copy).await;
    stage.house("XB").fetch().await.unwrap();
    let read = stage.house("XB").read("@last").unwrap();
    assert!(matches!(read.act(), Some(Act::Countersignature(_))), "another act");
    assert!(!rules::forbids(&read.findings), "{:?}", read.findings);
    let listed = &read.dispatch.dispatch().authentications;
    assert_eq!(listed.iter().map(|one| one.kind).collect::<Vec<_>>(), [AuthenticationKind::Initials]);
    let office = Some("chancery://XA/office/releasing-01".to_owned());
    assert_eq!((shown("XA"), shown("XB")), ((false, office.clone()), (false, office)));

    let (_, again) = desk.countersignature(&trust, keys, &entry(), None).unwrap();
    let Err(DeskError::Forbidden(findings)) = desk.send(&trust, keys, again).await else { panic!("twice") };
    let errors = findings.iter().filter(|one| one.severity == Severity::Error);
    assert_eq!(errors.map(|one| one.reason()).collect::<Vec<_>>(), ["ROL_09"]);
    // Whoever received the act does not countersign it.
    let (other, keys) = (stage.house("XB").desk().unwrap(), stage.house("XB").keys());
    let received = other.find(&sent.id.to_string()).unwrap();
    let (_, theirs) = other.countersignature(&other.trust().unwrap(), keys, &received, None).unwrap();
    let errors = theirs.findings.iter().filter(|one| one.severity == Severity::Error);
    assert_eq!(errors.map(|one| one.reason()).collect::<Vec<_>>(), ["ROL_07"]);
}

/// How many alarms there are at a desk, and how many of them bear a signed non-acknowledgement.
fn alarms(house: &House, consultation: &str, at: impl Clock) -> (usize, usize) {
    let folded = folded(house, consultation);
    let all = acknowledgement::unacknowledged(folded.book.history(), folded.book.charter());
    let alarming: Vec<_> = all.iter().filter(|one| one.is_alarming(at.now())).collect();
    (alarming.len(), alarming.iter().filter(|one| one.signed.is_some()).count())
}

async fn attend(house: &House) -> usize {
    let desk = house.desk().unwrap();
    desk.attend(&desk.trust().unwrap(), house.keys()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_acknowledged_is_signed_once_and_a_late_answer_ends_the_alarm_and_leaves_that() {
    let (stage, sent) = withdrawn().await;
    let shown = |code: &str| alarms(stage.house(code), &sent.consultation, stage.clock.clone());
    stage.clock.forward(Duration::from_secs(25 * MINUTE));
    assert_eq!((attend(stage.house("XA")).await, shown("XA")), (0, (0, 0)), "there is time yet");
    stage.clock.forward(Duration::from_secs(10 * MINUTE));
    assert_eq!((shown("XA"), shown("XB")), ((1, 0), (1, 0)));
    assert_eq!(attend(stage.house("XB")).await, 0, "it is for its sender to say");
    assert_eq!(attend(stage.house("XA")).await, 1);
    assert_eq!(attend(stage.house("XA")).await, 0, "once");
    let desk = stage.house("XA").desk().unwrap();
    let copies = desk.register().sent().unwrap();
    let [_, silence] = copies.as_slice() else { panic!("{} sent", copies.len()) };
    stage.settled("XA", silence).await;
    stage.house("XB").fetch().await.unwrap();
    assert_eq!((shown("XA"), shown("XB")), ((1, 1), (1, 1)), "both sides have it signed");
    let read = stage.house("XB").read("@last").unwrap();
    let Some(Act::NonAcknowledgement(said)) = read.act() else { panic!("another act") };
    assert_eq!((said.message_id, said.addressee.as_str()), (sent.id, "XB"));
    assert!(!rules::forbids(&read.findings), "{:?}", read.findings);
    let listed = &read.dispatch.dispatch().authentications;
    assert_eq!(listed.iter().map(|one| one.kind).collect::<Vec<_>>(), [AuthenticationKind::Registry]);

    // XB reads the withdrawal at last, and its registry takes it in charge.
    stage.house("XB").read(&sent.id.to_string()).unwrap();
    assert_eq!(attend(stage.house("XB")).await, 1, "the withdrawal alone is acknowledged");
    let theirs = stage.house("XB").desk().unwrap().register().sent().unwrap();
    stage.settled("XB", &theirs[0]).await;
    stage.house("XA").fetch().await.unwrap();
    assert_eq!((shown("XA"), shown("XB")), ((0, 0), (0, 0)));
    stage.clock.forward(Duration::from_secs(24 * 60 * MINUTE));
    assert_eq!(
        (attend(stage.house("XA")).await, attend(stage.house("XB")).await),
        (0, 0),
        "nothing answers it"
    );
    let folded = folded(stage.house("XA"), &sent.consultation);
    assert_eq!(
        folded.book.everything().of_kind(ActKind::NonAcknowledgement).count(),
        1,
        "it stays on record"
    );
}

/// How far what XB has not acknowledged has come.
fn ways(house: &House, consultation: &str) -> Vec<Way> {
    let (desk, folded) = (house.desk().unwrap(), folded(house, consultation));
    let all = acknowledgement::unacknowledged(folded.book.history(), folded.book.charter());
    all.iter().map(|one| desk.way_of(&folded, one).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_owed_an_act_beyond_its_time_has_all_of_that_time_once_it_has_gone() {
    let mut stage = Stage::pair().await;
    let begun = stage.send("XA", &forms::memorandum("XB", "new", "About a person.")).await;
    let [first] = begun.try_into().unwrap();
    stage.settled("XA", &first).await;
    stage.house_mut("XA").stop().await.unwrap();
    let form = withdrawal("FLASH").replace("\"new\"", &format!("\"{}\"", first.consultation));
    assert!(stage.send("XA", &form).await.is_empty(), "nobody can be sent it");
    stage.clock.forward(Duration::from_secs(40 * MINUTE));
    let shown = |stage: &Stage| ways(stage.house("XA"), &first.consultation);
    assert_eq!(shown(&stage), [Way::Owed], "nobody else is late");

    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(attend(stage.house("XA")).await, 1, "it goes");
    let copies = stage.house("XA").desk().unwrap().register().sent().unwrap();
    let [_, withdrawn] = copies.as_slice() else { panic!("{} sent", copies.len()) };
    stage.settled("XA", withdrawn).await;
    assert_eq!(attend(stage.house("XA")).await, 0, "and nobody is called silent who has just got it");
    // Its header was signed when it went, long after its release: it opens, and is of the past here.
    assert!(stage.house("XA").read(&withdrawn.id.to_string()).is_ok());
    let gone = withdrawn.release_time.after(Duration::from_secs(40 * MINUTE));
    let [Way::Until(due)] = shown(&stage)[..] else { panic!("{:?}", shown(&stage)) };
    assert!(due >= gone.after(Duration::from_secs(30 * MINUTE)), "{due} of {gone}");
    stage.clock.forward(Duration::from_secs(25 * MINUTE));
    assert_eq!(attend(stage.house("XA")).await, 0, "there is time yet");
    stage.clock.forward(Duration::from_secs(10 * MINUTE));
    assert_eq!(attend(stage.house("XA")).await, 1);

    let copies = stage.house("XA").desk().unwrap().register().sent().unwrap();
    let [_, _, silence] = copies.as_slice() else { panic!("{} sent", copies.len()) };
    stage.settled("XA", silence).await;
    stage.house("XB").fetch().await.unwrap();
    let read = stage.house("XB").read("@last").unwrap();
    let Some(Act::NonAcknowledgement(said)) = read.act() else { panic!("another act") };
    assert_eq!((said.message_id, said.due_time), (withdrawn.id, due), "as it is shown here");
    assert!(!rules::forbids(&read.findings), "XB judges it so too: {:?}", read.findings);
}
