//! Disclosed parts: with the key of a sealed part everybody opens that part and no other.
//!
//! The key is bound to the sealed bytes by their own MAC, the sealed bytes to the header by their digest, and
//! the documents to the dispatch by theirs, so that nothing but what was sent can be disclosed.

use std::io::{self, Read, Write};

use crate::digest::{Digest, Hasher};
use crate::limits;
use crate::message::dispatch::{Document, ExpectedAuthentication, SignedDispatch};
use crate::message::header::{Header, Part};
use crate::message::seal::{self, FileKey, Unlock, open_with_file_key, sealed_size};
use crate::message::terms::{ActClass, AuthenticationKind};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

use super::standing::{Doubt, Standings};

/// The kinds of act that are protective; `consultation` knows them by its catalogue, and a test holds this to it.
pub const PROTECTIVE_KINDS: [&str; 4] =
    ["death-notice", "hold-notice", "publicity-notice", "will-withdrawal"];

/// What a disclosed dispatch says and bears.
#[derive(Debug)]
pub(super) struct Disclosure {
    pub(super) dispatch: SignedDispatch,
}

impl Disclosure {
    /// Opens the first sealed part.
    pub(super) fn open(sealed: &[u8], key: &FileKey) -> Result<Self, String> {
        let plain = open_with_file_key(sealed, key).map_err(|cause| cause.to_string())?;
        let dispatch = SignedDispatch::parse(&plain).map_err(|cause| cause.to_string())?;
        Ok(Self { dispatch })
    }

    /// The document that is sealed as part `part`.
    pub(super) fn document(&self, part: usize) -> Option<&Document> {
        self.dispatch.dispatch().documents.get(part.checked_sub(1)?)
    }

    /// Whether the dispatch was made for the address of this header and for as many documents as it has parts.
    pub(super) fn check_header(&self, header: &Header) -> Result<(), Doubt> {
        let dispatch = self.dispatch.dispatch();
        if dispatch.address_digest != header.address_digest() {
            return Err(Doubt::refused("the dispatch is bound to another address than the header's"));
        }
        if dispatch.documents.len().saturating_add(1) != header.parts().len() {
            return Err(Doubt::refused(
                "the header names another number of parts than the dispatch documents",
            ));
        }
        Ok(())
    }

    /// Whether the act is registered even where an office's signature on it does not hold (ROL_02): the registry's
    /// signature over the header says which ministry speaks, and nothing that stops a handover is lost for want of
    /// more. What a dispatch calls itself does not suffice: its kind must be one of these.
    pub(super) fn is_protective(&self) -> bool {
        let dispatch = self.dispatch.dispatch();
        dispatch.act_class == ActClass::Protective && PROTECTIVE_KINDS.contains(&dispatch.kind.as_str())
    }

    /// Whether the dispatch bears authentication number `number`, judged at `at`; says by whom.
    pub(super) fn check_authentication(
        &self,
        number: usize,
        sender: &Ministry,
        standings: &Standings,
        at: Timestamp,
    ) -> Result<String, Doubt> {
        let missing = || Doubt::refused("the dispatch does not bear this authentication");
        let expected = self.dispatch.dispatch().authentications.get(number).ok_or_else(missing)?;
        let p7s = self.dispatch.authentications().get(number).ok_or_else(missing)?;
        let ExpectedAuthentication { kind, credential } = expected;
        if *kind != AuthenticationKind::Witness && credential.ministry() != sender {
            return Err(Doubt::refused(format!("{credential} is not an office of the sender")));
        }
        let standing = standings.of(credential.ministry())?;
        let signed = standing.signed(self.dispatch.bytes(), p7s, at)?;
        signed.require_name(credential).map_err(Doubt::of)?;
        signed.require_authority(kind.authority()).map_err(Doubt::of)?;
        Ok(format!("{credential} authenticated the dispatch ({kind:?})"))
    }
}

/// Whether the first part may hold a dispatch; larger ones are not read into memory.
pub(super) fn may_hold_dispatch(part: &Part) -> bool {
    part.size <= sealed_size(limits::SIGNED_DISPATCH_BYTES_MAX as u64, limits::RECIPIENTS_MAX)
}

/// Opens a disclosed document into `sink`; it must be the one that the dispatch names.
pub(super) fn open_document(
    sealed: impl Read,
    key: &FileKey,
    document: &Document,
    sink: impl Write,
) -> Result<(), String> {
    let opened = seal::open_stream(sealed, Unlock::FileKey(key), sink).map_err(|cause| cause.to_string())?;
    if opened.plain_digest == document.digest && opened.plain_size == document.size {
        Ok(())
    } else {
        Err("the sealed part holds another document than the dispatch names".to_owned())
    }
}

/// The entry of a disclosed document.
pub(super) fn document_name(document: &Document) -> String {
    let ending = match document.media_type.as_str() {
        "application/pdf" => "pdf",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "text/markdown" => "md",
        "text/plain" => "txt",
        _ => "bin",
    };
    format!("documents/{}.{ending}", document.document_id)
}

/// Hashes and counts what is written to it, and keeps nothing.
#[derive(Debug, Default)]
pub(super) struct Measured {
    hasher: Hasher,
    size: u64,
}

impl Measured {
    /// Whether exactly the content with this digest and size was written.
    pub(super) fn is(self, digest: Digest, size: u64) -> bool {
        self.size == size && self.hasher.finish() == digest
    }
}

impl Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.size = self.size.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
