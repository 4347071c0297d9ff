//! Server-sent events.

use bytes::Bytes;

use crate::wire::{Message, MessageKind, Side, Timestamp};

/// Splits a `text/event-stream` into events
/// ([HTML § Server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream)).
///
/// The payload of a [`Message`] is the event's lines as they came, without the end of the last one.
/// Comments alone are no event. Of each event at most [`Message::KEPT_BYTES_MAX`] are kept.
#[derive(Debug, Default)]
pub struct EventSplitter {
    payload: Vec<u8>,
    len_bytes: u64,
    /// Bytes of the current line; 0 is the beginning.
    line_len: u64,
    has_field: bool,
    /// The line ended with CR; a LF would belong to it.
    after_cr: bool,
    /// Bytes of line ends that belong to the event only if another line follows.
    pending_end: Vec<u8>,
}

impl EventSplitter {
    /// A splitter at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes (content coding taken off); hands out each event they complete.
    pub fn feed(&mut self, at: Timestamp, bytes: &[u8], each: &mut dyn FnMut(Message)) {
        let mut bytes = bytes;
        if self.after_cr
            && let Some(rest) = bytes.strip_prefix(b"\n")
        {
            // The rest of a CRLF. If that ended an event, nothing is pending and it is dropped.
            if !self.pending_end.is_empty() {
                self.pending_end.push(b'\n');
            }
            bytes = rest;
            self.after_cr = false;
        }
        while !bytes.is_empty() {
            self.after_cr = false;
            let Some(end) = memchr::memchr2(b'\r', b'\n', bytes) else {
                self.line(bytes);
                return;
            };
            self.line(&bytes[..end]);
            let end_len = if bytes[end..].starts_with(b"\r\n") {
                2
            } else {
                1
            };
            self.after_cr = bytes[end] == b'\r' && bytes.len() == end + 1;
            self.line_end(at, &bytes[end..end + end_len], each);
            bytes = &bytes[end + end_len..];
        }
    }

    fn line(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = std::mem::take(&mut self.pending_end);
        self.keep(&end);
        if self.line_len == 0 {
            self.has_field |= bytes[0] != b':';
        }
        self.line_len += bytes.len() as u64;
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.len_bytes += bytes.len() as u64;
        let room = Message::KEPT_BYTES_MAX.saturating_sub(self.payload.len());
        self.payload
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn line_end(&mut self, at: Timestamp, end: &[u8], each: &mut dyn FnMut(Message)) {
        if self.line_len > 0 {
            self.line_len = 0;
            self.pending_end.extend_from_slice(end);
            return;
        }
        self.pending_end.clear();
        let payload = std::mem::take(&mut self.payload);
        let len_bytes = std::mem::take(&mut self.len_bytes);
        if std::mem::take(&mut self.has_field) {
            each(Message {
                at,
                from: Side::Response,
                kind: MessageKind::ServerSentEvent,
                len_bytes,
                payload: Bytes::from(payload),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cut::split;
    use super::*;

    fn events(bytes: &[u8]) -> Vec<String> {
        let told = split(bytes, || {
            let mut splitter = EventSplitter::new();
            Box::new(move |bytes, told| {
                splitter.feed(Timestamp(0), bytes, &mut |m| {
                    told.push((m.kind, m.len_bytes, m.payload.to_vec()));
                });
            })
        });
        told.into_iter()
            .map(|(_, len, payload)| {
                assert_eq!(len, payload.len() as u64);
                String::from_utf8_lossy(&payload).into_owned()
            })
            .collect()
    }

    #[test]
    fn events_with_every_line_end() {
        for end in ["\n", "\r", "\r\n"] {
            let stream = [
                ":hello",
                "",
                "id: 1",
                "data: a",
                "data: b",
                "",
                "",
                "event: x",
                ":note",
                "data:c",
                "",
                "data: not finished",
            ]
            .join(end);
            assert_eq!(
                events(stream.as_bytes()),
                [
                    ["id: 1", "data: a", "data: b"].join(end),
                    ["event: x", ":note", "data:c"].join(end)
                ],
                "{end:?}"
            );
        }
        assert_eq!(
            events(b"data: a\r\n\ndata: b\r\r\ndata: c\n\r"),
            ["data: a", "data: b", "data: c"]
        );
    }

    #[test]
    fn a_long_event_is_cut_and_counted() {
        let mut splitter = EventSplitter::new();
        let mut told = Vec::new();
        for _ in 0..3 {
            splitter.feed(Timestamp(0), &vec![b'x'; 1 << 20], &mut |m| told.push(m));
        }
        splitter.feed(Timestamp(0), b"\n\n", &mut |m| told.push(m));
        assert_eq!(told[0].len_bytes, 3 << 20);
        assert_eq!(told[0].payload.len(), Message::KEPT_BYTES_MAX);
    }
}
