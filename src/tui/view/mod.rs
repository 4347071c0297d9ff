//! The screen.
//!
//! ```text
//!  corscope ● 127.0.0.1:8080   38 requests  ✖ 4 blocked …        title
//!  All  Blocked 4  Fetch/XHR …  │ / filter                       chips
//!  ⚡ trial fix on …: 2 headers changed in flight                 as long as any is in force
//!  #  Method  Status  Host  Path …  Waterfall  CORS              header of the list
//!  14 GET     500 ✖   …                                          rows
//!  ─ 1 Verdict  2 Headers ──────────────────────────────         divider, with the tabs
//!  ✖ Blocked by the browser, but …                               pane
//!  ! next blocked  / filter  ? help  q quit                      key bar, or a notice
//! ```
//!
//! On a wide screen the pane stands beside the list, behind a vertical divider.

mod ascii;
mod bars;
mod body;
mod cells;
mod changes;
mod columns;
mod comparison;
mod cookies;
mod detail;
mod empty;
mod explain;
mod fix;
mod frames;
mod grants;
mod headers;
mod help;
mod messages;
mod offers;
mod passing;
mod picture;
mod table;
mod tables;
mod tame;
mod timing;
mod trial;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Wrap};

use super::app::{App, SPLIT_WHOLE, Zoom};
use super::dialog::Room;
use super::keymap::Focus;
use super::list::{Chip, Column};
use super::pane::Tab;

/// From this width on the pane stands beside the list, in columns.
const BESIDE_FROM: u16 = 150;
/// Below this the screen cannot be drawn usefully, in columns and rows.
const SMALLEST: (u16, u16) = (30, 8);

/// Where everything is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Areas {
    pub(crate) title: Rect,
    pub(crate) chips: Rect,
    /// What is changed in flight; no lines where nothing is.
    pub(crate) trial: Rect,
    /// Which hosts are passed through unread; no line where none is.
    pub(crate) passing: Rect,
    /// List and pane.
    pub(crate) body: Rect,
    /// The column titles, or the error of a filter.
    pub(crate) header: Rect,
    /// The lines of the list.
    pub(crate) rows: Rect,
    /// Between list and pane; carries the tabs where the pane is below.
    pub(crate) divider: Rect,
    /// The pane, its tabs included where it is beside the list.
    pub(crate) pane: Rect,
    pub(crate) bar: Rect,
    pub(crate) beside: bool,
}

impl Areas {
    /// The pane without tabs and margins.
    pub(crate) fn pane_text(&self) -> Rect {
        let mut text = self.pane;
        if self.beside && text.height > 0 {
            text.y += 1;
            text.height -= 1;
        }
        text.x += 1;
        text.width = text.width.saturating_sub(2);
        text
    }
}

/// Where everything is now: follows from the state alone.
pub(crate) fn areas(app: &App) -> Areas {
    let (width, height) = app.size;
    let row = |y: u16, h: u16| Rect::new(0, y.min(height), width, h.min(height.saturating_sub(y)));
    let trials = trial::height(app);
    let passing = passing::height(app);
    let mut areas = Areas {
        title: row(0, 1),
        chips: row(1, 1),
        trial: row(2, trials),
        passing: row(2 + trials, passing),
        body: row(
            2 + trials + passing,
            height.saturating_sub(3 + trials + passing),
        ),
        bar: row(height.saturating_sub(1), 1),
        ..Areas::default()
    };
    let body = areas.body;
    let mut list = body;
    let has_pane = app.list.selected().is_some();
    if has_pane && app.zoomed == Zoom::Pane {
        list.height = 0;
        areas.divider = Rect { height: 1, ..body };
        areas.pane = Rect {
            y: body.y + 1,
            height: body.height.saturating_sub(1),
            ..body
        };
    } else if app.zoomed == Zoom::List {
        // The list has it all.
    } else if has_pane && width >= BESIDE_FROM {
        areas.beside = true;
        list.width = share(width, app.split.unwrap_or(6_000));
        areas.divider = Rect {
            x: list.width,
            width: 1,
            ..body
        };
        areas.pane = Rect {
            x: list.width + 1,
            width: width - list.width - 1,
            ..body
        };
    } else if has_pane {
        list.height = list_height(app, body.height);
        areas.divider = Rect {
            y: body.y + list.height,
            height: 1,
            ..body
        };
        areas.pane = Rect {
            y: body.y + list.height + 1,
            height: body.height.saturating_sub(list.height + 1),
            ..body
        };
    }
    areas.header = Rect {
        height: list.height.min(1),
        ..list
    };
    areas.rows = Rect {
        y: list.y + areas.header.height,
        height: list.height.saturating_sub(1),
        ..list
    };
    areas
}

