//! Compares the contents of all entries with what they must be: derived entries byte by byte, sealed parts by the
//! header's digests, disclosed documents by the dispatch's.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use crate::message::id::MessageId;

use super::container::{Container, Fault};
use super::contents::{self, Content, Planned};
use super::disclosure::{self, Measured};
use super::paper::Paper;
use super::standing::Doubt;

/// What comparing the contents of all entries found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    differing: BTreeSet<String>,
    /// Sealed parts by message and number.
    pub(super) parts: BTreeMap<(MessageId, usize), Result<(), Doubt>>,
    /// Disclosed documents by message and number of their part.
    pub(super) documents: BTreeMap<(MessageId, usize), Result<(), Doubt>>,
}

impl Findings {
    /// Compares every entry that is planned and there.
    pub(super) fn of<R: Read + Seek>(
        container: &mut Container<R>,
        papers: &[Paper],
        planned: &[Planned],
    ) -> Result<Self, Fault> {
        let mut found = Self::default();
        for Planned { name, content } in planned {
            if container.size(name).is_none() {
                found.differing.insert(name.clone());
                continue;
            }
            match content {
                Content::Bytes(expected) => found.compare(container, name, expected)?,
                Content::Part(message, part) => {
                    if let Some(paper) = papers.get(*message) {
                        found.measure_part(container, name, paper, *part)?;
                    }
                }
                Content::Document(message, part) => {
                    if let Some(paper) = papers.get(*message) {
                        found.open_document(container, name, paper, *part)?;
                    }
                }
            }
        }
        Ok(found)
    }

    fn compare<R: Read + Seek>(
        &mut self,
        container: &mut Container<R>,
        name: &str,
        expected: &[u8],
    ) -> Result<(), Fault> {
        // An entry of another length is not even read.
        let same_length = container.size(name) == Some(expected.len() as u64);
        if !same_length || container.read(name, expected.len())? != expected {
            self.differing.insert(name.to_owned());
        }
        Ok(())
    }

    fn measure_part<R: Read + Seek>(
        &mut self,
        container: &mut Container<R>,
        name: &str,
        paper: &Paper,
        part: usize,
    ) -> Result<(), Fault> {
        let Some(listed) = paper.header.parts().get(part) else { return Ok(()) };
        let other =
            || Err(Doubt::refused(format!("sealed part {part} is not the one that the header names")));
        let finding = if container.size(name) == Some(listed.size) {
            let mut measured = Measured::default();
            container.copy(name, &mut measured)?;
            if measured.is(listed.digest, listed.size) { Ok(()) } else { other() }
        } else {
            other()
        };
        self.parts.insert((paper.id(), part), finding);
        Ok(())
    }

    /// The entry and the content of the sealed part must both be the document that the dispatch names.
    fn open_document<R: Read + Seek>(
        &mut self,
        container: &mut Container<R>,
        name: &str,
        paper: &Paper,
        part: usize,
    ) -> Result<(), Fault> {
        let document = paper.disclosed().and_then(|disclosure| disclosure.document(part));
        let (Some(document), Some(key)) = (document, paper.keys.get(&part)) else { return Ok(()) };
        let mut finding = Err(Doubt::refused(format!("{name} is not the document that the dispatch names")));
        if container.size(name) == Some(document.size) {
            let mut measured = Measured::default();
            container.copy(name, &mut measured)?;
            if measured.is(document.digest, document.size) {
                let sealed = container.content(&paper.entry(&contents::part_name(part)))?;
                finding =
                    disclosure::open_document(sealed, key, document, std::io::sink()).map_err(Doubt::Refused);
            }
        }
        self.documents.insert((paper.id(), part), finding);
        Ok(())
    }

    /// Whether the entries whose names `concerns` asks for are what the others require.
    pub(super) fn equal(&self, concerns: impl Fn(&str) -> bool) -> Result<(), Doubt> {
        match self.differing.iter().find(|name| concerns(name)) {
            Some(name) => Err(Doubt::refused(format!("{name} is not what the rest of the file requires"))),
            None => Ok(()),
        }
    }
}
