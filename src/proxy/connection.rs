//! One client connection: HTTP/1 or HTTP/2, and what CONNECT makes of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::LazyConfigAcceptor;

use super::detect::{Protocol, Rewound, detect};
use super::dial::{DialError, DialTimes};
use super::failure::{failure, innermost, kind_of, tls_error};
use super::forward::{serve, version_of};
use super::half::{HalfOpen, LastRequest};
use super::hygiene::recorded;
use super::leaf::Leaves;
use super::limits::{
    CLIENT_TLS_SECONDS_MAX, FIRST_BYTES_MILLIS, HEADER_BYTES_MAX, HEADER_FIELDS_MAX,
};
use super::page;
use super::pool::Pool;
use super::relay::{Broken, relay};
use super::tap::{Flow, Outgoing};
use super::target::{HostList, Target};
use crate::capture::{ExchangeRecorder, Recorder, now};
use crate::wire::{
    Client, End, Failure, FailureKind, FailureStage, Kind, RequestHead, Side, Timings, Upstream,
    WebSocketDeflate, WebSocketSplitter,
};

/// What all connections share.
pub(super) struct Shared {
    pub recorder: Recorder,
    pub pool: Arc<Pool>,
    pub leaves: Leaves,
    pub pass_through: HostList,
    pub only: HostList,
    pub addresses: Vec<SocketAddr>,
}

impl Shared {
    /// Whether a tunnel to this host is passed through unread.
    fn passes_through(&self, target: &Target) -> bool {
        self.pass_through.contains(&target.host, target.port)
            || (!self.only.is_empty() && !self.only.contains(&target.host, target.port))
    }

    /// Whether a host and port, as in a `Host` field, mean this proxy.
    pub(super) fn is_own_name(&self, target: &Target) -> bool {
        let local = crate::wire::is_loopback_host(&target.host);
        self.addresses
            .iter()
            .any(|a| a.port() == target.port && (local || target.host.parse() == Ok(a.ip())))
    }

    pub(super) fn address_text(&self) -> String {
        let texts: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        texts.join(" and ")
    }

    pub(super) fn certificate_text(&self) -> String {
        let path: PathBuf = self.leaves.authority().certificate_path();
        path.display().to_string()
    }
}

/// Where the requests of a connection go.
pub(super) enum Route {
    /// Wherever each says: the client knows that this is a proxy.
    Proxy,
    /// To one server: the client believes it speaks to it.
    Tunnel(Arc<Target>),
}

/// What the requests of one connection share.
pub(super) struct Context {
    pub shared: Arc<Shared>,
    pub client: Client,
    pub route: Route,
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
    /// What becomes of the connection when HTTP ends on it.
    after: Mutex<Option<After>>,
}

/// What an HTTP/1 connection becomes.
pub(super) enum After {
    Tunnel {
        client: OnUpgrade,
        target: Target,
        head: RequestHead,
        /// The server, when the tunnel is passed through unread.
        server: Option<(TcpStream, ExchangeRecorder, DialTimes)>,
    },
    WebSocket {
        client: OnUpgrade,
        server: OnUpgrade,
        flow: Arc<Flow>,
        deflate: Option<WebSocketDeflate>,
    },
}

impl Context {
    fn new(shared: &Arc<Shared>, client: Client, route: Route, http2: bool) -> Self {
        Self {
            shared: Arc::clone(shared),
            client,
            route,
            http2,
            after: Mutex::new(None),
        }
    }

    pub(super) fn set_after(&self, after: After) {
        *self.after.lock().unwrap_or_else(PoisonError::into_inner) = Some(after);
    }

