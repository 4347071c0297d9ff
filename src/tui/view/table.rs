//! The list: the lines in the window, and nothing else, are read and drawn.

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::keymap::Focus;
use super::super::list::{Column, Entry, Place, children};
use super::super::text::{
    clean_bytes, count, duration, ellipsis, ellipsis_middle, sanitise, size, width,
};
use super::super::theme::Theme;
use super::columns::{Layout, left, origin, right};
use super::{Areas, bars, empty};
use crate::cors::Outcome;
use crate::diagnose::Role;
use crate::report::{self, Glance};
use crate::session::{Row, RowEnd};
use crate::wire::{ExchangeId, Kind, Timestamp};

/// One line, ready to be put into columns; texts are clean.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    pub(super) place: Place,
    pub(super) folded: Option<bool>,
    pub(super) number: String,
    pub(super) method: String,
    pub(super) status: String,
    pub(super) glyph: &'static str,
    pub(super) outcome: Outcome,
    pub(super) server: String,
    pub(super) path: String,
    pub(super) initiator: String,
    pub(super) type_: &'static str,
    pub(super) protocol: &'static str,
    pub(super) connection: String,
    pub(super) cookies: String,
    pub(super) size: String,
    pub(super) time: String,
    pub(super) cors: String,
    pub(super) never_sent: bool,
    pub(super) bar: (Timestamp, Timestamp, Timestamp),
    pub(super) open: bool,
    /// Whether it is meant to stay open: its end says nothing about the others.
    pub(super) stream: bool,
}

impl Cells {
    /// What a column says; the waterfall is drawn, and the status has the verdict's sign behind it.
    pub(super) fn text(&self, column: Column) -> &str {
        match column {
            Column::Number => &self.number,
            Column::Method => &self.method,
            Column::Status => &self.status,
            Column::Origin => &self.server,
            Column::Path => &self.path,
            Column::Initiator => &self.initiator,
            Column::Type => self.type_,
            Column::Protocol => self.protocol,
            Column::Connection => &self.connection,
            Column::Cookies => &self.cookies,
            Column::Size => &self.size,
            Column::Time => &self.time,
            Column::Waterfall => "",
            Column::Cors => &self.cors,
        }
    }
}

/// Draws header and lines.
pub(super) fn draw(app: &App, frame: &mut Frame<'_>, areas: &Areas) {
    if app.list.entries.listed().is_empty() {
        header_or_error(app, frame, areas.header, None);
        empty::draw(app, frame, areas.rows);
        return;
    }
    let cells = read(app);
    let layout = Layout::of(&cells, &app.list.shown, usize::from(areas.rows.width));
    header_or_error(app, frame, areas.header, Some(&layout));
    let selected = app.list.selected();
    let span = span(&cells);
    let mut lines = cells.iter().peekable();
    for (place, row) in app.list.window().zip(0..areas.rows.height) {
        let area = Rect {
            y: areas.rows.y + row,
            height: 1,
            ..areas.rows
        };
        if place.is_heading() {
            let chosen = selected == Some(place);
            frame.render_widget(heading(app, place, usize::from(area.width), chosen), area);
            continue;
        }
        let Some(line) = lines.next_if(|l| l.place == place) else {
            continue;
        };
        let is_selected = selected == Some(line.place);
        let base = match (is_selected, app.focus) {
            (false, _) => Style::new(),
            (true, Focus::List | Focus::Filter) => app.theme.selected,
            (true, _) => app.theme.selected_elsewhere,
        };
        let spans = spans(line, &layout, span, &app.theme, is_selected);
        frame.render_widget(Line::from(spans).style(base), area);
    }
}

/// The column whose heading is at a position, where it begins, and whether this is its right edge.
pub(super) fn column_at(app: &App, at: Position) -> Option<(Column, u16, bool)> {
    let areas = super::areas(app);
    if app.filter.error.is_some() || !areas.header.contains(at) {
        return None;
    }
    let layout = Layout::of(&read(app), &app.list.shown, usize::from(areas.rows.width));
    let x = usize::from(at.x - areas.header.x);
    let found = layout
        .columns()
        .find(|(_, start, w)| (*start..=start + w).contains(&x));
    found.map(|(column, start, w)| (column, areas.header.x + start as u16, x == start + w))
}

