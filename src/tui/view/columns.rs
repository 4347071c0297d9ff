//! How wide the columns of the list are: by what the list holds, dropped by priority. They stay where
//! they are while a person scrolls; only something wider than all before moves them. An origin is the
//! last thing to be cut: scheme, host and port together are what CORS is about.

use super::super::list::{Column, Shown};
use super::super::text::{ellipsis, ellipsis_middle, width};
use super::cells::Cells;

/// The columns that are drawn, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    columns: Vec<(Column, usize)>,
}

/// Width of the two signs in front of every line.
pub(super) const FRONT: usize = 2;

/// On a narrower screen the waterfall goes first: it would tell little.
const WATERFALL_FROM: usize = 100;

/// Which columns go first where there is not enough room. What is not named here stays.
const GIVE_WAY: [Column; 9] = [
    Column::Size,
    Column::Waterfall,
    Column::Type,
    Column::Time,
    // Whoever chose one of these wants to see it.
    Column::Protocol,
    Column::Cookies,
    Column::Connection,
    Column::Initiator,
    Column::Number,
];

/// How little of a column of words will do before others give way, and at the worst.
fn tolerable(column: Column) -> Option<(usize, usize)> {
    match column {
        Column::Path => Some((14, 9)),
        Column::Cors => Some((30, 26)),
        Column::Initiator => Some((28, 16)),
        _ => None,
    }
}

/// An http origin in less room than this goes without its scheme: next to nothing of the host would
/// be left between scheme and port.
const HTTP_ORIGIN_LEAST: usize = 20;

/// How much of the list a single origin may take, in percent.
const ORIGIN_PERCENT_MAX: usize = 45;

/// How wide what was seen so far wants the columns to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Widths {
    natural: [usize; Column::ALL.len()],
    /// Origins without `https://`, and without any scheme.
    without_https: usize,
    bare_host: usize,
    /// What makes all that was seen count no more: another screen, other columns, a list begun anew.
    since: (u16, Shown, u32),
    /// How many lines there were when some from all over the list were looked at.
    sampled_of: usize,
}

impl Widths {
    /// These lines are seen.
    pub(super) fn see(&mut self, cells: &[Cells]) {
        for line in cells {
            for column in Column::ALL {
                let widest = &mut self.natural[column as usize];
                *widest = (*widest).max(width(line.text(column)));
            }
            let server = &*line.server;
            self.without_https = self.without_https.max(width(without_https(server)));
            self.bare_host = self.bare_host.max(width(bare_host(server)));
        }
    }

    /// Forgets everything if it was seen under other circumstances.
    pub(super) fn begin(&mut self, room: u16, shown: &Shown, hidden_before: u32) {
        let since = (room, shown.clone(), hidden_before);
        if self.since != since {
            *self = Self {
                since,
                ..Self::default()
            };
        }
    }

    /// Whether some of so many lines should be looked at, from all over the list.
    pub(super) fn wants_sample(&mut self, lines: usize) -> bool {
        let wants = lines > 0 && lines >= 2 * self.sampled_of;
        if wants {
            self.sampled_of = lines;
        }
        wants
    }
}

impl Layout {
    pub(super) fn of(widths: &Widths, shown: &Shown, room: usize) -> Self {
        let mut layout = Self::natural(widths, shown, room);
        let natural = layout.columns.clone();
        layout.squeeze(|(tolerable, _)| tolerable);
        let narrow = (room < WATERFALL_FROM).then_some(Column::Waterfall);
        for column in narrow.into_iter().chain(GIVE_WAY) {
            if layout.needs() <= room {
                break;
            }
            layout.columns.retain(|(c, _)| *c != column);
        }
        // The cause is what a person looks for: before it is cut, paths are, and `https://` goes.
        layout.squeeze_to_fit(room, |column| column != Column::Cors);
        layout.cut_origin(widths.without_https, room);
        layout.squeeze_to_fit(room, |column| column == Column::Cors);
        // Whatever is still too much is taken from the path, then from the host of http origins, then
        // from all.
        for (column, least) in [
            (Column::Path, 6),
            (Column::Origin, widths.bare_host.max(HTTP_ORIGIN_LEAST)),
            (Column::Path, 4),
            (Column::Origin, 8),
            (Column::Cors, 4),
            (Column::Origin, 4),
        ] {
            let over = layout.needs().saturating_sub(room);
            if let Some(w) = layout.width_mut(column) {
                *w = w.saturating_sub(over).max(least.min(*w));
            }
        }
        layout.give_back(&natural, room);
        layout
    }

