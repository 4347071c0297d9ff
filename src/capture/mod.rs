//! Remembering what was heard: the [`Event`]s, the way in ([`Recorder`]), rows in memory and the
//! session file on disk.

mod event;
mod recorder;

pub use event::{Answer, Closing, Event, Opening};
pub use recorder::{
    EventQueue, ExchangeRecorder, QUEUE_BODY_BYTES_MAX, QUEUE_EVENTS_MAX, Recorder, Waited, now,
    queue,
};
