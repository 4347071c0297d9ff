//! What every action does, and whether it would do something now.

use super::action::Action;
use super::app::{App, Command, Zoom};
use super::copying::CopyForm;
use super::dialog::{ColumnsDialog, CopyDialog, HelpDialog, NameDialog};
use super::keymap::Focus;
use super::list::{Chip, Steering, Wish};
use super::pane::Tab;
use super::text::count;
use super::view;
use crate::cors::Outcome;
use crate::report::Seen;
use crate::wire::ExchangeId;

impl App {
    pub(super) fn act(&mut self, action: Action, commands: &mut Vec<Command>) {
        let in_list = self.focus == Focus::List;
        let page = if in_list {
            usize::from(view::areas(self).rows.height)
        } else {
            usize::from(view::areas(self).pane_text().height)
        };
        let page = page.saturating_sub(1).max(1) as isize;
        if self.is_early(action) {
            return;
        }
        if action.turns_text() {
            return self.turn(action, commands);
        }
        match action {
            Action::Quit => commands.push(Command::Quit),
            Action::Suspend => commands.push(Command::Suspend),
            Action::Up => self.step(-1),
            Action::Down => self.step(1),
            Action::PageUp => self.step(-page),
            Action::PageDown => self.step(page),
            Action::First if in_list => self.list.select_edge(false),
            Action::Last if in_list => self.list.select_edge(true),
            Action::First => self.pane_edge(false),
            Action::Last => self.pane_edge(true),
            Action::Left | Action::Right => self.sideways(action == Action::Right),
            Action::NextBlocked => self.jump_to_blocked(true),
            Action::PreviousBlocked => self.jump_to_blocked(false),
            Action::SwitchPane if self.focus == Focus::Pane => self.focus_list(),
            Action::SwitchPane | Action::Open => self.focus_pane(),
            Action::Back => self.back(),
            Action::Tab(number) => {
                if let Some(tab) = Tab::numbered(number) {
                    self.leave_list_zoom();
                    self.pane.show(tab);
                }
            }
            Action::Fold if in_list => {
                self.list.toggle_fold();
                self.captured();
            }
            Action::Fold => self.fold_here(),
            Action::Follow if in_list => self.list.select_edge(true),
            Action::Follow => self.pane_edge(true),
            Action::Pause => {
                self.paused = !self.paused;
                self.captured();
            }
            Action::Clear => self.clear(),
            Action::ShowAll => {
                self.change_lens(|lens| lens.hidden_before = 0);
            }
            Action::Filter => self.open_filter(),
            Action::Copy => self.copy(commands),
            Action::CopyCurl => self.copy_as(CopyForm::Curl, commands),
            Action::CopyAs => self.open_dialog(Box::new(CopyDialog::default())),
            Action::SaveBody => self.ask_where_to_save(),
            Action::FreeMouse => self.free_mouse(commands),
            Action::CopyBrief => self.copy_brief(commands),
            Action::TryFix => self.try_fix(commands),
            Action::StopTrial => self.stop_trials(commands),
            Action::PassThrough => self.pass_through(commands),
            Action::Chatter => {
                self.change_lens(|lens| lens.chatter = !lens.chatter);
            }
            Action::Zoom => {
                let wanted = if in_list { Zoom::List } else { Zoom::Pane };
                let back = self.zoomed == wanted || self.list.selected().is_none();
                self.zoomed = if back { Zoom::Nothing } else { wanted };
            }
            Action::Launch => self.launch_browser(commands),
            Action::Replay => self.replay(commands),
            Action::EditReplay => self.edit_and_replay(commands),
            Action::Help => self.open_dialog(Box::new(HelpDialog::default())),
            Action::Palette => self.open_palette(),
            Action::Whole => self.open_whole(commands),
            Action::Compare => self.compare(commands),
            Action::Export => self.export(),
            Action::Mark => self.mark(commands),
            Action::Comment => self.comment(),
            Action::NextMarked => self.next_marked(),
            Action::Columns => self.open_dialog(Box::new(ColumnsDialog::default())),
            Action::Fix if self.can(Action::Fix) => self.open_fix(commands),
            Action::Fix => self.say("nothing is blocked here".to_owned()),
            // What turns a text has had its turn above.
            Action::Find
            | Action::NextFound
            | Action::PreviousFound
            | Action::UnfoldLevel
            | Action::FoldLevel
            | Action::NextMode
            | Action::Wrap
            | Action::PanLeft
            | Action::PanRight
            | Action::CopyLine => {}
        }
    }

