//! Phase bars of every exchange of a fetch, on one axis, the preflight first.

use ratatui::text::{Line, Span};

use super::super::effect::Loaded;
use super::super::text::{clock_millis, duration, ellipsis, sanitise, width};
use super::super::theme::Theme;
use crate::diagnose::Role;
use crate::wire::{End, Exchange, Source, Timestamp};

/// Columns in front of the bars.
const LABEL: usize = 22;
/// How many metrics of a server are shown.
const METRICS_MAX: usize = 20;

/// The Timing tab.
pub(super) fn lines(
    loaded: &Loaded,
    theme: &Theme,
    room: usize,
    utc_offset: i32,
) -> Vec<Line<'static>> {
    let exchanges: Vec<&Exchange> = loaded.members.iter().map(|(_, e)| &**e).collect();
    let end = |e: &Exchange| {
        let phases = e.opened_at.plus_micros(e.timings.total_micros());
        e.closed_at.unwrap_or(phases).max(phases)
    };
    let start = exchanges
        .iter()
        .map(|e| e.opened_at)
        .min()
        .unwrap_or_default();
    let whole = exchanges
        .iter()
        .map(|e| end(e))
        .max()
        .unwrap_or_default()
        .micros_since(start);
    let mut out = Vec::new();
    let preflight: u64 = loaded
        .members
        .iter()
        .filter(|(role, _)| *role == Role::Preflight)
        .filter_map(|(_, e)| e.duration_micros())
        .sum();
    if exchanges.len() > 1 {
        let mut text = format!("{} from the first byte to the last", duration(whole));
        if preflight > 0 {
            text += ", ";
            text += &duration(preflight);
            text += " of it for the preflight";
        }
        out.push(Line::styled(text, theme.strong));
        out.push(Line::raw(""));
    }
    let cached = loaded.diagnosis.iter().flat_map(|d| &d.fetch.members);
    if cached.filter(|m| m.cached).count() > 0 {
        let text = "no preflight was sent: the browser remembered an earlier one";
        out.push(Line::styled(text, theme.dim));
        out.push(Line::raw(""));
    }
    for (role, exchange) in &loaded.members {
        let head = &exchange.request;
        let total = match (exchange.duration_micros(), &exchange.end) {
            (Some(micros), _) => duration(micros),
            (None, End::Open) => "still open".to_owned(),
            (None, _) => "how long is not known".to_owned(),
        };
        out.push(Line::from(vec![
            Span::styled(
                format!("{} {}", exchange.id, sanitise(&head.method)),
                theme.label,
            ),
            Span::styled(
                format!(
                    "  {}  at {}  {total}",
                    role.name(),
                    clock_millis(exchange.opened_at, utc_offset)
                ),
                theme.dim,
            ),
        ]));
        out.extend(phases(exchange, start, whole, theme, room));
        out.extend(metrics(exchange, theme, room));
        out.extend(connection(exchange, theme, room));
        out.push(Line::raw(""));
    }
    out
}

fn phases(
    exchange: &Exchange,
    start: Timestamp,
    whole: u64,
    theme: &Theme,
    room: usize,
) -> Vec<Line<'static>> {
    let room = room.saturating_sub(LABEL + 1).max(4);
    let reused = exchange.upstream.as_ref().is_some_and(|u| u.reused);
    let mut at = exchange.opened_at;
    let mut out = Vec::new();
    for (name, micros) in exchange.timings.phases() {
        // As DevTools calls it.
        let shown = if name == "queued" { "blocked" } else { name };
        let Some(micros) = micros else {
            let why = why_not(exchange, name, reused);
            out.push(Line::styled(
                format!("  {shown:<9}        –  {why}"),
                theme.dim,
            ));
            continue;
        };
        let column = |t: Timestamp| {
            ((t.micros_since(start) as f64 / whole.max(1) as f64) * room as f64) as usize
        };
        let (from, to) = (
            column(at).min(room - 1),
            column(at.plus_micros(micros)).min(room),
        );
        let bar = if to > from {
            "█".repeat(to - from)
        } else {
            "▏".to_owned()
        };
        out.push(Line::from(vec![
            Span::raw(format!("  {shown:<9}")),
            Span::raw(format!("{:>9}  ", duration(micros))),
            Span::styled(format!("{}{bar}", " ".repeat(from)), theme.waterfall),
        ]));
        at = at.plus_micros(micros);
    }
    out
}

/// Why a phase has no time.
fn why_not(exchange: &Exchange, phase: &str, reused: bool) -> &'static str {
    let before_sending = matches!(phase, "dns" | "connect" | "tls");
    let plain =
        exchange.request.url.starts_with("http:") || exchange.request.url.starts_with("ws:");
    match phase {
        _ if exchange.source == Source::Har => "not in the HAR",
        _ if before_sending && reused => "the connection was open already",
        "tls" if plain => "no TLS",
        "receive" | "wait" | "send" if exchange.end == End::Open => "not over yet",
        _ => "not measured",
    }
}

/// What the server says it spent its time on: `Server-Timing`
/// ([W3C](https://www.w3.org/TR/server-timing/)).
fn metrics(exchange: &Exchange, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let Some(response) = &exchange.response else {
        return Vec::new();
    };
    let all = response.headers.get("server-timing").unwrap_or_default();
    let metrics = all.split(',').map(str::trim).filter(|m| !m.is_empty());
    let line = |metric: &str| {
        let mut parts = metric.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let (mut micros, mut about) = (None, String::new());
        for part in parts {
            match part.split_once('=') {
                Some(("dur", value)) => {
                    let ms = value.trim_matches('"').parse::<f64>().ok();
                    micros = ms.filter(|ms| *ms >= 0.0).map(|ms| (ms * 1000.0) as u64);
                }
                Some(("desc", value)) => value.trim_matches('"').clone_into(&mut about),
                _ => {}
            }
        }
        let time = micros.map_or_else(|| "–".to_owned(), duration);
        let name = ellipsis(&sanitise(name), 9).into_owned();
        let fill = " ".repeat(9_usize.saturating_sub(width(&name)));
        let about = format!("says the server  {}", sanitise(&about));
        let about = ellipsis(about.trim_end(), room.saturating_sub(LABEL)).into_owned();
        Line::styled(format!("  {name}{fill}{time:>9}  {about}"), theme.dim)
    };
    metrics.take(METRICS_MAX).map(line).collect()
}

fn connection(exchange: &Exchange, theme: &Theme, room: usize) -> Option<Line<'static>> {
    let upstream = exchange.upstream.as_ref()?;
    let mut facts = vec![format!("connection {}", upstream.connection)];
    facts.push(if upstream.reused { "reused" } else { "new" }.to_owned());
    facts.extend(upstream.addr.map(|a| a.to_string()));
    facts.extend(upstream.tls.clone());
    let text = sanitise(&facts.join(" · ")).into_owned();
    let text = ellipsis(&text, room.saturating_sub(2)).into_owned();
    Some(Line::styled(format!("  {text}"), theme.dim))
}
