//! After a start: whom a gateway signs for before anybody has spoken.

use std::fs;

use chancery::desk::register::SentState;
use chancery::gateway::standing::Standing;

use super::{alarms_named, delivered, forget, keep, mark, memo, own_log, put_back, whole};
use crate::support::{Stage, ministry};

fn standing(stage: &Stage) -> Standing {
    stage.gateway("XA").standing(&ministry("XB"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_on_the_same_run_of_the_host_goes_on_while_the_peer_is_away() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    for code in ["XA", "XB"] {
        stage.house_mut(code).lose().await.unwrap();
    }
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(standing(&stage), Standing::Sound);
    assert_eq!(memo(&stage, "XA", "XB", "Two.").await.state, SentState::Queued);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_another_run_of_the_host_the_desk_keeps_the_message_until_the_peer_has_spoken() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    for code in ["XA", "XB"] {
        stage.house_mut(code).stop().await.unwrap();
    }
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(standing(&stage), Standing::Unconfirmed);
    let two = memo(&stage, "XA", "XB", "Two.").await;
    assert_eq!(two.state, SentState::Released, "nothing was signed at the gateway");
    assert_eq!(alarms_named(stage.gateway("XA").status().await.unwrap().alarms, "UNCONFIRMED"), 1);
    stage.house_mut("XB").start().await.unwrap();
    assert_eq!(stage.settled("XA", &two).await.state, SentState::Delivered);
    assert_eq!(standing(&stage), Standing::Sound);
    assert_eq!(alarms_named(stage.gateway("XA").status().await.unwrap().alarms, "UNCONFIRMED"), 0);
    whole(&stage, &["XA", "XB"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_of_an_earlier_run_vouches_for_nothing_and_still_tells_of_leaves_that_are_lost() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    let kept = keep(&mut stage, "XA").await;
    delivered(&stage, "XA", "XB", "Two.").await;
    stage.house_mut("XB").stop().await.unwrap();
    put_back(&mut stage, "XA", &kept).await;
    let of_another_run = |stage: &Stage| {
        let mut bytes = fs::read(mark(stage, "XA")).unwrap();
        bytes[20] ^= 1;
        fs::write(mark(stage, "XA"), bytes).unwrap();
    };
    of_another_run(&stage);
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(standing(&stage), Standing::CatchingUp);
    // The desk brings back what the mark knows of. There may have been more, which only the peer can tell.
    let before = own_log(&stage, "XA").await.size;
    let three = memo(&stage, "XA", "XB", "Three.").await;
    assert_eq!(three.state, SentState::Released);
    assert!(own_log(&stage, "XA").await.size > before, "the desk handed back what was lost");
    assert_eq!(standing(&stage), Standing::CatchingUp);
    // Where it knows of nothing that is lost it does not make the pair sound.
    stage.house_mut("XB").start().await.unwrap();
    stage.sound("XA", "XB").await;
    for code in ["XA", "XB"] {
        stage.house_mut(code).stop().await.unwrap();
    }
    of_another_run(&stage);
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(standing(&stage), Standing::Unconfirmed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_came_back_from_a_backup_with_the_store_vouches_for_nothing() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    let kept = keep(&mut stage, "XA").await;
    let copied = fs::read(mark(&stage, "XA")).unwrap();
    delivered(&stage, "XA", "XB", "Two.").await;
    stage.house_mut("XB").stop().await.unwrap();
    put_back(&mut stage, "XA", &kept).await;
    forget(&stage, "XA");
    fs::write(mark(&stage, "XA"), copied).unwrap();
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(standing(&stage), Standing::Unconfirmed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_in_whose_place_none_can_be_begun_vouches_for_nothing_afterwards() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    let kept = keep(&mut stage, "XA").await;
    stage.house_mut("XA").stop().await.unwrap();
    let in_the_way = mark(&stage, "XA").with_extension("new");
    fs::create_dir(&in_the_way).unwrap();
    stage.house_mut("XA").start().await.unwrap();
    assert!(!mark(&stage, "XA").exists());
    delivered(&stage, "XA", "XB", "Two.").await;
    // The older mark would have found this copy to be as new as itself.
    stage.house_mut("XB").stop().await.unwrap();
    put_back(&mut stage, "XA", &kept).await;
    fs::remove_dir(&in_the_way).unwrap();
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(standing(&stage), Standing::Unconfirmed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_knows_the_store_to_be_the_newest_can_say_so_and_it_is_on_record() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    for code in ["XA", "XB"] {
        stage.house_mut(code).stop().await.unwrap();
    }
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    stage.gateway("XA").confirm(&ministry("XB"), 0).await.unwrap();
    assert_eq!(memo(&stage, "XA", "XB", "Two.").await.state, SentState::Queued);
    assert_eq!(alarms_named(stage.gateway("XA").status().await.unwrap().alarms, "CONFIRMED_BY_OPERATOR"), 1);
}
