//! `Judgement`: everything the rules may know about one act. The desk gathers it; the rules only read.

use std::collections::{BTreeMap, BTreeSet};

use crate::consultation::act::Act;
use crate::consultation::acts::law::Destination;
use crate::consultation::charter::Charter;
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::authority::AuthorityFacts;
use crate::consultation::rules::names::NameIndex;
use crate::consultation::state::opening;
use crate::consultation::state::places::{Likeness, Places, Spoken};
use crate::digest::Digest;
use crate::message::dispatch::{Dispatch, ExpectedAuthentication};
use crate::message::header::{Address, Position};
use crate::message::id::MessageId;
use crate::message::terms::{Caveat, Level};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

/// The facts one act is judged on.
#[derive(Clone, Copy)]
pub struct Judgement<'a> {
    /// The instant judged at: now before release, the moment our own gateway took it in custody on arrival.
    /// A message that lay in the mailbox does not expire there.
    pub at: Timestamp,
    /// The address of the header.
    pub address: &'a Address,
    /// The position of the header; none for a draft, which has none yet.
    pub position: Option<&'a Position>,
    /// The dispatch.
    pub dispatch: &'a Dispatch,
    /// The act, decoded from the dispatch.
    pub act: &'a Act,
    /// The signatures that verified, each with the office that made it; none before they are made.
    pub verified: Option<&'a [ExpectedAuthentication]>,
    /// The acts of the consultation that the sender declares to have known; none where the desk keeps no history of it,
    /// and then nothing that rests on other acts is judged.
    pub past: Option<&'a Past<'a>>,
    /// The parameters that the parties agreed on.
    pub charter: &'a Charter,
    /// Who drafted, cleared and signs it; none where the desk did not gather that, and then ROL-01 to 03 are not
    /// judged.
    pub authorities: Option<&'a AuthorityFacts>,
    /// The channel as we accredited it; none when we know no such channel.
    pub channel: Option<&'a ChannelFacts>,
    /// What is known about earlier formal numbers of the sender in the year of release.
    pub formal_numbers: FormalNumbers,
    /// Earlier messages that this one may answer or annex, in the order in which they came to this desk or left it;
    /// rules pick out those it does.
    pub earlier: &'a [EarlierMessage],
    /// The documents as opened or read from files; none when they were not read.
    pub documents: Option<&'a [OpenedDocument<'a>]>,
    /// Names of persons that the desk knows.
    pub names: &'a NameIndex,
    /// References used in other consultations.
    pub persons_elsewhere: &'a BTreeSet<PersonRef>,
    /// Where other consultations promised persons of this one to, as only a desk knows that joins the references of one
    /// man (EXC-06): for what it is about to say, and for nothing that came from others.
    pub promised_elsewhere: &'a Promises,
}

/// Where persons were promised to, by their references in the consultation that is judged.
pub type Promises = BTreeMap<PersonRef, Vec<Destination>>;

/// A channel as this ministry accredited it.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelFacts {
    /// Its identifier.
    pub channel: ChannelId,
    /// Its parties.
    pub parties: Vec<Ministry>,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Highest level it may carry.
    pub ceiling: Level,
}

/// Earlier formal numbers of the sender in the year of release.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FormalNumbers {
    /// The last one known; none when none is.
    pub last: Option<u32>,
    /// Whether all are known: true for the own register, false for a peer's, who also writes to others.
    pub complete: bool,
}

/// A message registered before.
#[derive(Clone, PartialEq, Eq)]
pub struct EarlierMessage {
    /// Its id.
    pub message_id: MessageId,
    /// SHA-256 of its dispatch, by which acts refer to it.
    pub dispatch_digest: Digest,
    /// The ministry that wrote it.
    pub originator: Ministry,
    /// Its level.
    pub level: Level,
    /// Its caveats.
    pub caveats: Vec<Caveat>,
    /// Whom it may be released to.
    pub releasable_to: Vec<Ministry>,
    /// Digests of its documents.
    pub documents: Vec<Digest>,
}

