//! A client that uses the proxy as a browser does, and trusts its authority only.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio_tungstenite::tungstenite::Message;

use crate::proxy::CaCertificate;

/// The answer to a CONNECT is a few lines.
const CONNECT_ANSWER_BYTES_MAX: usize = 16 << 10;
/// How every refusal of a certificate begins.
pub(super) const NOT_ACCEPTED: &str =
    "a browser does not accept the certificate that corscope shows";
/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

pub(super) struct Client {
    pub(super) proxy: SocketAddr,
    pub(super) authority: CertificateDer<'static>,
}

impl Client {
    /// Through the proxy as to a proxy: the whole URL in the request.
    pub(super) async fn plain(&self, uri: &Uri) -> Result<Response<Bytes>> {
        let stream = TcpStream::connect(self.proxy).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        read(sender.send_request(ask(uri, uri.clone())?).await?).await
    }

    /// Through a tunnel, in TLS, in this version of HTTP.
    pub(super) async fn secure(&self, uri: &Uri, http2: bool) -> Result<Response<Bytes>> {
        let alpn: &[u8] = if http2 { b"h2" } else { b"http/1.1" };
        let stream = self.tunnel(uri, alpn).await?;
        let spoken = stream.get_ref().1.alpn_protocol();
        if http2 && spoken != Some(b"h2") {
            bail!("HTTP/2 was asked for and not agreed on");
        }
        if http2 {
            let io = TokioIo::new(stream);
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            let request = Request::get(uri.clone()).body(Full::<Bytes>::default())?;
            return read(sender.send_request(request).await?).await;
        }
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let path = uri.path_and_query().cloned().context("a URL has a path")?;
        read(sender.send_request(ask(uri, path.into())?).await?).await
    }

    /// One message of a WebSocket, there and back.
    pub(super) async fn web_socket(&self, uri: &Uri, says: &str) -> Result<String> {
        let stream = self.tunnel(uri, b"http/1.1").await?;
        let url = uri.to_string().replacen("https", "wss", 1);
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await?;
        socket.send(Message::text(says.to_owned())).await?;
        let heard = socket.next().await.context("it was closed")??;
        Ok(heard.into_text()?.to_string())
    }

    async fn tunnel(&self, uri: &Uri, alpn: &[u8]) -> Result<TlsStream<TcpStream>> {
        let host = uri.host().context("a URL has a host")?;
        let port = uri.port_u16().unwrap_or(443);
        let mut stream = TcpStream::connect(self.proxy).await?;
        let ask = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await?;
        let mut answer = Vec::new();
        // Byte by byte: what follows the empty line belongs to TLS.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() > CONNECT_ANSWER_BYTES_MAX {
                bail!("the answer to CONNECT has no end");
            }
            answer.push(stream.read_u8().await?);
        }
        if answer.get(8..12) != Some(b" 200") {
            let line = String::from_utf8_lossy(&answer);
            bail!(
                "CONNECT was refused: {}",
                line.lines().next().unwrap_or_default()
            );
        }
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone())?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        let name = ServerName::try_from(host.to_owned())?;
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector
            .connect(name, stream)
            .await
            .map_err(|e| anyhow!("{NOT_ACCEPTED}: {e}"))?;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        // Browsers look at the dates of an authority too; webpki takes what it is told to trust.
        let now = chrono::Utc::now().timestamp();
        for certificate in shown.iter().filter_map(|c| CaCertificate::from_der(c)) {
            if certificate.valid_from() > now || certificate.expires_at() <= now {
                bail!("{NOT_ACCEPTED}: by this machine's clock it is not valid now");
            }
        }
        Ok(stream)
    }
}

fn ask(uri: &Uri, target: Uri) -> Result<Request<Full<Bytes>>> {
    let host = uri.authority().context("a URL has a host")?.as_str();
    let request = Request::get(target).header(header::HOST, host);
    Ok(request
        .header(
            header::USER_AGENT,
            concat!("corscope-doctor/", env!("CARGO_PKG_VERSION")),
        )
        .body(Full::default())?)
}

async fn read(response: Response<Incoming>) -> Result<Response<Bytes>> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|e| anyhow!("the answer broke off: {e}"))?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}
