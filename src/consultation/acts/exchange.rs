//! Exchanges: proposals and counter-proposals, the check of their lists, answers (GC III Arts 6, 109(2)).
//!
//! Numbers may differ from lists here, because EXC-02 says so to the sender's face instead of a fault of form.

use crate::consultation::acts::belongs;
use crate::consultation::acts::law::Refusal;
use crate::consultation::acts::transfer::reasons_stand_where_they_belong;
use crate::consultation::acts::values::{Count, EntryId};
use crate::consultation::codec::containers::Terms;
use crate::consultation::codec::record::{checked, record};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::list::{Keyed, List, Set};
use crate::consultation::reference::PersonRef;
use crate::consultation::text::Text;
use crate::consultation::words::{ExchangeCategory, ExchangeFormula, LineResult, Reply};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

checked! {
    /// Proposes an exchange, or counters the proposal of the round before.
    ExchangeProposal = ExchangeProposalFields {
        proposal_id: EntryId,
        round: Count,
        supersedes_terms_sha256: Option<Digest>,
        terms: Terms<ExchangeTerms>,
        open_until_time: Timestamp,
    } by counters_from_the_second_round_on
}

fn counters_from_the_second_round_on(act: &ExchangeProposalFields, faults: &mut Faults) {
    let counter = act.round.number() > 1;
    let message = "the first round supersedes nothing";
    belongs("supersedes_terms_sha256", act.supersedes_terms_sha256.is_some(), counter, message, faults);
}

checked! {
    /// What is exchanged; the same two parties are meant in every round.
    ExchangeTerms = ExchangeTermsFields {
        formula: ExchangeFormula,
        proposing_party: Ministry,
        receiving_party: Ministry,
        to_receiving_party: Set<ExchangeLine, 0>,
        to_proposing_party: Set<ExchangeLine, 0>,
        n: u32,
        m: u32,
        categories: Set<ExchangeCategory, 0>,
        tranches: Option<Count>,
        remains_n: Option<Count>,
        remains_m: Option<Count>,
    } by concern_two_parties
}

fn concern_two_parties(terms: &ExchangeTermsFields, faults: &mut Faults) {
    if terms.proposing_party == terms.receiving_party {
        let message = "an exchange has two parties";
        faults.add_at("receiving_party", Fault::new(Reason::FieldConflict, message));
    }
    if terms.formula == ExchangeFormula::AllForAllInCategory && terms.categories.is_empty() {
        faults.add_at("categories", Fault::missing());
    }
    let both = |line: &ExchangeLine| terms.to_receiving_party.find(&line.person).is_some();
    if terms.to_proposing_party.iter().any(both) {
        let message = "a person goes to both parties";
        faults.add_at("to_proposing_party", Fault::new(Reason::EntryRepeated, message));
    }
}

record! {
    /// A person on a list.
    pub struct ExchangeLine {
        person: PersonRef,
        category: ExchangeCategory,
        tranche: Option<Count>,
    }
}

record! {
    /// What a holding Power found about the lines of a list.
    pub struct ListVerification {
        terms_sha256: Digest,
        findings: Set<LineFinding, 1>,
    }
}

record! {
    /// What was found about one line.
    pub struct LineFinding {
        person: PersonRef,
        result: LineResult,
        note: Option<Text>,
    }
}

/// Lines are told apart by the person.
macro_rules! by_person {
    ($($name:ty),+) => {
        $(impl Keyed for $name {
            type Key = PersonRef;

            fn key(&self) -> PersonRef {
                self.person
            }
        })+
    };
}
pub(super) use by_person;
by_person!(ExchangeLine, LineFinding);

checked! {
    /// Answers an exchange proposal.
    ProposalResponse = ProposalResponseFields {
        proposal_id: EntryId,
        terms_sha256: Digest,
        reply: Reply,
        reasons: List<Refusal, 0>,
    } by gives_its_reasons
}

fn gives_its_reasons(act: &ProposalResponseFields, faults: &mut Faults) {
    reasons_stand_where_they_belong(act.reply, act.reasons.is_empty(), faults);
}
