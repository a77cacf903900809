//! The act of a draft that a client asks for.
//!
//! The act of the wire enters; the record that the codec reads out of it leaves, or the faults of the codec by their
//! paths. What a form would fill in is filled in here too, and never in the place of what the client said.

use super::Reader;
use crate::consultation::acts::values::EntryId;
use crate::consultation::codec;
use crate::consultation::fault::Reason;
use crate::consultation::reference::ConsultationId;
use crate::desk::form::draft::{DraftAct, References};
use crate::desk::serve::acts;
use crate::proto::consultation::v1::ActMark;
use crate::proto::desk::v1 as wire;
use crate::trust::name::Ministry;

impl Reader<'_> {
    /// The act, whose own faults come with their paths.
    pub(super) fn act(&mut self, act: Option<wire::Act>, consultation: &ConsultationId) -> Option<DraftAct> {
        let Some(act) = act.map(|act| proposing(act, consultation)) else {
            self.add("act", Reason::FieldMissing.word(), "a draft has an act");
            return None;
        };
        let Some((kind, record)) = acts::parts(&act) else {
            self.add("act", Reason::FieldMissing.word(), "a draft has an act");
            return None;
        };
        match codec::decode(kind, &record) {
            Ok(act) => Some(DraftAct::Complete(act)),
            Err(faults) => {
                let field = kind.replace('-', "_");
                for fault in faults.iter() {
                    let path = format!("act.{field}.{}", fault.field());
                    self.add(path.trim_end_matches('.'), fault.reason(), fault.message());
                }
                None
            }
        }
    }
}

/// A proposal that names no consultation proposes the one that is minted for it.
fn proposing(mut act: wire::Act, consultation: &ConsultationId) -> wire::Act {
    if let Some(wire::act::Act::ConsultationProposal(proposal)) = &mut act.act
        && proposal.consultation.is_empty()
    {
        proposal.consultation = consultation.text();
    }
    act
}

/// A GO that does not say what it knew says what is known here, as a form does.
pub(super) fn filled_in(
    mut act: wire::Act,
    consultation: &ConsultationId,
    references: &dyn References,
) -> wire::Act {
    if let Some(wire::act::Act::GoNoGo(go)) = &mut act.act {
        if go.synced_to.is_empty()
            && let Some(marks) = references.synced_to(consultation)
        {
            let known = marks.iter().filter(|(_, number)| *number > 0);
            let mark = |(ministry, act_number): (&Ministry, u64)| ActMark {
                ministry: ministry.to_string(),
                act_number,
            };
            go.synced_to = known.map(mark).collect();
        }
        if go.protective_acts.is_empty()
            && let Ok(arrangement) = EntryId::parse(&go.arrangement_id)
        {
            let known = references.protective_acts(consultation, &arrangement).into_iter();
            go.protective_acts = known.map(|one| one.dispatch_digest.as_bytes().to_vec()).collect();
        }
    }
    act
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::registered::Marks;
    use crate::desk::form::draft::{Counting, Referenced};
    use crate::digest::Digest;
    use crate::entropy::SystemEntropy;
    use crate::proto::consultation::v1::GoNoGo;

    /// A desk that knows one withdrawal.
    struct Known;

    impl References for Known {
        fn message(&self, _: &str) -> Option<Referenced> {
            None
        }

        fn synced_to(&self, _: &ConsultationId) -> Option<Marks> {
            Some(Marks::new([(Ministry::parse("XA").unwrap(), 4), (Ministry::parse("XB").unwrap(), 0)]))
        }

        fn protective_acts(&self, _: &ConsultationId, arrangement: &EntryId) -> Vec<Counting> {
            let known = Counting { dispatch_digest: Digest::of(b"withdrawal"), number: String::new() };
            if arrangement.as_str() == "H-1" { vec![known] } else { Vec::new() }
        }
    }

    #[test]
    fn a_go_says_what_the_desk_knows_where_it_says_nothing() {
        let consultation = ConsultationId::mint(&SystemEntropy).unwrap();
        let go = |go: GoNoGo| {
            let act = wire::Act { act: Some(wire::act::Act::GoNoGo(go)) };
            match filled_in(act, &consultation, &Known).act {
                Some(wire::act::Act::GoNoGo(go)) => go,
                _ => panic!("another act"),
            }
        };
        let filled = go(GoNoGo { arrangement_id: "H-1".to_owned(), ..GoNoGo::default() });
        let mark = ActMark { ministry: "XA".to_owned(), act_number: 4 };
        assert_eq!((filled.synced_to.as_slice(), filled.protective_acts.len()), (&[mark.clone()][..], 1));
        let stated = ActMark { act_number: 9, ..mark };
        let own = GoNoGo {
            arrangement_id: "H-1".to_owned(),
            synced_to: vec![stated],
            protective_acts: vec![vec![7; 32]],
            ..GoNoGo::default()
        };
        assert_eq!(go(own.clone()), own, "what the client says stands");
    }
}
