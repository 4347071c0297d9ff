//! Sockets to the proxy: plain with absolute-form requests, or a CONNECT tunnel with TLS in it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use url::Url;

use super::ClientError;

/// The answer to a CONNECT is a few lines; whatever is longer is no proxy's.
const CONNECT_ANSWER_BYTES_MAX: usize = 16 * 1024;

pub(super) type Body = Full<Bytes>;

/// Connections through the proxy, kept for the next request to the same origin.
pub(super) struct Connections {
    proxy: SocketAddr,
    with_h2: TlsConnector,
    without_h2: TlsConnector,
    idle: Mutex<HashMap<String, Vec<Connection>>>,
}

enum Connection {
    /// Absolute-form to the proxy (`through`) or origin-form in a tunnel.
    H1 {
        sender: http1::SendRequest<Body>,
        tunnelled: bool,
    },
    H2(http2::SendRequest<Body>),
}

impl Connections {
    pub(super) fn new(proxy: SocketAddr, proxy_ca_pem: &str) -> Result<Self, ClientError> {
        let connector = |protocols: &[&[u8]]| -> Result<TlsConnector, ClientError> {
            let mut roots = RootCertStore::empty();
            let ca = CertificateDer::from_pem_slice(proxy_ca_pem.as_bytes())
                .map_err(|_| ClientError::Certificate)?;
            roots.add(ca).map_err(|_| ClientError::Certificate)?;
            let mut config =
                ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                    .with_safe_default_protocol_versions()
                    .map_err(|_| ClientError::Certificate)?
                    .with_root_certificates(roots)
                    .with_no_client_auth();
            config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
            Ok(TlsConnector::from(Arc::new(config)))
        };
        Ok(Self {
            proxy,
            with_h2: connector(&[b"h2", b"http/1.1"])?,
            without_h2: connector(&[b"http/1.1"])?,
            idle: Mutex::default(),
        })
    }

    /// Sends a request whose URI is absolute; the connection is used again once the answer's body
    /// was read and [`keep`](Self::keep) called.
    pub(super) async fn send(
        &self,
        mut request: Request<Body>,
    ) -> io::Result<(Response<Incoming>, Used)> {
        let origin = origin_of(request.uri());
        let mut connection = match self.idle_to(&origin) {
            Some(connection) => connection,
            None => self.connect(request.uri()).await?,
        };
        let response = match &mut connection {
            Connection::H2(sender) => {
                sender.ready().await.map_err(io::Error::other)?;
                request.headers_mut().remove(http::header::HOST);
                sender.send_request(request).await
            }
            Connection::H1 { sender, tunnelled } => {
                if *tunnelled {
                    let path = request.uri().path_and_query().cloned();
                    *request.uri_mut() = path.map_or_else(http::Uri::default, http::Uri::from);
                }
                // The answer before this one may have been read a moment ago.
                sender.ready().await.map_err(io::Error::other)?;
                sender.send_request(request).await
            }
        };
        let response = response.map_err(io::Error::other)?;
        let used = Used { origin, connection };
        Ok((response, used))
    }

    /// Hands a connection back, the last answer's body being read.
    pub(super) fn keep(&self, used: Used) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.entry(used.origin).or_default().push(used.connection);
    }

    fn idle_to(&self, origin: &str) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.get_mut(origin)?;
        connections.retain(|c| match c {
            Connection::H1 { sender, .. } => !sender.is_closed(),
            Connection::H2(sender) => !sender.is_closed(),
        });
        connections.pop()
    }

    async fn connect(&self, uri: &http::Uri) -> io::Result<Connection> {
        if uri.scheme_str() != Some("https") {
            let sender = h1(self.dial().await?).await?;
            return Ok(Connection::H1 {
                sender,
                tunnelled: false,
            });
        }
        let host = uri.host().unwrap_or_default();
        let stream = self
            .tunnel(host, uri.port_u16().unwrap_or(443), &self.with_h2)
            .await?;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .map_err(io::Error::other)?;
            tokio::spawn(connection);
            return Ok(Connection::H2(sender));
        }
        Ok(Connection::H1 {
            sender: h1(stream).await?,
            tunnelled: true,
        })
    }

    /// A TLS stream that speaks HTTP/1.1, for a WebSocket.
    pub(super) async fn for_web_socket(&self, url: &Url) -> io::Result<TlsStream<TcpStream>> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        self.tunnel(host, port, &self.without_h2).await
    }

    async fn dial(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.proxy).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn tunnel(
        &self,
        host: &str,
        port: u16,
        tls: &TlsConnector,
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut stream = self.dial().await?;
        let ask = format!(
            "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nProxy-Connection: keep-alive\r\nUser-Agent: {}\r\n\r\n",
            super::headers::USER_AGENT
        );
        stream.write_all(ask.as_bytes()).await?;
        let mut answer = Vec::new();
        // Byte by byte: what follows the empty line belongs to TLS.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() > CONNECT_ANSWER_BYTES_MAX {
                return Err(io::Error::other("the proxy's answer to CONNECT has no end"));
            }
            answer.push(stream.read_u8().await?);
        }
        if answer.get(8..12) != Some(b" 200") {
            let line = String::from_utf8_lossy(&answer);
            let line = line.lines().next().unwrap_or_default();
            return Err(io::Error::other(format!(
                "the proxy refused to connect: {line}"
            )));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        tls.connect(name, stream).await
    }
}

/// A connection whose answer is being read.
pub(super) struct Used {
    origin: String,
    connection: Connection,
}

async fn h1<S>(stream: S) -> io::Result<http1::SendRequest<Body>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .title_case_headers(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

fn origin_of(uri: &http::Uri) -> String {
    format!(
        "{}://{}",
        uri.scheme_str().unwrap_or_default(),
        uri.authority().map_or("", http::uri::Authority::as_str)
    )
}
