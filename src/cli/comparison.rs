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

/// Of twenty-four words, those that a slip makes wrong: one that was misread, or two that were swapped.
const MISREAD_AT_MOST: usize = 2;

/// What a peer told, as it was given on the command line: digits, or as many words as a fingerprint has. Whether they are
/// the words of any is told where they are compared.
#[derive(Debug, Clone)]
pub(super) struct Told(String);

impl Told {
    /// Refuses what is in neither form.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Err(invalid @ InvalidFingerprint::Form) = Fingerprint::parse(text) else {
            return Ok(Self(text.to_owned()));
        };
        let words = Fingerprint::words_in(text);
        let are_words = words.len() > 1 && words.iter().all(|word| Fingerprint::is_word(word));
        Err(if are_words {
            format!("{invalid}; these are {} words", words.len())
        } else {
            invalid.to_string()
        })
    }
}

/// Compares what the peer told, as it was given on the command line; `again` is the command with the words left out.
pub(super) fn with_told(told: &Told, bundle: &Bundle, again: &str) -> Result<(), CliError> {
    let slip = match compare_all(&told.0, &bundle.fingerprint()) {
        Some(Compared::Same) => return Ok(()),
        Some(Compared::Different(at)) => return Err(differs(bundle.ministry(), at)),
        Some(Compared::Slip(what)) => what,
        None => "these are neither the digits nor the words of a fingerprint".to_owned(),
    };
    let error = CliError::new(Kind::NotPermitted, "fingerprint-unread", slip);
    let asked = format!("nothing was done; let {} read the words again", bundle.ministry());
    Err(error.cause(asked).hint(format!("{again} --fingerprint HEX-OR-WORDS")))
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
            Compared::Different(at) => return Err(differs(peer, at)),
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
    /// It is another fingerprint; where its words differ, if all were typed.
    Different(Option<String>),
    /// What was typed cannot be what anybody read out, and why.
    Slip(String),
}

/// Compares what was typed: the three words that were asked for, or the whole fingerprint in either form; whatever stands
/// between the words, numbers too.
fn compare(typed: &str, fingerprint: &Fingerprint, places: &[usize]) -> Compared {
    if let Some(compared) = compare_all(typed, fingerprint) {
        return compared;
    }
    let (typed_words, words) = (Fingerprint::words_in(typed), fingerprint.words());
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
    if typed_words == expected { Compared::Same } else { Compared::Different(None) }
}

/// Compares a whole fingerprint in either form; nothing where what was typed has neither.
fn compare_all(typed: &str, fingerprint: &Fingerprint) -> Option<Compared> {
    let told = Fingerprint::parse(typed);
    if told == Ok(*fingerprint) {
        return Some(Compared::Same);
    }
    let (typed_words, words) = (Fingerprint::words_in(typed), fingerprint.words());
    let are_digits = told.is_ok() && !typed_words.iter().all(|word| Fingerprint::is_word(word));
    if are_digits || typed_words.len() != words.len() {
        return told.ok().map(|_| Compared::Different(None));
    }
    let pairs = (1_usize..).zip(typed_words.iter().zip(&words));
    let differing: Vec<usize> =
        pairs.filter(|(_, (typed, word))| typed.as_str() != **word).map(|(number, _)| number).collect();
    let at = format!("these words differ at {}", which(&differing, words.len()));
    Some(match told {
        Ok(_) => Compared::Different(Some(at)),
        // Nobody misreads so many: they are those of another one, and a slip beside.
        Err(_) if differing.len() > MISREAD_AT_MOST => Compared::Different(Some(at)),
        Err(InvalidFingerprint::Word(number)) => {
            let word = typed_words.get(number.saturating_sub(1)).map_or("", String::as_str);
            Compared::Slip(format!(
                "{at}: {word:?}, word number {number}, is not in the list; was it misread?"
            ))
        }
        Err(invalid) => Compared::Slip(format!("{at}: {invalid}")),
    })
}

/// Places in words; of many only the first.
fn which(differing: &[usize], all: usize) -> String {
    match differing {
        [one] => format!("word {one}"),
        [one, other] => format!("words {one} and {other}"),
        many => {
            let first = many.first().copied().unwrap_or_default();
            format!("{} of {all}, first at word {first}", many.len())
        }
    }
}

/// The words that were told are not those of the file. They are not shown: it is the file that is not to be believed.
fn differs(peer: &Ministry, at: Option<String>) -> CliError {
    let message = format!(
        "the fingerprint does NOT match: this may not be {peer}'s bundle; do not accredit it, call {peer}"
    );
    let error = CliError::new(Kind::NotPermitted, "fingerprint-differs", message).reason("ROOT_FINGERPRINT");
    let whole = format!("chancery --home DESK peer card -o {}.bundle, at {peer}", peer.lower());
    at.into_iter()
        .fold(error, CliError::cause)
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
            assert!(matches!(compared(&different), Compared::Different(_)), "{different}");
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
        let said =
            "these words differ at word 4: \"chancery\", word number 4, is not in the list; was it misread?";
        assert_eq!(told, said);
    }

    #[test]
    fn numbered_words_are_taken_and_whole_ones_that_differ_say_where() {
        let numbered = |words: &[&str]| -> String {
            words.iter().zip(1..).map(|(word, number)| format!("{number}. {word} ")).collect()
        };
        assert_eq!(compared(&numbered(&fingerprint().words())), Compared::Same);
        let mut swapped = fingerprint().words();
        swapped.swap(3, 4);
        let said = "these words differ at words 4 and 5: the words do not belong together: one was misread or two were swapped";
        assert_eq!(compared(&numbered(&swapped)), Compared::Slip(said.to_owned()));
        let mut other = Fingerprint::of(b"another root").words();
        let all = Some("these words differ at 24 of 24, first at word 1".to_owned());
        assert_eq!(compared(&numbered(&other)), Compared::Different(all.clone()));
        other[0] = "chancery";
        assert_eq!(compared(&numbered(&other)), Compared::Different(all), "no slip of ours makes so many");
        assert_eq!(compared(&Fingerprint::of(b"another root").groups()), Compared::Different(None));
    }

    #[test]
    fn on_the_command_line_words_are_judged_where_they_are_compared_and_other_texts_before() {
        let words = fingerprint().words();
        assert!(Told::parse(&words.join("\n")).is_ok() && Told::parse(&fingerprint().groups()).is_ok());
        let mut misread = words.clone();
        misread[6] = "chancery";
        assert!(Told::parse(&misread.join(" ")).is_ok());
        let short = Told::parse(&words[1..].join(" ")).unwrap_err();
        assert!(
            short.ends_with("64 hexadecimal digits or 24 words are expected; these are 23 words"),
            "{short}"
        );
        for text in ["", "42", "5b0c", "five words are not enough"] {
            assert!(Told::parse(text).unwrap_err().ends_with("24 words are expected"), "{text}");
        }
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
        let error = differs(&Ministry::parse("XB").unwrap(), Some("these words differ at word 7".to_owned()));
        assert_eq!((error.kind(), error.code()), (Kind::NotPermitted, "fingerprint-differs"));
        let said = "the fingerprint does NOT match: this may not be XB's bundle; do not accredit it, call XB";
        assert_eq!((error.message(), error.causes()[0].as_str()), (said, "these words differ at word 7"));
        assert_eq!(error.hint_command(), Some("chancery --home DESK peer card -o xb.bundle, at XB"));
    }
}