    /// Whether an action would do something now: the key bar shows only those.
    pub(crate) fn can(&self, action: Action) -> bool {
        let any = self.list.selected().is_some();
        if action.turns_text() {
            return self.can_turn(action);
        }
        match action {
            Action::NextBlocked | Action::PreviousBlocked => {
                self.list.entries.count(Chip::Blocked) > 0
            }
            Action::Open
            | Action::Copy
            | Action::CopyCurl
            | Action::CopyAs
            | Action::Zoom
            | Action::Tab(_)
            | Action::Mark
            | Action::Comment => any,
            Action::Compare => any && self.list.entries.len() > 1,
            Action::Fix => self.list.selected_entry().is_some_and(|entry| {
                let outcome = entry.outcome;
                entry.fetch.is_some() && matches!(outcome, Outcome::Blocked | Outcome::Depends)
            }),
            Action::NextMarked => self.list.entries.notes.marked().next().is_some(),
            Action::Fold if self.focus == Focus::Pane => self.can_turn(action),
            Action::Fold => self.list.can_fold(),
            Action::Follow if self.focus == Focus::Pane => self.pane.tab == Tab::Messages,
            Action::Follow => any && self.list.steering != Steering::Follow && self.is_live(),
            Action::Chatter => self.list.entries.chatter_count() > 0,
            Action::ShowAll => self.list.entries.lens().hidden_before > 0,
            Action::Launch => !self.options.browsers.is_empty(),
            Action::TryFix => {
                let loaded = self.pane.loaded.as_ref();
                self.options.can_try && loaded.is_some_and(|l| l.trial.is_ok())
            }
            Action::CopyBrief => self
                .list
                .selected_entry()
                .is_some_and(|e| e.fetch.is_some()),
            Action::StopTrial => !self.trials.is_empty(),
            Action::PassThrough => self.options.can_pass && any,
            Action::Replay | Action::EditReplay => self.can_replay(),
            Action::Export => self.options.can_export && any,
            Action::Pause => self.is_live() && any,
            Action::SaveBody => self.options.can_export && self.body_to_save().is_some(),
            // Each of these always does something, or says why not.
            Action::Quit
            | Action::Suspend
            | Action::Up
            | Action::Down
            | Action::PageUp
            | Action::PageDown
            | Action::First
            | Action::Last
            | Action::Left
            | Action::Right
            | Action::SwitchPane
            | Action::Back
            | Action::Clear
            | Action::Filter
            | Action::FreeMouse
            | Action::Help
            | Action::Palette
            | Action::Columns
            | Action::Whole => true,
            // Answered above.
            Action::Find
            | Action::NextFound
            | Action::PreviousFound
            | Action::UnfoldLevel
            | Action::FoldLevel
            | Action::NextMode
            | Action::Wrap
            | Action::PanLeft
            | Action::PanRight
            | Action::CopyLine => false,
        }
    }

    /// Whether something can still come.
    pub(crate) fn is_live(&self) -> bool {
        !self.options.addresses.is_empty()
    }

    fn step(&mut self, lines: isize) {
        if self.focus == Focus::List {
            self.list.step(lines);
            if lines > 0 && self.list.at_end() && self.is_live() && self.list.can_follow() {
                self.list.steering = Steering::Follow;
            }
        } else {
            self.pane_step(lines);
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
        let near = self.list.looked_at();
        self.list.entries.set_lens(lens, near);
        self.behind = self.list.entries.advance(&self.reader);
    }

    /// Orders the list anew.
    pub(crate) fn order(&mut self, change: impl FnOnce(&mut Wish)) {
        let mut wish = self.list.entries.wish();
        change(&mut wish);
        self.list.entries.set_wish(wish);
        self.behind = self.list.entries.advance(&self.reader);
        // Whoever orders looks at what is there, not at what comes next.
        self.list.steering = Steering::Person;
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
            if self.end_find() {
            } else if self.zoomed == Zoom::Pane {
                self.zoomed = Zoom::Nothing;
            } else {
                self.focus_list();
            }
        } else if self.stop_search() {
        } else if self.zoomed == Zoom::List {
            self.zoomed = Zoom::Nothing;
        } else if !self.filter.input.value().is_empty() {
            self.filter.input.reset();
            self.apply_filter();
        } else if self.list.entries.lens().chip != Chip::All {
            self.choose_chip(Chip::All);
        } else {
            self.notice = None;
        }
    }

