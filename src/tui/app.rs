//! The state of the screen. [`App::update`] is the only place that changes it: the same events
//! give the same screen.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent};
use ratatui::layout::Position;
use tokio::sync::watch;

use super::boxes::FilterBox;
use super::dialog::Dialog;
use super::early::Early;
use super::effect::{Effect, LoadRequest, Outcome};
use super::export::Exported;
use super::keymap::{Focus, Keymap};
use super::list::{Column, List, Shown};
use super::options::{Options, ThemeChoice};
use super::pane::Pane;
use super::replay::Replays;
use super::searching::Searching;
use super::select::Selection;
use super::text::size;
use super::theme::{Ground, Theme};
use super::view::{self, Widths};
use crate::cors::Outcome as Verdict;
use crate::fix::Trial;
use crate::session::{Reader, RowEnd};
use crate::wire::{ExchangeId, Timestamp};

/// How long a notice stays, in microseconds.
const NOTICE_MICROS: u64 = 6_000_000;
/// What [`App::split`] is a part of: fine enough for any screen's columns.
pub(crate) const SPLIT_WHOLE: u32 = 10_000;
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
    /// Put this on the clipboard; what it is, in a few words.
    Copy(String, &'static str),
    /// Take the mouse (`true`), or leave it to the terminal, which can select text with it.
    Mouse(bool),
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

/// What the mouse holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Drag {
    #[default]
    Nothing,
    /// The line between list and pane.
    Divider,
    /// The right edge of a column that begins here.
    Edge { column: Column, start: u16 },
}

/// What has the whole screen, besides title, chips and keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Zoom {
    #[default]
    Nothing,
    List,
    Pane,
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
    pub(super) searching: Searching,
    pub(crate) replays: Replays,
    pub(crate) notice: Option<(String, Timestamp)>,
    pub(crate) paused: bool,
    pub(crate) zoomed: Zoom,
    /// Share of the list where the pane is beside or below it, in parts of [`SPLIT_WHOLE`], once it
    /// was dragged.
    pub(crate) split: Option<u16>,
    pub(crate) dragging: Drag,
    /// The pane got the keys by a click: nothing moves under the mouse then.
    pub(crate) steady: bool,
    /// Text that the mouse holds, or has copied.
    pub(super) selection: Option<Selection>,
    /// Where and when the button last went down.
    pub(super) clicked: Option<(Position, Timestamp)>,
    /// The dialog that has the keys, while [`Focus::Dialog`].
    pub(crate) dialog: Option<Box<dyn Dialog>>,
    /// Where the keys go when it is closed.
    pub(crate) focus_behind: Focus,
    pub(crate) keys: Keymap,
    /// What was marked last: what others are compared with.
    pub(crate) marked_last: Option<ExchangeId>,
    /// Trial fixes that are in force, or may be.
    pub(crate) trials: Vec<Trial>,
    /// Hosts that are passed through unread.
    pub(crate) passing: Vec<String>,
    /// What the terminal can show.
    ground: Ground,
    pub(crate) now: Timestamp,
    /// Seconds east of Greenwich.
    pub(crate) utc_offset: i32,
    window_focused: bool,
    pub(super) behind: bool,
    /// How wide the columns of the list want to be.
    pub(crate) widths: Widths,
    /// What of the session was looked at.
    revision: watch::Receiver<u64>,
    /// Whether the mouse is the terminal's own, to select text with.
    pub(crate) mouse_is_free: bool,
    fingerprint: Fingerprint,
    loaded_at: Timestamp,
    /// A key that came before the pane had read what it is about.
    pub(super) early: Option<Early>,
}

