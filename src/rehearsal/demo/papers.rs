//! The notes of the demonstration: filled-in forms, with places for what only the exchange itself can tell.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use crate::message::evidence;

/// XA's position, the first note.
pub(super) const POSITION: &str = include_str!("../../../examples/consultations/news/position.toml");
/// XB's registry receipt for it.
pub(super) const ACKNOWLEDGEMENT: &str =
    include_str!("../../../examples/consultations/news/acknowledgement.toml");
/// XB's proposal of a consultation, and who is who in it.
pub(super) const PROPOSAL: &str = include_str!("../../../examples/consultations/news/proposal.toml");
/// XA's acceptance.
pub(super) const ACCEPTANCE: &str = include_str!("../../../examples/consultations/news/acceptance.toml");
/// XB's registration of a case.
pub(super) const CASE: &str = include_str!("../../../examples/consultations/news/case.toml");
/// XA's request.
pub(super) const REQUEST: &str = include_str!("../../../examples/consultations/news/request.toml");
/// XB's reply.
pub(super) const RESPONSE: &str = include_str!("../../../examples/consultations/news/response.toml");
/// Annex to the position.
pub(super) const ANNEX: &[u8] = include_bytes!("../../../examples/consultations/news/annex.pdf");
/// Document with the request.
pub(super) const APPLICATION: &[u8] = include_bytes!("../../../examples/consultations/news/application.pdf");

/// A form with its places filled: `@POSITION@` becomes the value of `POSITION`.
pub(super) fn fill(form: &str, values: &BTreeMap<&str, String>) -> String {
    let mut filled = form.to_owned();
    for (place, value) in values {
        filled = filled.replace(&format!("@{place}@"), value);
    }
    filled
}

/// The commands of an evidence file's own README as one script: unpack it, check it, and open its parts with
/// the reading key in `xa-reading.agekey`. None where the file has no README.
pub(super) fn commands_without_us(source: impl Read + Seek) -> Option<String> {
    let readme = evidence::readme(source)?;
    let mut script = "# Needs openssl 3, python3 with cryptography, and node with `npm install age-encryption` in this folder.\nset -e\npython3 -m zipfile -e evidence.zip unpacked\ncd unpacked\n".to_owned();
    let commands = [
        "# XA", "# XB", "names()", "names ", "holds()", "holds ", "cmp ", "grep ", "openssl ", "python3 ",
        "node ",
    ];
    for line in readme.lines().filter(|line| commands.iter().any(|start| line.starts_with(start))) {
        script.push_str(&line.replace("IDENTITY", "../xa-reading.agekey"));
        script.push('\n');
    }
    Some(script)
}
