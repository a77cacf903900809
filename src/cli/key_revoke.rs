//! `key revoke`: say in the offline home of the ministry that a certificate must not be believed any more.
//!
//! Nothing becomes known by it alone. Gateways and offices are revoked for the peers by the next bundle, desks for their
//! own gateway by a file in its home: the command that does it is named.

use std::path::PathBuf;

use rustls_pki_types::CertificateDer;
use serde_json::json;

use super::confirm;
use super::context::Context;
use super::error::{CliError, Kind};
use super::key_rotate;
use super::report::Done;
use super::shell_word;
use crate::keys::IssuedRecord;
use crate::keys::branch::{Branch, Serial};
use crate::keys::file::certificate_validity;
use crate::keys::home::gateway::GatewayHome;
use crate::keys::ministry::MinistryHome;
use crate::keys::revocation::{Revocation, RevocationReason, list_pem};
use crate::keys::secret_file;
use crate::time::Timestamp;
use crate::trust::name::{Ministry, Name};

/// Revoke the certificate of a gateway, an office, the registry or a desk, in the offline home of the ministry
///
/// What was signed and logged before stays valid, unless --invalid-since names an earlier time: what was logged from then
/// on is not believed. Peers learn of it with the next bundle: sign and install it at once. A desk is shut out by its own
/// gateway, from a file in the gateway's home.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery key revoke office/legal-01 --reason key-compromise --ministry-home ROOT\n  \
    chancery key revoke gateway --reason key-compromise --invalid-since 2026-11-20T00:00:00Z --ministry-home ROOT\n  \
    chancery key revoke desk/main --reason superseded --ministry-home ROOT --gateway GATEWAY")]
pub(super) struct Revoke {
    /// Whose certificate: chancery://XA/office/seal, or what follows the code of the ministry, office/seal
    #[arg(value_name = "NAME")]
    name: String,

    /// Why: affiliation-changed, cessation-of-operation, key-compromise or superseded
    #[arg(long, value_name = "REASON", value_parser = reason)]
    reason: RevocationReason,

    /// Since when the key is known or suspected to be in wrong hands; now, if it is not said
    #[arg(long, value_name = "TIME", value_parser = time)]
    invalid_since: Option<Timestamp>,

    /// Serial number of the certificate, where the name has several
    #[arg(long, value_name = "HEX", value_parser = serial)]
    serial: Option<Serial>,

    /// Offline home of the ministry
    #[arg(long, value_name = "DIR")]
    ministry_home: PathBuf,

    /// For a desk: home of the gateway that is to shut it out, if it is on this machine
    #[arg(long, value_name = "DIR")]
    gateway: Option<PathBuf>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Revoke {
    pub(super) fn run(self, context: &Context) -> Result<(), CliError> {
        let passphrase = context.passphrase.existing("the ministry")?.for_keys()?;
        let ministry = MinistryHome::open(&self.ministry_home, &passphrase)?;
        let name = full_name(&self.name, &ministry.founding().ministry)?;
        let now = context.clock.now();
        if self.invalid_since.is_some_and(|since| since > now) {
            return Err(CliError::usage(
                "future",
                "a key cannot be known to be in wrong hands in the future",
            ));
        }
        let record = self.chosen(context, &ministry, &name, now)?;
        let branch = record.branch();
        if branch == Branch::Root {
            let message = "the key that signs bundles is revoked by a bundle that another such key signs";
            return Err(CliError::usage("trust-key", message));
        }
        let revocation = Revocation {
            serial: record.serial,
            revoked: now,
            invalid_since: self.invalid_since,
            reason: self.reason,
        };
        let question = format!("this cannot be undone; type {name} to revoke it:");
        confirm::type_back(context, &question, &name.to_string(), self.yes)?;
        // The authority lives as long as its list must: nobody replaces that one on a certain day.
        let authority = CertificateDer::from(ministry.certificate(branch)?);
        let ends = certificate_validity(&authority).map_or(now, |(_, ends)| ends);
        let list = ministry.revoke_and_list(branch, &[revocation], now, ends)?;
        let others = believed(&ministry, &name, now)?;
        let done = Done::new(json!({
            "schema": "chancery.revoked/1",
            "name": name.to_string(),
            "serial": record.serial.to_string(),
            "reason": self.reason.word(),
            "revoked": now.to_string(),
            "invalid_since": self.invalid_since.map(|since| since.to_string()),
            "authority": branch.word(),
            "others": others.iter().map(|one| one.serial.to_string()).collect::<Vec<_>>(),
        }));
        let done = done.says(format!("revoked the certificate {} of {name}", record.serial));
        let done = still(done, &name, &others);
        match branch {
            Branch::DeskAccess => self.shut_out(context, done, &list),
            _ => self.publish(done, &name, others.is_empty()).tell(context),
        }
    }

    /// The bundle by which everybody learns of it. Without its last certificate an office is silent, which is what was
    /// wanted; a gateway or a registry is given the next one before.
    fn publish(&self, done: Done, name: &Name, is_last: bool) -> Done {
        let done = done.says("nobody knows yet: the next bundle says so");
        let rotate = match key_rotate::place_of(name).filter(|_| is_last) {
            Some((home, key)) => format!("chancery --home {home} key rotate {key}"),
            None => return self.bundle(done),
        };
        if let Name::Office { .. } = name {
            let said = "from then on the office signs nothing that is believed, until it has another key";
            return self.bundle(done.says(said)).next(rotate);
        }
        let said = "it has no other certificate: put the next key in use before that bundle is in force";
        self.bundle(done.says(said).next(rotate))
    }

    fn bundle(&self, done: Done) -> Done {
        done.next(self.sign_next()).next("chancery --home DESK trust install NEXT.bundle")
    }

    /// The one certificate of the name that is neither revoked nor ended, or the one with the serial number.
    fn chosen(
        &self,
        context: &Context,
        ministry: &MinistryHome,
        name: &Name,
        now: Timestamp,
    ) -> Result<IssuedRecord, CliError> {
        let mut found = ministry.issued()?;
        found.retain(|one| one.name == *name && self.serial.is_none_or(|serial| serial == one.serial));
        if found.is_empty() {
            let message = format!("no such certificate of {name} was issued here");
            return Err(CliError::new(Kind::NotFound, "no-certificate", message));
        }
        found.retain(|one| one.revocation.is_none() && one.not_after >= now);
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => {
                let message = format!("every certificate of {name} is revoked or has ended");
                Err(CliError::new(Kind::NotFound, "no-certificate", message))
            }
            [oldest, .., newest] => {
                let serials: Vec<String> =
                    found.iter().map(|one| format!("{} of {}", one.serial, one.issued)).collect();
                let message = format!("{name} has several certificates: {}", serials.join(", "));
                let kept = format!(
                    "{} is the newest, and mostly the one in use: revoke the older ones, and it only when another is in use",
                    newest.serial
                );
                let error = CliError::usage("several", message).cause(kept);
                Err(error.hint(format!("{} --serial {}", context.typed, oldest.serial)))
            }
        }
    }

