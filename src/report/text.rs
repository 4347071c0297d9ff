//! Plain text for people, as `corscope diagnose FILE` prints it.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::explain::{Explanation, FixLine};
use super::mending::Mending;
use super::summary::Summary;
use crate::cors::Outcome;
use crate::diagnose::Severity;
use crate::fix::snippet;
use crate::wire::spelled;

const WIDTH: usize = 100;
const INDENT: usize = 12;

/// Every fetch that needs a word, each with headline, cause, proof, fix and console, then one line
/// that sums up. Fetches that are all right are only counted.
pub fn to_text(explanations: &[Explanation], summary: &Summary) -> String {
    let mut text = TextPaper::default();
    let told = explanations.iter().map(|explanation| text.add(explanation));
    told.collect::<String>() + &TextPaper::end(summary)
}

/// The same, fetch by fetch.
#[derive(Debug, Default)]
pub struct TextPaper {
    /// Snippets that were printed; there are not many.
    shown: Vec<snippet::Snippet>,
}

impl TextPaper {
    /// What is said of a fetch; nothing where all is right.
    pub fn add(&mut self, explanation: &Explanation) -> String {
        let mut out = String::new();
        if is_told(explanation) {
            write_one(&mut out, explanation, &mut self.shown);
            out.push('\n');
        }
        legible(&out)
    }

    /// The line that sums up.
    pub fn end(summary: &Summary) -> String {
        legible(&format!("{}\n", sum_up(summary)))
    }
}

/// A line longer than this is cut, in bytes: a header of a megabyte tells nothing more.
const LINE_BYTES_MAX: usize = 8 << 10;

/// Made fit for a terminal: values come from the wire.
fn legible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let cut = line.floor_char_boundary(LINE_BYTES_MAX);
        out.push_str(&spelled(&line[..cut]));
        if cut < line.len() {
            let _ = writeln!(out, "… ({} bytes in all)", line.len());
        }
    }
    out
}

/// Whether a fetch needs a word.
pub(super) fn is_told(explanation: &Explanation) -> bool {
    match explanation.outcome {
        _ if explanation.disputed => true,
        Outcome::Blocked | Outcome::Failed | Outcome::Depends => true,
        Outcome::Opaque => !explanation.fix.is_empty() || has_warning(explanation),
        Outcome::Allowed | Outcome::Exempt | Outcome::Pending => has_warning(explanation),
    }
}

fn has_warning(explanation: &Explanation) -> bool {
    let mut warnings = explanation.warnings.iter();
    warnings.any(|warning| warning.severity > Severity::Info)
}

fn write_one(out: &mut String, explanation: &Explanation, shown: &mut Vec<snippet::Snippet>) {
    let mut head = format!("{} {}", explanation.outcome.glyph(), explanation.request);
    if let Some(origin) = &explanation.origin {
        let _ = write!(head, "   from {origin}");
    }
    let _ = writeln!(out, "{head}");
    let _ = writeln!(out, "  {}", explanation.headline);
    let mut cause = vec![explanation.cause.clone()];
    cause.extend(explanation.rule.clone());
    cause.extend(explanation.remarks.iter().cloned());
    block(out, "CAUSE", &cause);
    let depends = explanation.outcome == Outcome::Depends;
    if depends {
        cases(out, explanation);
    }
    block(out, "PROOF", &proof_text(explanation));
    compare(out, explanation);
    block(out, "FIX", &fix_text(&explanation.fix));
    if !depends {
        cases(out, explanation);
    }
    if let Some(mending) = &explanation.mending {
        write_mending(out, mending, shown);
    }
    // In one piece, so that it can be searched for and copied.
    if let Some(console) = &explanation.console {
        let _ = writeln!(out, "  {:<width$}{console}", "CONSOLE", width = INDENT - 2);
    }
    let warnings: Vec<String> = explanation
        .warnings
        .iter()
        .map(|warning| format!("{} ({})", warning.title, warning.id))
        .collect();
    block(out, "WARNING", &warnings);
}

