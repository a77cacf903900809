//! `chancery man`: the manual, made from the same definitions as `--help`.

use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;

use super::context::Context;
use super::error::CliError;
use super::files;
use super::paths;

/// Print the manual page, or write one page for every command
#[derive(Debug, clap::Args)]
pub struct Manual {
    /// Write `chancery.1`, `chancery-send.1` and so on into this folder
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Replace pages that are there already
    #[arg(long, requires = "output")]
    overwrite: bool,
}

impl Manual {
    /// Prints or writes the pages.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let Some(folder) = &self.output else {
            let (_, page) = page(&super::command())?;
            return context.output.own_text(&String::from_utf8_lossy(&page));
        };
        std::fs::create_dir_all(folder).map_err(|error| {
            let message = format!("cannot make {}", folder.display());
            CliError::failed("unwritable", message).because(&error).hint(paths::look_around(folder))
        })?;
        let mut command = super::command();
        command.build();
        let count = self.write_pages(context, folder, &command)?;
        context.output.note(&format!("wrote {count} pages to {}", folder.display()));
        Ok(())
    }

    fn write_pages(&self, context: &Context, folder: &Path, command: &Command) -> Result<usize, CliError> {
        let (file, page) = page(command)?;
        files::write(context, &folder.join(file), &page, self.overwrite)?;
        let mut count = 1;
        for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
            count += self.write_pages(context, folder, below)?;
        }
        Ok(count)
    }
}

/// The file name and the text of one page.
fn page(command: &Command) -> Result<(String, Vec<u8>), CliError> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut page = Vec::new();
    Man::new(command.clone())
        .title(name.to_uppercase())
        .render(&mut page)
        .map_err(|error| CliError::failed("manual", format!("no page for {name}")).because(&error))?;
    Ok((format!("{name}.1"), page))
}
