//! WebSocket messages and server-sent events.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::effect::Loaded;
use super::super::text::{clock_millis, count, ellipsis, sanitise, size};
use super::super::theme::Theme;
use crate::wire::{Message, MessageKind, Side};

/// The Messages tab.
pub(super) fn lines(
    loaded: &Loaded,
    theme: &Theme,
    room: usize,
    utc_offset: i32,
) -> Vec<Line<'static>> {
    if loaded.messages.is_empty() {
        let text =
            "No messages: this is neither a WebSocket nor an event stream, or none came yet.";
        return super::detail::labelled("", text, 0, room, theme.dim, theme.dim);
    }
    let mut out = Vec::with_capacity(loaded.messages.len() + 1);
    if loaded.messages_before > 0 {
        let text = format!(
            "{} before these",
            count(loaded.messages_before as u64, "message")
        );
        out.push(Line::styled(text, theme.dim));
    }
    for message in &loaded.messages {
        let (arrow, style) = match message.from {
            Side::Request => ("↑", theme.label),
            Side::Response => ("↓", theme.good),
        };
        let head = format!(
            "{} {arrow} {:>7}  ",
            clock_millis(message.at, utc_offset),
            size(message.len_bytes)
        );
        let text = text(message, room * 4);
        let text = ellipsis(&text, room.saturating_sub(head.chars().count())).into_owned();
        let plain = match message.kind {
            MessageKind::Text | MessageKind::ServerSentEvent => Style::new(),
            _ => theme.dim,
        };
        out.push(Line::from(vec![
            Span::styled(head, style),
            Span::styled(text, plain),
        ]));
    }
    out
}

/// A message on one line; of a long one no more than `bytes_max` bytes are looked at.
fn text(message: &Message, bytes_max: usize) -> String {
    let bytes = &message.payload[..message.payload.len().min(bytes_max)];
    let words = || sanitise(String::from_utf8_lossy(bytes).trim_end()).into_owned();
    match message.kind {
        MessageKind::Text => words(),
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
            format!("binary {}", hex.join(" "))
        }
        MessageKind::Ping => format!("ping {}", words()),
        MessageKind::Pong => format!("pong {}", words()),
        MessageKind::Close => match bytes {
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                let reason = String::from_utf8_lossy(reason);
                format!("close {code} {}", sanitise(&reason))
            }
            _ => "close".to_owned(),
        },
    }
}
