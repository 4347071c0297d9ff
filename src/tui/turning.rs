//! What a person does in the detail pane: cursor, folds, views, looking for a text.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Position;
use tui_input::Input;

use super::action::Action;
use super::app::{App, Command};
use super::body::{LeafAnswer, Mode};
use super::dialog;
use super::effect::{Effect, Loaded};
use super::pane::{FixedKey, Tab};
use super::text::count;
use super::view;
use crate::wire::End;

/// How many columns a step to the side has.
const PAN_COLUMNS: usize = 8;

impl App {
    /// What follows for the pane from whatever happened.
    pub(super) fn settle_pane(&mut self, commands: &mut Vec<Command>) {
        let text = view::areas(self).pane_text();
        let (room, height) = (usize::from(text.width), usize::from(text.height));
        let wrap = !self.pane.unwrapped;
        if let Some((body, reading)) = self.pane.body_mut() {
            reading.measure(body, room, wrap);
        }
        self.lay_out_fixed(room);
        self.settle_talk();
        let fixed = self.pane.fixed.lines.len();
        let rows = view::pane_rows(self);
        let follow = self.follows_messages();
        let pane = &mut self.pane;
        if follow {
            pane.scroll = usize::MAX;
            pane.cursor = None;
        }
        pane.scroll = pane.scroll.min(rows.saturating_sub(height));
        pane.cursor = pane.cursor.map(|cursor| cursor.min(rows.saturating_sub(1)));
        if pane.leaf_under_way {
            return;
        }
        let seen = pane.scroll.saturating_sub(fixed)..(pane.scroll + height).saturating_sub(fixed);
        let request = pane
            .body_mut()
            .and_then(|(body, reading)| reading.next_leaf(body, &seen));
        if let Some(request) = request {
            pane.leaf_under_way = true;
            commands.push(Command::Perform(Effect::Leaf(request)));
        }
    }

    /// Lays out what stands before a body, if that is not done yet.
    fn lay_out_fixed(&mut self, room: usize) {
        let key = self.pane.loaded.as_ref().map(|loaded| FixedKey {
            tab: self.pane.tab,
            room,
            request: loaded.request,
            talk: self.pane.talk.edition,
            mode: self
                .pane
                .body()
                .map_or(Mode::Raw, |(body, reading)| reading.mode(body)),
            theme: self.theme.clone(),
        });
        if key.is_none() || self.pane.fixed.key != key {
            let (lines, owners) = view::pane_fixed(self, room);
            self.pane.fixed.lines = lines;
            self.pane.fixed.owners = owners;
            self.pane.fixed.key = key;
        }
    }

    /// A part of a body came.
    pub(super) fn leaf_turned(&mut self, answer: Option<Box<LeafAnswer>>) {
        self.pane.leaf_under_way = false;
        let Some(answer) = answer else { return };
        let LeafAnswer {
            huge,
            view,
            line,
            found,
        } = *answer;
        let Some((body, reading)) = self.pane.body_mut() else {
            return;
        };
        let mut row = None;
        if huge.is_some() && body.huge == huge {
            reading.know(view);
            row = line.and_then(|line| reading.sought(line));
        }
        if let Some(found) = found {
            row = row.or(reading.heard(found, body));
        }
        self.show_row(row);
    }

    /// Puts the cursor on a row of the body and brings it into view.
    fn show_row(&mut self, row: Option<usize>) {
        if let Some(row) = row {
            let cursor = self.pane.fixed.lines.len() + row;
            self.pane.cursor = Some(cursor);
            let height = self.pane_height();
            if cursor < self.pane.scroll || cursor >= self.pane.scroll + height.saturating_sub(2) {
                self.pane.scroll = cursor.saturating_sub(height / 3);
            }
        }
    }

    fn pane_height(&self) -> usize {
        usize::from(view::areas(self).pane_text().height)
    }

    /// Whether the newest message is to stay in view.
    fn follows_messages(&self) -> bool {
        let open = |l: &Loaded| l.exchange.end == End::Open;
        self.pane.tab == Tab::Messages
            && !self.pane.talk.held
            && self.pane.loaded.as_ref().is_some_and(|l| open(l))
    }

    /// The wheel moves what is seen, not the cursor.
    pub(super) fn pane_wheel(&mut self, lines: isize) {
        self.pane.scroll = self.pane.scroll.saturating_add_signed(lines);
        self.pane.talk.held |= lines < 0;
        let rows = view::pane_rows(self);
        if lines < 0 && self.pane.scroll == 0 {
            self.more_messages(false);
        } else if lines > 0 && self.pane.scroll + self.pane_height() >= rows {
            self.more_messages(true);
        }
    }

