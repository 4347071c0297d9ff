//! A report to hand on: one incident or a whole capture, as Markdown for an issue or as one HTML
//! file.

mod html;
mod markdown;
mod waterfall;

use std::collections::HashMap;

use super::copy::{Quoting, curl};
use super::explain::{Explanation, explain};
use super::mending::Servers;
use super::summary::Summary;
use super::text::is_told;
use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Exchanges};
use crate::fix;
use crate::wire::Timestamp;
use waterfall::Bar;

/// Incidents a report describes; more are counted.
const INCIDENTS_MAX: usize = 200;
/// Requests the picture shows; more are counted.
const BARS_MAX: usize = 120;

/// A report in the making: fetches are added in their order.
pub struct Paper {
    title: String,
    redacted: bool,
    summary: Summary,
    incidents: Vec<Incident>,
    known: HashMap<String, usize>,
    bars: Vec<Bar>,
    /// Incidents and requests there was no room for.
    left_out: (usize, usize),
}

/// One thing that went wrong, or may some day, and how often.
struct Incident {
    explanation: Explanation,
    times: usize,
    at: Option<Timestamp>,
    /// A command that asks the server the same again, and what is to be known about it.
    verify: Option<(String, Option<String>)>,
}

impl Incident {
    /// What happened, or, where all went well, what should be known.
    fn title(&self) -> String {
        let told = &self.explanation;
        let fine = matches!(
            told.outcome,
            Outcome::Allowed | Outcome::Exempt | Outcome::Pending
        );
        match told.warnings.iter().max_by_key(|warning| warning.severity) {
            Some(warning) if fine => format!("{}: {}", told.headline, warning.title),
            _ => told.headline.clone(),
        }
    }
}

impl Paper {
    /// A report of this name; `redacted` is said in it.
    pub fn new(title: &str, redacted: bool, skipped: usize) -> Self {
        Self {
            title: title.to_owned(),
            redacted,
            summary: Summary {
                skipped,
                ..Summary::default()
            },
            incidents: Vec::new(),
            known: HashMap::new(),
            bars: Vec::new(),
            left_out: (0, 0),
        }
    }

    /// Adds a fetch. What goes well is only counted and drawn, unless `always` wants it told.
    pub fn add(
        &mut self,
        diagnosis: &Diagnosis,
        servers: &Servers,
        exchanges: &dyn Exchanges,
        always: bool,
    ) {
        self.summary
            .add(&Summary::of(std::slice::from_ref(diagnosis), exchanges, 0));
        for id in diagnosis.fetch.exchanges() {
            let Some(exchange) = exchanges.exchange(id) else {
                continue;
            };
            if self.bars.len() < BARS_MAX {
                self.bars.push(Bar::of(&exchange, diagnosis));
            } else {
                self.left_out.1 += 1;
            }
        }
        let fix = fix::suggest(diagnosis, exchanges);
        let explanation = Explanation {
            mending: servers.mending_of(diagnosis, fix.as_ref(), exchanges),
            ..explain(diagnosis, fix.as_ref(), exchanges)
        };
        if !always && !is_told(&explanation) {
            return;
        }
        let same = same(diagnosis, &explanation);
        if let Some(incident) = self
            .known
            .get(&same)
            .and_then(|at| self.incidents.get_mut(*at))
        {
            incident.times += 1;
            return;
        }
        if self.incidents.len() >= INCIDENTS_MAX {
            self.left_out.0 += 1;
            return;
        }
        let first = diagnosis.fetch.exchanges().next();
        let first = first.and_then(|id| exchanges.exchange(id));
        self.known.insert(same, self.incidents.len());
        self.incidents.push(Incident {
            explanation,
            times: 1,
            at: first.map(|exchange| exchange.opened_at),
            verify: verify(diagnosis, exchanges),
        });
    }

    /// As Markdown, to be pasted into an issue.
    pub fn to_markdown(&self) -> String {
        markdown::write(self)
    }

    /// As one HTML file without scripts, light and dark, for the screen and for paper.
    pub fn to_html(&self) -> String {
        html::write(self)
    }

    /// What there was no room for, in a sentence.
    fn missing(&self) -> Option<String> {
        let (incidents, _) = self.left_out;
        (incidents > 0).then(|| {
            format!(
                "{incidents} more kinds of trouble are not in this report; the JSON has them all."
            )
        })
    }

    fn secrets(&self) -> &'static str {
        if self.redacted {
            "Secrets were replaced by pseudonyms; the same secret has the same one everywhere."
        } else {
            "This report has secrets in it as they were sent."
        }
    }
}

// The same endpoint failing for the same reason is told once.
fn same(diagnosis: &Diagnosis, explanation: &Explanation) -> String {
    let endpoint = diagnosis.url.split(['?', '#']).next().unwrap_or_default();
    format!(
        "{} {endpoint} {:?} {} {}",
        diagnosis.method, diagnosis.origin, explanation.outcome, explanation.headline
    )
}

// Of the answer that failed, with the headers of the answer printed.
fn verify(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> Option<(String, Option<String>)> {
    let failed = diagnosis.cause.as_ref().and_then(|cause| cause.exchange);
    let last = || diagnosis.fetch.exchanges().last();
    let exchange = exchanges.exchange(failed.or_else(last)?)?;
    let copied = curl(&exchange, &exchange.request_body.excerpt, Quoting::Posix);
    let command = copied.text.replacen("curl ", "curl -i ", 1);
    Some((command, copied.note))
}

// Microseconds in the unit a person would choose.
fn duration(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

fn moment(at: Timestamp) -> String {
    chrono::DateTime::from_timestamp_micros(at.0)
        .unwrap_or_default()
        .format("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

#[cfg(test)]
mod tests;
