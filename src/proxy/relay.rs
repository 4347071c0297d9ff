//! Bytes both ways, as they come.

use std::io;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::context::After;
use super::detect::Rewound;
use super::dial::DialTimes;
use super::failure::{failure, kind_of};
use super::raw::Raw;
use crate::capture::{ExchangeRecorder, now};
use crate::wire::{End, FailureStage, Side, Upstream, WebSocketSplitter};

/// Size of the buffer of each direction, in bytes.
const BUFFER_BYTES: usize = 16 << 10;

/// A relay that broke: whose end it was, and how.
#[derive(Debug)]
struct Broken {
    side: Side,
    error: io::Error,
}

/// Copies until both directions have ended; the end of one is passed on and leaves the other
/// running. The listeners hear every piece before it is passed on.
async fn relay<C, S>(
    client: C,
    server: S,
    from_client_heard: impl FnMut(&[u8]),
    from_server_heard: impl FnMut(&[u8]),
) -> Result<(), Broken>
where
    C: AsyncRead + AsyncWrite,
    S: AsyncRead + AsyncWrite,
{
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    tokio::try_join!(
        copy(from_client, to_server, Side::Request, from_client_heard),
        copy(from_server, to_client, Side::Response, from_server_heard),
    )?;
    Ok(())
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    side: Side,
    mut heard: impl FnMut(&[u8]),
) -> Result<(), Broken> {
    let other = match side {
        Side::Request => Side::Response,
        Side::Response => Side::Request,
    };
    let reading = |error| Broken { side, error };
    let writing = |error| Broken { side: other, error };
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let n = from.read(&mut buffer).await.map_err(reading)?;
        if n == 0 {
            return to.shutdown().await.map_err(writing);
        }
        heard(&buffer[..n]);
        to.write_all(&buffer[..n]).await.map_err(writing)?;
        to.flush().await.map_err(writing)?;
    }
}

/// Passes a tunnel through unread: only counted.
pub(super) async fn pass(
    client: Rewound<TcpStream>,
    server: Rewound<Raw>,
    recorder: ExchangeRecorder,
    times: DialTimes,
) {
    let upstream = Upstream {
        addr: server.get_ref().tcp().peer_addr().ok(),
        ..Upstream::default()
    };
    let count = |side| {
        let recorder = &recorder;
        move |bytes: &[u8]| recorder.passed_unseen(side, bytes.len() as u64)
    };
    let (from_client, from_server) = (count(Side::Request), count(Side::Response));
    let ended = relay(client, server, from_client, from_server).await;
    let end = match ended {
        Ok(()) => End::Complete,
        Err(broken) => end_of(&broken),
    };
    recorder.close_at(now(), end, times.timings(), Some(upstream), None);
}

/// Carries a WebSocket; its messages are read beside the bytes.
pub(super) async fn converse(after: After) {
    let After::WebSocket {
        client,
        server,
        flow,
        deflate,
    } = after
    else {
        return;
    };
    let (client, server): (Upgraded, Upgraded) = match tokio::try_join!(client, server) {
        Ok(both) => both,
        Err(_) => return,
    };
    let split = |side| {
        let recorder = flow.recorder();
        let mut splitter = WebSocketSplitter::new(side, deflate);
        move |bytes: &[u8]| {
            recorder.passed_unseen(side, bytes.len() as u64);
            splitter.feed(now(), bytes, &mut |message| recorder.message(message));
        }
    };
    let (from_client, from_server) = (split(Side::Request), split(Side::Response));
    let (client, server) = (TokioIo::new(client), TokioIo::new(server));
    match relay(client, server, from_client, from_server).await {
        Ok(()) => flow.complete(None),
        Err(broken) => flow.broken(end_of(&broken), None),
    }
}

fn end_of(broken: &Broken) -> End {
    match broken.side {
        Side::Request => End::Aborted,
        Side::Response => {
            let kind = kind_of(&broken.error);
            let detail = format!("the server broke off ({})", broken.error);
            End::Failed(failure(FailureStage::Receive, kind, detail))
        }
    }
}
