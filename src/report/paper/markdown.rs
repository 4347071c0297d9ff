//! The report as Markdown: GitHub's, which most others read as well.

use crate::wire::spelled;
use std::fmt::Write as _;

use super::{Incident, Paper, moment};
use crate::report::explain::{Explanation, FixLine};
use crate::report::text::sum_up;

/// Width of the comparison's lines, in columns.
const COLUMNS: usize = 88;
/// From how many incidents on they are listed at the top.
const LISTED_MIN: usize = 3;

pub(super) fn write(paper: &Paper) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# {}\n", plain(&paper.title));
    let _ = writeln!(out, "{}\n", plain(&sum_up(&paper.summary)));
    if let Some(missing) = paper.missing() {
        let _ = writeln!(out, "{missing}\n");
    }
    let _ = writeln!(
        out,
        "_{} Made by corscope {}._\n",
        paper.secrets(),
        env!("CARGO_PKG_VERSION")
    );
    let incidents = paper.in_order();
    if incidents.len() >= LISTED_MIN {
        for (index, incident) in incidents.iter().enumerate() {
            let told = &incident.explanation;
            let times = match incident.times {
                1 => String::new(),
                times => format!(", {times} times"),
            };
            let _ = writeln!(
                out,
                "{}. {} {}{times}: {}",
                index + 1,
                told.outcome.glyph(),
                plain(&incident.title()),
                code(&told.request)
            );
        }
        out.push('\n');
    }
    for (index, incident) in incidents.iter().enumerate() {
        one(&mut out, index + 1, incident);
    }
    if paper.incidents.is_empty() {
        out.push_str("Nothing was blocked.\n");
    }
    out
}

fn one(out: &mut String, number: usize, incident: &Incident) {
    let told = &incident.explanation;
    let _ = writeln!(
        out,
        "## {number}. {} {}\n\n{}\n",
        told.outcome.glyph(),
        plain(&incident.title()),
        code(&told.request)
    );
    let mut facts = vec![format!("**{}**", told.outcome)];
    facts.extend(
        told.origin
            .as_ref()
            .map(|origin| format!("from {}", code(origin))),
    );
    facts.extend(incident.at.map(moment));
    facts.extend((incident.times > 1).then(|| format!("{} times", incident.times)));
    let _ = writeln!(out, "{}\n", facts.join(" · "));
    let _ = writeln!(out, "{}\n", plain(&told.cause));
    if let Some(rule) = &told.rule {
        let _ = writeln!(out, "{}\n", plain(rule));
    }
    for remark in &told.remarks {
        let _ = writeln!(out, "- {}", plain(remark));
    }
    for case in &told.cases {
        let when = if case.include { "With" } else { "Without" };
        let _ = writeln!(
            out,
            "- {when} credentials: **{}**. {}",
            case.outcome,
            plain(&case.text)
        );
    }
    if !(told.remarks.is_empty() && told.cases.is_empty()) {
        out.push('\n');
    }
    proof(out, told);
    if !told.fix.is_empty() {
        out.push_str("### Fix\n\n");
        fix(out, &told.fix);
    }
    for case in told
        .cases
        .iter()
        .filter(|case| !case.fix.is_empty() && case.fix != told.fix)
    {
        let when = if case.include { "with" } else { "without" };
        let _ = writeln!(out, "### Fix, if it is called {when} credentials\n");
        fix(out, &case.fix);
    }
    snippet(out, told);
    if let Some((command, note)) = &incident.verify {
        out.push_str("### Verify\n\n");
        block(out, "sh", command);
        if let Some(note) = note {
            let _ = writeln!(out, "{note}\n");
        }
    }
    if let Some(console) = &told.console {
        let _ = writeln!(out, "### Console\n\n> {}\n", code(console));
    }
    for warning in &told.warnings {
        let _ = writeln!(
            out,
            "- {}: {} (`{}`)",
            warning.severity.name(),
            plain(&warning.title),
            warning.id
        );
    }
    if !told.warnings.is_empty() {
        out.push('\n');
    }
}

