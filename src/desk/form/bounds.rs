//! The bounds of a form: what is exactly at one is taken, what is one beyond it is refused at its line.

use super::draft::IdsOnly;
use super::parse::parse;
use super::template::example;
use crate::consultation::act::ActKind;
use crate::limits::{ADDRESSEES_MAX, DOCUMENTS_MAX};

/// The codes of what is wrong with a form.
fn wrong(text: &str) -> Vec<&'static str> {
    parse(text, &IdsOnly).err().into_iter().flatten().map(|error| error.code).collect()
}

/// The example of an act whose line of addressees is another one.
fn addressed(count: usize) -> String {
    let letter = |number: usize| char::from(b'A' + u8::try_from(number).unwrap());
    let codes: Vec<String> = (0..count).map(|number| format!("\"Y{}\"", letter(number))).collect();
    let form = example(ActKind::ALL[0]);
    let line = form.lines().find(|line| line.starts_with("to = ")).unwrap();
    let info = form.lines().find(|line| line.starts_with("info = ")).unwrap_or("info = none");
    form.replace(line, &format!("to = [{}]", codes.join(", "))).replace(info, "")
}

#[test]
fn a_form_addresses_so_many_ministries() {
    assert_eq!(wrong(&addressed(ADDRESSEES_MAX)), [""; 0]);
    assert_eq!(wrong(&addressed(ADDRESSEES_MAX + 1)), ["ACT_LIST_TOO_LONG"]);
}

#[test]
fn a_form_bears_so_many_texts_and_documents() {
    let form = example(ActKind::ALL[0]);
    let present = form.lines().filter(|line| ["[[text]]", "[[document]]"].contains(line)).count();
    let bearing = |count: usize| {
        let table = |number: usize| {
            format!(
                "\n[[document]]\nid = \"more-{number}\"\npath = \"a.pdf\"\ntitle = \"A\"\nclass = \"EVIDENCE\"\nlanguage = \"en\"\n"
            )
        };
        format!("{form}{}", (present..count).map(table).collect::<String>())
    };
    assert_eq!(wrong(&bearing(DOCUMENTS_MAX)), [""; 0]);
    assert_eq!(wrong(&bearing(DOCUMENTS_MAX + 1)), ["ACT_LIST_TOO_LONG"]);
}
