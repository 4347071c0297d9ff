//! Requests of our own, on the way that requests of the browser take: the same pool and dialler, the
//! same tap, the same recorder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Uri, Version};
use http_body_util::BodyExt;

use super::ProxyError;
use super::behind::unauthorised;
use super::dial::{DialError, DialTimes, micros};
use super::failure::failure;
use super::flow::Flow;
use super::forward::proxied_target;
use super::heads::{absolute, is_event_stream, is_proxy_refusal, response_head};
use super::identity::ClientCert;
use super::pool::{Link, Need, Pool, send_failure};
use super::tap::{RequestBody, ResponseBody, Running};
use super::target::Target;
use super::upstream::Upstreams;
use crate::capture::{Recorder, now};
use crate::wire::{
    Client, End, ExchangeId, Failure, FailureKind, FailureStage, Kind, RequestHead, ResponseHead,
    Source, Timings,
};

/// How long a stream of events, which has no end, is listened to, in seconds.
const EVENTS_SECONDS_MAX: u64 = 3;

/// How servers are reached; as for [`Config`](super::Config).
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// PEM file of authorities to trust for servers, beside the system's.
    pub upstream_ca: Option<PathBuf>,
    /// Further ones, as PEM text.
    pub upstream_ca_pem: Option<String>,
    /// Hosts whose certificate is not verified.
    pub insecure: Vec<String>,
    /// Proxies to go through. Not used for this machine.
    pub upstreams: Upstreams,
    /// Certificates to show to servers that ask for one.
    pub client_certs: Vec<ClientCert>,
}

/// What one request of ours may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long finding, connecting to and shaking hands with the server may take together.
    pub connect: Duration,
    /// How long the answer's head may take once there is a connection.
    pub answer: Duration,
    /// How long the answer's body may take; then it is left, as when a page is closed.
    pub body: Duration,
    /// How much of the answer's body is read, in bytes; the rest is left.
    pub body_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            answer: Duration::from_secs(30),
            body: Duration::from_secs(30),
            body_bytes_max: 16 << 20,
        }
    }
}

/// One request to be sent.
#[derive(Clone, Debug)]
pub struct Errand {
    /// As whose it is recorded.
    pub source: Source,
    /// The head, fields in the order they are sent in. With version HTTP/2 it has no `Host`, and
    /// HTTP/2 is spoken if the server does.
    pub head: RequestHead,
    /// The body.
    pub body: Bytes,
}

/// What became of an [`Errand`].
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The exchange as it was recorded.
    pub id: ExchangeId,
    /// The answer's head, or why there is none.
    pub answer: Result<ResponseHead, Failure>,
}

/// Sends requests of our own. Cheap to clone; all share the connections.
#[derive(Clone)]
pub struct Courier {
    pool: Arc<Pool>,
}

impl Courier {
    /// Nothing is connected to yet.
    pub fn new(reach: &Reach) -> Result<Self, ProxyError> {
        let dialer = super::dialer(reach)?;
        Ok(Self {
            pool: Arc::new(Pool::for_own_requests(dialer)),
        })
    }

    /// Sends one request and reads its answer, recorded from its opening to its end. Dropping the
    /// future ends the exchange as aborted.
    pub async fn send(&self, recorder: &Recorder, errand: Errand, limits: Limits) -> Delivered {
        let opened = Instant::now();
        let Errand { source, head, body } = errand;
        let request = made(&head);
        let client = Client::default();
        let http2 = head.version == crate::wire::HttpVersion::Http2;
        let exchange = recorder.open_now(source, Kind::Http, client, head, now());
        let id = exchange.id();
        let flow = Flow::new(exchange);
        let sent = match request {
            Ok((target, request)) => {
                let body = RequestBody::whole(body, &flow);
                let way = Way {
                    pool: &self.pool,
                    target: &Arc::new(target),
                    http2,
                    opened,
                    limits,
                };
                way.go(request.map(|()| body), &flow).await
            }
            Err(why) => Err(failure(FailureStage::Proxy, FailureKind::Protocol, why)),
        };
        let answer = match sent {
            Ok((head, body)) => {
                let mut limits = limits;
                if head.media_type().as_deref() == Some("text/event-stream") {
                    limits.body = limits.body.min(Duration::from_secs(EVENTS_SECONDS_MAX));
                }
                drain(body, limits).await;
                Ok(head)
            }
            Err(failure) => {
                flow.broken(End::Failed(failure.clone()), None);
                Err(failure)
            }
        };
        Delivered { id, answer }
    }
}

/// The request as `http` has it; why it is none, in words.
fn made(head: &RequestHead) -> Result<(Target, Request<()>), String> {
    let url = &head.url;
    let uri: Uri = url.parse().map_err(|e| format!("{url} is no URL ({e})"))?;
    let target = proxied_target(&uri).ok_or_else(|| format!("{url} names no server"))?;
    let method = Method::from_bytes(head.method.as_bytes())
        .map_err(|_| format!("\"{}\" is no method", head.method))?;
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    for field in head.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| format!("\"{}\" is no header name", field.name))?;
        let value = HeaderValue::from_bytes(field.value)
            .map_err(|_| format!("the value of {} is none a header can have", field.name))?;
        request.headers_mut().append(name, value);
    }
    Ok((target, request))
}

