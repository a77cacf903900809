//! Runs: many drafts of one desk in batches. What a run guarantees is what a single message is guaranteed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chancery::consultation::rules::Finding;
use chancery::desk::error::DeskError;
use chancery::desk::form::draft::{Draft, IdsOnly};
use chancery::desk::form::parse::parse;
use chancery::desk::reference::Entry;
use chancery::desk::register::{SentEntry, SentState};
use chancery::desk::run::Sent;
use chancery::limits;
use chancery::message::terms::Level;
use chancery::trust::policy::ChannelRule;

use crate::support::{Stage, forms, ministry, proofs};

fn draft(form: &str) -> Draft {
    parse(form, &IdsOnly).unwrap()
}

/// A run of the desk of XA; what was told of each draft, and how the run ended.
async fn run(stage: &Stage, drafts: Vec<Draft>) -> (BTreeMap<usize, Sent>, Result<(), DeskError>) {
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let mut known = BTreeMap::new();
    let tell = |number, sent| assert!(known.insert(number, sent).is_none(), "{number} was told twice");
    let ended = desk.send_run(&trust, house.keys(), &mut mailbox, drafts, stage.folder(), tell).await;
    (known, ended)
}

fn copies(known: &BTreeMap<usize, Sent>) -> Vec<SentEntry> {
    known.values().flat_map(|sent| sent.as_ref().unwrap().clone()).collect()
}

