//! `withdraw`: a person says no. One duty officer sends it, and it asks for nothing but the person.

use serde_json::json;

use super::capitals::Capitals;
use super::clear_to_depart::parse_person;
use super::context::Context;
use super::desk_failure::next_of;
use super::desk_session::{self, DeskSession, Directions};
use super::error::CliError;
use super::inbox::parse_ministry;
use super::output::Mark;
use super::registers::Registers;
use super::send::Sending;
use super::typed_with;
use crate::consultation::act::ActKind;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::state::{custody, reports, will};
use crate::desk::error::DeskError;
use crate::desk::form::night;
use crate::trust::name::Ministry;

/// Send at once that a person withdraws a statement of will
///
/// FLASH, signed by one duty officer, to every Power of the consultation that speaks of the person. It asks for no
/// reason, no time and no destination; whoever knows more writes `chancery new will-withdrawal`. `withdraw PERSON` looks
/// up the consultation in the casebook. What cannot go to one Power now is owed to it, goes as soon as it can, and keeps
/// nothing from the others: do not type it again (exit code 5, `owed`). Where one was sent before and still counts, that is
/// told with its reference, and holds nothing up; so is that the person was handed over from here. For a person this desk
/// has never heard of, name it and the Powers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery withdraw P-7QK4-M2XD-9WTV\n  \
    chancery withdraw P-7QK4-M2XD-9WTV --yes --wait\n  \
    chancery withdraw P-7QK4-M2XD-9WTV --consultation C-7QK4-M2XD-9WTV --to XB")]
pub struct Withdraw {
    /// The person
    #[arg(value_name = "PERSON")]
    person: String,

    /// The consultation, where the casebook does not know the person
    #[arg(long, value_name = "C-...", value_parser = parse_consultation)]
    consultation: Option<ConsultationId>,

    /// The Powers, where the consultation has none yet
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = parse_ministry)]
    to: Vec<Ministry>,

    #[command(flatten)]
    sending: Sending,
}

impl Withdraw {
    /// Sends it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let mut session = DeskSession::open_locked(context)?;
        let person = parse_hasty_person(&self.person);
        if person.is_ok() {
            self.sending.require_consent_possible(context)?;
        }
        session.unlock(context)?;
        let person = person.map_err(|wrong| unknown(context, &session, &self.person, wrong))?;
        let failed = |error| desk_session::failure(context, error);
        // The person may be spoken of in what was not fetched yet. Whatever stands in the way of looking holds nothing up.
        if let Err(error) = session.update(context, Directions::Unattended).await {
            context.output.note(&format!("not all that came could be looked at: {}", error.message()));
        }
        let DeskSession { desk, keys, .. } = &session;
        let trust = &session.trust();
        let draft = match desk.withdrawal(trust, keys, person, self.consultation, &self.to) {
            Err(error @ DeskError::PersonUnknown) => {
                let error = failed(error);
                return Err(match self.consultation {
                    // It is new: to whom it goes is all that is not known.
                    Some(_) => error.hint(format!("{} --to CODE", context.typed)),
                    None => {
                        let error = error.hint(context.command_with_keys("consultation list"));
                        near(context, &session, &self.person, error)
                    }
                });
            }
            draft => draft.map_err(failed)?,
        };
        let folder = std::path::Path::new(".");
        let composition = desk.compose(trust, keys, &draft, folder, None).map_err(failed)?;
        tell_of_owed(context, &session, &composition.address.consultation)?;
        tell_of_sent(context, &session, &person, &composition.address.consultation);
        tell_of_handover(context, &session, &person, &composition.address.consultation);
        self.sending.go_shown(context, &session, &draft, composition, &[]).await
    }
}

/// Whoever types it again because nothing seems to have happened is told that it has: the first one goes by itself.
fn tell_of_owed(context: &Context, session: &DeskSession, consultation: &str) -> Result<(), CliError> {
    let DeskSession { desk, keys, .. } = session;
    let trust = &session.trust();
    let owed = desk.outstanding(trust, keys).map_err(|error| desk_session::failure(context, error))?;
    for one in owed.iter().filter(|one| one.consultation == consultation) {
        let what =
            format!("a protective act of {} is signed already and owed to {}", one.released, one.recipient);
        context
            .output
            .step(Mark::Warning, &format!("{what}: it goes by itself, and this would be another one"));
    }
    Ok(())
}

