//! Copies of protective acts that end before their recipient has them: nothing that anybody does to a copy takes back what
//! the act says.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chancery::consultation::act::ActKind;
use chancery::consultation::reference::ConsultationId;
use chancery::desk::casebook::Folded;
use chancery::desk::error::DeskError;
use chancery::desk::register::{SentEntry, SentState};
use chancery::limits::{DRAFT_CARRIED_BYTES_MAX, OWED_ANEW_PAUSE};

use super::{outstanding, withdrawal};
use crate::support::{Stage, forms};

/// XA and XB with a consultation that has begun.
async fn two() -> (Stage, String) {
    let stage = Stage::pair().await;
    let [first] = stage.send("XA", &forms::memorandum("XB", "new", "A word.")).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &first).await.state, SentState::Delivered);
    (stage, first.consultation)
}

/// What XA has of a consultation.
fn folded(stage: &Stage, consultation: &str) -> Arc<Folded> {
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    desk.consultation_of(&desk.trust().unwrap(), house.keys(), consultation).unwrap()
}

/// Withdrawals of a will that count at XA.
fn withdrawals(stage: &Stage, consultation: &str) -> usize {
    let folded = folded(stage, consultation);
    folded.book.everything().of_kind(ActKind::WillWithdrawal).filter(|act| act.stands()).count()
}

/// What XA still owes: to whom, and why.
fn owed(stage: &Stage) -> Vec<(String, String)> {
    outstanding(stage).into_iter().map(|one| (one.recipient.to_string(), one.reason)).collect()
}

fn to_xb(reason: &str) -> Vec<(String, String)> {
    vec![("XB".to_owned(), reason.to_owned())]
}

async fn paid(stage: &Stage) -> usize {
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    desk.pay_owed(&desk.trust().unwrap(), house.keys()).await.unwrap()
}

