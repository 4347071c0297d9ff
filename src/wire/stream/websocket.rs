//! WebSocket frames.

use super::inflate::Inflater;
use crate::wire::{HeaderList, Message, MessageKind, Side, Timestamp};

/// Whether and how the messages of a WebSocket are compressed: `permessage-deflate` as the server
/// accepted it ([RFC 7692 § 7](https://www.rfc-editor.org/rfc/rfc7692#section-7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebSocketDeflate {
    /// Each message of the browser is compressed on its own.
    pub client_no_context_takeover: bool,
    /// Each message of the server is compressed on its own.
    pub server_no_context_takeover: bool,
}

impl WebSocketDeflate {
    /// Reads it from the headers of the answer to the handshake.
    pub fn negotiated(response: &HeaderList) -> Option<Self> {
        let extensions = response
            .get("sec-websocket-extensions")?
            .to_ascii_lowercase();
        let accepted = extensions.split(',').find_map(|extension| {
            let mut parts = extension.split(';').map(str::trim);
            (parts.next() == Some("permessage-deflate")).then(|| parts.collect::<Vec<_>>())
        })?;
        Some(Self {
            client_no_context_takeover: accepted.contains(&"client_no_context_takeover"),
            server_no_context_takeover: accepted.contains(&"server_no_context_takeover"),
        })
    }

    fn takes_over(self, from: Side) -> bool {
        !match from {
            Side::Request => self.client_no_context_takeover,
            Side::Response => self.server_no_context_takeover,
        }
    }
}

/// Splits one direction of a WebSocket into messages
/// ([RFC 6455 § 5](https://www.rfc-editor.org/rfc/rfc6455#section-5)).
///
/// Of each message at most [`Message::KEPT_BYTES_MAX`] are kept, its length is counted. After bytes
/// that cannot be frames it falls silent.
#[derive(Debug)]
pub struct WebSocketSplitter {
    from: Side,
    state: State,
    /// The message whose fragments come.
    data: Option<Part>,
    /// The control frame that is coming, perhaps between fragments.
    control: Option<Part>,
    inflater: Option<Inflater>,
}

#[derive(Debug)]
enum State {
    /// In the head of a frame: what of it has come.
    Head { bytes: [u8; 14], len: usize },
    /// In a payload.
    Payload {
        left: u64,
        mask: Option<[u8; 4]>,
        at: usize,
        last: bool,
        control: bool,
    },
    /// These are no frames.
    Broken,
}

const START: State = State::Head {
    bytes: [0; 14],
    len: 0,
};

/// A message that is coming.
#[derive(Debug)]
struct Part {
    kind: MessageKind,
    compressed: bool,
    len_bytes: u64,
    payload: Vec<u8>,
}

impl WebSocketSplitter {
    /// A splitter for what comes from this side after the handshake.
    pub fn new(from: Side, deflate: Option<WebSocketDeflate>) -> Self {
        Self {
            from,
            state: START,
            data: None,
            control: None,
            inflater: deflate.map(|deflate| Inflater::new(deflate.takes_over(from))),
        }
    }

