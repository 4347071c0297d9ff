//! The listeners and what they answer.

use std::convert::Infallible;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::{Message, protocol::Role};

use super::DemoError;
use super::page::Page;
use super::scenario::{Answer, Body, Scenario};
use super::site::{Party, Site};

/// How often another port is tried when IPv4 has one that IPv6 has not.
const PORT_TRIES: usize = 20;
/// How far the delivery that is followed has to go, in events.
const STOPS: u32 = 12;
/// What the WebSocket says on its own, and how often.
const SHOP_SAYS: [&str; 3] = [
    r#"{"from":"shop","text":"Hello, how can we help?"}"#,
    r#"{"from":"shop","text":"Your teapot is on its way."}"#,
    r#"{"from":"shop","text":"It left the depot at 11:20."}"#,
];
const SHOP_SAYS_EVERY: Duration = Duration::from_millis(900);

type AnswerBody = BoxBody<Bytes, Infallible>;

/// The sockets of one party, IPv4 and where there is one IPv6, on the same port.
pub(super) struct Listener {
    v4: TcpListener,
    v6: Option<TcpListener>,
    pub(super) port: u16,
}

impl Listener {
    /// On a port of the system's choosing. Browsers may try either address of a `.localhost` name,
    /// so the port must be ours on both.
    pub(super) async fn bind() -> Result<Self, DemoError> {
        let mut taken = None;
        for _ in 0..PORT_TRIES {
            let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .map_err(DemoError::Bind)?;
            let port = v4.local_addr().map_err(DemoError::Bind)?.port();
            match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await {
                Ok(v6) => {
                    return Ok(Self {
                        v4,
                        v6: Some(v6),
                        port,
                    });
                }
                Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => taken = Some(e),
                // No IPv6 on this machine.
                Err(_) => return Ok(Self { v4, v6: None, port }),
            }
        }
        Err(DemoError::Bind(
            taken.unwrap_or_else(|| std::io::Error::other("no free port")),
        ))
    }
}

/// What a party answers with.
pub(super) struct Counter {
    pub(super) party: Party,
    pub(super) site: Site,
    pub(super) scenarios: Arc<Vec<Scenario>>,
    pub(super) page: Arc<Page>,
}

/// Accepts until dropped.
pub(super) async fn serve(listener: Listener, tls: Option<TlsAcceptor>, counter: Arc<Counter>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.v4.accept() => accepted,
            accepted = accept_if(listener.v6.as_ref()) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((socket, _)) = accepted else {
            // Out of file descriptors; trying again at once would only burn the processor.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = socket.set_nodelay(true);
        let (tls, counter) = (tls.clone(), Arc::clone(&counter));
        connections.spawn(async move {
            match tls {
                None => speak(socket, counter).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(socket).await {
                        speak(stream, counter).await;
                    }
                }
            }
        });
    }
}

