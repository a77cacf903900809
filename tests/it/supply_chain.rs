//! What the lock file may contain.
