//! The demonstration: two fictional ministries on this machine play the whole road of a transfer.
//!
//! A folder and the path of our own executable enter; every command as a person would type it, its output and
//! an evidence file leave. Nothing is simulated: the commands are run as child processes, the two gateways
//! are processes that speak TLS to each other, and what is verified at the end is verified by anybody.
//!
//! | file | holds |
//! |---|---|
//! | `stage` | runs commands and gateways, and tells the audience |
//! | `cast` | who types at which prompt |
//! | `story` | the order of events; founding, proof, end |
//! | `opening` | position, consultation, cases |
//! | `agreeing` | will, protection, request, agreement |
//! | `handover` | arrangement, a withdrawal at night, GO, reports |
//! | `notes` | a form that is filled in, sent and read |
//! | `papers` | the forms, and the documents beside them |

mod agreeing;
mod cast;
mod handover;
mod notes;
mod opening;
mod papers;
mod stage;
mod story;

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

pub use stage::{Audience, DemoFailure};

/// What is to be shown, and where.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Folder to make; must not exist unless `fresh`.
    pub folder: PathBuf,
    /// Our own executable.
    pub executable: PathBuf,
    /// Remove what an earlier demonstration left in the folder.
    pub fresh: bool,
    /// Leave the gateways running.
    pub keep: bool,
}

impl Demo {
    /// Plays the demonstration for an audience. Told to end, it leaves nothing running.
    pub async fn play(&self, audience: &dyn Audience) -> Result<(), DemoFailure> {
        let told = told_to_end()?;
        tokio::select! {
            played = story::play(self, audience) => played,
            // The story is dropped, and its children with it.
            () = told => Err(DemoFailure::Ended),
        }
    }
}

/// Waits for a signal to end.
fn told_to_end() -> Result<impl Future<Output = ()>, DemoFailure> {
    let listen = |kind| signal(kind).map_err(DemoFailure::system("listening for signals"));
    let [mut terminate, mut interrupt, mut hangup] =
        [listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?, listen(SignalKind::hangup())?];
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
