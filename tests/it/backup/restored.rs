//! What was decided after the backup holds at a gateway that was restored from it: nothing is exchanged with anybody before
//! its own desk has told what it knows and an operator has let that peer in.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chancery::desk::register::SentState;
use chancery::gateway::administration::ActRange;
use chancery::gateway::error::{Declined, Fault};
use chancery::gateway::queue::QueueRefusal;
use chancery::gateway::standing::Standing;
use chancery::gateway::store::record::LogHead;
use chancery::keys::branch::Branch;
use chancery::keys::revocation::list_pem;
use chancery::limits::RESTITUTION_PAUSE;
use chancery::message::administration::AdministrativeLeaf;
use chancery::message::refusal::Reason;
use chancery::time::Clock;

use super::{Operator, delivered, gateway_home};
use crate::lists;
use crate::support::caller::{self, ShutOut};
use crate::support::{Stage, eventually, forms, ministry, proofs};

/// The newest log that XA keeps about XB.
async fn own_log(stage: &Stage) -> LogHead {
    log_about(stage, "XB").await
}

/// The newest log that XA keeps about a peer.
async fn log_about(stage: &Stage, peer: &str) -> LogHead {
    let logs = proofs::own_logs(stage, &ministry("XA")).await;
    logs.into_iter().find(|log| log.peer == ministry(peer)).unwrap()
}

/// What was signed before stands where it stood.
async fn continues(stage: &Stage, before: &LogHead) {
    let root = stage.gateway("XA").root_of(&before.origin, before.size).await.unwrap();
    assert_eq!(root, Some(before.root), "what was signed stands where it stood");
}

/// The host of XA burns, and its gateway comes out of a backup. It does not run yet.
async fn lose(stage: &mut Stage, operator: &Operator, file: &Path) {
    let home = gateway_home(stage, "XA");
    stage.house_mut("XA").lose().await.unwrap();
    fs::remove_dir_all(&home).unwrap();
    assert_eq!(operator.opens(&home, "restore", file).code, 0);
}

/// The desk of XA asks its gateway what is new, as every command does.
pub async fn desk_comes(stage: &Stage) -> Vec<String> {
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let looked = desk.follow(house.keys(), &mut mailbox).await.unwrap();
    assert!(looked.given_back.is_some(), "it was asked for what it knows: {looked:?}");
    looked.lines()
}

/// The operator of XA lets a peer in again.
pub async fn let_in(stage: &Stage, peer: &str) {
    stage.gateway("XA").resume_peer(&ministry(peer), 1000).await.unwrap();
}

/// Waits until a peer has dialled, or was dialled, and was told that nothing is exchanged.
async fn turned_away(stage: &Stage, peer: &str) {
    eventually("the peer comes and is turned away", || async {
        let status = stage.gateway(peer).status().await.unwrap();
        let seen = status.peers.iter().find(|one| one.ministry == ministry("XA")).unwrap();
        !seen.connected && seen.last_failure.contains("PAUSED")
    })
    .await;
}

