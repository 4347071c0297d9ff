//! The splitters of streams: what they tell does not depend on how the bytes were cut.

use corscope::wire::{
    EventSplitter, Message, MessageKind, Side, Timestamp, WebSocketDeflate, WebSocketSplitter,
};

/// Hands bytes over in pieces of 1, 2, 3... up to `most` bytes and again.
fn in_pieces(data: &[u8], most: usize, each: &mut dyn FnMut(&[u8])) {
    let (mut rest, mut len) = (data, 0);
    while !rest.is_empty() {
        len = len % most.max(1) + 1;
        let (now, later) = rest.split_at(len.min(rest.len()));
        each(now);
        rest = later;
    }
}

type Told = (MessageKind, u64, Vec<u8>);

fn told(message: &Message) -> Told {
    assert!(message.payload.len() <= Message::KEPT_BYTES_MAX);
    (message.kind, message.len_bytes, message.payload.to_vec())
}

/// One direction of a WebSocket; the first byte says which, and what was negotiated, the second how
/// the bytes are cut.
pub fn websocket(data: &[u8]) {
    let [options, most, frames @ ..] = data else {
        return;
    };
    let bit = |n: u8| options & (1 << n) != 0;
    let from = if bit(0) {
        Side::Request
    } else {
        Side::Response
    };
    let deflate = bit(1).then_some(WebSocketDeflate {
        client_no_context_takeover: bit(2),
        server_no_context_takeover: bit(3),
    });
    let mut whole = WebSocketSplitter::new(from, deflate);
    let mut at_once = Vec::new();
    whole.feed(Timestamp(0), frames, &mut |m| at_once.push(told(&m)));
    let mut cut = WebSocketSplitter::new(from, deflate);
    let mut bit_by_bit = Vec::new();
    in_pieces(frames, usize::from(*most), &mut |piece| {
        cut.feed(Timestamp(0), piece, &mut |m| bit_by_bit.push(told(&m)));
    });
    assert_eq!(at_once, bit_by_bit);
    assert_eq!(whole.is_broken(), cut.is_broken());
}

/// A stream of server-sent events; the first byte says how it is cut.
pub fn events(data: &[u8]) {
    let Some((most, stream)) = data.split_first() else {
        return;
    };
    let mut at_once = Vec::new();
    EventSplitter::new().feed(Timestamp(0), stream, &mut |m| at_once.push(told(&m)));
    let mut cut = EventSplitter::new();
    let mut bit_by_bit = Vec::new();
    in_pieces(stream, usize::from(*most), &mut |piece| {
        cut.feed(Timestamp(0), piece, &mut |m| bit_by_bit.push(told(&m)));
    });
    assert_eq!(at_once, bit_by_bit);
    let kept: usize = at_once.iter().map(|(_, _, payload)| payload.len()).sum();
    assert!(kept <= stream.len());
}
