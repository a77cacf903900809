//! `key rotate` and `key install`: the next key beside the one in use, and in its place.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::context::Context;
use super::desk_record;
use super::desk_session;
use super::error::{CliError, Kind};
use super::files;
use super::operator::Operator;
use super::report::Done;
use super::shell_word;
use crate::desk::Desk;
use crate::keys::Passphrase;
use crate::keys::home::enrolment::Requested;
use crate::keys::home::gateway::GatewayHome;
use crate::keys::rotation::{Begun, Phase, Rotatable, Rotation, RotationRefusal};
use crate::limits;
use crate::message::administration::AdministrativeVerb as Verb;
use crate::trust::name::Name;

/// Rotate a key: make the next one beside the one in use, then complete it
///
/// A key with a certificate (transport, registry, offices, access) gets a request; `key certify` answers it and
/// `key install` puts the next key in use. The keys log, cosigner and reading are announced by the next trust bundle
/// beside those in use, and --complete puts them in use once the peers have accredited that bundle. What was begun can
/// be given up with --abandon. Nothing that is under way is lost or waits.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery --home GATEWAY key rotate transport\n  \
    chancery --home DESK key rotate offices/legal-01\n  \
    chancery --home GATEWAY key rotate log && chancery trust sign --help\n  \
    chancery --home GATEWAY key rotate log --complete\n  \
    chancery --home DESK key rotate reading --abandon")]
pub(super) struct Rotate {
    /// The key as `key list` names it, such as keys/log
    #[arg(value_name = "KEY")]
    key: String,

    /// Put the next key in use, or go on where that was cut short
    #[arg(long, conflicts_with_all = ["abandon", "certificate"])]
    complete: bool,

    /// Give the next key up
    #[arg(long, conflicts_with = "certificate")]
    abandon: bool,

    /// Put the next key in use with this chain of certificates, as `key install` does
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,

    /// Complete although peers do not know the next key yet: until they do, they believe nothing that it signs
    #[arg(short, long, requires = "complete")]
    yes: bool,
}

/// Put the next key of a rotation in use, with the certificate that was issued for it
///
/// Chain, key and name must belong together, and the certificate must be valid now; else nothing changes. A running
/// gateway is told at once, a desk service takes the next key by itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery --home GATEWAY key install transport transport.pem\n  \
    chancery --home DESK key install offices/legal-01 legal-01.pem")]
pub(super) struct Install {
    /// The key as `key list` names it, such as keys/transport
    #[arg(value_name = "KEY")]
    key: String,

    /// The chain that `key certify` wrote
    #[arg(value_name = "CHAIN")]
    chain: PathBuf,
}

impl Rotate {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let rotation = open(context, &self.key)?;
        if let Some(chain) = self.certificate {
            return install(context, &rotation, &chain).await;
        }
        if self.abandon {
            note(context, &rotation, Verb::RotationAbandoned)?;
            rotation.abandon(context.clock.now()).map_err(|refusal| refused(context, refusal))?;
            let done = Done::new(report(&rotation, "abandoned"));
            return done.says(format!("{} stays as it is", rotation.key().stem())).tell(context);
        }
        if self.complete {
            return complete(context, &rotation, self.yes).await;
        }
        let passphrase = passphrase(context, &rotation)?;
        note(context, &rotation, Verb::RotationBegun)?;
        let begun = rotation.begin(passphrase.as_ref(), context.clock.now(), context.entropy.as_ref());
        let begun = begun.map_err(|refusal| refused(context, refusal))?;
        told(context, &rotation, &begun)
    }
}

impl Install {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        install(context, &open(context, &self.key)?, &self.chain).await
    }
}

/// The home that has the key of a name, and the key as `key list` names it; none where no home asks for such a name.
pub(super) fn place_of(name: &Name) -> Option<(&'static str, String)> {
    match name {
        Name::Gateway { .. } => Some(("GATEWAY", "keys/transport".to_owned())),
        Name::Registry { .. } => Some(("DESK", "keys/registry".to_owned())),
        Name::Desk { .. } => Some(("DESK", "keys/access".to_owned())),
        Name::Office { label, .. } => Some(("DESK", format!("keys/offices/{label}"))),
        _ => None,
    }
}

/// What was begun, and what comes next.
fn told(context: &Context, rotation: &Rotation, begun: &Begun) -> Result<(), CliError> {
    let key = rotation.key().stem();
    let mut said = report(rotation, "begun");
    if let Some(object) = said.as_object_mut() {
        object.insert("next_id".to_owned(), json!(begun.id));
        object.insert("next_public".to_owned(), json!(begun.public));
    }
    let done = Done::new(said).says(format!("made the next key of {key}; the one in use stays in use"));
    let done = match (rotation.key(), &begun.request) {
        (Rotatable::Certified(requested), Some(request)) => done
            .wrote(request)
            .next(certify(requested, request))
            .next(context.command(&format!("key install {key} CHAIN"))),
        (Rotatable::Reading, _) => announced(
            // What is sealed to a key that no backup holds is lost with the home.
            done.next(context.command("backup create -o BACKUP")),
            context,
            rotation,
        ),
        _ => announced(done, context, rotation),
    };
    done.tell(context)
}

