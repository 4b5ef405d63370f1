//! The valid key that a mistyped one most likely meant.

/// The candidate with the smallest edit distance to `wrong`; the first one among equals.
pub(crate) fn nearest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates.min_by_key(|candidate| distance(wrong, candidate))
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours count 1 each.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substituted.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_single_edits() {
        let check = |a, b, expected| assert_eq!(distance(a, b), expected, "{a} and {b}");
        check("", "", 0);
        check("", "abc", 3);
        check("level", "level", 0);
        check("levle", "level", 1);
        check("adress", "address", 1);
        check("kitten", "sitting", 3);
    }

    #[test]
    fn the_nearest_candidate_wins_and_none_is_found_among_none() {
        let keys = ["listen.public", "listen.operations", "node.id"];
        assert_eq!(nearest("listen.pubic", keys.into_iter()), Some("listen.public"));
        assert_eq!(nearest("node.di", keys.into_iter()), Some("node.id"));
        assert_eq!(nearest("x", std::iter::empty()), None);
    }
}
