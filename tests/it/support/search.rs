//! Looks for words and bytes that must not be there, in every form in which they could be.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

/// What is looked for: its name and its bytes.
#[derive(Clone)]
pub struct Needle {
    pub name: String,
    bytes: Vec<u8>,
}

/// A canary in every form: as it is, as UTF-16, as hexadecimal digits, as base64 at every alignment.
pub fn forms_of(name: &str, canary: &[u8]) -> Vec<Needle> {
    let needle = |form: &str, bytes: Vec<u8>| Needle { name: format!("{name} as {form}"), bytes };
    let mut needles = vec![
        needle("bytes", canary.to_vec()),
        needle("hexadecimal digits", HEXLOWER.encode(canary).into_bytes()),
        needle("large hexadecimal digits", HEXUPPER.encode(canary).into_bytes()),
    ];
    for shift in 0..3 {
        let shifted = [&vec![0; shift][..], canary].concat();
        // Characters at either end that hold bits of a neighbour are left out.
        let pure = (shift * 8).div_ceil(6)..shifted.len() * 8 / 6;
        let core = |text: String| text.as_bytes()[pure.clone()].to_vec();
        needles.push(needle(&format!("base64 ({shift})"), core(BASE64.encode(&shifted))));
        needles.push(needle(&format!("base64url ({shift})"), core(BASE64URL_NOPAD.encode(&shifted))));
    }
    if let Ok(text) = std::str::from_utf8(canary) {
        let wide: Vec<u16> = text.encode_utf16().collect();
        needles.push(needle("UTF-16LE", wide.iter().flat_map(|unit| unit.to_le_bytes()).collect()));
        needles.push(needle("UTF-16BE", wide.iter().flat_map(|unit| unit.to_be_bytes()).collect()));
        let escaped: String = wide.iter().map(|unit| format!("\\u{unit:04x}")).collect();
        needles.push(needle("JSON escapes", escaped.into_bytes()));
    }
    needles
}

impl Needle {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The names of the needles that are in `hay`.
pub fn found(hay: &[u8], needles: &[Needle]) -> BTreeSet<String> {
    let mut begins = vec![false; 1 << 16];
    let pair = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    needles.iter().for_each(|needle| begins[pair(&needle.bytes)] = true);
    let mut names = BTreeSet::new();
    for (place, two) in hay.windows(2).enumerate() {
        if begins[pair(two)] {
            let here = needles.iter().filter(|needle| hay[place..].starts_with(&needle.bytes));
            names.extend(here.map(|needle| needle.name.clone()));
        }
    }
    names
}

/// The same for every file below a folder, and for their names; each answer with its file.
pub fn found_below(place: &Path, needles: &[Needle]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let name = place.file_name().unwrap_or_default();
    let here = |found: BTreeSet<String>| {
        let place = place.display().to_string();
        found.into_iter().map(move |needle| format!("{needle} in {place}"))
    };
    all.extend(here(found(name.as_encoded_bytes(), needles)));
    if place.is_dir() {
        for entry in fs::read_dir(place).unwrap() {
            all.extend(found_below(&entry.unwrap().path(), needles));
        }
    } else if place.is_file() {
        all.extend(here(found(&fs::read(place).unwrap(), needles)));
    }
    all
}
