//! Writing a deposit: from its beginning, or on after what is there.
//!
//! Plain bytes enter, piece by piece; records leave to the file, each sealed at its place. After every piece all of it
//! is in the file, so that a cut loses nothing. Two texts never stand under one nonce.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use ring::aead::NONCE_LEN;
use zeroize::Zeroizing;

use super::{CHUNK_BYTES, Cipher, Deposit, DepositReader, KEY_BYTES, RECORD_BYTES, sealed_key};
use crate::desk::reading_keys::ReadingKeys;
use crate::digest::Hasher;
use crate::entropy::{Entropy, NoEntropy, random};
use crate::message::seal::{self, ReadingKey};

/// A deposit that grows. Whoever opens it holds the file alone.
pub(in crate::desk) struct DepositWriter {
    file: File,
    cipher: Cipher,
    /// Where the records begin.
    beginning: u64,
    /// Records that are full.
    full: u64,
    /// What stands in the record behind them.
    tail: Zeroizing<Vec<u8>>,
    entropy: Arc<dyn Entropy>,
}

impl DepositWriter {
    /// Writes on in a file, or begins it where it is empty; after at most `from` bytes of the document. With the hash
    /// of what stands there. What was cut or altered at rest, and all behind it, counts as never written.
    pub(in crate::desk) fn resume(
        mut file: File,
        path: &Path,
        from: u64,
        reading: &ReadingKeys,
        entropy: Arc<dyn Entropy>,
    ) -> io::Result<(Self, Hasher)> {
        let known = Deposit::open(path, reading);
        let (key, beginning) = match known {
            Ok(known) => (known.key, sealed_key(rewound(&mut file)?)?.1),
            // Nothing was ever put behind a key that is not whole.
            Err(_) => begin(&mut file, reading.newest(), entropy.as_ref())?,
        };
        let (mut hasher, mut full, mut tail) = (Hasher::new(), 0_u64, Zeroizing::default());
        let mut reader = DepositReader {
            file: file.try_clone()?,
            cipher: Cipher::new(&key)?,
            number: 0,
            chunk: Zeroizing::default(),
            read: 0,
            expected: None,
        };
        file.seek(SeekFrom::Start(beginning))?;
        let mut length = 0_u64;
        while length < from {
            let Ok(mut chunk) = reader.next_chunk() else { break };
            let wanted = usize::try_from(from.saturating_sub(length)).unwrap_or(usize::MAX);
            chunk.truncate(wanted);
            hasher.update(&chunk);
            length = length.saturating_add(chunk.len() as u64);
            if chunk.len() < CHUNK_BYTES {
                tail = chunk;
                break;
            }
            full = full.saturating_add(1);
        }
        let mut writer = Self { file, cipher: Cipher::new(&key)?, beginning, full, tail, entropy };
        writer.file.set_len(writer.place())?;
        writer.write_tail()?;
        Ok((writer, hasher))
    }

    /// Bytes of the document that are there.
    pub(in crate::desk) fn length(&self) -> u64 {
        self.full.saturating_mul(CHUNK_BYTES as u64).saturating_add(self.tail.len() as u64)
    }

    /// Writes on.
    pub(in crate::desk) fn put(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while !piece.is_empty() {
            let room = CHUNK_BYTES.saturating_sub(self.tail.len()).min(piece.len());
            let (now, later) = piece.split_at_checked(room).unwrap_or((piece, &[]));
            self.tail.extend_from_slice(now);
            piece = later;
            if self.tail.len() == CHUNK_BYTES {
                self.write_tail()?;
                self.full = self.full.saturating_add(1);
                self.tail = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES));
            }
        }
        self.write_tail()
    }

    /// The file, whole.
    pub(in crate::desk) fn into_file(self) -> File {
        self.file
    }

    fn place(&self) -> u64 {
        self.beginning.saturating_add(self.full.saturating_mul(RECORD_BYTES as u64))
    }

    fn write_tail(&mut self) -> io::Result<()> {
        if self.tail.is_empty() {
            return Ok(());
        }
        // Two texts never stand under one nonce: at this place others may have stood before.
        let nonce: [u8; NONCE_LEN] = random(self.entropy.as_ref()).map_err(unpredictable)?;
        let record = self.cipher.seal(self.full, &self.tail, nonce)?;
        self.file.seek(SeekFrom::Start(self.place()))?;
        self.file.write_all(&record)
    }
}

/// Begins a file: a key of its own, sealed to the reading key.
fn begin(
    file: &mut File,
    reading: &ReadingKey,
    entropy: &dyn Entropy,
) -> io::Result<(Zeroizing<[u8; KEY_BYTES]>, u64)> {
    let key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(random(entropy).map_err(unpredictable)?);
    let sealed = seal::seal(key.as_slice(), &[reading.recipient()], entropy).map_err(io::Error::other)?.bytes;
    let length = u16::try_from(sealed.len()).map_err(io::Error::other)?;
    let beginning = [length.to_be_bytes().as_slice(), sealed.as_slice()].concat();
    file.set_len(0)?;
    rewound(file)?.write_all(&beginning)?;
    Ok((key, beginning.len() as u64))
}

