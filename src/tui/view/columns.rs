//! How wide the columns of the list are: by what the window holds, dropped by priority.

use super::super::text::{ellipsis, width};
use super::table::Cells;

/// Widths of the columns; 0 = not shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Columns {
    pub(super) number: usize,
    pub(super) method: usize,
    pub(super) server: usize,
    pub(super) path: usize,
    pub(super) type_: usize,
    pub(super) size: usize,
    pub(super) time: usize,
    pub(super) waterfall: usize,
    pub(super) cors: usize,
    /// Whether every origin fits with its scheme.
    pub(super) whole_origin: bool,
}

pub(super) const STATUS: usize = 6;

pub(super) fn columns(cells: &[Cells], room: usize) -> Columns {
    let widest = |f: &dyn Fn(&Cells) -> usize| cells.iter().map(f).max().unwrap_or(0);
    let mut c = Columns {
        number: widest(&|l| width(&l.number)).clamp(2, 8),
        method: widest(&|l| width(&l.method)).clamp(6, 9),
        ..Columns::default()
    };
    // Two columns in front, one space behind each column.
    let fixed = 2 + c.number + 1 + c.method + 1 + STATUS + 1;
    let bare = widest(&|l| width(bare_host(&l.server))).clamp(4, 48);
    let path = widest(&|l| width(&l.path)).clamp(4, 80);
    let cors = widest(&|l| width(&l.cors)).clamp(4, 72);
    // What the three columns of words need, or what they can live with.
    let words_max = if room >= 110 { 60 } else { 20 + 18 + 30 + 3 };
    let flexible_min = (bare + path + cors + 3).min(words_max);
    let mut spare = room.saturating_sub(fixed + flexible_min);
    for (column, w) in [
        (&mut c.time, 7),
        (&mut c.type_, 6),
        (&mut c.size, 7),
        (&mut c.waterfall, 9),
    ] {
        if spare > w {
            *column = w;
            spare -= w + 1;
        } else {
            break;
        }
    }
    let mut left = room.saturating_sub(fixed);
    for w in [c.time, c.type_, c.size, c.waterfall] {
        if w > 0 {
            left = left.saturating_sub(w + 1);
        }
    }
    // The cause is what the list is for: it is cut last.
    let others = bare.min(16) + path.min(12) + 2;
    c.cors = cors.min((left * 45 / 100).max(left.saturating_sub(others)));
    left = left.saturating_sub(c.cors + 2);
    // A scheme is dropped before a host is cut, and https before http, which is worth knowing.
    let whole = widest(&|l| width(&l.server)).clamp(4, 48);
    let half = widest(&|l| width(without_https(&l.server))).clamp(4, 48);
    let fits = |w: &usize| *w + path <= left;
    let server = [whole, half].into_iter().find(fits).unwrap_or(bare);
    c.server = server.min((left * 55 / 100).max(left.saturating_sub(path)));
    c.whole_origin = c.server >= whole;
    c.path = path.min(left - c.server);
    let rest = left - c.server - c.path;
    let more = rest.min(cors - c.cors);
    c.cors += more;
    if c.waterfall > 0 {
        c.waterfall += (rest - more).min(32);
    }
    c
}

pub(super) fn without_https(server: &str) -> &str {
    server.strip_prefix("https://").unwrap_or(server)
}

pub(super) fn bare_host(server: &str) -> &str {
    server.split_once("://").map_or(server, |(_, host)| host)
}

/// Cut or filled up to exactly this width.
pub(super) fn left(text: &str, room: usize) -> String {
    let text = ellipsis(text, room);
    let fill = room.saturating_sub(width(&text));
    format!("{text}{}", " ".repeat(fill))
}

pub(super) fn right(text: &str, room: usize) -> String {
    let text = ellipsis(text, room);
    let fill = room.saturating_sub(width(&text));
    format!("{}{text}", " ".repeat(fill))
}
