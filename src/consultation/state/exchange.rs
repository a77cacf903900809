//! Exchanges: which round of a proposal is live, what was found about its lines, who accepted it (EXC).

use crate::consultation::acts::agreement::AgreementTerms;
use crate::consultation::acts::exchange::{ExchangeProposal, ExchangeTerms};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::EntryId;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::{custody, saying};
use crate::consultation::words::{LineResult, Reply};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use std::collections::BTreeMap;

/// A round of a proposal.
#[derive(Clone, Copy)]
pub struct Round<'h> {
    /// The act.
    pub registered: &'h Registered,
    /// What it says.
    pub act: &'h ExchangeProposal,
}

opaque!(Round<'_>);

impl<'h> Round<'h> {
    /// Digest of its terms, by which answers and counter-proposals name it.
    pub fn digest(&self) -> Digest {
        self.act.terms.digest()
    }

    /// Whether it can still be answered.
    pub fn is_open(&self, at: Timestamp) -> bool {
        at <= self.act.open_until_time
    }

    /// The Power that has to answer it.
    pub fn answerer(&self) -> &'h Ministry {
        let terms: &ExchangeTerms = &self.act.terms;
        if self.registered.sender == terms.proposing_party {
            &terms.receiving_party
        } else {
            &terms.proposing_party
        }
    }

    /// The answer to exactly these terms that stands: the last one of the Power that has to give it.
    pub fn answer(&self, past: &Past<'h>) -> Option<(&'h Registered, Reply)> {
        let digest = self.digest();
        let answers =
            saying!(past.of_thread(&Thread::Proposal(self.act.proposal_id.clone())), ProposalResponse);
        let answers = answers.filter(|(one, act)| {
            act.terms_sha256 == digest && one.stands() && one.sender == *self.answerer()
        });
        answers.map(|(one, act)| (one, act.reply)).max_by_key(|(one, _)| one.number)
    }

    /// The lines that were not found to match yet, or that one of the two parties found not to. Whoever answers the
    /// round looks at all of them, and whoever holds a person answers for his line. What others find decides nothing:
    /// they neither answer for a man whom they do not hold, nor keep two Powers from exchanging him.
    pub fn unmatched(&self, past: &Past<'_>) -> Vec<PersonRef> {
        let terms: &ExchangeTerms = &self.act.terms;
        let results = results(past, self.digest());
        let parties = [&terms.proposing_party, &terms.receiving_party];
        let matched = |person: &PersonRef| {
            let found: Vec<(&Ministry, LineResult)> = results
                .iter()
                .filter(|((sender, about), _)| about == person && parties.contains(sender))
                .map(|((sender, _), (_, result))| (*sender, *result))
                .collect();
            let answers = |sender: &Ministry| sender == self.answerer() || holds(past, terms, person, sender);
            found.iter().any(|(sender, _)| answers(sender))
                && found.iter().all(|(_, result)| matches(*result))
        };
        persons(terms).filter(|person| !matched(person)).collect()
    }

    /// Whether one of the two parties found last that a person is not who the list says, or not there. What it finds of
    /// his life, his health, his will or the law is answered like any word of that.
    pub fn is_mistaken(&self, past: &Past<'_>, person: &PersonRef) -> bool {
        use LineResult::{AlreadyReleased, Duplicate, IdentityMismatch, NotHeld, NotPow};
        let terms: &ExchangeTerms = &self.act.terms;
        let parties = [&terms.proposing_party, &terms.receiving_party];
        let is_another = |result: LineResult| {
            matches!(result, AlreadyReleased | Duplicate | IdentityMismatch | NotHeld | NotPow)
        };
        results(past, self.digest()).iter().any(|((sender, about), (_, result))| {
            about == person && parties.contains(sender) && is_another(*result)
        })
    }
}

/// A round of these terms, live or not: what was found about its lines is the same for all.
pub fn of_terms<'h>(past: &Past<'h>, terms: Digest) -> Option<Round<'h>> {
    let mut rounds = saying!(past.of_thread(&Thread::Terms(terms)), ExchangeProposal);
    rounds.next().map(|(registered, act)| Round { registered, act })
}

/// Whether somebody's line in the list that these terms rest on is said to be a mistake.
pub fn is_listed_by_mistake(past: &Past<'_>, terms: &AgreementTerms, person: &PersonRef) -> bool {
    let round = terms.exchange_terms_sha256.and_then(|terms| of_terms(past, terms));
    round.is_some_and(|round| round.is_mistaken(past, person))
}

/// The live round of a proposal: the highest that stands.
pub fn live<'h>(past: &Past<'h>, proposal: &EntryId) -> Option<Round<'h>> {
    let rounds = saying!(past.of_thread(&Thread::Proposal(proposal.clone())), ExchangeProposal);
    let standing = rounds.filter(|(one, _)| one.stands());
    let last = standing.max_by_key(|(one, act)| (act.round, one.order()));
    last.map(|(registered, act)| Round { registered, act })
}

/// The live rounds that list a person, in the order of the acts.
pub fn listing<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Round<'h>> {
    let proposals = saying!(past.of_person(person), ExchangeProposal);
    let mut ids: Vec<&EntryId> = proposals.map(|(_, act)| &act.proposal_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let live = ids.into_iter().filter_map(|id| live(past, id));
    live.filter(|round| persons(&round.act.terms).any(|listed| listed == *person)).collect()
}

/// Everyone that terms list.
pub fn persons(terms: &ExchangeTerms) -> impl Iterator<Item = PersonRef> {
    terms.to_receiving_party.iter().chain(&terms.to_proposing_party).map(|line| line.person)
}

/// Where terms send a person; none where they do not list him, or the party is no State.
pub fn destination(terms: &ExchangeTerms, person: &PersonRef) -> Option<Destination> {
    let to = match () {
        () if terms.to_receiving_party.find(person).is_some() => &terms.receiving_party,
        () if terms.to_proposing_party.find(person).is_some() => &terms.proposing_party,
        () => return None,
    };
    custody::region(to).map(Destination::NamedState)
}

/// Whether a line was found to be who the list says.
pub const fn matches(result: LineResult) -> bool {
    matches!(result, LineResult::Matched | LineResult::MatchedAfterCorrection)
}

/// Whether a Power holds a person whom terms list: by his case, and where there is none by the list that it fills.
fn holds(past: &Past<'_>, terms: &ExchangeTerms, person: &PersonRef, power: &Ministry) -> bool {
    match custody::holder(past, person) {
        Some(holder) => holder == power,
        None if terms.to_receiving_party.find(person).is_some() => terms.proposing_party == *power,
        None => terms.receiving_party == *power,
    }
}

/// The last finding of each Power about each line.
fn results<'h>(past: &Past<'h>, terms: Digest) -> BTreeMap<(&'h Ministry, PersonRef), (u64, LineResult)> {
    let mut results: BTreeMap<(&Ministry, PersonRef), (u64, LineResult)> = BTreeMap::new();
    for (one, act) in saying!(past.of_thread(&Thread::Terms(terms)), ListVerification) {
        if !one.stands() {
            continue;
        }
        for finding in &act.findings {
            let key = (&one.sender, finding.person);
            if results.get(&key).is_none_or(|(number, _)| *number <= one.number) {
                results.insert(key, (one.number, finding.result));
            }
        }
    }
    results
}
