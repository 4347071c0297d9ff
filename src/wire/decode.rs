//! Content codings and charsets, for view: output bounded, never on the forwarding path.

use std::io::{self, BufReader, Read};

use super::headers::HeaderList;

/// A body after its content codings were taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The bytes, at most as many as asked for.
    pub bytes: Vec<u8>,
    /// Whether there would have been more, or the input ended early.
    pub cut: bool,
    /// Why decoding stopped before the end, if it did: a coding nobody knows, or broken data
    /// ([`coding_fault`]).
    pub fault: Option<String>,
    /// Whether the headers name a coding, and the bytes are plain text all the same.
    pub uncoded: bool,
}

/// Takes the codings of `Content-Encoding` off, last one first
/// ([RFC 9110 § 8.4](https://www.rfc-editor.org/rfc/rfc9110#section-8.4)): gzip, deflate (zlib or raw),
/// br, zstd. At most `limit_bytes` come out, so a bomb costs no more than that. A broken or cut
/// input yields what could be read before the fault. Text that is not coded at all, whatever the
/// header says, comes out as it is: HAR files hold bodies decoded, and some servers lie.
pub fn decode_body(headers: &HeaderList, raw: &[u8], limit_bytes: usize) -> Decoded {
    let codings = headers
        .get("content-encoding")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut out = Decoded {
        bytes: Vec::new(),
        cut: false,
        fault: None,
        uncoded: false,
    };
    let mut current = raw.to_vec();
    for coding in codings
        .split(',')
        .rev()
        .map(str::trim)
        .filter(|c| !c.is_empty())
    {
        if coding == "identity" {
            continue;
        }
        if !CODINGS.contains(&coding) {
            out.fault = Some(unknown(coding));
            break;
        }
        let (bytes, cut, fault) = step(coding, &current, limit_bytes);
        if fault.is_some() && is_text(&current) {
            out.uncoded = true;
            continue;
        }
        out.cut |= cut;
        current = bytes;
        if let Some(error) = fault {
            out.fault = Some(coding_fault(coding, &error));
            out.cut = true;
            break;
        }
    }
    if current.len() > limit_bytes {
        current.truncate(limit_bytes);
        out.cut = true;
    }
    out.bytes = current;
    out
}

/// The content codings that can be taken off, beside `identity`.
const CODINGS: [&str; 6] = ["gzip", "x-gzip", "deflate", "br", "zstd", "x-zstd"];

/// A reader of what is coded in `raw`; the coding in lower case. Fails for one nobody knows.
pub fn coding_reader<'a>(
    coding: &str,
    raw: Box<dyn Read + Send + 'a>,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match coding {
        "identity" => raw,
        "gzip" | "x-gzip" => Box::new(flate2::read::MultiGzDecoder::new(raw)),
        "deflate" => inflate(raw)?,
        "br" => Box::new(brotli::Decompressor::new(raw, 4096)),
        "zstd" | "x-zstd" => {
            let buffered = BufReader::with_capacity(16 * 1024, raw);
            Box::new(zstd::stream::read::Decoder::with_buffer(buffered)?)
        }
        other => return Err(io::Error::other(unknown(other))),
    })
}

/// What is wrong with coded data, in a few words: `gzip is cut off before its end`.
pub fn coding_fault(coding: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("{coding} is cut off before its end"),
        // Of brotli's decoder both are one.
        io::ErrorKind::InvalidData if coding == "br" => "br is broken or cut off".to_owned(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => format!("{coding} is broken"),
        io::ErrorKind::Other if coding == "zstd" => format!("{coding} is broken"),
        _ => error.to_string(),
    }
}

fn unknown(coding: &str) -> String {
    format!("unknown content coding \"{coding}\"")
}

/// Text in the charset of `Content-Type` (or of the byte order mark, or UTF-8), undecodable bytes
/// replaced; also says the charset's name.
pub fn decode_charset(headers: &HeaderList, bytes: &[u8]) -> (String, &'static str) {
    let content_type = headers.get("content-type").unwrap_or_default();
    let label = content_type.split(';').skip(1).find_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"'))
    });
    let encoding = label
        .and_then(|l| encoding_rs::Encoding::for_label(l.as_bytes()))
        .unwrap_or(encoding_rs::UTF_8);
    let (text, used, _) = encoding.decode(bytes);
    (text.into_owned(), used.name())
}

/// Whether these bytes, or the beginning of them, are plain text and so no coded data.
pub fn is_plain_text(bytes: &[u8]) -> bool {
    is_text(bytes)
}

// Coded data is never text: each format begins with, or soon has, bytes that text does not.
fn is_text(bytes: &[u8]) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // Cut within a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace())
}

/// What came out, whether there would be more, and why it stopped early.
type Step = (Vec<u8>, bool, Option<io::Error>);

fn step(coding: &str, raw: &[u8], limit_bytes: usize) -> Step {
    let from = |raw: Box<dyn Read + Send + '_>| match coding_reader(coding, raw) {
        Ok(reader) => read_up_to(reader, limit_bytes),
        Err(error) => (Vec::new(), true, Some(error)),
    };
    let all = from(Box::new(raw));
    if all.2.is_none() {
        return all;
    }
    // A decoder that meets broken data throws away what it made of the same piece of input: small
    // pieces lose little.
    let bit_by_bit = from(Box::new(Drip(raw)));
    if bit_by_bit.0.len() > all.0.len() {
        bit_by_bit
    } else {
        all
    }
}

/// Bytes in small pieces.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        const PIECE_BYTES: usize = 16;
        let most = into.len().min(PIECE_BYTES);
        self.0.read(&mut into[..most])
    }
}

