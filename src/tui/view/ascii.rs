//! The screen for terminals that know ASCII only: signs of ours have a letter each, whatever else is
//! foreign becomes a question mark.

use ratatui::buffer::Buffer;

/// What stands for a sign of ours.
const SIGNS: [(&str, &str); 49] = [
    ("±", "~"),
    ("≠", "!"),
    ("◆", "#"),
    ("✖", "X"),
    ("✔", "v"),
    ("◌", "o"),
    ("⚠", "w"),
    ("…", "~"),
    ("⚡", "z"),
    ("↻", "r"),
    ("└", "`"),
    ("▌", ">"),
    ("▸", "+"),
    ("▾", "-"),
    ("│", "|"),
    ("─", "-"),
    ("━", "-"),
    ("█", "#"),
    ("▐", "#"),
    ("▏", "|"),
    ("▒", "="),
    ("░", ":"),
    ("┆", ":"),
    ("●", "*"),
    ("‖", "="),
    ("◀", "<"),
    ("▼", "v"),
    ("▲", "^"),
    ("→", ">"),
    ("←", "<"),
    ("↑", "^"),
    ("↓", "v"),
    ("↔", "="),
    ("⇄", "="),
    ("⏎", "/"),
    ("╭", "+"),
    ("╮", "+"),
    ("╰", "+"),
    ("╯", "+"),
    ("├", "+"),
    ("┼", "+"),
    ("·", "."),
    ("–", "-"),
    ("•", "*"),
    ("›", ">"),
    ("‹", "<"),
    ("’", "'"),
    ("µ", "u"),
    ("×", "x"),
];

/// Replaces every sign that is no ASCII.
pub(crate) fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        let known = SIGNS.iter().find(|(sign, _)| *sign == symbol);
        let letter = match (known, symbol.chars().next()) {
            (Some((_, letter)), _) => letter,
            // Pictures of control characters.
            (None, Some('\u{2400}'..='\u{2421}')) => "^",
            _ => "?",
        };
        cell.set_symbol(letter);
    }
}
