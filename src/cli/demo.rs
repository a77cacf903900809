//! `demo`: two fictional ministries on this machine play a piece of news, with real gateways between them.

use std::path::PathBuf;

use super::context::Context;
use super::error::{CliError, Kind};
use super::output::Output;
use crate::rehearsal::demo::{self, Audience, DemoFailure};

/// Two ministries on this machine exchange and prove a consultation
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Folder to make
    #[arg(long, value_name = "DIR", default_value = "demo")]
    dir: PathBuf,

    /// Leave the gateways running and say how to continue by hand
    #[arg(long)]
    keep: bool,

    /// Replace what an earlier demonstration left in the folder
    #[arg(long)]
    fresh: bool,
}

impl Demo {
    /// Plays the demonstration.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let executable = std::env::current_exe().map_err(|cause| {
            CliError::failed("executable", "our own executable is not found").because(&cause)
        })?;
        let play = demo::Demo { folder: self.dir, executable, fresh: self.fresh, keep: self.keep };
        let terminal = Terminal(&context.output);
        play.play(&terminal).await.map_err(failed)
    }
}

/// The person in front of the screen.
struct Terminal<'a>(&'a Output);

impl Audience for Terminal<'_> {
    fn scene(&self, title: &str) {
        self.0.note(&format!("\n== {title} =="));
    }

    fn told(&self, text: &str) {
        self.0.note(text);
    }

    fn typed(&self, prompt: &str, command: &str) {
        self.0.note(&format!("\n{prompt} {command}"));
    }

    fn answered(&self, text: &str) {
        self.0.note(text);
    }
}

fn failed(failure: DemoFailure) -> CliError {
    match &failure {
        DemoFailure::FolderExists(folder) => {
            CliError::new(Kind::NotFound, "demo-exists", failure.to_string())
                .hint(format!("chancery demo --fresh --dir {}", folder.display()))
        }
        DemoFailure::NotOurs(_) => CliError::new(Kind::NotFound, "demo-not-ours", failure.to_string())
            .hint("chancery demo --dir another-folder"),
        _ => CliError::failed("demo", failure.to_string()).hint("chancery demo --fresh"),
    }
}
