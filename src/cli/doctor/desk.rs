//! Looks at what a desk knows of itself without its passphrase: whether its register and its policy are those that this host
//! has seen. A home that was restored from a backup is one that nobody has compared with its gateway yet.

use std::path::Path;

use super::finding::Finding;
use crate::cli::context::Context;
use crate::cli::shell_word;
use crate::desk::Desk;
use crate::desk::error::DeskError;
use crate::desk::refill::Compared;

/// What can be seen of the register and of the policy.
pub(super) fn look(context: &Context, home: &Path) -> Vec<Finding> {
    // Whether there is a desk at all was looked at before.
    let Ok(desk) = Desk::open(home, context.clock.clone(), context.entropy.clone()) else {
        return Vec::new();
    };
    let word = shell_word(&home.to_string_lossy());
    let next = |words: &str| format!("chancery --home {word} {words}");
    let seen = register(&desk, &next("status"));
    let mut found = vec![
        seen.unwrap_or_else(|error| Finding::fail("register", error.to_string(), format!("ls -l {word}"))),
    ];
    if let Ok(Some((here, in_force))) = desk.policy_seen() {
        let said = format!(
            "{here} is known here, and {in_force} is in force at the gateway: this desk was restored, or another one signed"
        );
        found.push(Finding::warn("policy", said, next("peer adopt")));
    }
    found
}

fn register(desk: &Desk, status: &str) -> Result<Finding, DeskError> {
    let mut lost = Vec::new();
    for channel in desk.register().channels_short()? {
        lost.extend(desk.register().lost_on(&channel)?);
    }
    if let Some((recipient, count)) = lost.first() {
        let said = format!(
            "lacks {count} messages to {recipient} that this desk had sent: nobody departs on that channel"
        );
        return Ok(Finding::fail("register", said, status));
    }
    Ok(match desk.compared()? {
        Compared::Whole => Finding::ok("register", "all that this host has seen is in it"),
        Compared::Older => Finding::warn(
            "register",
            "older than what this host has seen: it was restored from a backup",
            status,
        ),
        Compared::Never => {
            let said = "not compared with the gateway on this host yet, as after a restored backup";
            Finding::warn("register", said, status)
        }
    })
}
