//! Rounds of an exchange in a random history: XB proposes and counters in odd rounds, XA in even ones, so that no two
//! rounds of one number stand; of such the model would choose by chance.

use serde_json::json;

use super::world::{DAY, PARTIES, World, hex, name_of, time};
use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::values::EntryId;
use crate::consultation::state::exchange::{self, Round};
use crate::consultation::state::samples::act;

impl World {
    /// The next round, of one or two persons; now and then miscounted, or on terms that are no longer live.
    pub(super) fn bargain(&mut self) {
        let miscounted = u32::from(self.slips(8));
        let stale = self.slips(8);
        let sender = if self.dice.one_in(2) { "XA" } else { "XB" };
        let past = self.desks[sender].everything();
        let live = exchange::live(&past, &proposal());
        let number = live.map_or(1, |live| live.act.round.number() + 1);
        if (number % 2 == 1) != (sender == "XB") || number > 4 {
            return;
        }
        let first = past.of_kind(ActKind::ExchangeProposal).next();
        let first = first.map(|one| one.reference);
        let superseded = live.map(|live| if stale { first.unwrap() } else { live.registered.reference });
        let digest = superseded.map(|one| match past.find(one).and_then(|one| one.act.as_ref()) {
            Some(Act::ExchangeProposal(act)) => act.terms.digest(),
            _ => unreachable!("it was picked among proposals"),
        });
        let out: &[&str] = if self.dice.one_in(3) { &["P1", "P2"] } else { &["P1"] };
        let until = self.minute + if self.dice.one_in(3) { 120 } else { 7 * DAY };
        let line = |name: &&str| format!("{{ person = \"{name}\", category = \"GENERAL\" }}");
        let lines: Vec<String> = out.iter().map(line).collect();
        let supersedes =
            digest.map(|one| format!("supersedes_terms_sha256 = \"{one}\"\n")).unwrap_or_default();
        let n = u32::try_from(out.len()).unwrap() + miscounted;
        let fields = format!(
            "proposal_id = \"E-1\"\nround = {number}\n{supersedes}open_until_time = \"{}\"\n[terms]\n\
             formula = \"FIXED_N_FOR_M\"\nproposing_party = \"XB\"\nreceiving_party = \"XA\"\n\
             to_receiving_party = [{}]\nto_proposing_party = []\nn = {n}\nm = 0",
            time(until),
            lines.join(", ")
        );
        let terms = json!({"by": "XB", "dest": "XA", "out": out, "in": [], "n": n, "m": 0});
        let mut told = json!({"prop": "E-1", "round": number, "until": until, "terms": terms});
        if let Some(superseded) = superseded {
            told["supersedes_of"] = json!(self.refs[&hex(superseded)]);
        }
        let force = self.dice.one_in(3);
        self.send(sender, act("exchange-proposal", &fields), told, force);
    }

    /// A verification of the live round, now and then without its last line.
    pub(super) fn verify(&mut self) {
        let short = self.slips(3);
        let sender = ["XA", "XB"][self.dice.below(2) as usize];
        let past = self.desks[sender].everything();
        let Some(live) = exchange::live(&past, &proposal()) else { return };
        let mut names: Vec<&str> =
            exchange::persons(&live.act.terms).map(|person| name_of(&person)).collect();
        if short && names.len() > 1 {
            names.pop();
        }
        let finding = |name: &&str| format!("{{ person = \"{name}\", result = \"MATCHED\" }}");
        let findings: Vec<String> = names.iter().map(finding).collect();
        let fields = format!("terms_sha256 = \"{}\"\nfindings = [{}]", live.digest(), findings.join(", "));
        let found: Vec<[&str; 2]> = names.iter().map(|name| [*name, "MATCHED"]).collect();
        let told = json!({"terms_of": self.of(&live), "findings": found});
        self.send(sender, act("list-verification", &fields), told, false);
    }

    /// An acceptance of what somebody else proposed last.
    pub(super) fn accept(&mut self) {
        let force = self.dice.one_in(2);
        for sender in PARTIES {
            let past = self.desks[sender].everything();
            let Some(live) = exchange::live(&past, &proposal()) else { continue };
            if live.answerer().as_str() != sender {
                continue;
            }
            let fields =
                format!("proposal_id = \"E-1\"\nterms_sha256 = \"{}\"\nreply = \"ACCEPT\"", live.digest());
            let told = json!({"prop": "E-1", "terms_of": self.of(&live), "reply": "ACCEPT"});
            self.send(sender, act("proposal-response", &fields), told, force);
            return;
        }
    }

    /// The act of a round, as the model knows it.
    fn of(&self, round: &Round<'_>) -> String {
        self.refs[&hex(round.registered.reference)].clone()
    }
}

fn proposal() -> EntryId {
    EntryId::parse("E-1").unwrap()
}
