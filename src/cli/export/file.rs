//! Where a paper goes: stdout, or a new file that only its owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::cli::output::reason;

/// Where to.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) enum Target<'a> {
    Stdout,
    /// A file that does not exist yet.
    New(&'a Path),
    /// A file that may exist: what was in it is gone when this one is complete.
    Over(&'a Path),
}

/// Writes a paper. A file appears when it is complete, or not at all.
pub(in crate::cli) fn write_to<T>(
    target: Target<'_>,
    write: impl FnOnce(&mut dyn Write) -> Result<T>,
) -> Result<Option<T>> {
    let path = match target {
        Target::Stdout => {
            let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
            let written = write(&mut out).and_then(|done| {
                out.flush()?;
                Ok(Some(done))
            });
            return match written {
                // `corscope export … | head -1`: who asked has read enough.
                Err(error) if is_broken_pipe(&error) => Ok(None),
                other => other,
            };
        }
        Target::New(path) | Target::Over(path) => path,
    };
    let name = path.display();
    if path.exists() && matches!(target, Target::New(_)) {
        bail!("{name} exists already and is not overwritten; choose another name");
    }
    let part = path.with_added_extension("part");
    let cannot = |error: io::Error| {
        anyhow!(
            "cannot write {name} ({}); choose another place",
            reason(&error)
        )
    };
    let written = create(&part).map_err(cannot).and_then(|file| {
        let mut out = BufWriter::with_capacity(1 << 16, file);
        let done = write(&mut out).with_context(|| format!("{name} is not written"))?;
        out.flush().map_err(cannot)?;
        fs::rename(&part, path).map_err(cannot)?;
        Ok(Some(done))
    });
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}
