//! A capture as a HAR 1.2 file that DevTools, Firefox and other tools accept.
//!
//! Written as a stream: one entry is in memory at a time, WebSocket messages not even all of one.
//! What HAR has no words for stands in members that begin with an underscore, those of Chrome where
//! Chrome has them (`_error`, `_initiator`, `_resourceType`, `_webSocketMessages`), else in
//! `_corscope`.

mod body;
mod entry;
mod error;
mod escaped;
mod parts;

use std::io::{self, Write};

use serde_json::{Value, json};

use self::escaped::Escaped;
use crate::wire::{Exchange, Message, Redactor, Timestamp};

pub use error::net_error;
pub use parts::resource_type;

/// What a whole file says about itself.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// Name of the capture, for the one page all entries belong to.
    pub title: &'a str,
    /// When it began.
    pub started: Timestamp,
}

/// One entry: an exchange with all that a row does not hold.
pub struct Item<'a> {
    /// The exchange as it was captured; secrets are taken out while it is written.
    pub exchange: &'a Exchange,
    /// The request body as it crossed the wire.
    pub request_body: &'a [u8],
    /// The response body as it crossed the wire.
    pub response_body: &'a [u8],
    /// Its WebSocket messages in order.
    pub messages: Box<dyn Iterator<Item = Message> + 'a>,
    /// What it loads, in the word of the list: `doc`, `css`, `fetch`, `preflight`...
    pub kind: &'a str,
    /// What is to be known beside it, as members of `_corscope`.
    pub notes: Value,
}

/// A request that a browser would have made and never sent: DevTools shows such rows.
pub struct Unsent<'a> {
    /// When its preflight was sent.
    pub at: Timestamp,
    /// The method that was asked for.
    pub method: &'a str,
    /// The URL.
    pub url: &'a str,
    /// The headers that are known of it.
    pub headers: Vec<(String, String)>,
    /// What is to be known beside it, as members of `_corscope`.
    pub notes: Value,
}

/// Writes a HAR, entry by entry. Nothing is complete before [`finish`](Self::finish).
pub struct HarWriter<'r, W: Write> {
    out: W,
    redactor: &'r Redactor,
    entries: u64,
}

impl<'r, W: Write> HarWriter<'r, W> {
    /// Begins a file. Secrets are replaced as the redactor says.
    pub fn new(mut out: W, about: &About<'_>, redactor: &'r Redactor) -> io::Result<Self> {
        let comment = if redactor.is_on() {
            "Secrets were replaced by pseudonyms: the same one for the same secret."
        } else {
            "Secrets are in this file as they were sent."
        };
        let creator = json!({"name": "corscope", "version": env!("CARGO_PKG_VERSION")});
        let pages = json!([{
            "startedDateTime": parts::moment(about.started),
            "id": parts::PAGE,
            "title": redactor.text(about.title),
            "pageTimings": {},
        }]);
        write!(
            out,
            "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"comment\":{},\"pages\":{pages},\"entries\":[",
            Value::from(comment)
        )?;
        Ok(Self {
            out,
            redactor,
            entries: 0,
        })
    }

    /// Adds an exchange.
    pub fn exchange(&mut self, item: Item<'_>) -> io::Result<()> {
        self.separate()?;
        entry::write(&mut self.out, item, self.redactor)
    }

    /// Adds the row of a request that was never sent.
    pub fn unsent(&mut self, unsent: &Unsent<'_>) -> io::Result<()> {
        self.separate()?;
        let entry = entry::unsent(unsent, self.redactor);
        serde_json::to_writer(Escaped(&mut self.out), &entry).map_err(io::Error::from)
    }

    /// Ends the file; says how many entries it has.
    pub fn finish(mut self) -> io::Result<u64> {
        self.out.write_all(b"\n]}}\n")?;
        self.out.flush()?;
        Ok(self.entries)
    }

    fn separate(&mut self) -> io::Result<()> {
        let between: &[u8] = if self.entries == 0 { b"\n" } else { b",\n" };
        self.entries += 1;
        self.out.write_all(between)
    }
}
