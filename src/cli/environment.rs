//! The variables and the terminal the command was started with, as a value: commands ask it, never the process.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What surrounds the command.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    input_is_terminal: bool,
    output_is_terminal: bool,
    talk_is_terminal: bool,
}

impl Environment {
    /// Of this process, with which of stdin, stdout and stderr are terminals.
    pub fn of_process(terminals: [bool; 3]) -> Self {
        let [input_is_terminal, output_is_terminal, talk_is_terminal] = terminals;
        Self {
            variables: std::env::vars_os().collect(),
            input_is_terminal,
            output_is_terminal,
            talk_is_terminal,
        }
    }

    /// With these variables alone, and no terminal.
    pub fn with_variables<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, ..Self::default() }
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The value of a variable that names a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from)
    }

    /// Whether a person can be asked.
    pub fn input_is_terminal(&self) -> bool {
        self.input_is_terminal
    }

    /// Whether stdout is a terminal.
    pub fn output_is_terminal(&self) -> bool {
        self.output_is_terminal
    }

    /// Whether stderr is a terminal.
    pub fn talk_is_terminal(&self) -> bool {
        self.talk_is_terminal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_absent() {
        let environment = Environment::with_variables([("CHANCERY_HOME", ""), ("HOME", "/h")]);
        assert_eq!(environment.path("CHANCERY_HOME"), None);
        assert_eq!(environment.path("HOME"), Some(PathBuf::from("/h")));
    }
}
