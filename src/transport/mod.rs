//! How two parties reach each other.