/// The newest copy of XA to XB.
fn newest(stage: &Stage) -> SentEntry {
    let sent = stage.house("XA").desk().unwrap().register().sent().unwrap();
    sent.into_iter().rfind(|copy| copy.recipient.as_str() == "XB").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_that_an_operator_takes_out_of_the_queue_counts_at_home_and_goes_anew() {
    let (mut stage, consultation) = two().await;
    stage.house_mut("XB").stop().await.unwrap();
    let sent = stage.send("XA", &withdrawal(&["XB"], &consultation)).await;
    let [copy] = sent.try_into().unwrap();
    stage.gateway("XA").withdraw(copy.id.digest(), true, 0).await.unwrap();
    assert_eq!(stage.settled("XA", &copy).await.state, SentState::Withdrawn);
    assert_eq!(withdrawals(&stage, &consultation), 1, "the own desk knows that he said no");
    assert_eq!(owed(&stage), to_xb("COPY_WITHDRAWN"));
    assert_eq!(withdrawals(&stage, &consultation), 1, "also when it is owed");

    // No letter takes its number, and whoever releases cannot take it back.
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let (trust, id) = (desk.trust().unwrap(), ConsultationId::parse(&consultation).unwrap());
    let Err(filled) = desk.stand_in(&trust, house.keys(), &id, copy.act_number) else {
        panic!("another act takes its number")
    };
    assert!(matches!(filled, DeskError::NotGivenUp { state: "owed", .. }), "{filled:?}");

    assert_eq!(paid(&stage).await, 1);
    let anew = newest(&stage);
    assert_eq!((anew.act_number, anew.dispatch_digest), (copy.act_number, copy.dispatch_digest));
    assert!(anew.sequence > copy.sequence && anew.release_time == copy.release_time);
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let taken_back = desk.withdraw_copy((&trust, house.keys()), &mut mailbox, &anew.id).await;
    assert!(matches!(taken_back, Err(DeskError::Protective(id)) if id == anew.id), "{taken_back:?}");
    drop((mailbox, desk));
    assert_eq!((outstanding(&stage), paid(&stage).await), (Vec::new(), 0));

    stage.house_mut("XB").start().await.unwrap();
    stage.sound("XA", "XB").await;
    assert_eq!(stage.settled("XA", &anew).await.state, SentState::Delivered);
    stage.house("XB").fetch().await.unwrap();
    let read = stage.house("XB").read("@last").unwrap();
    assert_eq!(read.dispatch.digest(), copy.dispatch_digest);
    assert_eq!((withdrawals(&stage, &consultation), outstanding(&stage)), (1, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_its_copies_an_act_counts_and_goes_anew_and_ever_more_slowly() {
    let (mut stage, consultation) = two().await;
    stage.house_mut("XB").stop().await.unwrap();
    let [first] = stage.send("XA", &withdrawal(&["XB"], &consultation)).await.try_into().unwrap();
    let ends = |copy: &SentEntry, state| {
        stage.house("XA").desk().unwrap().register().note_sent(&copy.id, state, "CLS_01", &[], &[]).unwrap();
    };
    let counts = || assert_eq!(withdrawals(&stage, &consultation), 1);
    // The peer refuses it, as it says.
    ends(&first, SentState::Rejected);
    counts();
    assert_eq!(owed(&stage), to_xb("COPY_REJECTED"));
    assert_eq!(paid(&stage).await, 1, "the first goes anew at once");
    ends(&newest(&stage), SentState::Expired);
    counts();
    assert_eq!(owed(&stage), to_xb("COPY_EXPIRED"));
    assert_eq!(paid(&stage).await, 0, "the second waits");
    stage.clock.forward(OWED_ANEW_PAUSE + Duration::from_secs(1));
    assert_eq!(paid(&stage).await, 1);
    let third = newest(&stage);
    ends(&third, SentState::Void);
    counts();
    assert_eq!(owed(&stage), to_xb("COPY_VOID"), "and once only");
    // What arrives after all is owed no longer.
    ends(&third, SentState::Delivered);
    assert_eq!((outstanding(&stage), withdrawals(&stage, &consultation)), (Vec::new(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_go_anew_with_their_act_although_nobody_has_the_files_any_more() {
    let (mut stage, consultation) = two().await;
    // One that a draft would carry in itself, and one that it would not.
    let lengths = [300 * 1024, usize::try_from(DRAFT_CARRIED_BYTES_MAX).unwrap() + 77_777];
    let mut hold = forms::hold("XB", &consultation, super::PERSON);
    let annexes: Vec<PathBuf> = lengths
        .into_iter()
        .map(|length| {
            let annex = stage.folder().join(format!("annex-{length}"));
            fs::write(&annex, vec![7_u8; length]).unwrap();
            hold.push_str(&format!(
                "\n[[document]]\npath = {annex:?}\ntitle = \"Annex\"\nclass = \"EVIDENCE\"\nlanguage = \"und\"\n\
                 id = \"annex-{length}\"\n"
            ));
            annex
        })
        .collect();
    stage.house_mut("XB").stop().await.unwrap();
    let [copy] = stage.send("XA", &hold).await.try_into().unwrap();
    annexes.iter().for_each(|annex| fs::remove_file(annex).unwrap());
    stage.gateway("XA").withdraw(copy.id.digest(), true, 0).await.unwrap();
    assert_eq!(stage.settled("XA", &copy).await.state, SentState::Withdrawn);
    assert_eq!(owed(&stage), to_xb("COPY_WITHDRAWN"));
    assert_eq!((paid(&stage).await, outstanding(&stage)), (1, Vec::new()));
    stage.house_mut("XB").start().await.unwrap();
    stage.sound("XA", "XB").await;
    assert_eq!(stage.settled("XA", &newest(&stage)).await.state, SentState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_could_not_be_kept_when_its_copy_ended_is_kept_with_the_next_command() {
    let (mut stage, consultation) = two().await;
    let annex = stage.folder().join("annex");
    fs::write(&annex, vec![7_u8; usize::try_from(DRAFT_CARRIED_BYTES_MAX).unwrap() + 77_777]).unwrap();
    let document = format!(
        "[[document]]\npath = {annex:?}\ntitle = \"Annex\"\nclass = \"EVIDENCE\"\nlanguage = \"und\"\nid = \"annex\"\n"
    );
    let hold = format!("{}\n{document}", forms::hold("XB", &consultation, super::PERSON));
    stage.house_mut("XB").stop().await.unwrap();
    let [copy] = stage.send("XA", &hold).await.try_into().unwrap();
    fs::remove_file(&annex).unwrap();
    stage.gateway("XA").withdraw(copy.id.digest(), true, 0).await.unwrap();
    assert_eq!(stage.settled("XA", &copy).await.state, SentState::Withdrawn);
    // Somebody else takes documents into keeping at that moment; while a protective act is released it is the same.
    let home = stage.house("XA").homes().desk.directory().to_owned();
    let keeping = fs::File::create(home.join("keeping.lock")).unwrap();
    keeping.lock().unwrap();
    assert_eq!(owed(&stage), to_xb("COPY_WITHDRAWN"));
    assert!(!home.join("owed").exists(), "nothing is kept yet");
    drop(keeping);
    assert_eq!(paid(&stage).await, 0);
    assert_eq!((paid(&stage).await, outstanding(&stage)), (1, Vec::new()));
    stage.house_mut("XB").start().await.unwrap();
    stage.sound("XA", "XB").await;
    assert_eq!(stage.settled("XA", &newest(&stage)).await.state, SentState::Delivered);
}
