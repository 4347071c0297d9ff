//! What the mouse does: the same things the keys do.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::app::App;
use super::keymap::Focus;
use super::view;

/// Lines a notch of the wheel is worth.
const WHEEL_LINES: isize = 3;

impl App {
    pub(crate) fn mouse(&mut self, mouse: MouseEvent) {
        let at = Position::new(mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(at),
            MouseEventKind::Drag(MouseButton::Left) if self.dragging => self.drag(at),
            MouseEventKind::Up(MouseButton::Left) => self.dragging = false,
            MouseEventKind::ScrollUp => self.wheel(at, -WHEEL_LINES),
            MouseEventKind::ScrollDown => self.wheel(at, WHEEL_LINES),
            _ => {}
        }
    }

    fn click(&mut self, at: Position) {
        if self.focus == Focus::Help {
            self.focus = Focus::List;
            return;
        }
        let areas = view::areas(self);
        if areas.divider.contains(at) && !self.zoomed {
            // The tabs lie on the divider where the pane is below the list.
            if let Some(tab) = view::tab_at(self, at) {
                self.pane.show(tab);
                self.focus = Focus::Pane;
            } else {
                self.dragging = true;
            }
        } else if areas.chips.contains(at) {
            if let Some(chip) = view::chip_at(self, at) {
                self.focus_list();
                self.choose_chip(chip);
            } else {
                self.act_from_mouse(super::action::Action::Filter);
            }
        } else if areas.rows.contains(at) {
            let line = usize::from(at.y - areas.rows.y);
            let place = self.list.window().nth(line);
            if let Some(place) = place {
                let again = self.list.selected() == Some(place);
                self.list.select(place);
                self.focus = Focus::List;
                // On the arrow in front of the line, or on the line again: fold.
                if again && at.x <= areas.rows.x + 1 {
                    self.list.toggle_fold();
                }
            }
        } else if areas.pane.contains(at) {
            if let Some(tab) = view::tab_at(self, at) {
                self.pane.show(tab);
            }
            if self.pane.loaded.is_some() {
                self.focus = Focus::Pane;
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
        let areas = view::areas(self);
        let whole = areas.body;
        let share = if areas.beside {
            u32::from(at.x.saturating_sub(whole.x)) * 100 / u32::from(whole.width.max(1))
        } else {
            u32::from(at.y.saturating_sub(whole.y)) * 100 / u32::from(whole.height.max(1))
        };
        self.split = Some((share as u16).clamp(15, 85));
    }

    fn wheel(&mut self, at: Position, lines: isize) {
        if self.focus == Focus::Help {
            self.help_scroll = self
                .help_scroll
                .saturating_add_signed(lines)
                .min(view::help_scroll_max(self));
            return;
        }
        let areas = view::areas(self);
        if areas.pane.contains(at) {
            self.pane.scroll = self.pane.scroll.saturating_add_signed(lines);
        } else {
            self.list.scroll(lines);
        }
    }
}