    fn take_after(&self) -> Option<After> {
        self.after
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// Asks a connection to end after the exchanges that are open.
pub(super) type Closing = watch::Receiver<bool>;

/// Serves one accepted connection to its end.
pub(super) async fn serve_client(
    shared: Arc<Shared>,
    stream: TcpStream,
    client: Client,
    closing: Closing,
) {
    let mut first = BytesMut::with_capacity(4096);
    let mut stream = stream;
    // A client that knows it speaks to a proxy starts with HTTP.
    let Ok(Some(protocol)) = detect(&mut stream, &mut first).await else {
        return;
    };
    let stream = Rewound::new(first.freeze(), stream);
    if protocol == Protocol::Http2 {
        let context = Context::new(&shared, client, Route::Proxy, true);
        serve_http2(context, stream, closing).await;
        return;
    }
    let context = Context::new(&shared, client, Route::Proxy, false);
    match serve_http1(context, stream, closing.clone()).await {
        Some(After::Tunnel {
            client: upgrade,
            target,
            head,
            server,
        }) => {
            let Some((stream, seen)) = take_back(upgrade).await else {
                return;
            };
            let tunnel = Tunnel {
                shared,
                client,
                target,
                head,
                closing,
            };
            match server {
                Some((server, recorder, times)) => {
                    pass(Rewound::new(seen.freeze(), stream), server, recorder, times).await;
                }
                None => tunnel.run(stream, seen).await,
            }
        }
        Some(websocket) => converse(websocket).await,
        None => {}
    }
}

/// The connection under an upgrade, and what was read of it already.
async fn take_back(upgrade: OnUpgrade) -> Option<(TcpStream, BytesMut)> {
    let upgraded = upgrade.await.ok()?;
    let parts = upgraded
        .downcast::<TokioIo<HalfOpen<Rewound<TcpStream>>>>()
        .ok()?;
    let (mut seen, stream) = parts.io.into_inner().inner.into_parts();
    seen.extend_from_slice(&parts.read_buf);
    Some((stream, seen))
}

async fn serve_http1<S>(context: Context, io: S, mut closing: Closing) -> Option<After>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let context = Arc::new(context);
    let last = LastRequest::default();
    let io = HalfOpen::new(io, last.clone());
    let service = {
        let context = Arc::clone(&context);
        service_fn(move |request: Request<Incoming>| {
            last.notice(&request);
            let context = Arc::clone(&context);
            async move { Ok::<_, Infallible>(serve(&context, request).await) }
        })
    };
    let mut builder = http1::Builder::new();
    builder
        .preserve_header_case(true)
        .auto_date_header(false)
        .max_headers(HEADER_FIELDS_MAX)
        .max_header_size(HEADER_BYTES_MAX);
    let connection = builder
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        // How it ended, each exchange was told.
        _ = connection.as_mut() => {}
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.as_mut().await;
        }
    }
    context.take_after()
}

async fn serve_http2<S>(context: Context, io: S, mut closing: Closing)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let context = Arc::new(context);
    let service = service_fn(move |request: Request<Incoming>| {
        let context = Arc::clone(&context);
        async move { Ok::<_, Infallible>(serve(&context, request).await) }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_header_list_size(HEADER_BYTES_MAX as u32);
    let connection = builder.serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.as_mut().await;
        }
    }
}

// === CONNECT ===

/// Grants a tunnel. What it carries shows when its first bytes come; only where it is to be passed
/// through unread is the server dialled before the client is told.
pub(super) async fn connect(
    context: &Context,
    mut request: Request<Incoming>,
) -> Response<Outgoing> {
    let shared = &context.shared;
    let target = request.uri().authority().and_then(|a| Target::of(a, true));
    let Some(target) = target else {
        return page::unusable("CONNECT names no host", request.headers());
    };
    if context.http2 {
        return page::unusable("CONNECT is served over HTTP/1 only", request.headers());
    }
    let head = RequestHead {
        method: "CONNECT".to_owned(),
        url: format!("https://{target}/"),
        version: version_of(request.version()),
        headers: Arc::new(recorded(request.headers())),
    };
    let mut server = None;
    if shared.passes_through(&target) {
        let head = head.clone();
        let recorder = shared
            .recorder
            .open(Kind::Tunnel, context.client, head)
            .await;
        match shared.pool.dialer.dial_raw(&target).await {
            Ok((stream, times)) => server = Some((stream, recorder, times)),
            Err(DialError { failure, times }) => {
                recorder.close(End::Failed(failure.clone()), dial_timings(times));
                let url = format!("https://{target}/");
                return page::failed(&failure, &url, request.headers());
            }
        }
    }
    let client = hyper::upgrade::on(&mut request);
    context.set_after(After::Tunnel {
        client,
        target,
        head,
        server,
    });
    Response::new(Outgoing::empty())
}

