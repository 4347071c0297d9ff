//! What is around a dialog.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear};

use super::super::app::App;
use super::super::dialog::{self, Dialog, Room};
use super::super::text::{ellipsis, sanitise, width};

/// Draws a dialog with what is around it.
pub(super) fn draw(app: &App, dialog: &dyn Dialog, frame: &mut Frame<'_>) {
    let theme = &app.theme;
    let (inside, outside) = dialog::areas(app, dialog);
    frame.render_widget(Clear, outside);
    let title = dialog.title(app);
    let room = usize::from(outside.width).saturating_sub(6);
    let title = ellipsis(&sanitise(&title), room).into_owned();
    match dialog.room(app) {
        Room::Whole => {
            let fill = usize::from(outside.width).saturating_sub(width(&title) + 4);
            let line = Line::from(vec![
                Span::styled("─ ", theme.rule_focused),
                Span::styled(title, theme.brand),
                Span::styled(format!(" {}", "─".repeat(fill + 1)), theme.rule_focused),
            ]);
            let top = Rect {
                height: outside.height.min(1),
                ..outside
            };
            frame.render_widget(line, top);
        }
        Room::Middle(..) => {
            let block = Block::bordered()
                .border_type(BorderType::Rounded)
                .border_style(theme.rule_focused)
                .title(Span::styled(format!(" {title} "), theme.brand));
            frame.render_widget(block, outside);
        }
    }
    if inside.width > 0 && inside.height > 0 {
        dialog.draw(app, frame, inside);
    }
}
