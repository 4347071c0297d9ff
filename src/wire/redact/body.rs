//! Secrets in bodies, by their kind.

use std::borrow::Cow;

use super::names;
use super::text::form_decoded;
use super::{Redactor, json, looks_like_json, text};

/// How much of a body tells whether it is text.
const SAMPLE_BYTES: usize = 4096;

/// What is left of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedactedBody<'a> {
    /// These bytes.
    Kept(Cow<'a, [u8]>),
    /// Nothing: it is binary of a kind that may hold anything, and nobody can look inside.
    LeftOut,
}

impl RedactedBody<'_> {
    /// The bytes; none if it was left out.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Kept(bytes) => bytes.into_owned(),
            Self::LeftOut => Vec::new(),
        }
    }
}

impl Redactor {
    /// A body, its content coding taken off, without secrets. Pictures, fonts, sound, film and
    /// WebAssembly stay as they are; other binary is left out.
    pub fn body<'a>(&self, content_type: Option<&str>, body: &'a [u8]) -> RedactedBody<'a> {
        if !self.is_on() || body.is_empty() {
            return RedactedBody::Kept(Cow::Borrowed(body));
        }
        let content_type = content_type.unwrap_or_default();
        let media = content_type.split(';').next().unwrap_or_default();
        let media = media.trim().to_ascii_lowercase();
        if let Some(boundary) = boundary(&media, content_type).or_else(|| first_boundary(body)) {
            return RedactedBody::Kept(Cow::Owned(self.multipart(body, &boundary)));
        }
        if let Some(little) = utf16(body) {
            return RedactedBody::Kept(self.wide(&media, body, little));
        }
        if !is_text(body) {
            return if is_harmless(&media) {
                RedactedBody::Kept(Cow::Borrowed(body))
            } else {
                RedactedBody::LeftOut
            };
        }
        RedactedBody::Kept(self.textual(&media, body))
    }

    fn textual<'a>(&self, media: &str, body: &'a [u8]) -> Cow<'a, [u8]> {
        if media == "application/x-www-form-urlencoded" {
            let fields: Vec<Vec<u8>> = body.split(|b| *b == b'&').map(|f| self.field(f)).collect();
            return text::redact(self, &fields.join(&b'&')).into_owned().into();
        }
        if looks_like_json(body) {
            let mut out = json::redact(self, body, 0);
            for pattern in &self.patterns {
                let replaced = pattern.replace_all(&out, |found: &regex::bytes::Captures<'_>| {
                    text::own(self, found)
                });
                if let Cow::Owned(changed) = replaced {
                    out = changed;
                }
            }
            // What follows a document, or breaks it off, is read as text.
            if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err() {
                out = text::redact(self, &out).into_owned();
            }
            return Cow::Owned(out);
        }
        if media == "text/event-stream" || body.starts_with(b"data:") {
            let lines: Vec<Vec<u8>> = body
                .split(|b| *b == b'\n')
                .map(|line| match line.strip_prefix(b"data:") {
                    Some(data) if looks_like_json(data) => {
                        [b"data:", &json::redact(self, data, 0)[..]].concat()
                    }
                    _ => text::redact(self, line).into_owned(),
                })
                .collect();
            return Cow::Owned(lines.join(&b'\n'));
        }
        text::redact(self, body)
    }

    fn field(&self, field: &[u8]) -> Vec<u8> {
        let Some(at) = memchr::memchr(b'=', field) else {
            return field.to_vec();
        };
        let (name, value) = (&field[..at], &field[at + 1..]);
        let name = String::from_utf8_lossy(&form_decoded(name)).into_owned();
        let plain = form_decoded(value);
        let whole = |value: Vec<u8>| {
            let encoded: String = url::form_urlencoded::byte_serialize(&value).collect();
            [&field[..=at], encoded.as_bytes()].concat()
        };
        if names::is_secret_parameter(&name, &String::from_utf8_lossy(&plain)) {
            return whole(self.token(&plain).into_bytes());
        }
        if looks_like_json(&plain) {
            let redacted = json::redact(self, &plain, 1);
            if redacted != plain {
                return whole(redacted);
            }
        }
        let redacted = text::redact(self, &plain);
        if *redacted == *plain {
            field.to_vec()
        } else {
            whole(redacted.into_owned())
        }
    }

    // Parts between the boundaries, each with a head of its own (RFC 7578).
    fn multipart(&self, body: &[u8], boundary: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len());
        let mut from = 0;
        for at in memchr::memmem::find_iter(body, boundary).chain([body.len()]) {
            self.part(&body[from..at], &mut out);
            let behind = (at + boundary.len()).min(body.len());
            out.extend_from_slice(&body[at..behind]);
            from = behind;
        }
        out
    }

    fn part(&self, part: &[u8], out: &mut Vec<u8>) {
        let Some(blank) = memchr::memmem::find(part, b"\r\n\r\n") else {
            out.extend_from_slice(part);
            return;
        };
        let (head, content) = part.split_at(blank + 4);
        let head_text = String::from_utf8_lossy(head);
        let line = |wanted: &str| {
            head_text.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.trim()
                    .eq_ignore_ascii_case(wanted)
                    .then(|| value.trim().to_owned())
            })
        };
        let disposition = line("content-disposition").unwrap_or_default();
        let name = disposition
            .split(';')
            .find_map(|p| p.trim().strip_prefix("name="));
        let name = name
            .map(|name| name.trim_matches('"').to_owned())
            .unwrap_or_default();
        let value = content.strip_suffix(b"\r\n").unwrap_or(content);
        // The name of a file may be telling.
        out.extend_from_slice(&text::redact(self, head));
        if names::is_secret_parameter(&name, &String::from_utf8_lossy(value)) {
            out.extend(self.token(value).into_bytes());
        } else {
            out.extend(
                self.body(line("content-type").as_deref(), value)
                    .into_bytes(),
            );
        }
        out.extend_from_slice(&content[value.len()..]);
    }

    fn wide<'a>(&self, media: &str, body: &'a [u8], little: bool) -> Cow<'a, [u8]> {
        let encoding = if little {
            encoding_rs::UTF_16LE
        } else {
            encoding_rs::UTF_16BE
        };
        let (plain, _) = encoding.decode_without_bom_handling(body);
        let redacted = self.textual(media, plain.as_bytes()).into_owned();
        if redacted == plain.as_bytes() {
            return Cow::Borrowed(body);
        }
        let redacted = String::from_utf8_lossy(&redacted).into_owned();
        let unit = |unit: u16| {
            if little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        };
        Cow::Owned(redacted.encode_utf16().flat_map(unit).collect())
    }
}

