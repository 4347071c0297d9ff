//! A peer that sends without end, and what it sends becomes nothing.
//!
//! hyper reads the size of a chunk byte by byte to its end, and has no bound for the zeros in front of
//! it, nor for the blanks behind: a connection full of those kept a thread busy for seconds at a time,
//! and all that would have run on it waited. Here a connection gives the others a turn after so many
//! bytes, and is given up when far too many bytes have become neither a head nor a piece of a body.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much of a connection is read before others get a turn, in bytes, beyond the one read that
/// passes it.
const TURN_BYTES: usize = 128 << 10;
/// How many bytes may become nothing, beyond as many again. More than the longest head, and than all
/// that is read ahead of who takes the body.
const BARREN_BYTES_MAX: usize = 2 << 20;

/// Nothing came of what was read since somebody looked.
const NOTHING: u8 = 0;
/// Something did.
const SOMETHING: u8 = 1;
/// Nobody will say any more whether something does.
const UNTOLD: u8 = 2;

/// Told by those who take what is read, as it becomes something.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<AtomicU8>);

impl Progress {
    /// A head, or a piece of a body.
    pub(super) fn made(&self) {
        self.0.store(SOMETHING, Ordering::Relaxed);
    }

    /// From here on it is no HTTP, and whoever reads it says nothing.
    pub(super) fn untold(&self) {
        self.0.store(UNTOLD, Ordering::Relaxed);
    }

    fn was_made(&self) -> bool {
        let taken =
            self.0
                .compare_exchange(SOMETHING, NOTHING, Ordering::Relaxed, Ordering::Relaxed);
        taken.is_ok() || taken == Err(UNTOLD)
    }
}

/// Its words end an exchange.
#[derive(Debug, thiserror::Error)]
#[error("megabytes that are neither a head nor a body, such as a chunk's size that does not end")]
struct Barren;

/// A peer's stream under HTTP/1.
pub(super) struct InTurns<S> {
    pub inner: S,
    progress: Progress,
    /// Read in this turn.
    turn_bytes: usize,
    /// Read since there was progress.
    barren_bytes: usize,
}

impl<S> InTurns<S> {
    pub(super) fn new(inner: S, progress: Progress) -> Self {
        Self {
            inner,
            progress,
            turn_bytes: 0,
            barren_bytes: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for InTurns<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.turn_bytes >= TURN_BYTES {
            self.turn_bytes = 0;
            // Not by waking at once: sockets are looked after only when no task is left to run, or
            // after many.
            let turn = std::pin::pin!(tokio::task::yield_now());
            let _ = turn.poll(cx);
            return Poll::Pending;
        }
        if self.barren_bytes >= BARREN_BYTES_MAX {
            if !self.progress.was_made() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, Barren)));
            }
            self.barren_bytes = 0;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if read.is_pending() {
            self.turn_bytes = 0;
        } else {
            let bytes = buf.filled().len() - before;
            self.turn_bytes += bytes;
            self.barren_bytes += bytes;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for InTurns<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: usize = 32 << 10;

    /// Reads all that is to be had in one go; whether that is the end, and how much it was.
    fn turn(stream: &mut InTurns<tokio::io::Repeat>) -> (io::Result<()>, usize) {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut space = vec![0; AT_ONCE];
        let mut bytes = 0;
        loop {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut *stream).poll_read(&mut cx, &mut buf) {
                Poll::Ready(Ok(())) => bytes += buf.filled().len(),
                Poll::Ready(Err(error)) => return (Err(error), bytes),
                Poll::Pending => return (Ok(()), bytes),
            }
        }
    }

    #[test]
    fn others_get_a_turn() {
        let progress = Progress::default();
        let mut stream = InTurns::new(tokio::io::repeat(b'0'), progress.clone());
        for _ in 0..1_000 {
            progress.made();
            let (read, bytes) = turn(&mut stream);
            assert!(read.is_ok(), "{read:?}");
            assert_eq!(bytes, TURN_BYTES);
        }
    }

    #[test]
    fn what_becomes_nothing_is_given_up() {
        let progress = Progress::default();
        let mut stream = InTurns::new(tokio::io::repeat(b'0'), progress.clone());
        progress.made();
        let mut bytes = 0;
        let error = loop {
            let (read, more) = turn(&mut stream);
            bytes += more;
            if let Err(error) = read {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(bytes, 2 * BARREN_BYTES_MAX);
    }

    #[test]
    fn a_tunnel_may_be_as_long_as_it_likes() {
        let progress = Progress::default();
        let mut stream = InTurns::new(tokio::io::repeat(b'0'), progress.clone());
        progress.untold();
        for _ in 0..1_000 {
            assert!(turn(&mut stream).0.is_ok());
        }
    }
}
