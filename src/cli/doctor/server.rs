//! A server of our own on loopback, to be asked through the proxy: plain and TLS, HTTP/1.1 and
//! HTTP/2, and a WebSocket that says back what it hears.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto::ring};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// What every answer says.
pub(super) const WORDS: &str = "here is the doctor's own server";

/// It ends when this is dropped.
pub(super) struct Server {
    pub(super) plain: SocketAddr,
    pub(super) tls: SocketAddr,
    /// PEM of the authority that issued its certificate, and what `--upstream-ca` has.
    pub(super) ca: String,
    _serving: JoinSet<()>,
}

impl Server {
    /// `more` is PEM too, to be trusted with it.
    pub(super) async fn start(more: &[u8]) -> Result<Self> {
        let (config, pem) = identity()?;
        let ca = format!("{pem}\n{}", String::from_utf8_lossy(more));
        let bind = async || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let (plain, tls) = (bind().await?, bind().await?);
        let addresses = (plain.local_addr()?, tls.local_addr()?);
        let mut serving = JoinSet::new();
        serving.spawn(serve(plain, None));
        serving.spawn(serve(tls, Some(TlsAcceptor::from(Arc::new(config)))));
        Ok(Self {
            plain: addresses.0,
            tls: addresses.1,
            ca,
            _serving: serving,
        })
    }
}

fn identity() -> Result<(ServerConfig, String)> {
    let now = time::OffsetDateTime::now_utc();
    let day = time::Duration::days(1);
    let dated = |mut params: CertificateParams| {
        params.not_before = now - day;
        params.not_after = now + day;
        params
    };
    let ca_key = KeyPair::generate()?;
    let mut ca = dated(CertificateParams::new(Vec::new())?);
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate()?;
    let mut leaf = dated(CertificateParams::new(vec!["localhost".to_owned()])?);
    leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = leaf.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, ca_certificate.pem()))
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let tls = tls.clone();
        connections.spawn(async move {
            match tls {
                None => speak(socket).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(socket).await {
                        speak(stream).await;
                    }
                }
            }
        });
    }
}

async fn speak<S>(stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(request)) });
    let server = auto::Builder::new(TokioExecutor::new());
    // How the doctor leaves is its own business.
    let _ = server
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

fn answer(mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).cloned();
    let Some(key) = key else {
        return Response::new(Full::new(Bytes::from_static(WORDS.as_bytes())));
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(stream) = upgrade.await else { return };
        let stream = TokioIo::new(stream);
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                break;
            }
        }
    });
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}
