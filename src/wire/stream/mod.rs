//! Splitters for streams of messages: WebSocket frames and server-sent events, fed with whatever
//! bytes come, split anywhere. They watch beside the stream and can neither delay nor change it.

mod events;
mod inflate;
mod websocket;

pub use events::EventSplitter;
pub use websocket::{WebSocketDeflate, WebSocketSplitter};

/// What the tests of both splitters share.
#[cfg(test)]
mod cut {
    use crate::wire::MessageKind;

    pub(super) type Told = (MessageKind, u64, Vec<u8>);

    /// Feeds the bytes whole, byte by byte, and cut in two at every position: always the same.
    pub(super) fn split(
        bytes: &[u8],
        new: impl Fn() -> Box<dyn FnMut(&[u8], &mut Vec<Told>)>,
    ) -> Vec<Told> {
        let mut whole = Vec::new();
        new()(bytes, &mut whole);
        let mut single = Vec::new();
        let mut feed = new();
        for byte in bytes {
            feed(&[*byte], &mut single);
        }
        assert_eq!(single, whole);
        for at in 0..bytes.len().min(5_000) {
            let (mut halves, mut feed) = (Vec::new(), new());
            feed(&bytes[..at], &mut halves);
            feed(&bytes[at..], &mut halves);
            assert_eq!(halves, whole, "cut at {at}");
        }
        whole
    }
}
