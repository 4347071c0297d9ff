//! The authority's files: whole or not at all, the key for its owner only.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::CaError;

pub(super) fn io_error(doing: &'static str, path: &Path, source: io::Error) -> CaError {
    CaError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

pub(super) fn create_directory(path: &Path) -> Result<(), CaError> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder
        .create(path)
        .map_err(|e| io_error("create", path, e))
}

/// Creates a file whole or not at all; a file that is already there stays.
pub(super) fn create_file(path: &Path, content: &[u8], mode: u32) -> Result<(), CaError> {
    let failed = |e| io_error("create", path, e);
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    // Unlike a rename, a link never takes the place of a file.
    let linked = written.and_then(|()| match fs::hard_link(&temporary, path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) if !path.exists() => fs::rename(&temporary, path),
        other => other,
    });
    let _ = fs::remove_file(&temporary);
    linked.map_err(failed)
}

/// Takes the key away from other users, should it have been copied or restored carelessly. Returns
/// the mode it had if that was too wide.
pub(super) fn keep_private(path: &Path) -> Result<Option<u32>, CaError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let failed = |e| io_error("protect", path, e);
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
            return Ok(Some(mode));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(None)
}

/// The machine's name, as far as it fits into a certificate's.
pub(super) fn machine_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| fs::read_to_string("/etc/hostname"))
        .or_else(|_| std::env::var("HOSTNAME"))
        .or_else(|_| std::env::var("COMPUTERNAME"))
        .unwrap_or_default();
    let name: String = name
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        .take(40)
        .collect();
    if name.is_empty() {
        "this machine".to_owned()
    } else {
        name
    }
}
