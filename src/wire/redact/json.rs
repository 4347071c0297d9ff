//! Secrets in JSON: the bytes around them stay as they are, also where the text is cut or broken.

use super::names;
use super::text::{self, is_prose, unescaped};
use super::{Redactor, looks_like_json};

/// How deep objects and lists are followed; what lies deeper is treated as the level above.
const LEVELS_MAX: usize = 512;
/// How deep JSON within strings of JSON is followed.
const WITHIN_MAX: usize = 3;

/// JSON without secrets.
pub(super) fn redact(redactor: &Redactor, json: &[u8], within: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + json.len() / 8);
    // Whether all strings of each open object or list are secrets.
    let mut levels: Vec<bool> = Vec::new();
    let mut name: Option<String> = None;
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                let end = string_end(json, at);
                let raw = inner(&json[at..end]);
                let behind = json[end..]
                    .iter()
                    .position(|b| !b.is_ascii_whitespace())
                    .map(|n| json[end + n]);
                if behind == Some(b':') {
                    name = Some(String::from_utf8_lossy(&unescaped(raw)).into_owned());
                    out.extend_from_slice(&json[at..end]);
                } else {
                    let whole = end - at == raw.len() + 2;
                    let all = levels.last().copied().unwrap_or(false);
                    out.push(b'"');
                    string(redactor, name.as_deref(), all, raw, within, &mut out);
                    if whole {
                        out.push(b'"');
                    }
                }
                at = end;
                continue;
            }
            b'{' | b'[' => {
                let outer = levels.last().copied().unwrap_or(false);
                let secret = name.take().is_some_and(|name| names::is_secret(&name));
                if levels.len() < LEVELS_MAX {
                    levels.push(outer || secret);
                }
                out.push(*byte);
            }
            b'}' | b']' => {
                levels.pop();
                name = None;
                out.push(*byte);
            }
            b',' => {
                name = None;
                out.push(*byte);
            }
            b'0'..=b'9' | b'-' => {
                let len = json[at..]
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
                    .count();
                let number = &json[at..at + len];
                if name.as_deref().is_some_and(names::is_secret_number) {
                    out.push(b'"');
                    out.extend(redactor.pseudonym(number).into_bytes());
                    out.push(b'"');
                } else {
                    out.extend_from_slice(number);
                }
                at += len;
                continue;
            }
            _ => out.push(*byte),
        }
        at += 1;
    }
    out
}

fn string(
    redactor: &Redactor,
    name: Option<&str>,
    all: bool,
    raw: &[u8],
    within: usize,
    out: &mut Vec<u8>,
) {
    let value = unescaped(raw);
    let about = name.is_some_and(|name| {
        ["type", "expire", "scope", "uri", "url"]
            .iter()
            .any(|word| name.to_ascii_lowercase().contains(word))
    });
    let named = name.is_some_and(names::is_secret) || (all && !about);
    if named && !is_prose(&value) {
        out.extend(redactor.token(&value).into_bytes());
        return;
    }
    // `{"name": "password", "value": "..."}` is read by its text below only if it is JSON itself.
    let changed = if within < WITHIN_MAX && looks_like_json(&value) {
        redact(redactor, &value, within + 1)
    } else {
        text::redact(redactor, &value).into_owned()
    };
    if changed == *value {
        out.extend_from_slice(raw);
    } else {
        let quoted = serde_json::Value::String(String::from_utf8_lossy(&changed).into_owned());
        out.extend_from_slice(inner(quoted.to_string().as_bytes()));
    }
}

/// Behind the closing quote of the string that begins at `start`, or the end of a cut text.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// A string without its quotes, the closing one of which may be missing.
fn inner(quoted: &[u8]) -> &[u8] {
    let rest = quoted.get(1..).unwrap_or_default();
    match rest.split_last() {
        Some((b'"', text)) if !ends_escaped(text) => text,
        _ => rest,
    }
}

fn ends_escaped(text: &[u8]) -> bool {
    text.iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1
}
