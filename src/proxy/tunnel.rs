//! CONNECT: granted, looked into, and intercepted or passed through.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;

use super::connection::{serve_http1, serve_http2};
use super::context::{After, Closing, Context, Route, Shared};
use super::detect::{Protocol, Rewound, detect};
use super::dial::DialError;
use super::failure::{failure, innermost, kind_of, tls_error};
use super::heads::version_of;
use super::hygiene::recorded;
use super::limits::{CLIENT_TLS_SECONDS_MAX, FIRST_BYTES_MILLIS};
use super::page;
use super::relay::{converse, pass};
use super::tap::Outgoing;
use super::target::Target;
use crate::capture::ExchangeRecorder;
use crate::wire::{Client, End, Failure, FailureKind, FailureStage, Kind, RequestHead, Timings};

/// Grants a tunnel. What it carries shows when its first bytes come; only where it is to be passed
/// through unread is the server dialled before the client is told.
pub(super) async fn connect(
    context: &Context,
    mut request: Request<Incoming>,
) -> Response<Outgoing> {
    let shared = &context.shared;
    // The authority and nothing else (RFC 9112 § 3.2.3).
    let bare = request.uri().scheme().is_none();
    let authority = request.uri().authority().filter(|_| bare);
    let target = authority.and_then(|a| Target::of(a, true));
    let Some(target) = target else {
        let status = StatusCode::BAD_REQUEST;
        return page::unusable(status, "CONNECT names no host", request.headers());
    };
    if context.http2 {
        let (status, why) = (
            StatusCode::BAD_REQUEST,
            "CONNECT is served over HTTP/1 only",
        );
        return page::unusable(status, why, request.headers());
    }
    let head = RequestHead {
        method: "CONNECT".to_owned(),
        url: format!("https://{target}/"),
        version: version_of(request.version()),
        headers: Arc::new(recorded(request.headers())),
    };
    let mut server = None;
    if shared.scope.passes_through(&target) {
        let head = head.clone();
        let recorder = shared
            .recorder
            .open(Kind::Tunnel, context.client, head)
            .await;
        match shared.pool.dialer.dial_raw(&target).await {
            Ok((stream, times)) => server = Some((stream, recorder, times)),
            Err(DialError { failure, times }) => {
                recorder.close(End::Failed(failure.clone()), times.timings());
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

/// A granted tunnel.
pub(super) struct Tunnel {
    pub shared: Arc<Shared>,
    pub client: Client,
    pub target: Target,
    pub head: RequestHead,
    pub closing: Closing,
}

impl Tunnel {
    /// Carries it to its end; `seen` was read of it already.
    pub(super) async fn run(self, mut stream: TcpStream, mut seen: BytesMut) {
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
        let Ok((mut server, times)) = self.shared.pool.dialer.dial_raw(&self.target).await else {
            // Told when the client says what it wants.
            if let Ok(Some(protocol)) = detect(&mut stream, &mut seen).await {
                self.run_as(protocol, Rewound::new(seen.freeze(), stream))
                    .await;
            }
            return;
        };
        let mut said = BytesMut::with_capacity(1024);
        let protocol = tokio::select! {
            biased;
            detected = detect(&mut stream, &mut seen) => match detected {
                Ok(Some(protocol)) => protocol,
                Ok(None) | Err(_) => return,
            },
            _ = server.read_buf(&mut said) => {
                let recorder = self.open(Kind::Tunnel).await;
                let server = Rewound::new(said.freeze(), server);
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
        match tokio::time::timeout(
            at_most,
            shake_hands(&self.shared, &self.target.host, stream),
        )
        .await
        {
            Ok(Ok((stream, name))) => {
                self.shared.site.accepted(self.client.addr.map(|a| a.ip()));
                if let Some(addr) = self.client.addr {
                    let agent = self.head.headers.get("user-agent");
                    self.shared.distrust.accepted(addr.ip(), agent.as_deref());
                }
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let target = Target {
                    tls_name: name.filter(|n| **n != *self.target.host),
                    ..self.target.clone()
                };
                self.run_http(stream, target, http2).await;
            }
            Ok(Err(Some(failure))) => self.fail(self.explained(failure)).await,
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

    async fn pass_through(&self, stream: Rewound<TcpStream>) {
        let recorder = self.open(Kind::Tunnel).await;
        match self.shared.pool.dialer.dial_raw(&self.target).await {
            Ok((server, times)) => {
                let server = Rewound::new(Bytes::new(), server);
                pass(stream, server, recorder, times).await;
            }
            Err(DialError { failure, times }) => {
                recorder.close(End::Failed(failure), times.timings());
            }
        }
    }

    /// With what the client's refusal comes from, and what helps.
    fn explained(&self, failure: Failure) -> Failure {
        let refusal = matches!(failure.kind, FailureKind::Certificate | FailureKind::Reset);
        let Some(addr) = self.client.addr.filter(|_| refusal) else {
            return failure;
        };
        let agent = self.head.headers.get("user-agent");
        let distrust = &self.shared.distrust;
        let why = distrust.refused(addr.ip(), agent.as_deref(), &self.target.host);
        Failure {
            detail: format!("{}: {why}", failure.detail),
            ..failure
        }
    }

    async fn fail(&self, failure: Failure) {
        let client = self.client.addr.map(|a| a.ip());
        if page::is_ours(&self.target.host) {
            // The check of our own page: nobody's traffic.
            let why = format!("the check of this page ({:?})", failure.kind);
            return self.shared.site.refused(client, &why);
        }
        self.shared.site.refused(client, &failure.detail);
        let recorder = self.open(Kind::Tunnel).await;
        recorder.close(End::Failed(failure), Timings::default());
    }

    async fn open(&self, kind: Kind) -> ExchangeRecorder {
        let head = self.head.clone();
        self.shared.recorder.open(kind, self.client, head).await
    }
}

/// TLS with the client, and the name it asked for. No failure is told when it left before its
/// first message was complete.
pub(super) async fn shake_hands(
    shared: &Shared,
    host: &str,
    stream: Rewound<TcpStream>,
) -> Result<(ClientTls, Option<Box<str>>), Option<Failure>> {
    let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
    let start = match acceptor.await {
        Ok(start) => start,
        Err(error) if tls_error(&error).is_none() => return Err(None),
        Err(error) => return Err(Some(client_tls_failure(host, &error))),
    };
    let name: Option<Box<str>> = start
        .client_hello()
        .server_name()
        .map(|n| n.to_ascii_lowercase().into());
    let named = name.as_deref().unwrap_or(host);
    let config = shared.leaves.config_for(named).map_err(|error| {
        let detail = format!(
            "no certificate could be made for {named} ({})",
            innermost(&error)
        );
        Some(failure(FailureStage::ClientTls, FailureKind::Other, detail))
    })?;
    match start.into_stream(config).await {
        Ok(stream) => Ok((stream, name)),
        Err(error) => Err(Some(client_tls_failure(host, &error))),
    }
}

type ClientTls = tokio_rustls::server::TlsStream<Rewound<TcpStream>>;

fn client_tls_failure(target: &str, error: &std::io::Error) -> Failure {
    let kind = kind_of(error);
    let detail = match (kind, tls_error(error)) {
        (FailureKind::Certificate, Some(rustls::Error::AlertReceived(alert))) => {
            format!("the client refused the certificate shown for {target} ({alert:?})")
        }
        (FailureKind::Certificate, _) => {
            format!("the client refused the certificate shown for {target}")
        }
        (_, Some(rustls::Error::AlertReceived(alert))) => {
            format!("the client broke off the TLS handshake for {target} ({alert:?})")
        }
        (FailureKind::Reset, _) => {
            format!("the client closed the connection during the TLS handshake for {target}")
        }
        _ => format!("the TLS handshake with the client failed for {target} ({error})"),
    };
    failure(FailureStage::ClientTls, kind, detail)
}