/// A document whose plain content was read.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedDocument<'a> {
    /// The id it has in the dispatch.
    pub document_id: &'a str,
    /// SHA-256 of what was read.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The content where it is text that was read as UTF-8.
    pub text: Option<&'a str>,
}

impl EarlierMessage {
    /// What the rules look at of this message.
    pub fn of(
        message_id: MessageId,
        dispatch_digest: Digest,
        address: &Address,
        dispatch: &Dispatch,
    ) -> Self {
        Self {
            message_id,
            dispatch_digest,
            originator: address.sender.clone(),
            level: address.level,
            caveats: dispatch.marking.caveats.clone(),
            releasable_to: address.releasable_to.clone(),
            documents: dispatch.documents.iter().map(|document| document.digest).collect(),
        }
    }
}

impl Judgement<'_> {
    /// When it is or would be released.
    pub fn release_time(&self) -> Timestamp {
        self.position.map_or(self.at, |position| position.release_time)
    }

    /// Whether the sender only observes, as far as its past or its own proposal says: as a party, or as one who is none
    /// and was invited.
    pub(super) fn sender_observes(&self) -> bool {
        let sender = &self.address.sender;
        if let Act::ConsultationProposal(proposal) = self.act
            && let Some(party) = proposal.parties.find(sender)
        {
            return opening::observes(party.roles.as_slice());
        }
        self.past.is_some_and(|past| opening::is_observer(past, sender))
    }

    /// Whether another consultation promised this person to another place.
    pub(super) fn is_promised_elsewhere(
        &self,
        past: &Past<'_>,
        person: &PersonRef,
        destination: Spoken<'_>,
    ) -> bool {
        let places = Places::of(past, person);
        let promised = self.promised_elsewhere.get(person).map(Vec::as_slice).unwrap_or_default();
        promised.iter().any(|other| places.compare(Spoken::now(other), destination) != Likeness::Same)
    }

    /// Earlier messages that this one answers or annexes documents of.
    pub(super) fn quoted(&self) -> impl Iterator<Item = &EarlierMessage> {
        self.earlier.iter().filter(|earlier| self.answers(earlier) || self.annexes(earlier))
    }

    /// Whether it answers this one.
    pub(super) fn answers(&self, earlier: &EarlierMessage) -> bool {
        self.dispatch.in_reply_to == Some(earlier.message_id)
    }

    /// Whether a document of another's earlier message stands in this one, and that message is the last word of its
    /// sender on it: who sends a document again releases and marks it anew. What the sender of this one was the first
    /// to send is its own, whoever sent it back.
    pub(super) fn annexes(&self, earlier: &EarlierMessage) -> bool {
        let mut documents = self.dispatch.documents.iter();
        documents.any(|one| is_of_another(&self.address.sender, self.earlier, earlier, &one.digest))
    }
}

/// The same of one document that this sender annexes; `all` are the messages that are known.
pub(super) fn is_of_another(
    sender: &Ministry,
    all: &[EarlierMessage],
    earlier: &EarlierMessage,
    document: &Digest,
) -> bool {
    let with_it = || all.iter().filter(|one| one.documents.contains(document));
    let last = with_it().rfind(|one| one.originator == earlier.originator);
    earlier.originator != *sender
        && earlier.documents.contains(document)
        && with_it().next().is_some_and(|first| first.originator != *sender)
        && last.is_some_and(|last| last.dispatch_digest == earlier.dispatch_digest)
}

impl EarlierMessage {
    /// Whether everybody to whom this address gives a message was told this one by its originator.
    pub(super) fn was_told_to_all_of(&self, address: &Address) -> bool {
        let told =
            |ministry: &Ministry| *ministry == self.originator || self.releasable_to.contains(ministry);
        let addressees = address.addressees.iter().map(|addressee| &addressee.ministry);
        addressees.chain(&address.releasable_to).all(told)
    }
}

/// `Debug` cannot be derived for a borrowed `Judgement` by the macro, and must show nothing either.
impl std::fmt::Debug for Judgement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Judgement")
    }
}

impl std::fmt::Debug for OpenedDocument<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenedDocument")
    }
}

opaque!(ChannelFacts, FormalNumbers, EarlierMessage);
