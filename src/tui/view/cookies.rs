//! Cookies that were sent, and cookies that were set, with their attributes.

use ratatui::text::{Line, Span};

use super::super::effect::Loaded;
use super::super::text::{clean_bytes, sanitise};
use super::super::theme::Theme;
use super::detail::labelled;

/// The Cookies tab.
pub(super) fn lines(loaded: &Loaded, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let exchange = &loaded.exchange;
    let mut out = Vec::new();
    let heading = |text: &str, n: usize| {
        Line::from(vec![
            Span::styled(text.to_owned(), theme.heading),
            Span::styled(format!("  {n}"), theme.dim),
        ])
    };
    let sent = exchange.request.headers.get("cookie").unwrap_or_default();
    let sent: Vec<&str> = sent
        .split(';')
        .map(str::trim)
        .filter(|c| !c.is_empty())
        .collect();
    out.push(heading("Sent by the browser", sent.len()));
    for cookie in &sent {
        let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
        let name = format!("  {} ", sanitise(name));
        out.extend(labelled(
            &name,
            value,
            4.max(name.chars().count()),
            room,
            theme.label,
            theme.dim,
        ));
    }
    if sent.is_empty() {
        out.push(Line::styled("  none", theme.dim));
    }
    out.push(Line::raw(""));
    let Some(response) = &exchange.response else {
        return out;
    };
    let set: Vec<_> = response.headers.all("set-cookie").collect();
    out.push(heading("Set by the server", set.len()));
    for field in &set {
        let text = clean_bytes(field.value);
        let mut parts = text.split(';').map(str::trim);
        let first = parts.next().unwrap_or_default();
        let (name, value) = first.split_once('=').unwrap_or((first, ""));
        let name = format!("  {name} ");
        out.extend(labelled(
            &name,
            value,
            4.max(name.chars().count()),
            room,
            theme.label,
            theme.dim,
        ));
        let attributes: Vec<&str> = parts.filter(|p| !p.is_empty()).collect();
        if !attributes.is_empty() {
            let text = attributes.join(" · ");
            out.extend(labelled("", &text, 4, room, theme.dim, theme.dim));
        }
    }
    if set.is_empty() {
        out.push(Line::styled("  none", theme.dim));
    }
    out
}