/// The line above a group.
fn heading(app: &App, place: Place, room: usize, selected: bool) -> Line<'static> {
    let theme = &app.theme;
    let Some((name, tally)) = app.list.entries.group(place.entry) else {
        return Line::default();
    };
    let name = ellipsis(&sanitise(name), room.saturating_sub(40)).into_owned();
    let sign = if app.list.entries.is_folded(place.entry) {
        "▸"
    } else {
        "▾"
    };
    let front = if selected { "▌" } else { " " };
    let name = format!("{front}{sign} {name} ");
    let base = match app.focus {
        _ if !selected => Style::new(),
        Focus::List | Focus::Filter => theme.selected,
        _ => theme.selected_elsewhere,
    };
    let mut facts = count(u64::from(tally.all), "request");
    if tally.blocked > 0 {
        let blocked = tally.blocked;
        facts = format!("{facts}  ✖ {blocked} blocked");
    }
    let fill = room.saturating_sub(width(&name) + width(&facts) + 2);
    Line::from(vec![
        Span::styled(name, theme.label),
        Span::styled(facts, theme.dim),
        Span::styled(format!(" {}", "─".repeat(fill)), theme.rule),
    ])
    .style(base)
}

/// Reads the rows of the window under one short lock.
fn read(app: &App) -> Vec<Cells> {
    let mut lines: Vec<(Place, Entry, ExchangeId)> = Vec::new();
    let mut below: Option<(u32, Vec<ExchangeId>)> = None;
    for place in app.list.window().filter(|p| !p.is_heading()) {
        let Some(entry) = app.list.entries.get(place.entry) else {
            continue;
        };
        let id = match place.child {
            None => Some(entry.head),
            Some(child) => {
                if below.as_ref().is_none_or(|(n, _)| *n != place.entry) {
                    below = Some((place.entry, children(&entry, &app.reader)));
                }
                below
                    .as_ref()
                    .and_then(|(_, ids)| ids.get(usize::from(child)).copied())
            }
        };
        if let Some(id) = id {
            lines.push((place, entry, id));
        }
    }
    let preflights = preflight_statuses(app, &lines);
    let ids: Vec<ExchangeId> = lines.iter().map(|(_, _, id)| *id).collect();
    let mut at = 0;
    let mut cells = Vec::with_capacity(lines.len());
    app.reader.rows(&ids, &mut |row| {
        // Rows that left the session are not told; the others come in the order asked for.
        while lines.get(at).is_some_and(|(_, _, id)| *id != row.id) {
            at += 1;
        }
        if let Some((place, entry, _)) = lines.get(at) {
            let preflight = preflights.iter().find(|(n, _)| *n == place.entry);
            let preflight = preflight.map(|(_, status)| *status);
            let mut line = cells_of(*place, entry, row, preflight, app.now);
            if let (None, Some(note)) = (place.child, app.list.entries.notes.get(entry.head)) {
                let note = sanitise(note);
                line.cors = format!("◆ {note} {}", line.cors).replace("  ", " ");
            }
            cells.push(line);
            at += 1;
        }
    });
    cells
}

/// What the preflights of the lines were answered with, where a preflight is what failed.
fn preflight_statuses(app: &App, lines: &[(Place, Entry, ExchangeId)]) -> Vec<(u32, u16)> {
    let mut found = Vec::new();
    for (place, entry, _) in lines {
        if place.child.is_none() && entry.failed_in_preflight() {
            let members = children(entry, &app.reader);
            app.reader.rows(&members, &mut |row| {
                if let (Role::Preflight, Some(status)) = (row.mark.role, row.status) {
                    found.retain(|(n, _)| *n != place.entry);
                    found.push((place.entry, status));
                }
            });
        }
    }
    found
}

