//! `sessions`: what is kept, and doing away with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;

use super::args::{LineFormat, PlaceArgs, SessionsArgs, SessionsCommand};
use super::config::Places;
use super::exit::Exit;
use super::output::{self, reason};
use crate::capture::{About, Archive};
use crate::report::count;

/// The ending of session files.
const ENDING: &str = "corscope";

/// One session among those that are kept.
struct Kept {
    path: PathBuf,
    /// What it and its journal take, in bytes.
    bytes: u64,
    changed: SystemTime,
    /// `None`: it cannot be read.
    about: Option<About>,
}

impl Kept {
    fn name(&self) -> String {
        self.path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    fn state(&self) -> &'static str {
        match &self.about {
            None => "cannot be read",
            Some(about) if about.finished_at.is_some() => "",
            Some(about) if is_recording(about) => "recording",
            Some(_) => "not closed; view shows it",
        }
    }

    fn is_recording(&self) -> bool {
        self.about.as_ref().is_some_and(is_recording)
    }
}

pub(super) fn run(args: &SessionsArgs) -> Result<Exit> {
    let places = Places::of(&args.place)?;
    match &args.what {
        None => list(&all(&places.sessions)?, &places.sessions, args.format)?,
        Some(SessionsCommand::Prune {
            older_than,
            keep,
            dry_run,
        }) => prune(all(&places.sessions)?, *older_than, *keep, *dry_run)?,
        Some(SessionsCommand::Rename { from, to }) => rename(&places.sessions, from, to)?,
    }
    Ok(Exit::Clean)
}

/// A session whose program crashed or was killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeftBehind {
    pub(super) path: PathBuf,
    pub(super) exchanges: u64,
}

/// Names the session that a person was last asked about, among the sessions.
const OFFERED: &str = ".offered";

/// The newest session, if it was never closed, nobody records into it any more, and nobody was asked
/// about it before.
pub(super) fn left_behind(directory: &Path) -> Option<LeftBehind> {
    let newest = all(directory).ok()?.into_iter().next()?;
    let about = newest.about.as_ref()?;
    let lost = about.finished_at.is_none() && about.exchanges > 0 && !is_recording(about);
    let offered = fs::read_to_string(directory.join(OFFERED)).unwrap_or_default();
    if !lost || offered.trim() == newest.name() {
        return None;
    }
    Some(LeftBehind {
        exchanges: about.exchanges,
        path: newest.path,
    })
}

/// Remembers that a person was asked about it.
pub(super) fn offered(directory: &Path, left: &LeftBehind) {
    let name = left.path.file_stem().unwrap_or_default();
    // Where that cannot be written, the question comes again, which does no harm.
    let _ = fs::write(directory.join(OFFERED), name.as_encoded_bytes());
}

/// The session that was recorded last.
pub(super) fn newest(place: &PlaceArgs) -> Result<PathBuf> {
    let directory = Places::of(place)?.sessions;
    let newest = all(&directory)?.into_iter().find(|one| one.about.is_some());
    newest.map(|one| one.path).ok_or_else(|| {
        anyhow!(
            "there is no session in {} yet; corscope records one",
            directory.display()
        )
    })
}

// Newest first.
fn all(directory: &Path) -> Result<Vec<Kept>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(anyhow!(
                "cannot look into {} ({}); check the place given with --data-dir",
                directory.display(),
                reason(&error)
            ));
        }
    };
    let mut kept = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != ENDING) {
            continue;
        }
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        let journal = fs::metadata(beside(&path, "-wal")).ok();
        let times = [Some(&metadata), journal.as_ref()];
        let changed = times
            .into_iter()
            .flatten()
            .filter_map(|m| m.modified().ok())
            .max();
        kept.push(Kept {
            bytes: metadata.len() + journal.map_or(0, |m| m.len()),
            changed: changed.unwrap_or(SystemTime::UNIX_EPOCH),
            about: Archive::open(&path)
                .and_then(|archive| archive.about())
                .ok(),
            path,
        });
    }
    kept.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| b.path.cmp(&a.path)));
    Ok(kept)
}

