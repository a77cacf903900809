//! Officer, operator, auditor: the command line.

fn main() {}
