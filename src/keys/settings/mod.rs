//! What may stand in `gateway.toml`, `desk.toml` and `service.toml`: one table for each file, which the parser, the
//! commands that explain a configuration and the schema for editors are all made from.
//!
//! The text of a file enters; its values leave, each with its line, or every mistake in it at once. What must never
//! happen: a key that is read and stands in no table.
//!
//! | file | does |
//! |---|---|
//! | `tables` | the settings of each file |
//! | `reading` | reads a file by its table |
//! | `schema` | writes the table as JSON Schema |

mod reading;
mod schema;
mod tables;

pub use reading::{Mistake, Origin, Settings, Shown};
pub use tables::{DESK, FORMS, GATEWAY, SERVICE};

use std::net::SocketAddr;

use crate::telemetry::judge_collector;
use crate::trust::name::{Domain, Label, Ministry};
use crate::trust::role::Role;

/// The settings of one file.
#[derive(Debug)]
pub struct Form {
    /// Name of the file in its home.
    pub file: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What may stand in it.
    pub settings: &'static [Setting],
    /// What must agree between settings.
    pub agree: fn(&Settings<'_>) -> Vec<Mistake>,
}

/// One key that may stand in a file.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name behind the names of its tables: `store.floor_mib`, or `user[].uid` in each table of a list.
    pub key: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// What holds where it is missing.
    pub usual: Usual,
    /// What it is for, in one sentence.
    pub about: &'static str,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Address of a collector of spans on this host.
    Collector,
    /// A whole number up to this one.
    Count(u64),
    /// The domain of a ministry.
    Domain,
    /// Host and port.
    Endpoint,
    /// true or false.
    Flag,
    /// The label of a desk, an office or a client.
    Label,
    /// Labels.
    Labels,
    /// The code of a ministry.
    Ministry,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A path, below the home unless it is absolute.
    Path,
    /// Roles of a client.
    Roles,
    /// Address and port.
    Socket,
}

/// What holds where a setting is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usual {
    /// It may not be missing where its table is there.
    Required,
    /// Nothing.
    Nothing,
    /// This number.
    Number(u64),
    /// This truth.
    Flag(bool),
    /// This word.
    Word(&'static str),
}

impl Kind {
    /// What is wrong with a text of this kind.
    fn judge(self, text: &str) -> Result<(), String> {
        match self {
            Self::Collector => judge_collector(text),
            Self::Domain => Domain::parse(text).map(drop).map_err(|cause| cause.to_string()),
            Self::Label | Self::Labels => Label::parse(text).map(drop).map_err(|cause| cause.to_string()),
            Self::Ministry => Ministry::parse(text).map(drop).map_err(|cause| cause.to_string()),
            Self::Roles => Role::parse(text).map(drop).map_err(|cause| cause.to_string()),
            Self::Socket => {
                let wrong = |_| format!("{text:?} is not an address such as 127.0.0.1:7110");
                text.parse::<SocketAddr>().map(drop).map_err(wrong)
            }
            Self::OneOf(words) if !words.contains(&text) => {
                Err(format!("{text:?} is none of {}", words.join(", ")))
            }
            Self::OneOf(_) => Ok(()),
            Self::Endpoint | Self::Path if text.is_empty() => Err("it is empty".to_owned()),
            Self::Endpoint | Self::Path | Self::Count(_) | Self::Flag => Ok(()),
        }
    }

    /// In words, for whoever has written something else.
    fn words(self) -> &'static str {
        match self {
            Self::Collector => {
                "the address of a collector in quotation marks, such as \"http://127.0.0.1:4317\""
            }
            Self::Count(_) => "a whole number",
            Self::Domain => "a domain in quotation marks, such as \"mfa.xa.example\"",
            Self::Endpoint => "host and port in quotation marks, such as \"192.0.2.10:7444\"",
            Self::Flag => "true or false",
            Self::Label => "a label in quotation marks, such as \"main\"",
            Self::Labels => "a list of labels, such as [\"releasing-01\"]",
            Self::Ministry => "the code of a ministry in quotation marks, such as \"XA\"",
            Self::OneOf(_) => "one of its words in quotation marks",
            Self::Path => "a path in quotation marks",
            Self::Roles => "a list of roles, such as [\"draft\", \"read\"]",
            Self::Socket => "address and port in quotation marks, such as \"127.0.0.1:7110\"",
        }
    }
}
