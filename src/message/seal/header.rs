//! The header of an age file: version line, recipient stanzas, MAC. Strict: one text for one header.
//!
//! Bytes of strangers enter; a header of bounded size leaves. Its stanzas are believed by nobody until the
//! MAC was verified with the file key that one of them gave.

use std::io::{BufRead, Read};

use data_encoding::BASE64_NOPAD;
use ring::hmac;

use super::stanza::decode_exact;
use super::{FileKey, OpenError, SealError, Stanza, passphrase};
use crate::limits::{RECIPIENTS_MAX, SEAL_HEADER_BYTES_MAX};

const VERSION_LINE: &str = "age-encryption.org/v1\n";
const MAC_MARK: &str = "---";
/// Characters of a full line of a stanza's body; the first shorter line ends the body.
const COLUMNS: usize = 64;
/// Bytes of a header without stanzas: the version line, the mark, a space, 43 characters and a line feed.
pub(super) const FRAME_BYTES: usize = VERSION_LINE.len() + MAC_MARK.len() + 1 + 43 + 1;

/// A header as it was read.
#[derive(Debug)]
pub(super) struct Header {
    stanzas: Vec<Stanza>,
    /// What the MAC covers: everything up to and including the mark.
    covered: Vec<u8>,
    mac: [u8; 32],
}

impl Header {
    /// Reads exactly the header and leaves `source` at the payload.
    pub(super) fn read(source: &mut impl BufRead) -> Result<Self, OpenError> {
        let mut lines = Lines { source, read: Vec::with_capacity(4096), begin: 0 };
        if lines.line()? != VERSION_LINE.trim_end() {
            return Err(OpenError::Malformed("it is no age file of version 1"));
        }
        let mut stanzas = Vec::new();
        loop {
            let line = lines.line()?;
            if let Some(text) = line.strip_prefix(MAC_MARK) {
                let mac = text.strip_prefix(' ').and_then(decode_exact);
                let mac = mac.ok_or(OpenError::Malformed("the last line of the header is no MAC"))?;
                check_set(&stanzas)?;
                return Ok(Self { stanzas, covered: lines.up_to_mark(), mac });
            }
            if stanzas.len() == RECIPIENTS_MAX {
                return Err(OpenError::TooLarge("it has too many recipients"));
            }
            let (kind, arguments) = arguments(line)?;
            let stanza = Stanza { kind, arguments, body: body(&mut lines)? };
            stanza.check_form()?;
            stanzas.push(stanza);
        }
    }

    /// Writes the header of a new file.
    pub(super) fn write(stanzas: &[Stanza], key: &FileKey) -> Result<Vec<u8>, SealError> {
        let mut text = String::from(VERSION_LINE);
        for stanza in stanzas {
            write_stanza(stanza, &mut text);
        }
        text.push_str(MAC_MARK);
        let mac = hmac::sign(&key.header_key().ok_or(SealError::Cipher)?, text.as_bytes());
        text.push(' ');
        BASE64_NOPAD.encode_append(mac.as_ref(), &mut text);
        text.push('\n');
        Ok(text.into_bytes())
    }

    /// Recipient stanzas in their order; not authentic before `verify`.
    pub(super) fn stanzas(&self) -> &[Stanza] {
        &self.stanzas
    }

    /// Whether this header was made with `key`, byte for byte.
    pub(super) fn verify(&self, key: &FileKey) -> Result<(), OpenError> {
        let mac_key = key.header_key().ok_or(OpenError::HeaderAltered)?;
        hmac::verify(&mac_key, &self.covered, &self.mac).map_err(|_| OpenError::HeaderAltered)
    }
}

/// Lines of a header, of which all bytes are kept and counted.
struct Lines<'a, R> {
    source: &'a mut R,
    read: Vec<u8>,
    begin: usize,
}

impl<R: BufRead> Lines<'_, R> {
    /// The next line without its line feed. No carriage return is tolerated: no reader strips one.
    fn line(&mut self) -> Result<&str, OpenError> {
        self.begin = self.read.len();
        let room = SEAL_HEADER_BYTES_MAX.saturating_sub(self.begin);
        self.source.by_ref().take(room as u64).read_until(b'\n', &mut self.read)?;
        let line = self.read.get(self.begin..).unwrap_or_default();
        let Some(line) = line.strip_suffix(b"\n") else {
            return Err(if line.len() == room {
                OpenError::TooLarge("its header is longer than any header")
            } else {
                OpenError::Malformed("the header is cut short")
            });
        };
        str::from_utf8(line).map_err(|_| OpenError::Malformed("the header is no ASCII text"))
    }

    /// Everything read, but of the last line only the mark.
    fn up_to_mark(mut self) -> Vec<u8> {
        self.read.truncate(self.begin.saturating_add(MAC_MARK.len()));
        self.read
    }
}

/// Rules about all stanzas together.
fn check_set(stanzas: &[Stanza]) -> Result<(), OpenError> {
    if stanzas.is_empty() {
        return Err(OpenError::Malformed("it has no recipients"));
    }
    if stanzas.len() > 1 && stanzas.iter().any(|stanza| stanza.kind == passphrase::KIND) {
        return Err(OpenError::Malformed("a passphrase stands beside other recipients"));
    }
    Ok(())
}

