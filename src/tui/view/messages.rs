//! WebSocket messages and server-sent events: a line each, those that are opened whole below it.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::effect::Loaded;
use super::super::talk::{Talk, opcode};
use super::super::text::{
    Document, HEX_ROW_BYTES, Syntax, clock_millis, count, ellipsis, hex_line, json_document,
    looks_like_json, sanitise, size, width, wrap,
};
use super::super::theme::Theme;
use crate::wire::{Message, MessageKind, Side};

/// How many rows a message that is shown whole has at most.
const ROWS_MAX: usize = 200;
/// How much of it is laid out, in bytes.
const LAID_OUT_MAX: usize = 64 << 10;

/// The Messages tab: its lines, and the number of the message each belongs to.
pub(super) fn lines(
    loaded: &Loaded,
    talk: &Talk,
    theme: &Theme,
    room: usize,
    utc_offset: i32,
) -> (Vec<Line<'static>>, Vec<Option<usize>>) {
    if loaded.messages.is_empty() {
        let text =
            "No messages: this is neither a WebSocket nor an event stream, or none came yet.";
        let lines = super::detail::labelled("", text, 0, room, theme.dim, theme.dim);
        return (lines, Vec::new());
    }
    let mut out = Vec::with_capacity(loaded.messages.len() + 2);
    let mut owners = Vec::with_capacity(loaded.messages.len() + 2);
    let [sent, received] = [Side::Request, Side::Response].map(|side| {
        let of = loaded.messages.iter().filter(|m| m.from == side);
        of.count()
    });
    let mut head = format!("↑ {sent} sent · ↓ {received} received");
    if loaded.messages_before > 0 {
        let earlier = count(loaded.messages_before as u64, "message");
        head += " · ";
        head += &earlier;
        head += " before these";
    }
    if loaded.messages_after > 0 {
        head += " · ";
        head += &loaded.messages_after.to_string();
        head += " after";
    }
    out.push(Line::styled(head, theme.dim));
    owners.push(None);
    let mut any = false;
    for (number, message) in talk.shown(loaded) {
        any = true;
        out.push(one_line(message, theme, room, utc_offset));
        if talk.is_open(number) {
            out.extend(whole(message, theme, room));
        }
        owners.resize(out.len(), Some(number));
    }
    if !any {
        out.push(Line::styled("no message has this in it", theme.dim));
    }
    (out, owners)
}

fn one_line(message: &Message, theme: &Theme, room: usize, utc_offset: i32) -> Line<'static> {
    let (arrow, style) = match message.from {
        Side::Request => ("↑", theme.label),
        Side::Response => ("↓", theme.good),
    };
    let head = format!(
        "{} {arrow} {:<6} {:>7}  ",
        clock_millis(message.at, utc_offset),
        opcode(message.kind),
        size(message.len_bytes)
    );
    let text = text(message, room * 4);
    let text = ellipsis(&text, room.saturating_sub(width(&head))).into_owned();
    let plain = match message.kind {
        MessageKind::Text | MessageKind::ServerSentEvent => Style::new(),
        _ => theme.dim,
    };
    Line::from(vec![Span::styled(head, style), Span::styled(text, plain)])
}

/// A message on one line; of a long one no more than `bytes_max` bytes are looked at.
fn text(message: &Message, bytes_max: usize) -> String {
    let bytes = &message.payload[..message.payload.len().min(bytes_max)];
    let words = || sanitise(String::from_utf8_lossy(bytes).trim_end()).into_owned();
    match message.kind {
        MessageKind::Text | MessageKind::Ping | MessageKind::Pong => words(),
        // The lines of an event, beside each other.
        MessageKind::ServerSentEvent => {
            let text = String::from_utf8_lossy(bytes);
            let lines: Vec<_> = text
                .lines()
                .filter(|l| !l.is_empty())
                .map(sanitise)
                .collect();
            lines.join(" ⏎ ")
        }
        MessageKind::Binary => {
            let hex: Vec<String> = bytes.iter().take(32).map(|b| format!("{b:02x}")).collect();
            hex.join(" ")
        }
        MessageKind::Close => close(bytes),
    }
}

