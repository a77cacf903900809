//! Which offices stand behind an act: the authentications that its dispatch lists, and the order in which they are
//! given.
//!
//! A kind of act and a form enter; kinds of authentication leave. The drafter signs first and never releases; those
//! who clear come next; whoever initials or concludes sees the clearances; the seal comes last, because it is put on
//! what all others have signed. A protective act has one signature and waits for nobody (ROL-05); the second pair of
//! eyes on it is the office that countersigns it, by its initials alone. What registries say to each other is theirs
//! (ROL-04).

use crate::consultation::act::ActKind;
use crate::message::terms::{ActClass, AuthenticationKind, Form};

/// The authentications that an act of this kind bears in this form, in the order in which the dispatch lists them.
pub fn authentications(kind: ActKind, form: Form) -> &'static [AuthenticationKind] {
    use AuthenticationKind::{Draft, DutyOfficer, Initials, LegalClearance, Registry, Seal, Signature};
    let specification = kind.specification();
    if specification.class == ActClass::Protective {
        return &[DutyOfficer];
    }
    if kind == ActKind::Countersignature {
        return &[Initials];
    }
    match (form, specification.concludes) {
        (Form::ServiceMessage, _) => &[Registry],
        (Form::NoteVerbale, false) => &[Draft, Initials, Seal],
        (Form::NoteVerbale, true) => &[Draft, LegalClearance, Signature, Initials, Seal],
        (Form::FirstPersonNote, false) => &[Draft, Signature, Seal],
        (Form::FirstPersonNote, true) => &[Draft, LegalClearance, Signature, Seal],
        (Form::AideMemoire | Form::Memorandum | Form::NonPaper | Form::DemarcheRecord, false) => {
            &[Draft, Seal]
        }
        (Form::AideMemoire | Form::Memorandum | Form::NonPaper | Form::DemarcheRecord, true) => {
            &[Draft, LegalClearance, Signature, Seal]
        }
    }
}

/// When an authentication is given: those of a lower turn come first, those of the same turn in any order.
pub const fn turn(kind: AuthenticationKind) -> u8 {
    match kind {
        AuthenticationKind::Draft => 0,
        AuthenticationKind::Clearance | AuthenticationKind::LegalClearance | AuthenticationKind::Witness => 1,
        AuthenticationKind::Initials | AuthenticationKind::Signature | AuthenticationKind::DutyOfficer => 2,
        AuthenticationKind::Seal | AuthenticationKind::Registry => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::rules::authentications_needed;

    #[test]
    fn what_a_form_needs_is_among_what_is_listed() {
        for kind in ActKind::ALL {
            for form in kind.specification().forms {
                let listed = authentications(*kind, *form);
                let needed = authentications_needed(*kind, *form);
                let protective = kind.class() == ActClass::Protective;
                assert!(
                    protective || needed.iter().all(|kind| listed.contains(kind)),
                    "{} {form}",
                    kind.word()
                );
                assert!(listed.is_sorted_by_key(|kind| turn(*kind)), "{} {form}", kind.word());
            }
        }
    }

    #[test]
    fn evidence_knows_the_kinds_of_protective_acts_by_the_catalogue() {
        let protective = ActKind::ALL.iter().filter(|kind| kind.class() == ActClass::Protective);
        let mut words: Vec<&str> = protective.map(|kind| kind.word()).collect();
        words.sort_unstable();
        assert_eq!(words, crate::message::evidence::PROTECTIVE_KINDS);
    }

    #[test]
    fn nobody_releases_alone_but_the_duty_officer_and_the_registry_its_own_acts() {
        for kind in ActKind::ALL {
            for form in kind.specification().forms {
                let listed = authentications(*kind, *form);
                let (class, drafted) = (kind.class(), listed.contains(&AuthenticationKind::Draft));
                match listed {
                    [AuthenticationKind::DutyOfficer] => assert_eq!(class, ActClass::Protective),
                    [AuthenticationKind::Initials] => assert_eq!(*kind, ActKind::Countersignature),
                    [AuthenticationKind::Registry] => assert_eq!(class, ActClass::Correspondence),
                    _ => assert!(drafted && listed.iter().any(|kind| kind.releases()), "{}", kind.word()),
                }
                let concludes = kind.specification().concludes;
                assert_eq!(
                    listed.contains(&AuthenticationKind::LegalClearance),
                    concludes,
                    "{}",
                    kind.word()
                );
                assert!(!concludes || listed.contains(&AuthenticationKind::Signature), "{}", kind.word());
            }
        }
    }
}
