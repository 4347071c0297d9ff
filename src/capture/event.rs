//! The one kind of sentence in which everything that enters corscope is told.

use std::sync::Arc;

use bytes::Bytes;

use crate::wire::{
    Client, End, ExchangeId, HeaderList, Kind, Message, Patch, RequestHead, ResponseHead, Said,
    Side, Source, Timestamp, Timings, Upstream,
};

/// Something that became known about an exchange.
///
/// A live proxy, an imported HAR, a replay and the demo all speak it; a session is the only
/// listener. For one exchange `Opened` comes first and `Closed` last, `Answered` between them at
/// most once; only `Said` has no place. Events of different exchanges interleave in the order they happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request head was read. Sent before the server is even looked for.
    Opened(Box<Opening>),
    /// A response head was read.
    Answered(Box<Answer>),
    /// A trial fix changes the response head on its way to the browser. Comes before `Answered`; if
    /// none follows, the patch was the answer, given in the server's place.
    Patched(ExchangeId, Box<Patch>),
    /// The next bytes of a body, content coding still on.
    Body(ExchangeId, Side, Bytes),
    /// A WebSocket message or a server-sent event is complete.
    Message(ExchangeId, Box<Message>),
    /// The browser itself said what became of it; comes before `Closed`.
    Told(ExchangeId, String),
    /// It is over.
    Closed(Box<Closing>),
    /// A launched browser says what it did with it. Not from the wire, so it may come at any time
    /// after `Opened`, also after `Closed`.
    Said(ExchangeId, Box<Said>),
}

/// What is known when an exchange opens.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Name within the session, issued by the recorder.
    pub id: ExchangeId,
    /// When the head was read.
    pub at: Timestamp,
    /// Where it comes from.
    pub source: Source,
    /// What sort of conversation it is.
    pub kind: Kind,
    /// The connection it came on.
    pub client: Client,
    /// The request head.
    pub request: RequestHead,
}

/// What is known when a response head arrives.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Which exchange.
    pub id: ExchangeId,
    /// When the head was read.
    pub at: Timestamp,
    /// The server's head, unchanged.
    pub response: ResponseHead,
    /// The connection it came on.
    pub upstream: Upstream,
    /// The phases up to here.
    pub timings: Timings,
}

/// What is known when an exchange is over.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Which exchange.
    pub id: ExchangeId,
    /// When.
    pub at: Timestamp,
    /// How.
    pub end: End,
    /// All phases.
    pub timings: Timings,
    /// The connection to the server, where one was reached although no answer came.
    pub upstream: Option<Upstream>,
    /// Request body bytes that crossed the wire.
    pub request_bytes: u64,
    /// Response body bytes that crossed the wire.
    pub response_bytes: u64,
    /// Trailer fields of the response.
    pub trailers: Option<Arc<HeaderList>>,
}

impl Event {
    /// Which exchange it is about.
    pub fn id(&self) -> ExchangeId {
        match self {
            Self::Opened(opening) => opening.id,
            Self::Answered(answer) => answer.id,
            Self::Patched(id, _)
            | Self::Body(id, _, _)
            | Self::Message(id, _)
            | Self::Told(id, _)
            | Self::Said(id, _) => *id,
            Self::Closed(closing) => closing.id,
        }
    }

    /// Body and message bytes it holds on to.
    pub fn payload_bytes(&self) -> usize {
        match self {
            Self::Body(_, _, bytes) => bytes.len(),
            Self::Message(_, message) => message.payload.len(),
            _ => 0,
        }
    }
}
