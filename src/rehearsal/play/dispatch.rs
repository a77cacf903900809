//! Composes what a step says into a dispatch, as a desk would: address, papers, signatures, and who stands behind it.
//!
//! Nothing is signed and nothing sealed: the digest of the dispatch is over the bytes that would be signed, so acts
//! refer to each other as real ones do.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::codec;
use crate::consultation::registered::Marks;
use crate::consultation::rules::authentications_needed;
use crate::consultation::rules::authority::{
    AuthorityFacts, Clearance, ClearanceKind, OfficeFacts, Validity,
};
use crate::digest::Digest;
use crate::entropy::random;
use crate::limits;
use crate::message::dispatch::{Dispatch, Document, ExpectedAuthentication, Marking};
use crate::message::header::{Address, Addressee, Position};
use crate::message::id::MessageId;
use crate::message::terms::{
    ActClass, AddresseeKind, AuthenticationKind, Caveat, DocumentClass, Form, Level, Precedence,
};
use crate::rehearsal::dice::Dice;
use crate::rehearsal::script::{Paper, Party, Say, Script};
use crate::time::Timestamp;
use crate::trust::name::{Authority, Label, Ministry, Name};
use crate::trust::policy::ChannelId;

/// A message as it would go, without signatures.
#[derive(Clone)]
pub(super) struct Message {
    /// The address of its header.
    pub(super) address: Address,
    /// Where it stands; the same for every copy, because nothing that rules read differs.
    pub(super) position: Position,
    /// The dispatch.
    pub(super) dispatch: Dispatch,
    /// What it says.
    pub(super) act: Act,
    /// Its texts and documents.
    pub(super) papers: Vec<Paper>,
    /// Who stands behind it.
    pub(super) authorities: AuthorityFacts,
}

crate::rehearsal::opaque!(Message);

/// What a dispatch is composed from beside its act.
pub(super) struct Setting<'a> {
    pub(super) script: &'a Script,
    pub(super) say: &'a Say,
    pub(super) now: Timestamp,
    pub(super) basis: &'a Marks,
    /// The number the act will have among those of its sender.
    pub(super) number: u64,
    /// The serial number of the next note in the register of the sender.
    pub(super) serial: u32,
    pub(super) in_reply_to: Option<MessageId>,
    pub(super) dice: &'a Dice,
}

impl Message {
    /// Composes it.
    pub(super) fn compose(act: Act, papers: Vec<Paper>, at: &Setting<'_>) -> Option<Self> {
        let (say, script) = (at.say, at.script);
        let party = script.parties.iter().find(|party| party.ministry == say.sender)?;
        let form = form(say);
        let address = address(script, say)?;
        let authentications = signatures(party, say, form, act.class());
        let authorities = behind(party, &authentications);
        let bears_number = matches!(form, Form::NoteVerbale | Form::FirstPersonNote);
        let numbered = numbered(script, &address);
        let dispatch = Dispatch {
            address_digest: address.digest(),
            salt: random(at.dice).ok()?,
            form,
            formal_number: match bears_number {
                true => format!("{}-{}-{:04}", say.sender, at.now.year(), at.serial),
                false => String::new(),
            },
            marking: marking(say, &papers),
            basis: at.basis.basis(),
            documents: papers.iter().map(document).collect(),
            authentications,
            kind: act.kind().to_owned(),
            act_class: act.class(),
            act: codec::encode(&act),
            in_reply_to: at.in_reply_to,
            reply_due: None,
            relayed_on_behalf_of: say.marks.relayed_on_behalf_of.clone(),
            drafting_office: authorities.drafter.as_ref().map(label_of).unwrap_or_default(),
        };
        let position = Position {
            recipient: address.addressees.first()?.ministry.clone(),
            sequence: 1,
            previous: None,
            act_number: if numbered { at.number } else { 0 },
            release_time: at.now.minute(),
            valid_until: at.now.minute().after(limits::VALIDITY_DEFAULT),
        };
        Some(Self { address, position, dispatch, act, papers, authorities })
    }

    /// The digest of its dispatch, by which other acts name it.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.dispatch.bytes())
    }

    /// The id that other acts name it by where they mean the message.
    pub(super) fn id(&self) -> MessageId {
        MessageId::from(Digest::of(self.digest().hex().as_bytes()))
    }
}

