//! How an officer acknowledges what this ministry was sent: the command for each message that waits for it.
//!
//! What is due enters; `next:` lines leave. FLASH and IMMEDIATE are acknowledged by whoever reads them, because the registry
//! signs a receipt then; less urgent ones by a receipt that an office releases, or by any later act that knew of them.

use super::context::Context;
use super::deadlines::Deadline;
use super::shell_word;
use crate::trust::name::Ministry;

/// Commands that are shown at most: whoever types one sees the others after it.
const SHOWN: usize = 3;

/// Says what this ministry types about what waits for its acknowledgement, the first due first.
pub(super) fn advise(context: &Context, own: &Ministry, due: &[Deadline]) {
    let commands = due.iter().filter_map(|one| acknowledges(own, one));
    commands.take(SHOWN).for_each(|words| context.output.next(&context.command(&words)));
}

/// The words of the command that acknowledges it; none where another ministry does, or where the message is not here.
fn acknowledges(own: &Ministry, due: &Deadline) -> Option<String> {
    let is_ours = due.what.starts_with("acknowledge ") && due.who.contains(own);
    if !is_ours || due.what.ends_with(" not here") || due.reference.is_empty() {
        return None;
    }
    let reference = shell_word(&due.reference);
    Some(match due.alarming {
        true => format!("read {reference}"),
        false => format!("new registry-receipt --reply-to {reference} -o receipt.toml"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn due(what: &str, alarming: bool) -> Deadline {
        Deadline {
            at: Timestamp::from_seconds(1_795_345_200),
            who: vec![Ministry::parse("XA").unwrap()],
            what: what.to_owned(),
            consultation: "C-7QK4-M2XD-9WTV".to_owned(),
            persons: Vec::new(),
            reference: "XB-XA-2026-0019".to_owned(),
            alarming,
            digest: None,
            owed_to: None,
            signed: None,
        }
    }

    #[test]
    fn what_is_urgent_is_acknowledged_by_reading_and_the_rest_by_a_receipt_of_the_addressee() {
        let of = |code: &str, due: &Deadline| acknowledges(&Ministry::parse(code).unwrap(), due);
        let urgent = due("acknowledge FLASH will-withdrawal", true);
        assert_eq!(of("XA", &urgent).as_deref(), Some("read XB-XA-2026-0019"));
        let other = due("acknowledge PRIORITY handover-report", false);
        let receipt = "new registry-receipt --reply-to XB-XA-2026-0019 -o receipt.toml";
        assert_eq!(of("XA", &other).as_deref(), Some(receipt));
        assert_eq!(of("XB", &other), None, "its sender waits");
        assert_eq!(of("XA", &due("answer correspondence", false)), None);
        assert_eq!(of("XA", &due("acknowledge FLASH message 9f, which is not here", true)), None);
        assert_eq!(of("XA", &Deadline { reference: String::new(), ..urgent }), None);
    }
}
