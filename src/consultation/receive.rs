//! What a receiver does with the act of a dispatch, whether this release can read it or not.
//!
//! Kind, class and bytes of a dispatch enter; what they come to leaves. The class stands in the dispatch beside the
//! kind, signed like it, so that an older release knows what it may do with an act of a newer one: protective and
//! factual acts and correspondence are registered without being understood and shown as such, because they must not be
//! lost; normative acts are answered by a RuleRejection, because nothing may come into being that one side cannot read.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::codec;
use crate::consultation::fault::Faults;
use crate::consultation::rules::{Finding, Rule, Severity};
use crate::message::terms::ActClass;

/// What the act of a dispatch comes to.
#[derive(Clone, PartialEq, Eq)]
pub enum Received {
    /// It was read.
    Read(Box<Act>),
    /// It is registered without being understood, and shown to a person at once.
    NotUnderstood(Faults),
    /// It has no effect, and is answered by a RuleRejection.
    Rejected(Faults),
}

/// Judges by kind, class and bytes of a dispatch.
pub fn receive(kind: &str, class: ActClass, bytes: &[u8]) -> Received {
    let faults = match codec::decode(kind, bytes) {
        Ok(act) => return Received::Read(Box::new(act)),
        Err(faults) => faults,
    };
    // That a class is not the one of the act is for FRM-05 to say. For a kind of this release its own class
    // counts: no sender makes an agreement a fact by calling it one.
    match ActKind::from_word(kind).map_or(class, ActKind::class) {
        ActClass::Normative => Received::Rejected(faults),
        ActClass::Protective | ActClass::Factual | ActClass::Correspondence => {
            Received::NotUnderstood(faults)
        }
    }
}

crate::consultation::opaque!(Received);

/// What stands against an act that this release cannot read: an error where it is to be rejected.
pub fn unreadable(faults: &Faults, severity: Severity) -> Vec<Finding> {
    let findings = faults.iter().map(|fault| Finding {
        rule: Rule::Frm05,
        severity,
        field: format!("act.{}", fault.field()).trim_end_matches('.').to_owned(),
        message: format!("{}: {}", fault.reason(), fault.message()),
        hint: fault.hint().to_owned(),
        subjects: Vec::new(),
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came_to(kind: &str, class: ActClass, bytes: &[u8]) -> &'static str {
        match receive(kind, class, bytes) {
            Received::Read(_) => "read",
            Received::NotUnderstood(_) => "not understood",
            Received::Rejected(_) => "rejected",
        }
    }

    #[test]
    fn an_unknown_act_follows_its_class() {
        let strange = [0x0a, 0x01, 0xff];
        for (class, expected) in [
            (ActClass::Protective, "not understood"),
            (ActClass::Factual, "not understood"),
            (ActClass::Correspondence, "not understood"),
            (ActClass::Normative, "rejected"),
        ] {
            assert_eq!(came_to("act-of-2030", class, &strange), expected);
            assert_eq!(came_to("erasure-notice", class, &strange), expected);
        }
    }

    #[test]
    fn a_known_act_keeps_its_own_class_whatever_the_dispatch_says() {
        let bytes = [0x08, 0x01];
        assert_eq!(came_to("consultation-reply", ActClass::Normative, &bytes), "read");
        assert_eq!(came_to("consultation-reply", ActClass::Factual, &bytes), "read");
        let beyond = [0x08, 0x63];
        assert_eq!(came_to("consultation-reply", ActClass::Factual, &beyond), "rejected");
        let mut hold = vec![0x0a, 0x10];
        hold.extend(b"P-7QK4-M2XD-9WTV");
        assert_eq!(came_to("hold-notice", ActClass::Protective, &hold), "read");
        hold.extend([0x10, 0x63]);
        assert_eq!(
            came_to("hold-notice", ActClass::Protective, &hold),
            "not understood",
            "a reason of a later release"
        );
        assert_eq!(came_to("hold-notice", ActClass::Normative, &hold), "not understood");
    }

    #[test]
    fn a_reserved_act_is_refused_by_its_name() {
        let faults = codec::decode("information-request", &[]).unwrap_err();
        assert!(
            faults
                .to_string()
                .contains("information-request (Request for information) is not in this release")
        );
    }
}
