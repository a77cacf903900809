//! Comparing a fingerprint with what a peer told over another way than its file took.
//!
//! A bundle enters with what was told, or with what a person types when he is asked; nothing leaves, or why the bundle is
//! not believed. What was not typed right is told apart: another fingerprint, which ends it, and a slip, after which he is
//! asked again. What must never happen: that the words of the file are shown to whoever is to type them.

use std::io::BufRead;

use super::confirm;
use super::context::Context;
use super::error::{CliError, Kind};
use super::output::Mark;
use crate::entropy::random;
use crate::trust::bundle::Bundle;
use crate::trust::fingerprint::{Fingerprint, InvalidFingerprint};
use crate::trust::name::Ministry;

/// How often a person is asked, where what he types can be no words of any fingerprint.
const TYPED_AT_MOST: usize = 3;

/// Words that are asked for.
const ASKED: usize = 3;

/// Compares what the peer told, as it was given on the command line.
pub(super) fn with_told(told: &Fingerprint, bundle: &Bundle) -> Result<(), CliError> {
    if *told == bundle.fingerprint() { Ok(()) } else { Err(differs(bundle.ministry())) }
}

/// Asks for three of the words that the peer told, so that the comparison was really made.
pub(super) fn by_asking(context: &Context, bundle: &Bundle) -> Result<(), CliError> {
    let peer = bundle.ministry();
    if !context.may_ask {
        let message = "a peer is accredited only after its fingerprint was compared";
        let error = CliError::new(Kind::NotPermitted, "fingerprint-needed", message);
        return Err(error.hint(format!("{} --fingerprint HEX-OR-WORDS", context.typed)));
    }
    // The words of this file are not shown here: who sees them types them, whoever the file is from.
    let way = format!("let {peer} read the words of its fingerprint to you over a way you trust");
    context.output.note(&way);
    let fingerprint = bundle.fingerprint();
    let places = three_places(context, fingerprint.words().len())?;
    ask(context, peer, (&fingerprint, &places), &mut std::io::stdin().lock())
}

fn ask(
    context: &Context,
    peer: &Ministry,
    (fingerprint, places): (&Fingerprint, &[usize]),
    input: &mut dyn BufRead,
) -> Result<(), CliError> {
    let numbers: Vec<String> = places.iter().map(|place| place.saturating_add(1).to_string()).collect();
    let question = format!("type words {} as {peer} read them:", numbers.join(", "));
    for _ in 0..TYPED_AT_MOST {
        let typed = confirm::told(context, &question, input)?;
        if typed.trim().is_empty() {
            break;
        }
        match compare(&typed, fingerprint, places) {
            Compared::Same => return Ok(()),
            Compared::Different => return Err(differs(peer)),
            // Nothing was compared: it can be words of no fingerprint, whoever's.
            Compared::Slip(what) => context.output.step(Mark::Warning, &what),
        }
    }
    let message = "no words of a fingerprint were typed, so nothing was compared and nothing was done";
    Err(CliError::new(Kind::NotPermitted, "fingerprint-unread", message))
}

/// What came of comparing.
#[derive(Debug, PartialEq, Eq)]
enum Compared {
    Same,
    Different,
    /// What was typed cannot be what anybody read out, and why.
    Slip(String),
}

/// Compares what was typed: the three words that were asked for, or the whole fingerprint in either form; whatever stands
/// between the words, numbers too.
fn compare(typed: &str, fingerprint: &Fingerprint, places: &[usize]) -> Compared {
    let verdict = |is_same: bool| if is_same { Compared::Same } else { Compared::Different };
    let lower = typed.to_lowercase();
    let typed_words: Vec<&str> =
        lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    if let Ok(told) = Fingerprint::parse(typed) {
        return verdict(told == *fingerprint);
    }
    let words = fingerprint.words();
    if typed_words.len() == words.len() {
        return match Fingerprint::parse(&typed_words.join(" ")) {
            Ok(told) => verdict(told == *fingerprint),
            Err(InvalidFingerprint::Word(number)) => {
                let word = typed_words.get(number.saturating_sub(1)).copied().unwrap_or_default();
                Compared::Slip(format!("{word:?}, word number {number}, is not in the list: was it misread?"))
            }
            Err(invalid) => Compared::Slip(invalid.to_string()),
        };
    }
    if let Some(unknown) = typed_words.iter().find(|word| !Fingerprint::is_word(word)) {
        return Compared::Slip(format!("{unknown:?} is no word of any fingerprint: was it misread?"));
    }
    if typed_words.len() != ASKED {
        let count = typed_words.len();
        return Compared::Slip(format!(
            "three words are asked for, or all {}; these are {count}",
            words.len()
        ));
    }
    let expected: Vec<&str> = places.iter().filter_map(|place| words.get(*place).copied()).collect();
    verdict(typed_words == expected)
}

/// The words that were told are not those of the file. They are not shown: it is the file that is not to be believed.
fn differs(peer: &Ministry) -> CliError {
    let message = format!(
        "the fingerprint does NOT match: this may not be {peer}'s bundle; do not accredit it, call {peer}"
    );
    let error = CliError::new(Kind::NotPermitted, "fingerprint-differs", message).reason("ROOT_FINGERPRINT");
    let whole = format!("chancery --home DESK peer card -o {}.bundle, at {peer}", peer.lower());
    error
        .cause("nothing was done; another word in place of one shows the same: ask for the words again")
        .hint(whole)
}

