//! A forward proxy that is every origin behind it: it plays recorded answers, mended or not, to a
//! real browser. Nothing is resolved, nothing leaves the machine.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use corscope::wire::{HeaderList, HttpVersion, RequestHead, ResponseHead};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// What is answered: pages, and the servers under test.
pub(super) trait Play: Send + Sync + 'static {
    fn answer(&self, request: &RequestHead) -> (ResponseHead, String);
}

pub(super) struct Stage {
    pub(super) addr: SocketAddr,
    /// Whoever browses here has to trust it.
    pub(super) ca_pem: String,
    task: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stage {
    /// `hosts` are the names that may be asked for over https.
    pub(super) async fn open(hosts: Vec<String>, play: impl Play) -> Self {
        let (tls, ca_pem) = certificates(hosts);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let play = Arc::new(play);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A browser that goes away in the middle is no failure.
                tokio::spawn(accept(stream, tls.clone(), Arc::clone(&play)));
            }
        });
        Self { addr, ca_pem, task }
    }
}

fn certificates(hosts: Vec<String>) -> (TlsAcceptor, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(hosts).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
    let chain: Vec<CertificateDer<'static>> =
        vec![leaf.der().clone(), ca_certificate.der().clone()];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), ca_certificate.pem())
}

async fn accept(stream: TcpStream, tls: TlsAcceptor, play: Arc<impl Play>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let first = head(&mut reader).await?;
    if first.method != "CONNECT" {
        return converse(reader, String::new(), Some(first), play).await;
    }
    let mut stream = reader.into_inner();
    stream
        .write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
        .await
        .ok()?;
    let mut byte = [0];
    stream.peek(&mut byte).await.ok()?;
    // RFC 8446 § 5.1: a TLS connection begins with a handshake record, type 22.
    let (host, port) = first.url.rsplit_once(':')?;
    if byte[0] == 22 {
        let port = if port == "443" {
            String::new()
        } else {
            format!(":{port}")
        };
        let stream = tls.accept(stream).await.ok()?;
        converse(
            BufReader::new(stream),
            format!("https://{host}{port}"),
            None,
            play,
        )
        .await
    } else {
        let port = if port == "80" {
            String::new()
        } else {
            format!(":{port}")
        };
        converse(
            BufReader::new(stream),
            format!("http://{host}{port}"),
            None,
            play,
        )
        .await
    }
}

/// Answers the requests of one connection until it closes.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufReader<S>,
    origin: String,
    first: Option<RequestHead>,
    play: Arc<impl Play>,
) -> Option<()> {
    let mut next = first;
    loop {
        let mut request = match next.take() {
            Some(first) => first,
            None => head(&mut stream).await?,
        };
        if request.url.starts_with('/') {
            request.url.insert_str(0, &origin);
        }
        let length = request.headers.get("content-length");
        let length = length.map_or(0, |value| value.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let (head, body) = play.answer(&request);
        let bodiless = matches!(head.status, 204 | 304);
        let mut text = format!("HTTP/1.1 {} Played\r\n", head.status);
        for field in head.headers.iter() {
            write!(text, "{}: {}\r\n", field.name, field.text()).unwrap();
        }
        if !bodiless {
            write!(text, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        text.push_str("\r\n");
        if !bodiless && request.method != "HEAD" {
            text.push_str(&body);
        }
        // Header values hold bytes; each is one character here.
        let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
        stream.write_all(&bytes).await.ok()?;
        stream.flush().await.ok()?;
    }
}

/// Reads a request head.
async fn head<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<RequestHead> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split_whitespace();
    let (method, url) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HeaderList::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push(name, value.as_bytes());
    }
    Some(RequestHead {
        method,
        url,
        version: HttpVersion::Http11,
        headers: Arc::new(headers),
    })
}