/// Whether the act goes to all parties, and so bears a number.
fn numbered(script: &Script, address: &Address) -> bool {
    let addressed = |ministry: &Ministry| address.addressees.iter().any(|one| one.ministry == *ministry);
    script.parties.iter().all(|party| party.ministry == address.sender || addressed(&party.ministry))
}

/// The channel of all rehearsals.
pub(super) fn channel() -> Option<ChannelId> {
    ChannelId::parse("ch-00000000000000aa").ok()
}

/// The form of what a step says.
pub(super) fn form(say: &Say) -> Form {
    let usual = say.kind.specification().forms.first().copied();
    say.marks.form.or(usual).unwrap_or(Form::NoteVerbale)
}

/// To whom a step says it, and how.
pub(super) fn address(script: &Script, say: &Say) -> Option<Address> {
    let others = || script.parties.iter().filter(|party| party.ministry != say.sender);
    let of = |powers: bool| -> Vec<Ministry> {
        others().filter(|party| party.is_power() == powers).map(|party| party.ministry.clone()).collect()
    };
    let to = say.marks.to.clone().unwrap_or_else(|| of(true));
    let info = say.marks.info.clone().unwrap_or_else(|| match say.marks.to {
        // Whoever names addressees means these alone.
        Some(_) => Vec::new(),
        None => of(false),
    });
    let kind = |kind| move |ministry| Addressee { ministry, kind };
    let mut addressees: Vec<Addressee> = to.into_iter().map(kind(AddresseeKind::Action)).collect();
    addressees.extend(info.into_iter().map(kind(AddresseeKind::Info)));
    addressees.sort();
    let releasable_to = say.marks.releasable_to.clone().unwrap_or_else(|| {
        let mut all: Vec<Ministry> = addressees.iter().map(|one| one.ministry.clone()).collect();
        all.push(say.sender.clone());
        all.sort();
        all
    });
    let usual = say.kind.specification().precedences.first().copied().unwrap_or(Precedence::Routine);
    Some(Address {
        channel: channel()?,
        consultation: script.consultation.text(),
        sender: say.sender.clone(),
        addressees,
        precedence: say.marks.precedence.unwrap_or(usual),
        level: say.marks.level.unwrap_or(Level::Restricted),
        releasable_to,
    })
}

/// How it is marked.
pub(super) fn marking(say: &Say, papers: &[Paper]) -> Marking {
    let level = say.marks.level.unwrap_or(Level::Restricted);
    let has = |class: DocumentClass| papers.iter().any(|paper| paper.class == class);
    let mut caveats = Vec::new();
    let plain = [DocumentClass::DiplomaticText, DocumentClass::AgreementText, DocumentClass::LegalBasis];
    let personal = papers.iter().any(|paper| !plain.contains(&paper.class));
    let identifies = say.kind.specification().names_persons;
    if identifies || personal && say.kind.specification().concerns_persons {
        caveats.push(Caveat::PersonalGc313);
    }
    if has(DocumentClass::MedicalCertificate) {
        caveats.push(Caveat::Medical);
    }
    if identifies {
        caveats.push(Caveat::HumanitarianPurposeOnly);
    }
    Marking {
        level,
        national_label: if level == Level::Unclassified { String::new() } else { level.word().to_owned() },
        caveats: say.marks.caveats.clone().unwrap_or(caveats),
        eyes_only_roles: say.marks.eyes_only_roles.clone().unwrap_or_else(|| match identifies {
            true => vec!["case officers".to_owned()],
            false => Vec::new(),
        }),
    }
}

fn document(paper: &Paper) -> Document {
    Document {
        document_id: paper.id.clone(),
        title: paper.title.clone(),
        standing: paper.standing,
        class: paper.class,
        language: paper.language.clone(),
        media_type: paper.media_type.clone(),
        size: paper.words.len() as u64,
        digest: Digest::of(paper.words.as_bytes()),
        translation_of: paper.translation_of.clone(),
    }
}

