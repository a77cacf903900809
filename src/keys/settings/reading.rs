//! Reads a file by its table: every value with its line, or every mistake at once.
//!
//! The text of a file enters, with the table of what may stand in it; settings leave of which each has the kind that
//! its row names, and those that nobody stated have the usual value. A key without a row is a mistake, never passed
//! over.

mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};
use toml::de::DeTable;

use self::walk::Walk;
use super::{Form, Setting, Usual};

/// What is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its line, from 1; none for what is missing.
    pub line: Option<usize>,
    /// The key; may be empty where the text is no TOML.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.message, self.hint)
    }
}

/// Where a value is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This line of the file.
    File(usize),
    /// Nobody has said anything else.
    Usual,
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its name, with its place in a list.
    pub key: String,
    /// Its value; null where there is none.
    pub value: Value,
    /// Where that is from.
    pub origin: Origin,
    /// What it is for.
    pub about: &'static str,
}

/// The values of a file that is in order.
#[derive(Debug)]
pub struct Settings<'f> {
    form: &'f Form,
    values: BTreeMap<String, (Value, usize)>,
    /// Tables that are there, and how many of each list.
    tables: BTreeSet<String>,
    lists: BTreeMap<String, usize>,
}

impl Form {
    /// Reads the text of this file.
    pub fn read<'f>(&'f self, text: &str) -> Result<Settings<'f>, Vec<Mistake>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count().saturating_add(1);
        let mut mistakes: Vec<Mistake> = errors
            .iter()
            .map(|error| Mistake {
                line: error.span().map(|span| line(span.start)),
                key: String::new(),
                message: error.message().to_owned(),
                hint: "each line is KEY = VALUE, below [TABLE] or [[LIST]] where it belongs there".to_owned(),
            })
            .collect();
        let (values, tables, lists) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let mut settings = Settings { form: self, values, tables, lists };
        Walk { settings: &mut settings, mistakes: &mut mistakes, line: &line }.table(table.get_ref(), "", "");
        settings.find_missing(&mut mistakes);
        if mistakes.is_empty() {
            mistakes = (self.agree)(&settings);
        }
        mistakes.sort_by_key(|mistake| mistake.line.unwrap_or(usize::MAX));
        if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
    }

    /// The same with all mistakes in one text.
    pub fn read_or_say<'f>(&'f self, text: &str) -> Result<Settings<'f>, String> {
        self.read(text)
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    /// The setting with a key such as `user[].uid`.
    fn setting(&self, pattern: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| setting.key == pattern)
    }

    /// Whether keys stand below a name, as in a table or as in a list of tables.
    fn is_above(&self, pattern: &str, joint: &str) -> bool {
        let start = format!("{pattern}{joint}");
        self.settings.iter().any(|setting| setting.key.starts_with(&start))
    }
}