fn cells_of(
    place: Place,
    entry: &Entry,
    row: &Row<'_>,
    preflight_status: Option<u16>,
    now: Timestamp,
) -> Cells {
    let mark = &row.mark;
    let child = place.child.is_some();
    let stands_for_unsent = !child && entry.only_preflight;
    let wanted = row.wanted_method.filter(|_| stands_for_unsent);
    let status = match (row.status, row.end) {
        _ if stands_for_unsent => String::new(),
        (Some(status), _) => status.to_string(),
        (None, RowEnd::Failed(..)) => "–".to_owned(),
        (None, RowEnd::Aborted) => "–".to_owned(),
        (None, _) => String::new(),
    };
    let glyph = match mark.outcome {
        // Folded lines say what they were, not what became of the whole.
        _ if child => "",
        Outcome::Allowed | Outcome::Exempt if mark.warnings => "⚠",
        outcome => outcome.glyph(),
    };
    let end = row
        .duration_micros
        .map_or(now.max(row.opened_at), |d| row.opened_at.plus_micros(d));
    let answered = row
        .answered_micros
        .map_or(end, |a| row.opened_at.plus_micros(a));
    let unsent_and_over = stands_for_unsent && mark.never_sent;
    Cells {
        place,
        folded: (!child && entry.children() > 0).then(|| !entry.is_open()),
        number: if child {
            "└".to_owned()
        } else {
            row.id.0.to_string()
        },
        method: if child {
            sanitise(row.method).into_owned()
        } else {
            sanitise(wanted.unwrap_or(row.method)).into_owned()
        },
        status,
        glyph,
        outcome: mark.outcome,
        server: if child {
            String::new()
        } else {
            sanitise(row.origin_text).into_owned()
        },
        path: if child {
            String::new()
        } else {
            sanitise(row.path).into_owned()
        },
        initiator: match row.page_origin {
            Some(origin) if !child => sanitise(origin).into_owned(),
            _ => String::new(),
        },
        protocol: match row.status {
            Some(_) => row.version.name(),
            None => "",
        },
        connection: row.connection.map(|n| n.to_string()).unwrap_or_default(),
        cookies: match row.set_cookies {
            0 => String::new(),
            n => n.to_string(),
        },
        stream: matches!(row.type_, "ws" | "sse" | "tunnel"),
        type_: match row.type_ {
            "preflight" if stands_for_unsent => "fetch",
            "preflight" => "",
            other => known_type(other),
        },
        size: match row.status {
            _ if stands_for_unsent => "–".to_owned(),
            None => "–".to_owned(),
            Some(_) => size(row.response_bytes),
        },
        time: match row.duration_micros {
            _ if stands_for_unsent => "–".to_owned(),
            Some(micros) => duration(micros),
            None => duration(now.micros_since(row.opened_at)),
        },
        cors: if child {
            String::new()
        } else {
            cors(
                row,
                &brief(row, preflight_status, wanted.unwrap_or(row.method)),
            )
        },
        never_sent: unsent_and_over,
        bar: (row.opened_at, answered, end),
        open: row.end == RowEnd::Open,
    }
}

fn known_type(type_: &str) -> &'static str {
    const TYPES: [&str; 15] = [
        "doc", "css", "js", "img", "font", "media", "fetch", "ws", "sse", "tunnel", "manifest",
        "worker", "wasm", "report", "xhr",
    ];
    TYPES.into_iter().find(|t| *t == type_).unwrap_or("")
}

/// The cause in a few words.
fn brief(row: &Row<'_>, preflight_status: Option<u16>, method: &str) -> Cow<'static, str> {
    let mark = &row.mark;
    report::brief(&Glance {
        outcome: mark.outcome,
        check: mark.check,
        stage: mark.stage,
        root: mark.root,
        sub: mark.sub,
        method,
        status: row.status,
        preflight_status,
        never_sent: mark.never_sent,
        scripted: matches!(row.type_, "fetch" | "preflight" | "sse" | "other"),
    })
}

/// The cause in a few words, and what else a person must know of this line.
fn cors(row: &Row<'_>, brief: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    match row.mark.was {
        Some(was) if was != row.mark.outcome => {
            parts.push(format!("⚡ {was} → {}", row.mark.outcome));
        }
        Some(_) => parts.push("⚡".to_owned()),
        None => {}
    }
    if row.replayed {
        parts.push("↻".to_owned());
    }
    if !brief.is_empty() {
        parts.push(clean_bytes(brief.as_bytes()));
    }
    if row.insecure {
        parts.push("certificate not verified".to_owned());
    }
    if row.kind == Kind::Tunnel && row.mark.outcome != Outcome::Failed {
        parts.push("passed through unread".to_owned());
    }
    parts.join(" ")
}

/// The time that the waterfall of the window spans. What is still open, and what is meant to stay
/// open (sockets, event streams), runs off its end: a socket of minutes would leave a dot for
/// everything else.
fn span(cells: &[Cells]) -> (Timestamp, Timestamp) {
    let start = cells.iter().map(|l| l.bar.0).min().unwrap_or_default();
    let last_opened = cells.iter().map(|l| l.bar.0).max().unwrap_or_default();
    let ends = |wanted: &dyn Fn(&&Cells) -> bool| {
        let wanted = cells.iter().filter(wanted);
        wanted.map(|l| l.bar.2).max()
    };
    let end = ends(&|l| !l.open && !l.stream)
        .or_else(|| ends(&|l| !l.open))
        .or_else(|| ends(&|_| true));
    (start, end.unwrap_or_default().max(last_opened))
}

