//! How the fix dialog looks.
//!
//! ```text
//! ▌● Express (Node.js)   │ SEEN   nginx (server: nginx/1.22.1)
//!  ● nginx               │ OTHERS at other endpoints of this host: Express (x-powered-by: Express)
//!    NestJS              │ WHY    Express answers at other endpoints (x-powered-by: Express)
//!    Next.js             │ on the answer to OPTIONS
//!    …                   │  + Access-Control-Allow-Origin: https://app.test
//!    …                   │ cors.js · run with Express 5.3.0, …
//!                        │  const cors = require('cors');
//!                        │ ───────────────────────────────────────
//!                        │ No origin: '*' or origin: true, …
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::dialog::FixDialog;
use super::super::text::{break_rows, ellipsis, sanitise, width};
use super::super::theme::Theme;
use super::detail::labelled;
use crate::fix::{Reach, snippet};
use crate::report::FixLine;

/// Columns of the list of servers at most.
const SERVERS_MAX: u16 = 30;
/// Columns of the words in front of facts.
const LABEL: usize = 7;

/// Where everything is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FixAreas {
    pub(crate) servers: Rect,
    divider: Rect,
    pub(crate) text: Rect,
    /// What not to do.
    never: Rect,
}

/// Where everything of the dialog is.
pub(crate) fn fix_areas(dialog: &FixDialog, inside: Rect) -> FixAreas {
    let servers = if dialog.choices.is_empty() {
        0
    } else {
        SERVERS_MAX.min(inside.width / 3)
    };
    let divider = servers.min(1);
    let left = inside.x + servers + divider + 1;
    let room = Rect {
        x: left.min(inside.right()),
        width: inside.width.saturating_sub(servers + divider + 2),
        ..inside
    };
    let never = never(dialog, room.width).len() as u16;
    let below = if never == 0 || inside.height < never + 6 {
        0
    } else {
        never + 1
    };
    FixAreas {
        servers: Rect {
            width: servers,
            ..inside
        },
        divider: Rect {
            x: inside.x + servers,
            width: divider,
            ..inside
        },
        text: Rect {
            height: inside.height - below,
            ..room
        },
        never: Rect {
            y: inside.bottom() - below,
            height: below,
            ..room
        },
    }
}

/// How many rows the right side has.
pub(crate) fn fix_rows(dialog: &FixDialog, app: &App, columns: u16) -> usize {
    lines(dialog, &app.theme, usize::from(columns)).len()
}

/// Draws it.
pub(crate) fn draw_fix(dialog: &FixDialog, app: &App, frame: &mut Frame<'_>, inside: Rect) {
    let theme = &app.theme;
    let areas = fix_areas(dialog, inside);
    let row = |area: Rect, y: u16| Rect {
        y,
        height: 1,
        ..area
    };
    for y in areas.divider.top()..areas.divider.bottom() {
        if areas.divider.width > 0 {
            frame.render_widget(Span::styled("│", theme.rule), row(areas.divider, y));
        }
    }
    let choices = dialog.choices.iter().enumerate().skip(dialog.picker.top);
    for ((n, choice), y) in choices.zip(areas.servers.top()..areas.servers.bottom()) {
        let chosen = n == dialog.picker.chosen;
        let base = if chosen { theme.selected } else { Style::new() };
        let sign = if choice.seen { "● " } else { "  " };
        let room = usize::from(areas.servers.width).saturating_sub(4);
        let title = ellipsis(choice.title, room).into_owned();
        let fill = " ".repeat(room.saturating_sub(width(&title)) + 1);
        let spans = vec![
            Span::raw(if chosen { "▌" } else { " " }),
            Span::styled(sign, theme.good),
            Span::raw(title),
            Span::raw(fill),
        ];
        frame.render_widget(Line::from(spans).style(base), row(areas.servers, y));
    }
    let text = lines(dialog, theme, usize::from(areas.text.width));
    let hidden = text
        .len()
        .saturating_sub(dialog.scroll + usize::from(areas.text.height));
    let seen = text.into_iter().skip(dialog.scroll);
    for (line, y) in seen.zip(areas.text.top()..areas.text.bottom()) {
        frame.render_widget(line, row(areas.text, y));
    }
    if areas.never.height > 0 {
        let more = if hidden > 0 {
            format!(" ▼ {hidden} more ")
        } else {
            String::new()
        };
        let rule = "─".repeat(usize::from(areas.never.width).saturating_sub(width(&more)));
        let rule = Line::from(vec![
            Span::styled(rule, theme.rule),
            Span::styled(more, theme.dim),
        ]);
        frame.render_widget(rule, row(areas.never, areas.never.y));
        let never = never(dialog, areas.never.width);
        for (text, y) in never
            .into_iter()
            .zip(areas.never.y + 1..areas.never.bottom())
        {
            frame.render_widget(Line::styled(text, theme.warning), row(areas.never, y));
        }
    }
}

/// What not to do, broken to the room.
fn never(dialog: &FixDialog, columns: u16) -> Vec<String> {
    let Some(Ok(snippet)) = &dialog.snippet else {
        return Vec::new();
    };
    let lines = labelled(
        "",
        snippet.never,
        0,
        usize::from(columns),
        Style::new(),
        Style::new(),
    );
    lines.iter().map(ToString::to_string).collect()
}

