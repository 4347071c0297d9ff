//! What could be typed next, below the filter box.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::super::app::App;
use super::super::text::{ellipsis, sanitise, width};
use super::bars;

/// Draws the offers over the list.
pub(super) fn draw(app: &App, frame: &mut Frame<'_>, below: Rect) {
    let offers = &app.filter.offers;
    let height = (offers.len() as u16).min(below.height);
    if height == 0 {
        return;
    }
    let texts: Vec<String> = offers
        .iter()
        .map(|o| sanitise(&o.text).into_owned())
        .collect();
    let text_width = texts.iter().map(|t| width(t)).max().unwrap_or(0).min(48);
    let about_width = offers.iter().map(|o| width(&o.about)).max().unwrap_or(0);
    let wanted = (text_width + about_width + 4) as u16;
    let wanted = wanted.min(below.width);
    let x = bars::filter_column(app).saturating_sub(1);
    let area = Rect {
        x: below.x + x.min(below.width - wanted),
        y: below.y,
        width: wanted,
        height,
    };
    frame.render_widget(Clear, area);
    for ((n, text), y) in texts.iter().enumerate().zip(area.y..area.bottom()) {
        let base = if app.filter.chosen == Some(n) {
            app.theme.selected
        } else {
            app.theme.bar
        };
        let text = ellipsis(text, text_width).into_owned();
        let gap = text_width.saturating_sub(width(&text)) + 2;
        let room = usize::from(area.width).saturating_sub(text_width + 4);
        let about = ellipsis(&sanitise(&offers[n].about), room).into_owned();
        let fill = usize::from(area.width).saturating_sub(text_width + 3 + width(&about));
        let line = Line::from(vec![
            Span::raw(" "),
            Span::styled(text, app.theme.key),
            Span::raw(" ".repeat(gap)),
            Span::styled(about, app.theme.dim),
            Span::styled(" ".repeat(fill), Style::new()),
        ]);
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        frame.render_widget(line.style(base), row);
    }
}