/// Code and reason of a closing frame (RFC 6455 § 5.5.1, § 7.4.1).
fn close(bytes: &[u8]) -> String {
    let [high, low, reason @ ..] = bytes else {
        return "without a code".to_owned();
    };
    let code = u16::from_be_bytes([*high, *low]);
    let meaning = match code {
        1000 => " normal",
        1001 => " going away",
        1002 => " protocol error",
        1003 => " data of a kind it cannot take",
        1007 => " text that is no UTF-8",
        1008 => " against its policy",
        1009 => " too big",
        1010 => " an extension is missing",
        1011 => " the server failed",
        1012 => " the server restarts",
        1013 => " try again later",
        _ => "",
    };
    let reason = String::from_utf8_lossy(reason);
    format!("{code}{meaning} {}", sanitise(&reason))
        .trim_end()
        .to_owned()
}

/// A message laid out.
fn whole(message: &Message, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let bytes = &message.payload[..message.payload.len().min(LAID_OUT_MAX)];
    let mut out = Vec::new();
    let binary = message.kind == MessageKind::Binary
        || (message.kind != MessageKind::Close && bytes.contains(&0));
    if binary {
        for (n, chunk) in bytes.chunks(HEX_ROW_BYTES).take(ROWS_MAX).enumerate() {
            let line = hex_line((n * HEX_ROW_BYTES) as u64, chunk);
            out.push(Line::raw(format!("    {}", line.text)));
        }
    } else if message.kind == MessageKind::ServerSentEvent {
        event(&mut out, &String::from_utf8_lossy(bytes), theme, room);
    } else if message.kind != MessageKind::Close {
        payload(&mut out, &String::from_utf8_lossy(bytes), 4, theme, room);
    }
    let cut = out.len() > ROWS_MAX || bytes.len() < message.payload.len();
    out.truncate(ROWS_MAX);
    if cut {
        out.push(Line::styled("    … the beginning is shown", theme.dim));
    }
    let kept = message.payload.len() as u64;
    if kept < message.len_bytes && message.kind != MessageKind::ServerSentEvent {
        let text = format!(
            "    only {} of {} were kept",
            size(kept),
            size(message.len_bytes)
        );
        out.push(Line::styled(text, theme.warning));
    }
    out
}

/// An event's fields, its data put together as a page gets it (HTML § 9.2.6).
fn event(out: &mut Vec<Line<'static>>, text: &str, theme: &Theme, room: usize) {
    let mut data = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        if name == "data" {
            if !data.is_empty() {
                data.push('\n');
            }
            data.push_str(value);
        } else {
            let name = if name.is_empty() { "comment" } else { name };
            let value = ellipsis(&sanitise(value), room.saturating_sub(16)).into_owned();
            out.push(Line::from(vec![
                Span::styled(format!("    {:<8}", sanitise(name)), theme.label),
                Span::raw(value),
            ]));
        }
    }
    payload(out, &data, 4, theme, room);
}

fn payload(out: &mut Vec<Line<'static>>, text: &str, indent: usize, theme: &Theme, room: usize) {
    let document = if looks_like_json(text) {
        json_document(text.into())
    } else {
        Document::text(text.into(), Syntax::Plain)
    };
    let room = room.saturating_sub(indent).max(8);
    for n in 0..document.lines.len().min(ROWS_MAX) {
        let line = document.line(n);
        if document.laid_out && width(&line.text) <= room {
            let mut spans = vec![Span::raw(" ".repeat(indent))];
            let mut start = 0;
            for piece in &line.pieces {
                let part = line.text[start..piece.end as usize].to_owned();
                spans.push(Span::styled(part, theme.token(piece.token)));
                start = piece.end as usize;
            }
            out.push(Line::from(spans));
            continue;
        }
        for range in wrap(&line.text, room) {
            out.push(Line::raw(format!(
                "{}{}",
                " ".repeat(indent),
                &line.text[range]
            )));
        }
    }
}
