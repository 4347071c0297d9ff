//! What the mouse does: the same things the keys do.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::app::{App, Command, Drag, SPLIT_WHOLE, Zoom};
use super::dialog::{self, After};
use super::keymap::Focus;
use super::view;

/// Lines a notch of the wheel is worth.
const WHEEL_LINES: isize = 3;

impl App {
    pub(crate) fn mouse(&mut self, mouse: MouseEvent, commands: &mut Vec<Command>) {
        // With Shift the terminal selects; some tell us all the same.
        if mouse.modifiers.contains(KeyModifiers::SHIFT) {
            return;
        }
        let at = Position::new(mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::Drag(MouseButton::Left) => self.extend_selection(at),
            MouseEventKind::Up(MouseButton::Left) => self.end_selection(commands),
            MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => self.selection = None,
            _ => {}
        }
        let down = mouse.kind == MouseEventKind::Down(MouseButton::Left);
        let again = down && self.begin_selection(at);
        if self.focus == Focus::Dialog {
            self.mouse_in_dialog(mouse.kind, at, commands);
            return;
        }
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(at, again),
            MouseEventKind::Drag(MouseButton::Left) => self.drag(at),
            MouseEventKind::Up(MouseButton::Left) => self.dragging = Drag::Nothing,
            MouseEventKind::ScrollUp => self.wheel(at, -WHEEL_LINES),
            MouseEventKind::ScrollDown => self.wheel(at, WHEEL_LINES),
            _ => {}
        }
    }

    /// A click beside a dialog closes it.
    fn mouse_in_dialog(&mut self, kind: MouseEventKind, at: Position, commands: &mut Vec<Command>) {
        self.tell_dialog(|dialog, app| {
            let (inside, frame) = dialog::areas(app, dialog);
            match kind {
                MouseEventKind::Down(MouseButton::Left) if inside.contains(at) => {
                    let at = Position::new(at.x - inside.x, at.y - inside.y);
                    return dialog.click(at, app, commands);
                }
                MouseEventKind::Down(MouseButton::Left) if !frame.contains(at) => {
                    return After::Close;
                }
                MouseEventKind::ScrollUp => dialog.wheel(-WHEEL_LINES, app),
                MouseEventKind::ScrollDown => dialog.wheel(WHEEL_LINES, app),
                _ => {}
            }
            After::Stay
        });
    }

    fn click(&mut self, at: Position, again: bool) {
        let areas = view::areas(self);
        if areas.divider.contains(at) {
            // The tabs lie on the divider where the pane is below the list, or alone.
            if let Some(tab) = view::tab_at(self, at) {
                self.pane.show(tab);
                self.focus = Focus::Pane;
            } else if self.zoomed == Zoom::Nothing {
                self.dragging = Drag::Divider;
            }
        } else if areas.chips.contains(at) {
            if let Some(chip) = view::chip_at(self, at) {
                self.focus_list();
                self.choose_chip(chip);
            } else {
                self.act_from_mouse(super::action::Action::Filter);
            }
        } else if areas.header.contains(at) {
            match view::column_at(self, at) {
                Some((column, start, true)) => {
                    // Let go without being moved, the content decides again.
                    self.list.shown.set_width(column, None);
                    self.dragging = Drag::Edge { column, start };
                }
                Some((column, _, false)) => self.order(|wish| wish.clicked(column)),
                None => {}
            }
        } else if areas.rows.contains(at) {
            let line = usize::from(at.y - areas.rows.y);
            let place = self.list.window().nth(line);
            if let Some(place) = place {
                let selected = self.list.selected() == Some(place);
                self.list.select(place);
                self.focus = Focus::List;
                // A group folds at once; a line when its arrow is clicked, and it was selected.
                if place.is_heading() {
                    self.list.toggle_group(place.entry);
                } else if selected && at.x <= areas.rows.x + 1 {
                    self.list.toggle_fold();
                } else if again {
                    self.selection = None;
                    self.act_from_mouse(super::action::Action::Open);
                }
            }
        } else if areas.pane.contains(at) {
            if let Some(tab) = view::tab_at(self, at) {
                self.pane.show(tab);
            }
            if self.pane.loaded.is_some() {
                self.steady = self.focus != Focus::Pane || self.steady;
                self.focus = Focus::Pane;
                self.pane_click(at);
            }
        }
    }

    fn act_from_mouse(&mut self, action: super::action::Action) {
        let mut none = Vec::new();
        if self.focus != Focus::Filter {
            self.act(action, &mut none);
        }
    }

    fn drag(&mut self, at: Position) {
        match self.dragging {
            Drag::Nothing => return,
            Drag::Edge { column, start } => {
                let width = at.x.saturating_sub(start).max(1);
                self.list.shown.set_width(column, Some(width));
                return;
            }
            Drag::Divider => {}
        }
        let areas = view::areas(self);
        let whole = areas.body;
        let (to, of) = if areas.beside {
            (at.x.saturating_sub(whole.x), whole.width)
        } else {
            (at.y.saturating_sub(whole.y), whole.height)
        };
        // Rounded up, so that what it comes to is this line and not the one before.
        let share = (u32::from(to) * SPLIT_WHOLE).div_ceil(u32::from(of.max(1)));
        self.split = Some((share as u16).clamp(1_500, 8_500));
    }

    fn wheel(&mut self, at: Position, lines: isize) {
        let areas = view::areas(self);
        if areas.pane.contains(at) {
            self.pane_wheel(lines);
        } else {
            self.list.scroll(lines);
        }
    }
}
