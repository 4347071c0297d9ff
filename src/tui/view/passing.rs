//! The line that is there as long as hosts are passed through unread.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::action::Action;
use super::super::app::App;
use super::super::text::{ellipsis, sanitise, width};

/// Lines it takes.
pub(super) fn height(app: &App) -> u16 {
    u16::from(!app.passing.is_empty())
}

/// Draws it.
pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let room = usize::from(area.width);
    let key = if app.options.can_pass {
        let key = app.keys.label(Action::PassThrough);
        format!("   {key} on its row reads it again ")
    } else {
        String::new()
    };
    let text = format!(" ⇢ passed through unread: {}", app.passing.join(", "));
    let left = room.saturating_sub(width(&key));
    let text = ellipsis(&sanitise(&text), left).into_owned();
    let gap = " ".repeat(left.saturating_sub(width(&text)));
    let line = Line::styled(format!("{text}{gap}{key}"), app.theme.warning);
    frame.render_widget(line.style(app.theme.bar), area);
}
