//! Every bound of the system in one place, each with its unit and its reason. Whoever is bound names it as
//! `limits::NAME`; where it is written down is for its reader.

mod connection;
mod exchange;
mod formats;
mod service;
mod store;

pub use self::connection::*;
pub use self::exchange::*;
pub use self::formats::*;
pub use self::service::*;
pub use self::store::*;
