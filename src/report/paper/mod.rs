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
use super::text::{count, is_told};
use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Exchanges};
use crate::fix;
use crate::wire::{Origin, PathPattern, Timestamp, is_chatter};
use url::Url;
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
    /// Calls that are the browser's own, which are only counted.
    chatter: usize,
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
            chatter: 0,
            left_out: (0, 0),
        }
    }

    /// Adds a fetch. What goes well is only counted and drawn, what a browser asks for on its own
    /// account only counted, unless `always` wants it told.
    pub fn add(
        &mut self,
        diagnosis: &Diagnosis,
        servers: &Servers,
        exchanges: &dyn Exchanges,
        always: bool,
    ) {
        if !always && is_the_browsers(diagnosis) {
            self.chatter += 1;
            return;
        }
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

    /// What there was no room for, and what was left out, in a sentence each.
    fn missing(&self) -> Option<String> {
        let (incidents, _) = self.left_out;
        let trouble = (incidents > 0).then(|| {
            format!(
                "{incidents} more kinds of trouble are not in this report; the JSON has them all."
            )
        });
        let chatter = (self.chatter > 0).then(|| {
            format!(
                "What the browser asked for on its own account is left out: {}.",
                count(self.chatter, "call")
            )
        });
        let sentences: Vec<String> = trouble.into_iter().chain(chatter).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    /// What is told, the worst first, each kind in the order of time.
    fn in_order(&self) -> Vec<&Incident> {
        let mut incidents: Vec<&Incident> = self.incidents.iter().collect();
        incidents.sort_by_key(|incident| match incident.explanation.outcome {
            Outcome::Blocked => 0,
            Outcome::Depends => 1,
            Outcome::Failed => 2,
            Outcome::Opaque | Outcome::Allowed | Outcome::Exempt | Outcome::Pending => 3,
        });
        incidents
    }

    fn secrets(&self) -> &'static str {
        if self.redacted {
            "Secrets were replaced by pseudonyms; the same secret has the same one everywhere."
        } else {
            "This report has secrets in it as they were sent."
        }
    }
}

fn is_the_browsers(diagnosis: &Diagnosis) -> bool {
    let url = Url::parse(&diagnosis.url).ok();
    let server = url.as_ref().and_then(Origin::of).map(|o| o.to_string());
    let (Some(url), Some(server)) = (url, server) else {
        return false;
    };
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    is_chatter(&server, &path, diagnosis.origin.as_deref())
}

// The same endpoint failing for the same reason is told once, whatever the number in its path is.
fn same(diagnosis: &Diagnosis, explanation: &Explanation) -> String {
    let endpoint = PathPattern::of_path(&diagnosis.url);
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
    // A tunnel is the client's with the proxy; no server is asked that.
    if exchange.request.method == "CONNECT" {
        return None;
    }
    let copied = curl(&exchange, &exchange.request_body.excerpt, Quoting::Posix);
    let command = copied.text.replacen("curl ", "curl -i ", 1);
    Some((command, copied.note))
}

// Microseconds in the unit a person would choose.
fn duration(micros: u64) -> String {
    match micros {
        0 => "0".to_owned(),
        1..1_000 => format!("{micros} µs"),
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
