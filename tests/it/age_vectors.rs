//! Every vector of the C2SP CCTV age test kit (npm `cctv-age`) that is not armored, read whole and as a
//! stream: the outcome, its kind of failure, and every byte released before a failure.

use chancery::digest::Digest;
use chancery::message::seal::{
    OpenError, Opener, PassphraseKey, ReadingKey, X25519Key, decrypt, decrypt_stream,
};
use data_encoding::BASE64;

use crate::tools;

/// SHA-256 of nothing and of the first chunk of all long vectors.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const FIRST_CHUNK: &str = "a68cb6fa0b2e2a8d1abd54fcb26ff31fe16166ed38688bffa681e617813b781a";

/// Vectors where the kit's own reader releases a full chunk before it sees that the file ends too early or
/// goes on too long. We look ahead first, as npm `age-encryption` does, and release what came before.
const RELEASES_LESS: &[(&str, &str)] = &[
    ("stream_no_final_full", NOTHING),
    ("stream_no_final_two_chunks_full", FIRST_CHUNK),
    ("stream_trailing_garbage_long", NOTHING),
    ("stream_trailing_garbage_short", NOTHING),
    ("stream_two_final_chunks", NOTHING),
    ("stream_two_final_chunks_full", NOTHING),
    ("stream_two_final_chunks_second", FIRST_CHUNK),
];

struct Vector {
    name: String,
    fields: Vec<(String, String)>,
    file: Vec<u8>,
}

impl Vector {
    fn parse(line: &str) -> Self {
        let [name, fields, file] = line.split('\t').collect::<Vec<_>>().try_into().expect("three columns");
        let fields: Vec<String> = serde_json::from_str(fields).expect("fields are JSON");
        let fields = fields.iter().map(|field| field.split_once(": ").expect("key and value"));
        Self {
            name: name.to_owned(),
            fields: fields.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            file: BASE64.decode(file.as_bytes()).expect("the file is base64"),
        }
    }

    fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn one<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.all(key).next()
    }

    fn openers(&self) -> Vec<Box<dyn Opener>> {
        let identities = self.all("identity").map(|text| match ReadingKey::parse(text) {
            Ok(key) => Box::new(key) as Box<dyn Opener>,
            Err(_) => Box::new(X25519Key::parse(text).expect("an identity of one of two kinds")),
        });
        let passphrases =
            self.all("passphrase").map(|text| Box::new(PassphraseKey::new(text)) as Box<dyn Opener>);
        identities.chain(passphrases).collect()
    }

    /// What differs from the expectation, if anything.
    fn mismatch(&self) -> Option<String> {
        let openers = self.openers();
        let openers: Vec<&dyn Opener> = openers.iter().map(AsRef::as_ref).collect();
        let whole = decrypt(&self.file, &openers);
        let mut released = Vec::new();
        let streamed = decrypt_stream(&self.file[..], &openers, &mut released);
        let (whole_outcome, streamed_outcome) = (outcome(&whole), outcome(&streamed));
        let expected = self.one("expect").expect("every vector says what is expected");
        if (whole_outcome, streamed_outcome) != (expected, expected) {
            return Some(format!("{}: {expected} expected, {whole_outcome}, {streamed_outcome}", self.name));
        }
        if let Ok(plain) = whole {
            assert_eq!(plain.as_slice(), released, "{}", self.name);
        }
        (self.released_digest() != Digest::of(&released).hex())
            .then(|| format!("{}: {} other bytes were released", self.name, released.len()))
    }

    /// Digest of what may be released in all, even where the file is refused in the end.
    fn released_digest(&self) -> &str {
        let less = RELEASES_LESS.iter().find(|(name, _)| *name == self.name);
        less.map(|(_, digest)| *digest).or(self.one("payload")).unwrap_or(NOTHING)
    }
}

fn outcome<T>(result: &Result<T, OpenError>) -> &'static str {
    match result {
        Ok(_) => "success",
        Err(OpenError::NotForUs) => "no match",
        Err(OpenError::HeaderAltered) => "HMAC failure",
        Err(OpenError::PayloadAltered) => "payload failure",
        Err(OpenError::Malformed(_)) => "header failure",
        Err(OpenError::TooLarge(_) | OpenError::Padding(_) | OpenError::Io(_)) => "another failure",
    }
}

#[test]
fn every_vector_of_the_age_test_kit_has_its_expected_outcome() {
    let Some(lines) = tools::node_script("age_vectors.mjs", "cctv-age", &[]) else { return };
    let vectors: Vec<Vector> = lines.lines().map(Vector::parse).collect();
    let (armored, applicable): (Vec<_>, Vec<_>) =
        vectors.iter().partition(|vector| vector.one("armored").is_some());
    let mismatches: Vec<String> = applicable.iter().filter_map(|vector| vector.mismatch()).collect();
    assert!(mismatches.is_empty(), "{mismatches:#?}");
    // Armor is a text form for mails; sealed parts are binary and have none.
    eprintln!(
        "age test kit: {} vectors agree, {} armored ones do not apply",
        applicable.len(),
        armored.len()
    );
    assert!(applicable.len() >= 110, "the kit has shrunk to {}", applicable.len());
}
