//! What of a message tells who a person is, and so stays withheld until an office that may know asks for it.
//!
//! An act and the documents that its dispatch lists enter; what is withheld leaves, and who is meant. Wherever plain
//! text leaves a desk, this is asked and nothing else, so that one road cannot show what another one withholds.
//! Particulars tell it in their words, so their texts and documents are withheld with them; of every other act the
//! documents are whose class identifies a person by its nature. An act that cannot be read may name somebody in any of
//! its fields: of it the diplomatic texts are for every reader, as PRV_03 lets no name stand in them, and nothing else.
//!
//! What must never happen: that a document of a class in which PRV_03 lets a name stand is not withheld.

use std::collections::BTreeSet;

use crate::consultation::act::Act;
use crate::consultation::rules::identifies;
use crate::message::dispatch::Document;
use crate::message::terms::DocumentClass;

/// What of a message is withheld.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Withheld {
    /// The exact bytes of the dispatch, which hold the act.
    dispatch: bool,
    /// The words of the act, and of its texts.
    words: bool,
    /// Documents by their place in the dispatch.
    documents: BTreeSet<usize>,
}

impl Withheld {
    /// What tells who a person is in an act and its documents; no act is one that cannot be read.
    pub fn of(act: Option<&Act>, documents: &[Document]) -> Self {
        let words = act.is_some_and(Act::names_persons);
        let tells = |document: &Document| match act {
            Some(_) => words || identifies(document.class),
            None => document.class != DocumentClass::DiplomaticText,
        };
        let documents = documents.iter().enumerate().filter(|(_, document)| tells(document));
        Self {
            dispatch: words || act.is_none(),
            words,
            documents: documents.map(|(place, _)| place).collect(),
        }
    }

    /// Nothing: an office that may know has asked.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Whether anything is.
    pub fn is_anything(&self) -> bool {
        self.dispatch || self.words || !self.documents.is_empty()
    }

    /// Whether the words of the act and of its texts are.
    pub fn words(&self) -> bool {
        self.words
    }

    /// Whether the exact bytes of the dispatch are: then nobody is given the key of any part.
    pub fn dispatch(&self) -> bool {
        self.dispatch
    }

    /// Whether the document at this place of the dispatch is.
    pub fn document(&self, place: usize) -> bool {
        self.documents.contains(&place)
    }

    /// Whether this part of the envelope is: the dispatch is part 0, its documents follow. Documents are opened by
    /// whoever has the dispatch, so all of them are where that is.
    pub fn part(&self, number: usize) -> bool {
        self.dispatch || number.checked_sub(1).is_some_and(|place| self.document(place))
    }

    /// Those of the documents that are withheld.
    pub fn among<'d>(&self, documents: &'d [Document]) -> Vec<&'d Document> {
        documents.iter().enumerate().filter(|(place, _)| self.document(*place)).map(|(_, one)| one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::state::samples::act;
    use crate::digest::Digest;
    use crate::message::terms::DocumentStanding;

    fn of_class(class: DocumentClass) -> Document {
        Document {
            document_id: class.word().to_ascii_lowercase(),
            title: "A document".to_owned(),
            standing: DocumentStanding::Annex,
            class,
            language: "und".to_owned(),
            media_type: "text/plain".to_owned(),
            size: 1,
            digest: Digest::of(b""),
            translation_of: String::new(),
        }
    }

    fn documents() -> [Document; 4] {
        [
            DocumentClass::DiplomaticText,
            DocumentClass::WillStatement,
            DocumentClass::LegalBasis,
            DocumentClass::IdentityCard,
        ]
        .map(of_class)
    }

    fn names_of(withheld: &Withheld) -> Vec<String> {
        withheld.among(&documents()).into_iter().map(|one| one.document_id.clone()).collect()
    }

    fn parts(withheld: &Withheld) -> Vec<bool> {
        (0..5).map(|number| withheld.part(number)).collect()
    }

    #[test]
    fn identifying_documents_of_any_act_are_withheld_and_nothing_else_of_it() {
        let letter = act("correspondence", "subject = \"Prisoners of war\"");
        let withheld = Withheld::of(Some(&letter), &documents());
        assert_eq!(names_of(&withheld), ["will_statement", "identity_card"]);
        assert!(withheld.is_anything() && !withheld.words() && !withheld.dispatch());
        assert_eq!(parts(&withheld), [false, false, true, false, true]);
        let [text, _, basis, _] = documents();
        assert!(!Withheld::of(Some(&letter), &[text, basis]).is_anything());
    }

    #[test]
    fn of_particulars_everything_is() {
        let names = "person = \"P1\"\nnames = [{ family_name = \"Hong\", script = \"Latn\", is_primary = true }]\n\
            basis = \"IDENTITY_CARD\"";
        let withheld = Withheld::of(Some(&act("person-particulars", names)), &documents());
        assert!(withheld.words() && withheld.dispatch());
        assert_eq!(names_of(&withheld).len(), 4);
        assert_eq!(parts(&withheld), [true; 5]);
    }

    #[test]
    fn of_what_cannot_be_read_texts_alone_are_shown() {
        let withheld = Withheld::of(None, &documents());
        assert!(!withheld.words() && withheld.dispatch() && withheld.is_anything());
        assert_eq!(names_of(&withheld), ["will_statement", "legal_basis", "identity_card"]);
        assert_eq!(parts(&withheld), [true; 5], "its dispatch is sealed with them");
        assert!(Withheld::of(None, &[]).is_anything());
    }

    #[test]
    fn what_an_office_asked_for_is_not_withheld() {
        assert!(!Withheld::nothing().is_anything());
        assert_eq!(parts(&Withheld::nothing()), [false; 5]);
    }
}
