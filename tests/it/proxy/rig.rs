//! A proxy, servers and clients on loopback.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use corscope::capture::{Answer, Closing, Event, Opening, Waited, queue};
use corscope::proxy::{Authority, Config, Proxy, UpstreamProxy, Upstreams};
use corscope::wire::{End, ExchangeId, Failure, Side};
use futures_util::StreamExt;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

pub(crate) type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// How long anything on loopback may take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into())
        .map_err(|e| match e {})
        .boxed_unsync()
}

pub(crate) fn empty() -> Body {
    Empty::new().map_err(|e| match e {}).boxed_unsync()
}

/// A body that is sent as it is told, and what tells it.
pub(crate) fn told() -> (mpsc::UnboundedSender<Frame<Bytes>>, Body) {
    let (tell, heard) = mpsc::unbounded_channel::<Frame<Bytes>>();
    let frames = futures_util::stream::unfold(heard, |mut heard| async move {
        let frame = heard.recv().await?;
        Some((Ok(frame), heard))
    });
    (tell, StreamBody::new(frames.boxed()).boxed_unsync())
}

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("within patience")
}

// === what was recorded ===

/// All that was told about one exchange.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) opening: Opening,
    pub(crate) answer: Option<Answer>,
    pub(crate) closing: Option<Closing>,
    pub(crate) request_body: Vec<u8>,
    pub(crate) response_body: Vec<u8>,
    pub(crate) messages: Vec<corscope::wire::Message>,
    pub(crate) patch: Option<corscope::wire::Patch>,
}

impl Heard {
    pub(crate) fn end(&self) -> &End {
        &self.closing.as_ref().expect("closed").end
    }

    pub(crate) fn failure(&self) -> &Failure {
        match self.end() {
            End::Failed(failure) => failure,
            other => panic!("not failed but {other:?}"),
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|a| a.response.status)
    }

    pub(crate) fn request_header(&self, name: &str) -> Option<String> {
        self.opening.request.headers.get(name)
    }

    pub(crate) fn response_header(&self, name: &str) -> Option<String> {
        self.answer.as_ref()?.response.headers.get(name)
    }
}

#[derive(Default)]
struct Notes {
    heard: Mutex<Vec<Heard>>,
    changed: Condvar,
}

impl Notes {
    fn note(&self, event: Event) {
        let mut all = self.heard.lock().unwrap();
        let id = event.id();
        let index = usize::try_from(id.0 - 1).unwrap();
        if let Event::Opened(opening) = event {
            assert_eq!(index, all.len(), "ids are dense and in order");
            all.push(Heard {
                opening: *opening,
                answer: None,
                closing: None,
                request_body: Vec::new(),
                response_body: Vec::new(),
                messages: Vec::new(),
                patch: None,
            });
            self.changed.notify_all();
            return;
        }
        let one = &mut all[index];
        assert!(one.closing.is_none(), "nothing follows the end: {event:?}");
        match event {
            Event::Answered(answer) => {
                assert!(one.answer.is_none(), "answered once");
                one.answer = Some(*answer);
            }
            Event::Body(_, Side::Request, bytes) => one.request_body.extend_from_slice(&bytes),
            Event::Body(_, Side::Response, bytes) => one.response_body.extend_from_slice(&bytes),
            Event::Message(_, message) => one.messages.push(*message),
            Event::Closed(closing) => one.closing = Some(*closing),
            Event::Patched(_, patch) => {
                assert!(one.answer.is_none(), "before the answer");
                one.patch = Some(*patch);
            }
            Event::Opened(_) | Event::Told(..) | Event::Said(..) => unreachable!(),
        }
        self.changed.notify_all();
    }
}

// === the proxy ===

