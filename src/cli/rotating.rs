//! A recording in several files, one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::args::Rotation;
use super::config::Places;
use super::live_lines::LiveLines;
use super::output;
use crate::session::{Reader, RowEnd, Session};
use crate::wire::ExchangeId;

/// How often it is looked whether a limit is reached.
const LOOK: Duration = Duration::from_millis(250);
/// How long a moment is waited for in which no verdict is open: a preflight and its request belong
/// into one file.
const QUIET_AT_MOST: Duration = Duration::from_secs(3);
/// How long exchanges of the file before may take to come to their end.
const ENDING_AT_MOST: Duration = Duration::from_secs(10);
/// Rows looked at under one lock.
const ROWS_AT_ONCE: usize = 4_096;

/// The files of one run, the newest last.
pub(super) struct Files {
    rotation: Rotation,
    /// The first one's name, where the person gave it.
    first: Option<PathBuf>,
    made: Vec<PathBuf>,
    number: u64,
    since: Instant,
    ending: Vec<JoinHandle<Result<Reader>>>,
}

impl Files {
    pub(super) fn new(rotation: Rotation, first: Option<&Path>, path: Option<&Path>) -> Self {
        Self {
            rotation,
            first: first.map(Path::to_owned),
            made: path.into_iter().map(Path::to_owned).collect(),
            number: 1,
            since: Instant::now(),
            ending: Vec::new(),
        }
    }

    /// Comes back when the present file is full and nothing is open in it, or has been waited for.
    pub(super) async fn full(&self, reader: &Reader) {
        let Some(path) = self.made.last() else {
            return std::future::pending().await;
        };
        let Rotation {
            rotate_size,
            rotate_every,
            rotate_count,
            ..
        } = self.rotation;
        if rotate_size.is_none() && rotate_every.is_none() && rotate_count.is_none() {
            return std::future::pending().await;
        }
        let late = rotate_every.map(|every| self.since + every);
        loop {
            let size = || bytes_of(path);
            let reached = rotate_size.is_some_and(|max| size() >= max)
                || rotate_count.is_some_and(|max| reader.len() as u64 >= max)
                || late.is_some_and(|late| Instant::now() >= late);
            // An empty file is not followed by another.
            if reached && !reader.is_empty() {
                break;
            }
            let next = Instant::now() + LOOK;
            sleep_until(late.map_or(next, |late| late.max(Instant::now()).min(next))).await;
            if late.is_some_and(|late| Instant::now() >= late) && reader.is_empty() {
                sleep(LOOK).await;
            }
        }
        let until = Instant::now() + QUIET_AT_MOST;
        while reader.has_unsettled() && Instant::now() < until {
            sleep(LOOK / 4).await;
        }
    }

    /// The name of the next file.
    pub(super) fn next(&mut self, places: &Places) -> Result<PathBuf> {
        let Some(first) = &self.first else {
            return places.new_session();
        };
        let stem = first.file_stem().unwrap_or_default().to_string_lossy();
        let ending = first.extension().map(|e| e.to_string_lossy());
        let ending = ending.map_or_else(String::new, |ending| format!(".{ending}"));
        loop {
            self.number += 1;
            let path = first.with_file_name(format!("{stem}.{}{ending}", self.number));
            if !path.exists() {
                return Ok(std::path::absolute(path)?);
            }
        }
    }

    /// The recording goes on in this file: the session before comes to its end beside it.
    pub(super) fn gone_on(&mut self, path: &Path, before: Session, lines: Option<LiveLines>) {
        output::say(&format!("The recording goes on in {}", path.display()));
        self.since = Instant::now();
        self.made.push(path.to_owned());
        self.ending.push(tokio::spawn(async move {
            let reader = before.reader();
            let until = Instant::now() + ENDING_AT_MOST;
            while has_open(&reader) && Instant::now() < until {
                sleep(LOOK).await;
            }
            let ended = tokio::task::spawn_blocking(move || {
                let reader = before.reader();
                before.finish()?;
                if let Some(lines) = lines {
                    lines.print(true)?;
                }
                Ok(reader)
            });
            ended.await?
        }));
        self.remove_oldest();
    }

    // Only those of this run, and never the one that is written.
    fn remove_oldest(&mut self) {
        let Some(keep) = self.rotation.keep_files else {
            return;
        };
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        // One that is still coming to its end leaves next time.
        let done = self.ending.iter().filter(|task| task.is_finished()).count();
        let mut may_go = done.min(self.made.len().saturating_sub(1));
        while self.made.len() > keep && may_go > 0 {
            let oldest = self.made.remove(0);
            may_go -= 1;
            for ending in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(beside(&oldest, ending));
            }
        }
    }

    /// Waits until all files but the last are closed; hands out what was in them.
    pub(super) async fn ended(&mut self) -> Result<Vec<Reader>> {
        let mut readers = Vec::new();
        for task in std::mem::take(&mut self.ending) {
            readers.push(task.await??);
        }
        Ok(readers)
    }

    /// What is left to be done when everything is closed.
    pub(super) fn tidy(&mut self, closed: usize) {
        let keep = self.rotation.keep_files.unwrap_or(u64::MAX);
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        let gone = self.made.len().saturating_sub(keep).min(closed);
        for oldest in self.made.drain(..gone) {
            let _ = fs::remove_file(oldest);
        }
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn bytes_of(path: &Path) -> u64 {
    let sizes =
        ["", "-wal"].map(|ending| fs::metadata(beside(path, ending)).map_or(0, |m| m.len()));
    sizes.iter().sum()
}

fn has_open(reader: &Reader) -> bool {
    let first = reader.first_id().0;
    let end = first + reader.len() as u64;
    let mut open = false;
    for from in (first..end).step_by(ROWS_AT_ONCE) {
        reader.scan(ExchangeId(from), ROWS_AT_ONCE, &mut |row| {
            open |= row.end == RowEnd::Open;
        });
    }
    open
}
