//! What crosses the wire, as plain values. The ground floor: no IO, no clock, no runtime; anyone
//! above may know these nouns.

mod body;
mod chatter;
pub(crate) mod cookie;
mod decode;
mod exchange;
mod headers;
mod legible;
mod message;
mod origin;
mod patch;
mod path;
mod redact;
mod said;
mod stream;

pub use body::{BodyFacts, End, Failure, FailureKind, FailureStage, Side};
pub(crate) use chatter::is_chatter;
pub use decode::{
    Decoded, coding_fault, coding_reader, decode_body, decode_charset, is_plain_text,
};
pub use exchange::{
    Client, Exchange, ExchangeId, Kind, Message, MessageKind, Replay, SharedExchange, Source,
    Timestamp, Timings, Upstream,
};
pub use headers::{Field, HeaderList, SharedHeaders, isomorphic};
pub use legible::{is_treacherous, json_escaped, spelled};
pub use message::{HttpVersion, RequestHead, ResponseHead};
pub use origin::{Origin, canonical_host, is_localhost_name, is_loopback_host};
pub use patch::Patch;
pub use path::PathPattern;
pub(crate) use redact::is_redacted;
pub use redact::{BadPattern, RedactOptions, RedactedBody, Redactor};
pub use said::{Block, Fate, Said, Via};
pub use stream::{EventSplitter, WebSocketDeflate, WebSocketSplitter};