    /// As wide as what was seen.
    fn natural(widths: &Widths, shown: &Shown, room: usize) -> Self {
        let widest = |column: Column| widths.natural[column as usize];
        let columns = shown.columns().iter().map(|column| {
            let given = shown.width(*column).map(usize::from);
            let natural = || match column {
                Column::Number => widest(*column).clamp(2, 8),
                Column::Method => widest(*column).clamp(6, 9),
                Column::Status => 6,
                Column::Origin => {
                    let most = (room * ORIGIN_PERCENT_MAX / 100).clamp(6, 64);
                    widest(*column).clamp(6, most)
                }
                Column::Path => widest(*column).clamp(4, 80),
                Column::Cors => widest(*column).clamp(4, 72),
                Column::Initiator => widest(*column).clamp(9, 64),
                Column::Type => widest(*column).clamp(5, 8),
                Column::Protocol => 8,
                Column::Connection => 5,
                Column::Cookies => 7,
                Column::Size => widest(*column).clamp(7, 8),
                Column::Time => 7,
                Column::Waterfall => 9,
            };
            (*column, given.unwrap_or_else(natural))
        });
        Self {
            columns: columns.collect(),
        }
    }

    fn squeeze(&mut self, to: impl Fn((usize, usize)) -> usize) {
        for (column, w) in &mut self.columns {
            if let Some(limits) = tolerable(*column) {
                *w = (*w).min(to(limits));
            }
        }
    }

    /// Makes these columns of words as narrow as they may be at the worst, if that is needed.
    fn squeeze_to_fit(&mut self, room: usize, which: impl Fn(Column) -> bool) {
        if self.needs() > room {
            for (column, w) in &mut self.columns {
                if let Some((_, least)) = tolerable(*column).filter(|_| which(*column)) {
                    *w = (*w).min(least);
                }
            }
        }
    }

    /// Where whole origins do not fit, `https://` goes (http is worth knowing): so wide is the widest
    /// without.
    fn cut_origin(&mut self, widest: usize, room: usize) {
        let over = self.needs().saturating_sub(room);
        if let Some(w) = self.width_mut(Column::Origin).filter(|_| over > 0) {
            *w = (*w).min(widest.max(6).max(w.saturating_sub(over)));
        }
    }

    /// Hands out the room that is left: first to words that were cut, then to the waterfall.
    fn give_back(&mut self, natural: &[(Column, usize)], room: usize) {
        for column in [
            Column::Cors,
            Column::Path,
            Column::Initiator,
            Column::Origin,
        ] {
            let spare = room.saturating_sub(self.needs());
            let wanted = natural.iter().find(|(c, _)| *c == column).map(|(_, w)| *w);
            if let (Some(wanted), Some(w)) = (wanted, self.width_mut(column)) {
                *w = wanted.min(*w + spare);
            }
        }
        let spare = room.saturating_sub(self.needs());
        if let Some(w) = self.width_mut(Column::Waterfall) {
            *w += spare.min(32);
        }
    }

    /// Columns they take together, one space behind each but the last.
    fn needs(&self) -> usize {
        FRONT
            + self
                .columns
                .iter()
                .map(|(_, w)| w + 1)
                .sum::<usize>()
                .max(1)
            - 1
    }

    fn width_mut(&mut self, column: Column) -> Option<&mut usize> {
        let found = self.columns.iter_mut().find(|(c, _)| *c == column);
        found.map(|(_, w)| w)
    }

    /// The columns with where each begins and how wide it is.
    pub(super) fn columns(&self) -> impl Iterator<Item = (Column, usize, usize)> + '_ {
        let mut x = FRONT;
        self.columns.iter().map(move |(column, w)| {
            let start = x;
            x += w + 1;
            (*column, start, *w)
        })
    }

    /// Whether a column is drawn.
    pub(super) fn has(&self, column: Column) -> bool {
        self.columns.iter().any(|(c, _)| *c == column)
    }

    /// The width of a column; 0 where it is not drawn.
    #[cfg(test)]
    fn width(&self, column: Column) -> usize {
        let found = self.columns.iter().find(|(c, _)| *c == column);
        found.map_or(0, |(_, w)| *w)
    }
}

const HTTP: &str = "http://";

pub(super) fn without_https(server: &str) -> &str {
    server.strip_prefix("https://").unwrap_or(server)
}

pub(super) fn bare_host(server: &str) -> &str {
    server.split_once("://").map_or(server, |(_, host)| host)
}