/// One request's way to its server.
struct Way<'a> {
    pool: &'a Arc<Pool>,
    target: &'a Arc<Target>,
    http2: bool,
    opened: Instant,
    limits: Limits,
}

impl Way<'_> {
    async fn go(
        &self,
        mut request: Request<RequestBody>,
        flow: &Arc<Flow>,
    ) -> Result<(ResponseHead, ResponseBody), Failure> {
        let mut need = Need {
            http2: self.http2,
            once: true,
            fresh: false,
            tunnel: false,
        };
        let uri = request.uri().clone();
        loop {
            let lease = self.connect(need, flow).await?;
            let link = Arc::clone(&lease.link);
            let reused = lease.reused;
            flow.connected(self.timings(lease.times), Some(link.upstream(reused)));
            self.fit(&mut request, &uri, &link);
            let sent = tokio::time::timeout(self.limits.answer, lease.send(self.pool, request));
            match sent.await {
                Ok(Ok((response, returning))) => {
                    if let Some(proxy) = &link.whole_to
                        && is_proxy_refusal(&response)
                    {
                        return Err(unauthorised(proxy));
                    }
                    let head = response_head(&response);
                    flow.answered(head.clone());
                    let events = is_event_stream(response.headers()).then(Box::default);
                    let running = Running {
                        flow: Arc::clone(flow),
                        returning,
                        gate: None,
                        events,
                    };
                    let body = ResponseBody::new(response.into_body(), link.http2, running);
                    return Ok((head, body));
                }
                Ok(Err(mut error)) => match error.take_message() {
                    // A kept connection proved stale, and the request never left.
                    Some(unsent) if reused && !need.fresh => {
                        need.fresh = true;
                        request = unsent;
                    }
                    message => {
                        let sent = message.is_none();
                        return Err(send_failure(error.error(), self.target, sent));
                    }
                },
                Err(_) => {
                    let seconds = self.limits.answer.as_secs_f32();
                    let detail = format!("{} did not answer within {seconds} s", self.target);
                    return Err(failure(FailureStage::Wait, FailureKind::TimedOut, detail));
                }
            }
        }
    }

    async fn connect(&self, need: Need, flow: &Flow) -> Result<super::pool::Lease, Failure> {
        let leased = self.pool.lease(self.target, need);
        match tokio::time::timeout(self.limits.connect, leased).await {
            Ok(Ok(lease)) => Ok(lease),
            Ok(Err(DialError { failure, times })) => {
                flow.connected(self.timings(times), None);
                Err(failure)
            }
            Err(_) => {
                let seconds = self.limits.connect.as_secs_f32();
                let detail = format!("no connection to {} within {seconds} s", self.target);
                let stage = FailureStage::Connect;
                Err(failure(stage, FailureKind::TimedOut, detail))
            }
        }
    }

    /// Makes the head fit for the connection it is sent on.
    fn fit(&self, request: &mut Request<RequestBody>, uri: &Uri, link: &Link) {
        let authority = self.target.authority();
        if link.http2 {
            *request.version_mut() = Version::HTTP_2;
            *request.uri_mut() = uri.clone();
            let headers = request.headers_mut();
            headers.remove(header::HOST);
            headers.remove(header::CONNECTION);
            return;
        }
        *request.version_mut() = Version::HTTP_11;
        let path = uri.path_and_query().cloned();
        let path = path.unwrap_or(http::uri::PathAndQuery::from_static("/"));
        if !request.headers().contains_key(header::HOST)
            && let Ok(host) = HeaderValue::try_from(&authority)
        {
            let rest = std::mem::take(request.headers_mut());
            let headers = request.headers_mut();
            headers.insert(header::HOST, host);
            headers.extend(rest);
        }
        if let Some(proxy) = &link.whole_to {
            *request.uri_mut() = absolute(self.target.scheme(), &authority, path);
            if let Some(value) = proxy.authorization()
                && let Ok(value) = HeaderValue::try_from(value)
            {
                let headers = request.headers_mut();
                headers.insert(header::PROXY_AUTHORIZATION, value);
            }
        } else {
            *request.uri_mut() = Uri::from(path);
        }
    }

    fn timings(&self, times: DialTimes) -> Timings {
        let dialed = times.dns.unwrap_or(0) + times.connect.unwrap_or(0) + times.tls.unwrap_or(0);
        Timings {
            queued: Some(micros(self.opened).saturating_sub(dialed)),
            ..times.timings()
        }
    }
}

/// Reads a body to its end or to the limits; how it ended is recorded by the tap.
pub(super) async fn drain(mut body: ResponseBody, limits: Limits) {
    let read = async {
        let mut seen_bytes = 0_u64;
        while let Some(Ok(frame)) = body.frame().await {
            seen_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            if seen_bytes >= limits.body_bytes_max {
                return;
            }
        }
    };
    // What is left is left: the answer's head is what counts.
    let _ = tokio::time::timeout(limits.body, read).await;
}