    /// Writes the list of desks where their gateway finds it, or beside the authority that signed it.
    fn shut_out(&self, context: &Context, done: Done, list: &[u8]) -> Result<(), CliError> {
        let pem = list_pem(list);
        // Always beside the root too: a gateway that is restored from a backup must be brought the newest.
        let path = self.ministry_home.join("desk-access.crl");
        secret_file::replace(&path, pem.as_bytes())?;
        let Some(gateway) = &self.gateway else {
            let from = shell_word(&path.to_string_lossy());
            return done
                .wrote(&path)
                .says("the gateway of the desk knows nothing yet: bring it the file and let it read it")
                .next(format!("cp {from} GATEWAY/trust/desk-access.crl"))
                .next("systemctl reload chancery-gateway")
                .tell(context);
        };
        let path = GatewayHome::at(gateway).desk_list();
        secret_file::replace(&path, pem.as_bytes())?;
        done.wrote(&path)
            .says("the gateway shuts the desk out when it reads its files again")
            .next("systemctl reload chancery-gateway")
            .tell(context)
    }

    fn sign_next(&self) -> String {
        let home = shell_word(&self.ministry_home.to_string_lossy());
        format!("chancery trust sign --ministry-home {home} --gateway GATEWAY --desk DESK -o NEXT.bundle")
    }
}

/// What stays believed of a name: a key that was certified again stands in several certificates.
fn still(done: Done, name: &Name, others: &[IssuedRecord]) -> Done {
    if others.is_empty() {
        return done;
    }
    let others: Vec<String> = others.iter().map(|one| format!("{} of {}", one.serial, one.issued)).collect();
    done.says(format!(
        "{name} is still believed with {}: revoke every one that is for a key in wrong hands",
        others.join(", ")
    ))
}

/// The certificates of a name that are neither revoked nor ended, the oldest first.
fn believed(ministry: &MinistryHome, name: &Name, now: Timestamp) -> Result<Vec<IssuedRecord>, CliError> {
    let mut found = ministry.issued()?;
    found.retain(|one| one.name == *name && one.revocation.is_none() && one.not_after >= now);
    Ok(found)
}

fn full_name(text: &str, ministry: &Ministry) -> Result<Name, CliError> {
    let parsed = if text.contains("://") {
        Name::parse(text)
    } else {
        Name::parse(&format!("chancery://{ministry}/{text}"))
    };
    let name = parsed.map_err(|cause| CliError::usage("name", format!("{text}: {cause}")))?;
    if name.ministry() == ministry {
        return Ok(name);
    }
    Err(CliError::usage("name", format!("{name} is not a name of {ministry}")))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| format!("{text:?} is not a time such as 2026-11-20T00:00:00Z"))
}

fn reason(word: &str) -> Result<RevocationReason, String> {
    let words: Vec<&str> = RevocationReason::ALL.iter().map(|reason| reason.word()).collect();
    RevocationReason::from_word(word).ok_or_else(|| format!("{word:?} is none of {}", words.join(", ")))
}

fn serial(text: &str) -> Result<Serial, String> {
    Serial::parse(text).ok_or_else(|| format!("{text:?} is not 32 lower-case hexadecimal digits"))
}
