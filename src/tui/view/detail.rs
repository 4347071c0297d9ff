//! The detail pane: tabs, and what the chosen one says.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::effect::Loaded;
use super::super::keymap::Focus;
use super::super::pane::Tab;
use super::super::text::{sanitise, width};
use super::{Areas, body, cookies, explain, headers, messages, timing};

/// Of a text longer than this, such as a header of a megabyte, only the beginning is laid out.
const LABELLED_BYTES_MAX: usize = 16 << 10;

/// Draws the pane and its divider.
pub(super) fn draw(app: &App, frame: &mut Frame<'_>, areas: &Areas) {
    divider(app, frame, areas);
    let area = areas.pane_text();
    let Some(loaded) = &app.pane.loaded else {
        let text = if app.pane.wanted().is_some() {
            "reading…"
        } else {
            ""
        };
        frame.render_widget(Line::styled(text, app.theme.dim), area);
        return;
    };
    if loaded.request
        != app
            .pane
            .fixed
            .key
            .as_ref()
            .map_or(loaded.request, |k| k.request)
    {
        return;
    }
    let scroll = app.pane.scroll;
    let fixed = &app.pane.fixed.lines;
    let shown = usize::from(area.height);
    let line_area = |y: u16| Rect {
        y: area.y + y,
        height: 1,
        ..area
    };
    let mut y = 0;
    for line in fixed.iter().skip(scroll).take(shown) {
        frame.render_widget(line, line_area(y));
        y += 1;
    }
    if let Some((body, reading)) = app.pane.body() {
        let manner = body::Manner {
            theme: &app.theme,
            room: usize::from(area.width),
            across: app.pane.across,
            wrap: !app.pane.unwrapped,
        };
        let first = scroll.saturating_sub(fixed.len());
        let count = shown.saturating_sub(usize::from(y));
        for row in body::rows(body, reading, first, count, &manner) {
            let at = line_area(y);
            frame.render_widget(row.line, at);
            if let Some(arrow) = row.arrow {
                let margin = Rect {
                    x: at.x.saturating_sub(1),
                    width: 1,
                    ..at
                };
                frame.render_widget(Span::styled(arrow, app.theme.dim), margin);
            }
            y += 1;
        }
    }
    if app.focus == Focus::Pane
        && let Some(cursor) = app.pane_cursor()
        && cursor >= scroll
        && cursor < scroll + shown
    {
        let at = line_area((cursor - scroll) as u16);
        let whole = Rect {
            x: at.x.saturating_sub(1),
            width: at.width + 1,
            ..at
        };
        frame
            .buffer_mut()
            .set_style(whole, app.theme.selected_elsewhere);
        let mark = &mut frame.buffer_mut()[(whole.x, whole.y)];
        if mark.symbol() == " " {
            mark.set_symbol("▌");
        }
        mark.set_style(app.theme.key);
    }
    scroll_mark(app, frame, areas, rows(app), shown);
    body::find_line(app, frame, area);
}

/// How many rows the tab has.
pub(super) fn rows(app: &App) -> usize {
    if app.pane.loaded.is_none() {
        return 0;
    }
    let body = app
        .pane
        .body()
        .map_or(0, |(body, reading)| reading.rows(body));
    app.pane.fixed.lines.len() + body
}

/// Lays out what stands before a body, or everything where the tab has none.
pub(super) fn fixed(app: &App, room: usize) -> (Vec<Line<'static>>, Vec<Option<usize>>) {
    match &app.pane.loaded {
        None => (Vec::new(), Vec::new()),
        Some(loaded) if app.pane.tab == Tab::Messages => {
            messages::lines(loaded, &app.pane.talk, &app.theme, room, app.utc_offset)
        }
        Some(loaded) => (fixed_lines(app, loaded, room), Vec::new()),
    }
}

/// A row of the body as text, whole.
pub(super) fn body_line(app: &App, row: usize) -> Option<String> {
    let (body, reading) = app.pane.body()?;
    body::line_text(body, reading, row, &app.theme)
}

/// The tab as plain text, for the clipboard.
pub(super) fn plain(app: &App) -> Option<String> {
    let loaded = app.pane.loaded.as_ref()?;
    if let Some((body, reading)) = app.pane.body()
        && !body.is_empty()
    {
        return body::all_text(body, reading);
    }
    // As wide as needed: what is pasted is not to be broken where this screen ends.
    let lines = fixed_lines(app, loaded, 1000);
    let text: Vec<String> = lines
        .iter()
        .map(|l| l.to_string().trim_end().to_owned())
        .collect();
    Some(text.join("\n").trim().to_owned())
}

/// What stands before a body, or everything where the tab has none.
fn fixed_lines(app: &App, loaded: &Loaded, room: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let offset = app.utc_offset;
    match app.pane.tab {
        Tab::Verdict => explain::lines(loaded, theme, room),
        Tab::Headers => headers::headers(loaded, theme, room),
        Tab::Request => headers::request(
            loaded,
            app.pane.request.mode(&loaded.request_body),
            theme,
            room,
        ),
        Tab::Response => headers::response(
            loaded,
            app.pane.response.mode(&loaded.response_body),
            theme,
            room,
        ),
        Tab::Preflight => headers::preflight(loaded, theme, room, offset),
        Tab::Timing => timing::lines(loaded, theme, room, offset),
        Tab::Cookies => cookies::lines(loaded, theme, room),
        Tab::Messages => messages::lines(loaded, &app.pane.talk, theme, room, offset).0,
    }
}