async fn alarm_stands(stage: &Stage, code: &str) -> bool {
    stage.gateway("XA").status().await.unwrap().alarms.iter().any(|alarm| alarm.code == code)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withdrawn_after_the_backup_never_arrives_although_the_peer_comes_before_the_desk() {
    let mut stage = Stage::pair().await;
    let operator = Operator::of(&stage);
    let home = gateway_home(&stage, "XA");
    delivered(&stage, "XA", "XB", "One.").await;
    stage.house_mut("XB").stop().await.unwrap();
    let form = forms::memorandum("XB", "new", "Two.");
    let [two] = stage.send("XA", &form).await.try_into().unwrap();
    assert_eq!(two.state, SentState::Queued);
    let file = operator.creates(&home, "xa.backup");
    stage.gateway("XA").withdraw(two.id.digest(), false, 1000).await.unwrap();
    assert_eq!(stage.settled("XA", &two).await.state, SentState::Withdrawn);
    let before = own_log(&stage).await;

    lose(&mut stage, &operator, &file).await;
    stage.house_mut("XB").start().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    for _ in 0..2 {
        turned_away(&stage, "XB").await;
        let gateway = stage.gateway("XA");
        assert_eq!(gateway.standing(&ministry("XB")), Standing::Unconfirmed);
        let early = gateway.resume_peer(&ministry("XB"), 1000).await;
        assert!(
            matches!(&early, Err(QueueRefusal::NotNow(refusal)) if refusal.reason() == Reason::AwaitsDesk),
            "{early:?}"
        );
        let forced = gateway.confirm(&ministry("XB"), 1000).await;
        assert!(
            matches!(&forced, Err(Declined::Refused(refusal)) if refusal.reason() == Reason::AwaitsDesk),
            "{forced:?}"
        );
        let pinged = gateway.ping(&ministry("XB")).await;
        assert!(matches!(pinged, Err(Fault::Paused(_))), "not even a hello: {pinged:?}");
        assert!(gateway.status().await.unwrap().from_backup.is_some_and(|state| state.awaits_desk));
        assert!(alarm_stands(&stage, "RESTORED").await);
        // A restart forgets nothing of it.
        stage.house_mut("XA").stop().await.unwrap();
        stage.house_mut("XA").start().await.unwrap();
    }
    assert_eq!(stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(), 1, "nothing came");

    desk_comes(&stage).await;
    assert_eq!(own_log(&stage).await.size, before.size, "the leaf of the withdrawal is back");
    continues(&stage, &before).await;
    turned_away(&stage, "XB").await;
    assert!(alarm_stands(&stage, "RESTORED").await, "an operator decides who is let in");
    let_in(&stage, "XB").await;
    assert!(!alarm_stands(&stage, "RESTORED").await, "it ends by itself");
    assert_eq!(stage.gateway("XA").status().await.unwrap().from_backup, None);
    stage.sound("XA", "XB").await;
    assert_eq!(delivered(&stage, "XA", "XB", "Three.").await.sequence, 3);
    assert_eq!(stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(), 2, "and never came");
    continues(&stage, &before).await;
    proofs::logs_agree(&stage).await;
    let page = stage.gateway("XA").acts(None, ActRange::From(0)).await.unwrap();
    let acts: Vec<String> = page
        .leaves
        .iter()
        .map(|leaf| AdministrativeLeaf::parse(leaf).unwrap().act)
        .map(|act| format!("{} {} {}", act.verb.word(), act.who, act.reason))
        .collect();
    for done in ["RESTORED gateway ", "PEER_PAUSED gateway RESTORED", "RESTORED desk HANDED_BACK"] {
        assert_eq!(acts.iter().filter(|act| *act == done).count(), 1, "{done}: {acts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_in_custody_goes_behind_what_arrived_after_the_backup() {
    let mut stage = Stage::pair().await;
    let operator = Operator::of(&stage);
    let home = gateway_home(&stage, "XA");
    delivered(&stage, "XA", "XB", "One.").await;
    let file = operator.creates(&home, "xa.backup");
    delivered(&stage, "XA", "XB", "Two.").await;
    stage.house_mut("XB").stop().await.unwrap();
    let form = forms::memorandum("XB", "new", "Three.");
    let [three] = stage.send("XA", &form).await.try_into().unwrap();
    assert_eq!(three.state, SentState::Queued);

    lose(&mut stage, &operator, &file).await;
    stage.house_mut("XB").start().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    desk_comes(&stage).await;
    let_in(&stage, "XB").await;
    stage.sound("XA", "XB").await;
    // Whoever asks at the desk what became of it lets it go: nothing new has to be sent.
    assert_eq!(stage.settled("XA", &three).await.state, SentState::Delivered);
    assert_eq!(stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_only_the_own_desk_knows_goes_on_and_no_second_one_is_signed() {
    let mut stage = Stage::pair().await;
    let operator = Operator::of(&stage);
    let home = gateway_home(&stage, "XA");
    delivered(&stage, "XA", "XB", "One.").await;
    proofs::logs_agree(&stage).await;
    let file = operator.creates(&home, "xa.backup");
    stage.house_mut("XB").stop().await.unwrap();
    let mut sent = Vec::new();
    for words in ["Two.", "Three.", "Four."] {
        sent.extend(stage.send("XA", &forms::memorandum("XB", "new", words)).await);
    }
    // The leaf of the withdrawal stands behind those of later messages.
    stage.gateway("XA").withdraw(sent[1].id.digest(), false, 1000).await.unwrap();
    assert_eq!(stage.settled("XA", &sent[1]).await.state, SentState::Withdrawn);
    sent.extend(stage.send("XA", &forms::memorandum("XB", "new", "Five.")).await);
    let before = own_log(&stage).await;

    lose(&mut stage, &operator, &file).await;
    stage.house_mut("XA").start().await.unwrap();
    assert!(own_log(&stage).await.size < before.size);
    desk_comes(&stage).await;
    assert_eq!(own_log(&stage).await.size, before.size);
    continues(&stage, &before).await;
    let_in(&stage, "XB").await;
    stage.house_mut("XB").start().await.unwrap();
    delivered(&stage, "XB", "XA", "Heard.").await;
    for (place, copy) in sent.iter().enumerate() {
        let expected = if place == 1 { SentState::Withdrawn } else { SentState::Delivered };
        assert_eq!(stage.settled("XA", copy).await.state, expected, "{place}");
    }
    assert_eq!(stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(), 4);
    assert_eq!(delivered(&stage, "XA", "XB", "Six.").await.sequence, 6);
    continues(&stage, &before).await;
    assert!(!alarm_stands(&stage, "OWN_LOG_FORK").await && !home.join("forks").exists());
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_waits_for_its_peer_keeps_no_leaf_of_another_from_going_back() {
    let mut stage = Stage::of(&["XA", "XB", "XC"]).await;
    let operator = Operator::of(&stage);
    let home = gateway_home(&stage, "XA");
    delivered(&stage, "XA", "XB", "One.").await;
    delivered(&stage, "XA", "XC", "One.").await;
    let file = operator.creates(&home, "xa.backup");
    // The desk has no receipt of the leaves about lists: what stands behind them is XB's to give back.
    let before = own_log(&stage).await.size;
    lists::publish(&stage, "XB").await;
    eventually("leaves tell of its lists", || async { own_log(&stage).await.size > before }).await;
    delivered(&stage, "XA", "XB", "Two.").await;
    for peer in ["XB", "XC"] {
        stage.house_mut(peer).stop().await.unwrap();
    }
    let [two] = stage.send("XA", &forms::memorandum("XC", "new", "Two.")).await.try_into().unwrap();
    assert_eq!(two.state, SentState::Queued);
    let (of_b, of_c) = (own_log(&stage).await, log_about(&stage, "XC").await);

    lose(&mut stage, &operator, &file).await;
    stage.house_mut("XA").start().await.unwrap();
    // It is asked with every look until XB has come; what it could give it does not gather again with each.
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    for is_given in [true, false, true] {
        let looked = desk.follow(house.keys(), &mut mailbox).await.unwrap();
        assert_eq!(looked.given_back.is_some(), is_given, "{looked:?}");
        if !is_given {
            stage.clock.forward(RESTITUTION_PAUSE);
        }
    }
    drop((desk, mailbox));
    assert!(own_log(&stage).await.size < of_b.size);
    assert_eq!(log_about(&stage, "XC").await.size, of_c.size);
    for peer in ["XB", "XC"] {
        stage.house_mut(peer).start().await.unwrap();
        let_in(&stage, peer).await;
        stage.sound("XA", peer).await;
    }
    continues(&stage, &of_b).await;
    continues(&stage, &of_c).await;
    assert_eq!(stage.settled("XA", &two).await.state, SentState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_the_backup_does_not_know_is_let_in_by_an_operator_like_the_others() {
    let mut stage = Stage::of(&["XA", "XB", "XC"]).await;
    let operator = Operator::of(&stage);
    let home = gateway_home(&stage, "XA");
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    desk.dismiss(house.keys(), &ministry("XC")).await.unwrap();
    let file = operator.creates(&home, "xa.backup");
    stage.accredit("XA", "XC").await;

    lose(&mut stage, &operator, &file).await;
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.gateway("XA").status().await.unwrap().peers.len(), 1, "the copy knows XB alone");
    let lines = desk_comes(&stage).await;
    assert!(lines.iter().any(|line| line.contains("older policy")), "{lines:?}");
    turned_away(&stage, "XC").await;
    let_in(&stage, "XB").await;
    stage.sound("XA", "XB").await;
    assert!(alarm_stands(&stage, "RESTORED").await);
    assert_ne!(stage.gateway("XA").standing(&ministry("XC")), Standing::Sound);
    // Who is to stay paused is, for a reason of now, and without a moment in between.
    let reason = "TICKET-9".to_owned();
    stage.gateway("XA").pause_peer(&ministry("XC"), false, reason, 1000).await.unwrap();
    assert!(!alarm_stands(&stage, "RESTORED").await);
    turned_away(&stage, "XC").await;
    let_in(&stage, "XC").await;
    stage.sound("XA", "XC").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_restored_only_by_who_says_which_desks_were_revoked_since() {
    let mut stage = Stage::today(&["XA"]);
    stage.house_mut("XA").start().await.unwrap();
    let operator = Operator::of(&stage);
    let home = gateway_home(&stage, "XA");
    let place = stage.house("XA").homes().gateway.desk_list();
    let list = |stage: &Stage| {
        stage.clock.forward(Duration::from_secs(2));
        let year = Duration::from_secs(365 * 24 * 3600);
        let now = stage.clock_of("XA").now();
        list_pem(&lists::root(stage, "XA").revocation_list(Branch::DeskAccess, now, year).unwrap())
    };
    let brought = stage.folder().join("desk-access.crl");
    let older = list(&stage);
    fs::write(&place, list(&stage)).unwrap();
    let file = operator.creates(&home, "xa.backup");
    lists::revoke(&stage, "XA", "desk/main");
    let newest = list(&stage);
    stage.house_mut("XA").lose().await.unwrap();
    fs::remove_dir_all(&home).unwrap();

    let restores = |more: &[&str]| {
        let identity = operator.identity();
        let words = ["restore", file.to_str().unwrap(), "--identity", identity.to_str().unwrap()];
        operator.types(&home, &[&words[..], more].concat())
    };
    let path = brought.to_str().unwrap();
    let said = restores(&[]);
    assert!(said.code == 2 && said.talk.contains("BACKUP_DESKS_UNSAID"), "{said:?}");
    assert!(said.talk.contains("--desk-list ROOT/desk-access.crl"), "what to type next: {said:?}");
    for (bad, why) in [(older.as_str(), "newer"), ("half a list", "did not sign")] {
        fs::write(&brought, bad).unwrap();
        let said = restores(&["--desk-list", path]);
        assert!(said.code == 3 && said.talk.contains("BACKUP_DESK_LIST"), "{said:?}");
        assert!(said.talk.contains(why) && !home.exists(), "{said:?}");
    }
    fs::write(&brought, &newest).unwrap();
    assert_eq!(restores(&["--desk-list", path]).code, 0);
    stage.house_mut("XA").start().await.unwrap();
    let address = stage.house("XA").plan().mailbox.clone();
    let knocked = caller::knock_at_mailbox(&stage, caller::desk_identity(&stage, "XA"), "XA", &address).await;
    assert_eq!(knocked, Err(ShutOut::Door), "the desk that was revoked after the backup");
}
