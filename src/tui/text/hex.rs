//! Binary bodies as hex.

use std::fmt::Write as _;

use super::document::{DocLine, Document, Token};

/// Sixteen bytes a line: offset, hex, and the printable ASCII among them.
pub(crate) fn hex_document(bytes: &[u8]) -> Document {
    let lines = bytes
        .chunks(16)
        .enumerate()
        .map(|(n, chunk)| {
            let mut line = DocLine::default();
            line.push(&format!("{:08x}  ", n * 16), Token::Ours);
            let mut hex = String::with_capacity(50);
            for (i, byte) in chunk.iter().enumerate() {
                let gap = if i == 7 { "  " } else { " " };
                let _ = write!(hex, "{byte:02x}{gap}");
            }
            line.push(&format!("{hex:<49} "), Token::Plain);
            let ascii: String = chunk
                .iter()
                .map(|b| match b {
                    0x20..=0x7e => char::from(*b),
                    _ => '·',
                })
                .collect();
            line.push(&ascii, Token::Text);
            line
        })
        .collect();
    Document {
        form: "hex",
        lines,
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_hexdump_has_it() {
        let doc = hex_document(b"\x89PNG\r\n\x1a\n0123456789");
        assert_eq!(
            doc.lines[0].text,
            "00000000  89 50 4e 47 0d 0a 1a 0a  30 31 32 33 34 35 36 37  ·PNG····01234567"
        );
        let (first, last) = (&doc.lines[0].text, &doc.lines[1].text);
        assert!(last.starts_with("00000010  38 39 "), "{last}");
        // The text column stays where it is on a short last line.
        assert_eq!(last.rfind("89"), first.find('·'));
    }
}
