//! The line to a browser: whole messages, each a text.

use std::io;
use std::path::Path;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::launch::Wire;

/// A longer message is passed over: it is a page's data, and tells nothing of its fate.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// How long a browser may take to say where it listens.
const START_AT_MOST: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A line that is up.
pub(super) enum Line {
    Pipe {
        to: ChildStdin,
        from: BufReader<ChildStdout>,
    },
    Socket(Box<WebSocketStream<TcpStream>>),
}

/// What the file in a Firefox's profile says.
#[derive(Deserialize)]
struct Listening {
    ws_host: String,
    ws_port: u16,
}

impl Line {
    pub(super) async fn to(wire: Wire) -> io::Result<Self> {
        match wire {
            Wire::Pipe { to, from } => Ok(Self::Pipe {
                to,
                from: BufReader::new(from),
            }),
            Wire::Port { file } => {
                let Listening { ws_host, ws_port } = listening(&file).await?;
                let stream = TcpStream::connect((ws_host.as_str(), ws_port)).await?;
                let url = format!("ws://{ws_host}:{ws_port}/session");
                let config = WebSocketConfig::default()
                    .max_message_size(Some(MESSAGE_BYTES_MAX))
                    .max_frame_size(Some(MESSAGE_BYTES_MAX));
                let asked =
                    tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await;
                let (socket, _) = asked.map_err(io::Error::other)?;
                Ok(Self::Socket(Box::new(socket)))
            }
        }
    }

    pub(super) async fn send(&mut self, text: String) -> io::Result<()> {
        match self {
            Self::Pipe { to, .. } => {
                let mut bytes = text.into_bytes();
                bytes.push(0);
                to.write_all(&bytes).await
            }
            Self::Socket(socket) => {
                let sent = socket.send(Message::text(text)).await;
                sent.map_err(io::Error::other)
            }
        }
    }

    /// The next message; `None` when the browser has hung up. It may be dropped while it waits only on
    /// a pipe whose `part` is kept: bytes that came already are in there.
    pub(super) async fn receive(&mut self, part: &mut Vec<u8>) -> io::Result<Option<String>> {
        match self {
            Self::Pipe { from, .. } => loop {
                let room = (MESSAGE_BYTES_MAX + 1).saturating_sub(part.len()) as u64;
                let read = (&mut *from).take(room).read_until(0, part).await?;
                if part.last() == Some(&0) {
                    part.pop();
                    let text = String::from_utf8_lossy(part).into_owned();
                    part.clear();
                    return Ok(Some(text));
                }
                if read == 0 {
                    return Ok(None);
                }
                if part.len() > MESSAGE_BYTES_MAX {
                    skip(from).await?;
                    part.clear();
                }
            },
            Self::Socket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(Some(text.to_string())),
                    Some(Ok(Message::Close(_))) | None => return Ok(None),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(io::Error::other(error)),
                }
            },
        }
    }
}

/// Reads past the rest of a message.
async fn skip(from: &mut BufReader<ChildStdout>) -> io::Result<()> {
    loop {
        let bytes = from.fill_buf().await?;
        if bytes.is_empty() {
            return Ok(());
        }
        let end = bytes.iter().position(|byte| *byte == 0);
        let used = end.map_or(bytes.len(), |at| at + 1);
        from.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// Waits until a Firefox says where it listens.
async fn listening(file: &Path) -> io::Result<Listening> {
    let start = Instant::now();
    loop {
        // Until it is written whole it does not parse.
        let text = tokio::fs::read_to_string(file).await.unwrap_or_default();
        if let Ok(listening) = serde_json::from_str(&text) {
            return Ok(listening);
        }
        if start.elapsed() > START_AT_MOST {
            return Err(io::ErrorKind::TimedOut.into());
        }
        sleep(LOOK_EVERY).await;
    }
}
