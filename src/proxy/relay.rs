//! Bytes both ways, as they come.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::wire::Side;

/// Size of the buffer of each direction, in bytes.
const BUFFER_BYTES: usize = 16 << 10;

/// A relay that broke: whose end it was, and how.
#[derive(Debug)]
pub(super) struct Broken {
    pub side: Side,
    pub error: io::Error,
}

/// Copies until both directions have ended; the end of one is passed on and leaves the other
/// running. The listeners hear every piece before it is passed on.
pub(super) async fn relay<C, S>(
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