fn read_up_to(mut reader: impl Read, limit_bytes: usize) -> Step {
    let mut out = Vec::new();
    let mut chunk = [0_u8; 16 * 1024];
    loop {
        let room = (limit_bytes + 1).saturating_sub(out.len()).min(chunk.len());
        if room == 0 {
            out.truncate(limit_bytes);
            return (out, true, None);
        }
        match reader.read(&mut chunk[..room]) {
            Ok(0) => return (out, false, None),
            Ok(n) => out.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (out, true, Some(error)),
        }
    }
}

/// "deflate" means zlib, but some servers send raw deflate, and browsers accept both: RFC 1950 § 2.2
/// tells them apart.
fn inflate<'a>(mut raw: Box<dyn Read + Send + 'a>) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut head = [0; 2];
    raw.read_exact(&mut head)?;
    let is_zlib = head[0] & 0x0f == 8 && u16::from_be_bytes(head) % 31 == 0;
    let whole = io::Cursor::new(head).chain(raw);
    Ok(if is_zlib {
        Box::new(flate2::read::ZlibDecoder::new(whole))
    } else {
        Box::new(flate2::read::DeflateDecoder::new(whole))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn coded(coding: &str, data: &[u8]) -> (HeaderList, Vec<u8>) {
        let bytes = match coding {
            "gzip" => {
                let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                w.write_all(data).expect("memory");
                w.finish().expect("memory")
            }
            "deflate" => {
                let mut w =
                    flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                w.write_all(data).expect("memory");
                w.finish().expect("memory")
            }
            "br" => {
                let mut out = Vec::new();
                let mut w = brotli::CompressorWriter::new(&mut out, 4096, 4, 20);
                w.write_all(data).expect("memory");
                drop(w);
                out
            }
            "zstd" => zstd::encode_all(data, 1).expect("memory"),
            other => unreachable!("{other} is not a coding of this test"),
        };
        (
            HeaderList::from_pairs([("Content-Encoding", coding)]),
            bytes,
        )
    }

    #[test]
    fn every_coding_comes_off() {
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let (headers, bytes) = coded(coding, b"{\"ok\":true}");
            let decoded = decode_body(&headers, &bytes, 1 << 20);
            assert_eq!(decoded.bytes, b"{\"ok\":true}", "{coding}");
            assert_eq!((decoded.cut, decoded.fault), (false, None), "{coding}");
        }
    }

    #[test]
    fn a_bomb_is_cut() {
        let (headers, bytes) = coded("gzip", &vec![0; 4 << 20]);
        let decoded = decode_body(&headers, &bytes, 1000);
        assert_eq!((decoded.bytes.len(), decoded.cut), (1000, true));
    }

    #[test]
    fn a_cut_input_gives_what_it_has() {
        let text: Vec<u8> = (0..20_000_u32)
            .flat_map(|n| n.to_string().into_bytes())
            .collect();
        let (headers, bytes) = coded("gzip", &text);
        let decoded = decode_body(&headers, &bytes[..bytes.len() / 2], 1 << 20);
        assert!(decoded.cut && text.starts_with(&decoded.bytes) && !decoded.bytes.is_empty());
    }

    #[test]
    fn what_is_cut_off_or_broken_says_so_and_gives_what_came_before() {
        let text: Vec<u8> = (0..60_000_u32)
            .flat_map(|n| format!("{}\n", n.wrapping_mul(2_654_435_761)).into_bytes())
            .collect();
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let (headers, bytes) = coded(coding, &text);
            let half = decode_body(&headers, &bytes[..bytes.len() / 2], 1 << 20);
            let fault = half.fault.as_deref().expect(coding);
            assert!(
                fault.starts_with(coding) && fault.contains("cut off"),
                "{fault}"
            );
            let mut broken = bytes.clone();
            let at = bytes.len() / 2;
            broken[at..at + 64].fill(0xff);
            let broken = decode_body(&headers, &broken, 1 << 20);
            for decoded in [&half, &broken] {
                // What follows the fault may be anything; the first third cannot be.
                let sure = text.len() / 3;
                assert!(decoded.bytes.get(..sure) == Some(&text[..sure]), "{coding}");
                assert!(!decoded.uncoded);
            }
            // Without a checksum, broken data may look well.
            let seen = broken.cut && broken.fault.is_some();
            assert!(seen || matches!(coding, "br" | "zstd"), "{coding}");
            let none = decode_body(&headers, &[0xf7, 0, 0x9c, 0xff, 0xfe, 1, 2, 0x80], 1 << 20);
            assert!(none.fault.is_some(), "{coding}: {none:?}");
        }
    }

    #[test]
    fn text_that_is_not_coded_comes_out_as_it_is() {
        for coding in ["gzip", "deflate", "br", "zstd", "br, gzip"] {
            for text in [
                "{\"error\":\"no such table\"}",
                "<!doctype html>",
                "é",
                "ok",
            ] {
                let headers = HeaderList::from_pairs([("Content-Encoding", coding)]);
                let decoded = decode_body(&headers, text.as_bytes(), 1 << 20);
                assert_eq!(decoded.bytes, text.as_bytes(), "{coding}: {text}");
                assert!(
                    decoded.fault.is_none() && decoded.uncoded,
                    "{coding}: {text}"
                );
            }
        }
    }

    #[test]
    fn an_unknown_coding_is_said() {
        let headers = HeaderList::from_pairs([("content-encoding", "rot13")]);
        assert!(
            decode_body(&headers, b"x", 10)
                .fault
                .is_some_and(|f| f.contains("rot13"))
        );
    }

    #[test]
    fn charset_of_the_header() {
        let headers = HeaderList::from_pairs([("content-type", "text/plain; charset=iso-8859-1")]);
        assert_eq!(decode_charset(&headers, b"\xe9").0, "\u{e9}");
    }
}
