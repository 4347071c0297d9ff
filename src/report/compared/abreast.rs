//! Two exchanges laid abreast: heads aligned by name, CORS first, then timing and bodies.

use super::bodies::{Body, Difference, compare_bodies};
use crate::diagnose::Diagnosis;
use crate::wire::{End, Exchange, HeaderList, RequestHead};

/// One of the two, with all that is compared.
#[derive(Clone, Copy, Debug)]
pub struct One<'a> {
    /// The exchange.
    pub exchange: &'a Exchange,
    /// The preflight that was sent for it, or of its fetch.
    pub preflight: Option<&'a Exchange>,
    /// The verdict on its fetch.
    pub diagnosis: Option<&'a Diagnosis>,
    /// The verdict in one line.
    pub headline: Option<&'a str>,
    /// Its request body, decoded.
    pub request_body: &'a Body,
    /// Its response body, decoded.
    pub response_body: &'a Body,
}

/// A line of both: what the first has and what the second has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laid {
    /// What it is: the name of a header; empty for lines of a body.
    pub label: String,
    /// In the first.
    pub before: Option<String>,
    /// In the second.
    pub after: Option<String>,
    /// So many lines that are the same stand here instead.
    pub skipped: usize,
    /// Whether a difference here means something: times always differ.
    pub counts: bool,
}

impl Laid {
    fn new(label: &str, before: Option<String>, after: Option<String>) -> Self {
        Self {
            label: label.to_owned(),
            before,
            after,
            skipped: 0,
            counts: true,
        }
    }

    /// Whether the two differ here, and it counts.
    pub fn differs(&self) -> bool {
        self.counts && self.skipped == 0 && self.before != self.after
    }
}

/// A part of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its heading.
    pub title: &'static str,
    /// Its lines.
    pub lines: Vec<Laid>,
    /// What a reader should know about it.
    pub notes: Vec<String>,
}

impl Part {
    /// In how many lines the two differ.
    pub fn differences(&self) -> usize {
        self.lines.iter().filter(|l| l.differs()).count()
    }
}

/// Two exchanges laid abreast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abreast {
    /// The parts that have anything to say, what decides about CORS first.
    pub parts: Vec<Part>,
}

/// Lays two exchanges abreast.
pub fn abreast(before: &One<'_>, after: &One<'_>) -> Abreast {
    let mut parts = vec![
        part("Verdict", verdict(before, after)),
        part(
            "Answer: what decides about CORS",
            answer(before, after, true),
        ),
        part(
            "Request: what decides about CORS",
            request(before, after, true),
        ),
        part("Preflight", preflight(before, after)),
        part("Answer: other headers", answer(before, after, false)),
        part("Request: other headers", request(before, after, false)),
        part("Timing", timing(before, after)),
    ];
    parts.push(body(
        "Response body",
        before.response_body,
        after.response_body,
    ));
    parts.push(body(
        "Request body",
        before.request_body,
        after.request_body,
    ));
    parts.retain(|p| !p.lines.is_empty() || !p.notes.is_empty());
    Abreast { parts }
}

fn part(title: &'static str, lines: Vec<Laid>) -> Part {
    Part {
        title,
        lines,
        notes: Vec::new(),
    }
}

fn verdict(before: &One<'_>, after: &One<'_>) -> Vec<Laid> {
    let mut lines = Vec::new();
    let mut add = |label, of: &dyn Fn(&One<'_>) -> Option<String>| {
        let (one, other) = (of(before), of(after));
        if one.is_some() || other.is_some() {
            lines.push(Laid::new(label, one, other));
        }
    };
    add("outcome", &|o| o.diagnosis.map(|d| d.outcome.to_string()));
    add("cause", &|o| {
        let cause = o.diagnosis?.cause.as_ref();
        cause.and(o.headline).map(str::to_owned)
    });
    add("check", &|o| {
        let cause = o.diagnosis?.cause.as_ref()?;
        Some(format!("{} ({})", cause.check.id(), cause.stage.name()))
    });
    add("page", &|o| o.diagnosis?.origin.clone());
    add("credentials", &|o| {
        o.diagnosis.map(|d| d.credentials.name().to_owned())
    });
    lines
}

