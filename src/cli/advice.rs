//! What to do next, for failures that do not know it where they arise: one table from stable words to commands.
//!
//! An error enters as it came up, with the command that was typed; it leaves with a hint wherever there is an exact
//! command. A hint that stands already is never replaced.

use super::context::Context;
use super::error::CliError;

/// The error with the command that comes next.
pub(super) fn advised(context: &Context, error: CliError) -> CliError {
    if let Some(hint) = error.hint_command().map(str::to_owned) {
        // A hint that names no home would be about another one.
        let elsewhere = hint.strip_prefix("chancery ").filter(|words| !names_its_home(words));
        return error.hint(elsewhere.map_or(hint.clone(), |words| context.command(words)));
    }
    match next(context, &error) {
        Some(command) => error.hint(command),
        None => error,
    }
}

/// Whether the words of a command say which home they are about, or are about none.
fn names_its_home(words: &str) -> bool {
    const HOMELESS: [&str; 7] = ["acts", "demo", "help", "init", "rehearse", "verify", "version"];
    let mut words = words.split_whitespace();
    words.clone().any(|word| word == "--home") || words.next().is_some_and(|verb| HOMELESS.contains(&verb))
}

fn next(context: &Context, error: &CliError) -> Option<String> {
    let typed_with = |option: &str| Some(format!("{} {option}", context.typed));
    if let Some("ANSWERED" | "NOT_HELD" | "NO_SUCH_MESSAGE") = error.reason_code() {
        return Some(context.command("queue list"));
    }
    match error.code() {
        "four-eyes" | "no-office" | "not-authorised" => Some(context.command("key list")),
        "no-consent" => Some(context.typed.clone()),
        "no-draft" => Some(context.command("draft list")),
        "no-home" => typed_with("--home DIR"),
        "no-person" => Some(context.command("consultation list")),
        "wrong-passphrase" => typed_with("--passphrase-file FILE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::context::GlobalOptions;
    use super::super::environment::Environment;
    use super::super::error::Kind;
    use super::super::output::tests::kept_streams;
    use super::*;

    #[test]
    fn an_error_ends_with_a_command_and_a_hint_of_its_own_stays() {
        let options = GlobalOptions { home: Some("xa/desk".into()), ..GlobalOptions::default() };
        let typed = "chancery --home xa/desk inbox".to_owned();
        let context = Context::new(options, Environment::default(), kept_streams().0, typed);
        let hint = |error: CliError| advised(&context, error).hint_command().map(str::to_owned);
        let error = |code: &'static str| CliError::new(Kind::NotPermitted, code, "it does not go");
        for (code, command) in [
            ("four-eyes", "chancery --home xa/desk key list"),
            ("no-consent", "chancery --home xa/desk inbox"),
            ("no-draft", "chancery --home xa/desk draft list"),
            ("no-home", "chancery --home xa/desk inbox --home DIR"),
            ("no-person", "chancery --home xa/desk consultation list"),
            ("wrong-passphrase", "chancery --home xa/desk inbox --passphrase-file FILE"),
        ] {
            assert_eq!(hint(error(code)).as_deref(), Some(command), "{code}");
            assert_eq!(hint(error(code).hint("true")).as_deref(), Some("true"));
        }
        let hinted = |command: &str| hint(error("any").hint(command)).unwrap();
        assert_eq!(hinted("chancery desk clients"), "chancery --home xa/desk desk clients");
        for stays in [
            "chancery verify --trust DIR x.zip",
            "chancery --home xb/desk inbox",
            "chancery inbox --home DIR",
        ] {
            assert_eq!(hinted(stays), stays);
        }
        let unknown = error("not-found").reason("NO_SUCH_MESSAGE");
        assert_eq!(hint(unknown).as_deref(), Some("chancery --home xa/desk queue list"));
        assert_eq!(hint(error("anything-else")), None);
    }
}
