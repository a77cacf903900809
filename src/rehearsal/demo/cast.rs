//! The cast: who types at which prompt.

use crate::rehearsal::demo::stage::{Line, Prompt, SHOWN};

/// One of the two ministries.
pub(super) struct Side {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) domain: &'static str,
    pub(super) root: Prompt,
    pub(super) gateway: Prompt,
    pub(super) desk: Prompt,
}

/// The receiving Power.
pub(super) const XA: Side = Side {
    code: "XA",
    name: "Ministry of Foreign Affairs of XA",
    domain: "mfa.xa.example",
    root: Prompt { name: "xa-root$", home: "", credentials: "xa" },
    gateway: Prompt { name: "xa-gateway$", home: "xa/gateway", credentials: "xa" },
    desk: Prompt { name: "xa-desk$", home: "xa/desk", credentials: "xa" },
};

/// The detaining Power.
pub(super) const XB: Side = Side {
    code: "XB",
    name: "Ministry of Foreign Affairs of XB",
    domain: "mfa.xb.example",
    root: Prompt { name: "xb-root$", home: "", credentials: "xb" },
    gateway: Prompt { name: "xb-gateway$", home: "xb/gateway", credentials: "xb" },
    desk: Prompt { name: "xb-desk$", home: "xb/desk", credentials: "xb" },
};

/// The duty officer of XB, who is alone at night.
pub(super) const DUTY: Prompt = Prompt { name: "xb-duty$", ..XB.desk };
/// Somebody who belongs to neither.
pub(super) const ANYBODY: Prompt = Prompt { name: "anybody$", home: "", credentials: "nobody" };

/// A command that ends well.
pub(super) fn line<'a>(prompt: Prompt, arguments: &[&'a str]) -> Line<'a> {
    Line { prompt, arguments: arguments.to_vec(), code: 0, shown: SHOWN, last: 0 }
}

/// A command that is refused with this exit code.
pub(super) fn refused<'a>(code: i32, prompt: Prompt, arguments: &[&'a str]) -> Line<'a> {
    Line { code, ..line(prompt, arguments) }
}