impl App {
    /// A screen over a session. `utc_offset` in seconds is for the clock.
    pub fn new(options: Options, reader: Reader, now: Timestamp, utc_offset: i32) -> Self {
        let settings = &options.settings;
        let choice = match options.theme {
            ThemeChoice::Auto => settings.theme.unwrap_or_default(),
            given => given,
        };
        let mut ground = Ground::ask(choice);
        ground.many = options.many_colours.unwrap_or(ground.many);
        let mut theme = Theme::of(choice, ground);
        theme.recolour(&settings.colours);
        let mut keys = Keymap::default();
        for (action, wanted) in &settings.keys {
            keys.rebind(*action, wanted);
        }
        let shown = settings.columns.as_deref().map(Shown::of);
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
            filter: FilterBox::new(&options.filter, &options.history),
            searching: Searching::default(),
            replays: Replays::default(),
            notice,
            paused: false,
            zoomed: Zoom::Nothing,
            split: None,
            dragging: Drag::Nothing,
            steady: false,
            selection: None,
            clicked: None,
            dialog: None,
            focus_behind: Focus::List,
            keys,
            marked_last: None,
            trials: Vec::new(),
            passing: options.passing.clone(),
            ground,
            now,
            utc_offset,
            window_focused: true,
            behind: false,
            widths: Widths::default(),
            revision: reader.revision(),
            mouse_is_free: false,
            fingerprint: Fingerprint::default(),
            loaded_at: Timestamp(0),
            early: None,
            options,
            reader,
        };
        app.list.shown = shown.unwrap_or_default();
        for (exchange, note) in app.reader.notes() {
            app.list.entries.notes.set(exchange, Some(note));
        }
        app.apply_filter();
        app
    }

    /// Puts on another theme.
    pub(crate) fn wear(&mut self, choice: ThemeChoice) {
        self.theme = Theme::of(choice, self.ground);
        self.theme.recolour(&self.options.settings.colours);
    }

    /// Changes the state as the event has it; says what is to be done.
    pub fn update(&mut self, event: Event, now: Timestamp) -> Vec<Command> {
        self.now = now;
        let mut commands = Vec::new();
        if matches!(event, Event::Key(_) | Event::Resize(..) | Event::Paste(_)) {
            self.selection = None;
        }
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
            Event::Mouse(mouse) => self.mouse(mouse, &mut commands),
            Event::Paste(text) => self.paste(&text),
            Event::Resize(columns, rows) => self.size = (columns, rows),
            Event::Focused(focused) => self.window_focused = focused,
            Event::Captured => self.captured(),
            Event::Outcome(outcome) => self.outcome(outcome, &mut commands),
            Event::Tick => {
                if self.notice.as_ref().is_some_and(|(_, until)| *until <= now) {
                    self.notice = None;
                }
                self.fade_selection();
                // Time alone settles a fetch whose request never came.
                self.list.entries.stir();
                self.captured();
            }
        }
        self.settle(&mut commands);
        commands
    }

    /// Whether rows wait to be read: another [`Event::Captured`] should come soon.
    pub fn is_behind(&self) -> bool {
        self.behind && !self.paused
    }

    /// Whether all that is behind is done beside the screen, or later: then there is no hurry to come
    /// again.
    pub fn waits(&self) -> bool {
        self.is_behind() && self.list.entries.waits()
    }

    /// Whether a passing second changes what is seen.
    pub fn wants_ticks(&self) -> bool {
        let passing = self.notice.is_some() || self.selection.is_some();
        self.window_focused && (self.is_live() || passing)
    }

    /// Draws the screen.
    pub fn draw(&self, frame: &mut ratatui::Frame<'_>) {
        view::draw(self, frame);
        view::tame(frame.buffer_mut());
        self.mark_selection(frame.buffer_mut());
        if self.options.ascii || self.options.settings.ascii == Some(true) {
            view::to_ascii(frame.buffer_mut());
        }
    }

    /// An effect could not be handed over.
    pub fn not_performed(&mut self, effect: &Effect) {
        match effect {
            Effect::Load(_) => self.pane.not_sent(),
            Effect::Search(_) => self.search_not_sent(),
            Effect::Leaf(_) => self.pane.leaf_under_way = false,
            _ => self.say("busy: try again in a moment".to_owned()),
        }
    }

    /// Says one sentence on the bottom line for a while.
    pub(crate) fn say(&mut self, text: String) {
        self.notice = Some((text, self.now.plus_micros(NOTICE_MICROS)));
    }

    pub(super) fn captured(&mut self) {
        if !self.paused {
            // Its sender is gone with the session: then nothing happens any more.
            if self.revision.has_changed().unwrap_or(false) {
                self.revision.mark_unchanged();
                self.list.entries.stir();
            }
            self.behind = self.list.entries.advance(&self.reader);
            self.select_replayed();
        }
    }

    fn outcome(&mut self, outcome: Outcome, commands: &mut Vec<Command>) {
        let Some(outcome) = self.offer_to_dialog(outcome) else {
            return;
        };
        let next = match outcome {
            Outcome::Loaded(loaded) => {
                self.loaded_at = self.now;
                self.pane.arrived(loaded)
            }
            Outcome::NotLoaded(request, why) => {
                self.say(why);
                self.pane.failed(request)
            }
            Outcome::Notice(text) => {
                self.say(text);
                None
            }
            Outcome::Noted(why_not) => {
                if let Some(why) = why_not {
                    self.say(why);
                }
                None
            }
            Outcome::Exported(exported) => {
                self.say(match exported {
                    Exported::Written(path, bytes) => {
                        format!("written: {} ({bytes} bytes)", path.display())
                    }
                    Exported::Exists(path) => {
                        format!("{} exists and was left as it is", path.display())
                    }
                    Exported::Failed(why) => why,
                });
                None
            }
            // For a dialog that is closed by now.
            Outcome::Mended(_) => None,
            Outcome::Drafted(draft) => {
                self.drafted(draft);
                None
            }
            Outcome::Replayed(replayed) => {
                self.replayed(replayed);
                None
            }
            Outcome::Searched(searched) => {
                self.searched(searched);
                None
            }
            Outcome::Leaf(answer) => {
                self.leaf_turned(answer);
                None
            }
            Outcome::Copy(text, what) => {
                commands.push(Command::Copy(text, what));
                None
            }
            Outcome::Passing(hosts, said) => {
                self.passing = hosts;
                self.say(said);
                None
            }
            Outcome::Trials(trials, why_not) => {
                self.trials_are(trials, why_not);
                None
            }
            // Whoever asked for it was closed meanwhile.
            Outcome::Picture(..) | Outcome::Compared(_) => None,
        };
        if let Some(next) = next {
            commands.push(Command::Perform(Effect::Load(next)));
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
        let mut widths = std::mem::take(&mut self.widths);
        view::settle_columns(self, &mut widths);
        self.widths = widths;
        self.settle_pane(commands);
        self.catch_up(commands);
        if self.pane.loaded.is_none() && self.focus == Focus::Pane {
            self.focus = Focus::List;
        }
        self.search_on(commands);
        self.settle_dialog();
    }

    /// What the pane should show: a new edition when the selected row changed.
    fn wanted(&mut self) -> Option<LoadRequest> {
        let exchange = self.list.selected_exchange(&self.reader)?;
        let entry = self.list.selected_entry()?;
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
            messages_from: self.pane.messages_from(exchange),
        })
    }

    fn key(&mut self, key: KeyEvent, commands: &mut Vec<Command>) {
        let ctrl_c =
            key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        match self.focus {
            _ if ctrl_c => commands.push(Command::Quit),
            Focus::Filter => self.filter_key(key, commands),
            Focus::Pane if self.pane.finding.is_some() => self.find_key(key),
            Focus::Dialog => self.tell_dialog(|dialog, app| dialog.key(key, app, commands)),
            Focus::List | Focus::Pane => {
                if let Some(action) = self.keys.action(self.focus, key) {
                    self.act(action, commands);
                }
            }
        }
    }

    /// The sentence on what is hidden, for the title.
    pub(crate) fn skipped(&self) -> Option<String> {
        let bytes = self.reader.counts().skipped_bytes;
        (bytes > 0).then(|| format!("{} of bodies not kept", size(bytes)))
    }
}
