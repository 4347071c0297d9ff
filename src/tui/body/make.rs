//! Making a body ready to be read. Reads the session, decodes, lays out; never where something is
//! drawn.

use std::sync::Arc;

use bytes::Bytes;

use super::{Body, Huge, media};
use crate::session::Reader;
use crate::tui::tables;
use crate::tui::text::{Document, Syntax, json_document, looks_like_json, size};
use crate::wire::{
    BodyFacts, End, Exchange, HeaderList, Kind, Side, Source, decode_body, decode_charset,
};

/// How much of a body is here whole, in bytes: of what was kept, and of what comes out of its
/// content codings. Longer ones are read by windows.
const WHOLE_BYTES_MAX: usize = 4 << 20;

/// One side of an exchange, made ready.
pub(crate) fn make(reader: &Reader, exchange: &Exchange, side: Side) -> Body {
    let none = HeaderList::new();
    let (facts, headers) = match side {
        Side::Request => (&exchange.request_body, &*exchange.request.headers),
        Side::Response => (
            &exchange.response_body,
            exchange.response.as_ref().map_or(&none, |r| &*r.headers),
        ),
    };
    if facts.kept_bytes == 0 {
        return nothing(exchange, facts);
    }
    let raw = match reader.body(exchange.id, side, 0, WHOLE_BYTES_MAX) {
        Ok(raw) => raw,
        Err(error) => {
            let note = format!("the body cannot be read from the session: {error}");
            return Body::nothing("unreadable", vec![note]);
        }
    };
    let partly = facts.kept_bytes > raw.len() as u64;
    let decoded = decode_body(headers, &raw, WHOLE_BYTES_MAX);
    let coding = headers.get("content-encoding").unwrap_or_default();
    let coding = coding.trim().to_ascii_lowercase();
    let head = |bytes: &[u8]| bytes[..bytes.len().min(256)].to_vec();
    let coded = !coding.is_empty()
        && coding != "identity"
        && !decoded.bytes.is_empty()
        && head(&decoded.bytes) != head(&raw);
    let mut notes = Vec::new();
    let long = partly || (decoded.bytes.len() >= WHOLE_BYTES_MAX && decoded.cut);
    let undecodable = decoded.fault.is_some() && decoded.bytes.is_empty();
    let mut body = if undecodable && !partly {
        // Its type is that of what is coded.
        lay_out(&none, raw)
    } else if long && (decoded.fault.is_none() || partly) {
        let read_coded = if coded { coding.as_str() } else { "" };
        long_body(exchange, side, facts, headers, &decoded.bytes, read_coded)
    } else {
        lay_out(headers, decoded.bytes)
    };
    if !long && decoded.fault.is_none() {
        let packed = tables::of_body(headers, &body.bytes, exchange.opened_at);
        body.tables.extend(packed);
    }
    let came_out = size(body.bytes.len() as u64);
    if coded && decoded.fault.is_none() && !long {
        let sizes = format!("{came_out} from {}", size(facts.seen_bytes));
        notes.push(format!("{coding} taken off: {sizes}"));
    }
    match decoded.fault {
        // What comes out of a part tells nothing of the rest.
        Some(_) if partly && !undecodable => {}
        Some(fault) => {
            notes.push(if undecodable {
                format!("{fault}: nothing can be decoded, shown as it came")
            } else {
                format!("{fault}: {came_out} came out before that, shown here")
            });
            // That half a text is not valid is no news.
            body.notes.clear();
        }
        None if decoded.uncoded && exchange.source != Source::Har => {
            notes.push(format!(
                "content-encoding says {coding}, but it is not coded: browsers refuse it"
            ));
        }
        None => {}
    }
    if facts.is_truncated() {
        let (kept, seen) = (size(facts.kept_bytes), size(facts.seen_bytes));
        notes.push(format!("only {kept} of {seen} were kept"));
    }
    notes.append(&mut body.notes);
    body.notes = notes;
    body
}