fn rewound(file: &mut File) -> io::Result<&mut File> {
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn unpredictable(cause: NoEntropy) -> io::Error {
    io::Error::other(cause)
}

crate::consultation::opaque!(DepositWriter);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::*;
    use crate::desk::deposit::held;
    use crate::digest::Digest;
    use crate::entropy::SystemEntropy;

    struct Place {
        _folder: tempfile::TempDir,
        path: std::path::PathBuf,
        reading: ReadingKeys,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("deposit");
            Self { path, _folder: folder, reading: ReadingKey::generate(&SystemEntropy).unwrap().into() }
        }

        /// Writes pieces after at most `from` bytes; what was there, and the digest of all.
        fn put(&self, from: u64, pieces: &[&[u8]]) -> (u64, Digest) {
            let file = File::options().read(true).write(true).create(true).truncate(false).open(&self.path);
            let entropy = Arc::new(SystemEntropy);
            let resumed = DepositWriter::resume(file.unwrap(), &self.path, from, &self.reading, entropy);
            let (mut writer, mut hasher) = resumed.unwrap();
            let found = writer.length();
            for piece in pieces {
                writer.put(piece).unwrap();
                hasher.update(piece);
            }
            assert_eq!(held(&self.path).unwrap(), writer.length());
            (found, hasher.finish())
        }

        fn read(&self, reading: &dyn seal::Opener) -> io::Result<Vec<u8>> {
            let mut all = Vec::new();
            Deposit::open(&self.path, reading)?.reader()?.read_to_end(&mut all)?;
            Ok(all)
        }
    }

    /// Bytes that stand nowhere by chance.
    fn document(length: usize) -> Vec<u8> {
        let beginning = b"a prisoner's own words";
        beginning.iter().copied().chain((0..).map(|number: u32| number as u8)).take(length).collect()
    }

    #[test]
    fn what_was_put_comes_back_whatever_the_pieces_were_and_stands_nowhere_in_plain() {
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 17] {
            for step in [50_000, CHUNK_BYTES, 200_000] {
                let (place, whole) = (Place::new(), document(length));
                let pieces: Vec<&[u8]> = whole.chunks(step).collect();
                assert_eq!(place.put(0, &pieces), (0, Digest::of(&whole)), "{length} by {step}");
                assert!(place.read(&place.reading).unwrap() == whole, "{length} by {step}");
                let file = fs::read(&place.path).unwrap();
                assert!(length < 22 || !file.windows(22).any(|window| window == &whole[..22]));
                assert!(place.read(&ReadingKey::generate(&SystemEntropy).unwrap()).is_err(), "another key");
            }
        }
    }

    #[test]
    fn it_goes_on_after_any_byte_that_is_there_and_never_repeats_a_record() {
        let whole = document(2 * CHUNK_BYTES + 100);
        for cut in [0, 1, 99, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + 99] {
            let place = Place::new();
            place.put(0, &[&whole]);
            let before = fs::read(&place.path).unwrap();
            assert_eq!(place.put(cut as u64, &[&whole[cut..]]), (cut as u64, Digest::of(&whole)), "{cut}");
            assert!(place.read(&place.reading).unwrap() == whole, "{cut}");
            let after = fs::read(&place.path).unwrap();
            assert_eq!(before.len(), after.len());
            assert!(
                before[before.len() - 100..] != after[after.len() - 100..],
                "another nonce, another record"
            );
        }
        let place = Place::new();
        place.put(0, &[&whole[..10]]);
        assert_eq!(place.put(500, &[]).0, 10, "no more than is there");
    }

    #[test]
    fn records_that_changed_places_are_not_read() {
        let (place, whole) = (Place::new(), document(2 * CHUNK_BYTES));
        place.put(0, &[&whole]);
        let mut file = fs::read(&place.path).unwrap();
        let records = file.len() - 2 * RECORD_BYTES;
        file[records..].rotate_left(RECORD_BYTES);
        fs::write(&place.path, file).unwrap();
        assert_eq!(place.read(&place.reading).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_rotted_counts_as_never_written_and_is_never_read() {
        let (place, whole) = (Place::new(), document(2 * CHUNK_BYTES + 100));
        place.put(0, &[&whole]);
        let mut rotten = fs::read(&place.path).unwrap();
        let in_second = rotten.len() - 100 - CHUNK_BYTES;
        rotten[in_second] ^= 1;
        fs::write(&place.path, &rotten).unwrap();
        assert_eq!(place.read(&place.reading).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(place.put(u64::MAX, &[&whole[CHUNK_BYTES..]]), (CHUNK_BYTES as u64, Digest::of(&whole)));
        assert!(place.read(&place.reading).unwrap() == whole);
        // A beginning that was cut holds no key, so nothing is behind it.
        fs::write(&place.path, &rotten[..100]).unwrap();
        assert_eq!(place.put(u64::MAX, &[&whole]), (0, Digest::of(&whole)));
        assert!(place.read(&place.reading).unwrap() == whole);
    }
}
