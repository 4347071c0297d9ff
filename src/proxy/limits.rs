//! What is bounded at the sockets.

/// How many client connections are served at a time; further ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 1_024;
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
