//! The notes of the demonstration: filled-in forms, with places for what only the exchange itself can tell.

use std::collections::BTreeMap;

/// XA's position, the first note.
pub(super) const POSITION: &str = include_str!("../../../examples/consultations/news/position.toml");
/// XB's registry receipt for it.
pub(super) const ACKNOWLEDGEMENT: &str =
    include_str!("../../../examples/consultations/news/acknowledgement.toml");
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
