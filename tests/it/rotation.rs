//! Rotation under load: every key of a ministry is rotated by the commands that its people type, while messages flow
//! both ways between two real gateways and desks. Nothing is lost, nothing waits, nobody does anything by hand.

mod pair;
mod switching;

use std::sync::atomic::{AtomicBool, Ordering};

use pair::Pair;
use serde_json::Value;

#[test]
fn every_key_is_rotated_under_load_and_nothing_is_lost_delayed_or_tried_twice() {
    let pair = Pair::found();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ending = StopAtEnd(&stop);
        for from in 0..2 {
            let (pair, stop) = (&pair, &stop);
            scope.spawn(move || pair.send_on(from, stop));
        }
        pair.flows("the beginning");
        let first = pair.sent[0].lock().unwrap()[0].clone();
        pair.proves("XA", &first, "before.zip");
        pair.rotate_certified("gateway", "transport", "chancery://XA/gateway");
        pair.rotate_certified("desk", "registry", "chancery://XA/registry");
        pair.rotate_certified("desk", "offices/seal", "chancery://XA/office/seal");
        pair.rotate_certified("desk", "access", "chancery://XA/desk/main");
        pair.rotate_announced("log");
        pair.rotate_announced("cosigner");
        pair.rotate_reading();
        drop(ending);
    });
    pair.arrived();
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

/// Ends the senders when the rotations are done, or one of them has failed.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
