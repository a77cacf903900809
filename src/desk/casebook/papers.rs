//! Papers: which messages carried a document, of whatever consultation, and how they were marked (CLS-04 to CLS-06,
//! OBS-03).
//!
//! Every message of the register enters as the casebook opens it; the earlier messages that carried a document of an
//! act leave, in the order in which they came to this desk or left it. What binds of them is for the rules to say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::index::Index;
use super::kept::Kept;
use crate::consultation::rules::judgement::EarlierMessage;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::digest::Digest;
use crate::keys::KeyError;
use crate::message::dispatch::Dispatch;
use crate::message::id::MessageId;
use crate::time::Timestamp;

/// Messages that carried documents, and the documents that they carried.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Papers {
    messages: BTreeMap<MessageId, Carrier>,
    carried: BTreeMap<Digest, BTreeSet<MessageId>>,
}

/// A message that carried documents.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Carrier {
    /// When it came to this desk's gateway, or was released here.
    pub(super) at: Timestamp,
    /// What rules look at when another message annexes a document of it.
    pub(super) message: EarlierMessage,
}

impl Papers {
    /// Takes up one message.
    pub(super) fn note(&mut self, kept: &Kept) {
        let message = EarlierMessage::of(kept.id(), kept.digest, kept.header.address(), &kept.dispatch);
        self.take(Carrier { at: kept.at, message });
    }

    /// Takes up what was noted of one.
    pub(super) fn take(&mut self, carrier: Carrier) {
        let id = carrier.message.message_id;
        if carrier.message.documents.is_empty() {
            return;
        }
        for document in &carrier.message.documents {
            self.carried.entry(*document).or_default().insert(id);
        }
        self.messages.insert(id, carrier);
    }

    /// Every message that carried a document, by its id.
    pub(super) fn carriers(&self) -> impl Iterator<Item = &Carrier> {
        self.messages.values()
    }

    /// The messages before an instant that carried a document of this dispatch, but for those that are this dispatch.
    fn carrying(&self, dispatch: &Dispatch, own: &Digest, before: Timestamp) -> Vec<EarlierMessage> {
        let carried = dispatch.documents.iter().filter_map(|document| self.carried.get(&document.digest));
        let ids: BTreeSet<&MessageId> = carried.flatten().collect();
        let found = ids.into_iter().filter_map(|id| self.messages.get(id));
        let mut found: Vec<&Carrier> =
            found.filter(|one| one.at <= before && one.message.dispatch_digest != *own).collect();
        found.sort_by_key(|one| (one.at, one.message.message_id));
        found.into_iter().map(|one| one.message.clone()).collect()
    }
}

impl Desk {
    /// The messages that came to this desk or left it up to an instant with a document of this dispatch. A desk whose
    /// keys are locked knows none.
    pub(in crate::desk) fn carriers_of(
        &self,
        trust: &Trust,
        keys: &Keys,
        dispatch: &Dispatch,
        before: Timestamp,
    ) -> Result<Vec<EarlierMessage>, DeskError> {
        if dispatch.documents.is_empty() {
            return Ok(Vec::new());
        }
        match keys.reading() {
            Ok(_) => {}
            Err(DeskError::Locked | DeskError::Key(KeyError::WrongPassphrase(_))) => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        }
        let own = Digest::of(&dispatch.bytes());
        Ok(self.index_of_papers(trust, keys)?.papers.carrying(dispatch, &own, before))
    }

    /// The index with everything that came. What this desk sent since was its own, and binds it to nothing.
    fn index_of_papers(&self, trust: &Trust, keys: &Keys) -> Result<Arc<Index>, DeskError> {
        let known =
            self.memory.now().as_ref().map(|known| (known.index.clone(), known.place.received.number));
        match known {
            Some((index, number)) if self.register.received_after(number, 1)?.is_empty() => Ok(index),
            _ => self.casebook(trust, keys),
        }
    }
}

crate::consultation::opaque!(Papers, Carrier);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::act::ActKind;
    use crate::desk::casebook::kept::samples::kept;
    use crate::message::dispatch::Document;
    use crate::message::terms::{Caveat, DocumentClass, DocumentStanding};

    fn carrier(sender: &str, number: u64, document: &Digest) -> Kept {
        let mut one = kept(ActKind::Correspondence, sender, number, &[]);
        one.dispatch.documents.push(Document { digest: *document, ..paper() });
        one
    }

    fn paper() -> Document {
        Document {
            document_id: "paper".to_owned(),
            title: "A paper".to_owned(),
            standing: DocumentStanding::Annex,
            class: DocumentClass::Evidence,
            language: "en".to_owned(),
            media_type: "text/plain".to_owned(),
            size: 1,
            digest: Digest::of(b""),
            translation_of: String::new(),
        }
    }

    #[test]
    fn a_paper_is_known_by_every_message_that_carried_it_before_in_their_order() {
        let paper = Digest::of(b"a paper");
        let mut papers = Papers::default();
        let mut first = carrier("XB", 1, &paper);
        first.dispatch.marking.caveats.push(Caveat::OriginatorControl);
        papers.note(&carrier("XB", 2, &Digest::of(b"another")));
        papers.note(&first);
        // Another ministry sent it on, a minute later.
        let mut message = papers.messages[&first.id()].message.clone();
        message.message_id = MessageId::from(Digest::of(b"second"));
        message.dispatch_digest = Digest::of(b"second dispatch");
        message.originator = crate::trust::name::Ministry::parse("XC").unwrap();
        message.caveats.clear();
        let later = first.at.after(std::time::Duration::from_secs(60));
        papers.take(Carrier { at: later, message });
        let asked = carrier("XB", 9, &paper).dispatch;
        let own = Digest::of(&asked.bytes());
        let found = papers.carrying(&asked, &own, later);
        assert_eq!(found.iter().map(|one| one.originator.as_str()).collect::<Vec<_>>(), ["XB", "XC"]);
        assert_eq!(found[0].caveats, [Caveat::OriginatorControl]);
        assert_eq!(papers.carrying(&asked, &own, first.at).len(), 1, "what came later binds nothing before");
        assert_eq!(papers.carrying(&asked, &first.digest, later).len(), 1, "it is not earlier than itself");
        let new = carrier("XB", 9, &Digest::of(b"new")).dispatch;
        assert!(papers.carrying(&new, &own, later).is_empty());
    }
}
