//! What ministries say to each other.