fn dial_timings(times: DialTimes) -> Timings {
    Timings {
        dns: times.dns,
        connect: times.connect,
        tls: times.tls,
        ..Timings::default()
    }
}

/// A granted tunnel.
struct Tunnel {
    shared: Arc<Shared>,
    client: Client,
    target: Target,
    head: RequestHead,
    closing: Closing,
}

impl Tunnel {
    async fn run(self, mut stream: TcpStream, mut seen: BytesMut) {
        let at_most = Duration::from_millis(FIRST_BYTES_MILLIS);
        let protocol = match tokio::time::timeout(at_most, detect(&mut stream, &mut seen)).await {
            Ok(Ok(Some(protocol))) => protocol,
            // Opened in advance and never used.
            Ok(_) => return,
            Err(_) if !seen.is_empty() => Protocol::Other,
            Err(_) => return self.run_silent(stream, seen).await,
        };
        self.run_as(protocol, Rewound::new(seen.freeze(), stream))
            .await;
    }

    /// The client waits. Either it takes its time, or the server is the one to speak first.
    async fn run_silent(self, mut stream: TcpStream, mut seen: BytesMut) {
        let Ok((server, times)) = self.shared.pool.dialer.dial_raw(&self.target).await else {
            // Told when the client says what it wants.
            if let Ok(Some(protocol)) = detect(&mut stream, &mut seen).await {
                self.run_as(protocol, Rewound::new(seen.freeze(), stream))
                    .await;
            }
            return;
        };
        let mut byte = [0];
        let protocol = tokio::select! {
            biased;
            detected = detect(&mut stream, &mut seen) => match detected {
                Ok(Some(protocol)) => protocol,
                Ok(None) | Err(_) => return,
            },
            _ = server.peek(&mut byte) => {
                let recorder = self.open(Kind::Tunnel).await;
                return pass(Rewound::new(seen.freeze(), stream), server, recorder, times).await;
            }
        };
        drop(server);
        self.run_as(protocol, Rewound::new(seen.freeze(), stream))
            .await;
    }

    async fn run_as(self, protocol: Protocol, stream: Rewound<TcpStream>) {
        match protocol {
            Protocol::Tls => self.intercept(stream).await,
            Protocol::Http1 => {
                let target = Target {
                    tls: false,
                    ..self.target.clone()
                };
                self.run_http(stream, target, false).await;
            }
            Protocol::Http2 => {
                let target = Target {
                    tls: false,
                    prior_knowledge: true,
                    ..self.target.clone()
                };
                self.run_http(stream, target, true).await;
            }
            Protocol::Other => self.pass_through(stream).await,
        }
    }

