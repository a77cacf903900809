//! The layering of `src/`, kept true.
