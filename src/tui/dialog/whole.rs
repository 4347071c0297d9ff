//! The whole picture: per server what each endpoint did for each page, and the deployment checklist.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{After, Dialog, Picker, Room, key_words};
use crate::report::{Coverage, KINDS, Seen, Server, Shown, Whole};
use crate::tui::app::{App, Command};
use crate::tui::effect::{Effect, Outcome};
use crate::tui::text::{ellipsis, ellipsis_middle, sanitise, width};
use crate::tui::theme::Theme;

/// From this width on the checklist stands beside the endpoints.
const BESIDE_FROM: u16 = 120;
/// Width of the checklist beside them.
const CHECKLIST: u16 = 56;
/// Width of one kind of answer.
const CELL: usize = 6;

/// The dialog; empty until the picture was made.
#[derive(Debug, Default)]
pub(crate) struct WholeDialog {
    picture: Option<Box<Whole>>,
    /// Fetches that were left out, being too many.
    left_out: usize,
    server: usize,
    in_checklist: bool,
    endpoints: Picker,
    /// Which answer of the chosen endpoint.
    answer: usize,
    checklist: Picker,
    /// Server and endpoint at which an answer was pointed to.
    settled_on: Option<(usize, usize)>,
}

/// What the table means, where there is room below it.
const LEGEND: [&str; 4] = [
    " OPT    the preflight: OPTIONS before the request",
    " ok     an answer that is a success",
    " error  an answer that is none: 400 and above",
    " ✔ right  ✖ wrong, with its status  · not seen yet",
];

impl WholeDialog {
    fn server(&self) -> Option<&Server> {
        self.picture.as_ref()?.servers.get(self.server)
    }

    fn next_server(&mut self, down: bool) {
        let count = self.picture.as_ref().map_or(0, |p| p.servers.len());
        if count > 0 {
            self.server = if down {
                (self.server + 1) % count
            } else {
                (self.server + count - 1) % count
            };
            self.endpoints = Picker::default();
            self.checklist = Picker::default();
            self.answer = 0;
        }
    }

    /// Answers of the chosen endpoint, page after page.
    fn answers(&self) -> Vec<Coverage> {
        let endpoint = self
            .server()
            .and_then(|s| s.endpoints.get(self.endpoints.chosen));
        endpoint.map_or_else(Vec::new, |e| e.coverage.iter().flatten().copied().collect())
    }

    /// The proof of what is chosen.
    fn proof(&self) -> Option<Seen> {
        if self.in_checklist {
            return self.server()?.checklist.get(self.checklist.chosen)?.proof;
        }
        self.answers().get(self.answer)?.proof
    }

    /// Points at the first answer of the endpoint that is wrong, else at the first that was seen.
    fn point(&mut self) {
        let answers = self.answers();
        let first = |wanted: &dyn Fn(Shown) -> bool| answers.iter().position(|c| wanted(c.shown));
        let found = first(&|s| s == Shown::Wrong).or_else(|| first(&|s| s != Shown::NotSeen));
        self.answer = found.unwrap_or(0);
    }

    fn sideways(&mut self, right: bool) {
        let count = self.answers().len();
        if self.in_checklist || count == 0 {
            return;
        }
        self.answer = if right {
            (self.answer + 1).min(count - 1)
        } else {
            self.answer.saturating_sub(1)
        };
    }

    /// Where endpoints and checklist are drawn, below their headings.
    fn areas(inside: Rect) -> (Rect, Rect) {
        if inside.width >= BESIDE_FROM {
            let left = Rect {
                width: inside.width - CHECKLIST - 1,
                ..inside
            };
            let right = Rect {
                x: left.right() + 1,
                width: CHECKLIST,
                ..inside
            };
            return (left, right);
        }
        let above = inside.height / 2;
        let left = Rect {
            height: above,
            ..inside
        };
        let right = Rect {
            y: inside.y + above,
            height: inside.height - above,
            ..inside
        };
        (left, right)
    }

