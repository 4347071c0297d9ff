//! The rows of a body that are in view, and the line in which a text is looked for.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::body::{Body, Mode, Reading, Window};
use super::super::keymap::Focus;
use super::super::pane::Tab;
use super::super::text::{
    DocLine, Document, HEX_ROW_BYTES, break_rows, ellipsis, hex_columns, hex_line, sanitise, size,
    width, window,
};
use super::super::theme::Theme;

/// A row, and the arrow before it where something can be folded.
pub(super) struct Row {
    pub(super) arrow: Option<&'static str>,
    pub(super) line: Line<'static>,
}

/// How rows are drawn.
pub(super) struct Manner<'a> {
    pub(super) theme: &'a Theme,
    pub(super) room: usize,
    /// Columns moved to the left; only where lines are not broken.
    pub(super) across: usize,
    pub(super) wrap: bool,
}

/// The rows from one on, as many as there is room for.
pub(super) fn rows(
    body: &Body,
    reading: &Reading,
    first: usize,
    count: usize,
    manner: &Manner<'_>,
) -> Vec<Row> {
    let mut out = Vec::with_capacity(count);
    // The line drawn last, with its rows: a long one fills many.
    let mut last: Option<(u64, Drawn)> = None;
    for row in first..first.saturating_add(count) {
        let Some(at) = reading.row_at(body, row) else {
            break;
        };
        if last.as_ref().is_none_or(|(line, _)| *line != at.line) {
            let Some(drawn) = draw(body, reading, at.line, manner) else {
                out.push(Row {
                    arrow: None,
                    line: Line::styled("…", manner.theme.dim),
                });
                continue;
            };
            last = Some((at.line, drawn));
        }
        let Some((_, drawn)) = &last else { continue };
        let range = drawn.rows.get(at.part).cloned().unwrap_or(0..0);
        out.push(Row {
            arrow: drawn.arrow.filter(|_| at.part == 0),
            line: styled(&drawn.line, &range, &drawn.marks, manner.theme),
        });
    }
    out
}

/// A line ready to be cut into rows.
struct Drawn {
    line: DocLine,
    rows: Vec<Range<usize>>,
    /// What was looked for, and whether it is the place a person is at.
    marks: Vec<(Range<usize>, bool)>,
    arrow: Option<&'static str>,
}

fn draw(body: &Body, reading: &Reading, line: u64, manner: &Manner<'_>) -> Option<Drawn> {
    let mode = reading.mode(body);
    if mode == Mode::Hex {
        return hex(body, reading, line, manner);
    }
    if body.huge.is_some() {
        let Some(Window::Lines(first, start, document)) = &reading.huge.window else {
            return None;
        };
        let n = usize::try_from(line.checked_sub(*first)?).ok()?;
        (n < document.lines.len()).then_some(())?;
        let drawn = document.line(n);
        let marks = marks(document, &drawn, n, *start, reading);
        let rows = vec![window(&drawn.text, manner.across, manner.room)];
        return Some(Drawn {
            line: drawn,
            rows,
            marks,
            arrow: None,
        });
    }
    let document = body.document(mode)?;
    let n = usize::try_from(line).ok()?;
    let mut drawn = document.line(n);
    let mut marks = marks(document, &drawn, n, 0, reading);
    let fold = reading.folded_at(document, n);
    let mut arrow = document.fold_at(n).map(|_| "▾");
    if let Some(fold) = fold {
        fold_into(document, &mut drawn, fold.close as usize, fold.members);
        arrow = Some("▸");
        let hidden =
            document.range(n + 1).start as u64..document.range(fold.close as usize).end as u64;
        if let Some((_, here)) = reading.places_in(hidden).next() {
            // Something is found in what is folded away.
            marks.push((drawn.text.len()..drawn.text.len(), here));
        }
    }
    let rows = if manner.wrap && fold.is_none() {
        break_rows(&drawn.text, manner.room.max(1))
    } else {
        vec![window(&drawn.text, manner.across, manner.room)]
    };
    Some(Drawn {
        line: drawn,
        rows,
        marks,
        arrow,
    })
}

/// `{ … 12 },`: what is folded, behind the line that opens it.
fn fold_into(document: &Document, line: &mut DocLine, close: usize, members: u32) {
    line.push_ours(&format!(" … {members} "), super::super::text::Token::Ours);
    let closing = document.line(close);
    let text = closing.text.trim_start();
    line.push_ours(text, super::super::text::Token::Punctuation);
}