    /// Takes the next bytes; hands out each message they complete.
    pub fn feed(&mut self, at: Timestamp, mut bytes: &[u8], each: &mut dyn FnMut(Message)) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Broken => return,
                State::Head { bytes: head, len } => {
                    head[*len] = bytes[0];
                    *len += 1;
                    bytes = &bytes[1..];
                    if *len == head_len(&head[..*len]) {
                        let head = *head;
                        self.state = self.begin(&head);
                    }
                }
                State::Payload {
                    left,
                    mask,
                    at,
                    control,
                    ..
                } => {
                    let take =
                        usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    let (now, rest) = bytes.split_at(take);
                    let control = *control;
                    let (mask, start) = (*mask, *at);
                    *left -= take as u64;
                    *at += take;
                    bytes = rest;
                    let part = if control {
                        &mut self.control
                    } else {
                        &mut self.data
                    };
                    if let Some(part) = part {
                        part.extend(now, mask, start, self.inflater.as_mut());
                    }
                }
            }
            self.end_of_frame(at, each);
        }
    }

    /// Whether it met bytes that cannot be frames and fell silent.
    pub fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken)
    }

    /// The head is complete.
    fn begin(&mut self, head: &[u8; 14]) -> State {
        let last = head[0] & 0x80 != 0;
        let compressed = head[0] & 0x40 != 0;
        let opcode = head[0] & 0x0f;
        let short = head[1] & 0x7f;
        let (left, mask_at) = match short {
            126 => (u64::from(u16::from_be_bytes([head[2], head[3]])), 4),
            127 => {
                let mut long = [0; 8];
                long.copy_from_slice(&head[2..10]);
                (u64::from_be_bytes(long), 10)
            }
            _ => (u64::from(short), 2),
        };
        let mask = (head[1] & 0x80 != 0).then(|| {
            [
                head[mask_at],
                head[mask_at + 1],
                head[mask_at + 2],
                head[mask_at + 3],
            ]
        });
        let control = opcode >= 8;
        let usable = head[0] & 0x30 == 0
            && left >> 63 == 0
            && (!compressed || (self.inflater.is_some() && matches!(opcode, 1 | 2)))
            && (!control || (last && left <= 125));
        let kind = match opcode {
            0 => self.data.as_ref().map(|data| data.kind),
            // A new message while another is unfinished.
            1 | 2 if self.data.is_some() => None,
            1 => Some(MessageKind::Text),
            2 => Some(MessageKind::Binary),
            8 => Some(MessageKind::Close),
            9 => Some(MessageKind::Ping),
            10 => Some(MessageKind::Pong),
            _ => None,
        };
        let (true, Some(kind)) = (usable, kind) else {
            return State::Broken;
        };
        let part = Part {
            kind,
            compressed,
            len_bytes: 0,
            payload: Vec::new(),
        };
        if control {
            self.control = Some(part);
        } else if opcode != 0 {
            self.data = Some(part);
        }
        State::Payload {
            left,
            mask,
            at: 0,
            last,
            control,
        }
    }

    /// If the frame is complete, the next begins; if it was the last of a message, that is told.
    fn end_of_frame(&mut self, at: Timestamp, each: &mut dyn FnMut(Message)) {
        let State::Payload {
            left: 0,
            last,
            control,
            ..
        } = self.state
        else {
            return;
        };
        self.state = START;
        let part = match (control, last) {
            (true, _) => self.control.take(),
            (false, true) => self.data.take(),
            (false, false) => None,
        };
        let Some(mut part) = part else {
            return;
        };
        if part.compressed
            && let Some(inflater) = &mut self.inflater
        {
            inflater.finish(&mut part.payload);
        }
        each(Message {
            at,
            from: self.from,
            kind: part.kind,
            len_bytes: part.len_bytes,
            payload: part.payload.into(),
        });
    }
}

/// How long a frame's head is, as far as its first bytes tell.
fn head_len(head: &[u8]) -> usize {
    let Some(second) = head.get(1) else {
        return 2;
    };
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + if second & 0x80 != 0 { 4 } else { 0 }
}

impl Part {
    fn extend(
        &mut self,
        bytes: &[u8],
        mask: Option<[u8; 4]>,
        start: usize,
        inflater: Option<&mut Inflater>,
    ) {
        self.len_bytes += bytes.len() as u64;
        let room = Message::KEPT_BYTES_MAX.saturating_sub(self.payload.len());
        let inflater = inflater.filter(|_| self.compressed);
        // A compressed message is inflated to its end, or the next could not be read.
        let wanted = if inflater.is_some() {
            bytes.len()
        } else {
            bytes.len().min(room)
        };
        let unmasked: Vec<u8>;
        let plain = match mask {
            None => &bytes[..wanted],
            Some(mask) => {
                let masked = bytes[..wanted].iter().enumerate();
                unmasked = masked.map(|(n, b)| b ^ mask[(start + n) % 4]).collect();
                &unmasked
            }
        };
        match inflater {
            Some(inflater) => inflater.feed(plain, &mut self.payload),
            None => self.payload.extend_from_slice(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::cut::{Told, split};
    use super::*;

    fn frames(from: Side, deflate: Option<WebSocketDeflate>, bytes: &[u8]) -> Vec<Told> {
        split(bytes, || {
            let mut splitter = WebSocketSplitter::new(from, deflate);
            Box::new(move |bytes, told| {
                splitter.feed(Timestamp(0), bytes, &mut |m| {
                    assert_eq!(m.from, from);
                    told.push((m.kind, m.len_bytes, m.payload.to_vec()));
                });
            })
        })
    }

    fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let flag = if mask.is_some() { 0x80 } else { 0 };
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..126 => frame.push(flag | len as u8),
            len @ 126..0x1_0000 => {
                frame.push(flag | 0x7e);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(flag | 0x7f);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend(
            mask.unwrap_or_default()
                .iter()
                .take(if mask.is_some() { 4 } else { 0 }),
        );
        let masked = payload
            .iter()
            .enumerate()
            .map(|(n, b)| b ^ mask.map_or(0, |m| m[n % 4]));
        frame.extend(masked);
        frame
    }

    #[test]
    fn the_examples_of_the_standard() {
        // RFC 6455 § 5.7.
        let hello = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(
            frames(Side::Request, None, &hello),
            [(MessageKind::Text, 5, b"Hello".to_vec())]
        );
        let ping_between_fragments = [
            0x01, 0x03, b'H', b'e', b'l', 0x89, 0x01, b'?', 0x80, 0x02, b'l', b'o',
        ];
        assert_eq!(
            frames(Side::Response, None, &ping_between_fragments),
            [
                (MessageKind::Ping, 1, b"?".to_vec()),
                (MessageKind::Text, 5, b"Hello".to_vec())
            ]
        );
    }

    #[test]
    fn all_lengths_and_an_empty_message() {
        let mask = Some([1, 2, 3, 4]);
        let mut bytes = Vec::new();
        for len in [0, 1, 125, 126, 70_000] {
            bytes.extend(frame(0x82, mask, &vec![9; len]));
        }
        bytes.extend(frame(0x88, mask, b"\x03\xe8bye"));
        let told = frames(Side::Request, None, &bytes);
        let lengths: Vec<u64> = told.iter().map(|(_, len, _)| *len).collect();
        assert_eq!(lengths, [0, 1, 125, 126, 70_000, 5]);
        assert!(told[4].2.iter().all(|b| *b == 9));
        assert_eq!(told[5].0, MessageKind::Close);
    }

    #[test]
    fn what_is_long_is_cut_and_counted() {
        let len = Message::KEPT_BYTES_MAX + 10;
        let mut splitter = WebSocketSplitter::new(Side::Response, None);
        let mut told = Vec::new();
        splitter.feed(Timestamp(0), &frame(0x82, None, &vec![1; len]), &mut |m| {
            told.push(m);
        });
        assert_eq!(told[0].len_bytes, len as u64);
        assert_eq!(told[0].payload.len(), Message::KEPT_BYTES_MAX);
    }

    #[test]
    fn what_is_no_frame_ends_the_listening() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\n"[..],
            // A continuation of nothing; an unfinished ping; compressed, but not negotiated.
            &[0x80, 0x00],
            &[0x09, 0x00],
            &[0xc1, 0x00],
        ] {
            let mut splitter = WebSocketSplitter::new(Side::Response, None);
            splitter.feed(Timestamp(0), bytes, &mut |m| panic!("{m:?}"));
            assert!(splitter.is_broken(), "{bytes:?}");
        }
    }

    fn deflated(compressor: &mut flate2::Compress, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 100);
        compressor
            .compress_vec(text, &mut out, flate2::FlushCompress::Sync)
            .expect("there is room");
        assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
        out.truncate(out.len() - 4);
        out
    }

