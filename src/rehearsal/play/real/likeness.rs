//! How a real play differs from the simulated one: by nothing, where both desks and rules are what they should be.

use std::collections::BTreeMap;

use crate::rehearsal::play::account::{Account, Arrival, Arrived, Deviation, Event, Told, codes};
use crate::trust::name::Ministry;

/// Every difference, told as one from what was expected.
pub(super) fn differences(simulated: &Account, real: &Account) -> Vec<Deviation> {
    let mut found = Vec::new();
    for (expected, actual) in simulated.told.iter().zip(&real.told) {
        of_move(expected, actual, &mut found);
    }
    let (expected, actual) = (ends(simulated), ends(real));
    for key in all_keys(&expected, &actual) {
        if expected.get(key) != actual.get(key) {
            found.push(Deviation {
                label: "the end".to_owned(),
                line: 0,
                at: Some(key.0.clone()),
                what: format!("{} in the end", key.1.as_deref().unwrap_or("the consultation")),
                expected: format!("{}, as simulated,", under(&expected, key)),
                actual: under(&actual, key),
            });
        }
    }
    found
}

/// How everything stood at the end, by desk and person.
fn ends(account: &Account) -> BTreeMap<(Ministry, Option<String>), String> {
    let states = |states: &[(&'static str, String)]| {
        states.iter().map(|(name, state)| format!("{name} {state}")).collect::<Vec<_>>().join(", ")
    };
    account.finals.iter().map(|last| ((last.at.clone(), last.person.clone()), states(&last.states))).collect()
}

/// What stands under a key, in words.
fn under<K: Ord>(all: &BTreeMap<K, String>, key: &K) -> String {
    all.get(key).cloned().unwrap_or_else(|| "nothing".to_owned())
}

/// The keys of either.
fn all_keys<'m, K: Ord, V>(one: &'m BTreeMap<K, V>, other: &'m BTreeMap<K, V>) -> Vec<&'m K> {
    one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))).collect()
}

fn of_move(simulated: &Told, real: &Told, found: &mut Vec<Deviation>) {
    let mut differs = |at: Option<&Ministry>, what: String, expected: String, actual: String| {
        if expected != actual {
            found.push(Deviation {
                label: real.label.clone(),
                line: real.line,
                at: at.cloned(),
                what,
                expected: format!("{expected}, as simulated,"),
                actual,
            });
        }
    };
    if let (Event::Said(expected), Event::Said(actual)) = (&simulated.event, &real.event) {
        let verdict = "the verdict of the own desk".to_owned();
        differs(Some(&actual.sender), verdict, codes(&expected.verdict), codes(&actual.verdict));
        let numbers = (expected.number.to_string(), actual.number.to_string());
        differs(Some(&actual.sender), "the act number".to_owned(), numbers.0, numbers.1);
    }
    if let (Event::Checked(expected), Event::Checked(actual)) = (&simulated.event, &real.event) {
        for (expected, actual) in expected.iter().zip(actual) {
            differs(actual.at.as_ref(), actual.what.clone(), expected.actual.clone(), actual.actual.clone());
        }
    }
    let arrivals = |told: &Told| -> BTreeMap<(String, Ministry), String> {
        let each = told.before.iter().chain(&told.after);
        each.map(|arrival| ((arrival.label.clone(), arrival.at.clone()), word(arrival))).collect()
    };
    let (expected, actual) = (arrivals(simulated), arrivals(real));
    for key in all_keys(&expected, &actual) {
        differs(
            Some(&key.1),
            format!("the arrival of {}", key.0),
            under(&expected, key),
            under(&actual, key),
        );
    }
}

/// What became of a copy; what it waits for is told by desks in different words.
fn word(arrival: &Arrival) -> String {
    match &arrival.outcome {
        Arrived::Waits(_) => "waits".to_owned(),
        outcome => outcome.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::play::{Wishes, play};
    use crate::rehearsal::script::parse;

    fn account(after: &str) -> Account {
        let script = format!(
            "title = \"t\"\nparties = {{ XA = {{ roles = [\"RECEIVING_POWER\"] }}, XB = {{ roles = [\"DETAINING_POWER\"] }} }}\n\
             persons = {{ P1 = \"P-7QK4-M2XD-9WTV\" }}\n[[step]]\nwho = \"XB\"\nkind = \"case-registration\"\n\
             act = {{ person = \"P1\" }}\n{after}\n[[check]]\ncases = \"1\"\n"
        );
        play(&parse(&script).unwrap(), &Wishes::default()).unwrap()
    }

    #[test]
    fn an_arrival_a_state_and_an_end_that_differ_are_each_told() {
        let whole = account("");
        assert_eq!(differences(&whole, &whole), []);
        let found = differences(&whole, &account("delay = \"held\""));
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(
            said.iter().any(|one| one.contains("the arrival of") && one.contains("nothing found")),
            "{said:?}"
        );
        assert!(
            said.iter().any(|one| one.contains("cases at XA: 1, as simulated, expected, 0 found")),
            "{said:?}"
        );
        assert!(said.iter().any(|one| one.contains("in the end at XA")), "{said:?}");
    }

    #[test]
    fn another_verdict_of_the_own_desk_is_told() {
        let (whole, mut other) = (account(""), account(""));
        let Event::Said(said) = &mut other.told[0].event else { panic!() };
        said.verdict = vec![crate::consultation::rules::Rule::from_word("WIL_07").unwrap()];
        let found = differences(&whole, &other);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().contains("ok, as simulated, expected, WIL_07 found"), "{}", found[0]);
    }
}