/// Three places, ascending, so that nobody learns which words are asked for.
fn three_places(context: &Context, count: usize) -> Result<Vec<usize>, CliError> {
    let mut places: Vec<usize> = (0..count).collect();
    let bytes = random::<32>(context.entropy.as_ref())
        .map_err(|missing| CliError::failed("entropy", "no random bytes").because(&missing))?;
    for byte in bytes {
        if places.len() > ASKED {
            places.remove(usize::from(byte) % places.len());
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::super::context::GlobalOptions;
    use super::super::environment::Environment;
    use super::super::output::tests::kept_streams;
    use super::*;

    const PLACES: [usize; 3] = [5, 20, 23];

    fn fingerprint() -> Fingerprint {
        Fingerprint::of(b"root")
    }

    /// The words that are asked for.
    fn asked() -> [&'static str; 3] {
        let words = fingerprint().words();
        PLACES.map(|place| words[place])
    }

    fn compared(typed: &str) -> Compared {
        compare(typed, &fingerprint(), &PLACES)
    }

    #[test]
    fn the_words_are_taken_as_they_are_typed_three_or_all_with_whatever_stands_between_them() {
        let [one, two, three] = asked();
        for right in [
            format!("{one} {two} {three}\n"),
            format!(" {one}, {two},  {}.\n", three.to_uppercase()),
            format!("6 {one}; 21 {two}; 24 {three}"),
            fingerprint().words().join(" "),
            fingerprint().words().join(", "),
            fingerprint().groups(),
        ] {
            assert_eq!(compared(&right), Compared::Same, "{right}");
        }
    }

    #[test]
    fn another_fingerprint_is_told_from_a_slip() {
        let [one, two, three] = asked();
        let other = Fingerprint::of(b"another root");
        for different in [
            format!("{two} {one} {three}"),
            "zoo zoo zebra".to_owned(),
            other.words().join(" "),
            other.groups(),
        ] {
            assert_eq!(compared(&different), Compared::Different, "{different}");
        }
        let mut swapped = fingerprint().words();
        swapped.swap(3, 4);
        let mut misread = fingerprint().words();
        misread[3] = "chancery";
        for slip in [
            format!("{one} {two}"),
            format!("{one} {two} {three} {one}"),
            format!("{one} {two}x {three}"),
            swapped.join(" "),
            misread.join(" "),
            "42".to_owned(),
        ] {
            assert!(matches!(compared(&slip), Compared::Slip(_)), "{slip}");
        }
        let Compared::Slip(told) = compared(&misread.join(" ")) else { panic!("no slip") };
        assert_eq!(told, "\"chancery\", word number 4, is not in the list: was it misread?");
    }

    #[test]
    fn after_a_slip_the_words_are_asked_for_again_and_never_shown() {
        let peer = Ministry::parse("XB").unwrap();
        let [one, two, three] = asked();
        let asks = |typed: String| {
            let (streams, _, shown) = kept_streams();
            let words = "chancery peer add b".to_owned();
            let mut context = Context::new(GlobalOptions::default(), Environment::default(), streams, words);
            context.may_ask = true;
            let outcome = ask(&context, &peer, (&fingerprint(), &PLACES), &mut typed.as_bytes());
            (outcome.map_err(|error| error.code().to_owned()), shown.text())
        };
        let (outcome, shown) = asks(format!("{one} {two}\n{one}, {two}, {three}\n"));
        assert_eq!(outcome, Ok(()));
        assert_eq!(shown.matches("type words 6, 21, 24 as XB read them:").count(), 2, "{shown}");
        assert!(shown.contains("these are 2") && !shown.contains(three), "{shown}");
        let (outcome, shown) = asks("zoo zoo zebra\n".to_owned());
        assert_eq!(outcome, Err("fingerprint-differs".to_owned()), "{shown}");
        assert!([one, two, three].iter().all(|word| !shown.contains(word)), "{shown}");
        for unread in ["", "\n", "x\nx\nx\n"] {
            assert_eq!(asks(unread.to_owned()).0, Err("fingerprint-unread".to_owned()), "{unread:?}");
        }
    }

    #[test]
    fn three_different_words_are_asked_for_and_not_always_the_same() {
        let typed = "chancery peer add b".to_owned();
        let context = Context::new(GlobalOptions::default(), Environment::default(), kept_streams().0, typed);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..64 {
            let places = three_places(&context, 24).unwrap();
            assert!(places.len() == 3 && places.is_sorted_by(|a, b| a < b) && places[2] < 24, "{places:?}");
            seen.extend(places);
        }
        assert!(seen.len() > 12, "every place is asked for sooner or later: {seen:?}");
    }

    #[test]
    fn a_fingerprint_that_differs_is_no_lack_of_consent_and_its_words_stay_untold() {
        let error = differs(&Ministry::parse("XB").unwrap());
        assert_eq!((error.kind(), error.code()), (Kind::NotPermitted, "fingerprint-differs"));
        let said = "the fingerprint does NOT match: this may not be XB's bundle; do not accredit it, call XB";
        assert_eq!(error.message(), said);
        assert_eq!(error.hint_command(), Some("chancery --home DESK peer card -o xb.bundle, at XB"));
    }
}