/// Headers that decide about CORS, or about what a cache may do with the answer.
fn decides(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("access-control-")
        || name.starts_with("sec-fetch-")
        || name.starts_with("cross-origin-")
        || matches!(
            name.as_str(),
            "origin" | "vary" | "location" | "timing-allow-origin"
        )
}

fn answer(before: &One<'_>, after: &One<'_>, cors: bool) -> Vec<Laid> {
    let mut lines = Vec::new();
    if cors {
        lines.push(Laid::new(
            "status",
            Some(status(before.exchange)),
            Some(status(after.exchange)),
        ));
    }
    let none = HeaderList::new();
    // What the browser got: with a trial fix in it.
    let heads = [before, after].map(|one| one.exchange.delivered());
    let lists = heads
        .each_ref()
        .map(|head| head.as_ref().map_or(&none, |h| &*h.headers));
    lines.extend(fields(lists[0], lists[1], |name| decides(name) == cors));
    lines
}

/// The status, or why there is none.
fn status(exchange: &Exchange) -> String {
    match (exchange.delivered(), &exchange.end) {
        (Some(response), End::Failed(failure)) => {
            format!("{}, then it broke: {}", response.status, failure.detail)
        }
        (Some(response), _) => response.status.to_string(),
        (None, End::Failed(failure)) => format!("failed: {}", failure.detail),
        (None, End::Aborted) => "the browser went away".to_owned(),
        (None, _) => "no answer yet".to_owned(),
    }
}

fn request(before: &One<'_>, after: &One<'_>, cors: bool) -> Vec<Laid> {
    let (one, other) = (&before.exchange.request, &after.exchange.request);
    let mut lines = Vec::new();
    if cors {
        let both = |of: fn(&RequestHead) -> String| (Some(of(one)), Some(of(other)));
        for (label, (before, after)) in [
            ("method", both(|r| r.method.clone())),
            ("url", both(|r| r.url.clone())),
            ("version", both(|r| r.version.name().to_owned())),
        ] {
            lines.push(Laid::new(label, before, after));
        }
    }
    lines.extend(fields(&one.headers, &other.headers, |name| {
        decides(name) == cors
    }));
    lines
}

fn preflight(before: &One<'_>, after: &One<'_>) -> Vec<Laid> {
    let (one, other) = (before.preflight, after.preflight);
    if one.is_none() && other.is_none() {
        return Vec::new();
    }
    let sent = |e: Option<&Exchange>| {
        e.map_or_else(
            || "none".to_owned(),
            |e| format!("{} → {}", e.request.method, status(e)),
        )
    };
    let mut lines = vec![Laid::new("sent", Some(sent(one)), Some(sent(other)))];
    let none = HeaderList::new();
    let asked = [one, other].map(|e| e.map_or(&none, |e| &*e.request.headers));
    lines.extend(fields(asked[0], asked[1], |name| {
        let name = name.to_ascii_lowercase();
        name == "origin" || name.starts_with("access-control-")
    }));
    let heads = [one, other].map(|e| e.and_then(Exchange::delivered));
    let lists = heads
        .each_ref()
        .map(|head| head.as_ref().map_or(&none, |h| &*h.headers));
    lines.extend(fields(lists[0], lists[1], decides));
    lines
}