    fn draw_endpoints(&self, app: &App, server: &Server, frame: &mut Frame<'_>, area: Rect) {
        let theme = &app.theme;
        let room = usize::from(area.width);
        // Origins are shown whole where they fit at all; endpoints give way first.
        let least = CELL * KINDS.len() + 1;
        let origins = server.pages.iter().map(|page| width(&sanitise(page)) + 2);
        let block = origins
            .max()
            .unwrap_or(0)
            .clamp(least, room.saturating_sub(20).max(least));
        let gap = " ".repeat(block - CELL * KINDS.len());
        let name = server
            .endpoints
            .iter()
            .map(|e| width(&e.method) + 1 + width(&e.path))
            .max()
            .unwrap_or(0)
            .clamp(8, room.saturating_sub(block + 2).max(8));
        let pages = (room.saturating_sub(name + 2) / block).max(1);
        // The page of the chosen answer is always among those shown.
        let first = (self.answer / KINDS.len() + 1).saturating_sub(pages);
        let shown = server.pages.iter().enumerate().skip(first).take(pages);
        let mut pages_line = vec![Span::raw(" ".repeat(name + 2))];
        let mut kinds_line = vec![Span::styled(
            format!(" {:<width$}", "Endpoint", width = name + 1),
            theme.heading,
        )];
        for (_, page) in shown.clone() {
            let page = ellipsis_middle(&sanitise(page), block - 1).into_owned();
            let fill = block.saturating_sub(width(&page));
            pages_line.push(Span::styled(page, theme.label));
            pages_line.push(Span::raw(" ".repeat(fill)));
            for kind in ["OPT", "ok", "error"] {
                kinds_line.push(Span::styled(format!("{kind:<CELL$}"), theme.heading));
            }
            kinds_line.push(Span::raw(gap.clone()));
        }
        let hidden = server.pages.len().saturating_sub(shown.clone().count());
        if hidden > 0 {
            pages_line.push(Span::styled(format!("+{hidden}"), theme.dim));
        }
        put(frame, area, 0, Line::from(pages_line), Style::new());
        put(frame, area, 1, Line::from(kinds_line), Style::new());
        let rows = server.endpoints.iter().enumerate().skip(self.endpoints.top);
        for ((n, endpoint), y) in rows.zip(2..area.height) {
            let chosen = !self.in_checklist && n == self.endpoints.chosen;
            let text = format!("{} {}", endpoint.method, endpoint.path);
            let text = ellipsis_middle(&sanitise(&text), name).into_owned();
            let fill = (name + 1).saturating_sub(width(&text));
            let mut spans = vec![Span::raw(" "), Span::raw(text), Span::raw(" ".repeat(fill))];
            for (page, _) in shown.clone() {
                let none = [Coverage::default(); 3];
                let coverage = endpoint.coverage.get(page).unwrap_or(&none);
                for (kind, cell) in coverage.iter().enumerate() {
                    let mut style = style_of(cell.shown, theme);
                    if chosen && page * KINDS.len() + kind == self.answer {
                        style = style.patch(theme.chosen);
                    }
                    spans.push(Span::styled(
                        format!("{:<width$}", cell_text(cell), width = CELL - 1),
                        style,
                    ));
                    spans.push(Span::raw(" "));
                }
                spans.push(Span::raw(gap.clone()));
            }
            let base = if chosen { theme.selected } else { Style::new() };
            put(frame, area, y, Line::from(spans), base);
        }
        let below = server.endpoints.len() as u16 + 3;
        for (n, text) in LEGEND.into_iter().enumerate() {
            if below + (LEGEND.len() as u16) <= area.height {
                let line = Line::styled(text, theme.dim);
                put(frame, area, below + n as u16, line, Style::new());
            }
        }
    }

    fn draw_checklist(&self, app: &App, server: &Server, frame: &mut Frame<'_>, area: Rect) {
        let theme = &app.theme;
        let of = |shown| server.checklist.iter().filter(|i| i.shown == shown).count();
        let summary = format!(
            " Before it goes live: {} right, {} wrong, {} not seen",
            of(Shown::Right),
            of(Shown::Wrong),
            of(Shown::NotSeen)
        );
        put(
            frame,
            area,
            0,
            Line::styled(summary, theme.heading),
            Style::new(),
        );
        let rows = server.checklist.iter().enumerate().skip(self.checklist.top);
        for ((n, item), y) in rows.zip(1..area.height) {
            let chosen = self.in_checklist && n == self.checklist.chosen;
            let room = usize::from(area.width).saturating_sub(4);
            let title = ellipsis(item.title, room).into_owned();
            let rest = room.saturating_sub(width(&title) + 1);
            // The id is for who looks it up: whole or not at all.
            let why = if width(item.id) <= rest { item.id } else { "" };
            let quiet = if item.shown == Shown::NotSeen {
                theme.dim
            } else {
                Style::new()
            };
            let spans = vec![
                Span::styled(
                    format!(" {} ", item.shown.glyph()),
                    style_of(item.shown, theme),
                ),
                Span::styled(title, quiet),
                Span::raw(" "),
                Span::styled(why, theme.dim),
            ];
            let base = if chosen { theme.selected } else { Style::new() };
            put(frame, area, y, Line::from(spans), base);
        }
    }
}

fn put(frame: &mut Frame<'_>, area: Rect, y: u16, line: Line<'_>, base: Style) {
    if y < area.height {
        let row = Rect {
            y: area.y + y,
            height: 1,
            ..area
        };
        frame.render_widget(line.style(base), row);
    }
}

fn style_of(shown: Shown, theme: &Theme) -> Style {
    match shown {
        Shown::NotSeen => theme.dim,
        Shown::Right => theme.good,
        Shown::Unsure => theme.warning,
        Shown::Wrong => theme.blocked,
    }
}

/// The sign, and the status where it is wrong; `±` where it was right at other times.
fn cell_text(cell: &Coverage) -> String {
    let mut text = cell.shown.glyph().to_owned();
    if cell.mixed {
        text.push('±');
    }
    if let (Shown::Wrong, Some(status)) = (cell.shown, cell.status) {
        if !cell.mixed {
            text.push(' ');
        }
        text.push_str(&status.to_string());
    }
    text
}

