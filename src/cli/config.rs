//! `config show|check|schema`: what is configured and where that is from, every mistake in it at once, and what may
//! be configured at all.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::context::Context;
use super::error::{CliError, Kind};
use super::files;
use super::shell_word;
use super::table::Table;
use crate::desk::config::Config as DeskConfig;
use crate::desk::keys::Keys;
use crate::desk::serve::binding::Misfit;
use crate::desk::serve::config::ServiceConfig;
use crate::keys::settings::{FORMS, Form, Mistake, Origin, Shown};
use crate::limits;

/// Show, check and explain `gateway.toml`, `desk.toml` and `service.toml`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home GATEWAY config show --origin\n  \
    chancery config check /etc/chancery/gateway.toml\n  \
    chancery config schema gateway > gateway.schema.json")]
pub struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Show(Show),
    Check(Check),
    Schema(Schema),
}

/// Show every setting in force in a home
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery --home DESK config show\n  \
    chancery --home GATEWAY config show --origin --json")]
struct Show {
    /// Say where each value is from: file and line, the environment, or nobody's word
    #[arg(long)]
    origin: bool,
}

/// Read configurations as strictly as the programs do and name every mistake at once (exit 2 where there is one)
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery --home GATEWAY config check\n  \
    chancery config check new.toml --as gateway")]
struct Check {
    /// The file; otherwise those in the home
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// What the file is, where its name does not tell
    #[arg(long = "as", value_name = "WHAT", value_parser = ["gateway", "desk", "service"], requires = "file")]
    kind: Option<String>,
}

/// Print the JSON Schema of a configuration, for editors and for programs that write one
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chancery config schema gateway > gateway.schema.json")]
struct Schema {
    /// Of which file
    #[arg(value_name = "WHAT", value_parser = ["gateway", "desk", "service"])]
    kind: String,
}

impl Config {
    /// Does what was asked for.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Show(command) => command.run(context),
            What::Check(command) => command.run(context),
            What::Schema(command) => command.run(context),
        }
    }
}

impl Show {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let (home, why) = home(context)?;
        let mut lines = vec![Line {
            file: String::new(),
            shown: Shown { key: "home".to_owned(), value: json!(home), origin: Origin::Usual, about: HOME },
            from: why.to_owned(),
        }];
        for (form, path) in found(context, &home)? {
            let text = text(&path)?;
            let settings = form.read(&text).map_err(|mistakes| refused(context, &path, &mistakes))?;
            lines.extend(settings.shown().into_iter().map(|shown| Line::of(form, &path, shown)));
        }
        let mut table = match self.origin {
            true => Table::new(["FILE", "SETTING", "VALUE", "FROM"]),
            false => Table::new(["FILE", "SETTING", "VALUE"]),
        };
        for line in &lines {
            let (key, value) = (&line.shown.key, plain(&line.shown.value));
            match self.origin {
                true => table.row([&line.file, key, &value, &line.from]),
                false => table.row([&line.file, key, &value]),
            }
        }
        let reports: Vec<Value> = lines.iter().map(|line| line.report(self.origin)).collect();
        context.output.list(&reports, &table, "nothing is configured")
    }
}

/// A setting in force, as it is shown.
struct Line {
    file: String,
    shown: Shown,
    from: String,
}

impl Line {
    fn of(form: &Form, path: &Path, shown: Shown) -> Self {
        let from = match shown.origin {
            Origin::File(line) => format!("{}:{line}", path.display()),
            Origin::Usual if shown.value.is_null() => "not set".to_owned(),
            Origin::Usual => "default".to_owned(),
        };
        Self { file: form.file.to_owned(), shown, from }
    }

    fn report(&self, origin: bool) -> Value {
        let mut report = json!({
            "schema": "chancery.setting/1",
            "file": (!self.file.is_empty()).then_some(&self.file),
            "key": self.shown.key,
            "value": self.shown.value,
            "about": self.shown.about,
        });
        if let Some(object) = report.as_object_mut().filter(|_| origin) {
            object.insert("origin".to_owned(), json!(self.from));
        }
        report
    }
}

impl Check {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let home = match self.file {
            Some(_) => None,
            None => Some(home(context)?.0),
        };
        let files = match (self.file, &home) {
            (Some(path), _) => vec![(form_of(context, &path, self.kind.as_deref())?, path)],
            (None, Some(home)) => found(context, home)?,
            (None, None) => Vec::new(),
        };
        let mut reports = Vec::new();
        let mut lines = Vec::new();
        for (form, path) in &files {
            for mistake in form.read(&text(path)?).err().into_iter().flatten() {
                reports.push(report(path, &mistake));
                lines.push(shown(path, &mistake));
            }
        }
        // What each file says is right; whether it fits the rest of the home is seen there alone.
        if let (true, Some(home)) = (reports.is_empty(), &home) {
            for (path, mistake) in misfits(home) {
                reports.push(report(&path, &mistake));
                lines.push(shown(&path, &mistake));
            }
        }
        if reports.is_empty() {
            let names: Vec<String> = files.iter().map(|(_, path)| path.display().to_string()).collect();
            let report = json!({ "schema": "chancery.config/1", "files": names, "mistakes": 0 });
            return context.output.data(&report, || format!("{}: nothing is wrong\n", names.join(", ")));
        }
        let count = reports.len();
        if context.output.is_json() {
            reports.iter().try_for_each(|report| context.output.object(report))?;
        } else {
            context.output.data(&Value::Null, || lines.join("\n"))?;
        }
        let message = if count == 1 {
            "1 mistake was found".to_owned()
        } else {
            format!("{count} mistakes were found")
        };
        Err(CliError::usage("config", message).reason("CONFIG").hint(context.typed.clone()))
    }
}

