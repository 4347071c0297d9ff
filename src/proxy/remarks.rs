//! What a person should know that belongs to no exchange.

use tokio::sync::mpsc;

/// How many sentences wait to be heard; further ones are dropped, since they repeat.
const WAITING_MAX: usize = 32;

/// Says sentences to whoever listens.
pub(super) struct Remarks {
    heard: mpsc::Sender<String>,
}

impl Remarks {
    pub(super) fn new() -> (Self, mpsc::Receiver<String>) {
        let (heard, listener) = mpsc::channel(WAITING_MAX);
        (Self { heard }, listener)
    }

    /// Never waits.
    pub(super) fn say(&self, sentence: impl Into<String>) {
        let _ = self.heard.try_send(sentence.into());
    }
}
