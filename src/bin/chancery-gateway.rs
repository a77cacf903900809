//! The daemon of the exposed host.

fn main() {}
