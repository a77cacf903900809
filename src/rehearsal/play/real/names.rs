//! Names that every desk is to know before the script begins. A real desk knows the names that somebody has told it, so
//! each party tells all others, in a consultation of its own, of persons that the script does not speak of: a desk that has
//! told a name itself lets no text contain it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::ground::{Composed, Cue, Ground, Halt};
use super::ground::Real;
use crate::consultation::act::{Act, ActKind};
use crate::consultation::outline::{Field, Value};
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::registered::Marks as Basis;
use crate::consultation::rules::names::family_and_given;
use crate::entropy::SystemEntropy;
use crate::message::terms::{DocumentClass, DocumentStanding, Precedence};
use crate::rehearsal::script::{Hands, Marks, Paper, Say, Script};

/// How long before the script begins they are told: after the ministries were founded, before the consultation opens.
const TOLD_BEFORE: Duration = Duration::from_secs(12 * 3600);

/// Lets every desk know the names of the script.
pub(super) fn make_known(real: &mut Real, script: &Script) -> Result<(), String> {
    if script.known_names.is_empty() {
        return Ok(());
    }
    let no_chance = |cause: crate::entropy::NoEntropy| cause.to_string();
    let consultation = ConsultationId::mint(&SystemEntropy).map_err(no_chance)?;
    let apart = Script { consultation, ..script.clone() };
    let tellers = script.parties.iter().map(|party| saying(party.ministry.clone(), script));
    let told = tellers.flat_map(|say| script.known_names.iter().map(move |name| (say.clone(), name)));
    for (say, name) in told {
        let person = PersonRef::mint(&SystemEntropy).map_err(no_chance)?;
        let act = Act::from_outline(ActKind::PersonParticulars, &particulars(person, name))
            .map_err(|_| format!("{name:?} cannot be told as the name of a person"))?;
        let now = script.start.before(TOLD_BEFORE);
        real.set(now).map_err(|fault| fault.to_string())?;
        let cue = Cue {
            script: &apart,
            say: &say,
            act: &act,
            papers: &[note()],
            now,
            basis: &Basis::new([]),
            number: None,
            in_reply_to: None,
        };
        let unsaid = |halt: Halt| format!("the known names could not be told to every desk: {halt:?}");
        let Composed { message, .. } = real.compose(&cue).map_err(unsaid)?;
        for copy in real.send(message).map_err(unsaid)? {
            real.fetch(&copy.recipient, copy.id).map_err(|fault| fault.to_string())?;
        }
    }
    Ok(())
}

/// What every message says at least.
fn note() -> Paper {
    Paper {
        id: "en".to_owned(),
        title: "Memorandum".to_owned(),
        words: "The particulars of a person are transmitted.".to_owned(),
        language: "en".to_owned(),
        standing: DocumentStanding::Official,
        class: DocumentClass::DiplomaticText,
        media_type: "text/plain".to_owned(),
        translation_of: String::new(),
    }
}

/// Family and given name as far as they can be told apart.
fn particulars(person: PersonRef, name: &str) -> Vec<Field> {
    let field = |name: &'static str, value| Field { name: name.into(), value };
    let (family, given) = family_and_given(name).unwrap_or((name, ""));
    let mut borne = vec![
        field("family_name", Value::Text(family.to_owned())),
        field("script", Value::Text("Zyyy".to_owned())),
        field("is_primary", Value::Flag(true)),
    ];
    if !given.is_empty() {
        borne.push(field("given_name", Value::Text(given.to_owned())));
    }
    vec![
        field("person", Value::Person(person)),
        field("names", Value::List(vec![Value::Group(borne)])),
        field("basis", Value::Word("GIVEN_UNDER_ART_17")),
    ]
}

fn saying(sender: crate::trust::name::Ministry, script: &Script) -> Say {
    let others = script.parties.iter().map(|party| party.ministry.clone()).filter(|one| *one != sender);
    let marks =
        Marks { precedence: Some(Precedence::Routine), to: Some(others.collect()), ..Marks::default() };
    Say {
        sender,
        kind: ActKind::PersonParticulars,
        written: Vec::new(),
        usual: false,
        marks,
        offices: Hands::default(),
        languages: None,
        papers: Vec::new(),
        travel: BTreeMap::new(),
        force: true,
        number_of: None,
        unaware_of: Vec::new(),
        expect: Vec::new(),
        expect_at: BTreeMap::new(),
    }
}
