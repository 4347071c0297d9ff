//! The requests over time, as bars.

use super::duration;
use crate::cors::Outcome;
use crate::diagnose::Diagnosis;
use crate::wire::{End, Exchange, Timestamp};

/// Length of a label, so that it ends before the status.
const LABEL_CHARS_MAX: usize = 42;

/// One request in the picture.
pub(super) struct Bar {
    method: String,
    host: String,
    path: String,
    /// Class of its colour.
    pub(super) class: &'static str,
    pub(super) preflight: bool,
    pub(super) status: String,
    start: Timestamp,
    answered_micros: u64,
    total_micros: u64,
    /// It has not ended: it goes on to the picture's edge.
    is_open: bool,
}

/// A bar with its place: thousandths of the picture's width.
pub(super) struct Placed<'a> {
    pub(super) bar: &'a Bar,
    /// Method and path, and the host where there are several.
    pub(super) label: String,
    pub(super) x: f64,
    pub(super) waiting: f64,
    pub(super) receiving: f64,
    pub(super) took: String,
}

impl Bar {
    pub(super) fn of(exchange: &Exchange, diagnosis: &Diagnosis) -> Self {
        let url = &exchange.request.url;
        let place = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let place = place.split(['?', '#']).next().unwrap_or_default();
        let authority = place.find('/').unwrap_or(place.len());
        let (authority, path) = place.split_at(authority);
        let host = authority.rsplit('@').next().unwrap_or_default().to_owned();
        let status = exchange.delivered().map(|head| head.status.to_string());
        let answered = exchange
            .answered_at
            .map(|at| at.micros_since(exchange.opened_at));
        let took = exchange.duration_micros();
        let total = took.or(answered).unwrap_or(0);
        Self {
            method: exchange.request.method.clone(),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            host,
            class: match diagnosis.outcome {
                Outcome::Blocked | Outcome::Failed => "bad",
                Outcome::Depends | Outcome::Pending => "open",
                Outcome::Allowed => "good",
                Outcome::Opaque | Outcome::Exempt => "plain",
            },
            preflight: exchange.request.is_preflight(),
            status: status.unwrap_or_else(|| "–".to_owned()),
            start: exchange.opened_at,
            answered_micros: answered.unwrap_or(total).min(total),
            total_micros: total,
            is_open: exchange.end == End::Open,
        }
    }
}

impl Bar {
    fn label(&self, with_host: bool) -> String {
        let left = LABEL_CHARS_MAX.saturating_sub(self.method.chars().count() + 1);
        let host = if with_host { self.host.as_str() } else { "" };
        let whole = format!("{host}{}", self.path);
        let chars = whole.chars().count();
        if chars <= left {
            return format!("{} {whole}", self.method);
        }
        // Requests differ at the end of their paths rather than at the beginning of their hosts.
        let skipped = (chars + 1 - left).max(host.chars().count());
        let end: String = whole.chars().skip(skipped).collect();
        format!("{} …{end}", self.method)
    }
}

/// Places bars on one axis; says how long that is in microseconds.
pub(super) fn place(bars: &[Bar]) -> (Vec<Placed<'_>>, u64) {
    let first = bars.iter().map(|bar| bar.start).min().unwrap_or_default();
    let ends = bars
        .iter()
        .map(|bar| bar.start.micros_since(first) + bar.total_micros);
    let whole = ends.max().unwrap_or(0).max(1);
    let part = |micros: u64| micros as f64 * 1000.0 / whole as f64;
    let several = bars.iter().any(|bar| bar.host != bars[0].host);
    let mut order: Vec<&Bar> = bars.iter().collect();
    order.sort_by_key(|bar| bar.start);
    let placed = order.into_iter().map(|bar| {
        let waits = bar.is_open && bar.answered_micros == 0;
        let start = bar.start.micros_since(first);
        let total = if bar.is_open {
            whole - start
        } else {
            bar.total_micros
        };
        let waiting = part(if waits { total } else { bar.answered_micros });
        let receiving = total.saturating_sub(bar.answered_micros);
        Placed {
            bar,
            label: bar.label(several),
            // The shortest is still seen, also at the very end.
            x: part(start).min(996.0),
            waiting: waiting.max(2.0),
            receiving: if waits { 0.0 } else { part(receiving) },
            took: if bar.is_open {
                "open".to_owned()
            } else {
                duration(bar.total_micros)
            },
        }
    });
    (placed.collect(), whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_goes_on_to_the_edge() {
        let bar = |start, answered_micros, total_micros, is_open| Bar {
            method: "GET".into(),
            host: "a.test".into(),
            path: "/".into(),
            class: "plain",
            preflight: false,
            status: "200".into(),
            start: Timestamp(start),
            answered_micros,
            total_micros,
            is_open,
        };
        let bars = [
            bar(0, 100, 1_000, false),
            bar(500, 100, 100, true),
            bar(900, 0, 0, true),
        ];
        let (placed, whole) = place(&bars);
        assert_eq!(whole, 1_000);
        let told: Vec<_> = placed
            .iter()
            .map(|p| {
                (
                    p.x as u32,
                    p.waiting as u32,
                    p.receiving as u32,
                    p.took.as_str(),
                )
            })
            .collect();
        assert_eq!(told[0].2, 900);
        assert_eq!(told[1], (500, 100, 400, "open"));
        assert_eq!(told[2], (900, 100, 0, "open"));
    }
}
