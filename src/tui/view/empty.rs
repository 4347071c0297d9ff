//! An empty list says what to do next.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::app::App;
use super::super::text::{sanitise, wrap};

/// Draws what to do next.
pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let lines = lines(app, usize::from(area.width).saturating_sub(4));
    let blank = area.height.saturating_sub(lines.len() as u16) / 3;
    for (line, y) in lines.into_iter().zip(area.y + blank..area.bottom()) {
        let area = Rect {
            x: area.x + 2,
            y,
            width: area.width.saturating_sub(4),
            height: 1,
        };
        frame.render_widget(line, area);
    }
}

/// Whether a filter has what only regular expressions have, and is not marked as one.
fn looks_like_regex(typed: &str) -> bool {
    let signs = ["\\", ".*", ".+", "(?", "|", "^", "$", "[^"];
    !typed.contains('~') && signs.iter().any(|sign| typed.contains(sign))
}

fn lines(app: &App, room: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let total = app.list.entries.len();
    let mut lines = Vec::new();
    let mut say = |text: &str, strong: bool| {
        for range in wrap(text, room) {
            let style = if strong {
                theme.strong
            } else {
                ratatui::style::Style::new()
            };
            lines.push(Line::styled(sanitise(&text[range]).into_owned(), style));
        }
    };
    if total > 0 {
        let lens = app.list.entries.lens();
        if !lens.filter.is_empty() || lens.chip != super::Chip::All {
            say("Nothing matches.", true);
            let typed = app.filter.input.value();
            if looks_like_regex(typed) {
                say(
                    "A regular expression begins with ~, as in path:~^/v1",
                    false,
                );
            }
            say(
                &format!("{total} requests are here; Esc drops the filter, then the chip."),
                false,
            );
        } else if lens.hidden_before > 0 {
            say("Earlier requests are hidden.", true);
            let key = app.keys.label(Action::ShowAll);
            say(
                &format!("They are still in the session: {key} brings them back."),
                false,
            );
        } else {
            say("Only the browser's own traffic so far.", true);
            say(
                &format!("{} shows it.", app.keys.label(Action::Chatter)),
                false,
            );
        }
        return lines;
    }
    let Some(address) = app.options.addresses.first() else {
        say("There is no request in this file.", true);
        return lines;
    };
    say("Nothing captured yet. Point a browser here:", true);
    say("", false);
    let chrome =
        format!("chromium --proxy-server=http://{address} --proxy-bypass-list='<-loopback>'");
    for (what, how) in [
        ("proxy", format!("http://{address}  (HTTP and HTTPS)")),
        ("Chromium", chrome),
        (
            "Firefox",
            "about:config network.proxy.allow_hijacking_localhost = true, then Settings › Proxy"
                .to_owned(),
        ),
        (
            "curl",
            format!(
                "curl -x http://{address} http://localhost:3000/  (no browser: shows bytes, not CORS)"
            ),
        ),
    ] {
        for (n, range) in wrap(&how, room.saturating_sub(11)).into_iter().enumerate() {
            let label = if n == 0 { what } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{label:<10} "), theme.label),
                Span::raw(sanitise(&how[range]).into_owned()),
            ]));
        }
    }
    lines.push(Line::raw(""));
    let launch = format!(
        "{} opens a browser of its own that is set up already",
        app.keys.label(Action::Launch)
    );
    let hints = app.options.hints.iter().map(String::as_str);
    let hints = (!app.options.browsers.is_empty())
        .then_some(launch.as_str())
        .into_iter()
        .chain(hints);
    for hint in hints {
        for range in wrap(hint, room) {
            lines.push(Line::raw(sanitise(&hint[range]).into_owned()));
        }
    }
    lines.push(Line::styled(
        "To see what this looks like with broken APIs: corscope demo",
        theme.dim,
    ));
    lines
}
