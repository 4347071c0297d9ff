//! Phase bars of every exchange of a fetch, on one axis.

use ratatui::text::{Line, Span};

use super::super::effect::Loaded;
use super::super::text::{clock_millis, duration, sanitise, width};
use super::super::theme::Theme;
use crate::wire::{Exchange, Timestamp};

/// Columns in front of the bars.
const LABEL: usize = 22;

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
    if exchanges.len() > 1 {
        let text = format!("{} from the first byte to the last", duration(whole));
        out.push(Line::styled(text, theme.strong));
        out.push(Line::raw(""));
    }
    for (role, exchange) in &loaded.members {
        let head = &exchange.request;
        let total = exchange
            .duration_micros()
            .map_or_else(|| "still open".to_owned(), duration);
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
    let mut at = exchange.opened_at;
    let mut out = Vec::new();
    for (name, micros) in exchange.timings.phases() {
        let Some(micros) = micros else { continue };
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
            Span::raw(format!("  {name:<9}")),
            Span::raw(format!("{:>9}  ", duration(micros))),
            Span::styled(format!("{}{bar}", " ".repeat(from)), theme.waterfall),
        ]));
        at = at.plus_micros(micros);
    }
    if out.is_empty() {
        out.push(Line::styled("  no phases are known", theme.dim));
    }
    out
}

fn connection(exchange: &Exchange, theme: &Theme, room: usize) -> Option<Line<'static>> {
    let upstream = exchange.upstream.as_ref()?;
    let mut facts = vec![format!("connection {}", upstream.connection)];
    facts.push(if upstream.reused { "reused" } else { "new" }.to_owned());
    facts.extend(upstream.addr.map(|a| a.to_string()));
    facts.extend(upstream.tls.clone());
    let text = sanitise(&facts.join(" · ")).into_owned();
    let text = super::super::text::ellipsis(&text, room.saturating_sub(2)).into_owned();
    debug_assert!(width(&text) <= room);
    Some(Line::styled(format!("  {text}"), theme.dim))
}