/// The right side.
fn lines(dialog: &FixDialog, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    let plain = |text: &str, style: Style| labelled("", text, 0, room, style, style);
    let fact = |label: &str, text: &str, style: Style| {
        labelled(label, text, LABEL, room, theme.label, style)
    };
    let Some(mended) = &dialog.mended else {
        return plain("Looking at what the server answered…", theme.dim);
    };
    match mended.reach {
        None => return plain("Nothing is broken here any more.", theme.dim),
        Some(Reach::Server) => {}
        Some(Reach::Client) => out.extend(plain(
            "No header of the server mends this; the page's own code does:",
            theme.strong,
        )),
        Some(Reach::None) => out.extend(plain("No header mends this:", theme.strong)),
    }
    let server = mended.reach == Some(Reach::Server);
    if let Some(mending) = &mended.mending {
        let hops = mending.hops();
        let elsewhere = mending.elsewhere();
        match (hops.is_empty(), &elsewhere) {
            (false, _) => out.extend(fact("SEEN", &hops.join(" → "), Style::new())),
            (true, Some(_)) => {
                let text = "nothing: no answer of this endpoint tells which server made it";
                out.extend(fact("SEEN", text, Style::new()));
            }
            (true, None) => out.extend(plain(
                "Nothing in the answers tells which server this is: choose yours on the left.",
                theme.dim,
            )),
        }
        if let Some(elsewhere) = &elsewhere {
            out.extend(fact("OTHERS", elsewhere, Style::new()));
        }
        // The sign alone is said above already.
        let sentence = |why: &&str| !hops.iter().any(|hop| hop.contains(*why));
        if let Some(why) = mending.stack.why.as_deref().filter(sentence) {
            out.extend(fact("WHY", why, theme.dim));
        } else if let (None, Some(hop)) = (mending.stack.best, mending.stack.hops.last()) {
            let likely = if mending.stack.kin().is_empty() {
                ""
            } else {
                ", the likely ones come first"
            };
            let text = format!(
                "{} does not tell the framework behind it: choose yours on the left{likely}",
                hop.name
            );
            out.extend(fact("WHY", &text, theme.dim));
        }
        out.push(Line::raw(""));
    }
    out.extend(header_lines(&mended.lines, server, theme, room));
    match &dialog.snippet {
        Some(Ok(snippet)) => {
            out.extend(snippet_lines(snippet, theme, room));
            if mended.credentials_open {
                let text = "Whether the call includes credentials (cookies) was not to be seen: if it does, let \
                            the server allow them here too.";
                out.extend(labelled("•", text, 2, room, theme.warning, theme.warning));
            }
        }
        Some(Err(refused)) => {
            out.push(Line::raw(""));
            out.extend(plain(&refused.to_string(), theme.blocked));
        }
        None => {}
    }
    out
}

/// What to add and to take away; of the steps only those that introduce such lines, where a snippet
/// says the rest.
fn header_lines(lines: &[FixLine], server: bool, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let introduces = matches!(lines.get(n + 1), Some(FixLine::Add(_) | FixLine::Remove(_)));
        match line {
            FixLine::Step(text) if introduces || !server => {
                out.extend(labelled(
                    "",
                    text,
                    0,
                    room,
                    theme.dim,
                    if server { theme.dim } else { Style::new() },
                ));
            }
            FixLine::Step(_) => {}
            FixLine::Add(text) => out.extend(labelled(" +", text, 3, room, theme.good, theme.good)),
            FixLine::Remove(text) => {
                out.extend(labelled(" -", text, 3, room, theme.blocked, theme.blocked));
            }
        }
    }
    out
}

fn snippet_lines(snippet: &snippet::Snippet, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    let fact = |label: &str, text: &str, style: Style| {
        labelled(label, text, LABEL, room, theme.label, style)
    };
    for part in &snippet.parts {
        out.push(Line::raw(""));
        out.extend(fact("FILE", part.file, theme.strong));
        out.extend(fact("WHERE", part.place, Style::new()));
        if !snippet.install.is_empty() {
            out.extend(fact("NEEDS", snippet.install, Style::new()));
        }
        out.push(Line::raw(""));
        for line in part.code.lines() {
            out.extend(code(line, theme, room));
        }
    }
    out.push(Line::raw(""));
    for note in &snippet.notes {
        out.extend(labelled("•", note, 2, room, theme.dim, Style::new()));
    }
    let tested = snippet.tested.map_or_else(
        || "This snippet was not run here.".to_owned(),
        |versions| format!("This snippet was run with {versions}."),
    );
    out.extend(labelled("•", &tested, 2, room, theme.dim, theme.dim));
    out
}

/// A line of code; one that is too long goes on in the next row, marked.
fn code(line: &str, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let clean = sanitise(&line.replace('\t', "    ")).into_owned();
    let start = clean.trim_start();
    let comment = start.starts_with("//") || start.starts_with("# ") || start.starts_with("/**");
    let style = if comment { theme.dim } else { Style::new() };
    break_rows(&clean, room.saturating_sub(2).max(1))
        .into_iter()
        .enumerate()
        .map(|(n, range)| {
            let mark = if n == 0 { "  " } else { "↪ " };
            Line::from(vec![
                Span::styled(mark, theme.dim),
                Span::styled(clean[range].to_owned(), style),
            ])
        })
        .collect()
}