    /// The row with the cursor: only bodies and messages have one.
    pub(crate) fn pane_cursor(&self) -> Option<usize> {
        if self.pane.tab == Tab::Messages {
            let last = self.pane.fixed.owners.len().checked_sub(1)?;
            let first = if self.follows_messages() { last } else { 1 };
            return Some(self.pane.cursor.unwrap_or(first).min(last));
        }
        let (body, reading) = self.pane.body()?;
        let rows = reading.rows(body);
        let first = self.pane.fixed.lines.len();
        (rows > 0).then(|| self.pane.cursor.unwrap_or(first).min(first + rows - 1))
    }

    /// Moves the cursor, or the text where there is none.
    pub(super) fn pane_step(&mut self, lines: isize) {
        let height = self.pane_height();
        let Some(cursor) = self.pane_cursor() else {
            self.pane.scroll = self.pane.scroll.saturating_add_signed(lines);
            return;
        };
        let last = view::pane_rows(self).saturating_sub(1);
        let cursor = cursor.saturating_add_signed(lines).min(last);
        self.pane.cursor = Some(cursor);
        self.pane.talk.held = cursor < last || self.has_later_messages();
        if cursor <= 1 && lines < 0 {
            self.more_messages(false);
        } else if cursor == last && lines > 0 {
            self.more_messages(true);
        }
        if lines.unsigned_abs() > 1 {
            self.pane.scroll = self.pane.scroll.saturating_add_signed(lines);
        }
        let lowest = (cursor + 1).saturating_sub(height);
        self.pane.scroll = self.pane.scroll.clamp(lowest, cursor.max(lowest));
    }

    /// Goes to the top or the end.
    pub(super) fn pane_edge(&mut self, end: bool) {
        let last = view::pane_rows(self).saturating_sub(1);
        if self.pane_cursor().is_some() {
            self.pane.cursor = Some(if end { last } else { 0 });
        }
        self.talk_edge(end);
        self.pane.scroll = if end { usize::MAX } else { 0 };
    }

    /// The cursor goes where the mouse clicks; a click on it, or on the arrow before it, folds.
    pub(super) fn pane_click(&mut self, at: Position) {
        let area = view::areas(self).pane_text();
        let row = usize::from(at.y.saturating_sub(area.y)) + self.pane.scroll;
        let before = self.pane_cursor();
        let in_text = at.y >= area.y && at.y < area.bottom();
        if before.is_none() || !in_text || row >= view::pane_rows(self) {
            return;
        }
        self.pane.cursor = Some(row);
        if at.x < area.x || self.pane.cursor == before {
            self.fold_here();
        }
    }

    /// The row of the body with the cursor.
    fn body_row(&self) -> Option<usize> {
        self.pane_cursor()?.checked_sub(self.pane.fixed.lines.len())
    }

    /// The number of the message with the cursor.
    fn message_here(&self) -> Option<usize> {
        let cursor = self
            .pane_cursor()
            .filter(|_| self.pane.tab == Tab::Messages)?;
        self.pane.fixed.owners.get(cursor).copied().flatten()
    }

    pub(super) fn fold_here(&mut self) {
        if let Some(number) = self.message_here() {
            self.pane.talk.toggle(number);
            let owners = self.pane.fixed.owners.iter();
            let first = owners.take_while(|o| o.is_none_or(|n| n < number)).count();
            self.pane.cursor = Some(first);
            self.pane.talk.held = true;
            return;
        }
        let Some(row) = self.body_row() else { return };
        let first = self.pane.fixed.lines.len();
        let (room, wrap) = self.pane_room();
        let Some((body, reading)) = self.pane.body_mut() else {
            return;
        };
        let at = reading.row_at(body, row);
        let line = at.and_then(|at| reading.toggle_fold(body, at.line));
        if let Some(line) = line {
            reading.measure(body, room, wrap);
            let row = reading.row_of(line);
            self.pane.cursor = Some(first + row);
            self.pane_step(0);
        }
    }

    fn pane_room(&self) -> (usize, bool) {
        let room = usize::from(view::areas(self).pane_text().width);
        (room, !self.pane.unwrapped)
    }

    /// Whether one of these actions would do something now.
    pub(super) fn can_turn(&self, action: Action) -> bool {
        let Some((body, reading)) = self.pane.body() else {
            let messages = matches!(action, Action::Fold | Action::CopyLine);
            return action == Action::Find || (messages && self.message_here().is_some());
        };
        let document = body.document(reading.mode(body));
        match action {
            Action::Fold | Action::FoldLevel | Action::UnfoldLevel => {
                document.is_some_and(|d| !d.folds.is_empty())
            }
            Action::NextFound | Action::PreviousFound => !reading.wanted().is_empty(),
            Action::NextMode => body.modes().len() > 1,
            Action::Wrap => document.is_some(),
            Action::PanLeft | Action::PanRight => {
                body.huge.is_some() || (document.is_some() && self.pane.unwrapped)
            }
            _ => !body.is_empty(),
        }
    }