/// The signatures that form and class need, each by the office that the step names or that usually gives it: drafter
/// and clearances first, then whoever releases.
pub(super) fn signatures(
    party: &Party,
    say: &Say,
    form: Form,
    class: ActClass,
) -> Vec<ExpectedAuthentication> {
    use AuthenticationKind::{DutyOfficer, Initials, LegalClearance, Registry, Signature};
    let office = |label: Label| Name::Office { ministry: party.ministry.clone(), label };
    let registry = || Name::Registry { ministry: party.ministry.clone() };
    let mut expected = Vec::new();
    if class == ActClass::Protective {
        // One duty officer sends it, in whatever form.
        let label = say.offices.releaser.clone().or_else(|| usually(party, DutyOfficer));
        expected.push((DutyOfficer, label.map_or_else(registry, office)));
    } else {
        let kinds = authentications_needed(say.kind, form);
        if kinds.contains(&Registry) {
            expected.push((Registry, registry()));
        } else if say.kind != ActKind::Countersignature {
            let drafter = say.offices.drafter.clone().or_else(|| usually(party, AuthenticationKind::Draft));
            expected.push((AuthenticationKind::Draft, drafter.map_or_else(registry, office)));
        }
        for label in clearing(party, say) {
            let legal = party.offices.get(&label).is_some_and(|may| may.contains(&Authority::ClearLegal));
            let kind = if legal { LegalClearance } else { AuthenticationKind::Clearance };
            expected.push((kind, office(label)));
        }
        for kind in kinds.iter().copied().filter(|kind| *kind != Registry) {
            let stated = say.offices.releaser.clone().filter(|_| matches!(kind, Initials | Signature));
            let label = stated.or_else(|| usually(party, kind));
            expected.push((kind, label.map_or_else(registry, office)));
        }
    }
    expected.into_iter().map(|(kind, credential)| ExpectedAuthentication { kind, credential }).collect()
}

/// Who clears: whom the step names, or a legal office for what concludes.
fn clearing(party: &Party, say: &Say) -> Vec<Label> {
    match &say.offices.cleared_by {
        Some(labels) => labels.clone(),
        None if say.kind.specification().concludes => {
            usually(party, AuthenticationKind::LegalClearance).into_iter().collect()
        }
        None => Vec::new(),
    }
}

/// The office that usually gives this signature: by its name, or else any that may.
fn usually(party: &Party, kind: AuthenticationKind) -> Option<Label> {
    let name = match kind {
        AuthenticationKind::Initials => "releasing-01",
        AuthenticationKind::Seal => "seal",
        AuthenticationKind::Signature => "head",
        AuthenticationKind::DutyOfficer => "duty-01",
        AuthenticationKind::Draft => "drafting-01",
        AuthenticationKind::Clearance | AuthenticationKind::LegalClearance => "legal-01",
        AuthenticationKind::Witness | AuthenticationKind::Registry => "",
    };
    let able = |may: &[Authority]| may.contains(&kind.authority());
    let named = party.offices.iter().find(|(label, may)| label.as_str() == name && able(may));
    named.or_else(|| party.offices.iter().find(|(_, may)| able(may))).map(|(label, _)| label.clone())
}

/// Who stands behind these signatures, with what each office may do.
fn behind(party: &Party, authentications: &[ExpectedAuthentication]) -> AuthorityFacts {
    let of = |kind| authentications.iter().find(move |expected| expected.kind == kind);
    let mut facts = AuthorityFacts {
        drafter: of(AuthenticationKind::Draft).map(|expected| expected.credential.clone()),
        ..AuthorityFacts::default()
    };
    for expected in authentications {
        let kind = match expected.kind {
            AuthenticationKind::LegalClearance => Some(ClearanceKind::Legal),
            AuthenticationKind::Clearance => Some(ClearanceKind::Regional),
            _ => None,
        };
        let office = expected.credential.clone();
        facts.clearances.extend(kind.map(|kind| Clearance { kind, office: office.clone() }));
        if facts.office(&office).is_some() {
            continue;
        }
        let authorities = match &office {
            Name::Office { label, .. } => party.offices.get(label).cloned().unwrap_or_default(),
            _ => vec![Authority::Register],
        };
        // Nobody has keys here: every office is a hand of its own.
        let key = Some(Digest::of(office.to_string().as_bytes()));
        facts.offices.push(OfficeFacts { office, authorities, validity: Validity::Valid, key });
    }
    facts
}

fn label_of(name: &Name) -> String {
    match name {
        Name::Office { label, .. } => label.to_string(),
        _ => String::new(),
    }
}
