//! Hands out what an evidence file discloses, and only after the file was verified under trusted roots.

use std::io::{self, Read, Seek};

use super::container::{Container, Fault};
use super::paper::MESSAGES;
use super::report::{Report, Verdict};
use super::standing::TrustBasis;
use super::verifier;
use crate::time::Timestamp;

/// A disclosed piece of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The exact dispatch.
    Dispatch,
    /// A document, by the name it has in the file: made by whoever wrote the file, and no path.
    Document(&'a str),
}

/// Verifies a file as `verify` does. Where every check holds under trusted roots, each disclosed piece goes to
/// `take` with the reference of its message; otherwise nothing does.
pub fn release<R: Read + Seek>(
    mut source: R,
    basis: &TrustBasis,
    at: Timestamp,
    take: &mut dyn FnMut(&str, Piece<'_>, &mut dyn Read) -> io::Result<()>,
) -> io::Result<Report> {
    let report = verifier::verify(&mut source, basis, at);
    if report.verdict() != Verdict::Verified {
        return Ok(report);
    }
    let failed = |fault: Fault| io::Error::other(fault.to_string());
    let mut container = Container::open(source).map_err(failed)?;
    for name in container.names().to_vec() {
        if let Some((reference, piece)) = piece_of(&name) {
            take(reference, piece, &mut container.content(&name).map_err(failed)?)?;
        }
    }
    Ok(report)
}

/// The message and the piece that an entry holds, where it is disclosed content.
fn piece_of(name: &str) -> Option<(&str, Piece<'_>)> {
    let (reference, inner) = name.strip_prefix(MESSAGES)?.split_once('/')?;
    match inner.strip_prefix("disclosed/")? {
        "dispatch.bin" => Some((reference, Piece::Dispatch)),
        inner => Some((reference, Piece::Document(inner.strip_prefix("documents/")?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_disclosed_content_is_a_piece() {
        let of = |inner: &str| {
            piece_of(&format!("{MESSAGES}XA-XB-2026-0001/{inner}")).map(|(_, piece)| format!("{piece:?}"))
        };
        assert_eq!(of("disclosed/dispatch.bin").as_deref(), Some("Dispatch"));
        assert_eq!(of("disclosed/documents/ko.txt").as_deref(), Some("Document(\"ko.txt\")"));
        for other in ["header.bin", "parts/0.age", "disclosed/0.key", "disclosed/authentication-1.p7s"] {
            assert_eq!(of(other), None);
        }
        assert_eq!(piece_of("trust/XA.bundle"), None);
    }
}
