//! The state of the screen. [`App::update`] is the only place that changes it: the same events
//! give the same screen.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent};
use tui_input::Input;

use super::action::Action;
use super::effect::{Effect, LoadRequest, Outcome};
use super::filter::FilterError;
use super::keymap::{self, Focus};
use super::list::{Chip, List, Steering};
use super::options::Options;
use super::pane::{Pane, Tab};
use super::text::{count, size};
use super::theme::Theme;
use super::view;
use crate::cors::Outcome as Verdict;
use crate::session::{Reader, RowEnd};
use crate::wire::Timestamp;

/// How long a notice stays, in microseconds.
const NOTICE_MICROS: u64 = 6_000_000;
/// How often the pane follows a body that is still growing, in microseconds.
const GROWING_MICROS: u64 = 500_000;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// The terminal window got or lost the focus.
    Focused(bool),
    /// The session heard something, or there is more to read of what it heard.
    Captured,
    /// An effect was performed.
    Outcome(Outcome),
    /// A second passed.
    Tick,
}

/// What the loop has to do after an update.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Hand this to the workbench.
    Perform(Effect),
    /// Put this on the clipboard.
    Copy(String),
    /// Sleep until the shell wakes us.
    Suspend,
    /// Leave.
    Quit,
}

/// What of a row makes the pane load it anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fingerprint {
    open: bool,
    status: Option<u16>,
    bytes: u64,
    verdict: Verdict,
    members: usize,
}

/// The filter box.
#[derive(Debug, Default)]
pub(crate) struct FilterBox {
    pub(crate) input: Input,
    pub(crate) error: Option<FilterError>,
    /// What it was before it was opened.
    pub(super) before: String,
}

/// The state of the screen. Public for tests; everybody else calls [`run`](super::run).
pub struct App {
    pub(crate) options: Options,
    pub(crate) reader: Reader,
    pub(crate) theme: Theme,
    pub(crate) size: (u16, u16),
    pub(crate) focus: Focus,
    pub(crate) list: List,
    pub(crate) pane: Pane,
    pub(crate) filter: FilterBox,
    pub(crate) notice: Option<(String, Timestamp)>,
    pub(crate) paused: bool,
    pub(crate) zoomed: bool,
    /// Share of the list where the pane is beside or below it, in percent, once it was dragged.
    pub(crate) split: Option<u16>,
    pub(crate) dragging: bool,
    pub(crate) help_scroll: usize,
    pub(crate) now: Timestamp,
    /// Seconds east of Greenwich.
    pub(crate) utc_offset: i32,
    window_focused: bool,
    behind: bool,
    fingerprint: Fingerprint,
    loaded_at: Timestamp,
}

impl App {
    /// A screen over a session. `utc_offset` in seconds is for the clock.
    pub fn new(options: Options, reader: Reader, now: Timestamp, utc_offset: i32) -> Self {
        let theme = Theme::choose(options.theme);
        let notice = options.notices.first().map(|first| {
            let all = options.notices.join(" · ");
            let text = if options.notices.len() > 1 {
                all
            } else {
                first.clone()
            };
            (text, now.plus_micros(2 * NOTICE_MICROS))
        });
        let mut app = Self {
            list: List::new(reader.first_id(), !options.addresses.is_empty()),
            theme,
            size: (80, 24),
            focus: Focus::List,
            pane: Pane::default(),
            filter: FilterBox {
                input: Input::new(options.filter.clone()),
                ..FilterBox::default()
            },
            notice,
            paused: false,
            zoomed: false,
            split: None,
            dragging: false,
            help_scroll: 0,
            now,
            utc_offset,
            window_focused: true,
            behind: false,
            fingerprint: Fingerprint::default(),
            loaded_at: Timestamp(0),
            options,
            reader,
        };
        app.apply_filter();
        app
    }

