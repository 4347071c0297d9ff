//! Carrying messages between a browser and what understands them.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, interval, timeout_at};

use super::line::Line;
use super::{BiDi, DevTools, Heard, Word};
use crate::capture::now;
use crate::launch::Wire;
use crate::wire::Timestamp;

/// How long a browser may take for its first answer.
const ANSWER_AT_MOST: Duration = Duration::from_mins(1);
/// How often time alone is looked at.
const TICK: Duration = Duration::from_millis(250);

/// Why a browser cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// It never answered.
    #[error("it does not answer")]
    Mute,
    /// It will not be listened to; why, in its words.
    #[error("it says: {0}")]
    Refused(String),
    /// The line to it broke.
    #[error("{0}")]
    Line(#[from] io::Error),
}

enum Dialect {
    DevTools(DevTools),
    BiDi(BiDi),
}

impl Dialect {
    fn open(&mut self) -> Vec<Value> {
        match self {
            Self::DevTools(tools) => tools.open(),
            Self::BiDi(bidi) => bidi.open(),
        }
    }

    fn hear(&mut self, message: &Value, now: Timestamp) -> Heard {
        match self {
            Self::DevTools(tools) => tools.hear(message),
            Self::BiDi(bidi) => bidi.hear(message, now),
        }
    }

    fn tick(&mut self, now: Timestamp) -> Vec<Word> {
        match self {
            Self::DevTools(_) => Vec::new(),
            Self::BiDi(bidi) => bidi.tick(now),
        }
    }
}

/// Listens to a browser until it is gone; `page` is opened once it can be listened to. What nobody
/// takes in time is left out: the browser is never made to wait. Where it cannot be listened to,
/// `unheard` is told why, and this goes on until it is dropped: a Chromium would close with its line.
pub async fn listen(
    wire: Wire,
    page: Option<String>,
    words: mpsc::Sender<Word>,
    unheard: oneshot::Sender<Unheard>,
) {
    let dialect = match &wire {
        Wire::Pipe { .. } => Dialect::DevTools(DevTools::new(page)),
        Wire::Port { .. } => Dialect::BiDi(BiDi::new(page)),
    };
    let mut line = match Line::to(wire).await {
        Ok(line) => line,
        Err(error) => {
            let _ = unheard.send(error.into());
            return;
        }
    };
    if let Err(why) = carry(&mut line, dialect, &words).await {
        let _ = unheard.send(why);
        std::future::pending::<()>().await;
    }
}

async fn carry(
    line: &mut Line,
    mut dialect: Dialect,
    words: &mpsc::Sender<Word>,
) -> Result<(), Unheard> {
    for command in dialect.open() {
        line.send(command.to_string()).await?;
    }
    let mut part = Vec::new();
    let due = Instant::now() + ANSWER_AT_MOST;
    let first = timeout_at(due, line.receive(&mut part)).await;
    let mut next = first.map_err(|_| Unheard::Mute)??;
    let mut ticks = interval(TICK);
    while let Some(text) = next {
        // What does not parse is none of what we understand.
        let message = serde_json::from_str(&text).unwrap_or(Value::Null);
        let heard = dialect.hear(&message, now());
        for word in heard.words {
            let _ = words.try_send(word);
        }
        if let Some(why) = heard.refused {
            return Err(Unheard::Refused(why));
        }
        for reply in heard.reply {
            line.send(reply.to_string()).await?;
        }
        next = loop {
            tokio::select! {
                // That the line broke means that the browser is gone.
                message = line.receive(&mut part) => break message.unwrap_or(None),
                _ = ticks.tick() => {
                    for word in dialect.tick(now()) {
                        let _ = words.try_send(word);
                    }
                }
            }
        };
    }
    for word in dialect.tick(now().plus_micros(60_000_000)) {
        let _ = words.try_send(word);
    }
    Ok(())
}