/// Users of the service of a desk whose offices do not fit their roles.
fn misfits(home: &Path) -> Vec<(PathBuf, Mistake)> {
    let Ok(desk) = DeskConfig::load(home) else { return Vec::new() };
    let (service, offices) = (ServiceConfig::load(&desk), Keys::locked(desk.clone()).offices());
    // Whatever stands in the way of looking is told by whoever serves.
    let (Ok(service), Ok(offices)) = (service, offices) else { return Vec::new() };
    let mistake = |(key, misfit): (String, Misfit)| Mistake {
        line: None,
        key,
        message: misfit.to_string(),
        hint: "offices that fit the roles, as `chancery key list` shows them".to_owned(),
    };
    service.misfits(&offices).into_iter().map(|one| (desk.service(), mistake(one))).collect()
}

impl Schema {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let schema = named(&self.kind)?.schema();
        context.output.data(&schema, || format!("{schema:#}\n"))
    }
}

/// The home that is asked about, and who has named it.
fn home(context: &Context) -> Result<(PathBuf, &'static str), CliError> {
    let by_environment = context.environment.path("CHANCERY_HOME");
    let named = context.named_home();
    let why = match (&named, &by_environment) {
        (None, _) => "default",
        (Some(home), Some(variable)) if home == variable => "CHANCERY_HOME",
        (Some(_), _) => "--home",
    };
    let gateway = context.gateway_home();
    let home = match named {
        Some(home) => home,
        None if gateway.join("gateway.toml").exists() => gateway,
        None => context.desk_home()?,
    };
    Ok((home, why))
}

/// The configurations in a home.
fn found(context: &Context, home: &Path) -> Result<Vec<(&'static Form, PathBuf)>, CliError> {
    let there = FORMS.into_iter().map(|form| (form, home.join(form.file))).filter(|(_, path)| path.exists());
    let there: Vec<_> = there.collect();
    if there.is_empty() {
        let message = format!("{} holds neither gateway.toml nor desk.toml", home.display());
        let error = CliError::new(Kind::NotFound, "no-home", message);
        return Err(error.hint(format!("{} --home DIR", super::typed_without(&context.typed, "--home"))));
    }
    Ok(there)
}

/// What a file is, by `--as` or by the end of its name.
fn form_of(context: &Context, path: &Path, kind: Option<&str>) -> Result<&'static Form, CliError> {
    if let Some(kind) = kind {
        return named(kind);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    FORMS.into_iter().find(|form| name.ends_with(form.file)).ok_or_else(|| {
        let message = format!("the name of {} does not tell what it configures", path.display());
        CliError::usage("config", message).hint(format!("{} --as gateway", context.typed))
    })
}

fn named(kind: &str) -> Result<&'static Form, CliError> {
    let file = format!("{kind}.toml");
    let found = FORMS.into_iter().find(|form| form.file == file);
    found.ok_or_else(|| CliError::usage("config", format!("{kind} is none of gateway, desk and service")))
}

fn text(path: &Path) -> Result<String, CliError> {
    let bytes = files::read(path, limits::FORM_BYTES_MAX)?;
    let malformed = |_| CliError::usage("config", format!("{} is not text in UTF-8", path.display()));
    String::from_utf8(bytes).map_err(malformed)
}

fn refused(context: &Context, path: &Path, mistakes: &[Mistake]) -> CliError {
    let message = format!("{} cannot be used", path.display());
    let error = CliError::usage("config", message).reason("CONFIG");
    let error = mistakes.iter().fold(error, |error, mistake| error.cause(mistake.to_string()));
    error.hint(context.command(&format!("config check {}", shell_word(&path.to_string_lossy()))))
}

fn shown(path: &Path, mistake: &Mistake) -> String {
    let key = if mistake.key.is_empty() { String::new() } else { format!("{}: ", mistake.key) };
    let line = mistake.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{}{line}: {key}{}; {}", path.display(), mistake.message, mistake.hint)
}

fn report(path: &Path, mistake: &Mistake) -> Value {
    json!({
        "schema": "chancery.config-mistake/1",
        "file": path.display().to_string(),
        "line": mistake.line,
        "key": (!mistake.key.is_empty()).then_some(&mistake.key),
        "message": mistake.message,
        "hint": mistake.hint,
    })
}

/// A value for people.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

const HOME: &str = "Home of the desk or gateway";
