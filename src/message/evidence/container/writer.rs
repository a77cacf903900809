//! Writes containers. Sizes are known before contents; checksums are set once a content has passed.

use std::io::{self, Seek, SeekFrom, Write};

use super::crc::Crc;
use super::{Checked, Entry, layout};

/// A container in the making; it begins where `sink` stands.
#[derive(Debug)]
pub(in crate::message::evidence) struct ContainerWriter<W> {
    sink: W,
    base: u64,
    offset: u64,
    entries: Vec<Entry>,
}

impl<W: Write + Seek> ContainerWriter<W> {
    /// An empty container.
    pub(in crate::message::evidence) fn new(mut sink: W) -> io::Result<Self> {
        let base = sink.stream_position()?;
        Ok(Self { sink, base, offset: 0, entries: Vec::new() })
    }

    /// Adds an entry of known content.
    pub(in crate::message::evidence) fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.add_with(name, content.len() as u64, |sink| sink.write_all(content))
    }

    /// Adds an entry of `size` bytes that `fill` writes.
    pub(in crate::message::evidence) fn add_with<Failure: From<io::Error>>(
        &mut self,
        name: &str,
        size: u64,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let header = layout::local_header(name, 0, size);
        self.sink.write_all(&header)?;
        let mut checked = Checked { sink: &mut self.sink, crc: Crc::new(), size: 0 };
        fill(&mut checked)?;
        let (crc, written) = (checked.crc.finish(), checked.size);
        if written != size {
            let found = format!("{name} has {written} bytes instead of {size}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, found).into());
        }
        let entry = Entry { name: name.to_owned(), crc, size, offset: self.offset };
        let start = self.base.saturating_add(entry.offset);
        self.sink.seek(SeekFrom::Start(start.saturating_add(layout::CRC_AT)))?;
        self.sink.write_all(&crc.to_le_bytes())?;
        self.offset = super::end_of(&entry);
        self.sink.seek(SeekFrom::Start(self.base.saturating_add(self.offset)))?;
        self.entries.push(entry);
        Ok(())
    }

    /// Writes the directory.
    pub(in crate::message::evidence) fn finish(mut self) -> io::Result<W> {
        self.sink.write_all(&layout::directory(&self.entries, self.offset))?;
        self.sink.flush()?;
        Ok(self.sink)
    }
}