async fn accept_if(
    listener: Option<&TcpListener>,
) -> std::io::Result<(tokio::net::TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

async fn speak<S>(stream: S, counter: Arc<Counter>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let counter = Arc::clone(&counter);
        async move { Ok::<_, Infallible>(counter.answer(request).await) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    // As most servers write them; Firefox names two Allow-Origin lines only in this spelling.
    server.http1().title_case_headers(true);
    // How a client leaves is its own business.
    let _ = server
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

impl Counter {
    async fn answer(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        let origin = self.site.origin(self.party);
        let asked = request
            .uri()
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str)
            .to_owned();
        if self.party == Party::Page {
            return self.page_file(&request, &asked);
        }
        let Some(scenario) = self.scenarios.iter().find(|s| {
            let url = s
                .call
                .url
                .replacen("ws", "http", usize::from(s.call.url.starts_with("ws")));
            url.strip_prefix(&origin) == Some(asked.as_str())
        }) else {
            return plain(StatusCode::NOT_FOUND, "no such demo call\n");
        };
        let answer = if request.method() == Method::OPTIONS {
            scenario.preflight.as_ref()
        } else if request.method() == scenario.call.method {
            Some(&scenario.actual)
        } else {
            None
        };
        let Some(answer) = answer else {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "not with this method\n");
            if let Ok(allow) = HeaderValue::from_str(scenario.call.method) {
                refusal.headers_mut().insert(header::ALLOW, allow);
            }
            return refusal;
        };
        tokio::time::sleep(answer.after).await;
        match &answer.body {
            Body::Whole(text) => {
                // The answer may not overtake the rest of the request on HTTP/1.
                let _ = request.into_body().collect().await;
                respond(answer, whole(text.clone()))
            }
            Body::Events(every) => respond(answer, events(*every)),
            Body::Upgrade => upgrade(request),
        }
    }

    fn page_file(&self, request: &Request<Incoming>, asked: &str) -> Response<AnswerBody> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET here\n");
        }
        let path = asked.split('?').next().unwrap_or(asked);
        let Some((media_type, text)) = self.page.file(path) else {
            return plain(StatusCode::NOT_FOUND, "no such page\n");
        };
        let gzip = request
            .headers()
            .get(header::ACCEPT_ENCODING)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|v| v.contains("gzip"));
        let mut response = Response::new(whole(text.to_owned()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::SERVER, HeaderValue::from_static("corscope-demo"));
        if gzip && let Ok(packed) = gzipped(text) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            *response.body_mut() = Full::new(packed).boxed();
        }
        response
    }
}

fn respond(answer: &Answer, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    append_all(response.headers_mut(), &answer.headers);
    response
}

fn append_all(headers: &mut HeaderMap, fields: &[(&'static str, String)]) {
    for (name, value) in fields {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            headers.append(name, value);
        }
    }
}

fn plain(status: StatusCode, text: &str) -> Response<AnswerBody> {
    let mut response = Response::new(whole(text.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

fn whole(text: String) -> AnswerBody {
    Full::new(Bytes::from(text)).boxed()
}

fn gzipped(text: &str) -> std::io::Result<Bytes> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes())?;
    Ok(packer.finish()?.into())
}

/// One event at once, then one every so often until the delivery is there; then silence, as a real
/// stream has it, so that a screen that nobody uses comes to rest.
fn events(every: Duration) -> AnswerBody {
    let stops = stream::unfold(0_u32, move |stop| async move {
        match stop {
            0 => {}
            1..=STOPS => tokio::time::sleep(every).await,
            _ => std::future::pending().await,
        }
        let event = format!(
            "event: position\nid: {stop}\ndata: {{\"stop\":{stop},\"left\":{}}}\n\n",
            STOPS - stop
        );
        Some((Ok(Frame::data(Bytes::from(event))), stop + 1))
    });
    let stops: Pin<Box<dyn Stream<Item = _> + Send + Sync>> = Box::pin(stops);
    BodyExt::boxed(StreamBody::new(stops))
}

fn upgrade(mut request: Request<Incoming>) -> Response<AnswerBody> {
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY).cloned() else {
        return plain(StatusCode::UPGRADE_REQUIRED, "a WebSocket is served here\n");
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(stream) = upgraded.await {
            let socket =
                WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, None).await;
            chat(socket).await;
        }
    });
    let mut response = Response::new(whole(String::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// Says its lines, repeats what it hears, until the client leaves.
async fn chat<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) {
    let mut pause = tokio::time::interval(SHOP_SAYS_EVERY);
    let mut lines = SHOP_SAYS.into_iter();
    loop {
        let sent = tokio::select! {
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => {
                    let echo = format!(r#"{{"from":"shop","heard":{}}}"#, serde_json::Value::from(text.as_str()));
                    socket.send(Message::text(echo)).await
                }
                Some(Ok(_)) => Ok(()),
                Some(Err(_)) | None => return,
            },
            _ = pause.tick() => match lines.next() {
                Some(line) => socket.send(Message::text(line)).await,
                None => Ok(()),
            },
        };
        if sent.is_err() {
            return;
        }
    }
}