fn spans(
    line: &Cells,
    layout: &Layout,
    span: (Timestamp, Timestamp),
    theme: &Theme,
    selected: bool,
) -> Vec<Span<'static>> {
    let outcome = theme.outcome(line.outcome);
    let child = line.place.child.is_some();
    let plain = if child { theme.dim } else { Style::new() };
    let mut out = Vec::with_capacity(24);
    out.push(Span::styled(if selected { "▌" } else { " " }, theme.label));
    out.push(Span::styled(
        match line.folded {
            Some(true) => "▸",
            Some(false) => "▾",
            // Where there is a number the sign stands in its place.
            None if child && !layout.has(Column::Number) => "└",
            None => " ",
        },
        theme.dim,
    ));
    for (n, (column, _, room)) in layout.columns().enumerate() {
        if n > 0 {
            out.push(Span::raw(" "));
        }
        let text = line.text(column);
        match column {
            Column::Status => {
                let bad = text.starts_with(['4', '5']);
                out.push(Span::styled(
                    left(text, room.min(4)),
                    if bad { theme.blocked } else { plain },
                ));
                let sign = if line.glyph == "⚠" {
                    theme.warning
                } else {
                    outcome
                };
                out.push(Span::styled(left(line.glyph, room.saturating_sub(4)), sign));
            }
            Column::Origin => {
                let text = origin(text, room);
                out.push(Span::styled(left(&text, room), plain));
            }
            Column::Path => {
                let text = ellipsis_middle(text, room);
                out.push(Span::styled(left(&text, room), plain));
            }
            Column::Method => out.push(Span::styled(left(text, room), plain)),
            Column::Waterfall => waterfall(line, room, span, theme, &mut out),
            Column::Cors => {
                let style = match line.outcome {
                    Outcome::Blocked | Outcome::Failed | Outcome::Depends | Outcome::Opaque => {
                        outcome
                    }
                    _ => theme.dim,
                };
                out.push(Span::styled(left(text, room), style));
            }
            _ if column.at_right() => out.push(Span::styled(right(text, room), theme.dim)),
            _ => out.push(Span::styled(left(text, room), theme.dim)),
        }
    }
    out
}

/// Waiting thin, receiving thick; a request that was never sent has a mark where it would begin.
fn waterfall(
    line: &Cells,
    room: usize,
    (start, end): (Timestamp, Timestamp),
    theme: &Theme,
    out: &mut Vec<Span<'static>>,
) {
    let whole = end.micros_since(start).max(1) as f64;
    let column = |at: Timestamp| {
        let share = at.micros_since(start) as f64 / whole;
        ((share * room as f64) as usize).min(room - 1)
    };
    let (from, answered, to) = (column(line.bar.0), column(line.bar.1), column(line.bar.2));
    let mut cells = vec![' '; room];
    if line.never_sent {
        cells[to] = '┆';
    } else {
        for (at, cell) in cells.iter_mut().enumerate().take(to + 1).skip(from) {
            *cell = if at < answered { '━' } else { '█' };
        }
        if from == to {
            cells[from] = '▐';
        }
        if line.open || line.bar.2 > end {
            cells[to] = '▸';
        }
    }
    let style = if line.outcome == Outcome::Blocked {
        theme.blocked
    } else {
        theme.waterfall
    };
    out.push(Span::styled(cells.into_iter().collect::<String>(), style));
}

fn header_or_error(app: &App, frame: &mut Frame<'_>, area: Rect, layout: Option<&Layout>) {
    let theme = &app.theme;
    if let Some(error) = &app.filter.error {
        let at = usize::from(bars::error_column(app, error.at.start));
        let room = usize::from(area.width);
        let message = sanitise(&error.message).into_owned();
        let caret = "^".repeat(width(&app.filter.input.value()[error.at.clone()]).max(1));
        let behind = format!("{caret} {message}");
        let text = if at + width(&behind) <= room {
            format!("{}{behind}", " ".repeat(at))
        } else if width(&message) + 2 <= at {
            format!("{}{message} {caret}", " ".repeat(at - width(&message) - 1))
        } else {
            ellipsis(&format!("^ {message}"), room).into_owned()
        };
        frame.render_widget(Line::styled(text, theme.notice), area);
        return;
    }
    let Some(layout) = layout else { return };
    let mut line = String::new();
    for (column, start, room) in layout.columns() {
        line += &" ".repeat(start - width(&line));
        let sign = match app.list.entries.wish().sort {
            Some((sorted, down)) if sorted == column => {
                if down {
                    "▼"
                } else {
                    "▲"
                }
            }
            _ => "",
        };
        let title = ellipsis(column.title(), room - width(sign).min(room));
        let title = format!("{title}{sign}");
        line += &if column.at_right() {
            right(&title, room)
        } else {
            left(&title, room)
        };
    }
    let line = left(&line, usize::from(area.width));
    frame.render_widget(Line::styled(line, theme.heading), area);
}