    /// Does one of them.
    pub(super) fn turn(&mut self, action: Action, commands: &mut Vec<Command>) {
        match action {
            Action::Find if self.pane.tab == Tab::Messages => {
                let wanted = self.pane.talk.wanted().to_owned();
                self.pane.finding = Some(Input::new(wanted));
            }
            Action::Find if self.pane.body().is_none_or(|(body, _)| body.is_empty()) => {
                self.open_filter();
            }
            Action::Find => {
                let wanted = self.pane.body().map(|(_, r)| r.wanted().to_owned());
                self.pane.finding = Some(Input::new(wanted.unwrap_or_default()));
            }
            Action::NextFound | Action::PreviousFound => {
                let forward = action == Action::NextFound;
                let next = |(body, reading): (_, &mut super::body::Reading)| {
                    reading.go_to_next(body, forward)
                };
                let row = self.pane.body_mut().and_then(next);
                self.show_row(row);
            }
            Action::FoldLevel | Action::UnfoldLevel => {
                let more = action == Action::UnfoldLevel;
                let Some((body, reading)) = self.pane.body_mut() else {
                    return;
                };
                if let Some(levels) = reading.change_level(body, more) {
                    self.say(format!("{} shown", count(u64::from(levels), "level")));
                    self.pane.cursor = None;
                    self.pane.scroll = 0;
                }
            }
            Action::NextMode => {
                let next = self.pane.body_mut().and_then(|(b, r)| r.next_mode(b));
                if let Some(mode) = next {
                    self.say(format!("shown {}", mode.phrase()));
                    self.pane.cursor = None;
                    self.pane.across = 0;
                    self.pane.scroll = 0;
                }
            }
            Action::Wrap => {
                self.pane.unwrapped = !self.pane.unwrapped;
                self.pane.across = 0;
                self.pane.cursor = None;
                let (left, right) = (Action::PanLeft, Action::PanRight);
                self.say(if self.pane.unwrapped {
                    let (left, right) = (self.keys.label(left), self.keys.label(right));
                    format!("long lines go on beyond the edge: {left} {right} move them")
                } else {
                    "long lines are broken at the edge".to_owned()
                });
            }
            Action::PanLeft => {
                self.pane.across = self.pane.across.saturating_sub(PAN_COLUMNS);
            }
            Action::PanRight => self.pane.across += PAN_COLUMNS,
            Action::CopyLine if self.pane.tab == Tab::Messages => {
                let number = self.message_here();
                let loaded = self.pane.loaded.as_ref();
                let message = number.zip(loaded).and_then(|(number, loaded)| {
                    loaded
                        .messages
                        .get(number.checked_sub(loaded.messages_before)?)
                });
                if let Some(message) = message {
                    let text = String::from_utf8_lossy(&message.payload).into_owned();
                    commands.push(Command::Copy(text, "this message"));
                }
            }
            Action::CopyLine => {
                let row = self.body_row();
                let line = row.and_then(|row| view::body_line(self, row));
                if let Some(line) = line {
                    commands.push(Command::Copy(line, "this line"));
                }
            }
            _ => {}
        }
    }

    /// A key while a text to be looked for is typed.
    pub(super) fn find_key(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Enter => self.pane.finding = None,
            KeyCode::Esc => {
                self.pane.finding = None;
                self.end_find();
            }
            KeyCode::Down => self.turn(Action::NextFound, &mut Vec::new()),
            KeyCode::Up => self.turn(Action::PreviousFound, &mut Vec::new()),
            _ => {
                if let Some(input) = &mut self.pane.finding {
                    dialog::edit(input, key);
                }
                self.find_typed();
            }
        }
    }

    pub(super) fn find_paste(&mut self, text: &str) {
        if let Some(input) = &mut self.pane.finding {
            dialog::paste(input, text);
        }
        self.find_typed();
    }

    fn find_typed(&mut self) {
        let wanted = self.pane.finding.as_ref().map(|i| i.value().to_owned());
        let wanted = wanted.unwrap_or_default();
        if self.pane.tab == Tab::Messages {
            self.pane.talk.filter(&wanted);
            return;
        }
        if let Some((_, reading)) = self.pane.body_mut()
            && reading.wanted() != wanted
        {
            reading.find(wanted, true);
        }
    }

    /// Ends looking for a text; `false` if none was looked for.
    pub(super) fn end_find(&mut self) -> bool {
        if self.pane.tab == Tab::Messages {
            let any = !self.pane.talk.wanted().is_empty();
            self.pane.talk.filter("");
            return any;
        }
        let Some((_, reading)) = self.pane.body_mut() else {
            return false;
        };
        let any = !reading.wanted().is_empty();
        if any {
            reading.find(String::new(), false);
        }
        any
    }
}
