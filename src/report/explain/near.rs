//! Words that somebody may have meant.

use crate::report::explain::texts;

/// Edits up to which a word counts as near.
const EDITS: usize = 3;

/// Words named at most.
const MOST: usize = 5;

/// The known words that are nearest to an unknown one, or have it in them; the nearest first, at most five. Never fails.
#[must_use]
pub fn near(word: &str) -> Vec<&'static str> {
    let word = word.to_ascii_lowercase();
    // The work is a product of both lengths.
    if word.chars().count() > 64 {
        return Vec::new();
    }
    let mut all: Vec<(usize, &'static str)> = texts()
        .iter()
        .filter_map(|text| {
            let known = text.word.to_ascii_lowercase();
            let edits = edits(&word, &known);
            let inside = word.len() > 3 && (known.contains(&word) || word.contains(&known));
            (edits <= EDITS.min(word.len() / 2) || inside).then_some((edits, text.word))
        })
        .collect();
    all.sort_unstable();
    all.dedup_by_key(|(_, word)| *word);
    all.into_iter().map(|(_, word)| word).take(MOST).collect()
}

/// Insertions, deletions and exchanges that turn one into the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (above, other) in row.iter_mut().skip(1).zip(&to) {
            let exchanged = diagonal + usize::from(*other != letter);
            diagonal = *above;
            left = exchanged.min(left + 1).min(diagonal + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (from, to, count) in [
            ("", "", 0),
            ("a", "", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(edits(from, to), count, "{from} {to}");
        }
    }

    #[test]
    fn what_was_likely_meant_comes_first() {
        assert_eq!(near("altred").first(), Some(&"altered"));
        assert_eq!(near("signer-revoked").first(), Some(&"signer_revoked"));
        assert!(near("revoked").contains(&"revoked_later"));
        assert!(near("xyzzy-plugh").is_empty());
        assert!(near(&"a".repeat(1 << 20)).is_empty());
    }
}
