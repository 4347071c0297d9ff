//! Answers that are delivered and yet useless to the element that asked: opaque response blocking, and
//! types and statuses that an element refuses. All of it recorded with Chromium 156 and Firefox 153.

use crate::cors::{Browser, Certainty, Check, Stage};
use crate::wire::HeaderList;

use super::diagnosis::Cause;
use super::evidence;
use super::infer::value;
use super::other::cause;
use super::steps::Step;
use super::subject::Subject;

/// What an element asks for, by `Sec-Fetch-Dest`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Picture,
    Sound,
    Script,
    Style,
    Font,
}

impl Wants {
    fn of(step: &Step) -> Option<Self> {
        Some(
            match &*value(&step.exchange.request.headers, "sec-fetch-dest") {
                "image" => Self::Picture,
                "audio" | "video" => Self::Sound,
                "script" => Self::Script,
                "style" => Self::Style,
                "font" => Self::Font,
                _ => return None,
            },
        )
    }
}

/// Opaque response blocking ([the proposal](https://github.com/annevk/orb)), and the types that a
/// script or a stylesheet must have
/// ([Fetch § MIME type blocking](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-mime-type?),
/// [nosniff](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-nosniff?)).
pub(super) fn opaque(subject: &Subject<'_>, step: &Step) -> Option<Cause> {
    let wants = Wants::of(step)?;
    let head = step.head.as_ref()?;
    let nosniff = is_nosniff(&head.headers);
    let media = head.media_type().unwrap_or_default();
    let body = &step.exchange.response_body.excerpt;
    let strict_style = subject.browser == Browser::Firefox && !media.is_empty();
    let blocked = match wants {
        Wants::Script if is_script_type(&media) => false,
        Wants::Script => nosniff || is_never_script(&media) || is_data(&media, body),
        Wants::Style if media == "text/css" => false,
        Wants::Style => {
            nosniff || strict_style || is_never_sniffed(&media) || is_data(&media, body)
        }
        Wants::Picture | Wants::Sound => {
            let own = is_media_type(&media);
            let vague = media.is_empty() || media == "application/octet-stream";
            !own && !is_media_body(body)
                && (is_never_sniffed(&media)
                    || is_data(&media, body)
                    || nosniff && (!vague || is_text(body)))
        }
        Wants::Font => false,
    };
    if !blocked {
        return None;
    }
    let proof = evidence::header(
        step,
        "content-type",
        "data, where code or a picture was due",
    );
    let mut cause = cause(
        Check::OpaqueResponseBlocked,
        Stage::Actual,
        step,
        vec![proof],
    );
    cause.certainty = Certainty::Inferred;
    Some(cause)
}

/// What CORS lets in and the element refuses: an event stream or module of another type, a font, script,
/// stylesheet or sound that is an error page, a picture that is nothing.
pub(super) fn wrong_type(subject: &Subject<'_>, step: &Step) -> Option<Cause> {
    let head = step.head.as_ref()?;
    let headers = &step.exchange.request.headers;
    let media = head.media_type().unwrap_or_default();
    let wants = Wants::of(step);
    let stream = value(headers, "accept").starts_with("text/event-stream");
    let nosniff = is_nosniff(&head.headers);
    // A 3xx that leads nowhere is as good as 200 to Chromium's loader of code.
    let most = match (subject.browser, wants) {
        (Browser::Chromium, Some(Wants::Script | Wants::Style | Wants::Font)) => 399,
        _ => 299,
    };
    let error = !(200..=most).contains(&head.status);
    let (needed, certainty) = match wants {
        None if stream => {
            let right = head.status == 200 && media == "text/event-stream";
            (
                (!right).then_some("must be 200 and text/event-stream")?,
                Certainty::Certain,
            )
        }
        Some(Wants::Script | Wants::Font | Wants::Style | Wants::Sound) if error => {
            ("must be 200 to 299", Certainty::Certain)
        }
        Some(Wants::Picture | Wants::Sound | Wants::Font) if matches!(head.status, 204 | 205) => {
            ("there is nothing in it", Certainty::Certain)
        }
        Some(Wants::Picture | Wants::Sound)
            if is_data(&media, &step.exchange.response_body.excerpt) =>
        {
            ("this is data", Certainty::Inferred)
        }
        // Nothing on the wire tells a module from a classic script with `crossorigin`.
        Some(Wants::Script) if nosniff && !is_script_type(&media) || is_never_script(&media) => {
            ("no script may be of this type", Certainty::Certain)
        }
        Some(Wants::Script) if !media.is_empty() && !is_script_type(&media) => (
            "a module must be JavaScript; a classic script would run all the same",
            Certainty::Inferred,
        ),
        _ => return None,
    };
    let proof = vec![
        evidence::of_status(step, needed),
        evidence::header(step, "content-type", needed),
    ];
    let mut cause = cause(Check::WrongResourceType, Stage::Actual, step, proof);
    cause.certainty = certainty;
    Some(cause)
}