    #[test]
    fn compressed_messages_with_and_without_a_shared_window() {
        let text = b"the same text, the same text, again and again";
        for takes_over in [true, false] {
            let deflate = WebSocketDeflate {
                server_no_context_takeover: !takes_over,
                ..WebSocketDeflate::default()
            };
            let mut compressor = flate2::Compress::new(flate2::Compression::best(), false);
            let (mut bytes, mut sent) = (Vec::new(), Vec::new());
            for _ in 0..3 {
                let packed = deflated(&mut compressor, text);
                if !takes_over {
                    compressor.reset();
                }
                // In two fragments, only the first of which says that it is compressed.
                let (one, two) = packed.split_at(packed.len() / 2);
                bytes.extend(frame(0x41, None, one));
                bytes.extend(frame(0x80, None, two));
                sent.push(packed.len() as u64);
            }
            bytes.extend(frame(0x81, None, b"plain"));
            let told = frames(Side::Response, Some(deflate), &bytes);
            assert_eq!(told.len(), 4);
            for (n, (kind, len, payload)) in told[..3].iter().enumerate() {
                assert_eq!(
                    (*kind, *len, &payload[..]),
                    (MessageKind::Text, sent[n], &text[..])
                );
            }
            assert_eq!(told[3].2, b"plain");
            assert_eq!(takes_over, sent[1] < sent[0], "the test means what it says");
        }
    }

    #[test]
    fn a_bomb_costs_no_more_than_what_is_kept() {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 30 << 20]).expect("memory");
        let packed = encoder.finish().expect("memory");
        let mut splitter = WebSocketSplitter::new(Side::Request, Some(WebSocketDeflate::default()));
        let mut told = Vec::new();
        splitter.feed(Timestamp(0), &frame(0xc2, None, &packed), &mut |m| {
            told.push(m);
        });
        assert_eq!(told[0].payload.len(), Message::KEPT_BYTES_MAX);
        assert_eq!(told[0].len_bytes, packed.len() as u64);
    }

    #[test]
    fn the_handshake_says_how_messages_are_compressed() {
        let of = |value: &str| {
            let headers = HeaderList::from_pairs([("Sec-WebSocket-Extensions", value)]);
            WebSocketDeflate::negotiated(&headers)
        };
        assert_eq!(of("x-other"), None);
        assert_eq!(of("permessage-deflate"), Some(WebSocketDeflate::default()));
        assert_eq!(
            of("foo, permessage-deflate; server_no_context_takeover; client_max_window_bits=12"),
            Some(WebSocketDeflate {
                server_no_context_takeover: true,
                client_no_context_takeover: false
            })
        );
    }
}
