//! The bar that is there as long as answers are changed in flight.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::action::Action;
use super::super::app::App;
use super::super::text::{count, ellipsis, sanitise, width};

/// How many trials have a line of their own.
const LINES_MAX: usize = 3;

/// Lines the bar takes.
pub(super) fn height(app: &App) -> u16 {
    app.trials.len().min(LINES_MAX) as u16
}

/// Draws it.
pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let room = usize::from(area.width);
    let lines = usize::from(area.height);
    let all = app.trials.len();
    for (n, y) in (0..lines).zip(area.y..area.bottom()) {
        let last = n + 1 == lines;
        let more = all - lines.min(all);
        let trial = &app.trials[n];
        let stop = if n == 0 {
            let all = if all > 1 { " all" } else { "" };
            format!("   {} stop{all} ", app.keys.label(Action::StopTrial))
        } else if last && more > 0 {
            format!("   and {more} more ")
        } else {
            " ".to_owned()
        };
        let scope = sanitise(&trial.scope()).into_owned();
        let what = format!(
            "{} changed in flight: reload the page",
            count(trial.lines() as u64, "header")
        );
        let page = format!(" for {}", sanitise(&trial.page));
        // What is changed matters more than for whom, and that more than the whole of a long path.
        let left = room.saturating_sub(width(&stop));
        let long = format!(" ⚡ trial fix on {scope}{page}: {what}");
        let short = format!(" ⚡ trial fix on {scope}: {what}");
        let short_word = format!(" ⚡ {scope}: trial fix, reload the page");
        let brief = format!(
            " ⚡ {scope}: {} changed",
            count(trial.lines() as u64, "header")
        );
        let text = [long, short, short_word, brief.clone()]
            .into_iter()
            .find(|text| width(text) <= left)
            .unwrap_or_else(|| ellipsis(&brief, left).into_owned());
        let gap = " ".repeat(left.saturating_sub(width(&text)));
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        let line = Line::styled(format!("{text}{gap}{stop}"), app.theme.trial);
        frame.render_widget(line, row);
    }
}