/// A running proxy and what it told.
pub(crate) struct Rig {
    pub(crate) addr: SocketAddr,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) ca: CertificateDer<'static>,
    notes: Arc<Notes>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<tokio::task::JoinHandle<()>>,
    _home: tempfile::TempDir,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::keeping(u64::MAX, change).await
    }

    /// With a cap on what is kept of each body.
    pub(crate) async fn keeping(kept_bytes_max: u64, change: impl FnOnce(&mut Config)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::load_or_create(home.path()).unwrap();
        let ca = CertificateDer::from(authority.certificate_der().to_vec());
        let mut config = Config::new(0, authority);
        change(&mut config);
        let (recorder, mut events) = queue(ExchangeId(1), kept_bytes_max);
        let proxy = Proxy::bind(config, recorder).await.unwrap();
        let notes = Arc::new(Notes::default());
        let writer = Arc::clone(&notes);
        std::thread::spawn(move || {
            loop {
                match events.wait(Duration::from_millis(200)) {
                    Waited::Finished => return,
                    Waited::TimedOut => {}
                    Waited::Ready => {
                        let mut batch = events.take();
                        batch.drain(..).for_each(|e| writer.note(e));
                        events.give_back(batch);
                    }
                }
            }
        });
        let addresses = proxy.addresses().to_vec();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(proxy.run(async {
            let _ = stopped.await;
        }));
        Self {
            addr: addresses[0],
            addresses,
            ca,
            notes,
            stop: Some(stop),
            running: Some(running),
            _home: home,
        }
    }

    /// Ends the proxy and waits for it.
    pub(crate) async fn stop(&mut self) {
        self.stop.take();
        if let Some(running) = self.running.take() {
            soon(running).await.unwrap();
        }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.notes.heard.lock().unwrap().clone()
    }

    /// The exchanges, once `n` of them are as wanted; no more than `n` are allowed.
    pub(crate) async fn wait(
        &self,
        n: usize,
        wanted: impl Fn(&Heard) -> bool + Send + 'static,
    ) -> Vec<Heard> {
        let notes = Arc::clone(&self.notes);
        tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + PATIENCE;
            let mut all = notes.heard.lock().unwrap();
            loop {
                if all.iter().filter(|h| wanted(h)).count() >= n {
                    assert_eq!(all.len(), n, "nothing else was recorded");
                    return all.clone();
                }
                let left = deadline.saturating_duration_since(Instant::now());
                assert!(!left.is_zero(), "waited in vain; heard {all:#?}");
                all = notes.changed.wait_timeout(all, left).unwrap().0;
            }
        })
        .await
        .unwrap()
    }

    /// All exchanges, once they are as wanted.
    pub(crate) async fn wait_for(
        &self,
        wanted: impl Fn(&[Heard]) -> bool + Send + 'static,
    ) -> Vec<Heard> {
        let notes = Arc::clone(&self.notes);
        tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + PATIENCE;
            let mut all = notes.heard.lock().unwrap();
            while !wanted(&all) {
                let left = deadline.saturating_duration_since(Instant::now());
                assert!(!left.is_zero(), "waited in vain; heard {all:#?}");
                all = notes.changed.wait_timeout(all, left).unwrap().0;
            }
            all.clone()
        })
        .await
        .unwrap()
    }

    /// All exchanges, once there are `n` and each has ended.
    pub(crate) async fn closed(&self, n: usize) -> Vec<Heard> {
        self.wait(n, |h| h.closing.is_some()).await
    }

    /// The only exchange, once it has ended.
    pub(crate) async fn only(&self) -> Heard {
        self.closed(1).await.remove(0)
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        let stream = soon(TcpStream::connect(self.addr)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// A tunnel to `authority`.
    pub(crate) async fn tunnel(&self, authority: &str) -> TcpStream {
        let mut stream = self.connect().await;
        let ask = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(!head.to_lowercase().contains("content-length"), "{head}");
        stream
    }

    /// TLS inside a tunnel, trusting the proxy's authority.
    pub(crate) async fn tunnel_tls(&self, authority: &str, alpn: &[&str]) -> ClientTls {
        let stream = self.tunnel(authority).await;
        let host = authority.rsplit_once(':').map_or(authority, |(h, _)| h);
        shake_hands(stream, host, alpn, std::slice::from_ref(&self.ca))
            .await
            .unwrap()
    }
}

pub(crate) type ClientTls = tokio_rustls::client::TlsStream<TcpStream>;

pub(crate) async fn shake_hands(
    stream: TcpStream,
    host: &str,
    alpn: &[&str],
    roots: &[CertificateDer<'static>],
) -> std::io::Result<ClientTls> {
    let mut store = rustls::RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|a| a.as_bytes().to_vec()).collect();
    let bare = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = bare.try_into().unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// Reads up to the end of a head.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match soon(stream.read_u8()).await {
            Ok(byte) => head.push(byte),
            Err(e) => panic!("head cut off ({e}): {:?}", String::from_utf8_lossy(&head)),
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Reads to the end of the stream.
pub(crate) async fn read_rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut rest = Vec::new();
    let _ = soon(stream.read_to_end(&mut rest)).await;
    String::from_utf8_lossy(&rest).into_owned()
}

// === clients ===

pub(crate) enum Sender {
    Http1(hyper::client::conn::http1::SendRequest<Body>),
    Http2(hyper::client::conn::http2::SendRequest<Body>),
}

impl Sender {
    pub(crate) async fn http1(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io))
            .await
            .unwrap();
        tokio::spawn(connection.with_upgrades());
        Self::Http1(sender)
    }

    pub(crate) async fn http2(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let executor = TokioExecutor::new();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(executor, TokioIo::new(io))
                .await
                .unwrap();
        tokio::spawn(connection);
        Self::Http2(sender)
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => {
                soon(sender.ready()).await?;
                soon(sender.send_request(request)).await
            }
            Self::Http2(sender) => soon(sender.send_request(request)).await,
        }
    }
}

