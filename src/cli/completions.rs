//! `chancery completions`: what a shell needs to complete our commands.

use clap_complete::Shell;

use super::context::Context;
use super::error::CliError;

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "chancery", &mut script);
        context.output.own_text(&String::from_utf8_lossy(&script))
    }
}
