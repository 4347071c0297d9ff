//! The word that was probably meant.

/// The known word nearest to what was typed, by edits.
pub(crate) fn nearest<'a>(typed: &str, known: &[&'a str]) -> &'a str {
    let typed = typed.to_lowercase();
    let by_edits = |known: &&&str| distance(&typed, known);
    known
        .iter()
        .min_by_key(by_edits)
        .copied()
        .unwrap_or_default()
}

/// Whether a word is most likely one of the known ones, mistyped: one edit away, and long enough that
/// this is no chance.
pub(crate) fn is_slip(typed: &str, known: &[&str]) -> bool {
    let typed = typed.to_lowercase();
    typed.len() >= 4 && known.iter().any(|known| distance(&typed, known) == 1)
}

/// Edits (insert, delete, replace, swap neighbours) from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    // Nobody means a word of three letters with one of a thousand.
    const CHARS_MAX: usize = 64;
    let a: Vec<char> = a.chars().take(CHARS_MAX).collect();
    let b: Vec<char> = b.chars().take(CHARS_MAX).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        let known = ["host", "status", "type", "cause"];
        for (typed, meant) in [("hots", "host"), ("STAUS", "status"), ("casue", "cause")] {
            assert_eq!(nearest(typed, &known), meant);
        }
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(nearest("x", &[]), "");
        assert!(is_slip("stauts", &known) && is_slip("STATU", &known));
        assert!(
            !is_slip("status", &known) && !is_slip("hst", &known) && !is_slip("localhost", &known)
        );
    }
}