/// Fields of two lists aligned by name: those of the first in their order, then what only the second
/// has. Lines of one name are paired one by one.
fn fields(before: &HeaderList, after: &HeaderList, wanted: impl Fn(&str) -> bool) -> Vec<Laid> {
    let mut names: Vec<String> = Vec::new();
    for field in before.iter().chain(after.iter()) {
        let name = field.name.to_ascii_lowercase();
        if wanted(&name) && !names.contains(&name) {
            names.push(name);
        }
    }
    let mut lines = Vec::new();
    for name in names {
        let mut one = before.all(&name).map(|f| f.text());
        let mut other = after.all(&name).map(|f| f.text());
        loop {
            let pair = (one.next(), other.next());
            if pair == (None, None) {
                break;
            }
            lines.push(Laid::new(&name, pair.0, pair.1));
        }
    }
    lines
}

fn timing(before: &One<'_>, after: &One<'_>) -> Vec<Laid> {
    let millis = |micros: u64| format!("{:.1} ms", micros as f64 / 1000.0);
    let mut lines = Vec::new();
    let mut add = |label: &str, one: Option<u64>, other: Option<u64>| {
        if one.is_some() || other.is_some() {
            let laid = Laid::new(label, one.map(millis), other.map(millis));
            lines.push(Laid {
                counts: false,
                ..laid
            });
        }
    };
    let (one, other) = (before.exchange, after.exchange);
    add("whole", one.duration_micros(), other.duration_micros());
    let took = |e: Option<&Exchange>| e.and_then(Exchange::duration_micros);
    add("preflight", took(before.preflight), took(after.preflight));
    let phases = one.timings.phases().into_iter().zip(other.timings.phases());
    for ((name, one), (_, other)) in phases {
        add(name, one, other);
    }
    lines
}

fn body(title: &'static str, before: &Body, after: &Body) -> Part {
    let (differences, mut notes) = compare_bodies(before, after);
    if differences.is_empty() && notes.is_empty() && !before.bytes.is_empty() {
        notes.push(format!("the same {} bytes", before.bytes.len()));
    }
    let line = |difference: Difference| match difference {
        Difference::Same(text) => Laid::new("", Some(text.clone()), Some(text)),
        Difference::Changed(one, other) => Laid::new("", Some(one), Some(other)),
        Difference::OnlyBefore(text) => Laid::new("", Some(text), None),
        Difference::OnlyAfter(text) => Laid::new("", None, Some(text)),
        Difference::Skipped(count) => Laid {
            skipped: count,
            ..Laid::new("", None, None)
        },
    };
    Part {
        title,
        lines: differences.into_iter().map(line).collect(),
        notes,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::wire::{ExchangeId, HttpVersion, ResponseHead, Timestamp};

    fn exchange(headers: &[(&str, &str)]) -> Exchange {
        let head = RequestHead {
            method: "GET".into(),
            url: "https://api.test/v1".into(),
            version: HttpVersion::Http11,
            headers: Arc::default(),
        };
        let mut exchange = Exchange::opened(ExchangeId(1), Timestamp(0), head);
        exchange.response = Some(ResponseHead {
            status: 200,
            reason: None,
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs(headers.iter().copied())),
        });
        exchange
    }

    #[test]
    fn fields_are_aligned_by_name_and_what_differs_is_told() {
        let one = exchange(&[("Vary", "Origin"), ("Server", "a"), ("Set-Cookie", "x=1")]);
        let other = exchange(&[
            ("server", "a"),
            ("set-cookie", "x=1"),
            ("set-cookie", "y=2"),
            ("access-control-allow-origin", "*"),
        ]);
        let body = Body::default();
        let of = |exchange| One {
            exchange,
            preflight: None,
            diagnosis: None,
            headline: None,
            request_body: &body,
            response_body: &body,
        };
        let laid = abreast(&of(&one), &of(&other));
        let told: Vec<_> = laid
            .parts
            .iter()
            .flat_map(|p| &p.lines)
            .filter(|l| l.differs())
            .map(|l| (l.label.as_str(), l.before.as_deref(), l.after.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("vary", Some("Origin"), None),
                ("access-control-allow-origin", None, Some("*")),
                ("set-cookie", None, Some("y=2")),
            ]
        );
    }
}
