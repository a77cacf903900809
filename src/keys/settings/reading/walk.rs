//! The walk through the tables of a file: each key is looked up in the form, and each value read as its row says.
//!
//! Parsed TOML enters; values leave into the settings, and everything that is wrong beside them: the walk goes on
//! behind a mistake, so that all of them are told at once. For a key without a row the nearest one that has a row is
//! named.

use serde_json::json;
use strsim::levenshtein;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Mistake, Settings};
use crate::keys::settings::{Kind, Setting};

/// Goes through the tables of a file.
pub(super) struct Walk<'w, 'f> {
    /// What was read so far.
    pub(super) settings: &'w mut Settings<'f>,
    /// What is wrong so far.
    pub(super) mistakes: &'w mut Vec<Mistake>,
    /// The line of a place in the text.
    pub(super) line: &'w dyn Fn(usize) -> usize,
}

impl Walk<'_, '_> {
    /// One table: its keys stand behind `path`, and behind `pattern` in the form.
    pub(super) fn table(&mut self, table: &DeTable<'_>, path: &str, pattern: &str) {
        for (name, value) in table {
            let (key, known) = (joined(path, name.get_ref()), joined(pattern, name.get_ref()));
            let line = (self.line)(name.span().start);
            let form = self.settings.form;
            match (value.get_ref(), form.setting(&known)) {
                (_, Some(setting)) => self.value(setting, key, line, value),
                (DeValue::Table(inner), None) if form.is_above(&known, ".") => {
                    self.settings.tables.insert(key.clone());
                    self.table(inner, &key, &known);
                }
                (DeValue::Array(list), None) if form.is_above(&known, "[].") => {
                    self.settings.lists.insert(key.clone(), list.len());
                    for (place, one) in list.iter().enumerate() {
                        match one.get_ref() {
                            DeValue::Table(inner) => {
                                self.table(inner, &format!("{key}[{place}]"), &format!("{known}[]"));
                            }
                            _ => self.wrong(
                                &key,
                                line,
                                "a list of tables is expected",
                                format!("write [[{key}]]"),
                            ),
                        }
                    }
                }
                (_, None) if form.is_above(&known, ".") => {
                    self.wrong(&key, line, "a table is expected", format!("write [{key}]"));
                }
                (_, None) if form.is_above(&known, "[].") => {
                    self.wrong(&key, line, "a list of tables is expected", format!("write [[{key}]]"));
                }
                (_, None) => self.unknown(&key, &known, line),
            }
        }
    }

    /// A value that stands in the form.
    fn value(&mut self, setting: &Setting, key: String, line: usize, value: &Spanned<DeValue<'_>>) {
        let is_list = matches!(setting.kind, Kind::Labels | Kind::Roles);
        let read = match (setting.kind, value.get_ref()) {
            (Kind::Flag, DeValue::Boolean(flag)) => Ok(json!(flag)),
            (Kind::Count(most), DeValue::Integer(number)) => {
                let counted = u64::from_str_radix(number.as_str(), number.radix()).ok();
                let fits = counted.filter(|counted| *counted <= most);
                fits.map(|counted| json!(counted)).ok_or_else(|| format!("it may be from 0 to {most}"))
            }
            (Kind::Flag | Kind::Count(_), _) => Err(String::new()),
            (kind, DeValue::Array(list)) if is_list => {
                let texts: Option<Vec<&str>> = list.iter().map(|one| one.get_ref().as_str()).collect();
                let texts = texts.ok_or_else(String::new);
                texts.and_then(|texts| {
                    texts.iter().try_for_each(|text| kind.judge(text))?;
                    Ok(json!(texts))
                })
            }
            (kind, DeValue::String(text)) if !is_list => kind.judge(text).map(|()| json!(text)),
            _ => Err(String::new()),
        };
        match read {
            Ok(read) => drop(self.settings.values.insert(key, (read, line))),
            Err(why) if why.is_empty() => {
                self.wrong(&key, line, "it is of another kind", format!("write {}", setting.kind.words()));
            }
            Err(why) => self.wrong(&key, line, &why, format!("write {}", setting.kind.words())),
        }
    }

    fn unknown(&mut self, key: &str, known: &str, line: usize) {
        let settings = self.settings.form.settings.iter();
        let scored = settings.map(|setting| (levenshtein(setting.key, known), setting.key));
        let nearest = scored.min_by_key(|(distance, _)| *distance);
        let hint = match nearest.filter(|(distance, _)| *distance <= NEAR) {
            Some((_, key)) => format!("did you mean {key}?"),
            None => "take it out; `chancery config schema` lists what there is".to_owned(),
        };
        self.wrong(key, line, "there is no such setting", hint);
    }

    fn wrong(&mut self, key: &str, line: usize, message: &str, hint: String) {
        let message = message.to_owned();
        self.mistakes.push(Mistake { line: Some(line), key: key.to_owned(), message, hint });
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Letters by which a slip of the hand may differ from what was meant.
const NEAR: usize = 4;