// The bytes that differ are marked below; nothing may be wrapped, or they would not be below.
fn compare(out: &mut String, explanation: &Explanation) {
    let Some(comparison) = &explanation.comparison else {
        return;
    };
    for strip in comparison.strips(WIDTH - INDENT - 9) {
        for (label, line) in [
            (comparison.found_label, &strip.found),
            (comparison.needed_label, &strip.needed),
            ("", &strip.marks),
        ] {
            let line = format!("{:<INDENT$}{label:<8} {line}", "");
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
}

// Which server it was and what goes into which of its files; the same snippet is printed once.
fn write_mending(out: &mut String, mending: &Mending, shown: &mut Vec<snippet::Snippet>) {
    let servers: Vec<String> = mending
        .hops()
        .into_iter()
        .chain(mending.elsewhere())
        .collect();
    block(out, "SERVER", &servers);
    if let Some(refused) = &mending.refused {
        block(out, "", &[refused.to_string()]);
    }
    let Some(snippet) = &mending.snippet else {
        return;
    };
    if shown.contains(snippet) {
        let again = format!("{}: the same as above", snippet.file());
        block(out, "SNIPPET", &[again]);
        return;
    }
    shown.push(snippet.clone());
    let run = snippet.tested.map_or_else(
        || "not run here".to_owned(),
        |versions| format!("run with {versions}"),
    );
    let mut label = "SNIPPET";
    for part in &snippet.parts {
        block(
            out,
            label,
            &[format!("{}  for {}, {run}", part.file, snippet.title)],
        );
        block(out, "", &[part.place.to_owned()]);
        // At the margin and never wrapped: it is there to be copied.
        let _ = write!(out, "\n{}\n\n", part.code);
        label = "";
    }
    if !snippet.install.is_empty() {
        block(out, "NEEDS", &[snippet.install.to_owned()]);
    }
    block(out, "BUT", &[snippet.never.to_owned()]);
}

fn proof_text(explanation: &Explanation) -> Vec<String> {
    let mut said = "";
    let lines = explanation.proof.iter().map(|proof| {
        let mut line = format!("{:<7} ", proof.label);
        if let Some(name) = &proof.name {
            let _ = write!(line, "{name}: ");
        }
        line.push_str(&proof.value);
        // Said once is enough.
        if !proof.note.is_empty() && proof.note != said {
            let _ = write!(line, "  ◀ {}", proof.note);
        }
        said = &proof.note;
        let _ = write!(line, "  ({})", proof.exchange);
        line
    });
    let mut lines: Vec<String> = lines.collect();
    let never_sent = explanation
        .never_sent
        .then(|| format!("{:<7} {} was never sent", "request", explanation.request));
    lines.extend(never_sent);
    lines
}

// What becomes of it with and without credentials, where that is not told above.
fn cases(out: &mut String, explanation: &Explanation) {
    for case in &explanation.cases {
        if (case.outcome, &case.text) == (explanation.outcome, &explanation.cause) {
            continue;
        }
        let when = if case.include { "with" } else { "without" };
        let text = format!("{when} credentials: {}. {}", case.outcome, case.text);
        block(out, "IF", &[text]);
        block(out, "", &fix_text(&case.fix));
    }
}

fn fix_text(lines: &[FixLine]) -> Vec<String> {
    let mut number = 0;
    let text = lines.iter().map(|line| match line {
        FixLine::Step(step) => {
            number += 1;
            format!("{number}  {step}")
        }
        FixLine::Add(header) => format!("   + {header}"),
        FixLine::Remove(header) => format!("   - {header}"),
    });
    text.collect()
}

// A label in the margin, paragraphs beside it.
fn block(out: &mut String, label: &str, paragraphs: &[String]) {
    let mut label = label;
    for paragraph in paragraphs {
        for line in wrap(paragraph, WIDTH - INDENT) {
            let _ = writeln!(out, "  {label:<width$}{line}", width = INDENT - 2);
            label = "";
        }
    }
}

// Breaks at spaces; continuation lines keep the indent of the first. Words are never cut: a URL or
// a header line must stay whole to be copied.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let lead: String = text
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, ' ' | '+' | '-'))
        .map(|_| ' ')
        .collect();
    if text.width() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive(' ') {
        if !line.trim().is_empty() && line.width() + word.trim_end().width() > width {
            lines.push(line.trim_end().to_owned());
            line.clone_from(&lead);
        }
        line.push_str(word);
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// The counts in one line.
pub(super) fn sum_up(summary: &Summary) -> String {
    let mut line = format!(
        "{} in {}: {} blocked",
        count(summary.exchanges, "request"),
        count(summary.fetches, "call"),
        summary.blocked
    );
    for (number, word) in [
        (summary.depends, "depending on credentials"),
        (summary.failed, "failed"),
        (summary.opaque, "opaque"),
    ] {
        if number > 0 {
            let _ = write!(line, ", {number} {word}");
        }
    }
    if summary.preflights > 0 {
        let _ = write!(
            line,
            "; {} took {:.1} ms",
            count(summary.preflights, "preflight"),
            summary.preflight_ms()
        );
    }
    if summary.skipped > 0 {
        let _ = write!(line, "; {} skipped", count(summary.skipped, "entry"));
    }
    line.push('.');
    line
}

/// `1 entry`, `2 entries`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}
