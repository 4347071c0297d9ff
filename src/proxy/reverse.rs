//! In front of one server, for clients that cannot be told of a proxy.
//!
//! Whatever path is asked for goes to that server. What the client sent stays as it is but for
//! `Host`, which names that server (many choose by it what to serve), unless it is to be kept. Nothing
//! in answers is changed: a redirect or a link that names the server leads past corscope, and a
//! cookie's `Domain` stays. Recorded is the URL the client asked for, since its origin is what a
//! browser's rules go by.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use url::Url;

use super::connection::{serve_http1, serve_http2};
use super::context::{Closing, Context, Route, Shared};
use super::detect::{Protocol, Rewound};
use super::limits::CLIENT_TLS_SECONDS_MAX;
use super::relay::converse;
use super::target::{Target, bare};
use super::tunnel::shake_hands;
use crate::wire::Client;

/// The server everything goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverse {
    /// Scheme, host and port count.
    pub to: Url,
    /// Whether `Host` stays what the client sent.
    pub keep_host: bool,
}

impl Reverse {
    /// Where that is; `None` for a URL without a host, or of another scheme.
    pub(super) fn target(&self) -> Option<Target> {
        let tls = match self.to.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        Some(Target {
            tls,
            host: bare(self.to.host_str()?).into(),
            port: self.to.port_or_known_default()?,
            tls_name: None,
            prior_knowledge: false,
        })
    }
}

/// How the requests of one connection go to that server.
pub(super) struct Fixed {
    pub target: Arc<Target>,
    pub keep_host: bool,
    /// Whether the client speaks TLS with us.
    pub client_tls: bool,
    /// Where the client connected to: the name of us for who sends none.
    pub here: SocketAddr,
}

/// Serves a client that takes us for a server.
pub(super) async fn serve_as_server(
    shared: &Arc<Shared>,
    stream: Rewound<TcpStream>,
    client: Client,
    protocol: Protocol,
    closing: Closing,
) {
    let Some((target, keep_host)) = &shared.reverse else {
        return;
    };
    let Ok(here) = stream.get_ref().local_addr() else {
        return;
    };
    let fixed = |client_tls, prior_knowledge| Fixed {
        target: Arc::new(Target {
            prior_knowledge: prior_knowledge && !target.tls,
            ..target.clone()
        }),
        keep_host: *keep_host,
        client_tls,
        here,
    };
    match protocol {
        Protocol::Http1 => {
            let route = Route::Fixed(fixed(false, false));
            let context = Context::new(shared, client, route, false);
            if let Some(websocket) = serve_http1(context, stream, closing).await {
                converse(websocket).await;
            }
        }
        Protocol::Http2 => {
            let route = Route::Fixed(fixed(false, true));
            serve_http2(Context::new(shared, client, route, true), stream, closing).await;
        }
        Protocol::Tls => {
            let at_most = Duration::from_secs(CLIENT_TLS_SECONDS_MAX);
            let host = here.ip().to_string();
            let shaken = tokio::time::timeout(at_most, shake_hands(shared, &host, stream)).await;
            let stream = match shaken {
                Ok(Ok((stream, _))) => stream,
                Ok(Err(Some(failure))) => {
                    shared
                        .remarks
                        .say(format!("No TLS with a client: {}.", failure.detail));
                    return;
                }
                Ok(Err(None)) | Err(_) => return,
            };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let route = Route::Fixed(fixed(true, false));
            let context = Context::new(shared, client, route, http2);
            if http2 {
                serve_http2(context, stream, closing).await;
            } else if let Some(websocket) = serve_http1(context, stream, closing).await {
                converse(websocket).await;
            }
        }
        Protocol::Other => shared.remarks.say(
            "A client spoke neither HTTP nor TLS, and was let go: reverse passes nothing else on.",
        ),
    }
}