fn marks(
    document: &Document,
    drawn: &DocLine,
    n: usize,
    start: u64,
    reading: &Reading,
) -> Vec<(Range<usize>, bool)> {
    let range = document.range(n);
    let mut out = Vec::new();
    for (place, here) in reading.places_in(start + range.start as u64..start + range.end as u64) {
        let wanted = place.start.saturating_sub(start) as usize..(place.end - start) as usize;
        let parts = drawn.drawn(&document.text, &wanted);
        out.extend(parts.into_iter().map(|part| (part, here)));
    }
    out
}

fn hex(body: &Body, reading: &Reading, row: u64, manner: &Manner<'_>) -> Option<Drawn> {
    let at = row * HEX_ROW_BYTES as u64;
    let (first, bytes) = match &body.huge {
        None => (0, &body.bytes),
        Some(_) => match &reading.huge.window {
            Some(Window::Bytes(first, bytes)) => (*first, bytes),
            _ => return None,
        },
    };
    let start = usize::try_from(at.checked_sub(first)?).ok()?;
    let end = (start + HEX_ROW_BYTES).min(bytes.len());
    let chunk = bytes.get(start..end).filter(|c| !c.is_empty())?;
    let line = hex_line(at, chunk);
    // What is found in a text counts its bytes; where they are not those of the body, nothing is
    // marked.
    let mut marks = Vec::new();
    for (place, here) in reading.places_in(at..at + chunk.len() as u64) {
        for byte in place.start.max(at)..place.end.min(at + chunk.len() as u64) {
            let columns = hex_columns(&line, (byte - at) as usize);
            marks.extend(columns.into_iter().map(|range| (range, here)));
        }
    }
    marks.sort_by_key(|(range, _)| range.start);
    let rows = vec![window(&line.text, manner.across, manner.room)];
    Some(Drawn {
        line,
        rows,
        marks,
        arrow: None,
    })
}

/// Part of a line with its styles.
fn styled(
    line: &DocLine,
    range: &Range<usize>,
    marks: &[(Range<usize>, bool)],
    theme: &Theme,
) -> Line<'static> {
    let mut spans = Vec::new();
    let mut at = 0;
    for piece in &line.pieces {
        let (start, end) = (at.max(range.start), (piece.end as usize).min(range.end));
        at = piece.end as usize;
        if start >= end {
            continue;
        }
        let style = theme.token(piece.token);
        let mut from = start;
        for (mark, here) in marks.iter().filter(|(m, _)| m.start < end && m.end > start) {
            let (first, last) = (mark.start.clamp(from, end), mark.end.min(end));
            push(&mut spans, &line.text, from..first, style);
            push(&mut spans, &line.text, first..last, marked(theme, *here));
            from = last.max(from);
        }
        push(&mut spans, &line.text, from..end, style);
    }
    if let Some((_, here)) = marks.iter().find(|(m, _)| m.is_empty()) {
        spans.push(Span::styled(" ◀ found in here", marked(theme, *here)));
    }
    Line::from(spans)
}

fn push(spans: &mut Vec<Span<'static>>, text: &str, range: Range<usize>, style: Style) {
    if let Some(part) = text.get(range).filter(|part| !part.is_empty()) {
        spans.push(Span::styled(part.to_owned(), style));
    }
}

fn marked(theme: &Theme, here: bool) -> Style {
    if here {
        theme
            .notice
            .add_modifier(Modifier::REVERSED | Modifier::UNDERLINED)
    } else {
        theme.warning.add_modifier(Modifier::REVERSED)
    }
}

/// The line of a row as text, for the clipboard: whole, however much of it is in view.
pub(super) fn line_text(
    body: &Body,
    reading: &Reading,
    row: usize,
    theme: &Theme,
) -> Option<String> {
    let at = reading.row_at(body, row)?;
    let manner = Manner {
        theme,
        room: usize::MAX / 2,
        across: 0,
        wrap: false,
    };
    let drawn = draw(body, reading, at.line, &manner)?;
    let text = drawn.line.text.trim();
    let text = if reading.mode(body) == Mode::Pretty {
        text.strip_suffix(',').unwrap_or(text)
    } else {
        text
    };
    Some(text.to_owned())
}