impl Settings<'_> {
    /// Whether the file says so itself.
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// A text; empty where the file has none.
    pub fn text(&self, key: &str) -> &str {
        self.values.get(key).and_then(|(value, _)| value.as_str()).unwrap_or_default()
    }

    /// A number, or the usual one.
    pub fn number(&self, key: &str) -> u64 {
        let usual = match self.form.setting(key).map(|setting| setting.usual) {
            Some(Usual::Number(usual)) => usual,
            _ => 0,
        };
        self.values.get(key).and_then(|(value, _)| value.as_u64()).unwrap_or(usual)
    }

    /// A truth, or the usual one.
    pub fn flag(&self, key: &str) -> bool {
        let usual = self.form.setting(key).is_some_and(|setting| setting.usual == Usual::Flag(true));
        self.values.get(key).and_then(|(value, _)| value.as_bool()).unwrap_or(usual)
    }

    /// A word, or the usual one.
    pub fn word(&self, key: &str) -> &str {
        let usual = match self.form.setting(key).map(|setting| setting.usual) {
            Some(Usual::Word(usual)) => usual,
            _ => "",
        };
        self.values.get(key).and_then(|(value, _)| value.as_str()).unwrap_or(usual)
    }

    /// The texts of a list.
    pub fn texts(&self, key: &str) -> impl Iterator<Item = &str> {
        let list = self.values.get(key).and_then(|(value, _)| value.as_array());
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    /// How many tables a list of them has.
    pub fn count_of(&self, list: &str) -> usize {
        self.lists.get(list).copied().unwrap_or(0)
    }

    /// A mistake about a key, at its line.
    pub fn mistake(&self, key: &str, message: String, hint: &str) -> Mistake {
        let line = self.values.get(key).map(|(_, line)| *line);
        Mistake { line, key: key.to_owned(), message, hint: hint.to_owned() }
    }

    /// Every setting in force, in the order of the table, each of a list with its place.
    pub fn shown(&self) -> Vec<Shown> {
        let mut shown = Vec::new();
        for setting in self.form.settings {
            match setting.key.split_once("[].") {
                None => shown.push(self.show(setting, setting.key.to_owned())),
                Some((list, name)) => {
                    let places = 0..self.count_of(list);
                    shown.extend(places.map(|place| self.show(setting, format!("{list}[{place}].{name}"))));
                }
            }
        }
        shown
    }

    fn show(&self, setting: &Setting, key: String) -> Shown {
        let (value, origin) = match (self.values.get(&key), setting.usual) {
            (Some((value, line)), _) => (value.clone(), Origin::File(*line)),
            (None, Usual::Number(usual)) => (json!(usual), Origin::Usual),
            (None, Usual::Flag(usual)) => (json!(usual), Origin::Usual),
            (None, Usual::Word(usual)) => (json!(usual), Origin::Usual),
            (None, Usual::Nothing | Usual::Required) => (Value::Null, Origin::Usual),
        };
        Shown { key, value, origin, about: setting.about }
    }

    /// What is required and missing, in every table that is there.
    fn find_missing(&self, mistakes: &mut Vec<Mistake>) {
        for setting in self.form.settings.iter().filter(|setting| setting.usual == Usual::Required) {
            let keys: Vec<String> = match setting.key.split_once("[].") {
                Some((list, name)) => {
                    (0..self.count_of(list)).map(|place| format!("{list}[{place}].{name}")).collect()
                }
                None => {
                    let table = setting.key.rsplit_once('.').map(|(table, _)| table);
                    let is_there = table.is_none_or(|table| self.tables.contains(table));
                    is_there.then(|| setting.key.to_owned()).into_iter().collect()
                }
            };
            for key in keys.into_iter().filter(|key| !self.values.contains_key(key)) {
                // What is there and wrong has been said.
                if mistakes.iter().all(|mistake| mistake.key != key) {
                    let hint = format!("add it: {} ({})", setting.kind.words(), setting.about);
                    mistakes.push(Mistake { line: None, key, message: "it is missing".to_owned(), hint });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DESK, GATEWAY, SERVICE};
    use super::*;

    const WHOLE: &str =
        "ministry = \"XA\"\ndomain = \"mfa.xa.example\"\nrelay_listen = \"a:1\"\nmailbox_listen = \"b:2\"\n";

    #[test]
    fn every_mistake_is_named_at_once_with_its_line_and_what_to_write_instead() {
        let text = "ministry = \"xa\"\ndomain = 7\nrelay_lisen = \"a:1\"\n\n[store]\nfloor_mib = -3\nbalast_mib = 1\n\
                    [metrics]\nbeyond_loopback = \"no\"\n[more]\nx = 1\n";
        let mistakes = GATEWAY.read(text).unwrap_err();
        let told: Vec<(Option<usize>, &str)> =
            mistakes.iter().map(|mistake| (mistake.line, mistake.key.as_str())).collect();
        let expected = [
            (Some(1), "ministry"),
            (Some(2), "domain"),
            (Some(3), "relay_lisen"),
            (Some(6), "store.floor_mib"),
            (Some(7), "store.balast_mib"),
            (Some(9), "metrics.beyond_loopback"),
            (Some(10), "more"),
            (None, "relay_listen"),
            (None, "mailbox_listen"),
            (None, "metrics.listen"),
        ];
        assert_eq!(told, expected);
        let hint = |key: &str| mistakes.iter().find(|mistake| mistake.key == key).unwrap().hint.clone();
        assert_eq!(hint("relay_lisen"), "did you mean relay_listen?");
        assert_eq!(hint("store.balast_mib"), "did you mean store.ballast_mib?");
        assert!(hint("more").contains("config schema"), "{}", hint("more"));
        assert!(hint("metrics.beyond_loopback").contains("true or false"));
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_line_and_the_rest_is_read_all_the_same() {
        let mistakes =
            DESK.read("ministry = \"XA\"\nlabel = = \"main\"\ndomian = \"mfa.xa.example\"\n").unwrap_err();
        assert!(
            mistakes.iter().any(|mistake| mistake.line == Some(2) && mistake.key.is_empty()),
            "{mistakes:?}"
        );
        assert!(mistakes.iter().any(|mistake| mistake.hint == "did you mean domain?"), "{mistakes:?}");
    }

    #[test]
    fn what_is_in_force_is_shown_with_where_it_is_from() {
        let text = format!("{WHOLE}[store]\nfloor_mib = 3\n");
        let settings = GATEWAY.read(&text).unwrap();
        let shown = settings.shown();
        let of = |key: &str| shown.iter().find(|one| one.key == key).unwrap();
        assert_eq!(
            (&of("store.floor_mib").value, of("store.floor_mib").origin),
            (&json!(3), Origin::File(6))
        );
        assert_eq!(
            (&of("store.ballast_mib").value, of("store.ballast_mib").origin),
            (&json!(64), Origin::Usual)
        );
        assert_eq!(of("metrics.listen").value, Value::Null);
        assert_eq!(shown.len(), GATEWAY.settings.len());
    }

    #[test]
    fn tables_of_a_list_are_read_each_with_its_place() {
        let text = "socket = \"s\"\n[[user]]\nuid = 7\nname = \"one\"\nroles = [\"draft\"]\n\
                    [[user]]\nuid = 8\nname = \"one\"\nroles = [\"sing\"]\n";
        let mistakes = SERVICE.read(text).unwrap_err();
        assert_eq!((mistakes[0].key.as_str(), mistakes[0].line), ("user[1].roles", Some(9)));
        let text = text.replace("sing", "read");
        let twice = SERVICE.read(&text).unwrap_err();
        assert_eq!((twice[0].key.as_str(), twice[0].line), ("user[1].name", Some(8)));
        let settings = SERVICE.read(&text.replacen("\"one\"", "\"two\"", 1)).unwrap();
        assert_eq!((settings.count_of("user"), settings.number("user[1].uid")), (2, 8));
        assert_eq!(settings.texts("user[1].roles").collect::<Vec<_>>(), ["read"]);
    }
}
