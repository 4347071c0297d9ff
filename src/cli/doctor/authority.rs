//! The authority: there, readable by its owner only, within its life by a clock that is right.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::finding::Finding;
use crate::proxy::{Authority, CaCertificate, CaError};

/// A file from the future says that the clock was changed; this much may be a matter of time zones.
const FUTURE: Duration = Duration::from_hours(25);

/// What there is to say, and the authority if it can be used.
pub(super) fn look(directory: &Path) -> (Vec<Finding>, Option<Authority>) {
    let mut found = Vec::new();
    let key = Authority::key_path_in(directory);
    let certificate = Authority::certificate_in(directory);
    if !key.exists() && certificate.is_none() {
        found.push(Finding::note(
            "ca",
            "there is no authority yet",
            "the first capture makes it; corscope ca install makes it and lets browsers trust it",
        ));
        return (found, None);
    }
    if let Some(certificate) = &certificate {
        found.extend(clock(certificate, &key));
    }
    let loose = loose_mode(&key);
    if let Some(mode) = loose {
        found.push(Finding::bad(
            "ca-key",
            format!("{} can be read by others (mode {mode:03o})", key.display()),
            format!(
                "chmod 600 {}; if somebody may have read it, corscope ca rotate",
                key.display()
            ),
        ));
    }
    match Authority::load(directory) {
        Ok(authority) => {
            let shown = authority.certificate();
            let days = shown.days_left(chrono::Utc::now().timestamp());
            let said = format!("\"{}\", until {}", shown.name(), shown.expires_on());
            found.push(if days < 30 {
                let next =
                    "corscope ca rotate makes a new one and puts it where this one is trusted";
                Finding::note("ca", format!("{said}: {days} days left"), next)
            } else {
                Finding::fine("ca", said)
            });
            if loose.is_none() {
                found.push(Finding::fine("ca-key", "only you can read it"));
            }
            let file = authority.certificate_path();
            if !file.exists() {
                found.push(Finding::note(
                    "ca-file",
                    format!("{} is missing", file.display()),
                    "the next start writes it again",
                ));
            }
            (found, Some(authority))
        }
        Err(error) => {
            let (said, next) = told(&error, &key);
            found.push(Finding::bad("ca", said, next));
            (found, None)
        }
    }
}

fn told(error: &CaError, key: &Path) -> (String, String) {
    let rotate = "corscope ca rotate makes a new one; nothing unusable is thrown away";
    let (said, next) = match error {
        CaError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => (
            format!("the key {} is missing", key.display()),
            "put it back, or corscope ca rotate makes a new one".to_owned(),
        ),
        CaError::Io { source, .. } => {
            let why = crate::cli::output::reason(source);
            (
                format!("{} cannot be read ({why})", key.display()),
                format!(
                    "is it yours? ls -l {}; or another place with --data-dir",
                    key.display()
                ),
            )
        }
        CaError::Corrupt { path, why } => (format!("{}: {why}", path.display()), rotate.to_owned()),
        CaError::Expired { on, .. } => (
            format!("it expired on {on}, so no browser accepts what corscope shows"),
            "corscope ca rotate makes a new one and puts it where this one was trusted".to_owned(),
        ),
        CaError::Crypto { source } => (source.to_string(), rotate.to_owned()),
    };
    (said, next)
}

/// The clock against what was written when it was right, we hope.
fn clock(certificate: &CaCertificate, key: &Path) -> Option<Finding> {
    let now = chrono::Utc::now();
    let today = now.format("%Y-%m-%d %H:%M UTC");
    let next = "set the clock of this machine (timedatectl set-ntp true); if it was wrong when the \
                authority was made, corscope ca rotate";
    if certificate.valid_from() > now.timestamp() {
        let from = chrono::DateTime::from_timestamp(certificate.valid_from(), 0);
        let from = from.unwrap_or_default().format("%Y-%m-%d");
        return Some(Finding::bad(
            "clock",
            format!("it says {today}, but the authority is valid only from {from} on"),
            next,
        ));
    }
    let written = key.metadata().and_then(|m| m.modified()).ok()?;
    if written > SystemTime::now() + FUTURE {
        let written: chrono::DateTime<chrono::Utc> = written.into();
        let written = written.format("%Y-%m-%d");
        return Some(Finding::bad(
            "clock",
            format!("it says {today}, but the authority's key was written on {written}"),
            next,
        ));
    }
    Some(Finding::fine(
        "clock",
        format!("{today}, which fits the authority"),
    ))
}

#[cfg(unix)]
fn loose_mode(key: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = key.metadata().ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn loose_mode(_: &Path) -> Option<u32> {
    None
}
