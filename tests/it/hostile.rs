//! A bad neighbourhood: every kind of bad input on the wire, one test each, against a gateway that runs as a
//! process of its own. Each is refused or cut in a stable way; the memory stays bounded; an honest peer goes on
//! delivering all the while, and nothing is lost.

mod connections;
mod frames;
mod messages;
mod permission;
mod streams;
mod traps;
