//! Remembering what was heard: the [`Event`]s, the way in ([`Recorder`]), rows in memory and the
//! session file on disk.

mod anew;
mod archive;
mod batch;
mod bodies;
mod clock;
mod database;
mod error;
mod event;
mod lines;
mod notes;
mod opening;
mod recorder;
mod row;
mod schema;
mod store;
mod stored;
mod types;

pub use archive::{About, Archive};
pub use batch::{Batch, Digest, Heard, PIECE_BYTES_MAX, Piece, WholeBody};
pub use clock::{now, of_system};
pub use database::{Limits, Writer};
pub use error::SessionError;
pub use event::{Answer, Closing, Event, Opening};
pub use recorder::{
    EventQueue, ExchangeRecorder, QUEUE_BODY_BYTES_MAX, QUEUE_EVENTS_MAX, Recorder, Waited, Wanted,
    queue,
};
pub use row::{ROW_PATH_BYTES_MAX, RowEnd, Summary};
pub use schema::{APPLICATION_ID, SCHEMA_VERSION};
pub use store::Store;