    fn focus_pane(&mut self) {
        if self.list.selected().is_some() {
            self.leave_list_zoom();
            self.steady = false;
            self.focus = Focus::Pane;
        }
    }

    /// The pane is seen again.
    fn leave_list_zoom(&mut self) {
        if self.zoomed == Zoom::List {
            self.zoomed = Zoom::Nothing;
        }
    }

    /// The list is seen again.
    pub(super) fn leave_pane_zoom(&mut self) {
        if self.zoomed == Zoom::Pane {
            self.zoomed = Zoom::Nothing;
        }
    }

    fn launch_browser(&mut self, commands: &mut Vec<Command>) {
        if self.can(Action::Launch) {
            self.open_browsers(commands);
        }
    }

    fn next_marked(&mut self) {
        if !self.list.select_next_marked() {
            self.say("no other request is marked".to_owned());
        }
    }

    pub(crate) fn focus_list(&mut self) {
        self.leave_pane_zoom();
        self.steady = false;
        self.focus = Focus::List;
    }

    fn clear(&mut self) {
        let shown = self.list.entries.listed().len() as u64;
        let before = self.list.entries.len() as u32;
        self.change_lens(|lens| lens.hidden_before = before);
        self.list.steering = Steering::Untouched;
        self.say(format!(
            "{} hidden, still in the session: {} brings back",
            count(shown, "request"),
            self.keys.label(Action::ShowAll)
        ));
    }

    /// Selects an exchange, and shows its verdict.
    pub(crate) fn go_to(&mut self, exchange: ExchangeId) {
        if let Some(fetch) = self.reader.fetch_of(exchange) {
            self.jump_to(Seen { fetch, exchange });
        }
    }

    /// Selects the exchange that proves something, and shows its verdict. What hides it gives way.
    pub(crate) fn jump_to(&mut self, seen: Seen) {
        let number = self.list.entries.number_of(Some(seen.fetch), seen.exchange);
        let Some(number) = number else {
            self.say(format!("{} is not in the list yet", seen.exchange));
            return;
        };
        if self.list.entries.position(number).is_err() {
            self.set_filter("");
            self.change_lens(|lens| {
                lens.chip = Chip::All;
                lens.hidden_before = 0;
            });
        }
        self.focus_list();
        self.leave_list_zoom();
        self.list
            .select_exchange(number, seen.exchange, &self.reader);
        self.pane.show(Tab::Verdict);
    }

    /// The exchange that marks and comments of the selected line are about: the one that stands for
    /// it.
    fn noted(&self) -> Option<ExchangeId> {
        self.list.selected_entry().map(|entry| entry.head)
    }

    fn mark(&mut self, commands: &mut Vec<Command>) {
        let Some(exchange) = self.noted() else { return };
        let marked = self.list.entries.notes.get(exchange).is_some();
        self.note(exchange, (!marked).then(String::new), commands);
    }

    fn comment(&mut self) {
        let Some(exchange) = self.noted() else { return };
        let before = self.list.entries.notes.get(exchange).cloned();
        let title = format!("Comment on {exchange} (empty takes it away)");
        let done = |app: &mut App, text: String, commands: &mut Vec<Command>| {
            let Some(exchange) = app.noted() else { return };
            let note = (!text.is_empty()).then_some(text);
            app.note(exchange, note, commands);
        };
        let dialog = NameDialog::new(&title, &before.unwrap_or_default(), done).or_empty();
        self.open_dialog(Box::new(dialog));
    }
}
