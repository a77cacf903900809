//! EXC: rounds of a proposal, their lists, and what each side may put on them. Each side is judged for the persons it
//! holds: of those the other side holds it cannot know.

use crate::consultation::act::Act;
use crate::consultation::acts::agreement::AgreementTerms;
use crate::consultation::acts::exchange::{ExchangeLine, ExchangeProposal, ExchangeTerms, ProposalResponse};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::EntryId;
use crate::consultation::history::{Past, Thread};
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::exchange::Round;
use crate::consultation::state::offers::{self, Offer};
use crate::consultation::state::places::{Likeness, Places, Spoken};
use crate::consultation::state::will::{self, WillStanding};
use crate::consultation::state::{custody, exchange, promised, saying};
use crate::consultation::words::Reply;
use crate::trust::name::Ministry;

/// What ends an offer of one's own.
pub(super) const OFFER_FIRST: &str =
    "withdraw the other note, or counter the round without the person, first";

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    if let Act::ExchangeProposal(act) = judgement.act {
        numbers(&act.terms, findings);
    }
    let Some(past) = judgement.past else { return };
    match judgement.act {
        Act::ExchangeProposal(act) => {
            round(past, act, findings);
            own_lines(judgement, past, act, findings);
        }
        Act::ProposalResponse(act) if act.reply == Reply::Accept => accept(judgement, past, act, findings),
        Act::AgreementNote(note) => settles(past, &note.terms, None, findings),
        _ => {}
    }
}

/// EXC-02.
fn numbers(terms: &ExchangeTerms, findings: &mut Findings) {
    let lists = [
        ("act.terms.n", terms.n, terms.to_receiving_party.len()),
        ("act.terms.m", terms.m, terms.to_proposing_party.len()),
    ];
    for (field, stated, listed) in lists {
        if usize::try_from(stated) != Ok(listed) {
            let message = format!("{stated} is stated and {listed} are listed");
            findings.add(Rule::Exc02, field, message, Rule::Exc02.cure());
        }
    }
}

/// EXC-03 of a proposal: the next round of what is live, between the same parties.
fn round(past: &Past<'_>, act: &ExchangeProposal, findings: &mut Findings) {
    let live = exchange::live(past, &act.proposal_id);
    let message = match (live, act.round.number()) {
        (None, 1) => return,
        (None, _) => "no round of this proposal is live",
        (Some(_), 1) => "a proposal under this id is live",
        (Some(live), _) if act.supersedes_terms_sha256 != Some(live.digest()) => {
            "it supersedes other terms than those of the live round"
        }
        (Some(live), next) if next != live.act.round.number().saturating_add(1) => {
            "it is not the round after the live one"
        }
        (Some(live), _) if parties(&live.act.terms) != parties(&act.terms) => {
            "it is between other parties than the live round"
        }
        (Some(_), _) => return,
    };
    findings.add(Rule::Exc03, "act.round", message, Rule::Exc03.cure());
}

fn parties(terms: &ExchangeTerms) -> (&Ministry, &Ministry) {
    (&terms.proposing_party, &terms.receiving_party)
}

/// EXC-04 to 06 of the lines that the sender fills.
fn own_lines(judgement: &Judgement<'_>, past: &Past<'_>, act: &ExchangeProposal, findings: &mut Findings) {
    let terms: &ExchangeTerms = &act.terms;
    let Some((name, lines)) = filled_by(&judgement.address.sender, terms) else { return };
    for (index, line) in lines.iter().enumerate() {
        let field = format!("act.terms.{name}[{index}]");
        let mut add = |rule: Rule, message: &str| {
            findings.about(&line.person, |findings| findings.add(rule, field.clone(), message, rule.cure()));
        };
        if custody::is_no_prisoner(past, &line.person) {
            add(Rule::Exc05, "the person is no prisoner of war");
        }
        if custody::case(past, &line.person).is_some() && !is_willing(judgement, past, terms, &line.person) {
            add(Rule::Exc04, "no statement of the person that counts accepts the other party's State");
        }
        if is_promised(judgement, past, terms, &line.person) {
            add(Rule::Exc06, "an agreement sends the person elsewhere");
        } else if is_offered(judgement, past, terms, &act.proposal_id, &line.person) {
            let message = "the sender itself offers the person elsewhere";
            findings.about(&line.person, |findings| {
                findings.add(Rule::Exc06, field, message, OFFER_FIRST);
            });
        }
    }
}

/// The list that a party fills, with its name.
pub(super) fn filled_by<'t>(
    party: &Ministry,
    terms: &'t ExchangeTerms,
) -> Option<(&'static str, &'t [ExchangeLine])> {
    if *party == terms.proposing_party {
        return Some(("to_receiving_party", terms.to_receiving_party.as_slice()));
    }
    (*party == terms.receiving_party).then(|| ("to_proposing_party", terms.to_proposing_party.as_slice()))
}

fn is_willing(judgement: &Judgement<'_>, past: &Past<'_>, terms: &ExchangeTerms, person: &PersonRef) -> bool {
    let asked = asked(judgement, past, terms, person);
    asked.is_some_and(|asked| asked.standing == WillStanding::Current && asked.accepts == Some(true))
}

/// Whether a person said, or is said to have said, that he does not want what these terms send him to. Whoever was not
/// asked yet is asked before anything is agreed on (WIL-01).
fn refuses(judgement: &Judgement<'_>, past: &Past<'_>, terms: &ExchangeTerms, person: &PersonRef) -> bool {
    let asked = asked(judgement, past, terms, person);
    asked.is_some_and(|asked| match asked.standing {
        WillStanding::Withdrawn => true,
        WillStanding::Indicated => asked.is_against,
        _ => asked.accepts == Some(false),
    })
}