fn nothing(exchange: &Exchange, facts: &BodyFacts) -> Body {
    let mut notes = Vec::new();
    if facts.seen_bytes > 0 {
        notes.push(format!("{} passed, none were kept", size(facts.seen_bytes)));
    } else if exchange.kind == Kind::Tunnel && !matches!(exchange.end, End::Failed(_)) {
        notes.push("passed through unread".to_owned());
    }
    Body::nothing("no body", notes)
}

/// A body that is read by windows. What it is is seen in its beginning.
fn long_body(
    exchange: &Exchange,
    side: Side,
    facts: &BodyFacts,
    headers: &HeaderList,
    beginning: &[u8],
    coding: &str,
) -> Body {
    let head = &beginning[..beginning.len().min(64 << 10)];
    let form = Form::of(headers, head);
    let is_text = form != Form::Binary;
    let mut notes = Vec::new();
    if !coding.is_empty() {
        notes.push(format!("{coding} is taken off while you read"));
    }
    let whole = size(WHOLE_BYTES_MAX as u64);
    if form == Form::Text(Syntax::Json) {
        notes.push(format!(
            "longer than {whole}: shown as it came, a window at a time, neither laid out nor folded"
        ));
    }
    let charset = decode_charset(headers, &head[..0]).1;
    if is_text && charset != "UTF-8" {
        notes.push(format!("charset {charset}, but read as UTF-8"));
    }
    let syntax = match form {
        Form::Text(syntax) => syntax,
        Form::Binary => Syntax::Plain,
    };
    Body {
        form: form.name(headers),
        notes,
        huge: Some(Arc::new(Huge::new(
            exchange.id,
            side,
            facts.kept_bytes,
            coding,
            is_text,
            syntax,
        ))),
        ..Body::default()
    }
}

/// What a body is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text(Syntax),
    Binary,
}

impl Form {
    /// By what the headers say, and by what the bytes look like where those say nothing useful.
    fn of(headers: &HeaderList, bytes: &[u8]) -> Self {
        let media = media(headers);
        let by_type = syntax_of(&media);
        let readable = bytes.len() < 4 || !is_binary(bytes);
        if !readable && by_type.is_none() {
            return Self::Binary;
        }
        let head = &bytes[..bytes.len().min(4096)];
        let head = decode_charset(headers, head).0;
        let is_markup = head
            .trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with('<');
        // An HTML error page under a JSON type is shown as what it is.
        let syntax = match by_type {
            Some(Syntax::Json) if is_markup => Syntax::Markup,
            Some(Syntax::Plain) | None if looks_like_json(&head) => Syntax::Json,
            None if is_markup => Syntax::Markup,
            Some(syntax) => syntax,
            None => Syntax::Plain,
        };
        Self::Text(syntax)
    }

    fn name(self, headers: &HeaderList) -> &'static str {
        let media = media(headers);
        match self {
            Self::Binary => "hex",
            Self::Text(Syntax::Markup) if media.contains("svg") => "SVG",
            Self::Text(Syntax::Markup) if media.contains("xml") && !media.contains("html") => "XML",
            Self::Text(Syntax::Markup) => "HTML",
            Self::Text(Syntax::Script) if media.contains("typescript") => "TypeScript",
            Self::Text(Syntax::Script) if media.contains("graphql") => "GraphQL",
            Self::Text(Syntax::Script) => "JavaScript",
            Self::Text(syntax) => syntax.form(),
        }
    }
}

fn media(headers: &HeaderList) -> String {
    let text = headers
        .first("content-type")
        .map(|f| f.text().to_ascii_lowercase());
    let text = text.unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_owned()
}

/// The language a media type names; `None` for one that is no text.
fn syntax_of(media: &str) -> Option<Syntax> {
    let is = |what: &str| media.contains(what);
    if media.ends_with("/json") || media.ends_with("+json") || is("json5") {
        Some(Syntax::Json)
    } else if is("javascript") || is("ecmascript") || is("typescript") || is("/graphql") {
        Some(Syntax::Script)
    } else if is("html") || media.ends_with("/xml") || media.ends_with("+xml") {
        Some(Syntax::Markup)
    } else if is("/css") {
        Some(Syntax::Style)
    } else if media.starts_with("text/")
        || is("x-www-form-urlencoded")
        || is("ndjson")
        || is("json-seq")
        || is("/sql")
        || is("/yaml")
        || is("/toml")
    {
        Some(Syntax::Plain)
    } else {
        None
    }
}