fn proof(out: &mut String, told: &Explanation) {
    let mut lines = String::new();
    for proof in &told.proof {
        let name = proof
            .name
            .as_ref()
            .map(|name| format!("{name}: "))
            .unwrap_or_default();
        let note = if proof.note.is_empty() {
            String::new()
        } else {
            format!("   <- {}", proof.note)
        };
        let _ = writeln!(
            lines,
            "{:<8}{name}{}{note}   ({})",
            proof.label, proof.value, proof.exchange
        );
    }
    if let Some(comparison) = &told.comparison {
        for strip in comparison.strips(COLUMNS) {
            for (label, line) in [
                (comparison.found_label, &strip.found),
                (comparison.needed_label, &strip.needed),
                ("", &strip.marks),
            ] {
                let _ = writeln!(lines, "{}", format!("{label:<8}{line}").trim_end());
            }
        }
    }
    if told.never_sent {
        let _ = writeln!(lines, "request {} was never sent", told.request);
    }
    if !lines.is_empty() {
        out.push_str("### Proof\n\n");
        block(out, "text", lines.trim_end());
    }
}

fn fix(out: &mut String, lines: &[FixLine]) {
    let mut number = 0;
    let mut headers = String::new();
    for line in lines {
        match line {
            FixLine::Step(step) => {
                flush(out, &mut headers);
                number += 1;
                let _ = writeln!(out, "{number}. {}", plain(step));
            }
            FixLine::Add(header) => headers.extend(["+ ", header, "\n"]),
            FixLine::Remove(header) => headers.extend(["- ", header, "\n"]),
        }
    }
    if !flush(out, &mut headers) {
        out.push('\n');
    }
}

fn flush(out: &mut String, headers: &mut String) -> bool {
    if headers.is_empty() {
        return false;
    }
    out.push('\n');
    block(out, "diff", headers.trim_end());
    headers.clear();
    true
}

fn snippet(out: &mut String, told: &Explanation) {
    let Some(mending) = &told.mending else {
        return;
    };
    let hops: Vec<String> = mending
        .hops()
        .into_iter()
        .chain(mending.elsewhere())
        .collect();
    for hop in &hops {
        let _ = writeln!(out, "- server: {}", plain(hop));
    }
    if !hops.is_empty() {
        out.push('\n');
    }
    let Some(snippet) = &mending.snippet else {
        return;
    };
    let _ = writeln!(out, "### In {}\n", plain(snippet.title));
    if !snippet.install.is_empty() {
        let _ = writeln!(out, "{}\n", code(snippet.install));
    }
    for part in &snippet.parts {
        let _ = writeln!(out, "{}: {}\n", code(part.file), plain(part.place));
        block(out, snippet.language.name(), &part.code);
    }
    for note in snippet
        .notes
        .iter()
        .chain(Some(&snippet.never).filter(|never| !never.is_empty()))
    {
        let _ = writeln!(out, "- {}", plain(note));
    }
    out.push('\n');
}

// A fence longer than any run of backticks within.
fn block(out: &mut String, language: &str, text: &str) {
    let fence = "`".repeat(run_of_backticks(text).max(2) + 1);
    let _ = writeln!(out, "{fence}{language}\n{}\n{fence}\n", legible(text));
}

fn code(text: &str) -> String {
    let ticks = "`".repeat(run_of_backticks(text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!(
        "{ticks}{space}{}{space}{ticks}",
        legible(text).replace('\n', " ")
    )
}

fn run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text that Markdown and HTML leave alone, and that calls nobody's name.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in legible(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn legible(text: &str) -> String {
    let control = |c: char| c.is_control() && c != '\n';
    let tame: String = text
        .chars()
        .map(|c| if control(c) { '\u{fffd}' } else { c })
        .collect();
    spelled(&tame).into_owned()
}
