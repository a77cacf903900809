//! What the form of an answer takes over from the act that it answers, so that nobody copies digests by hand.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::agreement::AgreementNote;
use crate::consultation::acts::exchange::ExchangeProposal;
use crate::consultation::acts::values::Quoted;
use crate::digest::Digest;

/// Whether the form of such an act takes something over.
pub const fn takes_over(kind: ActKind) -> bool {
    !names(kind).is_empty()
}

/// The fields that the form of such an act may take over.
pub const fn names(kind: ActKind) -> &'static [&'static str] {
    match kind {
        ActKind::AgreementReply => &["terms", "authentic_text_sha256"],
        ActKind::HandoverConfirmation => &["arrangement_id", "persons_sha256"],
        ActKind::ListVerification => &["terms_sha256"],
        ActKind::ProposalResponse => &["proposal_id", "terms_sha256"],
        ActKind::TakedownConfirmation => &["incident_id"],
        _ => &[],
    }
}

/// The fields of an answer of this kind that the answered act decides, as TOML values; none for other answers.
pub fn fields(kind: ActKind, answered: &Act) -> Vec<(&'static str, String)> {
    match (kind, answered) {
        (ActKind::AgreementReply, Act::AgreementNote(note)) => agreement(note),
        (ActKind::HandoverConfirmation, Act::HandoverArrangement(arrangement)) => vec![
            ("arrangement_id", quoted(arrangement.arrangement_id.as_str())),
            ("persons_sha256", quoted(&arrangement.persons_sha256.hex())),
        ],
        (ActKind::ListVerification, Act::ExchangeProposal(proposal)) => vec![terms(proposal)],
        (ActKind::ProposalResponse, Act::ExchangeProposal(proposal)) => {
            vec![("proposal_id", quoted(proposal.proposal_id.as_str())), terms(proposal)]
        }
        (ActKind::TakedownConfirmation, Act::PublicityNotice(notice)) => {
            vec![("incident_id", quoted(notice.incident_id.as_str()))]
        }
        _ => Vec::new(),
    }
}

/// The terms byte for byte and the same set of texts: AGR-02 and AGR-08 ask for nothing else.
fn agreement(note: &AgreementNote) -> Vec<(&'static str, String)> {
    let texts: Vec<String> =
        note.terms.authentic_text_sha256.iter().map(|text| quoted(&text.hex())).collect();
    let mut fields = vec![("authentic_text_sha256", format!("[{}]", texts.join(", ")))];
    fields.extend(Quoted::new(note.terms.bytes()).ok().map(|terms| ("terms", quoted(&terms.hex()))));
    fields
}

fn terms(proposal: &ExchangeProposal) -> (&'static str, String) {
    let digest: Digest = proposal.terms.digest();
    ("terms_sha256", quoted(&digest.hex()))
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::samples;
    use crate::desk::form::draft::{DraftAct, IdsOnly};
    use crate::desk::form::parse::parse;
    use crate::desk::form::template::{Prefill, example, template};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn a_reply_repeats_the_terms_byte_for_byte(note in samples::act_of(ActKind::AgreementNote)) {
            let Act::AgreementNote(said) = &note else { panic!("another act") };
            let form = example(ActKind::AgreementReply);
            let known = fields(ActKind::AgreementReply, &note);
            let lines: Vec<String> = form.lines().map(|line| {
                let field = known.iter().find(|(name, _)| line.starts_with(&format!("{name} =")));
                field.map_or_else(|| line.to_owned(), |(name, value)| format!("{name} = {value}"))
            }).collect();
            let draft = parse(&lines.join("\n"), &IdsOnly).unwrap();
            let DraftAct::Complete(Act::AgreementReply(reply)) = draft.act else { panic!("another act") };
            prop_assert_eq!(reply.terms.bytes(), said.terms.bytes());
            prop_assert!(reply.authentic_text_sha256 == said.terms.authentic_text_sha256);
            let prefill = Prefill { act: known, in_reply_to: Some("9f".repeat(32)), ..Prefill::default() };
            let text = template(ActKind::AgreementReply, &prefill).text;
            let line = format!("terms = {}", quoted(&reply.terms.hex()));
            prop_assert!(text.contains(&line));
        }
    }
}
