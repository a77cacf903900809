//! C2SP tlog-tiles: how a log is laid out as files that never change (c2sp.org/tlog-tiles).
//!
//! Coordinates enter, paths and bytes leave; writing files is the caller's business. A tile holds up to 256
//! hashes of subtrees of one height; an entry bundle holds the leaves whose hashes one level 0 tile holds.

use super::merkle::NodeReader;

/// Hashes of a full tile, entries of a full bundle.
pub const FULL_WIDTH: u16 = 256;

/// Tree levels between two levels of tiles.
const TILE_HEIGHT: u8 = 8;

/// Highest level of tiles of a tree whose size is a `u64`.
const LEVEL_MAX: u8 = 7;

/// A path that names no tile, or names it in another spelling than the specification's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a log tile")]
pub struct InvalidTilePath;

impl InvalidTilePath {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        "TILE_PATH_INVALID"
    }
}

/// Coordinates of a tile of hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

impl Tile {
    /// The first `width` hashes of tile `index` on `level`; nothing if no tree can have it.
    pub fn new(level: u8, index: u64, width: u16) -> Option<Self> {
        let last_index = u64::MAX.checked_shr(u32::from(level) * 8)? >> TILE_HEIGHT;
        let exists = level <= LEVEL_MAX && index <= last_index && (1..=FULL_WIDTH).contains(&width);
        exists.then_some(Self { level, index, width })
    }

    /// The tiles that must be written when a log of `old_size` leaves grows to `new_size`; lower levels
    /// first.
    pub fn grown(old_size: u64, new_size: u64) -> Vec<Self> {
        let mut tiles = Vec::new();
        for level in 0..=LEVEL_MAX {
            let shift = level * TILE_HEIGHT;
            for (index, width) in rows(old_size >> shift, new_size >> shift) {
                tiles.push(Self { level, index, width });
            }
        }
        tiles
    }

    /// Level of tiles; level 0 holds leaf hashes.
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Place in its level.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Number of hashes, 1 to 256.
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Path below the log's prefix: `tile/0/x001/234`, `tile/1/000.p/17`.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, coordinates(self.index, self.width))
    }

    /// Reads a path.
    pub fn parse(path: &str) -> Result<Self, InvalidTilePath> {
        let tile = || {
            let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
            let (index, width) = parse_coordinates(rest)?;
            Self::new(level.parse().ok()?, index, width)
        };
        tile().filter(|tile| tile.path() == path).ok_or(InvalidTilePath)
    }

    /// The tile's bytes, 32 for each hash; nothing if a node is missing.
    pub fn bytes(&self, reader: &dyn NodeReader) -> Option<Vec<u8>> {
        let first = self.index * u64::from(FULL_WIDTH);
        let mut bytes = Vec::with_capacity(usize::from(self.width) * 32);
        for offset in 0..u64::from(self.width) {
            let hash = reader.node(self.level * TILE_HEIGHT, first + offset)?;
            bytes.extend_from_slice(hash.as_bytes());
        }
        Some(bytes)
    }
}

/// Why entries make no bundle, or bytes hold no entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBundle {
    /// More or fewer entries than the bundle is wide.
    #[error("the entry bundle has {found} entries, not {expected}")]
    Width {
        /// Entries there are.
        found: usize,
        /// Entries there should be.
        expected: u16,
    },
    /// An entry does not fit its two-byte length.
    #[error("a log entry of {bytes} bytes is too long for a bundle")]
    EntryTooLong {
        /// Length of the entry.
        bytes: usize,
    },
    /// The bytes end inside an entry.
    #[error("the entry bundle ends inside an entry")]
    Truncated,
}

impl InvalidBundle {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        "ENTRY_BUNDLE_INVALID"
    }
}

/// Coordinates of a bundle of log entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryBundle {
    index: u64,
    width: u16,
}

impl EntryBundle {
    /// The first `width` entries of bundle `index`; nothing if no log can have it.
    pub fn new(index: u64, width: u16) -> Option<Self> {
        Tile::new(0, index, width).map(|tile| Self { index: tile.index, width: tile.width })
    }

    /// The bundles that must be written when a log of `old_size` leaves grows to `new_size`.
    pub fn grown(old_size: u64, new_size: u64) -> Vec<Self> {
        rows(old_size, new_size).map(|(index, width)| Self { index, width }).collect()
    }

    /// Index in the log of the first entry.
    pub const fn first_entry(&self) -> u64 {
        self.index * FULL_WIDTH as u64
    }

    /// Number of entries, 1 to 256.
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Path below the log's prefix: `tile/entries/x001/234`, `tile/entries/000.p/17`.
    pub fn path(&self) -> String {
        format!("tile/entries/{}", coordinates(self.index, self.width))
    }

    /// Reads a path.
    pub fn parse(path: &str) -> Result<Self, InvalidTilePath> {
        let bundle = || {
            let (index, width) = parse_coordinates(path.strip_prefix("tile/entries/")?)?;
            Self::new(index, width)
        };
        bundle().filter(|bundle| bundle.path() == path).ok_or(InvalidTilePath)
    }

    /// Writes the entries one after the other, each behind its length in two bytes.
    pub fn encode<E: AsRef<[u8]>>(&self, entries: &[E]) -> Result<Vec<u8>, InvalidBundle> {
        self.check_width(entries.len())?;
        let mut bytes = Vec::new();
        for entry in entries.iter().map(AsRef::as_ref) {
            let length =
                u16::try_from(entry.len()).map_err(|_| InvalidBundle::EntryTooLong { bytes: entry.len() })?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        Ok(bytes)
    }

    /// Reads the entries; they must be as many as the bundle is wide and fill the bytes.
    pub fn decode<'b>(&self, bytes: &'b [u8]) -> Result<Vec<&'b [u8]>, InvalidBundle> {
        let mut entries = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk().ok_or(InvalidBundle::Truncated)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (entry, after) = after.split_at_checked(length).ok_or(InvalidBundle::Truncated)?;
            entries.push(entry);
            rest = after;
            if entries.len() > usize::from(self.width) {
                break;
            }
        }
        self.check_width(entries.len())?;
        Ok(entries)
    }

    fn check_width(&self, found: usize) -> Result<(), InvalidBundle> {
        if found == usize::from(self.width) {
            Ok(())
        } else {
            Err(InvalidBundle::Width { found, expected: self.width })
        }
    }
}

