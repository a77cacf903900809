//! `rehearse`: plays scripted consultations and tells, step by step, what happened and whether it was expected.

use std::path::{Path, PathBuf};

use super::context::Context;
use super::error::{CliError, Kind};
use super::{files, shell_word};
use crate::desk::form::FormError;
use crate::limits;
use crate::rehearsal::play::{self, Unfit, Wishes};
use crate::rehearsal::script::{self, Script};

mod real;
mod report;

use report::Played;

/// Rehearse a scripted consultation
///
/// A script names the parties and says move by move who says what, how long that takes to arrive, and what is
/// expected of it. All desks judge by the rules that real desks judge by, on a simulated clock and network: nothing
/// is signed, sealed or sent, and the same script with the same seed always comes out the same.
///
/// With --real a ministry is founded for every party, with root, keys, gateway and desk, and everything is really
/// signed, sealed, relayed over mutual TLS on loopback, fetched, verified and proven; only the clock is the script's.
/// It must come out as the simulation does.
///
/// Ends with 0 if all came as expected, 1 if something differed, 2 if a script has mistakes; all of them are listed.
/// docs/rehearsals.md explains scripts, with an example of every kind of step.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chancery rehearse examples/consultations/s2-will.toml
  chancery rehearse examples/consultations/*.toml --quiet
  chancery rehearse s5.toml --until withdrawal --timeline
  chancery rehearse exercise.toml --seed 7 --json
  chancery rehearse s5.toml --real
  chancery rehearse s5.toml --real --keep exercise-5

A whole script:
  title = \"A first exercise\"
  parties = { XA = { roles = [\"RECEIVING_POWER\"] }, XB = { roles = [\"DETAINING_POWER\"] } }
  persons = { P1 = \"new\" }

  [[step]]
  who = \"XB\"
  kind = \"case-registration\"
  act = { person = \"P1\" }

  [[step]]
  title = \"no agreement without a statement of will\"
  who = \"XB\"
  kind = \"agreement-note\"
  act = { terms = { agreement_id = \"A1\", lines = [{ person = \"P1\", destination = \"XA\" }] } }
  expect = [\"WIL_01\", \"PRO_01\"]

  [[check]]
  person = \"P1\"
  stage = \"REGISTERED\"")]
pub struct Rehearse {
    /// Scripts; each is played for itself
    #[arg(value_name = "FILE", required = true)]
    scripts: Vec<PathBuf>,

    /// Draw the delays of copies from this number instead of the script's
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// End after the move of this label or number
    #[arg(long, value_name = "STEP")]
    until: Option<String>,

    /// Show every copy that arrives, when, and what each desk made of it
    #[arg(long)]
    timeline: bool,

    /// Play it with real gateways and desks instead of simulated ones
    #[arg(long)]
    real: bool,

    /// Leave the homes and evidence files of a real play in this folder, which must be new or empty
    #[arg(long, value_name = "FOLDER", requires = "real")]
    keep: Option<PathBuf>,
}

impl Rehearse {
    /// Plays them all; mistakes in any script are told before the first is played.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let mut scripts = Vec::new();
        let mut mistakes = Vec::new();
        for path in &self.scripts {
            match read(path)? {
                Ok(script) => scripts.push((path, script)),
                Err(wrong) => mistakes.extend(wrong.into_iter().map(|one| (path, one))),
            }
        }
        if !mistakes.is_empty() {
            return Err(refused(&mistakes));
        }
        let wishes = Wishes { seed: self.seed, until: self.until.clone() };
        let mut played = Vec::new();
        for (path, script) in scripts {
            let unplayed = |unfit| unfit_for(path, &unfit);
            let (account, deeds) = if self.real {
                let folder = real::folder(self.keep.as_deref(), path, self.scripts.len())?;
                let performance = real::play(context, &script, &wishes, folder.path()).await?;
                let performance = performance.map_err(unplayed)?;
                (performance.account, Some(performance.deeds))
            } else {
                (play::play(&script, &wishes).map_err(unplayed)?, None)
            };
            played.push(Played { path: path.display().to_string(), account, deeds });
        }
        let report = report::json(&played);
        context.output.data(&report, || report::text(&played, self.timeline))?;
        judged(&played)
    }
}

/// What keeps a script from being played to its end.
fn unfit_for(path: &Path, unfit: &Unfit) -> CliError {
    let (word, message) = (shell_word(&path.display().to_string()), format!("{}: {unfit}", path.display()));
    match unfit {
        Unfit::Failed { .. } => {
            CliError::failed("rehearsal", message).hint(format!("chancery rehearse {word}"))
        }
        Unfit::Unreal { .. } => {
            CliError::usage("rehearsal-unreal", message).hint(format!("chancery rehearse {word}"))
        }
        Unfit::NoSuchMove(_) | Unfit::Unspeakable { .. } => {
            CliError::usage("rehearsal", message).hint(format!("chancery rehearse {word} --timeline"))
        }
    }
}

fn read(path: &Path) -> Result<Result<Script, Vec<FormError>>, CliError> {
    let bytes = files::read(path, limits::FORM_BYTES_MAX)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| CliError::usage("script", format!("{} is not UTF-8 text", path.display())))?;
    Ok(script::parse(&text))
}

/// All mistakes, a line for each, as compilers write them.
fn refused(mistakes: &[(&PathBuf, FormError)]) -> CliError {
    let message = match mistakes.len() {
        1 => "the script has a mistake".to_owned(),
        count => format!("{count} mistakes in the scripts"),
    };
    let line = |(path, mistake): &(&PathBuf, FormError)| {
        let FormError { line, column, field, code, message, hint } = mistake;
        let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
        let cure = if hint.is_empty() { String::new() } else { format!(" ({hint})") };
        format!("{}:{line}:{column}: {code}: {field}{message}{cure}", path.display())
    };
    let error = mistakes.iter().fold(CliError::usage("script", message), |error, one| error.cause(line(one)));
    let first = mistakes.first().map_or("FORM_SYNTAX", |(_, mistake)| mistake.reason());
    error.reason(first).hint("chancery rehearse --help")
}

/// An error where something differed from what was expected.
fn judged(played: &[Played]) -> Result<(), CliError> {
    let differing: Vec<&Played> = played.iter().filter(|one| !one.account.is_as_expected()).collect();
    let Some(first) = differing.first() else { return Ok(()) };
    let count: usize = differing.iter().map(|one| one.account.deviations().count()).sum();
    let message = match count {
        1 => "one thing came otherwise than expected".to_owned(),
        count => format!("{count} things came otherwise than expected"),
    };
    let mut error = CliError::new(Kind::Failed, "rehearsal", message);
    for one in &differing {
        for deviation in one.account.deviations() {
            let label = &deviation.label;
            error = error.cause(format!("{}:{}: {label}: {deviation}", one.path, deviation.line));
        }
    }
    Err(error.hint(format!("chancery rehearse {} --timeline", shell_word(&first.path))))
}
