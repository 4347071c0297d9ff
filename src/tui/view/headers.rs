//! Heads: what was asked for against what was granted first, then all fields as they came.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::body::{Body, Mode};
use super::super::effect::Loaded;
use super::super::text::{clean_bytes, clock_millis, duration, sanitise, size};
use super::super::theme::Theme;
use super::changes;
use super::detail::labelled;
use super::grants::grants;
use super::{picture, tables};
use crate::cors::{Browser, Outcome, max_age_seconds};
use crate::diagnose::Role;
use crate::wire::{End, Exchange, Field, HeaderList, RequestHead};

/// Headers that decide about CORS, or about what a cache may do with the answer.
fn is_relevant(field: &Field<'_>) -> bool {
    let name = field.name.to_ascii_lowercase();
    name.starts_with("access-control-")
        || name.starts_with("sec-fetch-")
        || matches!(
            name.as_str(),
            "origin" | "vary" | "cross-origin-resource-policy" | "location" | "timing-allow-origin"
        )
}

/// The Headers tab.
pub(super) fn headers(loaded: &Loaded, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let exchange = &loaded.exchange;
    let mut out = request_line(exchange, theme, room);
    out.extend(status_line(exchange, theme, room));
    out.extend(changes::lines(exchange, theme, room));
    out.extend(grants(loaded, exchange, loaded.role(), theme, room));
    if let Some(response) = &exchange.response {
        title(&mut out, "Response headers", response.headers.len(), theme);
        out.extend(fields(&response.headers, theme, room));
    }
    title(
        &mut out,
        "Request headers",
        exchange.request.headers.len(),
        theme,
    );
    out.extend(fields(&exchange.request.headers, theme, room));
    out.extend(tables::lines(&loaded.tokens, theme, room));
    if !exchange.trailers.is_empty() {
        title(&mut out, "Trailers", exchange.trailers.len(), theme);
        out.extend(fields(&exchange.trailers, theme, room));
    }
    out
}

/// What stands before the request's body.
pub(super) fn request(
    loaded: &Loaded,
    mode: Mode,
    theme: &Theme,
    room: usize,
) -> Vec<Line<'static>> {
    let exchange = &loaded.exchange;
    let mut out = request_line(exchange, theme, room);
    let query = query(&exchange.request);
    if !query.is_empty() {
        title(&mut out, "Query", query.len(), theme);
        for (name, value) in query {
            out.extend(pair(&name, &value, theme, room));
        }
    }
    out.extend(body_line(
        &exchange.request.headers,
        exchange.request_body.seen_bytes,
        &loaded.request_body,
        mode,
        theme,
        room,
    ));
    out
}

/// What stands before the response's body.
pub(super) fn response(
    loaded: &Loaded,
    mode: Mode,
    theme: &Theme,
    room: usize,
) -> Vec<Line<'static>> {
    let exchange = &loaded.exchange;
    let mut out = Vec::new();
    if loaded.role() == Role::Preflight {
        out.push(Line::styled("the answer to OPTIONS", theme.dim));
    }
    out.extend(status_line(exchange, theme, room));
    let none = HeaderList::new();
    let headers = exchange.response.as_ref().map_or(&none, |r| &*r.headers);
    out.extend(body_line(
        headers,
        exchange.response_body.seen_bytes,
        &loaded.response_body,
        mode,
        theme,
        room,
    ));
    let withheld = loaded.diagnosis.as_ref().is_some_and(|d| {
        matches!(d.outcome, Outcome::Blocked | Outcome::Opaque) && loaded.role() == Role::Actual
    });
    if withheld && !loaded.response_body.is_empty() {
        out.push(Line::styled(
            "◌ the page never saw this: the browser withheld it",
            theme.opaque,
        ));
    }
    out
}

/// The Preflight tab.
pub(super) fn preflight(
    loaded: &Loaded,
    theme: &Theme,
    room: usize,
    utc_offset: i32,
) -> Vec<Line<'static>> {
    let Some(preflight) = loaded.preflight() else {
        return no_preflight(loaded, theme, room, utc_offset);
    };
    let mut out = request_line(preflight, theme, room);
    out.extend(status_line(preflight, theme, room));
    if let Some(micros) = preflight.duration_micros() {
        let text = format!("  cost {} before the request could start", duration(micros));
        out.push(Line::styled(text, theme.dim));
    }
    out.extend(changes::lines(preflight, theme, room));
    out.extend(grants(loaded, preflight, Role::Preflight, theme, room));
    out.extend(remembered(loaded, preflight, theme, room, utc_offset));
    if let Some(response) = &preflight.response {
        title(&mut out, "Response headers", response.headers.len(), theme);
        out.extend(fields(&response.headers, theme, room));
    }
    title(
        &mut out,
        "Request headers",
        preflight.request.headers.len(),
        theme,
    );
    out.extend(fields(&preflight.request.headers, theme, room));
    out
}