fn list(kept: &[Kept], directory: &Path, format: LineFormat) -> Result<()> {
    if format != LineFormat::Text {
        for one in kept {
            let about = one.about.as_ref();
            let line = json!({
                "name": one.name(),
                "path": one.path.display().to_string(),
                "bytes": one.bytes,
                "exchanges": about.map(|a| a.exchanges),
                "started_at": about.and_then(|a| a.started_at).map(|at| at.0),
                "finished_at": about.and_then(|a| a.finished_at).map(|at| at.0),
                "recording": one.is_recording(),
            });
            output::data(&format!("{line}\n"))?;
        }
        return Ok(());
    }
    if kept.is_empty() {
        output::say(&format!(
            "There are no sessions in {}.",
            directory.display()
        ));
        return Ok(());
    }
    let width = kept
        .iter()
        .map(|one| one.name().chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for one in kept {
        let exchanges = one.about.as_ref().map_or(0, |about| about.exchanges);
        let plural = if exchanges == 1 { ' ' } else { 's' };
        let line = format!(
            "{:<width$}  {:>9}  {exchanges:>8} exchange{plural}  {}",
            one.name(),
            size(one.bytes),
            one.state(),
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    output::prose(&text)?;
    let bytes = kept.iter().map(|one| one.bytes).sum();
    output::say(&format!(
        "{}, {} in {}; corscope sessions prune does away with the old ones.",
        count(kept.len(), "session"),
        size(bytes),
        directory.display()
    ));
    Ok(())
}

// The newest are kept, as many as there is room for; one that is being recorded always is.
fn prune(kept: Vec<Kept>, older_than: Duration, keep: u64, dry_run: bool) -> Result<()> {
    let now = SystemTime::now();
    let (mut room, mut gone, mut freed) = (keep, 0, 0);
    for one in kept {
        let age = now.duration_since(one.changed).unwrap_or_default();
        let fits = one.bytes <= room;
        if one.is_recording() || (age <= older_than && fits) {
            room = room.saturating_sub(one.bytes);
            continue;
        }
        let why = if age > older_than { "old" } else { "no room" };
        output::data(&format!("{}  {}  {why}\n", one.name(), size(one.bytes)))?;
        if !dry_run {
            let removed = fs::remove_file(&one.path);
            removed.map_err(|error| {
                anyhow!(
                    "cannot remove {} ({}); check its owner",
                    one.path.display(),
                    reason(&error)
                )
            })?;
            for ending in ["-wal", "-shm"] {
                let _ = fs::remove_file(beside(&one.path, ending));
            }
        }
        gone += 1;
        freed += one.bytes;
    }
    let would = match (dry_run, gone) {
        (true, _) => "would be",
        (false, 1) => "is",
        (false, _) => "are",
    };
    output::say(&format!(
        "{}, {}, {would} gone.",
        count(gone, "session"),
        size(freed)
    ));
    Ok(())
}

fn rename(directory: &Path, from: &str, to: &str) -> Result<()> {
    let plain =
        |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
    let to = to.strip_suffix(".corscope").unwrap_or(to);
    if !plain(to) {
        bail!("\"{to}\" is no name for a session; write it without slashes, such as cart-bug");
    }
    let from = from.strip_suffix(".corscope").unwrap_or(from);
    let file = |name: &str| directory.join(format!("{name}.{ENDING}"));
    let (old, new) = (file(from), file(to));
    if !plain(from) || !old.exists() {
        bail!("there is no session \"{from}\"; corscope sessions lists them");
    }
    if new.exists() {
        bail!("there is a session \"{to}\" already; choose another name");
    }
    let about = Archive::open(&old).and_then(|archive| archive.about());
    if about.is_ok_and(|about| is_recording(&about)) {
        bail!("\"{from}\" is being recorded; rename it when that is over");
    }
    // The journal of one that was not closed belongs to it by name.
    for ending in ["-wal", "-shm"] {
        let journal = beside(&old, ending);
        if journal.exists() {
            fs::rename(&journal, beside(&new, ending)).context("its journal cannot be renamed")?;
        }
    }
    fs::rename(&old, &new).map_err(|error| {
        anyhow!(
            "\"{from}\" cannot be renamed ({}); check its owner",
            reason(&error)
        )
    })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn is_recording(about: &About) -> bool {
    about.finished_at.is_none() && about.pid.is_some_and(is_alive)
}

#[cfg(unix)]
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    // One that belongs to somebody else is alive as well.
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

// Without a way to ask, it may be.
#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    true
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}
