//! A day in the life of two ministries, by the commands that operators and officers type: rotation, revocation, backup
//! and restore, a pause, a courier, a drain, while notes flow both ways all the time. In the evening every message has
//! arrived, once, every log is proven to its end, and what was done is in the administrative logs.

mod duties;
mod town;

use town::Town;

#[test]
fn through_a_day_of_operations_every_message_arrives_once() {
    let mut town = Town::found();
    let traffic = town.traffic();

    town.rotates_certified_keys("XA");
    traffic.flows(1);
    town.rotates_announced_keys("XA");
    traffic.flows(1);
    town.revokes_an_office("XB");
    traffic.flows(1);

    let backup = town.backs_up("XB");
    traffic.flows(2);
    let decided = town.decides_after_the_backup("XB");
    traffic.flows(1);
    town.loses_and_restores("XB", &backup, &decided);
    traffic.flows(1);

    town.pauses("XA", &traffic);
    town.sends_by_courier("XA", "XB");
    traffic.flows(1);

    town.drains_and_returns("XB");
    traffic.flows(1);
    town.is_killed_and_returns("XA");
    traffic.flows(1);

    town.ends(traffic);
    town.remembers(
        "XA",
        &["KEY_ROTATED", "PEER_PAUSED", "PEER_RESUMED", "PACK_WRITTEN", "PACK_READ", "STARTED"],
    );
    // The log of the host that was lost is gone with it: the restored one begins another.
    town.remembers("XB", &["RESTORED", "PACK_READ", "STOPPED", "STARTED"]);
    town.proves_it_all("XA");
}
