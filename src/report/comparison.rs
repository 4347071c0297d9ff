//! What was found, laid beside what was needed, for people: nothing invisible, what differs marked.

use crate::cors::Check;
use crate::diagnose::{Alignment, Cause, visible};

/// Two values in columns of equal width; a dot stands where one of them has nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What the upper value is: `allowed`.
    pub found_label: &'static str,
    /// What the lower value is: `page`.
    pub needed_label: &'static str,
    /// The columns, left to right.
    pub cells: Vec<Cell>,
}

/// One or more columns of a comparison; both texts are equally wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Of the upper value.
    pub found: String,
    /// Of the lower value.
    pub needed: String,
    /// Whether the two differ here.
    pub differs: bool,
}

/// As much of a comparison as fits a line, ready to be written one below the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    /// The upper value.
    pub found: String,
    /// The lower value.
    pub needed: String,
    /// `^` below each column that differs.
    pub marks: String,
}

/// Stands where one of the two has nothing; not a character that [`visible`] leaves as it is.
const GAP: char = '·';
/// More of a stretch nobody compares by eye.
const CHARS_MAX: usize = 120;

impl Comparison {
    /// Of a cause whose values had to be equal.
    pub(super) fn of(cause: &Cause) -> Option<Self> {
        // Several values differ by being several, not by a character.
        if cause.check == Check::MultipleAllowOriginValues {
            return None;
        }
        let alignment = cause.alignment.as_ref()?;
        let (found_label, needed_label) = match cause.check {
            Check::InvalidAllowCredentials => ("sent", "needed"),
            _ => ("allowed", "origin"),
        };
        Some(Self {
            found_label,
            needed_label,
            cells: cells(alignment),
        })
    }

    /// Broken into strips of at most so many columns.
    pub fn strips(&self, columns: usize) -> Vec<Strip> {
        let columns = columns.max(8);
        let mut out = vec![Strip::default()];
        let mut used = 0;
        for cell in &self.cells {
            let mark = if cell.differs { '^' } else { ' ' };
            for (found, needed) in cell.found.chars().zip(cell.needed.chars()) {
                if used == columns {
                    out.push(Strip::default());
                    used = 0;
                }
                used += 1;
                if let Some(strip) = out.last_mut() {
                    strip.found.push(found);
                    strip.needed.push(needed);
                    strip.marks.push(mark);
                }
            }
        }
        for strip in &mut out {
            strip.marks.truncate(strip.marks.trim_end().len());
        }
        out
    }
}

fn cells(alignment: &Alignment) -> Vec<Cell> {
    let pieces = alignment.pieces.iter().map(|piece| {
        let mut found = visible(&alignment.found[piece.found.clone()], CHARS_MAX);
        let mut needed = visible(&alignment.needed[piece.needed.clone()], CHARS_MAX);
        let width = found.chars().count().max(needed.chars().count());
        for text in [&mut found, &mut needed] {
            let gap = width - text.chars().count();
            text.extend(std::iter::repeat_n(GAP, gap));
        }
        Cell {
            found,
            needed,
            differs: piece.differs,
        }
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strips(found: &str, needed: &str, columns: usize) -> Vec<[String; 3]> {
        let alignment = Alignment::of(found.as_bytes(), needed.as_bytes());
        let comparison = Comparison {
            found_label: "allowed",
            needed_label: "origin",
            cells: cells(&alignment),
        };
        let strips = comparison.strips(columns);
        strips
            .into_iter()
            .map(|s| [s.found, s.needed, s.marks])
            .collect()
    }

    #[test]
    fn what_differs_is_marked_below() {
        assert_eq!(
            strips("http://www.app.test/", "https://app.test", 80),
            [[
                "http·://www.app.test/",
                "https://····app.test·",
                "    ^   ^^^^        ^"
            ]]
        );
        assert_eq!(
            strips("https://app.test\u{200b}", "https://app.test", 80),
            [[
                r"https://app.test\u{200b}",
                "https://app.test········",
                "                ^^^^^^^^"
            ]]
        );
    }

    #[test]
    fn long_values_are_broken_where_both_are() {
        let broken = strips("https://app.test", "https://app.test:81", 9);
        assert_eq!(broken[0], ["https://a", "https://a", ""]);
        assert_eq!(broken[1], ["pp.test··", "pp.test:8", "       ^^"]);
        assert_eq!(broken[2], ["·", "1", "^"]);
        let long = "x".repeat(100_000);
        let all = strips(&long, "https://app.test", 80);
        assert!(all.len() < 5, "{} strips", all.len());
    }
}