fn boundary(media: &str, content_type: &str) -> Option<Vec<u8>> {
    if !media.starts_with("multipart/") {
        return None;
    }
    let value = content_type.split(';').skip(1).find_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.trim().trim_matches('"'))
    })?;
    (!value.is_empty()).then(|| [b"--", value.as_bytes()].concat())
}

/// The boundary of a form whose content type is not known, by how it begins.
fn first_boundary(body: &[u8]) -> Option<Vec<u8>> {
    const BOUNDARY_BYTES_MAX: usize = 72;
    let rest = body.strip_prefix(b"--")?;
    let end = memchr::memmem::find(&rest[..rest.len().min(BOUNDARY_BYTES_MAX)], b"\r\n")?;
    let next = &rest[end + 2..];
    let head = b"content-disposition:";
    let begins = next.get(..head.len())?.eq_ignore_ascii_case(head);
    (begins && end > 0).then(|| body[..end + 2].to_vec())
}

/// Whether this is UTF-16, by its byte order mark or by the zeros of ASCII in it; `true`: little
/// endian.
fn utf16(body: &[u8]) -> Option<bool> {
    match body {
        [0xff, 0xfe, ..] => Some(true),
        [0xfe, 0xff, ..] => Some(false),
        [a, 0, b, 0, ..] if a.is_ascii_graphic() && b.is_ascii_graphic() => Some(true),
        [0, a, 0, b, ..] if a.is_ascii_graphic() && b.is_ascii_graphic() => Some(false),
        _ => None,
    }
}

fn is_text(body: &[u8]) -> bool {
    !body[..body.len().min(SAMPLE_BYTES)]
        .iter()
        .any(|b| b.is_ascii_control() && !b"\t\n\x0c\r\x1b".contains(b))
}

fn is_harmless(media: &str) -> bool {
    media != "image/svg+xml"
        && (["image/", "font/", "audio/", "video/"]
            .iter()
            .any(|kind| media.starts_with(kind))
            || [
                "application/wasm",
                "application/font-woff",
                "application/vnd.ms-fontobject",
            ]
            .contains(&media))
}
