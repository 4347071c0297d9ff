//! What goes into the session file at once.

use std::sync::Arc;

use bytes::Bytes;

use crate::wire::{Exchange, ExchangeId, Message, Said, Side};

/// A body lies in pieces of at most this many bytes.
pub const PIECE_BYTES_MAX: usize = 256 << 10;

/// The order in which the sentences about an exchange were heard in the whole session: to be judged
/// the same when the file is read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Number of the opening.
    pub opened: u64,
    /// Number of the answer.
    pub answered: Option<u64>,
    /// Number of the end.
    pub closed: Option<u64>,
}

/// Names a content: the beginning of its SHA-256.
pub type Digest = [u8; 16];

/// A body of several pieces that is complete.
#[derive(Clone, Copy, Debug)]
pub struct WholeBody {
    /// Whose body.
    pub exchange: ExchangeId,
    /// Which of the two.
    pub side: Side,
    /// What is in it.
    pub digest: Digest,
}

/// A stretch of one body.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Whose body.
    pub exchange: ExchangeId,
    /// Which of the two.
    pub side: Side,
    /// Number of the piece within the body.
    pub number: u64,
    /// Bytes of the body before it.
    pub start: u64,
    /// Its bytes, in order.
    pub parts: Vec<Bytes>,
    /// Sum of the parts.
    pub len: usize,
    /// Whether a content coding makes compressing it again pointless.
    pub coded: bool,
    /// What is in it, if it is a whole body.
    pub whole: Option<Digest>,
}

/// What one transaction brings to the file.
#[derive(Debug, Default)]
pub struct Batch {
    /// Exchanges that are new or changed.
    pub exchanges: Vec<(Arc<Exchange>, Heard)>,
    /// Pieces of bodies.
    pub pieces: Vec<Piece>,
    /// Bodies of several pieces that are complete, the last of which may be among those above.
    pub bodies: Vec<WholeBody>,
    /// Messages, with their number within the exchange.
    pub messages: Vec<(ExchangeId, u64, Box<Message>)>,
    /// What a launched browser said about exchanges.
    pub said: Vec<(ExchangeId, Arc<Said>)>,
}
