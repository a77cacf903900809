//! Claims about evidence files.

mod bindings;
mod fixture;
mod flips;
mod interop;
mod releasing;
mod trust;
mod writing;
