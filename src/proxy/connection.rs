//! One client connection, in HTTP/1 or HTTP/2.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::context::{After, Closing, Context, Route, Shared};
use super::detect::{Protocol, Rewound, detect};
use super::forward::serve;
use super::half::{HalfOpen, LastRequest};
use super::limits::{HEADER_BYTES_MAX, HEADER_FIELDS_MAX};
use super::relay::{converse, pass};
use super::tunnel::Tunnel;
use crate::wire::Client;

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
        .downcast::<TokioIo<HalfOpen<Rewound<TcpStream>>>>()
        .ok()?;
    let (mut seen, stream) = parts.io.into_inner().inner.into_parts();
    seen.extend_from_slice(&parts.read_buf);
    Some((stream, seen))
}

pub(super) async fn serve_http1<S>(context: Context, io: S, mut closing: Closing) -> Option<After>
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

pub(super) async fn serve_http2<S>(context: Context, io: S, mut closing: Closing)
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
