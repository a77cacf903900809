//! "Did you mean": the nearest of a few words.

/// The candidate nearest to `word`, if it is near enough to be meant.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let scored = candidates.into_iter().map(|candidate| (distance(&word, &plain(candidate)), candidate));
    let (distance, candidate) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + candidate.len() / 4).then_some(candidate)
}

/// The candidates near enough to `word` to be meant, the nearest first, at most so many.
pub(crate) fn near<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
    most: usize,
) -> Vec<&'c str> {
    let scored = candidates.into_iter().map(|candidate| (distance(word, candidate), candidate));
    let mut near: Vec<(usize, &str)> =
        scored.filter(|(distance, candidate)| *distance <= candidate.len() / 4).collect();
    near.sort_unstable();
    near.into_iter().take(most).map(|(_, candidate)| candidate).collect()
}

/// Edits between two words (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, a) in from.chars().enumerate() {
        let mut next = vec![index + 1];
        let mut left = index + 1;
        for ((above_left, above), b) in row.iter().zip(row.iter().skip(1)).zip(&to) {
            left = (above_left + usize::from(a != *b)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
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
        assert_eq!((distance("", "abc"), distance("abc", "abd"), distance("ab", "ba")), (3, 1, 2));
    }
}
