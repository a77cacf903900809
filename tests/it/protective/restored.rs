//! What a desk owes survives what happens at the desk: a register that was restored from an older copy gets back what was
//! sent since, gives no number twice where it does not, and a file that is gone takes nothing from a Power.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chancery::consultation::act::ActKind;
use chancery::consultation::reference::{ConsultationId, PersonRef};
use chancery::consultation::withholding::Withheld;
use chancery::desk::error::DeskError;
use chancery::desk::refill::Asked;
use chancery::desk::register::{SentEntry, SentState};
use chancery::limits::DRAFT_CARRIED_BYTES_MAX;
use chancery::message::leaf::LeafKind;
use chancery::message::receipt::Receipt;
use chancery::rehearsal::RehearsalFault;

use super::{PERSON, lose_a_part, outstanding, three, withdrawal};
use crate::support::{Stage, eventually, forms};

const BOTH: &str = "XB\", \"XC";

async fn delivered(stage: &Stage, form: &str) -> Vec<SentEntry> {
    let sent = stage.send("XA", form).await;
    for copy in &sent {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
    sent
}

fn register_of(stage: &Stage) -> PathBuf {
    stage.house("XA").homes().desk.directory().join("register.db")
}

/// A copy of XA's register as it is now.
fn copied(stage: &Stage) -> PathBuf {
    let older = stage.folder().join("older.db");
    let connection = rusqlite::Connection::open(register_of(stage)).unwrap();
    connection.execute("VACUUM INTO ?1", [older.to_str().unwrap()]).unwrap();
    older
}

/// Puts it in the place of XA's register.
fn put_back(stage: &Stage, older: PathBuf) {
    let register = register_of(stage);
    for ending in ["-wal", "-shm"] {
        let _not_there = fs::remove_file(format!("{}{ending}", register.display()));
    }
    fs::copy(older, register).unwrap();
}

/// XA's register as it was before XA sent what follows: two acts to both in one consultation and one in another.
async fn restored(stage: &Stage, consultation: &str) -> String {
    let other = delivered(stage, &forms::memorandum(BOTH, "new", "Another.")).await[0].consultation.clone();
    let older = copied(stage);
    for (of, words) in [(consultation, "One."), (&other, "Two."), (consultation, "Three.")] {
        delivered(stage, &forms::memorandum(BOTH, of, words)).await;
    }
    put_back(stage, older);
    other
}

/// Asks XA's own gateway for everything.
async fn asks(stage: &Stage) -> Asked {
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    desk.ask(&desk.trust().unwrap(), house.keys(), &mut mailbox).await.unwrap()
}

/// Lets XA's gateway give back nothing that was sent: the bytes of sealed parts cannot be read, or can again.
fn spoil(stage: &Stage, is_spoilt: bool) {
    let store = stage.house("XA").homes().gateway.directory().join("data/gateway.db");
    let connection = rusqlite::Connection::open(store).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    let sql = match is_spoilt {
        true => {
            "CREATE TABLE kept_away AS SELECT key, content FROM part;
             UPDATE part SET content = NULL;"
        }
        false => {
            "UPDATE part SET content = (SELECT content FROM kept_away WHERE kept_away.key = part.key)
               WHERE key IN (SELECT key FROM kept_away);
             DROP TABLE kept_away;"
        }
    };
    connection.execute_batch(sql).unwrap();
}

/// How many withdrawals stand at XA.
fn withdrawals(stage: &Stage, consultation: &str) -> usize {
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let folded = desk.consultation_of(&desk.trust().unwrap(), house.keys(), consultation).unwrap();
    folded.book.everything().of_kind(ActKind::WillWithdrawal).filter(|act| act.stands()).count()
}

/// What XA answers to whoever asks whether the person may leave, of what it could not look at.
fn not_looked_at(stage: &Stage, asked: Option<&Asked>) -> Vec<String> {
    let house = stage.house("XA");
    let (desk, person) = (house.desk().unwrap(), PersonRef::parse(PERSON).unwrap());
    let answer = desk.departure(&desk.trust().unwrap(), house.keys(), &person, None, asked).unwrap();
    assert!(!answer.is_clear());
    answer.not_looked_at
}

/// No number of any consultation stands for two acts at this Power, and the withdrawal stands there.
async fn registered_once(stage: &Stage, code: &str, consultation: &str) {
    let house = stage.house(code);
    house.fetch().await.unwrap();
    let desk = house.desk().unwrap();
    let mut acts = BTreeMap::new();
    for one in desk.register().newest_received(None, false, 20).unwrap() {
        let number = (one.consultation, one.act_number);
        assert!(number.1 == 0 || acts.insert(number.clone(), one.id).is_none(), "{code}: {number:?} twice");
    }
    let folded = desk.consultation_of(&desk.trust().unwrap(), house.keys(), consultation).unwrap();
    let past = folded.book.everything();
    let withdrawals: Vec<_> = past.of_kind(ActKind::WillWithdrawal).collect();
    assert!(withdrawals.len() == 1 && withdrawals[0].stands(), "{code}: {}", withdrawals.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_restored_from_an_older_copy_gets_back_what_was_sent_and_leaves_out_no_number() {
    let (stage, consultation) = three(|_| {}).await;
    let other = restored(&stage, &consultation).await;
    let sent = delivered(&stage, &withdrawal(&["XB", "XC"], &consultation)).await;
    let [to_xb, to_xc] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((to_xb.act_number, to_xb.dispatch_digest), (to_xc.act_number, to_xc.dispatch_digest));
    assert_eq!((to_xb.act_number, to_xb.sequence), (4, 6), "behind all that was sent, and next to it");
    assert_eq!(outstanding(&stage), []);
    let desk = stage.house("XA").desk().unwrap();
    let all = desk.register().sent().unwrap();
    assert!(all.len() == 12 && all.iter().all(|copy| copy.state == SentState::Delivered), "{}", all.len());
    // What is not protective goes on as before, in a new consultation too.
    for (of, number) in [(consultation.as_str(), 5), (&other, 3), ("new", 1)] {
        let sent = delivered(&stage, &forms::memorandum(BOTH, of, "Not blind.")).await;
        assert_eq!(sent[0].act_number, number, "{of}");
    }
    let asked = asks(&stage).await;
    assert_eq!((asked.refilled().returned, asked.refilled().lacking.len()), (0, 0));
    assert_eq!(not_looked_at(&stage, Some(&asked)), Vec::<String>::new());
    for code in ["XB", "XC"] {
        registered_once(&stage, code, &consultation).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_composed_on_a_register_that_lacks_something_is_not_sent_before_that_is_back() {
    let (stage, consultation) = three(|_| {}).await;
    restored(&stage, &consultation).await;
    let blind =
        stage.house("XA").send(&forms::memorandum(BOTH, &consultation, "Blind."), stage.folder()).await;
    let Err(RehearsalFault::Desk(DeskError::RegisterRefilled(6))) = &blind else { panic!("{blind:?}") };
    let sent = delivered(&stage, &forms::memorandum(BOTH, &consultation, "Seeing.")).await;
    assert_eq!(sent[0].act_number, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_that_the_register_forgot_stops_a_departure_again_and_nobody_departs_before_it_was_asked_for()
 {
    let (stage, consultation) = three(|_| {}).await;
    let older = copied(&stage);
    delivered(&stage, &withdrawal(&["XB", "XC"], &consultation)).await;
    delivered(&stage, &forms::memorandum(BOTH, "new", "A consultation that is forgotten as a whole.")).await;
    put_back(&stage, older);
    let house = stage.house("XA");
    let person = PersonRef::parse(PERSON).unwrap();
    let desk = house.desk().unwrap();
    let before = desk.departure(&desk.trust().unwrap(), house.keys(), &person, None, None);
    assert!(matches!(before, Err(DeskError::PersonUnknown)), "{before:?}");
    let asked = asks(&stage).await;
    assert_eq!(asked.refilled().returned, 4);
    assert_eq!(withdrawals(&stage, &consultation), 1);
    let away =
        "the own gateway is away: what waits there, and whether this register is whole, was not looked at";
    assert_eq!(not_looked_at(&stage, None), [away]);
    assert_eq!(not_looked_at(&stage, Some(&asked)), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_that_was_paid_before_the_register_was_restored_is_not_paid_again() {
    let (mut stage, consultation) = three(|_| {}).await;
    stage.house_mut("XA").stop().await.unwrap();
    assert!(stage.send("XA", &withdrawal(&["XB", "XC"], &consultation)).await.is_empty());
    let older = copied(&stage);
    // Its copies are signed when they go, an hour after their release: they open here all the same, and come back.
    stage.clock.forward(Duration::from_secs(3_600));
    stage.house_mut("XA").start().await.unwrap();
    let pay = async || {
        let house = stage.house("XA");
        let desk = house.desk().unwrap();
        desk.pay_owed(&desk.trust().unwrap(), house.keys()).await.unwrap()
    };
    assert_eq!((pay().await, withdrawals(&stage, &consultation)), (2, 1));
    put_back(&stage, older);
    assert_eq!(outstanding(&stage).len(), 2, "as it was then");
    assert_eq!((pay().await, withdrawals(&stage, &consultation)), (0, 1));
    assert_eq!(outstanding(&stage), []);
    for copy in stage.house("XA").desk().unwrap().register().sent_in(&consultation).unwrap() {
        assert_eq!(stage.settled("XA", &copy).await.state, SentState::Delivered);
        assert!(copy.act_number <= 2, "{}", copy.act_number);
    }
    for code in ["XB", "XC"] {
        registered_once(&stage, code, &consultation).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_that_an_act_had_not_reached_is_owed_it_again_when_the_act_comes_back() {
    let day = Duration::from_secs(24 * 3600);
    let (stage, consultation) = three(|plans| plans[2].valid_for = day).await;
    stage.clock.forward(2 * day);
    let older = copied(&stage);
    let [to_xb] = delivered(&stage, &withdrawal(&["XB", "XC"], &consultation)).await.try_into().unwrap();
    put_back(&stage, older);
    assert_eq!(outstanding(&stage), []);
    assert_eq!(asks(&stage).await.refilled().returned, 1);
    let [owed] = outstanding(&stage).try_into().unwrap();
    assert_eq!((owed.recipient.as_str(), owed.act_number), ("XC", to_xb.act_number));
    assert_eq!((owed.dispatch, owed.released), (to_xb.dispatch_digest, to_xb.release_time));
}

/// Where the gateway does not give back what it holds: protective acts go all the same, behind numbers that are left out;
/// and when it does, a letter takes each of these.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_were_left_out_for_a_loss_are_filled_when_it_is_certain_that_no_act_bears_them() {
    let (stage, consultation) = three(|_| {}).await;
    let other = restored(&stage, &consultation).await;
    spoil(&stage, true);
    let sent = delivered(&stage, &withdrawal(&["XB", "XC"], &consultation)).await;
    assert!(sent.len() == 2 && sent[0].act_number > 4, "{sent:?}");
    for of in [&consultation, &other] {
        let refused = stage.house("XA").send(&forms::memorandum(BOTH, of, "Blind."), stage.folder()).await;
        let Err(RehearsalFault::Desk(DeskError::RegisterBehind { held, .. })) = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!(*held, 6);
    }
    let asked = asks(&stage).await;
    assert_eq!((asked.refilled().returned, asked.refilled().lacking.len()), (0, 2));
    for code in ["XB", "XC"] {
        let lost =
            format!("this desk's register lost 3 of its own messages to {code}; they may hold a withdrawal");
        assert!(not_looked_at(&stage, Some(&asked)).contains(&lost), "{code}");
    }
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let id = ConsultationId::parse(&consultation).unwrap();
    let left_out: Vec<u64> = (4..sent[0].act_number).collect();
    let early = desk.stand_in(&trust, house.keys(), &id, left_out[0]);
    assert!(matches!(early, Err(DeskError::RegisterBehind { .. })), "{early:?}");

    spoil(&stage, false);
    let asked = asks(&stage).await;
    assert_eq!((asked.refilled().returned, asked.refilled().lacking.len()), (6, 0));
    for number in &left_out {
        let (_, composition) = desk.stand_in(&trust, house.keys(), &id, *number).unwrap();
        let filled = desk.send_stand_in(&trust, house.keys(), composition, *number).await.unwrap();
        for copy in &filled {
            assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
            assert_eq!(copy.act_number, *number);
        }
    }
    let again = desk.stand_in(&trust, house.keys(), &id, left_out[0]);
    assert!(matches!(again, Err(DeskError::NotGivenUp { .. })), "{again:?}");
    for code in ["XB", "XC"] {
        registered_once(&stage, code, &consultation).await;
        let house = stage.house(code);
        let desk = house.desk().unwrap();
        let folded = desk.consultation_of(&desk.trust().unwrap(), house.keys(), &consultation).unwrap();
        assert_eq!(folded.book.passed_over().count(), 0, "{code} waits for nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_signed_by_a_restored_desk_whose_gateway_is_away_gets_its_number_when_that_is_back() {
    let (mut stage, consultation) = three(|_| {}).await;
    restored(&stage, &consultation).await;
    stage.house_mut("XA").stop().await.unwrap();
    assert!(stage.send("XA", &withdrawal(&["XB", "XC"], &consultation)).await.is_empty());
    let owed = outstanding(&stage);
    assert_eq!(owed.iter().map(|one| one.act_number).collect::<Vec<_>>(), [0, 0], "nobody knows it yet");
    assert_eq!(withdrawals(&stage, &consultation), 1, "it counts here from this minute");
    stage.house_mut("XA").start().await.unwrap();
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    assert_eq!(desk.pay_owed(&desk.trust().unwrap(), house.keys()).await.unwrap(), 2);
    let copies = desk.register().sent_in(&consultation).unwrap();
    let copies: Vec<&SentEntry> = copies.iter().filter(|copy| copy.act_number > 3).collect();
    assert_eq!(copies.iter().map(|copy| copy.act_number).collect::<Vec<_>>(), [4, 4]);
    for copy in copies {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
    assert_eq!((outstanding(&stage), withdrawals(&stage, &consultation)), (Vec::new(), 1));
    for code in ["XB", "XC"] {
        registered_once(&stage, code, &consultation).await;
    }
}

/// Files in the desk's own keeping for those whom it owes.
fn kept(stage: &Stage) -> Vec<PathBuf> {
    let folder = stage.house("XA").homes().desk.directory().join("owed");
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_annex_of_an_act_that_is_owed_goes_to_every_power_though_its_file_is_gone() {
    let (mut stage, consultation) = three(|_| {}).await;
    let annex = stage.folder().join("annex.bin");
    let length = usize::try_from(DRAFT_CARRIED_BYTES_MAX).unwrap() + 77_777;
    let content: Vec<u8> = (0..length).map(|place| (place * place % 251) as u8).collect();
    fs::write(&annex, &content).unwrap();
    stage.house_mut("XA").stop().await.unwrap();
    let document = format!(
        "[[document]]\npath = {annex:?}\ntitle = \"Annex\"\nclass = \"EVIDENCE\"\nlanguage = \"und\"\nid = \"annex\"\n"
    );
    let hold = format!("{}\n{document}", forms::hold(BOTH, &consultation, PERSON));
    assert!(stage.send("XA", &hold).await.is_empty());
    assert_eq!(outstanding(&stage).len(), 2);
    let [one] = kept(&stage).try_into().unwrap();
    let sealed = fs::read(&one).unwrap();
    assert!(sealed.len() > length && !sealed.windows(64).any(|window| window == &content[..64]));
    fs::remove_file(&annex).unwrap();

    stage.house_mut("XA").start().await.unwrap();
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    assert_eq!(desk.pay_owed(&desk.trust().unwrap(), house.keys()).await.unwrap(), 2);
    assert!(kept(&stage).is_empty(), "it is kept for as long as somebody is owed it");
    let copies = desk.register().sent_in(&consultation).unwrap();
    for copy in copies.iter().filter(|copy| copy.act_number > 1) {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
    for code in ["XB", "XC"] {
        let house = stage.house(code);
        house.fetch().await.unwrap();
        let (read, into) = (house.read("@last").unwrap(), stage.folder().join(code));
        let (desk, into) = (house.desk().unwrap(), (into.as_path(), &Withheld::nothing()));
        let [saved] = desk
            .save_documents(house.keys(), &read, &mut None, into, false)
            .await
            .unwrap()
            .try_into()
            .unwrap();
        assert!(fs::read(saved).unwrap() == content, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owed_act_whose_annex_was_lost_says_so_counts_all_the_same_and_goes_when_the_annex_is_given_back()
{
    let (mut stage, consultation) = three(|_| {}).await;
    let annex = stage.folder().join("annex.bin");
    let length = usize::try_from(DRAFT_CARRIED_BYTES_MAX).unwrap() + 77_777;
    fs::write(&annex, vec![7_u8; length]).unwrap();
    stage.house_mut("XA").stop().await.unwrap();
    // No room for it: the act is signed and registered all the same, with the annex where it lies.
    let owed = stage.house("XA").homes().desk.directory().join("owed");
    fs::write(&owed, "in the way").unwrap();
    let document = format!(
        "[[document]]\npath = {annex:?}\ntitle = \"Annex\"\nclass = \"EVIDENCE\"\nlanguage = \"und\"\nid = \"annex\"\n"
    );
    let hold = format!("{}\n{document}", forms::hold(BOTH, &consultation, PERSON));
    assert!(stage.send("XA", &hold).await.is_empty());
    assert_eq!(outstanding(&stage).len(), 2);
    let elsewhere = stage.folder().join("a-copy-of-it");
    fs::rename(&annex, &elsewhere).unwrap();
    fs::remove_file(&owed).unwrap();

    stage.house_mut("XA").start().await.unwrap();
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    assert_eq!(desk.pay_owed(&trust, house.keys()).await.unwrap(), 0);
    let reasons: Vec<String> = outstanding(&stage).into_iter().map(|one| one.reason).collect();
    assert_eq!(reasons, ["DOCUMENT_GONE", "DOCUMENT_GONE"]);
    let folded = desk.consultation_of(&trust, house.keys(), &consultation).unwrap();
    assert_eq!(folded.book.everything().of_kind(ActKind::HoldNotice).count(), 1, "it counts here");
    assert_eq!(desk.supply(house.keys(), &register_of(&stage)).unwrap(), 0, "another file");
    assert_eq!(desk.supply(house.keys(), &elsewhere).unwrap(), 1);
    fs::remove_file(&elsewhere).unwrap();
    assert_eq!(desk.pay_owed(&trust, house.keys()).await.unwrap(), 2);
    assert_eq!(outstanding(&stage), []);
    for copy in desk.register().sent_in(&consultation).unwrap() {
        assert_eq!(stage.settled("XA", &copy).await.state, SentState::Delivered);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_was_used_up_without_content_comes_back_once_its_recipient_has_rejected_it() {
    let (stage, consultation) = three(|_| {}).await;
    let older = copied(&stage);
    let stuck = lose_a_part(&stage, &consultation).id();
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    desk.void(&trust, &mut mailbox, &stuck).await.unwrap();
    eventually("XB has rejected it", || async {
        let mut mailbox = mailbox.clone();
        desk.refresh_sent(&trust, &mut mailbox).await.unwrap();
        let copy = desk.register().sent_message(&stuck).unwrap().unwrap();
        Receipt::parse(&copy.delivery_receipt).unwrap().leaf().kind == LeafKind::Rejected
    })
    .await;
    drop(desk);
    put_back(&stage, older);
    let asked = asks(&stage).await;
    assert_eq!((asked.refilled().returned, asked.refilled().lacking.len()), (1, 0), "{asked:?}");
    let desk = house.desk().unwrap();
    assert_eq!(desk.register().sent_message(&stuck).unwrap().unwrap().state, SentState::Withdrawn);
    let folded = desk.consultation_of(&trust, house.keys(), &consultation).unwrap();
    assert_eq!(folded.book.everything().acts().count(), 1, "it is no part of any past");
    let index = desk.casebook(&trust, house.keys()).unwrap();
    assert_eq!(index.unopened_in(&consultation), 0, "and nothing that could not be looked at");
    delivered(&stage, &withdrawal(&["XB", "XC"], &consultation)).await;
}
