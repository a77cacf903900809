//! `chancery help`: pages on topics that belong to no single command, and the help of any command.

use clap::Command;
use serde_json::json;

use super::context::Context;
use super::error::CliError;

/// Every topic: its name, what it is about, and its page.
const TOPICS: &[(&str, &str, &str)] = &[
    ("quickstart", "from nothing to a delivered note", include_str!("help/quickstart.txt")),
    ("trust", "whose keys are believed, and how that begins", include_str!("help/trust.txt")),
    ("exit-codes", "what each exit code means", include_str!("help/exit-codes.txt")),
    ("environment", "the variables that are read", include_str!("help/environment.txt")),
    ("formats", "what is signed, sealed and proven, and with what", include_str!("help/formats.txt")),
    ("conventions", "what holds for every command", include_str!("help/conventions.txt")),
    ("errors", "how errors read, and what to do", include_str!("help/errors.txt")),
];

/// Show the help of a topic or a command
#[derive(Debug, clap::Args)]
pub struct Help {
    /// A topic, or a command such as `peer add`
    #[arg(value_name = "TOPIC")]
    words: Vec<String>,
}

impl Help {
    /// Prints the page.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        if let [topic] = words.as_slice()
            && let Some((_, _, page)) = TOPICS.iter().find(|(name, _, _)| name == topic)
        {
            return shown(context, topic, page);
        }
        match help_of(super::command(), &words) {
            Some(text) => shown(context, &words.join(" "), &text),
            None => {
                let message = format!("there is no help on {:?}", self.words.join(" "));
                Err(CliError::usage("no-topic", message).hint("chancery help"))
            }
        }
    }
}

/// A page as it is, or as one object for scripts.
fn shown(context: &Context, topic: &str, page: &str) -> Result<(), CliError> {
    if context.output.is_json() {
        let report = json!({ "schema": "chancery.help/1", "topic": topic, "text": page });
        return context.output.data(&report, String::new);
    }
    context.output.own_text(page)
}

/// The list of topics, for the foot of the general help.
pub(super) fn topics() -> String {
    let width = TOPICS.iter().map(|(name, _, _)| name.len()).max().unwrap_or(0);
    let lines = TOPICS.iter().map(|(name, about, _)| format!("  {name:width$}  {about}"));
    format!("Topics, for `chancery help TOPIC`:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

fn help_of(mut command: Command, words: &[&str]) -> Option<String> {
    command.build();
    let mut found = &mut command;
    for word in words {
        found = found.find_subcommand_mut(word)?;
    }
    Some(found.render_long_help().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_plain_text_of_a_readable_width() {
        for (name, _, page) in TOPICS {
            assert!(page.ends_with('\n') && page.lines().count() > 5, "{name} says next to nothing");
            for line in page.lines() {
                assert!(line.chars().count() <= 80, "{name}: too wide: {line}");
                assert!(!line.contains(super::super::untrusted::is_hidden), "{name}: {line}");
            }
        }
    }

    #[test]
    fn commands_have_help_and_strangers_do_not() {
        assert!(help_of(super::super::command(), &["version"]).unwrap().contains("Print the version"));
        assert!(help_of(super::super::command(), &[]).unwrap().contains("exit-codes"));
        assert_eq!(help_of(super::super::command(), &["catch-all"]), None);
    }

    #[test]
    fn every_command_that_a_page_mentions_exists() {
        let mut command = super::super::command();
        command.build();
        for (name, _, page) in TOPICS {
            for words in page.lines().filter_map(|line| line.trim_start().strip_prefix("$ chancery ")) {
                let first = words.split_whitespace().next().unwrap();
                assert!(command.find_subcommand(first).is_some(), "{name} mentions `chancery {words}`");
            }
        }
    }
}
