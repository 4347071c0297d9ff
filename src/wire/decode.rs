//! Content codings and charsets, for view: output bounded, never on the forwarding path.

use std::io::{BufReader, Read};

use super::headers::HeaderList;

/// A body after its content codings were taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The bytes, at most as many as asked for.
    pub bytes: Vec<u8>,
    /// Whether there would have been more, or the input ended early.
    pub cut: bool,
    /// Why decoding stopped before the end, if it did: a coding nobody knows, or broken data.
    pub fault: Option<String>,
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
    };
    let mut current = raw.to_vec();
    for coding in codings
        .split(',')
        .rev()
        .map(str::trim)
        .filter(|c| !c.is_empty())
    {
        let step = match coding {
            "identity" => continue,
            "gzip" | "x-gzip" => {
                read_up_to(flate2::read::MultiGzDecoder::new(&current[..]), limit_bytes)
            }
            "deflate" => inflate(&current, limit_bytes),
            "br" => read_up_to(brotli::Decompressor::new(&current[..], 4096), limit_bytes),
            "zstd" => {
                match zstd::stream::read::Decoder::with_buffer(BufReader::new(&current[..])) {
                    Ok(reader) => read_up_to(reader, limit_bytes),
                    Err(error) => (Vec::new(), false, Some(error.to_string())),
                }
            }
            other => {
                out.fault = Some(format!("unknown content coding \"{other}\""));
                break;
            }
        };
        let (bytes, cut, fault) = step;
        if fault.is_some() && is_text(&current) {
            continue;
        }
        out.cut |= cut;
        current = bytes;
        if let Some(fault) = fault {
            out.fault = Some(format!("{coding}: {fault}"));
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

type Step = (Vec<u8>, bool, Option<String>);

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
            Err(error) => return (out, true, Some(error.to_string())),
        }
    }
}

// "deflate" means zlib, but some servers send raw deflate; browsers accept both.
fn inflate(raw: &[u8], limit_bytes: usize) -> Step {
    let zlib = read_up_to(flate2::read::ZlibDecoder::new(raw), limit_bytes);
    if zlib.2.is_some() && zlib.0.is_empty() {
        return read_up_to(flate2::read::DeflateDecoder::new(raw), limit_bytes);
    }
    zlib
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
                assert_eq!(decoded.fault, None, "{coding}: {text}");
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