/// What a person wants of where some terms send him.
struct Asked {
    standing: WillStanding,
    /// Whether a statement that counts, or did until it grew old, accepts it; none without one.
    accepts: Option<bool>,
    /// Whether anything speaks against it that no statement overcame.
    is_against: bool,
}

fn asked(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    terms: &ExchangeTerms,
    person: &PersonRef,
) -> Option<Asked> {
    let destination = exchange::destination(terms, person)?;
    let destination = Spoken::now(&destination);
    let will = will::towards(past, person, destination, judgement.release_time(), judgement.charter);
    let places = Places::of(past, person);
    let accepts = will.statement.map(|statement| will::admits(&statement, destination, &places));
    Some(Asked { standing: will.standing, accepts, is_against: !will.against.is_empty() })
}

fn is_promised(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    terms: &ExchangeTerms,
    person: &PersonRef,
) -> bool {
    let (at, charter) = (judgement.release_time(), judgement.charter);
    exchange::destination(terms, person).is_some_and(|to| {
        let to = Spoken::now(&to);
        promised::other_commitment(past, person, to, None, at, charter).is_some()
            || judgement.is_promised_elsewhere(past, person, to)
    })
}

/// Whether the sender itself offers a person elsewhere than these terms of a proposal send him.
fn is_offered(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    terms: &ExchangeTerms,
    proposal: &EntryId,
    person: &PersonRef,
) -> bool {
    let (sender, at, own) = (&judgement.address.sender, judgement.release_time(), Offer::Exchange(proposal));
    let to = exchange::destination(terms, person);
    to.is_some_and(|to| offers::is_offered_elsewhere(past, person, Spoken::now(&to), sender, own, at))
}

/// EXC-03, 07, 01, 04 and 06 of an acceptance: of a dead round nothing more is asked.
fn accept(judgement: &Judgement<'_>, past: &Past<'_>, act: &ProposalResponse, findings: &mut Findings) {
    let live = exchange::live(past, &act.proposal_id).filter(|live| live.digest() == act.terms_sha256);
    let mut add = |rule: Rule, message: &str| findings.add(rule, "act.terms_sha256", message, rule.cure());
    match live {
        None => add(Rule::Exc03, "these are not the terms of the live round"),
        Some(live) if !live.is_open(judgement.release_time()) => {
            add(Rule::Exc07, "the round was no longer open")
        }
        Some(live) if !live.unmatched(past).is_empty() => {
            add(Rule::Exc01, "lines were not verified, or were found not to match");
        }
        Some(_) => {}
    }
    // Whoever listed them did not answer for those whom the accepting Power holds.
    let elsewhere = |line: &ExchangeLine, terms: &ExchangeTerms| {
        is_promised(judgement, past, terms, &line.person)
            || is_offered(judgement, past, terms, &act.proposal_id, &line.person)
    };
    let refuses = |line: &ExchangeLine, terms: &ExchangeTerms| refuses(judgement, past, terms, &line.person);
    let Some(live) = live else { return };
    let terms: &ExchangeTerms = &live.act.terms;
    let Some((_, lines)) = filled_by(&judgement.address.sender, terms) else { return };
    if lines.iter().any(|line| refuses(line, terms)) {
        add(Rule::Exc04, "a person of the own list does not want to go to the other party's State");
    }
    if lines.iter().any(|line| elsewhere(line, terms)) {
        add(Rule::Exc06, "a person of the list is promised, or offered, elsewhere");
    }
}

/// EXC-03 and 01 of an agreement, at its note and at its reply: it settles a live round that was accepted, and nobody
/// goes by it but whom that round lists, to where it sends him, and whose line matches. Who fell out since is left out.
pub(super) fn settles<'h>(
    past: &Past<'h>,
    terms: &AgreementTerms,
    note: Option<&Registered>,
    findings: &mut Findings,
) {
    let Some(settled) = terms.exchange_terms_sha256 else { return };
    let field = "act.terms.exchange_terms_sha256";
    let proposals = saying!(past.of_thread(&Thread::Terms(settled)), ExchangeProposal);
    let rounds = proposals.filter_map(|(_, act)| exchange::live(past, &act.proposal_id));
    let live: Vec<Round<'h>> = rounds.filter(|round| round.digest() == settled).collect();
    let is_accepted = |round: &&Round<'h>| matches!(round.answer(past), Some((_, Reply::Accept)));
    let accepted = live.iter().find(is_accepted);
    let Some(round) = accepted.or_else(|| live.first()) else {
        let message = "it settles terms that are not those of a live round";
        findings.add(Rule::Exc03, field, message, Rule::Exc03.cure());
        return;
    };
    if accepted.is_none() {
        let message = "the round that it settles was not accepted";
        findings.add(Rule::Exc03, field, message, "wait until the other Power has accepted the round");
    }
    let unmatched = round.unmatched(past);
    for (index, line) in terms.lines.iter().enumerate() {
        let field = format!("act.terms.lines[{index}]");
        let places = Places::of(past, &line.person);
        let there = Spoken::in_note(&line.destination, note);
        let is_there = |to: Destination| places.compare(Spoken::now(&to), there) == Likeness::Same;
        findings.about(&line.person, |findings| {
            if !exchange::destination(&round.act.terms, &line.person).is_some_and(is_there) {
                let message = "the round does not list the person for this destination";
                let hint = "leave the person out, or agree on a round that lists him";
                findings.add(Rule::Exc03, field.clone(), message, hint);
            }
            if unmatched.contains(&line.person) {
                let message = "the line was not verified, or was found not to match";
                findings.add(Rule::Exc01, field, message, Rule::Exc01.cure());
            }
        });
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