    /// Changes the state as the event has it; says what is to be done.
    pub fn update(&mut self, event: Event, now: Timestamp) -> Vec<Command> {
        self.now = now;
        let mut commands = Vec::new();
        match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => {}
            // Esc and a key typed fast, or through a slow line, arrive as Alt and the key.
            Event::Key(key) if key.modifiers.contains(KeyModifiers::ALT) => {
                self.key(
                    KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE),
                    &mut commands,
                );
                let modifiers = key.modifiers.difference(KeyModifiers::ALT);
                self.key(KeyEvent { modifiers, ..key }, &mut commands);
            }
            Event::Key(key) => self.key(key, &mut commands),
            Event::Mouse(mouse) => self.mouse(mouse),
            Event::Paste(text) => self.paste(&text),
            Event::Resize(columns, rows) => self.size = (columns, rows),
            Event::Focused(focused) => self.window_focused = focused,
            Event::Captured => self.captured(),
            Event::Outcome(Outcome::Loaded(loaded)) => {
                self.loaded_at = now;
                if let Some(next) = self.pane.arrived(loaded) {
                    commands.push(Command::Perform(Effect::Load(next)));
                }
            }
            Event::Outcome(Outcome::NotLoaded(request, why)) => {
                self.say(why);
                if let Some(next) = self.pane.failed(request) {
                    commands.push(Command::Perform(Effect::Load(next)));
                }
            }
            Event::Outcome(Outcome::Notice(text)) => self.say(text),
            Event::Tick => {
                if self.notice.as_ref().is_some_and(|(_, until)| *until <= now) {
                    self.notice = None;
                }
                // Time alone settles a fetch whose request never came.
                self.captured();
            }
        }
        self.settle(&mut commands);
        commands
    }

    /// Whether rows wait to be read: another [`Event::Captured`] should come soon.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// Whether a passing second changes what is seen.
    pub fn wants_ticks(&self) -> bool {
        self.window_focused && (self.is_live() || self.notice.is_some())
    }

    /// Draws the screen.
    pub fn draw(&self, frame: &mut ratatui::Frame<'_>) {
        view::draw(self, frame);
    }

    /// An effect could not be handed over.
    pub fn not_performed(&mut self, effect: &Effect) {
        if matches!(effect, Effect::Load(_)) {
            self.pane.not_sent();
        } else {
            self.say("busy: try again in a moment".to_owned());
        }
    }

    /// Says one sentence on the bottom line for a while.
    pub(crate) fn say(&mut self, text: String) {
        self.notice = Some((text, self.now.plus_micros(NOTICE_MICROS)));
    }

    fn captured(&mut self) {
        if !self.paused {
            self.behind = self.list.entries.advance(&self.reader);
        }
    }

    /// What follows from whatever happened: window, selection, what the pane shows.
    fn settle(&mut self, commands: &mut Vec<Command>) {
        let areas = view::areas(self);
        self.list.set_height(usize::from(areas.rows.height));
        let wanted = self.wanted();
        if let Some(next) = self.pane.want(wanted) {
            commands.push(Command::Perform(Effect::Load(next)));
        }
        self.pane.measure(usize::from(areas.pane_text().width));
        let most = view::pane_rows(self).saturating_sub(usize::from(areas.pane_text().height));
        self.pane.scroll = self.pane.scroll.min(most);
        if self.pane.loaded.is_none() && self.focus == Focus::Pane {
            self.focus = Focus::List;
        }
    }

    /// What the pane should show: a new edition when the selected row changed.
    fn wanted(&mut self) -> Option<LoadRequest> {
        let exchange = self.list.selected_exchange(&self.reader)?;
        let entry = *self.list.selected_entry()?;
        let mut print = Fingerprint {
            members: entry.children(),
            ..Fingerprint::default()
        };
        self.reader.rows(&[exchange], &mut |row| {
            print.open = row.end == RowEnd::Open;
            print.status = row.status;
            print.bytes = row.response_bytes;
            print.verdict = row.mark.outcome;
        });
        let before = self.pane.wanted();
        let same = before.filter(|b| b.exchange == exchange && b.fetch == entry.fetch);
        let mut edition = same.map_or(0, |b| b.edition);
        if same.is_none() {
            self.fingerprint = print;
        } else if print != self.fingerprint {
            let only_grew = Fingerprint {
                bytes: self.fingerprint.bytes,
                ..print
            } == self.fingerprint;
            if !only_grew || self.now.micros_since(self.loaded_at) >= GROWING_MICROS {
                self.fingerprint = print;
                edition += 1;
            }
        }
        Some(LoadRequest {
            fetch: entry.fetch,
            exchange,
            edition,
        })
    }

    fn key(&mut self, key: KeyEvent, commands: &mut Vec<Command>) {
        let ctrl_c = keymap::action(Focus::List, key) == Some(Action::Quit)
            && key.modifiers.contains(KeyModifiers::CONTROL);
        match self.focus {
            _ if ctrl_c => commands.push(Command::Quit),
            Focus::Filter => self.filter_key(key),
            Focus::Help => self.help_key(key, commands),
            Focus::List | Focus::Pane => {
                if let Some(action) = keymap::action(self.focus, key) {
                    self.act(action, commands);
                }
            }
        }
    }

    pub(super) fn act(&mut self, action: Action, commands: &mut Vec<Command>) {
        let in_list = self.focus == Focus::List;
        let page = if in_list {
            usize::from(view::areas(self).rows.height)
        } else {
            usize::from(view::areas(self).pane_text().height)
        };
        let page = page.saturating_sub(1).max(1) as isize;
        match action {
            Action::Quit => commands.push(Command::Quit),
            Action::Suspend => commands.push(Command::Suspend),
            Action::Up => self.step(-1),
            Action::Down => self.step(1),
            Action::PageUp => self.step(-page),
            Action::PageDown => self.step(page),
            Action::First if in_list => self.list.select_edge(false),
            Action::Last if in_list => self.list.select_edge(true),
            Action::First => self.pane.scroll = 0,
            Action::Last => self.pane.scroll = usize::MAX,
            Action::Left | Action::Right => self.sideways(action == Action::Right),
            Action::NextBlocked => self.jump_to_blocked(true),
            Action::PreviousBlocked => self.jump_to_blocked(false),
            Action::SwitchPane if self.focus == Focus::Pane => self.focus_list(),
            Action::SwitchPane | Action::Open => {
                if self.list.selected().is_some() {
                    self.focus = Focus::Pane;
                }
            }
            Action::Back => self.back(),
            Action::Tab(number) => {
                if let Some(tab) = Tab::numbered(number) {
                    self.pane.show(tab);
                }
            }
            Action::Fold => self.list.toggle_fold(),
            Action::Follow => self.list.select_edge(true),
            Action::Pause => {
                self.paused = !self.paused;
                self.captured();
            }
            Action::Clear => self.clear(),
            Action::ShowAll => {
                self.change_lens(|lens| lens.hidden_before = 0);
            }
            Action::Filter => {
                self.zoomed = false;
                self.filter.before = self.filter.input.value().to_owned();
                self.focus = Focus::Filter;
            }
            Action::Copy => {
                if let Some(text) = view::pane_text(self) {
                    commands.push(Command::Copy(text));
                }
            }
            Action::Chatter => {
                self.change_lens(|lens| lens.chatter = !lens.chatter);
            }
            Action::Zoom => {
                self.zoomed = !self.zoomed && self.list.selected().is_some();
                if self.zoomed {
                    self.focus = Focus::Pane;
                }
            }
            Action::Launch => {
                if self.options.can_launch {
                    commands.push(Command::Perform(Effect::LaunchBrowser));
                    self.say("opening a browser…".to_owned());
                }
            }
            Action::Help => {
                self.help_scroll = 0;
                self.focus = Focus::Help;
            }
        }
    }

    /// Whether an action would do something now: the key bar shows only those.
    pub(crate) fn can(&self, action: Action) -> bool {
        let any = self.list.selected().is_some();
        match action {
            Action::NextBlocked | Action::PreviousBlocked => {
                self.list.entries.count(Chip::Blocked) > 0
            }
            Action::Open | Action::Copy | Action::Zoom | Action::Tab(_) => any,
            Action::Fold => self.list.selected_entry().is_some_and(|e| e.children() > 0),
            Action::Follow => any && self.list.steering != Steering::Follow && self.is_live(),
            Action::Chatter => self.list.entries.chatter_count() > 0,
            Action::ShowAll => self.list.entries.lens().hidden_before > 0,
            Action::Launch => self.options.can_launch,
            Action::Pause => self.is_live() && any,
            _ => true,
        }
    }

    /// Whether something can still come.
    pub(crate) fn is_live(&self) -> bool {
        !self.options.addresses.is_empty()
    }

    fn step(&mut self, lines: isize) {
        if self.focus == Focus::List {
            self.list.step(lines);
            if lines > 0 && self.list.at_end() && self.is_live() {
                self.list.steering = Steering::Follow;
            }
        } else {
            self.pane.scroll = self.pane.scroll.saturating_add_signed(lines);
        }
    }

    fn sideways(&mut self, right: bool) {
        if self.focus == Focus::Pane {
            self.pane.show(self.pane.tab.beside(right));
            return;
        }
        let chips = Chip::ALL;
        let at = self.list.entries.lens().chip as usize;
        let to = if right { at + 1 } else { at + chips.len() - 1 } % chips.len();
        self.choose_chip(chips[to]);
    }

    pub(crate) fn choose_chip(&mut self, chip: Chip) {
        self.change_lens(|lens| lens.chip = chip);
    }

    pub(super) fn change_lens(&mut self, change: impl FnOnce(&mut super::list::Lens)) {
        let mut lens = self.list.entries.lens().clone();
        change(&mut lens);
        self.list.entries.set_lens(lens, self.reader.first_id());
        self.behind = self.list.entries.advance(&self.reader);
    }

    fn jump_to_blocked(&mut self, forward: bool) {
        if !self.list.select_blocked(forward) {
            let hidden = self.list.entries.count(Chip::Blocked) > 0;
            self.say(if hidden {
                "the blocked ones are hidden by filter or chip: Esc shows them".to_owned()
            } else {
                "nothing is blocked".to_owned()
            });
            return;
        }
        self.pane.show(Tab::Verdict);
    }

    fn back(&mut self) {
        if self.focus == Focus::Pane {
            if self.zoomed {
                self.zoomed = false;
            } else {
                self.focus_list();
            }
        } else if !self.filter.input.value().is_empty() {
            self.filter.input.reset();
            self.apply_filter();
        } else if self.list.entries.lens().chip != Chip::All {
            self.choose_chip(Chip::All);
        } else {
            self.notice = None;
        }
    }

    pub(crate) fn focus_list(&mut self) {
        self.zoomed = false;
        self.focus = Focus::List;
    }

    fn clear(&mut self) {
        let shown = self.list.entries.listed().len() as u64;
        let before = self.list.entries.len() as u32;
        self.change_lens(|lens| lens.hidden_before = before);
        self.list.steering = Steering::Untouched;
        self.say(format!(
            "{} hidden, still in the session: X brings back",
            count(shown, "request")
        ));
    }

    /// The sentence on what is hidden, for the title.
    pub(crate) fn skipped(&self) -> Option<String> {
        let bytes = self.reader.counts().skipped_bytes;
        (bytes > 0).then(|| format!("{} of bodies not kept", size(bytes)))
    }
}