/// The commands that announce the next key, and put it in use then.
fn announced(done: Done, context: &Context, rotation: &Rotation) -> Done {
    let key = rotation.key().stem();
    done.next(sign(context, rotation))
        .next("chancery --home DESK trust install NEXT.bundle")
        .next(context.command(&format!("key rotate {key} --complete")))
}

/// The command that certifies the next key as the one in use is certified.
fn certify(requested: &Requested, request: &Path) -> String {
    let may: String =
        requested.authorities.iter().map(|one| format!(" --authority {}", one.word())).collect();
    let request = shell_word(&request.to_string_lossy());
    format!("chancery key certify --ministry-home ROOT --name {}{may} -o CHAIN {request}", requested.name)
}

/// The command that signs the bundle which says so.
fn sign(context: &Context, rotation: &Rotation) -> String {
    let home = context.named_home().map(|home| shell_word(&home.to_string_lossy()));
    let (gateway, desk) = match rotation.key() {
        Rotatable::Note(_) => (home.unwrap_or_else(|| "GATEWAY".to_owned()), "DESK".to_owned()),
        _ => ("GATEWAY".to_owned(), home.unwrap_or_else(|| "DESK".to_owned())),
    };
    format!("chancery trust sign --ministry-home ROOT --gateway {gateway} --desk {desk} -o NEXT.bundle")
}

async fn install(context: &Context, rotation: &Rotation, chain: &Path) -> Result<(), CliError> {
    let most = u64::try_from(limits::CHAIN_BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = files::read(chain, most)?;
    // Nobody types a passphrase for what is refused anyway.
    let begun = rotation.phase().map_err(|refusal| refused(context, refusal))?;
    let passphrase = match begun {
        Phase::Begun(_) => passphrase(context, rotation)?,
        _ => None,
    };
    note(context, rotation, Verb::KeyRotated)?;
    let installed = rotation.install(&bytes, passphrase.as_ref(), context.clock.now());
    let home = context.desk_home()?;
    installed.map_err(|refusal| certified_anew(&home, rotation, refused(context, refusal)))?;
    finished(context, rotation).await
}

/// Tells the record of the desk, where it is one of a desk; a gateway tells its log when it uses the key.
fn note(context: &Context, rotation: &Rotation, verb: Verb) -> Result<(), CliError> {
    desk_record::note_at(context, &context.desk_home()?, verb, rotation.key().stem())
}

/// A chain that is not for the next key: the same error with the command that makes the right one.
fn certified_anew(home: &Path, rotation: &Rotation, error: CliError) -> CliError {
    match (rotation.key(), error.code()) {
        (Rotatable::Certified(requested), "certificate") => {
            error.hint(certify(requested, &requested.place(home, "csr.next")))
        }
        _ => error,
    }
}

/// Puts a next key in use that needs no certificate, once those who must know it do.
async fn complete(context: &Context, rotation: &Rotation, yes: bool) -> Result<(), CliError> {
    let phase = rotation.phase().map_err(|refusal| refused(context, refusal))?;
    if let (Phase::Begun(_), Some(public)) =
        (phase, rotation.next_public().map_err(|refusal| refused(context, refusal))?)
    {
        match rotation.key() {
            Rotatable::Note(_) => require_known(context, rotation, &public, yes).await?,
            _ => require_announced(context, rotation, &public, yes)?,
        }
    }
    note(context, rotation, Verb::KeyRotated)?;
    rotation.complete(context.clock.now()).map_err(|refusal| refused(context, refusal))?;
    finished(context, rotation).await
}

/// The peers of a gateway must believe what the next key signs.
async fn require_known(
    context: &Context,
    rotation: &Rotation,
    public: &str,
    yes: bool,
) -> Result<(), CliError> {
    // Only the gateway knows what is in force there. One that is away would start with a key that nobody can believe.
    let asked = Operator::ask(context, async |mut operator| operator.review_key(public).await).await;
    let (announced, waiting_for) = asked?;
    let key = rotation.key().stem();
    if !announced {
        let message =
            format!("the trust bundle in force at this gateway does not name the next key of {key}");
        return Err(too_early(&message, "ROTATION_NOT_ANNOUNCED").hint(sign(context, rotation)));
    }
    if waiting_for.is_empty() || yes {
        return Ok(());
    }
    let message = format!(
        "{} {} not accredited a bundle that names the next key of {key}, and would believe nothing that it signs",
        waiting_for.join(", "),
        if waiting_for.len() == 1 { "has" } else { "have" },
    );
    // Their desks follow by themselves, mostly within a minute, and then this is allowed.
    let error = too_early(&message, "ROTATION_TOO_EARLY").cause(
        "the same command succeeds once their desks have followed our bundle; --yes switches now, and they believe \
         nothing of it until then",
    );
    Err(error.hint(context.typed.clone()))
}

/// The own bundle must name the next reading key: own copies are sealed to what it names.
fn require_announced(
    context: &Context,
    rotation: &Rotation,
    public: &str,
    yes: bool,
) -> Result<(), CliError> {
    let failed = |error| desk_session::failure(context, error);
    let desk = Desk::open(&context.desk_home()?, context.clock.clone(), context.entropy.clone());
    let trust = desk.and_then(|desk| desk.trust()).map_err(failed)?;
    if yes || trust.own.bundle().content().reading_keys.iter().any(|key| key == public) {
        return Ok(());
    }
    let message = format!("the own trust bundle does not name the next key of {}", rotation.key().stem());
    Err(too_early(&message, "ROTATION_NOT_ANNOUNCED").hint(sign(context, rotation)))
}

fn too_early(message: &str, reason: &'static str) -> CliError {
    CliError::new(Kind::TryLater, "too-early", message).reason(reason)
}

/// Tells whoever runs with the key, and says what was done.
async fn finished(context: &Context, rotation: &Rotation) -> Result<(), CliError> {
    let key = rotation.key().stem();
    let done = Done::new(report(rotation, "completed"));
    let done = done.says(format!("the next key of {key} is in use; the former one {}", fate(rotation)));
    let done = if GatewayHome::at(&context.desk_home()?).config().exists() {
        match Operator::ask(context, async |mut operator| operator.reload().await).await {
            Ok(_) => done.says("the running gateway uses it from now on"),
            Err(error) if error.kind() == Kind::TryLater => {
                done.says("no gateway runs there; it uses the key when it starts")
            }
            Err(error) => return Err(error.hint(context.command("doctor"))),
        }
    } else {
        done.says("a desk service that runs takes it by itself")
    };
    let done = match rotation.key() {
        Rotatable::Certified(_) => done,
        // The next bundle leaves the former key out.
        _ => done.next(sign(context, rotation)).next("chancery --home DESK trust install NEXT.bundle"),
    };
    done.next(context.command("key list --history")).tell(context)
}

fn fate(rotation: &Rotation) -> &'static str {
    match rotation.key() {
        Rotatable::Reading => "is kept, to read what was sealed to it",
        Rotatable::Note(_) => "is gone; what it signed stays proven",
        Rotatable::Certified(_) => "is gone; what it signed before a revocation stays good",
    }
}

