//! The parties of a consultation and what each is there for.

use crate::consultation::fault::{Fault, Reason};
use crate::consultation::list::List;
use crate::consultation::opaque;
use crate::consultation::words::PartyRole;
use crate::limits;
use crate::trust::name::Ministry;

/// A party and its roles.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsultationParty {
    ministry: Ministry,
    roles: Vec<PartyRole>,
}

impl ConsultationParty {
    /// A party with at least one role, each named once. Roles stand in the order of the vocabulary.
    pub fn new(ministry: Ministry, roles: Vec<PartyRole>) -> Result<Self, Fault> {
        let roles = List::<_, 1>::new(roles)?;
        let mut roles = roles.as_slice().to_vec();
        roles.sort_unstable();
        Ok(Self { ministry, roles })
    }

    /// The ministry.
    pub fn ministry(&self) -> &Ministry {
        &self.ministry
    }

    /// Its roles, ascending.
    pub fn roles(&self) -> &[PartyRole] {
        &self.roles
    }
}

/// At least two parties, ascending by ministry, each once.
#[derive(Clone, PartialEq, Eq)]
pub struct Parties(Vec<ConsultationParty>);

impl Parties {
    /// Takes the parties in any order.
    pub fn new(parties: Vec<ConsultationParty>) -> Result<Self, Fault> {
        // Every party but the proposing one is an addressee.
        if parties.len() > limits::ADDRESSEES_MAX + 1 {
            let message = format!("{} parties are more than can be addressed", parties.len());
            return Err(Fault::new(Reason::ListTooLong, message));
        }
        let parties = List::<_, 2>::distinct_by(parties, |a, b| a.ministry == b.ministry)?;
        let mut parties = parties.as_slice().to_vec();
        parties.sort_by(|a, b| a.ministry.cmp(&b.ministry));
        Ok(Self(parties))
    }

    /// The parties, ascending by ministry.
    pub fn as_slice(&self) -> &[ConsultationParty] {
        &self.0
    }
}

opaque!(ConsultationParty, Parties);

#[cfg(test)]
mod tests {
    use super::*;

    fn party(code: &str, roles: &[PartyRole]) -> ConsultationParty {
        ConsultationParty::new(Ministry::parse(code).unwrap(), roles.to_vec()).unwrap()
    }

    #[test]
    fn there_are_so_many_parties_as_can_be_addressed_and_the_one_that_proposes() {
        let of = |count: usize| {
            let code = |number: usize| format!("X{}", char::from(b'A' + u8::try_from(number).unwrap()));
            let parties = (0..count).map(|number| party(&code(number), &[PartyRole::ReceivingPower]));
            Parties::new(parties.collect())
        };
        let most = limits::ADDRESSEES_MAX + 1;
        assert_eq!(of(most).unwrap().as_slice().len(), most);
        assert_eq!(of(most + 1).unwrap_err().reason(), Reason::ListTooLong);
    }

    #[test]
    fn parties_stand_in_one_order_and_each_once() {
        let roles = [PartyRole::ReceivingPower, PartyRole::DetainingPower];
        let parties = Parties::new(vec![party("XB", &roles), party("XA", &roles)]).unwrap();
        let codes: Vec<&str> = parties.as_slice().iter().map(|party| party.ministry().as_str()).collect();
        assert_eq!(codes, ["XA", "XB"]);
        assert_eq!(parties.as_slice()[0].roles()[0], PartyRole::DetainingPower);
        let twice = Parties::new(vec![party("XA", &roles[..1]), party("XA", &roles[1..])]);
        assert_eq!(twice.unwrap_err().reason(), Reason::EntryRepeated);
        let alone = Parties::new(vec![party("XA", &roles)]);
        assert_eq!(alone.unwrap_err().reason(), Reason::FieldMissing);
    }
}
