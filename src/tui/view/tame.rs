//! The last look at what is drawn. Text from traffic is cleaned where it is laid out; what got past
//! that, as in a field that a person edits, goes no further than here.

use ratatui::buffer::Buffer;

use crate::wire::is_treacherous;

/// How many characters a cell may hold: one, and the marks above and below it.
const CELL_CHARS_MAX: usize = 5;

/// Replaces what could steer the terminal or reorder its text.
pub(crate) fn tame(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if let [0x20..=0x7e] = symbol.as_bytes() {
            continue;
        }
        if symbol.chars().any(|c| c.is_control() || is_treacherous(c)) {
            cell.set_symbol("\u{fffd}");
        } else if symbol.chars().count() > CELL_CHARS_MAX {
            let few: String = symbol.chars().take(CELL_CHARS_MAX).collect();
            cell.set_symbol(&few);
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Cell;
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn what_steers_is_replaced_and_all_else_stays() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        let pile = format!("z{}", "\u{301}".repeat(50));
        for (x, symbol) in ["a", "\u{1b}", "b\u{202e}", "é", "日", "\u{9b}", &pile, " "]
            .into_iter()
            .enumerate()
        {
            buffer.content[x].set_symbol(symbol);
        }
        tame(&mut buffer);
        let shown: Vec<&str> = buffer.content.iter().map(Cell::symbol).collect();
        let gone = "\u{fffd}";
        assert_eq!(shown[..6], ["a", gone, gone, "é", "日", gone]);
        assert_eq!(shown[6].chars().count(), 5);
        assert_eq!(shown[7], " ");
    }
}
