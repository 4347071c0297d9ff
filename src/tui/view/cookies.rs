//! Cookies that were sent, held back and set, each with what became of it and why.

use ratatui::text::{Line, Span};

use super::super::cookies::Told;
use super::super::effect::Loaded;
use super::super::text::{count, ellipsis, sanitise, width};
use super::super::theme::Theme;
use super::detail::labelled;
use crate::diagnose::Fate;

/// Columns a name may take.
const NAME_MAX: usize = 28;

/// The Cookies tab.
pub(super) fn lines(loaded: &Loaded, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let cookies = &loaded.cookies;
    let mut out = Vec::new();
    if let Some((sites, crosses)) = &cookies.sites {
        let (text, style) = match crosses {
            Some(false) => (format!("same site: {sites}"), theme.dim),
            Some(true) => (format!("crosses sites: {sites}"), theme.warning),
            None => (
                format!("{sites}: whether it crosses sites is not on the wire"),
                theme.dim,
            ),
        };
        out.extend(labelled("", &text, 0, room, style, style));
        out.push(Line::raw(""));
    }
    part(&mut out, "Sent by the browser", &cookies.sent, theme, room);
    if !cookies.held_back.is_empty() {
        out.push(Line::raw(""));
        let text = "Not sent, though this session saw them set";
        part(&mut out, text, &cookies.held_back, theme, room);
    }
    if loaded.exchange.response.is_some() {
        out.push(Line::raw(""));
        part(&mut out, "Set by the server", &cookies.set, theme, room);
    }
    if cookies.left_out > 0 {
        let text = format!(
            "{} more are not shown",
            count(cookies.left_out as u64, "cookie")
        );
        out.push(Line::styled(text, theme.dim));
    }
    out
}

fn part(out: &mut Vec<Line<'static>>, text: &str, all: &[Told], theme: &Theme, room: usize) {
    out.push(Line::from(vec![
        Span::styled(text.to_owned(), theme.heading),
        Span::styled(format!("  {}", all.len()), theme.dim),
    ]));
    if all.is_empty() {
        out.push(Line::styled("  none", theme.dim));
    }
    let names = all.iter().map(|c| width(&sanitise(shown_name(c))));
    let name_room = names.max().unwrap_or(0).min(NAME_MAX);
    for cookie in all {
        cookie_lines(out, cookie, name_room, theme, room);
    }
}

fn shown_name(cookie: &Told) -> &str {
    if cookie.name.is_empty() {
        "(no name)"
    } else {
        // Of a name of a megabyte the beginning.
        &cookie.name[..cookie.name.floor_char_boundary(200)]
    }
}

fn cookie_lines(
    out: &mut Vec<Line<'static>>,
    cookie: &Told,
    name_room: usize,
    theme: &Theme,
    room: usize,
) {
    let (sign, style) = match cookie.judged.fate {
        Fate::Good => ("✔", theme.good),
        Fate::Bad => ("✖", theme.blocked),
        Fate::Doubtful => ("?", theme.warning),
        Fate::Deleted => ("−", theme.dim),
    };
    let name = sanitise(shown_name(cookie));
    let name = ellipsis(&name, name_room).into_owned();
    let fill = " ".repeat(name_room - width(&name).min(name_room));
    let value_room = room.saturating_sub(name_room + 6);
    let value = sanitise(&cookie.value[..cookie.value.floor_char_boundary(4 * room)]);
    let value = ellipsis(&value, value_room).into_owned();
    out.push(Line::from(vec![
        Span::styled(format!("  {sign} "), style),
        Span::styled(format!("{name}{fill}  "), theme.label),
        Span::raw(value),
    ]));
    let mut facts: Vec<String> = cookie.attributes.clone();
    if let Some(by) = cookie.set_by {
        facts.insert(0, format!("set by {by}"));
    }
    if !facts.is_empty() {
        out.extend(labelled(
            "",
            &facts.join(" · "),
            4,
            room,
            theme.dim,
            theme.dim,
        ));
    }
    let section = match cookie.judged.section {
        "" => String::new(),
        section => format!("  (RFC 6265bis {section})"),
    };
    let why = format!("{}{section}", cookie.judged.why);
    let style = match cookie.judged.fate {
        Fate::Good | Fate::Deleted => theme.dim,
        _ => style,
    };
    out.extend(labelled("    ", &why, 4, room, style, style));
}