    async fn run_http<S>(&self, stream: S, target: Target, http2: bool)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let route = Route::Tunnel(Arc::new(target));
        let context = Context::new(&self.shared, self.client, route, http2);
        let closing = self.closing.clone();
        if http2 {
            serve_http2(context, stream, closing).await;
        } else if let Some(websocket) = serve_http1(context, stream, closing).await {
            converse(websocket).await;
        }
    }

    /// Terminates TLS with a certificate of our own.
    async fn intercept(&self, stream: Rewound<TcpStream>) {
        let at_most = Duration::from_secs(CLIENT_TLS_SECONDS_MAX);
        match tokio::time::timeout(at_most, self.shake_hands(stream)).await {
            Ok(Ok((stream, name))) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let target = Target {
                    tls_name: name.filter(|n| **n != *self.target.host),
                    ..self.target.clone()
                };
                self.run_http(stream, target, http2).await;
            }
            Ok(Err(Some(failure))) => self.fail(failure).await,
            Ok(Err(None)) => {}
            Err(_) => {
                let detail = "the client did not finish the TLS handshake";
                self.fail(failure(
                    FailureStage::ClientTls,
                    FailureKind::TimedOut,
                    detail,
                ))
                .await;
            }
        }
    }

    /// TLS with the client, and the name it asked for. No failure is told when it left before its
    /// first message was complete.
    async fn shake_hands(
        &self,
        stream: Rewound<TcpStream>,
    ) -> Result<(ClientTls, Option<Box<str>>), Option<Failure>> {
        let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
        let start = match acceptor.await {
            Ok(start) => start,
            Err(error) if tls_error(&error).is_none() => return Err(None),
            Err(error) => return Err(Some(client_tls_failure(&self.target, &error))),
        };
        let name: Option<Box<str>> = start
            .client_hello()
            .server_name()
            .map(|n| n.to_ascii_lowercase().into());
        let host = name.as_deref().unwrap_or(&self.target.host);
        let config = self.shared.leaves.config_for(host).map_err(|error| {
            let detail = format!(
                "no certificate could be made for {host} ({})",
                innermost(&error)
            );
            Some(failure(FailureStage::ClientTls, FailureKind::Other, detail))
        })?;
        match start.into_stream(config).await {
            Ok(stream) => Ok((stream, name)),
            Err(error) => Err(Some(client_tls_failure(&self.target, &error))),
        }
    }

    async fn pass_through(&self, stream: Rewound<TcpStream>) {
        let recorder = self.open(Kind::Tunnel).await;
        match self.shared.pool.dialer.dial_raw(&self.target).await {
            Ok((server, times)) => pass(stream, server, recorder, times).await,
            Err(DialError { failure, times }) => {
                recorder.close(End::Failed(failure), dial_timings(times));
            }
        }
    }

    async fn fail(&self, failure: Failure) {
        let recorder = self.open(Kind::Tunnel).await;
        recorder.close(End::Failed(failure), Timings::default());
    }

    async fn open(&self, kind: Kind) -> ExchangeRecorder {
        let head = self.head.clone();
        self.shared.recorder.open(kind, self.client, head).await
    }
}

type ClientTls = tokio_rustls::server::TlsStream<Rewound<TcpStream>>;

fn client_tls_failure(target: &Target, error: &std::io::Error) -> Failure {
    let kind = kind_of(error);
    let detail = match (kind, tls_error(error)) {
        (FailureKind::Certificate, _) => format!(
            "the client does not trust the certificate shown for {target}: let it trust \
             corscope's authority, or pass this host through"
        ),
        (_, Some(rustls::Error::AlertReceived(alert))) => {
            format!("the client broke off the TLS handshake for {target} ({alert:?})")
        }
        (FailureKind::Reset, _) => format!(
            "the client closed the connection during the TLS handshake for {target}; it may not \
             trust corscope's authority"
        ),
        _ => format!("the TLS handshake with the client failed for {target} ({error})"),
    };
    failure(FailureStage::ClientTls, kind, detail)
}

// === bytes both ways ===

/// Passes a tunnel through unread: only counted.
async fn pass(
    client: Rewound<TcpStream>,
    server: TcpStream,
    recorder: ExchangeRecorder,
    times: DialTimes,
) {
    let upstream = Upstream {
        addr: server.peer_addr().ok(),
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
    recorder.close_at(now(), end, dial_timings(times), Some(upstream), None);
}

/// Carries a WebSocket; its messages are read beside the bytes.
async fn converse(after: After) {
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