/// The line in which a text is looked for, over the last row of the pane.
pub(super) fn find_line(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let messages = app.pane.tab == Tab::Messages;
    let reading = app.pane.body().map(|(_, reading)| reading);
    let wanted = match reading {
        Some(reading) => reading.wanted(),
        None if messages => app.pane.talk.wanted(),
        None => return,
    };
    let typing = app
        .pane
        .finding
        .as_ref()
        .filter(|_| app.focus == Focus::Pane);
    if (typing.is_none() && wanted.is_empty()) || area.height == 0 {
        return;
    }
    let theme = &app.theme;
    let line = Rect {
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    let (at, all, done) = reading.map_or((None, 0, true), Reading::found);
    let said = match (at, all) {
        _ if messages => {
            let all = app.pane.loaded.as_ref().map_or(0, |l| l.messages.len());
            let owners: std::collections::BTreeSet<_> =
                app.pane.fixed.owners.iter().flatten().collect();
            format!("{} of {all} messages", owners.len())
        }
        _ if wanted.is_empty() => "type what to look for".to_owned(),
        (_, 0) if done => "found nowhere".to_owned(),
        (_, 0) => format!("searching… {}", searched(app)),
        (Some(at), _) => format!("{at} of {all}{}", if done { "" } else { "+" }),
        (None, _) => format!("{all}{} places", if done { "" } else { "+" }),
    };
    let text = typing.map_or(wanted, |input| input.value());
    let room = usize::from(line.width).saturating_sub(width(&said) + 6);
    let shown = ellipsis(&sanitise(text), room).into_owned();
    let used = 2 + width(&shown);
    let gap = usize::from(line.width).saturating_sub(used + width(&said) + 1);
    let spans = vec![
        Span::styled("/ ", theme.key),
        Span::styled(shown, theme.strong),
        Span::raw(" ".repeat(gap)),
        Span::styled(format!("{said} "), theme.dim),
    ];
    frame.render_widget(ratatui::widgets::Clear, line);
    frame.render_widget(Line::from(spans).style(theme.bar), line);
    if typing.is_some() {
        frame.set_cursor_position((line.x + used.min(room + 2) as u16, line.y));
    }
}

fn searched(app: &App) -> String {
    let Some((body, reading)) = app.pane.body() else {
        return String::new();
    };
    match &body.huge {
        Some(_) => format!("{} so far", size(reading.searched())),
        None => String::new(),
    }
}

/// How far a body that is read by windows is known.
pub(super) fn progress(body: &Body, reading: &Reading) -> Option<String> {
    let huge = body.huge.as_ref()?;
    let view = &reading.huge;
    let mut said = Vec::new();
    if huge.is_text {
        said.push(format!("{} lines", view.lines));
    }
    if !view.done {
        said.push(format!("{} read so far…", size(view.counted)));
    } else if let Some(fault) = &view.fault {
        said.push(sanitise(fault).into_owned());
    }
    Some(said.join(" · ")).filter(|said| !said.is_empty())
}

/// How much text goes onto the clipboard at most, in bytes.
const COPIED_BYTES_MAX: usize = 256 << 10;

/// The body as it is shown, for the clipboard: whole, what is folded too. Of one that is read by
/// windows, and of bytes, what is at hand.
pub(super) fn all_text(body: &Body, reading: &Reading) -> Option<String> {
    let mode = reading.mode(body);
    if let Some(document) = body.document(mode) {
        return Some(document_text(document));
    }
    if mode == Mode::Raw {
        let Some(Window::Lines(_, _, document)) = &reading.huge.window else {
            return None;
        };
        return Some(document_text(document));
    }
    let (first, bytes) = match (&body.huge, &reading.huge.window) {
        (None, _) => (0, &body.bytes),
        (Some(_), Some(Window::Bytes(first, bytes))) => (*first, bytes),
        _ => return None,
    };
    let rows = bytes.chunks(HEX_ROW_BYTES).enumerate();
    let rows = rows.take(COPIED_BYTES_MAX / 80).map(|(n, chunk)| {
        let line = hex_line(first + (n * HEX_ROW_BYTES) as u64, chunk);
        line.text
    });
    Some(rows.collect::<Vec<_>>().join("\n"))
}

fn document_text(document: &Document) -> String {
    if !document.laid_out {
        let cut = document.text.floor_char_boundary(COPIED_BYTES_MAX);
        return document.text[..cut].to_owned();
    }
    let mut text = String::new();
    for n in 0..document.lines.len() {
        if n > 0 {
            text.push('\n');
        }
        text.push_str(&document.line(n).text);
        if text.len() > COPIED_BYTES_MAX {
            break;
        }
    }
    text
}
