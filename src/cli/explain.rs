//! `explain`: the page about one cause, or about a pasted line of the browser's console, offline.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::args::ExplainArgs;
use super::exit::Exit;
use super::output;
use crate::report::{self, Recognised};

pub(super) fn run(args: &ExplainArgs) -> Result<Exit> {
    let typed = args.text.join(" ");
    let typed = typed.trim();
    if typed.is_empty() {
        output::data(&list())?;
        return Ok(Exit::Clean);
    }
    if let Some(page) = report::page(&typed.to_ascii_lowercase()) {
        output::data(&format!("{}\n", page.text.trim_end()))?;
        return Ok(Exit::Clean);
    }
    // Consoles break their lines; a paste may also hold several.
    let lines = typed.lines().filter_map(report::recognise);
    let mut told: Vec<Recognised> = report::recognise(&typed.replace('\n', " "))
        .into_iter()
        .collect();
    if typed.lines().count() > 1 {
        told.extend(lines);
    }
    if !told.is_empty() {
        output::prose(&answer(&told))?;
        return Ok(Exit::Clean);
    }
    if typed.contains(' ') {
        bail!(
            "this is no line of a browser's console that corscope knows; paste the whole red line, \
             in quotes, or look through corscope explain"
        );
    }
    match nearest(&typed.to_ascii_lowercase()) {
        Some(near) => {
            bail!("there is no page about \"{typed}\"; did you mean corscope explain {near}?")
        }
        None => bail!("there is no page about \"{typed}\"; corscope explain lists what there is"),
    }
}

/// What pasted lines are about: the values in them, the page about the rule, what is often behind.
fn answer(told: &[Recognised]) -> String {
    let mut out = String::new();
    let mut checks = Vec::new();
    let mut roots = Vec::new();
    for one in told {
        if let Some(check) = one.check.filter(|check| !checks.contains(check)) {
            checks.push(check);
            let on = match one.stage.filter(|_| check.is_cors()) {
                Some(crate::cors::Stage::Preflight) => ", on the answer to the preflight",
                _ => "",
            };
            let _ = writeln!(out, "This is {check}{on}.");
            for (label, value) in [
                ("request to", &one.url),
                ("from page", &one.origin),
                ("value", &one.value),
            ] {
                if let Some(value) = value {
                    let _ = writeln!(out, "  {label:<11} {value}");
                }
            }
            if let Some(page) = report::page(check.id()) {
                let _ = writeln!(out, "\n{}\n", page.text.trim_end());
            }
        }
        for root in &one.behind {
            if !roots.contains(root) {
                roots.push(*root);
            }
        }
    }
    if checks.is_empty() {
        let status = told.iter().find_map(|one| one.status);
        let _ = match status {
            Some(status) => writeln!(
                out,
                "The server answered {status}. If another line speaks of CORS, this status is the \
                 real error; look there first.\n"
            ),
            None => writeln!(
                out,
                "This is all that script is told, whatever happened. The line that says why stands \
                 above or below it in the console; paste that one, or let corscope watch the request.\n"
            ),
        };
    }
    if !roots.is_empty() {
        let _ = writeln!(out, "Often behind it (corscope explain ID tells more):");
        for root in roots {
            let title = report::page(root.id()).map_or("", |page| heading(page.text));
            let _ = writeln!(out, "  {:<38} {title}", root.id());
        }
    }
    out
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
pub(super) fn distance(a: &str, b: &str) -> usize {
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
