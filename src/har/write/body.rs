//! Bodies as HAR holds them: content coding off, text where it is text, else base64.

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::wire::{BodyFacts, HeaderList, RedactedBody, Redactor, decode_body, decode_charset};

/// A body unfolds to at most this many bytes.
const DECODED_BYTES_MAX: usize = 64 << 20;

/// A body ready to be written.
#[derive(Default)]
pub(super) struct Body {
    /// Its text, or its bytes in base64.
    pub(super) text: Option<String>,
    pub(super) base64: bool,
    /// Bytes without content coding, or as sent where not all was kept.
    pub(super) size: u64,
    /// What is not quite as it was.
    pub(super) comment: Option<&'static str>,
}

impl Body {
    pub(super) fn new(
        headers: &HeaderList,
        raw: &[u8],
        facts: &BodyFacts,
        redactor: &Redactor,
    ) -> Self {
        if raw.is_empty() {
            return Self {
                size: facts.seen_bytes,
                comment: (facts.seen_bytes > 0).then_some("The body was not kept."),
                ..Self::default()
            };
        }
        let decoded = decode_body(headers, raw, DECODED_BYTES_MAX);
        let cut = decoded.cut || facts.seen_bytes > raw.len() as u64;
        let size = if cut {
            facts.seen_bytes.max(decoded.bytes.len() as u64)
        } else {
            decoded.bytes.len() as u64
        };
        let content_type = headers.get("content-type");
        let bytes = match redactor.body(content_type.as_deref(), &decoded.bytes) {
            RedactedBody::Kept(bytes) => bytes,
            RedactedBody::LeftOut => {
                return Self {
                    size,
                    comment: Some("The body is binary and may hold secrets; it was left out."),
                    ..Self::default()
                };
            }
        };
        let (text, base64) = written(headers, &bytes);
        Self {
            text: Some(text),
            base64,
            size,
            comment: cut.then_some("Only the beginning of the body was kept."),
        }
    }

    pub(super) fn members(self, into: &mut Map<String, Value>) {
        if let Some(text) = self.text {
            into.insert("text".into(), text.into());
            if self.base64 {
                into.insert("encoding".into(), "base64".into());
            }
        }
        if let Some(comment) = self.comment {
            into.insert("comment".into(), comment.into());
        }
    }
}

fn written(headers: &HeaderList, bytes: &[u8]) -> (String, bool) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.contains('\0')
    {
        return (text.to_owned(), false);
    }
    let kind = headers
        .get("content-type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    if kind.contains("charset=") && !kind.contains("utf-8") {
        let (text, _) = decode_charset(headers, bytes);
        if !text.contains(['\u{fffd}', '\0']) {
            return (text, false);
        }
    }
    (
        base64::engine::general_purpose::STANDARD.encode(bytes),
        true,
    )
}