/// Index and width of the tiles of one level that change while the level grows from `old` to `new` hashes.
fn rows(old: u64, new: u64) -> impl Iterator<Item = (u64, u16)> {
    let full = u64::from(FULL_WIDTH);
    let indices = if new > old { old / full..(new - 1) / full + 1 } else { 0..0 };
    indices.map(move |index| {
        let width = u16::try_from(new - index * full).unwrap_or(FULL_WIDTH);
        (index, width.min(FULL_WIDTH))
    })
}

/// `x001/x234/067`, with `.p/5` behind it if the tile is partial.
fn coordinates(index: u64, width: u16) -> String {
    let mut text = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1000);
        rest /= 1000;
    }
    if width == FULL_WIDTH { text } else { format!("{text}.p/{width}") }
}

/// Reads coordinates in any spelling; callers compare with the one right spelling afterwards.
fn parse_coordinates(text: &str) -> Option<(u64, u16)> {
    let (number, width) = match text.split_once(".p/") {
        Some((number, width)) => (number, width.parse().ok()?),
        None => (text, FULL_WIDTH),
    };
    let mut index: u64 = 0;
    for element in number.split('/') {
        let digits: u64 = element.strip_prefix('x').unwrap_or(element).parse().ok()?;
        index = index.checked_mul(1000)?.checked_add(digits)?;
    }
    Some((index, width))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(Tile::new(4, 1_234_067, 256).unwrap().path(), "tile/4/x001/x234/067");
        assert_eq!(Tile::new(0, 0, 1).unwrap().path(), "tile/0/000.p/1");
        assert_eq!(EntryBundle::new(1234, 255).unwrap().path(), "tile/entries/x001/234.p/255");
    }

    #[test]
    fn another_spelling_of_a_path_is_refused() {
        for path in [
            "",
            "tile/0/0",
            "tile/0/00",
            "tile/00/000",
            "tile/+0/000",
            "tile/8/000",
            "tile/0/x000/001",
            "tile/0/001/234",
            "tile/0/x001/x234",
            "tile/0/x001/+34",
            "tile/0/1000",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/257",
            "tile/0/000.p/1/",
            "tile/0/000/",
            "/tile/0/000",
            "tile/entries/000",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(Tile::parse(path), Err(InvalidTilePath), "{path}");
        }
        assert_eq!(EntryBundle::parse("tile/0/000"), Err(InvalidTilePath));
    }

    #[test]
    fn a_tree_of_seventy_thousand_has_the_tiles_that_the_specification_counts() {
        let tiles = Tile::grown(0, 70_000);
        let count =
            |level, full| tiles.iter().filter(|t| t.level == level && (t.width == 256) == full).count();
        assert_eq!([count(0, true), count(1, true), count(2, true), tiles.len()], [273, 1, 0, 277]);
        let partial: Vec<_> = tiles.iter().filter(|t| t.width < 256).map(|t| (t.level, t.width)).collect();
        assert_eq!(partial, [(0, 112), (1, 17), (2, 1)]);
        assert!(Tile::grown(70_000, 70_000).is_empty());
    }

    #[test]
    fn a_bundle_that_is_cut_or_has_another_width_is_refused() {
        let bundle = EntryBundle::new(0, 3).unwrap();
        let bytes = bundle.encode(&[b"one".as_slice(), b"", b"three"]).unwrap();
        assert_eq!(bytes, b"\x00\x03one\x00\x00\x00\x05three");
        for end in 0..bytes.len() {
            assert!(bundle.decode(&bytes[..end]).is_err());
        }
        let longer = [bytes.as_slice(), b"\0\0"].concat();
        assert_eq!(bundle.decode(&longer), Err(InvalidBundle::Width { found: 4, expected: 3 }));
        assert!(bundle.encode(&[b"one"]).is_err());
        let long = vec![0; 65_536];
        let one = EntryBundle::new(0, 1).unwrap();
        assert_eq!(one.encode(&[long]), Err(InvalidBundle::EntryTooLong { bytes: 65_536 }));
    }

    proptest! {
        #[test]
        fn a_path_reads_back_as_its_tile(level in 0u8..9, index: u64, shift in 0u32..64, width in 0u16..258) {
            let index = index >> shift;
            if let Some(tile) = Tile::new(level, index, width) {
                prop_assert_eq!(Tile::parse(&tile.path()), Ok(tile));
            }
            if let Some(bundle) = EntryBundle::new(index, width) {
                prop_assert_eq!(EntryBundle::parse(&bundle.path()), Ok(bundle));
            }
        }

        #[test]
        fn a_bundle_reads_back_as_its_entries(
            entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..256)
        ) {
            let bundle = EntryBundle::new(7, entries.len() as u16).unwrap();
            let bytes = bundle.encode(&entries).unwrap();
            prop_assert_eq!(bundle.decode(&bytes).unwrap(), entries);
        }

        #[test]
        fn no_text_makes_a_path_reader_fail_otherwise(path in "(tile/)?[0-9x/.pentris]{0,24}") {
            if let Ok(tile) = Tile::parse(&path) {
                prop_assert_eq!(tile.path(), path);
            }
        }
    }
}
