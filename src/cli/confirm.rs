//! Consent to an act with consequences: a person types a word back, or the command line said yes beforehand.

use std::io::BufRead;

use super::context::Context;
use super::error::{CliError, Kind};

/// Asks for `word` to be typed, and goes on only if it was; `yes` stands for `--yes`.
pub fn type_back(context: &Context, question: &str, word: &str, yes: bool) -> Result<(), CliError> {
    typed_back(context, question, word, yes, &mut std::io::stdin().lock())
}

/// Asks for words that somebody else told over another way, and tells whether they were typed. They are never shown:
/// whoever was told others would only have to type what stands on the screen.
pub fn knows(context: &Context, question: &str, words: &str) -> Result<bool, CliError> {
    are_known(context, question, words, &mut std::io::stdin().lock())
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

fn are_known(
    context: &Context,
    question: &str,
    words: &str,
    input: &mut dyn BufRead,
) -> Result<bool, CliError> {
    let typed = answer(context, question, input)?.to_lowercase();
    Ok(typed.split_whitespace().eq(words.split_whitespace()))
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
    fn what_was_told_elsewhere_is_compared_and_never_shown() {
        let (streams, _, shown) = kept_streams();
        let mut context = Context::new(
            GlobalOptions::default(),
            Environment::default(),
            streams,
            "chancery peer add b".into(),
        );
        context.may_ask = true;
        let known = |typed: &str| {
            are_known(
                &context,
                "type words 6, 21, 24 as XB read them:",
                "voice creek produce",
                &mut typed.as_bytes(),
            )
        };
        for right in ["voice creek produce\n", "  Voice  creek PRODUCE \n"] {
            assert_eq!(known(right), Ok(true), "{right}");
        }
        for wrong in
            ["", "\n", "a b c\n", "voice creek\n", "voice creek produce now\n", "creek voice produce\n"]
        {
            assert_eq!(known(wrong), Ok(false), "{wrong}");
        }
        assert!(shown.text().contains("type words 6, 21, 24"), "{}", shown.text());
        assert!(!shown.text().contains("creek"), "{}", shown.text());
    }

    #[test]
    fn a_script_says_yes_beforehand() {
        assert_eq!(answered(false, true, ""), Ok(()));
        let error = answered(false, false, "XB\n").unwrap_err();
        assert_eq!(error.hint_command(), Some("chancery send a.toml --yes"));
    }
}