/// Lays a body out that is here whole.
fn lay_out(headers: &HeaderList, bytes: Vec<u8>) -> Body {
    let bytes = Bytes::from(bytes);
    let form = Form::of(headers, &bytes);
    let Form::Text(syntax) = form else {
        let about = media::about(&bytes);
        return Body {
            form: match &about {
                Some((name, _)) => name,
                None if media(headers).starts_with("multipart/") => "parts",
                None => "hex",
            },
            tables: about.into_iter().map(|(_, table)| table).collect(),
            preview: media::preview(&bytes),
            bytes,
            ..Body::default()
        };
    };
    let (text, charset) = decode_charset(headers, &bytes);
    let text: Arc<str> = text.into();
    let mut notes = Vec::new();
    let pretty = (syntax == Syntax::Json).then(|| json_document(Arc::clone(&text)));
    let raw = Document::text(text, syntax);
    if let Some(pretty) = &pretty {
        notes.extend(pretty.notes.iter().cloned());
    } else {
        notes.extend(raw.notes.iter().cloned());
    }
    if syntax != Syntax::Json && syntax_of(&media(headers)) == Some(Syntax::Json) {
        let media = media(headers);
        notes.push(format!("the type says {media}, the content is no JSON"));
    }
    if charset != "UTF-8" {
        notes.push(format!("charset {charset}"));
    }
    Body {
        form: form.name(headers),
        notes,
        pretty,
        raw: Some(raw),
        bytes,
        ..Body::default()
    }
}

/// Bytes no text has, or too much that is no UTF-8.
fn is_binary(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4096)];
    if head.contains(&0) {
        return true;
    }
    match std::str::from_utf8(head) {
        Ok(_) => false,
        // The window may end inside a character.
        Err(error) => error.error_len().is_some() || error.valid_up_to() + 4 < head.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mode;
    use super::*;

    fn form(content_type: &str, bytes: &[u8]) -> &'static str {
        let headers = HeaderList::from_pairs([("content-type", content_type)]);
        lay_out(&headers, bytes.to_vec()).form
    }

    #[test]
    fn the_form_follows_type_and_bytes() {
        assert_eq!(form("application/json", b"{\"a\":1}"), "JSON");
        assert_eq!(form("application/problem+json", b"{}"), "JSON");
        assert_eq!(form("text/plain", b"{\"error\":\"x\"}"), "JSON");
        assert_eq!(form("application/json", b"<!doctype html>"), "HTML");
        assert_eq!(form("text/html", b"<p>x"), "HTML");
        assert_eq!(form("image/svg+xml", b"<svg/>"), "SVG");
        assert_eq!(
            form("application/javascript", b"{\"use strict\"}"),
            "JavaScript"
        );
        assert_eq!(form("text/css", b"p{}"), "CSS");
        assert_eq!(form("image/png", b"\x89PNG\r\n\x1a\n\0\0"), "hex");
        assert_eq!(form("", b"plain words"), "text");
        assert_eq!(form("", b"\xff\xfe\xfd\xfc\xfb"), "hex");
        assert_eq!(form("", "é".repeat(4000).as_bytes()), "text");
    }

    #[test]
    fn the_ways_to_show_it_follow_the_form() {
        let modes = |kind: &str, bytes: &[u8]| {
            lay_out(
                &HeaderList::from_pairs([("content-type", kind)]),
                bytes.to_vec(),
            )
            .modes()
        };
        assert_eq!(
            modes("application/json", b"{}"),
            [Mode::Pretty, Mode::Raw, Mode::Hex]
        );
        assert_eq!(modes("text/plain", b"x"), [Mode::Raw, Mode::Hex]);
        assert_eq!(modes("image/png", b"\x89PNG\0\0"), [Mode::Hex]);
        assert!(modes("text/plain", b"").is_empty());
    }
}