/// Whoever says it again is told that it counts already, and by which message. It goes all the same, and asks for no more
/// than the first: what protects a person is never held up.
fn tell_of_sent(context: &Context, session: &DeskSession, person: &PersonRef, consultation: &str) {
    let DeskSession { desk, keys, .. } = session;
    let trust = &session.trust();
    // Nor by what stands in the way of looking.
    let Ok(folded) = desk.consultation_of(trust, keys, consultation) else { return };
    let (past, own) = (folded.book.everything(), &desk.config().ministry);
    let will = will::will(&past, person, context.clock.now(), folded.book.charter());
    let sent = will
        .against
        .iter()
        .rfind(|act| act.sender == *own && act.act_kind() == Some(ActKind::WillWithdrawal));
    let Some(sent) = sent else { return };
    let first = Registers::of_consultation(&folded).of(sent);
    // What nobody has been sent has no receipt: what comes next is what lets it go.
    let (reference, owed) = match desk.find(&first) {
        Err(DeskError::NotSentYet { owed, .. }) => (first, owed),
        Ok(entry) => (desk.spelling_now(&entry).unwrap_or(first), Vec::new()),
        Err(_) => (first, Vec::new()),
    };
    let (at, person) = (Capitals::of([own]).show(sent.released), person.text());
    let said = format!("{reference} of {at} says already that {person} withdraws, and it counts");
    context.output.step(Mark::Warning, &format!("{said}: this would be another one"));
    let next = owed.first().map(|one| next_of(context, one));
    let next = next.unwrap_or_else(|| context.command_with_keys(&format!("receipt {reference}")));
    context.output.next(&next);
    // Scripts are told as well; a reader that is gone holds nothing up, either.
    let _gone = context.output.event(&json!({
        "schema": "chancery.withdrawn-before/1",
        "person": person,
        "ref": reference,
        "released": sent.released.to_string(),
        "owed_to": owed.iter().map(|one| one.recipient.as_str()).collect::<Vec<&str>>(),
    }));
}

/// Of somebody who was handed over from here, whoever says it is told so: only the Power that has the person now can act on
/// it. It goes all the same.
fn tell_of_handover(context: &Context, session: &DeskSession, person: &PersonRef, consultation: &str) {
    let DeskSession { desk, keys, .. } = session;
    // Nothing that stands in the way of looking holds it up.
    let Ok(folded) = desk.consultation_of(&session.trust(), keys, consultation) else { return };
    let (past, own) = (folded.book.everything(), &desk.config().ministry);
    if custody::holder(&past, person) != Some(own) || !reports::is_gone(&past, person) {
        return;
    }
    let said =
        format!("{} was reported as handed over, and {own} does not hold the person any more", person.text());
    context.output.step(Mark::Warning, &format!("{said}: it goes to all Powers all the same"));
    let next = format!("consultation show {consultation}");
    context.output.next(&context.command_with_keys(&next));
}

/// A reference that cannot be read.
pub(super) fn unknown(context: &Context, session: &DeskSession, typed: &str, wrong: String) -> CliError {
    near(context, session, typed, CliError::usage("person", wrong))
}

/// The same error with the references that are known here and look like what was typed. It is never guessed which.
pub(super) fn near(context: &Context, session: &DeskSession, typed: &str, error: CliError) -> CliError {
    let DeskSession { desk, keys, .. } = session;
    let trust = &session.trust();
    // Whatever stands in the way of looking, the error itself is told.
    let Ok(index) = desk.casebook(trust, keys) else { return error };
    let known: Vec<PersonRef> = index.persons().into_iter().collect();
    match night::nearest(typed, &known).as_slice() {
        [] => error,
        near => {
            let error = error.cause(format!("did you mean {}?", near.join(" or ")));
            // Whatever else was typed is meant as well.
            match (near, typed_with(&context.typed, typed, near.first().map_or("", String::as_str))) {
                ([_], Some(again)) => error.hint(again),
                _ => error.hint(context.command_with_keys("consultation list")),
            }
        }
    }
}

/// A reference as it is typed in haste: small letters, spaces, O for 0, I and L for 1.
pub(super) fn parse_hasty_person(text: &str) -> Result<PersonRef, String> {
    let letters = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase());
    let letters: String = letters.collect();
    let code: Vec<char> = letters.strip_prefix('P').unwrap_or_default().chars().collect();
    if code.len() != 12 {
        return parse_person(text);
    }
    let mut spelled = String::from("P");
    for (index, letter) in code.into_iter().enumerate() {
        if index % 4 == 0 {
            spelled.push('-');
        }
        spelled.push(match letter {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        });
    }
    parse_person(&spelled)
}

fn parse_consultation(text: &str) -> Result<ConsultationId, String> {
    ConsultationId::parse(text)
        .map_err(|_| "the id of a consultation such as C-7QK4-M2XD-9WTV is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_understood_as_typed_in_haste_and_never_guessed() {
        for text in ["P-7QK4-M2XD-9WTV", "p 7qk4 m2xd 9wtv", "p7qk4m2xd9wtv"] {
            assert_eq!(parse_hasty_person(text).unwrap().text(), "P-7QK4-M2XD-9WTV");
        }
        for text in ["P-7QK4-M2XD-9WTW", "P-7QK4-M2XD", "", "somebody"] {
            assert!(parse_hasty_person(text).is_err(), "{text}");
        }
    }
}
