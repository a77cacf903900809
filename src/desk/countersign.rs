//! The morning after: another office stands behind a protective act that one officer sent alone at night (ROL_05).
//!
//! A message of this desk enters, and nothing else is asked for; a composed countersignature leaves, to everybody the
//! act went to. Who signs is any office that may release and did not sign the act: two names with one key are one hand.

use crate::consultation::act::Act;
use crate::consultation::acts::protection::Countersignature;
use crate::consultation::acts::values::ActRef;
use crate::consultation::reference::ConsultationId;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::Composition;
use crate::desk::error::DeskError;
use crate::desk::form::draft::{Draft, Reference, Referenced};
use crate::desk::keys::{Keys, Office, Offices};
use crate::desk::read::Opened;
use crate::desk::reference::Entry;
use crate::desk::signatories::Wishes;
use crate::digest::Digest;
use crate::message::header::Addressee;
use crate::message::terms::{AddresseeKind, AuthenticationKind};
use crate::trust::name::Name;

impl Desk {
    /// The countersignature of a protective act, composed, with the draft it was composed from; `sign_as` is the label
    /// of the office that is to give it. What stands against it stands in its findings.
    pub fn countersignature(
        &self,
        trust: &Trust,
        keys: &Keys,
        entry: &Entry,
        sign_as: Option<&str>,
    ) -> Result<(Draft, Composition), DeskError> {
        let opened = self.unseal_unjudged(trust, &keys.reading()?, entry)?;
        let draft = self.countersigning(&opened)?;
        let signed: Vec<(Name, Digest)> =
            opened.signatures.iter().map(|one| (one.name().clone(), one.key())).collect();
        let prefer = preferred(keys.offices()?.as_ref(), &signed, sign_as);
        let wishes = Wishes { prefer, clear: Vec::new() };
        let folder = std::path::Path::new(".");
        let composition = self.compose_with(trust, keys, &draft, folder, &wishes)?;
        let signs = |label: &str| composition.offices.iter().flatten().any(|office| office.label() == label);
        if let Some(office) = sign_as.filter(|label| !signs(label)) {
            let (office, kind) = (office.to_owned(), AuthenticationKind::Initials);
            return Err(DeskError::NotAuthorised { office, kind });
        }
        Ok((draft, composition))
    }

    /// A service message to everybody who has the act, at its level, on its channel.
    fn countersigning(&self, opened: &Opened) -> Result<Draft, DeskError> {
        let address = opened.envelope.header().address();
        let consultation = ConsultationId::parse(&address.consultation)
            .map_err(|fault| DeskError::Draft(format!("the consultation: {fault}")))?;
        let digest = opened.dispatch.digest();
        let act = Countersignature { countersigns: ActRef::new(digest), remark: None };
        let message_id = opened.envelope.id();
        let message = Referenced {
            message_id,
            dispatch_digest: Some(digest),
            known: true,
            consultation: Some(consultation),
        };
        let own = &self.config.ministry;
        let mut addressees = address.addressees.clone();
        if address.sender != *own {
            addressees.push(Addressee { ministry: address.sender.clone(), kind: AddresseeKind::Action });
        }
        addressees.retain(|addressee| addressee.ministry != *own);
        addressees.sort();
        Ok(Draft {
            channel: Some(address.channel.clone()),
            level: address.level,
            in_reply_to: Some(Reference { text: message_id.to_string(), message }),
            ..Draft::service_message(addressees, consultation, Act::Countersignature(act))
        })
    }
}

/// Labels of offices in the order in which they are to be asked: the one that was named, then all that did not sign.
fn preferred(offices: &Offices, signed: &[(Name, Digest)], sign_as: Option<&str>) -> Vec<String> {
    let did_sign =
        |office: &&Office| signed.iter().any(|(name, key)| *name == office.name || *key == office.key);
    let others = offices.values().filter(|office| !did_sign(office)).map(Office::label);
    sign_as.map(str::to_owned).into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::name::Authority;

    #[test]
    fn whoever_signed_the_act_is_asked_last_under_whatever_name() {
        let name = |label: &str| Name::parse(&format!("chancery://XA/office/{label}")).unwrap();
        let office = |label: &str, key: &str| {
            let office = Office::sample(name(label), &[Authority::Release], Digest::of(key.as_bytes()));
            (office.name.clone(), office)
        };
        let offices: Offices =
            [office("first", "1"), office("alias", "1"), office("other", "2"), office("third", "3")].into();
        let signed = [(name("first"), Digest::of(b"1"))];
        assert_eq!(preferred(&offices, &signed, None), ["other", "third"]);
        assert_eq!(preferred(&offices, &signed, Some("third")), ["third", "other", "third"]);
    }
}
