//! Rotation under load: every key of a ministry is rotated by the commands that its people type, while messages flow
//! both ways between two real gateways and desks. Nothing is lost, nothing waits, nobody does anything by hand.

mod pair;
mod switching;

use std::sync::atomic::{AtomicBool, Ordering};

use pair::Pair;
use serde_json::Value;

/// Does something while messages flow both ways, from before its beginning; all of them have arrived when this ends.
fn under_load(pair: &Pair, work: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ending = StopAtEnd(&stop);
        for from in 0..2 {
            let stop = &stop;
            scope.spawn(move || pair.send_on(from, stop));
        }
        pair.flows("the beginning");
        work();
        drop(ending);
    });
    pair.arrived();
}

/// Ends the senders when the work is done, or has failed.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn every_key_is_rotated_under_load_and_nothing_is_lost_delayed_or_tried_twice() {
    let pair = Pair::found();
    under_load(&pair, || {
        let first = pair.sent[0].lock().unwrap()[0].clone();
        pair.proves("XA", &first, "before.zip");
        pair.rotate_certified("gateway", "transport", "chancery://XA/gateway");
        pair.rotate_certified("desk", "registry", "chancery://XA/registry");
        pair.rotate_certified("desk", "offices/seal", "chancery://XA/office/seal");
        pair.rotate_certified("desk", "access", "chancery://XA/desk/main");
        pair.rotate_announced("log");
        pair.rotate_announced("cosigner");
        pair.rotate_reading();
    });
    let sent = pair.sent[0].lock().unwrap().clone();
    let (first, last) = (&sent[0], &sent[sent.len() - 1]);
    for (code, other) in [("XA", "sender"), ("XB", "recipient")] {
        pair.proves(code, first, &format!("old-{other}.zip"));
        pair.proves(code, last, &format!("new-{other}.zip"));
    }
    pair.verifies(&pair.file("before.zip"));
    pair.is_sound();
    pair.convinces_strangers();
    let history = pair.types("XA", "gateway", "key list --history", &[]);
    let deeds: Vec<Value> = history.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |key: &str| -> Vec<&str> {
        deeds.iter().filter(|deed| deed["key"] == key).map(|deed| deed["done"].as_str().unwrap()).collect()
    };
    for key in ["keys/transport", "keys/log", "keys/cosigner"] {
        assert_eq!(of(key), ["begun", "completed"], "{key}");
    }
}

/// Its gateway signs with a key that a desk restored from before the rotation has never heard of: that is no proof of
/// anything bad, and the newest bundle of its own ministry is what it lacks.
#[test]
fn a_desk_restored_from_before_a_rotation_of_the_log_key_is_led_to_the_newest_own_bundle() {
    let pair = Pair::found();
    under_load(&pair, || {
        pair.keeps_trust();
        pair.rotate_announced("log");
    });
    pair.restores_trust();
    pair.sends_once("XB");
    for line in ["inbox", "log verify"] {
        let refused = pair.types("XA", "desk", line, &[]);
        assert_eq!(refused.refusal(), (4, "OWN_BUNDLE_OLD".to_owned()), "{line}: {refused:?}");
        assert!(refused.leads_to("trust install FILE"), "{line}: {refused:?}");
    }
    let doctor = pair.types("XA", "desk", "doctor", &[]);
    assert!(doctor.data.contains("trust install FILE") && !doctor.data.contains("log verify"), "{doctor:?}");
    pair.adopts_and_installs("log-new.bundle");
    let whole = pair.types("XA", "desk", "inbox", &[]);
    assert!(whole.ended_well(), "{whole:?}");
    let verified = pair.types("XA", "desk", "log verify", &[]);
    assert!(verified.ended_well(), "{verified:?}");
}