/// Waits for the last one; then nothing before it is under way either.
async fn delivered(stage: &Stage, copies: &[SentEntry]) {
    for copy in copies {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_several_batches_is_numbered_without_gaps_delivered_and_read_together() {
    let stage = Stage::pair().await;
    let count = limits::SEND_BATCH_DRAFTS_MAX + 5;
    let mut drafts = vec![draft(&forms::memorandum("XB", "new", "Of a run.")); count];
    // The third is forbidden by the rules; two notes verbales, which bear formal numbers, are among the others.
    drafts[2] = draft(&forms::memorandum("XB", "new", "Forbidden.").replace("RESTRICTED", "TOP_SECRET"));
    drafts[5] = draft(&forms::note("XB", "new"));
    drafts[count - 1] = draft(&forms::note("XB", "new"));
    let (mut known, ended) = run(&stage, drafts).await;
    ended.unwrap();
    assert_eq!(known.len(), count);
    assert!(matches!(known.remove(&2), Some(Err(DeskError::Forbidden(_)))));
    let copies = copies(&known);
    let sequences: Vec<u64> = copies.iter().map(|copy| copy.sequence).collect();
    assert_eq!(sequences, (1..count as u64).collect::<Vec<_>>());
    delivered(&stage, &copies).await;
    let desk = stage.house("XA").desk().unwrap();
    let year = desk.clock().now().year();
    assert!(!desk.config().parts().exists(), "what travels in envelopes touches no disk but the register's");
    assert_eq!(desk.register().last_formal_number(year).unwrap(), Some(2));

    let house = stage.house("XB");
    assert_eq!(house.fetch().await.unwrap(), copies.len());
    assert_eq!(house.fetch().await.unwrap(), 0);
    let desk = house.desk().unwrap();
    let entries: Vec<Entry> = desk.register().received().unwrap().into_iter().map(Entry::Received).collect();
    assert_eq!(entries.len(), copies.len());
    let trust = desk.trust().unwrap();
    let read = desk.read_all(&trust, house.keys(), &entries).unwrap();
    for (opened, copy) in read.iter().zip(&copies) {
        let opened = opened.as_ref().unwrap();
        assert_eq!((opened.entry.id(), opened.findings.len()), (copy.id, 0));
    }
    assert_eq!(desk.register().newest_received(None, true, 9).unwrap().len(), 0);
    let formal = |opened: &&chancery::desk::read::Opened| opened.dispatch.dispatch().formal_number.clone();
    let numbers: Vec<String> =
        read.iter().flatten().map(|opened| formal(&opened)).filter(|one| !one.is_empty()).collect();
    assert_eq!(numbers, [format!("XA-{year}-0001"), format!("XA-{year}-0002")]);
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_of_one_consultation_rest_on_those_before_them_in_the_run() {
    let stage = Stage::pair().await;
    let [first] = stage.send("XA", &forms::memorandum("XB", "new", "The first.")).await.try_into().unwrap();
    let next = draft(&forms::memorandum("XB", &first.consultation, "And another."));
    let (known, ended) = run(&stage, vec![next.clone(), next.clone(), next]).await;
    ended.unwrap();
    let copies = copies(&known);
    let acts: Vec<u64> = copies.iter().map(|copy| copy.act_number).collect();
    assert_eq!(acts, [2, 3, 4]);
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let (trust, key) = (desk.trust().unwrap(), house.keys().reading().unwrap());
    for copy in copies {
        let opened = desk.unseal_unjudged(&trust, &key, &Entry::Sent(copy.clone())).unwrap();
        let basis = &opened.dispatch.dispatch().basis;
        let own = basis.iter().find(|basis| basis.ministry == ministry("XA")).unwrap();
        assert_eq!(own.act_number, copy.act_number - 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_the_gateway_refuses_does_not_take_those_behind_it_with_it() {
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
    let good = forms::memorandum("XB", "new", "Of a run.");
    let refused = good.replace("RESTRICTED", "SECRET");
    let drafts = [&good, &refused, &good, &refused, &good].map(|form| draft(form)).to_vec();
    let (known, ended) = run(&stage, drafts).await;
    ended.unwrap();
    let copies = copies(&known);
    for (number, copy) in (1..).zip(&copies) {
        let state = if number % 2 == 0 { SentState::Withdrawn } else { SentState::Queued };
        let reason = if number % 2 == 0 { "CLS_01" } else { "" };
        assert_eq!((copy.sequence, copy.state, copy.reason.as_str()), (number, state, reason));
    }
    delivered(&stage, &[copies[0].clone(), copies[2].clone(), copies[4].clone()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_released_when_the_gateway_went_away_is_handed_over_in_order_and_once() {
    let mut stage = Stage::pair().await;
    let form = draft(&forms::memorandum("XB", "new", "Of a run."));
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    drop((desk, mailbox.clone()));
    // Of a run that stopped before it handed anything over, the register has whole batches.
    let (known, ended) = run(&stage, vec![form.clone(); 4]).await;
    ended.unwrap();
    let copies = copies(&known);
    let desk = stage.house("XA").desk().unwrap();
    for copy in &copies[1..] {
        desk.register().note_sent(&copy.id, SentState::Released, "", &[], &[]).unwrap();
    }
    stage.house_mut("XA").lose().await.unwrap();
    desk.resume(&trust, &mut mailbox).await.unwrap();
    let waiting = desk.register().waiting(None, 9).unwrap();
    assert_eq!(waiting.iter().map(|copy| copy.sequence).collect::<Vec<_>>(), [2, 3, 4]);
    assert!(waiting.iter().all(|copy| copy.state == SentState::Released && copy.reason.is_empty()));
    stage.house_mut("XA").start().await.unwrap();
    stage.sound("XA", "XB").await;
    // The next run hands them over first.
    let (known, ended) = run(&stage, vec![form]).await;
    ended.unwrap();
    let [next] = <[SentEntry; 1]>::try_from(self::copies(&known)).unwrap();
    assert_eq!(next.sequence, 5);
    delivered(&stage, &copies).await;
    delivered(&stage, &[next]).await;
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_composed_whatever_numbers_another_office_takes_meanwhile() {
    let stage = Stage::pair().await;
    let house = stage.house("XA");
    let (desk, other) = (house.desk().unwrap(), house.desk().unwrap());
    let (trust, note) = (desk.trust().unwrap(), draft(&forms::note("XB", "new")));
    let year = desk.clock().now().year();
    let composed = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !composed.load(Ordering::SeqCst) {
                other.register().reserve_formal_number(year).unwrap();
            }
        });
        let compose = |_| desk.compose(&trust, house.keys(), &note, stage.folder(), None);
        let all: Vec<_> = (0..100).map(compose).collect();
        composed.store(true, Ordering::SeqCst);
        let found: Vec<Finding> = all.into_iter().flat_map(|one| one.unwrap().findings).collect();
        assert_eq!(found, []);
    });
    assert!(desk.register().last_formal_number(year).unwrap() > Some(1), "numbers were taken meanwhile");
}
