//! The list: the lines in the window, and nothing else, are read and drawn.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::keymap::Focus;
use super::super::list::{Column, Place};
use super::super::text::{count, ellipsis, ellipsis_middle, sanitise, width};
use super::super::theme::Theme;
use super::cells::{Cells, read, read_places};
use super::columns::{Layout, Widths, left, origin, right};
use super::{Areas, bars, empty};
use crate::cors::Outcome;
use crate::wire::Timestamp;

/// Draws header and lines.
pub(super) fn draw(app: &App, frame: &mut Frame<'_>, areas: &Areas) {
    if app.list.entries.listed().is_empty() {
        header_or_error(app, frame, areas.header, None);
        empty::draw(app, frame, areas.rows);
        return;
    }
    let cells = read(app);
    let layout = Layout::of(&app.widths, &app.list.shown, usize::from(areas.rows.width));
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

/// How many lines from all over the list tell how wide columns want to be.
const SAMPLED: usize = 256;

/// Brings the widths in line with the lines in the window, and now and then with the whole list.
pub(super) fn settle_columns(app: &App, widths: &mut Widths) {
    let area = super::areas(app).rows;
    // Behind a pane on the whole screen it stays as it was.
    if area.height == 0 {
        return;
    }
    let hidden = app.list.entries.lens().hidden_before;
    widths.begin(area.width, &app.list.shown, hidden);
    let listed = app.list.entries.listed();
    if widths.wants_sample(listed.len()) {
        let step = listed.len().div_ceil(SAMPLED).max(1);
        let places = listed.iter().step_by(step).map(|entry| Place {
            entry: *entry,
            child: None,
        });
        widths.see(&read_places(app, places));
    }
    widths.see(&read(app));
}

/// The column whose heading is at a position, where it begins, and whether this is its right edge.
pub(super) fn column_at(app: &App, at: Position) -> Option<(Column, u16, bool)> {
    let areas = super::areas(app);
    if app.filter.error.is_some() || !areas.header.contains(at) {
        return None;
    }
    let layout = Layout::of(&app.widths, &app.list.shown, usize::from(areas.rows.width));
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
