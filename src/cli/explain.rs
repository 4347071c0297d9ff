//! `explain`: the page about one cause, offline.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::args::ExplainArgs;
use super::exit::Exit;
use super::output;
use crate::report;

pub(super) fn run(args: &ExplainArgs) -> Result<Exit> {
    let Some(id) = &args.id else {
        output::data(&list())?;
        return Ok(Exit::Clean);
    };
    let id = id.trim().to_ascii_lowercase();
    let Some(page) = report::page(&id) else {
        match nearest(&id) {
            Some(near) => {
                bail!("there is no page about \"{id}\"; did you mean corscope explain {near}?")
            }
            None => bail!("there is no page about \"{id}\"; corscope explain lists what there is"),
        }
    };
    output::data(&format!("{}\n", page.text.trim_end()))?;
    Ok(Exit::Clean)
}

fn list() -> String {
    let width = report::pages().map(|p| p.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for page in report::pages() {
        let _ = writeln!(text, "{:width$}  {}", page.id, heading(page.text));
    }
    text
}

fn heading(text: &str) -> &str {
    let first = text.lines().next().unwrap_or_default();
    first.trim_start_matches(['#', ' '])
}

// The id with the fewest edits, if that is few enough to be a slip.
fn nearest(typed: &str) -> Option<&'static str> {
    let ids = report::pages().map(|page| page.id);
    let (edits, id) = ids.map(|id| (distance(typed, id), id)).min()?;
    (edits <= 2.max(typed.len() / 4)).then_some(id)
}

/// Levenshtein's distance, in bytes; ids are ASCII.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("missing-alow-origin"), Some("missing-allow-origin"));
        assert_eq!(nearest("what is this"), None);
    }
}