/// How long the browser uses a preflight's answer again.
fn remembered(
    loaded: &Loaded,
    preflight: &Exchange,
    theme: &Theme,
    room: usize,
    utc_offset: i32,
) -> Vec<Line<'static>> {
    let (Some(diagnosis), Some(response)) = (&loaded.diagnosis, preflight.delivered()) else {
        return Vec::new();
    };
    if !(200..300).contains(&response.status) {
        return Vec::new();
    }
    let given = response.headers.get("access-control-max-age");
    let seconds = max_age_seconds(diagnosis.browser, given.as_deref());
    let browser = match diagnosis.browser {
        Browser::Chromium => "Chromium",
        Browser::Firefox => "Firefox",
        Browser::Safari => "Safari",
    };
    let said = given.as_ref().map_or_else(
        || "access-control-max-age missing".to_owned(),
        |value| format!("access-control-max-age: {value}"),
    );
    let text = if seconds == 0 {
        format!("{said}: {browser} does not remember this answer")
    } else {
        let from = preflight.answered_at.unwrap_or(preflight.opened_at);
        let until = clock_millis(from.plus_micros(seconds * 1_000_000), utc_offset);
        let capped = given.and_then(|v| v.trim().parse::<u64>().ok());
        let capped = if capped.is_some_and(|asked| asked > seconds) {
            ", its most"
        } else {
            ""
        };
        format!("{said}: {browser} remembers this answer for {seconds} s{capped}, until {until}")
    };
    labelled("  · ", &text, 4, room, theme.dim, theme.dim)
}

fn no_preflight(
    loaded: &Loaded,
    theme: &Theme,
    room: usize,
    utc_offset: i32,
) -> Vec<Line<'static>> {
    let mut members = loaded.diagnosis.iter().flat_map(|d| &d.fetch.members);
    let text = match members.find(|m| m.cached).map(|m| m.remembered) {
        Some(Some(by)) => {
            let at = clock_millis(loaded.exchange.opened_at, utc_offset);
            format!("The preflight was answered from the browser's cache at {at}: {by} granted it.")
        }
        Some(None) => "The preflight was answered from the browser's cache: an earlier OPTIONS \
                       granted it."
            .to_owned(),
        None => "No preflight belongs to this request. Browsers send one before a cross-origin \
                 request whose method, headers or content type a plain form could not have sent."
            .to_owned(),
    };
    labelled("", &text, 0, room, theme.dim, theme.dim)
}

pub(super) fn title(out: &mut Vec<Line<'static>>, text: &str, n: usize, theme: &Theme) {
    out.push(Line::raw(""));
    out.push(Line::from(vec![
        Span::styled(text.to_owned(), theme.heading),
        Span::styled(format!("  {n}"), theme.dim),
    ]));
}

fn request_line(exchange: &Exchange, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let head = &exchange.request;
    let text = format!("{} {}", head.method, head.url);
    let mut out = labelled("→ ", &text, 2, room, theme.label, theme.strong);
    let facts = format!("  {}", head.version.name());
    out.push(Line::styled(facts, theme.dim));
    out
}

/// Whether the server invites to HTTP/3, as in `Alt-Svc: h3=":443"`.
fn offers_http3(response: &crate::wire::ResponseHead) -> bool {
    let offers = response.headers.get("alt-svc").unwrap_or_default();
    let mut offers = offers.split(',').map(str::trim_start);
    offers.any(|offer| offer.starts_with("h3=") || offer.starts_with("h3-"))
}

fn status_line(exchange: &Exchange, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    if let Some(response) = &exchange.response {
        let reason = response
            .reason
            .clone()
            .unwrap_or_else(|| reason(response.status).to_owned());
        let style = if response.status >= 400 {
            theme.blocked
        } else {
            theme.strong
        };
        let text = format!("{} {reason}", response.status);
        out.extend(labelled("← ", &text, 2, room, theme.label, style));
        let mut facts = vec![response.version.name().to_owned()];
        if let Some(upstream) = &exchange.upstream {
            facts.extend(upstream.addr.map(|a| a.to_string()));
            facts.extend(upstream.tls.clone());
            if upstream.insecure {
                facts.push("certificate not verified (--insecure)".to_owned());
            }
            // RFC 7838: said, since it goes past every proxy; never taken out.
            if offers_http3(response) {
                facts.push("offers HTTP/3 (Alt-Svc), which browsers leave alone here".to_owned());
            }
        }
        let facts = format!("  {}", sanitise(&facts.join(" · ")));
        out.push(Line::styled(facts, theme.dim));
    }
    match &exchange.end {
        End::Failed(failure) => {
            let text = format!("failed ({}): {}", failure.stage, failure.detail);
            out.extend(labelled("! ", &text, 2, room, theme.blocked, theme.blocked));
        }
        End::Aborted => {
            let text = "the browser went away before the response was complete";
            out.extend(labelled("! ", text, 2, room, theme.warning, theme.warning));
        }
        End::Open => out.push(Line::styled("… not over yet", theme.dim)),
        End::Complete => {}
    }
    out
}

