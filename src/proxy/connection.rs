//! One client connection, in HTTP/1 or HTTP/2.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::context::{After, Closing, Context, Route, Shared};
use super::detect::{Protocol, Rewound, detect};
use super::failure::{FAULT, failure, innermost};
use super::forward::serve;
use super::half::{HalfOpen, LastRequest};
use super::limits::{HEAD_SECONDS_MAX, HEADER_BYTES_MAX, HEADER_FIELDS_MAX};
use super::page;
use super::relay::{converse, pass};
use super::reverse::serve_as_server;
use super::tap::Outgoing;
use super::tunnel::Tunnel;
use super::turns::{InTurns, Progress};
use crate::wire::{
    Client, End, FailureKind, FailureStage, HttpVersion, Kind, RequestHead, Timings,
};

/// The method of a request that could not be read.
const UNREADABLE: &str = "UNREADABLE";

/// Serves one accepted connection to its end.
pub(super) async fn serve_client(
    shared: Arc<Shared>,
    stream: TcpStream,
    client: Client,
    guarded: bool,
    closing: Closing,
) {
    // Many connect in advance and say nothing for long: nothing is set aside for them.
    if stream.readable().await.is_err() {
        return;
    }
    let mut first = BytesMut::with_capacity(4096);
    let mut stream = stream;
    let at_most = shared
        .head_timeout
        .unwrap_or(Duration::from_secs(HEAD_SECONDS_MAX));
    // A client that knows it speaks to a proxy starts with HTTP.
    let detected = tokio::time::timeout(at_most, detect(&mut stream, &mut first)).await;
    let Ok(Ok(Some(protocol))) = detected else {
        return;
    };
    let stream = Rewound::new(first.freeze(), stream);
    if shared.reverse.is_some() {
        // A server's clients have no way to bring a proxy's password.
        if guarded {
            return;
        }
        // Boxed, so that connections of the other kind do not carry it along.
        Box::pin(serve_as_server(&shared, stream, client, protocol, closing)).await;
        return;
    }
    if protocol == Protocol::Http2 {
        let context = Context::new(&shared, client, Route::Proxy, true).guarded(guarded);
        serve_http2(context, stream, closing).await;
        return;
    }
    let context = Context::new(&shared, client, Route::Proxy, false).guarded(guarded);
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
                    let server = Rewound::new(Bytes::new(), server);
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
        .downcast::<TokioIo<HalfOpen<InTurns<Rewound<TcpStream>>>>>()
        .ok()?;
    let (mut seen, stream) = parts.io.into_inner().inner.inner.into_parts();
    seen.extend_from_slice(&parts.read_buf);
    Some((stream, seen))
}

pub(super) async fn serve_http1<S>(context: Context, io: S, mut closing: Closing) -> Option<After>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let context = Arc::new(context);
    let last = LastRequest::default();
    let progress = Progress::default();
    let io = HalfOpen::new(InTurns::new(io, progress.clone()), last.clone());
    let service = {
        let context = Arc::clone(&context);
        let progress = progress.clone();
        service_fn(move |mut request: Request<Incoming>| {
            last.notice(&mut request);
            progress.made();
            if !request.body().is_end_stream() {
                request.extensions_mut().insert(progress.clone());
            }
            let context = Arc::clone(&context);
            async move { Ok::<_, Infallible>(unharmed(&context, serve(&context, request)).await) }
        })
    };
    let mut builder = http1::Builder::new();
    builder
        .preserve_header_case(true)
        .auto_date_header(false)
        .max_headers(HEADER_FIELDS_MAX)
        .max_header_size(HEADER_BYTES_MAX);
    if let Some(time) = context.shared.head_timeout(&context.client) {
        builder.timer(TokioTimer::new()).header_read_timeout(time);
    }
    let connection = builder
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    // Else how it ended, each exchange was told.
    if let Err(error) = ended
        && (error.is_parse() || error.is_timeout())
    {
        Box::pin(unreadable(&context, &error)).await;
    }
    let after = context.take_after();
    if after.is_some() {
        progress.untold();
    }
    after
}

pub(super) async fn serve_http2<S>(context: Context, io: S, mut closing: Closing)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let context = Arc::new(context);
    let service = service_fn(move |request: Request<Incoming>| {
        let context = Arc::clone(&context);
        async move { Ok::<_, Infallible>(unharmed(&context, serve(&context, request)).await) }
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

/// Tells of a request that hyper refused, since it could not be understood.
async fn unreadable(context: &Context, error: &hyper::Error) {
    let shared = &context.shared;
    let url = match &context.route {
        Route::Tunnel(target) => format!("{}://{}/", target.scheme(), target.authority()),
        Route::Fixed(fixed) => format!("http://{}/", fixed.here),
        Route::Proxy => match shared.addresses.first() {
            Some(own) => format!("http://{own}/"),
            None => return,
        },
    };
    let head = RequestHead {
        method: UNREADABLE.to_owned(),
        url,
        version: HttpVersion::Http11,
        headers: Arc::default(),
    };
    let recorder = shared.recorder.open(Kind::Http, context.client, head).await;
    let (kind, what) = if error.is_timeout() {
        let what = "the client did not finish the head of its request in time";
        (FailureKind::TimedOut, what)
    } else if error.is_parse_too_large() {
        let what = "the client sent a head that is longer than is taken";
        (FailureKind::Protocol, what)
    } else {
        (
            FailureKind::Protocol,
            "the client sent what is no HTTP/1 request",
        )
    };
    let why = innermost(error);
    let detail = format!("{what} ({why}); it was refused, and nothing was sent on");
    recorder.close(
        End::Failed(failure(FailureStage::Proxy, kind, detail)),
        Timings::default(),
    );
}

/// The answer; or, where a fault of our own broke that one exchange, a page that says so. Its row
/// says it too, by what its parts tell as they are dropped.
async fn unharmed(
    context: &Context,
    serving: impl Future<Output = Response<Outgoing>>,
) -> Response<Outgoing> {
    if let Ok(response) = AssertUnwindSafe(serving).catch_unwind().await {
        return response;
    }
    let remarks = &context.shared.remarks;
    remarks.say(format!("{FAULT}; the others go on. Please report it."));
    let failure = failure(FailureStage::Proxy, FailureKind::Other, FAULT);
    page::failed(&failure, "", &http::HeaderMap::new())
}