/// Tabs with where each lies, from the left edge of the tab line.
fn tab_spans(app: &App, room: usize) -> Vec<(Tab, Range<u16>, String)> {
    let long: usize = Tab::ALL.iter().map(|t| t.name().len() + 4).sum();
    let middle = long - 2 * Tab::ALL.len();
    let short: usize = Tab::ALL.iter().map(|t| t.short_name().len() + 2).sum();
    let mut x = 0_u16;
    let mut spans = Vec::new();
    for (n, tab) in Tab::ALL.into_iter().enumerate() {
        let text = if long <= room {
            format!(" {} {}", n + 1, tab.name())
        } else if middle <= room {
            format!(" {}", tab.name())
        } else if short <= room || tab == app.pane.tab {
            format!(" {}", tab.short_name())
        } else {
            format!(" {}", &tab.name()[..4])
        } + " ";
        let w = width(&text) as u16;
        spans.push((tab, x..x + w, text));
        x += w;
    }
    spans
}

/// Where the tab line is.
fn tab_line(areas: &Areas) -> Rect {
    let line = if areas.beside {
        areas.pane
    } else {
        areas.divider
    };
    Rect {
        height: line.height.min(1),
        ..line
    }
}

pub(super) fn tab_at(app: &App, at: Position) -> Option<Tab> {
    let line = tab_line(&super::areas(app));
    if !line.contains(at) {
        return None;
    }
    let x = at.x - line.x;
    let spans = tab_spans(app, usize::from(line.width));
    spans
        .into_iter()
        .find(|(_, range, _)| range.contains(&x))
        .map(|(tab, _, _)| tab)
}

fn divider(app: &App, frame: &mut Frame<'_>, areas: &Areas) {
    let theme = &app.theme;
    let focused = app.focus == Focus::Pane;
    let rule = if focused {
        theme.rule_focused
    } else {
        theme.rule
    };
    if areas.beside {
        for y in areas.divider.y..areas.divider.bottom() {
            let cell = Rect {
                y,
                height: 1,
                ..areas.divider
            };
            frame.render_widget(Span::styled("│", rule), cell);
        }
    }
    let line = tab_line(areas);
    let room = usize::from(line.width);
    let mut spans: Vec<Span<'_>> = Vec::new();
    let mut used = 0;
    for (tab, range, text) in tab_spans(app, room) {
        let style = if tab == app.pane.tab {
            theme.chosen
        } else if focused {
            Style::new()
        } else {
            theme.dim
        };
        spans.push(Span::styled(text, style));
        used = usize::from(range.end);
    }
    let mark = if app.pane.is_stale() && app.pane.loaded.is_some() {
        " …"
    } else {
        ""
    };
    let fill = "─".repeat(room.saturating_sub(used + width(mark)));
    spans.push(Span::styled(format!("{mark}{fill}"), rule));
    frame.render_widget(Line::from(spans), line);
}

/// How far down the pane is, at the right end of its last line.
fn scroll_mark(app: &App, frame: &mut Frame<'_>, areas: &Areas, rows: usize, shown: usize) {
    if rows <= shown || areas.pane.height == 0 {
        return;
    }
    let later = match (app.pane.tab, &app.pane.loaded) {
        (Tab::Messages, Some(loaded)) => loaded.messages_after,
        _ => 0,
    };
    let below = rows.saturating_sub(app.pane.scroll + shown) + later;
    let progress = app.pane.body().and_then(|(b, r)| body::progress(b, r));
    let text = if let Some(progress) = progress {
        format!(" {progress} ▼ {below} ")
    } else if below > 0 {
        format!(" ▼ {below} ")
    } else {
        " end ".to_owned()
    };
    let w = width(&text) as u16;
    let at = Rect {
        x: areas.pane.right().saturating_sub(w),
        y: areas.pane.bottom() - 1,
        width: w.min(areas.pane.width),
        height: 1,
    };
    frame.render_widget(Span::styled(text, app.theme.dim), at);
}

/// A label in front, wrapped text behind it.
pub(super) fn labelled(
    label: &str,
    text: &str,
    indent: usize,
    room: usize,
    label_style: Style,
    style: Style,
) -> Vec<Line<'static>> {
    let cut = text.floor_char_boundary(LABELLED_BYTES_MAX);
    let clean: Vec<_> = text[..cut].split('\n').map(sanitise).collect();
    let mut text_shown = clean.join("\n");
    if cut < text.len() {
        let all = super::super::text::size(text.len() as u64);
        text_shown.extend(["… (", &all, " in all)"]);
    }
    let text = text_shown;
    let fill = indent.saturating_sub(width(label));
    super::super::text::wrap(&text, room.saturating_sub(indent))
        .into_iter()
        .enumerate()
        .map(|(n, range)| {
            let head = if n == 0 {
                format!("{label}{}", " ".repeat(fill))
            } else {
                " ".repeat(indent)
            };
            Line::from(vec![
                Span::styled(head, label_style),
                Span::styled(text[range].trim_end().to_owned(), style),
            ])
        })
        .collect()
}
