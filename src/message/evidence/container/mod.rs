//! The zip file that holds evidence: stored entries in the one layout of `layout`, read and written.
//!
//! Any zip program opens it. Reading is strict where such programs are lax: directory and headers are encoded
//! again and compared, so that two programs can never see two different contents, and no byte lies outside of
//! the entries. Names are compared with expected names and never become paths.

mod crc;
mod layout;
mod writer;

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::limits;

use crc::Crc;

pub(super) use writer::ContainerWriter;

/// One entry, as the directory lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name.
    pub(super) name: String,
    /// CRC-32 of its content.
    crc: u32,
    /// Length of its content in bytes.
    pub(super) size: u64,
    /// Where its local header begins.
    offset: u64,
}

/// Why a file could not be read as evidence.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The medium failed; the file may be good.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
    /// The bytes are not what a writer of evidence makes.
    #[error("{0}")]
    Damaged(String),
}

impl Fault {
    /// The bytes are wrong in the way that `what` says.
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }
}

/// A container open for reading.
#[derive(Debug)]
pub(super) struct Container<R> {
    source: R,
    names: Vec<String>,
    entries: BTreeMap<String, Entry>,
}

impl<R: Read + Seek> Container<R> {
    /// Reads the directory and checks everything that stands between the contents of entries.
    pub(super) fn open(mut source: R) -> Result<Self, Fault> {
        let length = source.seek(SeekFrom::End(0))?;
        let listed = read_directory(&mut source, length)?;
        for entry in &listed {
            let expected = layout::local_header(&entry.name, entry.crc, entry.size);
            if read_at(&mut source, entry.offset, expected.len() as u64)? != expected {
                return Err(Fault::damaged(format!("the header of {:?} is not canonical", entry.name)));
            }
        }
        let names: Vec<String> = listed.iter().map(|entry| entry.name.clone()).collect();
        let count = listed.len();
        let entries: BTreeMap<_, _> = listed.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        if entries.len() != count {
            return Err(Fault::damaged("two entries have the same name"));
        }
        Ok(Self { source, names, entries })
    }

    /// The names of all entries, in order.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The size of an entry, if it is there.
    pub(super) fn size(&self, name: &str) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.size)
    }

    /// The whole content of a small entry of at most `most` bytes.
    pub(super) fn read(&mut self, name: &str, most: usize) -> Result<Vec<u8>, Fault> {
        let size = self.size(name).ok_or_else(|| Fault::damaged(format!("{name} is missing")))?;
        if size > most as u64 {
            return Err(Fault::damaged(format!("{name} is longer than {most} bytes")));
        }
        let mut content = Vec::new();
        self.copy(name, &mut content)?;
        Ok(content)
    }

    /// Passes the content of an entry on, and then tells whether its checksum was right.
    pub(super) fn copy(&mut self, name: &str, sink: &mut dyn Write) -> Result<(), Fault> {
        let expected = self.entry(name)?.crc;
        let mut checked = Checked { sink, crc: Crc::new(), size: 0 };
        io::copy(&mut self.content(name)?, &mut checked)?;
        if checked.crc.finish() == expected {
            Ok(())
        } else {
            Err(Fault::damaged(format!("the checksum of {name} is wrong")))
        }
    }

    /// The content of an entry as a stream, its checksum unchecked.
    pub(super) fn content(&mut self, name: &str) -> Result<io::Take<&mut R>, Fault> {
        let entry = self.entry(name)?;
        let header = layout::local_header(&entry.name, entry.crc, entry.size).len() as u64;
        let (start, size) = (entry.offset.saturating_add(header), entry.size);
        self.source.seek(SeekFrom::Start(start))?;
        Ok(self.source.by_ref().take(size))
    }

    fn entry(&self, name: &str) -> Result<&Entry, Fault> {
        self.entries.get(name).ok_or_else(|| Fault::damaged(format!("{name} is missing")))
    }
}

/// Reads the directory; the file must end with exactly what encoding it again gives.
fn read_directory(source: &mut (impl Read + Seek), length: u64) -> Result<Vec<Entry>, Fault> {
    let not_a_container = || Fault::damaged("the file is not a zip file of the layout of evidence");
    let end_at = length.checked_sub(layout::END_BYTES).ok_or_else(not_a_container)?;
    let end = read_at(source, end_at, layout::END_BYTES)?;
    let count = usize::from(u16_at(&end, 10).ok_or_else(not_a_container)?);
    let size = u64::from(u32_at(&end, 12).ok_or_else(not_a_container)?);
    let large = u32_at(&end, 16) == Some(u32::MAX);
    let after = if large { layout::LARGE_END_BYTES } else { 0 };
    let start = end_at.checked_sub(after).and_then(|at| at.checked_sub(size)).ok_or_else(not_a_container)?;
    if count > limits::EVIDENCE_ENTRIES_MAX || size > DIRECTORY_BYTES_MAX {
        return Err(Fault::damaged("the file has more entries than evidence may have"));
    }
    let bytes = read_at(source, start, length.saturating_sub(start))?;
    let entries = parse_entries(&bytes, count).ok_or_else(not_a_container)?;
    let contents_end = entries.last().map_or(0, end_of);
    if contents_end != start || layout::directory(&entries, start) != bytes {
        return Err(Fault::damaged("the directory of the zip file is not canonical"));
    }
    Ok(entries)
}

/// The longest directory that is read.
const DIRECTORY_BYTES_MAX: u64 = (limits::EVIDENCE_ENTRIES_MAX as u64)
    * (layout::DIRECTORY_ENTRY_BYTES as u64 + limits::EVIDENCE_NAME_BYTES_MAX as u64 + 28);

/// Takes from each entry only what the others do not already say: everything else follows and is compared.
fn parse_entries(mut bytes: &[u8], count: usize) -> Option<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for _ in 0..count {
        let name_length = usize::from(u16_at(bytes, 28)?);
        let extra_length = usize::from(u16_at(bytes, 30)?);
        let (fixed, rest) = bytes.split_at_checked(layout::DIRECTORY_ENTRY_BYTES)?;
        let (name, rest) = rest.split_at_checked(name_length)?;
        let (extra, rest) = rest.split_at_checked(extra_length)?;
        let size = match u32_at(fixed, 24)? {
            u32::MAX => u64::from_le_bytes(*extra.get(4..)?.first_chunk()?),
            size => u64::from(size),
        };
        let name = std::str::from_utf8(name).ok()?.to_owned();
        if name.is_empty() || name.len() > limits::EVIDENCE_NAME_BYTES_MAX {
            return None;
        }
        let offset = entries.last().map_or(0, end_of);
        entries.push(Entry { name, crc: u32_at(fixed, 16)?, size, offset });
        bytes = rest;
    }
    Some(entries)
}

/// Where the next entry begins: there are no gaps.
fn end_of(entry: &Entry) -> u64 {
    let header = layout::local_header(&entry.name, entry.crc, entry.size).len() as u64;
    entry.offset.saturating_add(header).saturating_add(entry.size)
}

fn read_at(source: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Vec<u8>, Fault> {
    source.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    source.by_ref().take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Computes checksum and size of what passes.
struct Checked<'a> {
    sink: &'a mut dyn Write,
    crc: Crc,
    size: u64,
}

impl Write for Checked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.crc.update(bytes.get(..count).unwrap_or(bytes));
        self.size = self.size.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests;
