//! Forms of protective acts written at night: what a tired duty officer gets wrong holds nobody up.
//!
//! A form of a protective act enters; what can be understood of it leaves, with every mistake told. It is never
//! guessed who is meant: the check character of the reference tells whether it was read aright. Nothing here
//! touches forms of other acts, where a mistake must be seen before anything is sent.

use toml_edit::Document;

use crate::consultation::act::ActKind;
use crate::consultation::outline::{Field, Value};
use crate::consultation::reference::PersonRef;
use crate::consultation::suggest;
use crate::message::terms::ActClass;

/// Lines that are mended at most; a form of a protective act has fewer.
const LINES_MENDED_MAX: usize = 200;

/// A text that is no TOML, made readable line by line if it is the form of a protective act: quotes are added to a
/// value that lacks them, a line that makes no sense is left out. Gives the numbers of those lines too, from 1.
pub(super) fn mend(text: &str) -> Option<(String, Vec<usize>)> {
    if !is_protective(text) {
        return None;
    }
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let mut mended = Vec::new();
    for _ in 0..LINES_MENDED_MAX {
        let whole = lines.join("\n");
        let Some(error) = Document::parse(whole.as_str()).err() else { return Some((whole, mended)) };
        let offset = error.span().map_or(0, |span| span.start).min(whole.len().saturating_sub(1));
        let number = whole.get(..offset).unwrap_or_default().matches('\n').count();
        let line = lines.get_mut(number)?;
        let again = mended.contains(&number.saturating_add(1));
        match quoted(line).filter(|_| !again) {
            Some(better) => *line = better,
            None => line.clear(),
        }
        if !again {
            mended.push(number.saturating_add(1));
        }
    }
    None
}

fn is_protective(text: &str) -> bool {
    let kinds = text.lines().filter(|line| line.trim_start().starts_with("kind"));
    let words = kinds.flat_map(|line| line.split(|c: char| !c.is_ascii_lowercase() && c != '-'));
    words.filter_map(ActKind::from_word).any(|kind| kind.class() == ActClass::Protective)
}

/// `key = whatever` with one pair of quotes around it.
fn quoted(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let value = value.split('#').next().unwrap_or_default();
    let bare = value.trim().trim_matches(['"', '\'', '“', '”', '„']).trim();
    let plain = !bare.is_empty() && !bare.contains(['"', '\\', '\'']) && !key.trim_start().starts_with('#');
    plain.then(|| format!("{} = \"{bare}\"", key.trim()))
}

/// Persons as they are spelled in haste: small letters, spaces, O for 0, I and L for 1; one where a list is asked
/// for, a list of one where one is asked for.
pub(super) fn straighten(written: &mut [Field]) {
    for field in written {
        if field.name == "person" {
            if let Value::List(values) = &mut field.value
                && values.len() == 1
                && let Some(only) = values.pop()
            {
                field.value = only;
            }
            person(&mut field.value);
        } else if field.name == "persons" {
            if matches!(field.value, Value::Text(_)) {
                field.value = Value::List(vec![field.value.clone()]);
            }
            if let Value::List(values) = &mut field.value {
                values.iter_mut().for_each(person);
            }
        }
    }
}

/// The references nearest to one that is not known, as a hint; empty where none is near.
pub(crate) fn did_you_mean(typed: &str, known: &[PersonRef]) -> String {
    match nearest(typed, known).as_slice() {
        [] => String::new(),
        near => format!("did you mean {}?", near.join(" or ")),
    }
}

/// The references nearest to what was typed, the nearest first.
pub(crate) fn nearest(typed: &str, known: &[PersonRef]) -> Vec<String> {
    let texts: Vec<String> = known.iter().map(PersonRef::text).collect();
    let near = suggest::near(&as_written(typed), texts.iter().map(String::as_str), SUGGESTIONS_MAX);
    near.into_iter().map(str::to_owned).collect()
}

/// References suggested at most.
const SUGGESTIONS_MAX: usize = 3;

/// Letters and digits in groups of four, whatever was typed between them.
fn as_written(typed: &str) -> String {
    let mut text = Value::Text(typed.to_owned());
    person(&mut text);
    text.as_text().map(|text| text.into_owned()).unwrap_or_default()
}

fn person(value: &mut Value) {
    let Value::Text(text) = value else { return };
    let letters = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase());
    let letters: String = letters.collect();
    let Some(code) = letters.strip_prefix('P').filter(|code| code.len() == 12) else { return };
    let mut spelled = String::from("P");
    for (index, letter) in code.chars().enumerate() {
        if index % 4 == 0 {
            spelled.push('-');
        }
        spelled.push(match letter {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        });
    }
    *text = spelled;
}