fn open(context: &Context, key: &str) -> Result<Rotation, CliError> {
    Rotation::of(&context.desk_home()?, key).map_err(|refusal| refused(context, refusal))
}

/// The passphrase of a key that has one.
fn passphrase(context: &Context, rotation: &Rotation) -> Result<Option<Passphrase>, CliError> {
    if !rotation.is_protected() {
        return Ok(None);
    }
    let stem = rotation.key().stem();
    let mut of_offices = context.passphrase.of_offices()?;
    let own = stem.strip_prefix("keys/offices/").and_then(|label| of_offices.remove(label));
    let typed = match own {
        Some(own) => own,
        None => context.passphrase.existing(&format!("the key {stem}"))?,
    };
    Ok(Some(typed.for_keys()?))
}

fn report(rotation: &Rotation, done: &str) -> Value {
    json!({ "schema": "chancery.key-rotation/1", "key": rotation.key().stem(), "done": done })
}

/// A refusal as people and scripts see it, with the command that leads on.
pub(super) fn refused(context: &Context, refusal: RotationRefusal) -> CliError {
    let (message, reason) = (refusal.to_string(), refusal.reason());
    let said = |kind, code: &'static str| CliError::new(kind, code, message.clone()).reason(reason);
    match refusal {
        RotationRefusal::Home(error) => error.into(),
        RotationRefusal::Unknown(_) => said(Kind::NotFound, "no-key").hint(context.command("key list")),
        RotationRefusal::NotBegun(key) => {
            said(Kind::NotFound, "not-begun").hint(context.command(&format!("key rotate {key}")))
        }
        RotationRefusal::AlreadyBegun(key) => {
            said(Kind::NotFound, "begun").hint(context.command(&format!("key rotate {key} --abandon")))
        }
        RotationRefusal::Switching(key) => {
            said(Kind::NotFound, "cut-short").hint(context.command(&format!("key rotate {key} --complete")))
        }
        RotationRefusal::NeedsCertificate(key) => {
            said(Kind::Usage, "usage").hint(context.command(&format!("key install {key} CHAIN")))
        }
        RotationRefusal::NeedsNoCertificate(key) => {
            said(Kind::Usage, "usage").hint(context.command(&format!("key rotate {key} --complete")))
        }
        RotationRefusal::NeverCertified(_) => said(Kind::NotFound, "not-certified")
            .hint(format!("chancery desk enrol --ministry-home ROOT {}", home(context))),
        RotationRefusal::PassphraseNeeded => said(Kind::NotPermitted, "passphrase-needed"),
        RotationRefusal::Chain(_)
        | RotationRefusal::NoChain
        | RotationRefusal::OtherAuthorities { .. }
        | RotationRefusal::OtherIssuer
        | RotationRefusal::OtherKey(_)
        | RotationRefusal::OtherName { .. } => said(Kind::Verification, "certificate"),
    }
}

fn home(context: &Context) -> String {
    context.named_home().map_or_else(|| "HOME".to_owned(), |home| shell_word(&home.to_string_lossy()))
}
