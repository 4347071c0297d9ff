//! A person at a test terminal.

use corscope::session::Reader;
use corscope::tui::{App, Command, Effect, Event, Options, ThemeChoice, perform};
use corscope::wire::Timestamp;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::capture::NOW;

pub(crate) struct Person {
    app: App,
    reader: Reader,
    terminal: Terminal<TestBackend>,
    pub(crate) copied: Option<String>,
    pub(crate) left: bool,
    /// What was asked for that needs more than the session.
    pub(crate) asked: Vec<Effect>,
    /// Nothing is read from the session until [`Self::catches_up`]: the machine is busy.
    pub(crate) busy: bool,
    held: Vec<Effect>,
    /// What the clock says.
    pub(crate) now: Timestamp,
}

/// Options of a live capture, without colour.
pub(crate) fn live() -> Options {
    Options {
        addresses: vec!["127.0.0.1:8080".parse().unwrap()],
        theme: ThemeChoice::Monochrome,
        ..Options::default()
    }
}

impl Person {
    pub(crate) fn before(reader: Reader, options: Options, columns: u16, rows: u16) -> Self {
        let app = App::new(options, reader.clone(), NOW, 0);
        let mut person = Self {
            app,
            reader,
            terminal: Terminal::new(TestBackend::new(columns, rows)).unwrap(),
            copied: None,
            left: false,
            asked: Vec::new(),
            busy: false,
            held: Vec::new(),
            now: NOW,
        };
        person.happens(Event::Resize(columns, rows));
        person.happens(Event::Captured);
        person
    }

    /// Tells the screen, and does what it asks for, until it asks for nothing.
    pub(crate) fn happens(&mut self, event: Event) {
        let mut todo = self.app.update(event, self.now);
        self.follow(&mut todo);
        // As the loop has it: what is not done yet goes on before the next key.
        while self.app.is_behind() {
            todo = self.app.update(Event::Captured, self.now);
            self.follow(&mut todo);
        }
    }

    /// What was held back while busy is done.
    pub(crate) fn catches_up(&mut self) -> &mut Self {
        self.busy = false;
        let held = std::mem::take(&mut self.held);
        let mut todo: Vec<_> = held.into_iter().rev().map(Command::Perform).collect();
        self.follow(&mut todo);
        self
    }

    fn follow(&mut self, todo: &mut Vec<Command>) {
        while let Some(command) = todo.pop() {
            match command {
                Command::Perform(effect) if self.busy => self.held.push(effect),
                Command::Perform(effect) => {
                    if let Some(outcome) = perform(&self.reader, &effect) {
                        todo.extend(self.app.update(Event::Outcome(outcome), self.now));
                    } else {
                        self.asked.push(effect);
                    }
                }
                Command::Copy(text, _) => self.copied = Some(text),
                Command::Quit => self.left = true,
                Command::Suspend | Command::Mouse(_) => {}
            }
        }
    }

    /// Presses keys: characters as they are, others in angle brackets: `!<Down><Esc>/abc<Enter>`.
    pub(crate) fn types(&mut self, script: &str) -> &mut Self {
        let mut rest = script;
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|r| r.split_once('>'));
            let (key, after) = match named {
                Some((name, after)) => (named_key(name), after),
                None => (
                    KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE),
                    &rest[c.len_utf8()..],
                ),
            };
            rest = after;
            self.happens(Event::Key(key));
        }
        self
    }

    pub(crate) fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) -> &mut Self {
        self.happens(Event::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        }));
        self
    }

    pub(crate) fn click(&mut self, column: u16, row: u16) -> &mut Self {
        self.mouse(MouseEventKind::Down(MouseButton::Left), column, row);
        self.mouse(MouseEventKind::Up(MouseButton::Left), column, row)
    }

    /// Clicks on the first place where this is written.
    pub(crate) fn click_on(&mut self, text: &str) -> &mut Self {
        let screen = self.screen();
        let (row, line) = screen
            .lines()
            .enumerate()
            .find(|(_, line)| line.contains(text))
            .unwrap_or_else(|| panic!("no {text:?} on\n{screen}"));
        let column = line[..line.find(text).unwrap()].chars().count();
        self.click(column as u16 + 1, row as u16)
    }

    pub(crate) fn buffer(&mut self) -> Buffer {
        self.terminal.draw(|frame| self.app.draw(frame)).unwrap();
        self.terminal.backend().buffer().clone()
    }

    /// What is on the screen, lines trimmed at the right.
    pub(crate) fn screen(&mut self) -> String {
        let buffer = self.buffer();
        let area = buffer.area;
        let line = |y| {
            let cells = (0..area.width).map(|x| buffer[(x, y)].symbol());
            cells.collect::<String>().trim_end().to_owned()
        };
        (0..area.height).map(line).collect::<Vec<_>>().join("\n")
    }

    /// The selected line.
    pub(crate) fn selected(&mut self) -> String {
        let screen = self.screen();
        let line = screen.lines().find(|l| l.starts_with('▌'));
        line.unwrap_or_else(|| panic!("nothing is selected:\n{screen}"))
            .to_owned()
    }
}

fn named_key(name: &str) -> KeyEvent {
    let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
    if let Some(c) = name.strip_prefix("Ctrl-") {
        let c = c.chars().next().unwrap();
        return KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
    }
    plain(match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "PgUp" => KeyCode::PageUp,
        "PgDn" => KeyCode::PageDown,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        "Backspace" => KeyCode::Backspace,
        "lt" => KeyCode::Char('<'),
        other => panic!("no key {other}"),
    })
}
