//! The help: printed from the keymap and the filter's table of keys.

use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::app::App;
use super::super::filter;
use super::super::keymap::{Focus, Key, Place};
use super::super::text::{width, wrap};
use super::super::theme::Theme;

/// Width of the column of keys.
const KEYS: usize = 16;

/// A line of the help: keys or sign, and what they do.
type Row = (String, String);

/// The help: all of it, or the lines that hold a text (lower case).
pub(super) fn lines(app: &App, room: usize, wanted: &str) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let entry = |keys: String, what: &str| -> Row { (keys, what.to_owned()) };
    let mut blocks: Vec<(&'static str, Vec<Row>)> = Vec::new();
    let mut places = [
        ("In the list", Place::List),
        ("Everywhere", Place::Everywhere),
        ("In the detail pane", Place::Pane),
    ];
    if app.focus_behind == Focus::Pane {
        places.reverse();
    }
    for (title, place) in places {
        let mut rows = Vec::new();
        let mut tabs = Vec::new();
        for (b, keys) in app.keys.bindings().filter(|(b, _)| b.place == place) {
            let keys: Vec<String> = keys.iter().map(|k| Key::label(*k)).collect();
            if matches!(b.action, Action::Tab(_)) {
                tabs.push((keys.join(" "), b.help));
            } else if keys.is_empty() {
                // Its key was given to something else.
                rows.push(entry(format!(":{}", b.action.id()), b.help));
            } else {
                rows.push(entry(keys.join(" "), b.help));
            }
        }
        // The tabs on one line: eight lines of one word each would push the rest off the screen.
        if let (Some((first, _)), Some((last, _))) = (tabs.first(), tabs.last()) {
            let names: Vec<&str> = tabs.iter().map(|(_, name)| *name).collect();
            let names = format!("tabs: {}", names.join(", "));
            rows.push(entry(format!("{first} – {last}"), &names));
        }
        blocks.push((title, rows));
    }
    let signs: [(&str, &str); 11] = [
        ("✖", "blocked by the browser"),
        ("◌", "opaque: delivered, script cannot read it"),
        ("?", "depends on the credentials mode"),
        ("✔", "allowed"),
        ("!", "broke below HTTP"),
        ("…", "not over yet"),
        ("⚠", "works, but something should be known"),
        ("⚡", "answered otherwise than the server did: trial fix"),
        ("↻", "sent again by corscope"),
        ("└", "folded into the line above"),
        ("◆", "marked; your comment behind it"),
    ];
    blocks.push((
        "Signs",
        signs
            .iter()
            .map(|(s, t)| entry((*s).to_owned(), t))
            .collect(),
    ));
    let mut filters: Vec<Row> = filter::KEYS
        .iter()
        .map(|(key, what)| entry(format!("{key}:"), what))
        .collect();
    for (typed, what) in [
        ("word", "in URL, method, type, status, cause, comment"),
        ("-word, not …", "the opposite"),
        ("a,b in a value", "any of them: status:4xx,5xx"),
        ("or, and, ( )", "(is:blocked or status:5xx) host:api"),
        ("~text", "regular expression: path:~^/v[12]/"),
        ("\"a text\"", "with spaces: body:\"out of stock\""),
    ] {
        filters.push(entry(typed.to_owned(), what));
    }
    blocks.push(("Filter", filters));
    blocks.push((
        "Mouse",
        vec![
            entry(
                "click".to_owned(),
                "line, chip, tab, filter, column to sort by",
            ),
            entry("click twice".to_owned(), "go into the detail pane"),
            entry("wheel".to_owned(), "scrolls what is under it"),
            entry(
                "drag".to_owned(),
                "selects text and copies it; on a divider moves that",
            ),
        ],
    ));
    if !wanted.is_empty() {
        let holds = |(keys, what): &Row| {
            let text = format!("{keys} {what}").to_lowercase();
            wanted.split_whitespace().all(|w| text.contains(w))
        };
        for (_, rows) in &mut blocks {
            rows.retain(holds);
        }
        blocks.retain(|(_, rows)| !rows.is_empty());
    }
    let columns = (room / 66).clamp(1, 3);
    let each = room / columns;
    let blocks = blocks.into_iter().map(|block| titled(block, each, theme));
    if columns == 1 {
        return blocks.flatten().collect();
    }
    beside(blocks, columns, each)
}

fn titled((title, rows): (&str, Vec<Row>), room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled(format!(" {title}"), theme.heading)];
    for (keys, what) in rows {
        let fill = " ".repeat(KEYS.saturating_sub(width(&keys)));
        let mut head = vec![
            Span::raw(" "),
            Span::styled(keys.clone(), theme.key),
            Span::raw(format!("{fill} ")),
        ];
        let indent = " ".repeat(KEYS + 2);
        if width(&keys) > KEYS {
            lines.push(Line::from(head));
            head = vec![Span::raw(indent.clone())];
        }
        for range in wrap(&what, room.saturating_sub(KEYS + 3).max(1)) {
            head.push(Span::raw(what[range].trim_end().to_owned()));
            lines.push(Line::from(head));
            head = vec![Span::raw(indent.clone())];
        }
    }
    lines.push(Line::raw(""));
    lines
}

/// Puts the blocks into columns, each block into the one that is shortest so far.
fn beside(
    blocks: impl Iterator<Item = Vec<Line<'static>>>,
    columns: usize,
    room: usize,
) -> Vec<Line<'static>> {
    let mut stacks: Vec<Vec<Line<'static>>> = vec![Vec::new(); columns];
    for block in blocks {
        if let Some(stack) = stacks.iter_mut().min_by_key(|s| s.len()) {
            stack.extend(block);
        }
    }
    let rows = stacks.iter().map(Vec::len).max().unwrap_or(0);
    (0..rows)
        .map(|row| {
            let mut line = Line::default();
            for stack in &stacks {
                let mut used = 0;
                if let Some(part) = stack.get(row) {
                    for span in &part.spans {
                        used += width(&span.content);
                        let style = part.style.patch(span.style);
                        line.push_span(Span::styled(span.content.clone(), style));
                    }
                }
                line.push_span(Span::raw(" ".repeat(room.saturating_sub(used))));
            }
            line
        })
        .collect()
}
