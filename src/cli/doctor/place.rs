//! Where things are kept: can be written, has room; what an earlier run left there.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::cli::config::Places;
use crate::cli::{output, sessions};

/// Less room than this will not last for one body that is kept whole.
const ROOM_BYTES_MIN: u64 = 64 << 20;
/// Less than this is worth a word.
const ROOM_BYTES_LOW: u64 = 1 << 30;

pub(super) fn look(places: &Places) -> Vec<Finding> {
    let mut found = Vec::new();
    for (id, dir) in [("data", &places.authority), ("sessions", &places.sessions)] {
        found.push(match writable(dir) {
            Ok(()) => match room(dir) {
                Some(bytes) if bytes < ROOM_BYTES_LOW => {
                    let said = format!("{}: {} MiB left", dir.display(), bytes >> 20);
                    let next =
                        "make room (corscope sessions prune), or another disk with --data-dir";
                    if bytes < ROOM_BYTES_MIN {
                        Finding::bad(id, said, next)
                    } else {
                        Finding::note(id, said, next)
                    }
                }
                Some(bytes) => {
                    Finding::fine(id, format!("{}, {} GiB left", dir.display(), bytes >> 30))
                }
                None => Finding::fine(id, dir.display().to_string()),
            },
            Err((at, error)) => Finding::bad(
                id,
                format!(
                    "{} cannot be written ({})",
                    at.display(),
                    output::reason(&error)
                ),
                "make it yours, or choose another place with --data-dir DIR",
            ),
        });
    }
    if let Some(path) = sessions::left_behind(&places.sessions) {
        found.push(Finding::note(
            "left-over",
            "the last session was never closed; nothing that was written is lost",
            format!("corscope view {} shows it", path.path.display()),
        ));
    }
    found
}

/// Whether a file can be made in a directory, or the directory itself where there is none yet. What
/// is made for that is gone afterwards.
fn writable(dir: &Path) -> Result<(), (PathBuf, std::io::Error)> {
    let at = nearest(dir);
    tempfile::Builder::new()
        .prefix(".corscope-doctor-")
        .tempfile_in(&at)
        .map(drop)
        .map_err(|e| (at, e))
}

/// The directory itself, or the one above that is there.
fn nearest(dir: &Path) -> PathBuf {
    let there = dir.ancestors().find(|d| d.exists());
    there.unwrap_or(Path::new("/")).to_owned()
}

#[cfg(unix)]
fn room(dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(nearest(dir)).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn room(_: &Path) -> Option<u64> {
    None
}
