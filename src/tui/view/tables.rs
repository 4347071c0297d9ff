//! Rows unpacked from a value.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::tables::{Table, one_line};
use super::super::text::{count, ellipsis, width};
use super::super::theme::Theme;
use super::detail::labelled;

/// Columns a name may take.
const NAME_MAX: usize = 26;

/// The tables, one below the other.
pub(super) fn lines(tables: &[Table], theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    for table in tables {
        out.push(Line::raw(""));
        let mut title = vec![Span::styled(one_line(&table.title), theme.heading)];
        if table.remark.is_empty() {
            title.push(Span::styled(format!("  {}", table.count), theme.dim));
        } else {
            title.push(Span::styled(format!("  {}", table.remark), theme.warning));
        }
        out.push(Line::from(title));
        let names = table.rows.iter().map(|row| width(&one_line(&row.name)));
        let name_room = names.max().unwrap_or(0).clamp(1, NAME_MAX);
        for row in &table.rows {
            let name = one_line(&row.name);
            let name = ellipsis(&name, name_room).into_owned();
            let label = format!("  {name}{}  ", " ".repeat(name_room - width(&name)));
            let indent = name_room + 4;
            let note_style = if row.bad { theme.blocked } else { theme.dim };
            if row.value.is_empty() && !row.note.is_empty() {
                out.extend(labelled(
                    &label,
                    &row.note,
                    indent,
                    room,
                    theme.label,
                    note_style,
                ));
                continue;
            }
            let style = Style::new();
            out.extend(labelled(
                &label,
                &row.value,
                indent,
                room,
                theme.label,
                style,
            ));
            if !row.note.is_empty() {
                out.extend(labelled(
                    "", &row.note, indent, room, note_style, note_style,
                ));
            }
        }
        let more = table.count - table.rows.len();
        if more > 0 {
            let text = format!("  {} not shown", count(more as u64, "row"));
            out.push(Line::styled(text, theme.dim));
        }
    }
    out
}
