//! Verdicts as they fall: one line of JSON for each fetch, once it is settled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use super::output;
use crate::diagnose::FetchId;
use crate::report::{self, Redacted, Servers};
use crate::session::Reader;
use crate::wire::Redactor;

/// New rows are looked at this often at most.
const PAUSE: Duration = Duration::from_millis(100);

/// Prints verdicts of a capture while it runs. Cheap to clone; all print each fetch once.
#[derive(Clone)]
pub(super) struct LiveLines {
    reader: Reader,
    state: Arc<Mutex<State>>,
}

struct State {
    redactor: Redactor,
    /// The last fetch that was ever looked at; ids are dense.
    seen: u32,
    /// Fetches that are not settled yet.
    open: Vec<FetchId>,
}

impl LiveLines {
    pub(super) fn new(reader: Reader, redactor: Redactor) -> Self {
        Self {
            reader,
            state: Arc::new(Mutex::new(State {
                redactor,
                seen: 0,
                open: Vec::new(),
            })),
        }
    }

    /// Prints until it is dropped; comes back only if printing fails.
    pub(super) async fn run(&self) -> anyhow::Error {
        let mut revision = self.reader.revision();
        loop {
            if revision.changed().await.is_err() {
                return std::future::pending().await;
            }
            let lines = self.clone();
            let printed = tokio::task::spawn_blocking(move || lines.print(false)).await;
            match printed {
                Ok(Ok(())) => tokio::time::sleep(PAUSE).await,
                Ok(Err(error)) => return error,
                Err(panic) => return panic.into(),
            }
        }
    }

    /// Prints what is settled; at the end of a capture all that is left.
    pub(super) fn print(&self, all: bool) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State {
            redactor,
            seen,
            open,
        } = &mut *state;
        let known = self.reader.last_fetch();
        open.extend((*seen + 1..=known).map(FetchId));
        *seen = known;
        let mut printed = Ok(());
        open.retain(|id| {
            // One that turned out to belong to another is gone.
            let Some(fetch) = self.reader.fetch(*id) else {
                return false;
            };
            if printed.is_err() || !(fetch.settled || all) {
                return true;
            }
            printed = self.line(*id, redactor);
            false
        });
        printed
    }

    fn line(&self, id: FetchId, redactor: &Redactor) -> Result<()> {
        let redacted = Redacted::new(&self.reader, redactor);
        let Some(diagnosis) = self.reader.diagnosis_from(id, &redacted) else {
            return Ok(());
        };
        let servers = Servers::of(std::slice::from_ref(&diagnosis), &redacted);
        let mut line = report::fetch_to_json(&diagnosis, &servers, &redacted);
        super::export::hide_evidence(&mut line, redactor);
        output::data(&format!("{line}\n"))
    }
}