/// Splits a stanza's first line into its kind and further arguments.
fn arguments(line: &str) -> Result<(String, Vec<String>), OpenError> {
    let line =
        line.strip_prefix("-> ").ok_or(OpenError::Malformed("a stanza does not begin with an arrow"))?;
    let visible =
        |argument: &&str| !argument.is_empty() && argument.bytes().all(|byte| byte.is_ascii_graphic());
    let all = line.split(' ');
    if !all.clone().all(|argument| visible(&argument)) {
        return Err(OpenError::Malformed("an argument of a stanza is empty or no visible text"));
    }
    let mut all = all.map(str::to_owned);
    let kind = all.next().ok_or(OpenError::Malformed("a stanza has no kind"))?;
    Ok((kind, all.collect()))
}

/// Reads a stanza's body: full lines, then one shorter line, which may be empty.
fn body<R: BufRead>(lines: &mut Lines<'_, R>) -> Result<Vec<u8>, OpenError> {
    let mut body = Vec::new();
    loop {
        let line = lines.line()?;
        if line.len() > COLUMNS {
            return Err(OpenError::Malformed("a line of a stanza's body is too long"));
        }
        let piece = BASE64_NOPAD.decode(line.as_bytes());
        body.extend(piece.map_err(|_| OpenError::Malformed("a stanza's body is no canonical base64"))?);
        if line.len() < COLUMNS {
            return Ok(body);
        }
    }
}

fn write_stanza(stanza: &Stanza, text: &mut String) {
    text.push_str("-> ");
    text.push_str(&stanza.kind);
    for argument in &stanza.arguments {
        text.push(' ');
        text.push_str(argument);
    }
    text.push('\n');
    // A full line holds 48 bytes; a body that fills its last line is followed by an empty one.
    let mut pieces = stanza.body.chunks_exact(COLUMNS / 4 * 3);
    for piece in &mut pieces {
        BASE64_NOPAD.encode_append(piece, text);
        text.push('\n');
    }
    BASE64_NOPAD.encode_append(pieces.remainder(), text);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::SystemEntropy;

    fn unknown(body: Vec<u8>) -> Stanza {
        Stanza { kind: "example.org/unknown".into(), arguments: vec!["one".into()], body }
    }

    fn read(bytes: &[u8]) -> Result<Header, OpenError> {
        Header::read(&mut &bytes[..])
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            arguments in prop::collection::vec("[!-~]{1,80}", 0..4),
            body in prop::collection::vec(any::<u8>(), 0..200),
            count in 1..4usize,
        ) {
            let key = FileKey::generate(&SystemEntropy).unwrap();
            let stanzas = vec![Stanza { kind: "example.org/unknown".into(), arguments, body }; count];
            let bytes = Header::write(&stanzas, &key).unwrap();
            let header = read(&bytes).unwrap();
            prop_assert_eq!(header.stanzas(), stanzas);
            prop_assert!(header.verify(&key).is_ok());
            let other = FileKey::generate(&SystemEntropy).unwrap();
            prop_assert_eq!(header.verify(&other).unwrap_err().reason(), "SEAL_ALTERED");
        }

        #[test]
        fn any_text_that_is_read_is_the_one_that_would_be_written(
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let key = FileKey::parse(&"5a".repeat(16)).unwrap();
            let mut bytes = Header::write(&[unknown(vec![7; 96])], &key).unwrap();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Ok(header) = read(&bytes) {
                let mut again = String::from(VERSION_LINE);
                header.stanzas.iter().for_each(|stanza| write_stanza(stanza, &mut again));
                again.push_str(MAC_MARK);
                prop_assert_eq!(again.as_bytes(), &header.covered);
            }
        }
    }

    #[test]
    fn a_header_beyond_the_bounds_is_refused() {
        let key = FileKey::generate(&SystemEntropy).unwrap();
        let most = Header::write(&vec![unknown(vec![]); RECIPIENTS_MAX], &key).unwrap();
        assert_eq!(read(&most).unwrap().stanzas().len(), RECIPIENTS_MAX);
        let crowd = Header::write(&vec![unknown(vec![]); RECIPIENTS_MAX + 1], &key).unwrap();
        assert_eq!(read(&crowd).unwrap_err().reason(), "SEAL_TOO_LARGE");
        let long = Header::write(&[unknown(vec![0; SEAL_HEADER_BYTES_MAX])], &key).unwrap();
        assert_eq!(read(&long).unwrap_err().reason(), "SEAL_TOO_LARGE");
        let endless = std::io::BufReader::new(std::io::repeat(b'a'));
        assert_eq!(Header::read(&mut { endless }).unwrap_err().reason(), "SEAL_TOO_LARGE");
    }

    #[test]
    fn the_payload_is_left_unread() {
        let key = FileKey::generate(&SystemEntropy).unwrap();
        let mut bytes = Header::write(&[unknown(vec![1])], &key).unwrap();
        bytes.extend(b"payload");
        let mut source = bytes.as_slice();
        Header::read(&mut source).unwrap();
        assert_eq!(source, b"payload");
    }
}
