//! What is bounded at the sockets.

/// The most client connections that are served at a time, however many files may be open.
const CONNECTIONS_MAX: usize = 32_768;
/// The fewest, however few.
const CONNECTIONS_MIN: usize = 4;
/// Open files that are none of a client's: the session, the listeners, the screen. Where there are
/// few, half of them.
const FILES_ASIDE: usize = 128;
/// How long a client of another machine may take to send a head, in seconds.
pub const HEAD_SECONDS_MAX: u64 = 60;

/// How many client connections are served at a time; further ones wait to be accepted. Each may need
/// one to a server, and both are open files; but most of many clients are idle, and those to servers
/// are shared, so that a quarter of the files is enough for them.
pub(super) fn connections_max() -> usize {
    connections_of(open_files_max())
}

/// As [`connections_max`], for so many files.
fn connections_of(files: usize) -> usize {
    let aside = FILES_ASIDE.min(files / 2);
    ((files - aside) / 4 * 3).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
}

#[cfg(unix)]
fn open_files_max() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    // Without a limit there is none to keep to.
    limit
        .current
        .map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX))
}

/// Sockets are no files there, and plenty.
#[cfg(not(unix))]
fn open_files_max() -> usize {
    usize::MAX
}

/// The longest header block of a message, in bytes.
pub(super) const HEADER_BYTES_MAX: usize = 256 << 10;
/// The most fields of a message.
pub(super) const HEADER_FIELDS_MAX: usize = 512;
/// How long a client may take for a TLS handshake, in seconds.
pub(super) const CLIENT_TLS_SECONDS_MAX: u64 = 30;
/// How long the first bytes in a tunnel are waited for before the server is asked whether it speaks
/// first, in milliseconds.
pub(super) const FIRST_BYTES_MILLIS: u64 = 1_000;
/// How long open exchanges may go on after the end was asked for, in milliseconds.
pub(super) const DRAIN_MILLIS: u64 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_files_for_servers() {
        let cases = [
            (64, 24),
            (256, 96),
            (400, 204),
            (20_000, 14_904),
            (usize::MAX, CONNECTIONS_MAX),
        ];
        for (files, clients) in cases {
            assert_eq!(connections_of(files), clients, "{files}");
        }
        assert_eq!(connections_of(0), CONNECTIONS_MIN);
    }
}
