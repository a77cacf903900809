//! Claims about the container: other programs read it, and it has one spelling.

use std::io::{Cursor, Read};

use super::*;

fn file(contents: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ContainerWriter::new(Cursor::new(Vec::new())).unwrap();
    for (name, content) in contents {
        writer.add(name, content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn sample() -> Vec<u8> {
    file(&[("README.txt", b"read me"), ("messages/one", &[7; 300]), ("empty", b"")])
}

fn read_all(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let mut container = Container::open(Cursor::new(bytes))?;
    let names = container.names().to_vec();
    names.into_iter().map(|name| container.read(&name, 1000).map(|content| (name, content))).collect()
}

#[test]
fn contents_come_back_in_their_order() {
    let read = read_all(&sample()).unwrap();
    let names: Vec<&str> = read.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["README.txt", "messages/one", "empty"]);
    assert_eq!((read[0].1.as_slice(), read[1].1.len(), read[2].1.len()), (&b"read me"[..], 300, 0));
    assert!(read_all(&file(&[])).unwrap().is_empty());
}

#[test]
fn another_zip_program_reads_the_same_and_finds_no_compression() {
    let mut archive = zip::ZipArchive::new(Cursor::new(sample())).unwrap();
    assert_eq!(archive.len(), 3);
    for (number, (name, content)) in read_all(&sample()).unwrap().into_iter().enumerate() {
        let mut entry = archive.by_index(number).unwrap();
        assert_eq!(entry.name().unwrap(), name);
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        assert_eq!(entry.unix_mode(), Some(0o100_644));
        let mut read = Vec::new();
        entry.read_to_end(&mut read).unwrap();
        assert_eq!(read, content);
    }
}

#[test]
fn no_bit_can_change_and_nothing_can_be_cut_or_added() {
    let good = sample();
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut altered = good.clone();
            altered[place] ^= 1 << bit;
            assert!(read_all(&altered).is_err(), "bit {bit} of byte {place}");
        }
        assert!(read_all(&good[..place]).is_err(), "{place} bytes");
    }
    for altered in [[&good[..], b"x"].concat(), [b"x", &good[..]].concat(), [&good[..], &good].concat()] {
        assert!(read_all(&altered).is_err());
    }
}

#[test]
fn a_name_twice_is_refused() {
    assert!(read_all(&file(&[("a", b"1"), ("a", b"2")])).is_err());
}

#[test]
fn another_layout_of_the_same_entries_is_refused() {
    let written = |mode, comment: &'static str| {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file("README.txt", stored.unix_permissions(mode)).unwrap();
        writer.write_all(b"read me").unwrap();
        writer.set_comment(comment).unwrap();
        writer.finish().unwrap().into_inner()
    };
    assert_eq!(read_all(&written(0o644, "")).unwrap().len(), 1);
    for other in [written(0o600, ""), written(0o644, "comment")] {
        assert!(read_all(&other).is_err());
    }
}

#[test]
fn an_entry_longer_than_asked_for_is_not_read() {
    let bytes = file(&[("long", &[0; 2000])]);
    assert!(Container::open(Cursor::new(&bytes)).unwrap().read("long", 1999).is_err());
    assert_eq!(Container::open(Cursor::new(&bytes)).unwrap().read("long", 2000).unwrap().len(), 2000);
}

#[test]
fn a_content_of_another_size_than_announced_is_not_written() {
    let mut writer = ContainerWriter::new(Cursor::new(Vec::new())).unwrap();
    for content in [&b"ab"[..], b"abcd"] {
        assert!(writer.add_with("a", 3, |sink| sink.write_all(content)).is_err());
    }
}

/// Sizes and offsets beyond four GiB, without that many bytes.
#[test]
fn the_directory_of_a_large_file_reads_back() {
    let mut entries = Vec::new();
    for (name, size) in [("small", 5), ("large", u64::from(u32::MAX)), ("larger", 5 << 30), ("after", 1)] {
        let offset = entries.last().map_or(0, end_of);
        entries.push(Entry { name: name.to_owned(), crc: 9, size, offset });
    }
    let start = entries.last().map_or(0, end_of);
    assert!(start > u64::from(u32::MAX));
    let bytes = layout::directory(&entries, start);
    assert_eq!(parse_entries(&bytes, 4).unwrap(), entries);
    let length = start + bytes.len() as u64;
    let mut source = Sparse { start, tail: Cursor::new(bytes) };
    assert_eq!(read_directory(&mut source, length).unwrap(), entries);
}

/// A file of which only the end is there.
struct Sparse {
    start: u64,
    tail: Cursor<Vec<u8>>,
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tail.read(buffer)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.tail.set_position(at - self.start);
        Ok(at)
    }
}
