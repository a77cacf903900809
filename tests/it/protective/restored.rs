//! What a desk owes survives what happens at the desk: a register that was restored from an older copy gives no number
//! twice, and a file that is gone takes nothing from a Power.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use chancery::consultation::act::ActKind;
use chancery::consultation::reference::PersonRef;
use chancery::consultation::withholding::Withheld;
use chancery::desk::error::DeskError;
use chancery::desk::register::{SentEntry, SentState};
use chancery::limits::DRAFT_CARRIED_BYTES_MAX;
use chancery::rehearsal::RehearsalFault;

use super::{PERSON, outstanding, three, withdrawal};
use crate::support::{Stage, forms, ministry};

const BOTH: &str = "XB\", \"XC";

async fn delivered(stage: &Stage, form: &str) -> Vec<SentEntry> {
    let sent = stage.send("XA", form).await;
    for copy in &sent {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
    sent
}

/// XA's register as it was before XA sent what follows: two acts to both in one consultation and one in another.
async fn restored(stage: &Stage, consultation: &str) -> String {
    let other = delivered(stage, &forms::memorandum(BOTH, "new", "Another.")).await[0].consultation.clone();
    let register = stage.house("XA").homes().desk.directory().join("register.db");
    let older = stage.folder().join("older.db");
    let connection = rusqlite::Connection::open(&register).unwrap();
    connection.execute("VACUUM INTO ?1", [older.to_str().unwrap()]).unwrap();
    drop(connection);
    for (of, words) in [(consultation, "One."), (&other, "Two."), (consultation, "Three.")] {
        delivered(stage, &forms::memorandum(BOTH, of, words)).await;
    }
    for ending in ["-wal", "-shm"] {
        let _not_there = fs::remove_file(format!("{}{ending}", register.display()));
    }
    fs::copy(older, register).unwrap();
    other
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

/// Among what XA lost may be a withdrawal: it says so to whoever asks whether the person may leave.
fn nobody_departs_on_what_is_lost(stage: &Stage) {
    let house = stage.house("XA");
    let (desk, person) = (house.desk().unwrap(), PersonRef::parse(PERSON).unwrap());
    let answer = desk.departure(&desk.trust().unwrap(), house.keys(), &person, None, true).unwrap();
    for code in ["XB", "XC"] {
        let lost =
            format!("this desk's register lost 3 of its own messages to {code}; they may hold a withdrawal");
        assert!(!answer.is_clear() && answer.not_looked_at.contains(&lost), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_restored_from_an_older_copy_gives_a_withdrawal_no_number_that_was_used() {
    let (stage, consultation) = three(|_| {}).await;
    let other = restored(&stage, &consultation).await;
    let sent = delivered(&stage, &withdrawal(&["XB", "XC"], &consultation)).await;
    let [to_xb, to_xc] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((to_xb.act_number, to_xb.dispatch_digest), (to_xc.act_number, to_xc.dispatch_digest));
    assert!(to_xb.act_number > 3, "{}", to_xb.act_number);
    assert_eq!(outstanding(&stage), []);
    // The loss is noted, and refuses all the same whatever is not protective, in every consultation of the channel.
    for of in [&consultation, &other] {
        let refused = stage.house("XA").send(&forms::memorandum(BOTH, of, "Blind."), stage.folder()).await;
        let Err(RehearsalFault::Desk(DeskError::RegisterBehind { recipient, held, sent })) = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!((recipient, *held, *sent), (&ministry("XB"), 6, 3));
    }
    // Another protective act goes on behind it, and so does one in the other consultation.
    let next = delivered(&stage, &forms::hold(BOTH, &consultation, "P-3HN8-ZC6V-5JF2")).await;
    assert_eq!(next[0].act_number, to_xb.act_number + 1);
    delivered(&stage, &forms::hold(BOTH, &other, "P-9RB2-T7GE-1KYT")).await;
    nobody_departs_on_what_is_lost(&stage);
    for code in ["XB", "XC"] {
        registered_once(&stage, code, &consultation).await;
    }
    let desk = stage.house("XA").desk().unwrap();
    let folded =
        desk.consultation_of(&desk.trust().unwrap(), stage.house("XA").keys(), &consultation).unwrap();
    assert_eq!(folded.book.everything().of_kind(ActKind::WillWithdrawal).count(), 1, "nor does it wait here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_signed_by_a_restored_desk_whose_gateway_is_away_gets_its_number_when_that_is_back() {
    let (mut stage, consultation) = three(|_| {}).await;
    restored(&stage, &consultation).await;
    stage.house_mut("XA").stop().await.unwrap();
    assert!(stage.send("XA", &withdrawal(&["XB", "XC"], &consultation)).await.is_empty());
    let owed = outstanding(&stage);
    assert_eq!(owed.iter().map(|one| one.act_number).collect::<Vec<_>>(), [0, 0], "nobody knows it yet");
    let counts = |stage: &Stage| {
        let house = stage.house("XA");
        let desk = house.desk().unwrap();
        let folded = desk.consultation_of(&desk.trust().unwrap(), house.keys(), &consultation).unwrap();
        folded.book.everything().of_kind(ActKind::WillWithdrawal).filter(|act| act.stands()).count()
    };
    assert_eq!(counts(&stage), 1, "it counts here from this minute");
    stage.house_mut("XA").start().await.unwrap();
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    assert_eq!(desk.pay_owed(&desk.trust().unwrap(), house.keys()).await.unwrap(), 2);
    let copies = desk.register().sent_in(&consultation).unwrap();
    let copies: Vec<&SentEntry> = copies.iter().filter(|copy| copy.act_number > 3).collect();
    assert!(copies.len() == 2 && copies[0].act_number == copies[1].act_number, "{copies:?}");
    for copy in copies {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
    assert_eq!((outstanding(&stage), counts(&stage)), (Vec::new(), 1));
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
