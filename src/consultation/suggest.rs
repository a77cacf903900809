//! "Did you mean": the nearest of a few words.

use strsim::levenshtein;

/// The candidate nearest to `word`, if it is near enough to be meant.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let scored = candidates.into_iter().map(|candidate| (levenshtein(&word, &plain(candidate)), candidate));
    let (distance, candidate) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + candidate.len() / 4).then_some(candidate)
}

/// The candidates near enough to `word` to be meant, the nearest first, at most so many.
pub(crate) fn near<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
    most: usize,
) -> Vec<&'c str> {
    let scored = candidates.into_iter().map(|candidate| (levenshtein(word, candidate), candidate));
    let mut near: Vec<(usize, &str)> =
        scored.filter(|(distance, candidate)| *distance <= candidate.len() / 4).collect();
    near.sort_unstable();
    near.into_iter().take(most).map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_found_and_no_other() {
        let words = ["ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH"];
        assert_eq!(nearest("routin", words), Some("ROUTINE"));
        assert_eq!(nearest("Imediate", words), Some("IMMEDIATE"));
        assert_eq!(nearest("tomorrow", words), None);
        assert_eq!(nearest("note verbale", ["NOTE_VERBALE"]), Some("NOTE_VERBALE"));
    }
}