fn is_nosniff(headers: &HeaderList) -> bool {
    value(headers, "x-content-type-options").eq_ignore_ascii_case("nosniff")
}

fn is_media_type(media: &str) -> bool {
    ["image/", "audio/", "video/"]
        .iter()
        .any(|kind| media.starts_with(kind))
}

/// Types that no script may have, `nosniff` or not.
fn is_never_script(media: &str) -> bool {
    is_media_type(media) || is_never_sniffed(media)
}

/// Types that are blocked whatever the body is (`opaque-blocklisted-never-sniffed`).
fn is_never_sniffed(media: &str) -> bool {
    const TYPES: [&str; 20] = [
        "application/dash+xml",
        "application/gzip",
        "application/msexcel",
        "application/mspowerpoint",
        "application/msword",
        "application/msword-template",
        "application/pdf",
        "application/vnd.apple.mpegurl",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-word",
        "application/x-gzip",
        "application/x-protobuf",
        "application/zip",
        "audio/mpegurl",
        "multipart/byteranges",
        "multipart/signed",
        "text/event-stream",
        "text/csv",
        "text/vtt",
    ];
    TYPES.contains(&media) || media.starts_with("application/vnd.openxmlformats-officedocument.")
}

/// Whether a body is data rather than code: of a type for data or plain text, and looking like it.
fn is_data(media: &str, body: &[u8]) -> bool {
    let xml = media == "text/xml"
        || media == "application/xml"
        || (media.ends_with("+xml") && media != "image/svg+xml");
    let json = matches!(media, "application/json" | "text/json") || media.ends_with("+json");
    let typed = xml || json || matches!(media, "text/html" | "text/plain");
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start().to_ascii_lowercase();
    // An array may be code as well, unless it says that it is data.
    let object = ["{\"", "{}", ")]}'"].iter().any(|b| text.starts_with(b));
    let array = json && text.starts_with('[');
    typed && (object || array || text.starts_with("<?xml") || looks_like_html(&text))
}

fn looks_like_html(text: &str) -> bool {
    const TAGS: [&str; 17] = [
        "<!doctype html",
        "<script",
        "<html",
        "<head",
        "<iframe",
        "<h1",
        "<div",
        "<font",
        "<table",
        "<a",
        "<style",
        "<title",
        "<b",
        "<body",
        "<br",
        "<p",
        "<!--",
    ];
    TAGS.iter().any(|tag| text.starts_with(tag))
}

fn is_text(body: &[u8]) -> bool {
    !body.is_empty()
        && body
            .iter()
            .all(|b| *b >= 0x20 || matches!(b, b'\t' | b'\n' | b'\r'))
}

/// Whether a body begins as pictures, sounds and films do
/// ([MIME Sniffing § 6](https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern)).
fn is_media_body(body: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 14] = [
        b"\x89PNG\r\n\x1a\n",
        b"GIF8",
        b"\xff\xd8\xff",
        b"RIFF",
        b"BM",
        b"\0\0\x01\0",
        b"\0\0\x02\0",
        b"OggS",
        b"ID3",
        b"FORM",
        b"MThd",
        b".snd",
        b"fLaC",
        b"\x1a\x45\xdf\xa3",
    ];
    BEGINNINGS.iter().any(|b| body.starts_with(b)) || body.get(4..8) == Some(b"ftyp")
}

fn is_script_type(media: &str) -> bool {
    matches!(
        media,
        "text/jscript" | "text/livescript" | "application/wasm"
    ) || media.contains("javascript")
        || media.contains("ecmascript")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_told_from_code() {
        for (media, body, data) in [
            ("application/json", "{\"a\":1}", true),
            ("application/json", "[1, 2]", true),
            ("text/html", "<!DOCTYPE html><p>", true),
            ("text/plain", "{\"a\":1}", true),
            ("text/plain", "[1,2].map(f)", false),
            ("text/plain", "alert(1)", false),
            ("application/xml", "<?xml version='1.0'?>", true),
            ("image/svg+xml", "<?xml version='1.0'?>", false),
            ("", "{\"a\":1}", false),
        ] {
            assert_eq!(is_data(media, body.as_bytes()), data, "{media} {body}");
        }
    }

    #[test]
    fn types_that_are_never_code() {
        for media in ["text/csv", "application/pdf", "image/png", "video/mp4"] {
            assert!(is_never_script(media), "{media}");
        }
        for media in ["text/plain", "application/octet-stream", ""] {
            assert!(!is_never_script(media), "{media}");
        }
        assert!(is_media_body(b"\x89PNG\r\n\x1a\n\0") && is_media_body(b"\0\0\0\x18ftypmp42"));
        assert!(!is_media_body(b"{\"a\":1}"));
    }
}
