//! The demonstration: two fictional ministries on this machine play a piece of news.
//!
//! A folder and the path of our own executable enter; every command as a person would type it, its output and
//! an evidence file leave. Nothing is simulated: the commands are run as child processes, the two gateways
//! are processes that speak TLS to each other, and what is verified at the end is verified by anybody.
//!
//! | file | holds |
//! |---|---|
//! | `stage` | runs commands and gateways, and tells the audience |
//! | `story` | the order of events |
//! | `papers` | the notes that are exchanged |

mod papers;
mod stage;
mod story;

use std::path::PathBuf;

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
    /// Plays the demonstration for an audience.
    pub async fn play(&self, audience: &dyn Audience) -> Result<(), DemoFailure> {
        story::play(self, audience).await
    }
}
