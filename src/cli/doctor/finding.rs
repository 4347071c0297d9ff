//! One thing that was looked at, and how it is told.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Fine,
    /// It may be as it should be; worth knowing.
    Note,
    /// Something will not work.
    Bad,
}

impl Level {
    fn id(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Note => "note",
            Self::Bad => "bad",
        }
    }

    fn glyph(self) -> char {
        match self {
            Self::Fine => '✔',
            Self::Note => '⚠',
            Self::Bad => '✖',
        }
    }
}

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Stable: `ca-key`, `port`, `https`...
    pub(super) id: &'static str,
    pub(super) level: Level,
    pub(super) said: String,
    pub(super) next: Option<String>,
}

impl Finding {
    pub(super) fn fine(id: &'static str, said: impl Into<String>) -> Self {
        Self {
            id,
            level: Level::Fine,
            said: said.into(),
            next: None,
        }
    }

    pub(super) fn note(id: &'static str, said: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            id,
            level: Level::Note,
            said: said.into(),
            next: Some(next.into()),
        }
    }

    pub(super) fn bad(id: &'static str, said: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            level: Level::Bad,
            ..Self::note(id, said, next)
        }
    }
}

pub(super) fn as_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let glyph = finding.level.glyph();
        let _ = writeln!(text, "{glyph} {:<10} {}", finding.id, finding.said);
        if let Some(next) = &finding.next {
            let _ = writeln!(text, "  NEXT       {next}");
        }
    }
    let count = |level| findings.iter().filter(|f| f.level == level).count();
    let (bad, notes) = (count(Level::Bad), count(Level::Note));
    let _ = match (bad, notes) {
        (0, 0) => writeln!(text, "\nEverything is ready."),
        (0, n) => writeln!(text, "\nReady; {n} to know about."),
        (b, _) => writeln!(
            text,
            "\n{b} will not work; the next step stands below each."
        ),
    };
    text
}

pub(super) fn as_json(findings: &[Finding]) -> Value {
    let list = findings
        .iter()
        .map(|f| json!({ "id": f.id, "state": f.level.id(), "said": f.said, "next": f.next }));
    json!({
        "schema": "corscope/doctor/1",
        "version": env!("CARGO_PKG_VERSION"),
        "fine": findings.iter().all(|f| f.level != Level::Bad),
        "findings": list.collect::<Vec<_>>(),
    })
}
