//! Claims about evidence files.

mod bindings;
mod bounds;
mod fixture;
mod flips;
mod interop;
mod releasing;
mod trust;
mod writing;