pub(super) fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|s| s.canonical_reason())
        .unwrap_or("")
}

/// All fields, those that matter to CORS first, otherwise in wire order.
fn fields(headers: &HeaderList, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let (first, rest): (Vec<_>, Vec<_>) = headers.iter().partition(is_relevant);
    first
        .iter()
        .map(|f| (f, true))
        .chain(rest.iter().map(|f| (f, false)))
        .flat_map(|(field, relevant)| {
            let name = format!("  {}: ", sanitise(field.name));
            let name_style = if relevant { theme.label } else { theme.dim };
            let style = if relevant { theme.strong } else { Style::new() };
            let value = shortened(field);
            // Names may be longer than the pane is wide; then the value starts on its own line.
            let indent = super::super::text::width(&name);
            let indent = if indent * 2 > room { 4 } else { indent };
            if indent == 4 {
                let mut lines = vec![Line::styled(name, name_style)];
                lines.extend(labelled("", &value, 4, room, name_style, style));
                lines
            } else {
                let mut lines = labelled(&name, &value, 4, room, name_style, style);
                relayout(&mut lines, &name, &value, room, name_style, style);
                lines
            }
        })
        .collect()
}

/// A value fit for the screen; of a huge one the beginning.
fn shortened(field: &Field<'_>) -> String {
    const SHOWN_BYTES_MAX: usize = 8 << 10;
    if field.value.len() <= SHOWN_BYTES_MAX {
        return clean_bytes(field.value);
    }
    let all = size(field.value.len() as u64);
    format!(
        "{}… ({all} in all)",
        clean_bytes(&field.value[..SHOWN_BYTES_MAX])
    )
}

/// First line: name and as much of the value as fits; the rest indented by four.
fn relayout(
    lines: &mut Vec<Line<'static>>,
    name: &str,
    value: &str,
    room: usize,
    name_style: Style,
    style: Style,
) {
    use super::super::text::{width, wrap};
    let first_room = room.saturating_sub(width(name)).max(1);
    let first = wrap(value, first_room).into_iter().next().unwrap_or(0..0);
    let mut out = vec![Line::from(vec![
        Span::styled(name.to_owned(), name_style),
        Span::styled(value[first.clone()].trim_end().to_owned(), style),
    ])];
    let rest = value[first.end..].trim_start();
    if !rest.is_empty() {
        out.extend(labelled("", rest, 4, room, name_style, style));
    }
    *lines = out;
}

fn pair(name: &str, value: &str, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let name = format!("  {} = ", sanitise(name));
    let mut lines = Vec::new();
    let value = sanitise(value).into_owned();
    relayout(&mut lines, &name, &value, room, theme.label, Style::new());
    lines
}

fn query(head: &RequestHead) -> Vec<(String, String)> {
    let Ok(url) = url::Url::parse(&head.url) else {
        return Vec::new();
    };
    url.query_pairs()
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect()
}

fn body_line(
    headers: &HeaderList,
    seen: u64,
    body: &Body,
    mode: Mode,
    theme: &Theme,
    room: usize,
) -> Vec<Line<'static>> {
    let media = headers.get("content-type").unwrap_or_default();
    let mut facts = vec![body.form.to_owned()];
    if body.modes().len() > 1 {
        facts.push(mode.name().to_owned());
    }
    if seen > 0 {
        facts.push(size(seen));
    }
    if !media.is_empty() {
        facts.push(sanitise(&media).into_owned());
    }
    let mut out = vec![
        Line::raw(""),
        Line::from(vec![
            Span::styled("Body  ", theme.heading),
            Span::styled(facts.join(" · "), theme.dim),
        ]),
    ];
    for note in &body.notes {
        out.extend(labelled("⚠ ", note, 2, room, theme.warning, theme.warning));
    }
    if !body.tables.is_empty() {
        out.extend(tables::lines(&body.tables, theme, room));
        out.push(Line::raw(""));
    }
    if let Some(preview) = &body.preview {
        out.extend(picture::lines(preview, theme, room));
        out.push(Line::raw(""));
    }
    out
}
