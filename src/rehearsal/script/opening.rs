//! How a consultation comes to stand open before the first move: proposed by the detaining Power, or by the first
//! party where there is none, and accepted by every other Power.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Hands, Marks, Move, Party, Say, Script, What};
use crate::consultation::act::ActKind;
use crate::consultation::words::PartyRole;
use crate::trust::name::Ministry;

/// How long before the start the consultation is proposed, and then accepted.
const PROPOSED_BEFORE: Duration = Duration::from_secs(2 * 3600);
const ACCEPTED_BEFORE: Duration = Duration::from_secs(3600);

/// The acts of the opening; none where the script opens the consultation itself. `after` is the time before the start.
pub(in crate::rehearsal) fn moves(script: &Script) -> Vec<Move> {
    if !script.opened || script.is_proposed_by_a_step() {
        return Vec::new();
    }
    let detains = |party: &&Party| party.roles.contains(&PartyRole::DetainingPower);
    let mut powers = script.parties.iter().filter(|party| party.is_power());
    let proposer = script.parties.iter().find(detains).or_else(|| powers.next());
    let Some(proposer) = proposer else { return Vec::new() };
    let mut moves = vec![one("opening", &proposer.ministry, ActKind::ConsultationProposal, PROPOSED_BEFORE)];
    for party in script.parties.iter().filter(|party| party.is_power() && party.ministry != proposer.ministry)
    {
        let label = format!("accepted-by-{}", party.ministry.lower());
        moves.push(one(&label, &party.ministry, ActKind::ConsultationReply, ACCEPTED_BEFORE));
    }
    moves
}

impl Script {
    /// Whether a step proposes the consultation.
    pub(super) fn is_proposed_by_a_step(&self) -> bool {
        let proposes =
            |one: &Move| matches!(&one.what, What::Say(say) if say.kind == ActKind::ConsultationProposal);
        self.moves.iter().any(proposes)
    }
}

fn one(label: &str, sender: &Ministry, kind: ActKind, before: Duration) -> Move {
    let say = Say {
        sender: sender.clone(),
        kind,
        written: Vec::new(),
        usual: true,
        marks: Marks {
            in_reply_to: (kind == ActKind::ConsultationReply).then(|| "opening".to_owned()),
            ..Marks::default()
        },
        offices: Hands::default(),
        languages: None,
        papers: Vec::new(),
        travel: BTreeMap::new(),
        force: false,
        number_of: None,
        unaware_of: Vec::new(),
        expect: Vec::new(),
        expect_at: BTreeMap::new(),
    };
    Move {
        label: label.to_owned(),
        title: String::new(),
        line: 0,
        after: Some(before),
        what: What::Say(Box::new(say)),
    }
}