impl Dialog for WholeDialog {
    fn title(&self, _app: &App) -> String {
        match (&self.picture, self.server()) {
            (Some(picture), Some(server)) => {
                let count = picture.servers.len();
                let which = if count > 1 {
                    format!(" ({} of {count})", self.server + 1)
                } else {
                    String::new()
                };
                let left_out = if self.left_out > 0 {
                    format!(" · without the oldest {}", self.left_out)
                } else {
                    String::new()
                };
                format!("The whole picture: {}{which}{left_out}", server.origin)
            }
            _ => "The whole picture".to_owned(),
        }
    }

    fn room(&self, _app: &App) -> Room {
        Room::Whole
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After {
        let picker = if self.in_checklist {
            &mut self.checklist
        } else {
            &mut self.endpoints
        };
        match key.code {
            KeyCode::Esc | KeyCode::Char('q' | 'o') => return After::Close,
            KeyCode::Tab | KeyCode::BackTab => self.in_checklist = !self.in_checklist,
            KeyCode::Left | KeyCode::Char('h') => self.sideways(false),
            KeyCode::Right | KeyCode::Char('l') => self.sideways(true),
            KeyCode::Char('j') => picker.step(1),
            KeyCode::Char('k') => picker.step(-1),
            KeyCode::Char('n') => self.next_server(true),
            KeyCode::Char('N') => self.next_server(false),
            KeyCode::Char('r') => ask(commands),
            KeyCode::Enter => match self.proof() {
                Some(seen) => {
                    app.close_dialog();
                    app.jump_to(seen);
                    return After::Close;
                }
                None => app.say("the capture does not show this".to_owned()),
            },
            _ => {
                picker.key(key, 10);
            }
        }
        After::Stay
    }

    fn click(&mut self, at: Position, app: &mut App, _commands: &mut Vec<Command>) -> After {
        let whole = super::areas(app, self).0;
        let (left, right) = Self::areas(Rect {
            x: 0,
            y: 0,
            ..whole
        });
        if right.contains(at) && at.y > right.y {
            self.in_checklist = true;
            self.checklist.chosen = self.checklist.top + usize::from(at.y - right.y) - 1;
        } else if left.contains(at) && at.y >= left.y + 2 {
            self.in_checklist = false;
            self.endpoints.chosen = self.endpoints.top + usize::from(at.y - left.y) - 2;
        }
        After::Stay
    }

    fn wheel(&mut self, lines: isize, _app: &App) {
        if self.in_checklist {
            self.checklist.step(lines);
        } else {
            self.endpoints.step(lines);
        }
    }

    fn outcome(&mut self, outcome: Outcome, _app: &mut App) -> Option<Outcome> {
        match outcome {
            Outcome::Picture(picture, left_out) => {
                self.picture = Some(picture);
                self.left_out = left_out;
                self.next_server(true);
                self.server = 0;
                None
            }
            other => Some(other),
        }
    }

    fn settle(&mut self, _app: &App, inside: Rect) {
        let before = self.settled_on;
        let (endpoints, items) = self
            .server()
            .map_or((0, 0), |s| (s.endpoints.len(), s.checklist.len()));
        let (left, right) = Self::areas(inside);
        let rows = |area: Rect, above: u16| usize::from(area.height.saturating_sub(above));
        self.endpoints.settle(endpoints, rows(left, 2));
        self.checklist.settle(items, rows(right, 1));
        self.settled_on = Some((self.server, self.endpoints.chosen)).filter(|_| endpoints > 0);
        if self.settled_on != before {
            self.point();
        }
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let Some(picture) = &self.picture else {
            put(
                frame,
                inside,
                0,
                Line::styled(" looking at every request…", app.theme.dim),
                Style::new(),
            );
            return;
        };
        let Some(server) = self.server() else {
            debug_assert!(picture.servers.is_empty());
            let text = " No page has called another origin yet: there is no picture to draw.";
            put(frame, inside, 0, Line::raw(text), Style::new());
            return;
        };
        let (left, right) = Self::areas(inside);
        self.draw_endpoints(app, server, frame, left);
        self.draw_checklist(app, server, frame, right);
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        let mut keys = vec![
            ("Enter", "show the proof"),
            ("Tab", "endpoints ⇄ checklist"),
        ];
        if self.picture.as_ref().is_some_and(|p| p.servers.len() > 1) {
            keys.push(("n", "next server"));
        }
        keys.extend([("←→", "answer"), ("r", "anew"), ("Esc", "back")]);
        key_words(&keys)
    }
}

fn ask(commands: &mut Vec<Command>) {
    commands.push(Command::Perform(Effect::Picture));
}

impl App {
    /// Opens the whole picture and asks for it.
    pub(crate) fn open_whole(&mut self, commands: &mut Vec<Command>) {
        self.open_dialog(Box::new(WholeDialog::default()));
        ask(commands);
    }
}
