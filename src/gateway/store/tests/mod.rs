//! The claims of the store's verbs, each shown through the verbs alone; damage is done behind its back.

mod about;
mod alarms;
mod arrivals;
mod bounds;
mod conformance;
mod crash;
mod custody;
mod footing;
mod group;
mod log;
mod mailbox;
mod migrations;
mod outbox;
mod parts;
mod pauses;
mod plans;
mod queue;
mod random;
mod recovered;
mod room;
mod settlement;
mod standing;
mod statements;
mod verify;