/// An origin in so much room: whole if it can be. What has no scheme is https; of http the host gives
/// way before scheme and port do, for they make two origins of one host.
pub(super) fn origin(server: &str, room: usize) -> std::borrow::Cow<'_, str> {
    let shown = if width(server) <= room {
        server
    } else if width(without_https(server)) <= room {
        without_https(server)
    } else {
        let (host, left) = (bare_host(server), room.saturating_sub(HTTP.len()));
        if server.starts_with(HTTP) && room >= HTTP_ORIGIN_LEAST {
            return format!("{HTTP}{}", ellipsis_middle(host, left)).into();
        }
        host
    };
    ellipsis_middle(shown, room)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(server: &str, path: &str, cors: &str) -> Cells {
        Cells {
            number: "123".into(),
            method: "DELETE".into(),
            server: server.into(),
            path: path.into(),
            cors: cors.into(),
            ..Cells::default()
        }
    }

    fn seen(cells: &[Cells]) -> Widths {
        let mut widths = Widths::default();
        widths.see(cells);
        widths
    }

    #[test]
    fn columns_stay_where_they_are_until_something_wider_comes() {
        let mut widths = Widths::default();
        let shown = Shown::default();
        widths.begin(120, &shown, 0);
        assert!(widths.wants_sample(1) && !widths.wants_sample(1));
        widths.see(&[line("https://api.app.test", "/v1/orders", "no header")]);
        let before = widths.clone();
        widths.begin(120, &shown, 0);
        widths.see(&[line("https://a.test", "/", "")]);
        assert_eq!(widths, before);
        assert!(!widths.wants_sample(1) && widths.wants_sample(2));
        widths.begin(100, &shown, 0);
        widths.see(&[line("https://a.test", "/", "")]);
        assert!(widths.natural < before.natural);
    }

    #[test]
    fn an_origin_is_whole_before_anything_else_is_shown() {
        let cells = seen(&[line(
            "https://api.staging.app.test:8443",
            "/v1/customers/17/orders/1234567/items",
            "never sent: OPTIONS → 405",
        )]);
        for room in [80, 100, 120, 160, 240] {
            let layout = Layout::of(&cells, &Shown::default(), room);
            assert!(layout.needs() <= room, "{room}");
            if room >= 100 {
                assert_eq!(layout.width(Column::Origin), 33, "{room}");
            }
            assert!(layout.width(Column::Cors) >= 22, "{room}");
        }
        let wide = Layout::of(&cells, &Shown::default(), 160);
        assert!(wide.width(Column::Waterfall) > 9);
    }

    #[test]
    fn http_is_told_from_https_at_eighty_columns() {
        let cells = seen(&[
            line("https://api.localhost:42885", "/v1/prices", "two values"),
            line("http://api.localhost:42929", "/v1/reviews", "never sent"),
            line("http://stats.localhost:44367", "/track", "no-cors: x"),
            line(
                "https://auth.localhost:39125",
                "/v1/account?currency=EUR",
                "never sent: header not allowed",
            ),
        ]);
        let layout = Layout::of(&cells, &Shown::default(), 80);
        let room = layout.width(Column::Origin);
        assert_eq!(
            origin("http://stats.localhost:44367", room),
            "http://stats.localhost:44367"
        );
        assert_eq!(
            origin("https://auth.localhost:39125", room),
            "https://auth.localhost:39125"
        );
        assert!(layout.width(Column::Path) >= 6 && layout.width(Column::Cors) >= 26);
    }

    #[test]
    fn where_an_origin_is_cut_scheme_and_port_stay() {
        let http = "http://orders.staging.app.test:8443";
        for room in HTTP_ORIGIN_LEAST..width(http) {
            let shown = origin(http, room);
            assert_eq!(width(&shown), room);
            assert!(shown.starts_with("http://"), "{shown}");
            assert!(shown.ends_with(":8443"), "{shown}");
        }
        let https = "https://orders.staging.app.test:8443";
        assert!(origin(https, 20).ends_with(":8443") && !origin(https, 20).contains("://"));
        assert!(origin(http, 12).ends_with("8443"));
    }

    #[test]
    fn it_fits_whatever_is_chosen_and_however_little_room_there_is() {
        let long = "x".repeat(300);
        let cells = seen(&[line(&format!("https://{long}.test"), &long, &long)]);
        let mut all = Shown::of(&Column::ALL);
        for room in [30, 50, 80, 120, 500] {
            assert!(Layout::of(&cells, &all, room).needs() <= room, "{room}");
        }
        all.set_width(Column::Origin, Some(10));
        assert_eq!(Layout::of(&cells, &all, 500).width(Column::Origin), 10);
    }
}
