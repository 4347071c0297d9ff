//! The detail pane: tabs, and what the chosen one says.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::effect::Loaded;
use super::super::keymap::Focus;
use super::super::pane::{Pane, Tab};
use super::super::text::{Document, break_rows, sanitise, width};
use super::super::theme::Theme;
use super::{Areas, cookies, explain, headers, messages, timing};

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
    let scroll = app.pane.scroll;
    let fixed = fixed_lines(app, loaded, usize::from(area.width));
    let shown = usize::from(area.height);
    let mut y = area.y;
    for line in fixed.iter().skip(scroll).take(shown) {
        frame.render_widget(
            line,
            Rect {
                y,
                height: 1,
                ..area
            },
        );
        y += 1;
    }
    if let Some((document, starts)) = document(&app.pane, loaded) {
        let skip = scroll.saturating_sub(fixed.len());
        let room = usize::from(area.bottom().saturating_sub(y));
        let rows = document_rows(
            document,
            starts,
            skip,
            room,
            &app.theme,
            usize::from(area.width),
        );
        for line in rows {
            frame.render_widget(
                line,
                Rect {
                    y,
                    height: 1,
                    ..area
                },
            );
            y += 1;
        }
    }
    scroll_mark(app, frame, areas, rows(app), shown);
}

/// How many rows the tab has.
pub(super) fn rows(app: &App) -> usize {
    let Some(loaded) = &app.pane.loaded else {
        return 0;
    };
    let room = usize::from(super::areas(app).pane_text().width);
    let body = document(&app.pane, loaded).map_or(0, |(_, s)| s.last().copied().unwrap_or(0));
    fixed_lines(app, loaded, room).len() + body as usize
}

/// The tab as plain text, for the clipboard.
pub(super) fn plain(app: &App) -> Option<String> {
    let loaded = app.pane.loaded.as_ref()?;
    if let Some((document, _)) = document(&app.pane, loaded)
        && !document.lines.is_empty()
    {
        let lines: Vec<&str> = document.lines.iter().map(|l| l.text.as_str()).collect();
        return Some(lines.join("\n"));
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
        Tab::Request => headers::request(loaded, theme, room),
        Tab::Response => headers::response(loaded, theme, room),
        Tab::Preflight => headers::preflight(loaded, theme, room),
        Tab::Timing => timing::lines(loaded, theme, room, offset),
        Tab::Cookies => cookies::lines(loaded, theme, room),
        Tab::Messages => messages::lines(loaded, theme, room, offset),
    }
}

fn document<'a>(pane: &'a Pane, loaded: &'a Loaded) -> Option<(&'a Document, &'a [u32])> {
    match pane.tab {
        Tab::Request => Some((&loaded.request_body, &pane.row_starts.request)),
        Tab::Response => Some((&loaded.response_body, &pane.row_starts.response)),
        _ => None,
    }
}

/// The rows of a body in a window.
fn document_rows(
    document: &Document,
    starts: &[u32],
    skip: usize,
    room: usize,
    theme: &Theme,
    columns: usize,
) -> Vec<Line<'static>> {
    let mut out = Vec::with_capacity(room);
    let first = starts
        .partition_point(|s| *s as usize <= skip)
        .saturating_sub(1);
    for (n, line) in document.lines.iter().enumerate().skip(first) {
        let start = starts.get(n).map_or(0, |s| *s as usize);
        for (i, range) in break_rows(&line.text, columns.max(1))
            .into_iter()
            .enumerate()
        {
            if out.len() >= room {
                return out;
            }
            if start + i >= skip {
                out.push(piece(line, &range, theme));
            }
        }
        if out.len() >= room {
            break;
        }
    }
    out
}

fn piece(line: &super::super::text::DocLine, range: &Range<usize>, theme: &Theme) -> Line<'static> {
    let mut spans = Vec::new();
    let mut at = 0;
    for (text, token) in line.pieces() {
        let (start, end) = (at.max(range.start), (at + text.len()).min(range.end));
        if start < end {
            let part = &line.text[start..end];
            spans.push(Span::styled(part.to_owned(), theme.token(token)));
        }
        at += text.len();
    }
    Line::from(spans)
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
    let below = rows.saturating_sub(app.pane.scroll + shown);
    let text = if below > 0 {
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
