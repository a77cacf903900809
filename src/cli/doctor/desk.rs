//! Looks at what a desk knows of itself without its passphrase: whether some Power has not been sent a protective act,
//! whether its register and its policy are those that this host has seen, and whether its keys are those that the own bundle names and vouches for. A home that was
//! restored from a backup is one that nobody has compared with its gateway yet.

use std::fs;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::cli::context::Context;
use crate::cli::desk_failure::next_of;
use crate::cli::shell_word;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::owed::Outstanding;
use crate::desk::refill::Compared;
use crate::desk::register::RegisterFault;
use crate::desk::vouched;
use crate::keys::rotation::holds_reading_key;
use crate::time::Timestamp;
use crate::trust::bundle::SignedBundle;

/// What can be seen of the register and of the policy.
pub(super) fn look(context: &Context, home: &Path) -> Vec<Finding> {
    let desk = match Desk::open(home, context.clock.clone(), context.entropy.clone()) {
        Ok(desk) => desk,
        Err(DeskError::Register(fault)) => return vec![unusable(&fault, home)],
        // Whether there is a desk at all was looked at before.
        Err(_) => return Vec::new(),
    };
    let word = shell_word(&home.to_string_lossy());
    let seen = register(&desk, &context.command("status"));
    let unread = |error: DeskError| Finding::fail("register", error.to_string(), format!("ls -l {word}"));
    let mut found = vec![seen.unwrap_or_else(unread)];
    // A register that does not read was told just now.
    found.extend(desk.outstanding_locked().unwrap_or_default().iter().map(|one| owed(context, one)));
    if let Ok(Some((here, in_force))) = desk.policy_seen() {
        let said = format!(
            "{here} is known here, and {in_force} is in force at the gateway: this desk was restored, or another one signed"
        );
        found.push(Finding::warn("policy", said, context.command("peer adopt")));
    }
    // What cannot be believed at all is told by whoever uses it.
    if let Ok(Trust { own, .. }) = desk.trust() {
        let now = context.clock.now();
        found.extend(certified(home).iter().filter_map(|path| vouched_for(context, (home, path), &own, now)));
        found.extend(reading_key(context, home, &own));
    }
    found
}

/// A protective act that a Power has not been sent: worse than whatever keeps it here.
fn owed(context: &Context, one: &Outstanding) -> Finding {
    let (reference, to, since) = (one.reference(), &one.recipient, one.released);
    let said = format!("{reference} to {to} since {since}: {one}");
    Finding::fail("owed", said, next_of(context, one))
}

/// Certificates of keys that sign in the name of the ministry.
fn certified(home: &Path) -> Vec<PathBuf> {
    let offices = fs::read_dir(home.join("keys/offices")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = offices.map(|entry| entry.path()).collect();
    found.push(home.join("keys/registry.pem"));
    found.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
    found.sort();
    found
}

/// A key whose certificate the own bundle does not vouch for.
fn vouched_for(
    context: &Context,
    (home, path): (&Path, &Path),
    own: &SignedBundle,
    now: Timestamp,
) -> Option<Finding> {
    let refusal = vouched::refusal(own, path, now)?;
    let sequence = own.bundle().content().sequence;
    let stem = path.strip_prefix(home).unwrap_or(path).with_extension("");
    let said = format!(
        "nobody believes what {} signs, by the own bundle {sequence}: {}: {refusal}",
        stem.display(),
        refusal.reason()
    );
    let key = shell_word(&stem.to_string_lossy());
    Some(Finding::fail("certificate", said, context.command(&format!("key rotate {key}"))))
}

/// Whether what others seal by the own bundle opens here: a home that was restored from a backup may lack the newest key.
fn reading_key(context: &Context, home: &Path, own: &SignedBundle) -> Option<Finding> {
    let content = own.bundle().content();
    if content.reading_keys.iter().any(|key| holds_reading_key(home, key)) {
        return None;
    }
    let said = format!(
        "the own bundle {} names no reading key of this home: what is sealed by it does not open here",
        content.sequence
    );
    Some(Finding::fail("reading", said, context.command("key rotate reading")))
}

/// A register that does not open: every other command ends with that, and leads here.
fn unusable(fault: &RegisterFault, home: &Path) -> Finding {
    let next = match fault {
        RegisterFault::TooNew { .. } => "chancery --version".to_owned(),
        fault if fault.is_busy() || fault.is_of_the_disk() => {
            format!("ls -l {}", shell_word(&home.to_string_lossy()))
        }
        _ => "chancery backup restore --help".to_owned(),
    };
    Finding::fail("register", fault.to_string(), next)
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
