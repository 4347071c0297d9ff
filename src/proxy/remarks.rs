//! What a person should know that belongs to no exchange.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

/// How many sentences wait to be heard; further ones are dropped, since they repeat.
const WAITING_MAX: usize = 32;

/// How many of those who were refused are told of.
const STRANGERS_MAX: usize = 16;

/// Says sentences to whoever listens.
pub(super) struct Remarks {
    heard: mpsc::Sender<String>,
    /// Who was refused and told of.
    strangers: Mutex<HashSet<IpAddr>>,
}

impl Remarks {
    pub(super) fn new() -> (Self, mpsc::Receiver<String>) {
        let (heard, listener) = mpsc::channel(WAITING_MAX);
        let strangers = Mutex::default();
        (Self { heard, strangers }, listener)
    }

    /// Never waits.
    pub(super) fn say(&self, sentence: impl Into<String>) {
        let _ = self.heard.try_send(sentence.into());
    }

    /// Somebody was not let in; said once of each, of the first few.
    pub(super) fn stranger(&self, ip: IpAddr) {
        let ip = ip.to_canonical();
        let mut strangers = self
            .strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if strangers.len() < STRANGERS_MAX && strangers.insert(ip) {
            drop(strangers);
            self.say(format!(
                "{ip} tried to use this proxy and was refused; --allow {ip} lets it."
            ));
        }
    }
}