/// The whole body and its trailers.
pub(crate) async fn collect(response: Response<Incoming>) -> (Bytes, Option<http::HeaderMap>) {
    let whole = soon(response.into_body().collect()).await.unwrap();
    let trailers = whole.trailers().cloned();
    (whole.to_bytes(), trailers)
}

/// The same of a request.
pub(crate) async fn collect_request(
    request: Request<Incoming>,
) -> (Bytes, Option<http::HeaderMap>) {
    let whole = soon(request.into_body().collect()).await.unwrap();
    let trailers = whole.trailers().cloned();
    (whole.to_bytes(), trailers)
}

/// The next bytes of a body; `None` at its end.
pub(crate) async fn next(body: &mut Incoming) -> Option<Bytes> {
    loop {
        let data = soon(body.frame()).await?.unwrap().into_data().unwrap();
        // HTTP/2 may end a body with an empty frame.
        if !data.is_empty() {
            return Some(data);
        }
    }
}

// === servers ===

/// An authority of the servers' own.
pub(crate) struct ServerCa {
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    home: tempfile::TempDir,
}

/// What is odd about a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    Good,
    SelfSigned,
    Expired,
    WrongName,
}

impl ServerCa {
    pub(crate) fn new() -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let name = rcgen::DnType::CommonName;
        params
            .distinguished_name
            .push(name, "an authority of servers");
        let key = rcgen::KeyPair::generate().unwrap();
        let issuer = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, home }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    pub(crate) fn config(&self, kind: Certificate, alpn: &[&str]) -> Arc<rustls::ServerConfig> {
        let names: Vec<String> = match kind {
            Certificate::WrongName => vec!["elsewhere.test".into()],
            _ => [
                "localhost",
                "app.localhost",
                "127.0.0.1",
                "::1",
                &far().to_string(),
            ]
            .map(String::from)
            .to_vec(),
        };
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        if kind == Certificate::Expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = match kind {
            Certificate::SelfSigned => params.self_signed(&key).unwrap(),
            _ => params.signed_by(&key, &self.issuer).unwrap(),
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|a| a.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

/// An address of this machine that is not its loopback: as far away as a test can go.
pub(crate) fn far() -> IpAddr {
    // Nothing is sent: a route is looked up.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket
        .connect("192.0.2.1:9")
        .and_then(|()| socket.local_addr())
        .expect("these tests need a network interface besides loopback")
        .ip()
}

impl ServerCa {
    /// Files of a client's certificate by this authority, and of its key.
    pub(crate) fn client(&self, name: &str) -> (PathBuf, PathBuf) {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (chain, file) = (
            self.home.path().join("me.pem"),
            self.home.path().join("me.key"),
        );
        std::fs::write(&chain, certificate.pem()).unwrap();
        std::fs::write(&file, key.serialize_pem()).unwrap();
        (chain, file)
    }

    /// A server of this authority that wants clients of another one.
    pub(crate) fn demanding(&self, clients: &ServerCa, tls13: bool) -> Arc<rustls::ServerConfig> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "localhost");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(clients.issuer.der().clone()).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::clone(&provider),
        );
        let versions: &[&rustls::SupportedProtocolVersion] = if tls13 {
            &[&rustls::version::TLS13]
        } else {
            &[&rustls::version::TLS12]
        };
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

/// Makes the proxy trust the servers' authority.
pub(crate) fn trusting(path: &Path) -> impl FnOnce(&mut Config) + '_ {
    move |config| config.upstream_ca = Some(path.to_owned())
}

/// A proxy behind ours, for everything that is not on this machine.
pub(crate) fn through(url: &str) -> Upstreams {
    Upstreams::through(UpstreamProxy::parse(url).unwrap(), "")
}

/// A server on loopback; ends when dropped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Does with each connection what it is told.
    pub(crate) async fn raw<F, R>(each: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self::raw_at(Ipv4Addr::LOCALHOST.into(), each).await
    }

    pub(crate) async fn raw_at<F, R>(ip: IpAddr, each: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                running.spawn(each(stream));
            }
        });
        Self { addr, task }
    }

    /// HTTP/1 or HTTP/2 (by preface, or by ALPN), plain or over TLS.
    pub(crate) async fn http<F, R>(tls: Option<Arc<rustls::ServerConfig>>, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::http_at(Ipv4Addr::LOCALHOST.into(), tls, handler).await
    }

    pub(crate) async fn http_at<F, R>(
        ip: IpAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
        handler: F,
    ) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::raw_at(ip, move |stream| {
            let (tls, handler) = (tls.clone(), handler.clone());
            async move {
                match tls {
                    None => serve(stream, handler).await,
                    Some(config) => {
                        let acceptor = tokio_rustls::TlsAcceptor::from(config);
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve(stream, handler).await;
                        }
                    }
                }
            }
        })
        .await
    }
}

async fn serve<S, F, R>(stream: S, handler: F)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(handler(request).await) }
    });
    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}
