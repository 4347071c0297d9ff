//! The bytes of a HAR, made fit to be parsed, and counted.
//!
//! Tools write JSON that is none: in UTF-16 (PowerShell's `>`), with bytes that are no UTF-8, with the
//! `NaN` of Python and JavaScript programs, with bare control characters inside text. Each is mended on
//! the way, so that one odd value does not cost the whole file.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};

const CHUNK_BYTES: usize = 64 << 10;

/// Reads a HAR. Bytes are handed out singly at little cost, which is how they are asked for.
pub(super) struct Text<'a> {
    reader: Box<dyn Read + 'a>,
    progress: Box<dyn FnMut(u64) + 'a>,
    raw: Vec<u8>,
    decoder: Option<Decoder>,
    /// Decoded and mended, ready to be handed out.
    ready: Vec<u8>,
    next: usize,
    /// Bytes handed out before those of `ready`.
    before: u64,
    read_bytes: u64,
    ended: bool,
    /// Whether what is handed out lies in the file in just this way, apart from a byte order mark.
    pub(super) faithful: bool,
    place: Place,
}

/// Where in the JSON the mending stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    Text,
    /// Behind a backslash.
    Escape,
    /// Behind a minus, which is held back.
    Minus,
    /// Within `NaN` or `Infinity`, which became `null`.
    NoNumber,
}

impl<'a> Text<'a> {
    pub(super) fn new(reader: impl Read + 'a, progress: impl FnMut(u64) + 'a) -> Self {
        Self {
            reader: Box::new(reader),
            progress: Box::new(progress),
            raw: vec![0; CHUNK_BYTES],
            decoder: None,
            ready: Vec::with_capacity(2 * CHUNK_BYTES),
            next: 0,
            before: 0,
            read_bytes: 0,
            ended: false,
            faithful: true,
            place: Place::default(),
        }
    }

    /// How many bytes were handed out: the offset of what comes next.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.next as u64
    }

    /// Gets more ready; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.before += self.ready.len() as u64;
        self.ready.clear();
        self.next = 0;
        while self.ready.is_empty() && !self.ended {
            let len = self.reader.read(&mut self.raw)?;
            self.read_bytes += len as u64;
            (self.progress)(self.read_bytes);
            self.ended = len == 0;
            let mut decoded = String::with_capacity(CHUNK_BYTES * 3 + 16);
            self.decode(len, &mut decoded);
            self.mend(decoded.as_bytes());
        }
        Ok(!self.ready.is_empty())
    }

    fn decode(&mut self, len: usize, into: &mut String) {
        let mut rest = &self.raw[..len];
        let decoder = self.decoder.get_or_insert_with(|| {
            let marked = Encoding::for_bom(rest).map(|(encoding, _)| encoding);
            // JSON begins with ASCII: a zero beside it tells UTF-16 without a mark.
            let guessed = match rest {
                [0, b, ..] if *b != 0 => encoding_rs::UTF_16BE,
                [b, 0, ..] if *b != 0 => encoding_rs::UTF_16LE,
                _ => UTF_8,
            };
            let encoding = marked.unwrap_or(guessed);
            self.faithful = encoding == UTF_8;
            encoding.new_decoder_with_bom_removal()
        });
        loop {
            let (result, read, errors) = decoder.decode_to_string(rest, into, self.ended);
            self.faithful &= !errors;
            rest = &rest[read..];
            if result == CoderResult::InputEmpty {
                return;
            }
            into.reserve(CHUNK_BYTES);
        }
    }

    fn mend(&mut self, decoded: &[u8]) {
        // What lies between here and where it stands goes on as it is.
        let mut kept = 0;
        for (at, byte) in decoded.iter().copied().enumerate() {
            match self.place {
                Place::Text => match byte {
                    b'"' => self.place = Place::Outside,
                    b'\\' => self.place = Place::Escape,
                    ..0x20 => {
                        self.ready.extend_from_slice(&decoded[kept..at]);
                        self.ready.push(b' ');
                        kept = at + 1;
                        self.faithful = false;
                    }
                    _ => {}
                },
                Place::Escape => self.place = Place::Text,
                Place::NoNumber if byte.is_ascii_alphabetic() => kept = at + 1,
                Place::Outside | Place::Minus | Place::NoNumber => {
                    let minus = self.place == Place::Minus;
                    self.place = Place::Outside;
                    match byte {
                        b'N' | b'I' => {
                            self.ready.extend_from_slice(&decoded[kept..at]);
                            self.ready.extend_from_slice(b"null");
                            kept = at + 1;
                            self.faithful = false;
                            self.place = Place::NoNumber;
                            continue;
                        }
                        b'"' => self.place = Place::Text,
                        _ => {}
                    }
                    if minus {
                        self.ready.push(b'-');
                    }
                    if byte == b'-' {
                        self.ready.extend_from_slice(&decoded[kept..at]);
                        kept = at + 1;
                        self.place = Place::Minus;
                    }
                }
            }
        }
        self.ready.extend_from_slice(&decoded[kept..]);
    }
}

impl Read for Text<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.next == self.ready.len() && !self.fill()? {
            return Ok(0);
        }
        let rest = &self.ready[self.next..];
        let len = rest.len().min(into.len());
        into[..len].copy_from_slice(&rest[..len]);
        self.next += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (String, bool) {
        // Byte by byte, so that everything lies across a border.
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let len = self.0.len().min(into.len()).min(1);
                into[..len].copy_from_slice(&self.0[..len]);
                self.0 = &self.0[len..];
                Ok(len)
            }
        }
        let mut text = String::new();
        let mut source = Text::new(bytes, |_| {});
        source.read_to_string(&mut text).expect("readable");
        assert_eq!(source.offset(), text.len() as u64);
        let mut slowly = String::new();
        let mut slow = Text::new(Slow(bytes), |_| {});
        slow.read_to_string(&mut slowly).expect("readable");
        if !bytes.contains(&0) {
            assert_eq!(text, slowly);
        }
        (text, source.faithful)
    }

    #[test]
    fn what_is_sound_stays_as_it_is() {
        for sound in [
            r#"{"a": -1.5e-3, "b": [null, true, "-Infinity NaN \" N"], "\\": "\u00e9 \u00e9 é"}"#,
            "",
            "[-]",
        ] {
            assert_eq!(read(sound.as_bytes()), (sound.to_owned(), true));
        }
        assert_eq!(read(b"\xef\xbb\xbf{}"), ("{}".into(), true));
    }

    #[test]
    fn what_is_no_json_becomes_some() {
        for (broken, mended) in [
            (
                &b"{\"a\": NaN, \"b\": -Infinity,\"c\":[Infinity]}"[..],
                r#"{"a": null, "b": null,"c":[null]}"#,
            ),
            (b"[\"a\tb\nc\", \"\\\"\r\"]", "[\"a b c\", \"\\\" \"]"),
            (b"[\"caf\xe9\"]", "[\"caf\u{fffd}\"]"),
            (b"\xff\xfe{\0}\0", "{}"),
            (b"{\0}\0", "{}"),
            (b"\xfe\xff\0{\0}", "{}"),
        ] {
            assert_eq!(read(broken), (mended.to_owned(), false));
        }
    }
}
