//! Consent to an act with consequences: a person types a word back, or the command line said yes beforehand.

use std::io::BufRead;

use super::context::Context;
use super::error::{CliError, Kind};

/// Asks for `word` to be typed, and goes on only if it was; `yes` stands for `--yes`.
pub fn type_back(context: &Context, question: &str, word: &str, yes: bool) -> Result<(), CliError> {
    typed_back(context, question, word, yes, &mut std::io::stdin().lock())
}

/// Asks for what somebody else told over another way; the line as it was typed. What is right is never shown: whoever was
/// told something else would only have to type what stands on the screen.
pub fn told(context: &Context, question: &str, input: &mut dyn BufRead) -> Result<String, CliError> {
    answer(context, question, input)
}

fn typed_back(
    context: &Context,
    question: &str,
    word: &str,
    yes: bool,
    input: &mut dyn BufRead,
) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !context.may_ask {
        let error =
            CliError::new(Kind::NotPermitted, "consent-needed", "this needs consent and nobody may be asked");
        return Err(error.hint(format!("{} --yes", context.typed)));
    }
    if answer(context, question, input)?.trim() == word {
        return Ok(());
    }
    Err(CliError::new(Kind::NotPermitted, "no-consent", format!("{word} was not typed: nothing was done")))
}

fn answer(context: &Context, question: &str, input: &mut dyn BufRead) -> Result<String, CliError> {
    context.output.question(question);
    let mut line = String::new();
    input
        .read_line(&mut line)
        .map_err(|error| CliError::failed("input", "no answer could be read").because(&error))?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::super::context::GlobalOptions;
    use super::super::environment::Environment;
    use super::super::output::tests::kept_streams;
    use super::*;

    fn answered(may_ask: bool, yes: bool, typed: &str) -> Result<(), CliError> {
        let (options, typed_command) = (GlobalOptions::default(), "chancery send a.toml".to_owned());
        let mut context = Context::new(options, Environment::default(), kept_streams().0, typed_command);
        context.may_ask = may_ask;
        typed_back(&context, "type XB to sign and send:", "XB", yes, &mut typed.as_bytes())
    }

    #[test]
    fn only_the_word_itself_is_consent() {
        assert_eq!(answered(true, false, "XB\n"), Ok(()));
        for other in ["", "\n", "y\n", "xb\n", "XBX\n"] {
            assert_eq!(answered(true, false, other).unwrap_err().code(), "no-consent");
        }
    }

    #[test]
    fn a_script_says_yes_beforehand() {
        assert_eq!(answered(false, true, ""), Ok(()));
        let error = answered(false, false, "XB\n").unwrap_err();
        assert_eq!(error.hint_command(), Some("chancery send a.toml --yes"));
    }
}
