//! The one layout of our zip files (APPNOTE 6.3.10): stored entries without gaps, in order, with one fixed date,
//! one file mode and no comments. Sizes and offsets beyond 32 bits use zip64 fields, and only those do.

use super::Entry;

/// Length of the end record, the last bytes of the file.
pub(super) const END_BYTES: u64 = 22;

/// Length of the zip64 end record and its locator, which stand before the end record of a large file.
pub(super) const LARGE_END_BYTES: u64 = 56 + 20;

/// Fixed part of an entry in the directory.
pub(super) const DIRECTORY_ENTRY_BYTES: usize = 46;

/// Where the checksum stands in a local header.
pub(super) const CRC_AT: u64 = 14;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const DIRECTORY_ENTRY: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const LARGE_END: u32 = 0x0606_4b50;
const LARGE_END_LOCATOR: u32 = 0x0706_4b50;
const LARGE_FIELDS: u16 = 0x0001;

/// The year 1980 begins: the earliest date a zip file can hold.
const DATE: u16 = 0x0021;
const VERSION: u16 = 10;
const VERSION_LARGE: u16 = 45;
const MADE_ON_UNIX: u16 = 3 << 8;
/// A regular file, readable by all, in the place where Unix keeps its mode.
const MODE: u32 = 0o100_644 << 16;

/// Whether a size or offset needs a zip64 field.
pub(super) const fn is_large(number: u64) -> bool {
    number >= u32::MAX as u64
}

/// The header before the data of an entry.
pub(super) fn local_header(name: &str, crc: u32, size: u64) -> Vec<u8> {
    let large = is_large(size);
    let mut fields = Fields::default();
    fields.u32(LOCAL_HEADER);
    fields.u16(version(large));
    fields.description(crc, size, name);
    fields.u16(if large { 4 + 16 } else { 0 });
    fields.bytes(name.as_bytes());
    if large {
        fields.large(&[size, size]);
    }
    fields.0
}

/// The directory of all entries and everything after it; `start` is where it begins.
pub(super) fn directory(entries: &[Entry], start: u64) -> Vec<u8> {
    let mut fields = Fields::default();
    for entry in entries {
        fields.directory_entry(entry);
    }
    let length = fields.0.len() as u64;
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    if is_large(start) {
        fields.large_end(u64::from(count), length, start);
    }
    fields.u32(END);
    fields.u16(0);
    fields.u16(0);
    fields.u16(count);
    fields.u16(count);
    fields.u32(narrow(length));
    fields.u32(narrow(start));
    fields.u16(0);
    fields.0
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

const fn version(large: bool) -> u16 {
    if large { VERSION_LARGE } else { VERSION }
}

/// Little-endian fields, one after the other.
#[derive(Debug, Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn u16(&mut self, number: u16) {
        self.bytes(&number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// Flags, method "stored", time and date, checksum, both sizes, length of the name: what the local header
    /// and the directory say in the same words.
    fn description(&mut self, crc: u32, size: u64, name: &str) {
        self.u16(0);
        self.u16(0);
        self.u16(0);
        self.u16(DATE);
        self.u32(crc);
        self.u32(narrow(size));
        self.u32(narrow(size));
        self.u16(u16::try_from(name.len()).unwrap_or(u16::MAX));
    }

    fn directory_entry(&mut self, entry: &Entry) {
        let mut large = Vec::new();
        if is_large(entry.size) {
            large.extend([entry.size, entry.size]);
        }
        if is_large(entry.offset) {
            large.push(entry.offset);
        }
        let version = version(!large.is_empty());
        self.u32(DIRECTORY_ENTRY);
        self.u16(MADE_ON_UNIX | version);
        self.u16(version);
        self.description(entry.crc, entry.size, &entry.name);
        let extra = if large.is_empty() { 0 } else { large.len().saturating_mul(8).saturating_add(4) };
        self.u16(u16::try_from(extra).unwrap_or(u16::MAX));
        self.u16(0); // comment
        self.u16(0); // disk
        self.u16(0); // internal attributes
        self.u32(MODE);
        self.u32(narrow(entry.offset));
        self.bytes(entry.name.as_bytes());
        if !large.is_empty() {
            self.large(&large);
        }
    }

    fn large(&mut self, numbers: &[u64]) {
        self.u16(LARGE_FIELDS);
        self.u16(u16::try_from(numbers.len().saturating_mul(8)).unwrap_or(u16::MAX));
        for number in numbers {
            self.u64(*number);
        }
    }

    fn large_end(&mut self, count: u64, length: u64, start: u64) {
        self.u32(LARGE_END);
        self.u64(44); // bytes of this record that follow
        self.u16(MADE_ON_UNIX | VERSION_LARGE);
        self.u16(VERSION_LARGE);
        self.u32(0);
        self.u32(0);
        self.u64(count);
        self.u64(count);
        self.u64(length);
        self.u64(start);
        self.u32(LARGE_END_LOCATOR);
        self.u32(0);
        self.u64(start.saturating_add(length));
        self.u32(1);
    }
}
