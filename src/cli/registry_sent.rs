//! What the registry sent without being asked: said to whoever typed the command with which it went.
//!
//! An answer enters by its references; a line for people and an object for scripts leave. It never fails a command. A
//! receipt and what is signed where a peer was silent are two very different things, and an officer at night is told which.

use serde_json::json;

use super::context::Context;
use crate::consultation::act::ActKind;
use crate::desk::casebook::Answered;

/// Tells which message it was, to whom, and about what.
pub(super) fn tell(context: &Context, one: &Answered) {
    context.output.note(&sentence(one));
    let _gone = context.output.event(&json!({
        "schema": "chancery.registry-sent/1",
        "kind": one.kind.word(),
        "ref": one.reference,
        "to": one.to.as_str(),
        "about": one.about,
    }));
}

fn sentence(one: &Answered) -> String {
    let Answered { kind, reference, to, about } = one;
    match kind {
        ActKind::RegistryReceipt => format!("the registry acknowledged {about} to {to}: {reference}"),
        ActKind::RuleRejection => format!("the registry rejected {about} of {to} by a rule: {reference}"),
        ActKind::NonAcknowledgement => {
            format!("the registry signed that {to} did not acknowledge {about} in its time: {reference}")
        }
        kind => format!("the registry answered {about} of {to} by {}: {reference}", kind.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::name::Ministry;

    #[test]
    fn a_receipt_and_what_is_signed_about_a_silent_peer_are_told_apart() {
        let said = |kind| {
            let to = Ministry::parse("XB").unwrap();
            let [reference, about] = ["XA-XB-2026-0009", "XB-XA-2026-0023"].map(str::to_owned);
            sentence(&Answered { kind, reference, to, about })
        };
        let receipt = "the registry acknowledged XB-XA-2026-0023 to XB: XA-XB-2026-0009";
        assert_eq!(said(ActKind::RegistryReceipt), receipt);
        let silent =
            "the registry signed that XB did not acknowledge XB-XA-2026-0023 in its time: XA-XB-2026-0009";
        assert_eq!(said(ActKind::NonAcknowledgement), silent);
        let rejected = "the registry rejected XB-XA-2026-0023 of XB by a rule: XA-XB-2026-0009";
        assert_eq!(said(ActKind::RuleRejection), rejected);
    }
}
