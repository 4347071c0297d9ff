//! Bytes as hex.

use std::fmt::Write as _;

use super::document::{DocLine, Token};

/// How many bytes a row shows.
pub(crate) const HEX_ROW_BYTES: usize = 16;

/// Sixteen bytes: offset, hex, and the printable ASCII among them. The pieces say which bytes they
/// show, relative to `chunk`.
pub(crate) fn hex_line(offset: u64, chunk: &[u8]) -> DocLine {
    let mut line = DocLine::default();
    line.push_ours(&format!("{offset:08x}  "), Token::Ours);
    let mut hex = String::with_capacity(50);
    for (i, byte) in chunk.iter().enumerate() {
        let gap = if i == 7 { "  " } else { " " };
        let _ = write!(hex, "{byte:02x}{gap}");
    }
    line.push_ours(&format!("{hex:<49} "), Token::Plain);
    let ascii: String = chunk
        .iter()
        .map(|b| match b {
            0x20..=0x7e => char::from(*b),
            _ => '·',
        })
        .collect();
    line.push_ours(&ascii, Token::Text);
    line
}

/// The columns of the drawn row that show a byte: in hex, and as a character.
pub(crate) fn hex_columns(line: &DocLine, byte: usize) -> [std::ops::Range<usize>; 2] {
    let offset = line.pieces.first().map_or(0, |p| p.end as usize);
    let hex = offset + byte * 3 + usize::from(byte > 7);
    let text = line.pieces.get(1).map_or(0, |p| p.end as usize);
    let nth = line.text[text..].char_indices().nth(byte);
    let at = nth.map_or(line.text.len(), |(at, _)| text + at);
    let len = nth.map_or(0, |(_, c)| c.len_utf8());
    [hex..hex + 2, at..at + len]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_hexdump_has_it() {
        let bytes = b"\x89PNG\r\n\x1a\n0123456789";
        let first = hex_line(0, &bytes[..16]);
        assert_eq!(
            first.text,
            "00000000  89 50 4e 47 0d 0a 1a 0a  30 31 32 33 34 35 36 37  ·PNG····01234567"
        );
        let last = hex_line(16, &bytes[16..]).text;
        assert!(last.starts_with("00000010  38 39 "), "{last}");
        // The text column stays where it is on a short last line.
        assert_eq!(last.rfind("89"), first.text.find('·'));
        let [hex, text] = hex_columns(&first, 9);
        assert_eq!((&first.text[hex], &first.text[text]), ("31", "1"));
    }
}
