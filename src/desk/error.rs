//! What can go wrong at a desk, each with the fact the caller needs to say what to do.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::consultation::rules::Finding;
use crate::desk::config::ConfigError;
use crate::desk::draft::DraftRefusal;
use crate::desk::lock::Holder;
use crate::desk::owed::Outstanding;
use crate::desk::register::{RegisterFault, SentState};
use crate::digest::Digest;
use crate::keys::KeyError;
use crate::message::id::MessageId;
use crate::message::refusal::Refusal;
use crate::message::terms::AuthenticationKind;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The stable code of a gateway that signs with a log key which this desk does not know.
pub const OWN_BUNDLE_OLD: &str = "OWN_BUNDLE_OLD";

/// Why a desk did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The rules forbid the act; nothing was signed, numbered or sent.
    #[error("the rules forbid this act")]
    Forbidden(Vec<Finding>),
    /// The configuration is not usable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The register failed.
    #[error(transparent)]
    Register(#[from] RegisterFault),
    /// A key is not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The own gateway refused for good.
    #[error("the gateway refused ({reason}): {detail}")]
    GatewayRefused {
        /// Stable reason code.
        reason: String,
        /// For people.
        detail: String,
    },
    /// The own gateway could not be reached or asks to try later.
    #[error("the gateway did not answer: {0}")]
    GatewayAway(String),
    /// The own gateway cannot take this now; the same bytes may pass later.
    #[error("the gateway does not take this yet ({reason}): {detail}")]
    GatewayBusy {
        /// Stable reason code.
        reason: String,
        /// For people.
        detail: String,
    },
    /// A sealed part that this desk is to hand over is not here any more, or not whole.
    #[error("sealed part {digest} cannot be read: {cause}")]
    PartUnreadable {
        /// The part.
        digest: Digest,
        /// Why.
        cause: io::Error,
    },
    /// Another process of this desk does what only one may do at a time, and did not end in time.
    #[error("another command of this desk is at work, and did not end in time: {0}")]
    Busy(Holder),
    /// An earlier copy to the same ministry is not in the gateway's custody, and nothing can go before it.
    #[error("{id} to {recipient} has not been taken yet ({reason})")]
    Stuck {
        /// The earlier copy.
        id: MessageId,
        /// Towards whom.
        recipient: Ministry,
        /// Reason code; empty where the gateway was only away.
        reason: String,
    },
    /// The copy is in the gateway's custody or settled: it cannot be given up here.
    #[error("{id} is {}: only what the gateway has not taken is given up here", state.word())]
    NotStuck {
        /// The copy.
        id: MessageId,
        /// Where it stands.
        state: SentState,
    },
    /// A message, bundle or receipt is not what it must be: proven bad.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ministry is not accredited here.
    #[error("{0} is not accredited at this desk")]
    NotAccredited(Ministry),
    /// A line of the administrative record, or of what the gateway said to it, does not read: the file was altered.
    #[error("line {line} of {file} is damaged: the administrative record of this desk was altered")]
    RecordDamaged {
        /// The file, in the home.
        file: &'static str,
        /// The line, from one.
        line: usize,
    },
    /// The administrative record holds fewer entries than the gateway has vouched for: some were taken out.
    #[error(
        "the administrative record of this desk holds {held} entries, and the gateway vouched for {known}"
    )]
    RecordCut {
        /// Entries that are held.
        held: usize,
        /// Entries that the gateway has vouched for.
        known: usize,
    },
    /// Trust material of this desk is missing or not usable.
    #[error("{0}")]
    Trust(String),
    /// It cannot listen where it is to.
    #[error("cannot listen at {address}: {cause}")]
    Unbound {
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// No message answers to this reference.
    #[error("no message {0} in the register of this desk")]
    NoSuchMessage(String),
    /// It names a protective act of this desk that is signed, and of which nobody has been sent a copy.
    #[error(
        "{reference} is signed, and owed since {released} to {}: nobody has a copy of it yet, and there is no receipt",
        powers_of(owed)
    )]
    NotSentYet {
        /// What names it: the beginning of the digest of its dispatch.
        reference: String,
        /// When it was released.
        released: Timestamp,
        /// What is owed of it, and why.
        owed: Vec<Outstanding>,
    },
    /// More than one message answers to this reference.
    #[error("{reference} names {count} messages: {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        reference: String,
        /// How many answer to it.
        count: usize,
        /// Some of them, each by a beginning of its id that names it alone, and its consultation.
        candidates: Vec<String>,
    },
    /// The desk has no key that may give a signature the form needs.
    #[error("no office of this desk may give the {0}")]
    NoOffice(&'static str),
    /// The offices of this desk do not suffice: one hand would draft and release, or clear and release (ROL-01).
    #[error("the offices of this desk are too few: nobody drafts or clears what he himself releases")]
    FourEyes,
    /// An office that was named may not give what it was named for.
    #[error("no office {office} of this desk may give the {kind}")]
    NotAuthorised {
        /// Its label.
        office: String,
        /// What it may not give.
        kind: AuthenticationKind,
    },
    /// A draft that is being cleared cannot go this step.
    #[error(transparent)]
    DraftRefused(#[from] DraftRefusal),
    /// No consultation of this desk speaks of the person.
    #[error(
        "no consultation of this desk speaks of this person: name it with --consultation, and the Powers with --to"
    )]
    PersonUnknown,
    /// Two references were to be joined that belong together anyway.
    #[error("both references belong to one consultation, in which one person bears one")]
    SameConsultation,
    /// This desk has answered the message by itself before.
    #[error("message {0} is answered")]
    AnsweredBefore(MessageId),
    /// This desk sent no act of this number in the consultation.
    #[error("this desk sent no act of the number {0} in this consultation")]
    NoSuchAct(u64),
    /// An act that was to be stood in for may be with somebody.
    #[error(
        "act {number} is {state} towards {recipient}, who has not rejected it by a signed answer: he may have it"
    )]
    NotGivenUp {
        /// Its number.
        number: u64,
        /// Who may have it.
        recipient: Ministry,
        /// What became of his copy.
        state: &'static str,
    },
    /// It was sent before this desk was restored, opens with no key of this home, and was given up.
    #[error(
        "{reference} was given up{}: it is sealed to a reading key that this home has not, and nobody reads it here again",
        on(*at)
    )]
    GivenUp {
        /// The copy.
        reference: String,
        /// When that was decided, by the record of this desk; none where it tells nothing of it.
        at: Option<Timestamp>,
    },
    /// It is a protective act: nothing that anybody does takes it back.
    #[error(
        "{0} is a protective act, which is never taken back: what is right now is said by another act, which every Power is \
         sent as well"
    )]
    Protective(MessageId),
    /// The gateway has lost messages that it had taken: it was rolled back.
    #[error(
        "the gateway knows less than this desk: it holds sequence {held} towards {recipient}, we sent {sent}"
    )]
    GatewayRolledBack {
        /// Towards whom.
        recipient: Ministry,
        /// What the gateway holds.
        held: u64,
        /// What was sent.
        sent: u64,
    },
    /// A key is needed and the desk was opened without its passphrase.
    #[error("the keys of this desk are locked")]
    Locked,
    /// The receipts of both sides do not prove a message yet.
    #[error("{reference}: {missing}")]
    NotYetProven {
        /// The message.
        reference: String,
        /// What is not there yet.
        missing: &'static str,
    },
    /// No evidence file was written.
    #[error(transparent)]
    Evidence(#[from] crate::message::evidence::WriteError),
    /// No office of this label may know names.
    #[error("{0} is no office of this desk that drafts, clears or releases, and is shown no name")]
    NotForNames(String),
    /// The register has lost messages that it had released: it was restored from an older copy.
    #[error(
        "the register of this desk is older than the gateway: it holds {sent} messages to {recipient}, the gateway {held}"
    )]
    RegisterBehind {
        /// Towards whom.
        recipient: Ministry,
        /// What the gateway holds.
        held: u64,
        /// What the register holds.
        sent: u64,
    },
    /// The registry of this ministry has signed a later policy than this desk knows: it was restored from an older
    /// copy.
    #[error("policy {in_force} is in force at the gateway, and this desk knows policy {here} only")]
    PolicyBehind {
        /// What this desk knows.
        here: u64,
        /// What is in force.
        in_force: u64,
    },
    /// The own gateway signs with a log key that no bundle of this ministry here names: nothing that it says can be
    /// proven.
    #[error(
        "the own gateway signs with a log key that the own bundle {sequence} does not name: this desk was restored from \
         before a rotation, or the bundle that announced the key was not installed here"
    )]
    OwnBundleOld {
        /// The bundle that is in force here.
        sequence: u64,
    },
    /// The register had lost messages that it had released, and got them back: what was composed before did not see
    /// them.
    #[error(
        "this register was restored from an older backup; {0} messages that this desk had sent came back, and what was \
         composed without them is not sent"
    )]
    RegisterRefilled(usize),
    /// Some of what this desk owes could not be answered; the rest was.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Owed(Vec<DeskError>),
    /// What the draft asks for cannot be composed.
    #[error("{0}")]
    Draft(String),
}

impl DeskError {
    /// Whether the same may succeed later without anybody doing anything at this desk.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::GatewayAway(_) | Self::GatewayBusy { .. })
    }

    /// The same where what was asked for may succeed later, whatever the gateway says now.
    pub(super) fn not_for_good(self) -> Self {
        match self {
            Self::GatewayRefused { reason, detail } => Self::GatewayBusy { reason, detail },
            other => other,
        }
    }

    /// The reason code that is kept with a copy that was not taken; empty where the gateway was only away.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::GatewayBusy { reason, .. } | Self::GatewayRefused { reason, .. } => reason,
            Self::PartUnreadable { .. } => "PART_LOST",
            Self::OwnBundleOld { .. } => OWN_BUNDLE_OLD,
            Self::Refused(refusal) => refusal.reason().word(),
            _ => "",
        }
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |cause| Self::File { path: path.to_owned(), cause }
    }
}

/// When, where it is known; begins with a space.
fn on(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!(" on {at}"))
}

/// To whom something is owed, each once.
fn powers_of(owed: &[Outstanding]) -> String {
    let mut powers: Vec<&str> = owed.iter().map(|one| one.recipient.as_str()).collect();
    powers.sort_unstable();
    powers.dedup();
    powers.join(", ")
}