/// Rows of the list above the pane. On a small screen whoever has the keys has the room.
fn list_height(app: &App, body: u16) -> u16 {
    let part = match app.split {
        Some(part) => part,
        None if body >= 34 => 4_800,
        None if app.focus == Focus::Pane && !app.steady => 2_800,
        None => 4_600,
    };
    let most = share(body, part).max(4);
    // A short list leaves its room to the pane.
    let lines: usize = app
        .list
        .entries
        .listed()
        .iter()
        .take(usize::from(body))
        .filter_map(|n| app.list.entries.get(*n))
        .map(|entry| entry.lines())
        .sum();
    if app.split.is_some() || app.is_live() {
        most
    } else {
        most.min(lines as u16 + 1).max(4)
    }
    .min(body)
}

fn share(whole: u16, part: u16) -> u16 {
    (u32::from(whole) * u32::from(part) / SPLIT_WHOLE) as u16
}

/// Draws everything.
pub(crate) fn draw(app: &App, frame: &mut Frame<'_>) {
    let screen = frame.area();
    if screen.width < SMALLEST.0 || screen.height < SMALLEST.1 {
        let (columns, rows) = SMALLEST;
        let text = format!("too small: {columns}x{rows} at least");
        let text = Paragraph::new(text).wrap(Wrap { trim: true });
        frame.render_widget(text, screen);
        return;
    }
    let areas = areas(app);
    bars::title(app, frame, areas.title);
    bars::chips(app, frame, areas.chips);
    trial::draw(app, frame, areas.trial);
    passing::draw(app, frame, areas.passing);
    let covered = app
        .dialog
        .as_ref()
        .is_some_and(|d| d.room(app) == Room::Whole);
    if areas.rows.height > 0 && !covered {
        table::draw(app, frame, &areas);
    }
    if areas.pane.height > 0 && !covered {
        detail::draw(app, frame, &areas);
    }
    if app.focus == Focus::Filter {
        let mut below = areas.body;
        // An error, with its mark, stays readable.
        below.y += 1;
        below.height = below.height.saturating_sub(1);
        offers::draw(app, frame, below);
    }
    if let Some(dialog) = &app.dialog {
        frames::draw(app, &**dialog, frame);
    }
    bars::bottom(app, frame, areas.bar);
}

/// The chip at a position.
pub(crate) fn chip_at(app: &App, at: Position) -> Option<Chip> {
    bars::chip_at(app, at)
}

/// The column whose heading is at a position, where it begins, and whether this is its right edge.
pub(crate) fn column_at(app: &App, at: Position) -> Option<(Column, u16, bool)> {
    table::column_at(app, at)
}

/// The tab at a position.
pub(crate) fn tab_at(app: &App, at: Position) -> Option<Tab> {
    detail::tab_at(app, at)
}

/// How many rows the shown tab has.
pub(crate) fn pane_rows(app: &App) -> usize {
    detail::rows(app)
}

/// What stands before a body in the shown tab, or everything where it has none.
/// Of messages also which each line belongs to.
pub(crate) fn pane_fixed(app: &App, room: usize) -> (Vec<Line<'static>>, Vec<Option<usize>>) {
    detail::fixed(app, room)
}

/// A row of the shown body as text.
pub(crate) fn body_line(app: &App, row: usize) -> Option<String> {
    detail::body_line(app, row)
}

/// The shown tab as plain text.
pub(crate) fn pane_text(app: &App) -> Option<String> {
    detail::plain(app)
}

/// The help as lines: all of it, or what holds a text (lower case).
pub(crate) fn help_lines(app: &App, room: usize, wanted: &str) -> Vec<Line<'static>> {
    help::lines(app, room, wanted)
}

/// Brings the widths of the list's columns in line with what is listed.
pub(crate) fn settle_columns(app: &App, widths: &mut Widths) {
    table::settle_columns(app, widths);
}

pub(crate) use ascii::to_ascii;
pub(crate) use columns::Widths;
pub(crate) use fix::{draw_fix, fix_areas, fix_rows};
pub(crate) use tame::tame;
