//! One exchange: recorded from its first byte, sent on, answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri, Version, request};
use http_body::Body;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::upgrade::OnUpgrade;

use super::access::Credentials;
use super::behind::unauthorised;
use super::context::{After, Context, Route, Shared};
use super::courier::{Limits, drain};
use super::dial::{DialError, DialTimes, micros};
use super::failure::failure;
use super::flow::Flow;
use super::half::LastRequest;
use super::hygiene::{
    Passage, is_framed_plainly, is_websocket_upgrade, pass_request, pass_response, recorded,
    recorded_request,
};
use super::overrides::{Change, STAND_IN_AFTER};
use super::page::{self, Asked, Way};
use super::pool::{Lease, Link, Need, Returning, send_failure};
use super::tap::{Gate, Outgoing, RequestBody, ResponseBody, Running};
use super::target::Target;
use crate::wire::{
    End, Failure, FailureKind, FailureStage, HeaderList, HttpVersion, Kind, RequestHead,
    ResponseHead, Timings, WebSocketDeflate,
};

/// How much of a body is read that is only recorded, since the answer changed to one without.
const UNWANTED: Limits = Limits {
    connect: Duration::ZERO,
    answer: Duration::ZERO,
    body: Duration::from_secs(5),
    body_bytes_max: 1 << 20,
};

/// How long a wrong password is answered after, in milliseconds, so that guessing takes long.
const WRONG_PASSWORD_MILLIS: u64 = 500;
/// How often a request is sent again after a kept connection proved stale.
const STALE_MAX: usize = 2;

/// Answers one request.
pub(super) async fn serve(context: &Context, request: Request<Incoming>) -> Response<Outgoing> {
    // What is asked of us as of a server has no way to bring it, and gets our own page at most.
    if context.guarded && request.uri().authority().is_some() {
        let credentials = context.shared.access.credentials(request.headers());
        if credentials != Credentials::Right {
            if credentials == Credentials::Wrong {
                tokio::time::sleep(Duration::from_millis(WRONG_PASSWORD_MILLIS)).await;
            }
            return page::locked(request.headers());
        }
    }
    match &context.route {
        Route::Fixed(_) if request.method() == Method::CONNECT => page::unusable(
            StatusCode::BAD_REQUEST,
            "corscope reverse stands in front of one server, and is no proxy",
            request.headers(),
        ),
        Route::Fixed(fixed) => forward(context, Arc::clone(&fixed.target), request).await,
        Route::Tunnel(_) if request.method() == Method::CONNECT => {
            let status = StatusCode::BAD_REQUEST;
            page::unusable(status, "a tunnel inside a tunnel", request.headers())
        }
        Route::Tunnel(target) if page::is_ours(&target.host) => own(context, Way::Tunnel, &request),
        Route::Tunnel(target) => {
            let target = Arc::clone(target);
            forward(context, target, request).await
        }
        Route::Proxy if request.method() == Method::CONNECT => {
            super::tunnel::connect(context, request).await
        }
        Route::Proxy => match proxied_target(request.uri()) {
            Some(target) if is_own_page(context, &target, request.uri()) => {
                own(context, Way::Proxy, &request)
            }
            Some(target) => forward(context, Arc::new(target), request).await,
            None => direct(context, &request).await,
        },
    }
}

/// The server named by a request in absolute form.
pub(super) fn proxied_target(uri: &Uri) -> Option<Target> {
    let tls = match uri.scheme_str()? {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    Target::of(uri.authority()?, tls)
}

/// A request that treats the proxy as a server.
async fn direct(context: &Context, request: &Request<Incoming>) -> Response<Outgoing> {
    let shared = &context.shared;
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    let target = host
        .and_then(|h| h.parse().ok())
        .and_then(|a| Target::of(&a, false));
    let for_us = target.as_ref().is_none_or(|t| shared.is_own_host(t));
    if request.uri().scheme().is_none() && for_us {
        return own(context, Way::Direct, request);
    }
    if context.guarded {
        return page::locked(headers);
    }
    let (status, why) = if request.uri().scheme().is_none() {
        let why = "it was sent to corscope as to a server, under a name that is not corscope's";
        (StatusCode::MISDIRECTED_REQUEST, why)
    } else {
        let why = "it names no server that could be asked";
        (StatusCode::BAD_REQUEST, why)
    };
    let url = match target {
        Some(target) => format!("http://{}{}", target.authority(), path_of(request.uri())),
        None => request.uri().to_string(),
    };
    let head = RequestHead {
        method: request.method().as_str().to_owned(),
        url,
        version: version_of(request.version()),
        headers: Arc::new(recorded(headers)),
    };
    let recorder = shared.recorder.open(Kind::Http, context.client, head).await;
    let failure = failure(FailureStage::Proxy, FailureKind::Protocol, why);
    recorder.close(End::Failed(failure), Timings::default());
    page::unusable(status, why, headers)
}

/// Whether a request through the proxy is for our own page. Of what lies at the proxy's address only
/// that is; anything else there would come back to us and is told to.
fn is_own_page(context: &Context, target: &Target, uri: &Uri) -> bool {
    let shared = &context.shared;
    page::is_ours(&target.host) || (shared.is_own_name(target) && shared.site.has(uri.path()))
}

/// Our own page. It is nobody's traffic, so it is not recorded.
fn own(context: &Context, way: Way, request: &Request<Incoming>) -> Response<Outgoing> {
    let shared = &context.shared;
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|h| h.to_str().ok()?.parse().ok());
    let named = request.uri().authority().cloned().or(host);
    let target = named.and_then(|a| Target::of(&a, false));
    if target.is_some_and(|t| !shared.is_own_host(&t)) {
        let why = "it is for another server, but came over a connection to corscope's own page";
        return page::unusable(StatusCode::MISDIRECTED_REQUEST, why, request.headers());
    }
    let asked = Asked {
        way,
        method: request.method(),
        path: request.uri().path(),
        headers: request.headers(),
        client: context.client.addr.map(|a| a.ip()),
        addresses: &shared.addresses,
    };
    shared.site.answer(shared.leaves.authority(), &asked)
}

/// Tells of a request whose end is a matter of opinion; it goes nowhere.
async fn ambiguous(
    context: &Context,
    head: RequestHead,
    asked: &http::HeaderMap,
) -> Response<Outgoing> {
    let why =
        "its Transfer-Encoding is not chunked alone, so servers would not agree where it ends";
    let recorder = context
        .shared
        .recorder
        .open(Kind::Http, context.client, head)
        .await;
    let failure = failure(FailureStage::Proxy, FailureKind::Protocol, why);
    recorder.close(End::Failed(failure), Timings::default());
    let mut response = page::unusable(StatusCode::BAD_REQUEST, why, asked);
    // What follows on this connection may be the rest of it.
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// Sends a request on to its server, and the answer back.
async fn forward(
    context: &Context,
    target: Arc<Target>,
    mut request: Request<Incoming>,
) -> Response<Outgoing> {
    let shared = &context.shared;
    let opened = Instant::now();
    let websocket = request.version() != Version::HTTP_2
        && request.method() == Method::GET
        && is_websocket_upgrade(request.headers());
    let upgrade = websocket.then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    let last = parts.extensions.remove::<LastRequest>();
    let head = request_head(&context.route, &target, &parts);
    if !body.is_end_stream() && !is_framed_plainly(&parts.headers) {
        return ambiguous(context, head, &parts.headers).await;
    }
    let mut ask = Ask {
        shared: Arc::clone(shared),
        target,
        client_http2: parts.version == Version::HTTP_2,
        for_proxy: matches!(context.route, Route::Proxy),
        renamed: matches!(&context.route, Route::Fixed(fixed) if !fixed.keep_host),
        websocket,
        idempotent: parts.method.is_idempotent(),
        method: parts.method.clone(),
        uri: parts.uri.clone(),
        recorded: Arc::clone(&head.headers),
        opened,
        gate: None,
    };
    // Asked for only when the page has to be made.
    let accept = parts.headers.get(header::ACCEPT).cloned();
    let kind = if websocket {
        Kind::WebSocket
    } else {
        Kind::Http
    };
    let url = head.url.clone();
    let unheard = match &context.route {
        Route::Proxy => shared.scope.unheard(&ask.target, &shared.remarks),
        Route::Tunnel(_) | Route::Fixed(_) => None,
    };
    let change = shared
        .overrides
        .meant_for(&head)
        .filter(|_| !websocket && unheard.is_none());
    let recorder = unheard.unwrap_or(&shared.recorder);
    let recorder = recorder.open(kind, context.client, head).await;
    let flow = Flow::new(recorder);
    if parts.version == Version::HTTP_11 && wants_continue(&parts) {
        ask.gate = Some(Gate::default());
    }
    let body = RequestBody::new(body, ask.client_http2, &flow, ask.gate.clone(), last);
    let sending = ask.send(parts, body, &flow);
    let sent = match &change {
        Some(change) if change.stands_in => {
            let answered = tokio::time::timeout(STAND_IN_AFTER, sending).await;
            answered.unwrap_or_else(|_| Err(too_late()))
        }
        _ => sending.await,
    };
    let (response, returning, link) = match sent {
        Ok(answered) => answered,
        Err(failure) => {
            if let Some(change) = change.filter(|c| c.stands_in && !flow.client_broke()) {
                return stand_in(context, &change, &flow, failure);
            }
            if flow.client_broke() {
                flow.broken(End::Aborted, None);
            } else {
                flow.broken(End::Failed(failure.clone()), None);
            }
            let mut asked = http::HeaderMap::new();
            asked.extend(accept.map(|a| (header::ACCEPT, a)));
            return page::failed(&failure, &url, &asked);
        }
    };
    let running = Running {
        flow,
        returning,
        gate: ask.gate,
        events: None,
    };
    answer(context, response, &link, running, upgrade, change)
}

fn too_late() -> Failure {
    let waited = STAND_IN_AFTER.as_secs();
    let detail = format!("the server did not answer within {waited} s");
    failure(FailureStage::Wait, FailureKind::TimedOut, detail)
}

/// Answers in the place of a server that did not, as a person ordered.
fn stand_in(
    context: &Context,
    change: &Change,
    flow: &Flow,
    failure: Failure,
) -> Response<Outgoing> {
    flow.recorder().patched(change.patch.clone());
    flow.broken(End::Failed(failure), None);
    let mut response = Response::new(Outgoing::empty());
    *response.version_mut() = context.version();
    change.apply(response.headers_mut());
    set_status(&mut response, change);
    response
}

fn set_status<B>(response: &mut Response<B>, change: &Change) {
    let status = change.patch.status.map(StatusCode::from_u16);
    if let Some(Ok(status)) = status {
        *response.status_mut() = status;
        response.extensions_mut().remove::<ReasonPhrase>();
    }
}

/// One request on its way out, as often as it takes.
struct Ask {
    shared: Arc<Shared>,
    target: Arc<Target>,
    client_http2: bool,
    for_proxy: bool,
    /// Whether `Host` names the target, whatever the client said.
    renamed: bool,
    websocket: bool,
    idempotent: bool,
    method: Method,
    uri: Uri,
    recorded: Arc<HeaderList>,
    opened: Instant,
    gate: Option<Gate>,
}

impl Ask {
    async fn send(
        &self,
        parts: request::Parts,
        body: RequestBody,
        flow: &Arc<Flow>,
    ) -> Result<(Response<Incoming>, Option<Returning>, Arc<Link>), Failure> {
        let pool = &self.shared.pool;
        let bodyless = body.is_end_stream();
        let mut need = Need {
            http2: self.client_http2 || self.target.prior_knowledge,
            once: !self.idempotent || !bodyless,
            fresh: false,
            tunnel: self.websocket && !self.target.tls,
        };
        let mut request = Request::from_parts(parts, body);
        let mut ready = false;
        for attempt in 0.. {
            let lease = match pool.lease(&self.target, need).await {
                Ok(lease) => lease,
                Err(DialError { failure, times }) => {
                    flow.connected(self.timings(times), None);
                    return Err(failure);
                }
            };
            let link = Arc::clone(&lease.link);
            let reused = lease.reused;
            flow.connected(self.timings(lease.times), Some(link.upstream(reused)));
            if !ready {
                self.make_fit(&mut request, &lease);
                ready = true;
            }
            let error = match lease.send(pool, request).await {
                Ok((response, returning)) => {
                    return match &link.whole_to {
                        Some(proxy) if is_proxy_refusal(&response) => Err(unauthorised(proxy)),
                        _ => Ok((response, returning, link)),
                    };
                }
                Err(error) => error,
            };
            let mut error = error;
            let stale = reused && attempt < STALE_MAX;
            need.fresh = attempt + 1 == STALE_MAX;
            need.http2 = link.http2;
            request = match error.take_message() {
                // It never left.
                Some(request) if stale => request,
                // It may have left, but asking twice is as good as asking once, and the connection
                // had been closed without a word (RFC 9110 § 9.2.2).
                None if stale
                    && self.idempotent
                    && bodyless
                    && super::failure::kind_of(error.error()) == FailureKind::Reset =>
                {
                    ready = false;
                    need.fresh = true;
                    self.again()
                }
                message => {
                    return Err(send_failure(error.error(), &self.target, message.is_none()));
                }
            };
        }
        unreachable!("the loop only ends by returning")
    }

    /// The request once more, from what was recorded of it.
    fn again(&self) -> Request<RequestBody> {
        let mut request = Request::new(RequestBody::empty());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        for field in self.recorded.iter() {
            let name = http::HeaderName::from_bytes(field.name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(field.value)) {
                request.headers_mut().append(name, value);
            }
        }
        request
    }

    /// Makes the head fit for the connection it is sent on.
    fn make_fit(&self, request: &mut Request<RequestBody>, lease: &Lease) {
        let link = &lease.link;
        let host = if link.http2 {
            None
        } else {
            self.missing_host(request)
        };
        let passage = Passage {
            for_proxy: self.for_proxy,
            websocket: self.websocket,
            http2: link.http2,
            host: host.as_ref(),
        };
        pass_request(request.headers_mut(), passage);
        let path = || {
            let path = self.uri.path_and_query();
            path.cloned().unwrap_or(PathAndQuery::from_static("/"))
        };
        if link.http2 {
            *request.version_mut() = Version::HTTP_2;
            if self.renamed {
                request.headers_mut().remove(header::HOST);
                *request.uri_mut() =
                    absolute(self.target.scheme(), &self.target.authority(), path());
            } else if self.uri.authority().is_none() {
                let host = request.headers_mut().remove(header::HOST);
                let authority = host.as_ref().and_then(|h| h.to_str().ok());
                let authority = authority.map_or_else(|| self.target.authority(), str::to_owned);
                *request.uri_mut() = absolute(self.target.scheme(), &authority, path());
            }
        } else {
            *request.version_mut() = Version::HTTP_11;
            // Of a GET with a body of unknown length (from HTTP/2) hyper would drop the body.
            if !request.body().is_end_stream()
                && !request.headers().contains_key(header::CONTENT_LENGTH)
                && !request.headers().contains_key(header::TRANSFER_ENCODING)
            {
                let chunked = HeaderValue::from_static("chunked");
                (request.headers_mut()).insert(header::TRANSFER_ENCODING, chunked);
            }
            if let Some(proxy) = &link.whole_to {
                let authority = self.target.authority();
                *request.uri_mut() = absolute(self.target.scheme(), &authority, path());
                if let Some(value) = proxy.authorization()
                    && let Ok(value) = HeaderValue::try_from(value)
                {
                    let headers = request.headers_mut();
                    headers.insert(header::PROXY_AUTHORIZATION, value);
                }
            } else if self.uri.authority().is_some() {
                *request.uri_mut() = Uri::from(path());
            }
        }
        if let Some(gate) = &self.gate {
            if link.http2 {
                gate.open();
            } else {
                let gate = gate.clone();
                hyper::ext::on_informational(request, move |response| {
                    if response.status() == StatusCode::CONTINUE {
                        gate.open();
                    }
                });
            }
        }
    }

    /// `Host`, where the request has none, or (in absolute form) another than its URL
    /// (RFC 9112 § 3.2.2).
    fn missing_host(&self, request: &Request<RequestBody>) -> Option<HeaderValue> {
        let present = request.headers().get(header::HOST);
        let wanted = match self.uri.authority() {
            _ if self.renamed => self.target.authority(),
            Some(authority) => {
                let text = authority.as_str();
                let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
                if present.is_some_and(|p| p.as_bytes().eq_ignore_ascii_case(text.as_bytes())) {
                    return None;
                }
                text.to_owned()
            }
            None if present.is_some() => return None,
            None => self.target.authority(),
        };
        HeaderValue::try_from(wanted).ok()
    }

    fn timings(&self, times: DialTimes) -> Timings {
        let dialed = times.dns.unwrap_or(0) + times.connect.unwrap_or(0) + times.tls.unwrap_or(0);
        Timings {
            queued: Some(micros(self.opened).saturating_sub(dialed)),
            ..times.timings()
        }
    }
}

/// Records what the server said and passes it on, changed as a person ordered.
fn answer(
    context: &Context,
    mut response: Response<Incoming>,
    link: &Link,
    mut running: Running,
    upgrade: Option<OnUpgrade>,
    change: Option<Change>,
) -> Response<Outgoing> {
    let flow = &running.flow;
    let head = response_head(&response);
    let told = Arc::clone(&head.headers);
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let change = change.filter(|_| !switches);
    // Before the answer, so that nobody judges an answer that the browser never got.
    if let Some(change) = &change {
        flow.recorder().patched(change.patch.clone());
    }
    flow.answered(head);
    if switches {
        let server = hyper::upgrade::on(&mut response);
        let (mut parts, _) = response.into_parts();
        let Some(client) = upgrade else {
            let detail = "the server switched protocols without being asked to";
            let failure = failure(FailureStage::Wait, FailureKind::Protocol, detail);
            flow.broken(End::Failed(failure.clone()), None);
            return page::failed(&failure, "", &parts.headers);
        };
        context.set_after(After::WebSocket {
            client,
            server,
            flow: running.flow,
            deflate: WebSocketDeflate::negotiated(&told),
        });
        parts.version = Version::HTTP_11;
        return Response::from_parts(parts, Outgoing::empty());
    }
    let (mut parts, body) = response.into_parts();
    if !is_framed_plainly(&parts.headers) {
        let detail = "the server's Transfer-Encoding is not chunked alone, so browsers would not \
                      agree where its answer ends";
        let failure = failure(FailureStage::Receive, FailureKind::Protocol, detail);
        flow.broken(End::Failed(failure.clone()), None);
        return page::failed(&failure, "", &parts.headers);
    }
    pass_response(&mut parts.headers, !link.http2 && !context.http2);
    parts.version = context.version();
    running.events = is_event_stream(&parts.headers).then(Box::default);
    let body = ResponseBody::new(body, link.http2, running);
    let Some(change) = change else {
        return Response::from_parts(parts, Outgoing::Tapped(body));
    };
    change.apply(&mut parts.headers);
    let had_body = may_have_body(parts.status);
    let mut response = Response::from_parts(parts, ());
    set_status(&mut response, &change);
    if had_body && !may_have_body(response.status()) {
        // The body has no place in the answer now; its fields would promise one (RFC 9110 § 8.6).
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().remove(header::TRANSFER_ENCODING);
        tokio::spawn(drain(body, UNWANTED));
        return response.map(|()| Outgoing::empty());
    }
    response.map(|()| Outgoing::Tapped(body))
}

/// Whether a proxy in between wants to know who asks (RFC 9110 § 15.5.8): that is between it and us.
pub(super) fn is_proxy_refusal<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED
}

/// RFC 9110 § 6.4.1
fn may_have_body(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    )
}

fn request_head(route: &Route, target: &Target, parts: &request::Parts) -> RequestHead {
    let path = path_of(&parts.uri);
    let (tls, here) = match route {
        Route::Fixed(fixed) => (fixed.client_tls, Some(fixed.here)),
        Route::Proxy | Route::Tunnel(_) => (target.tls, None),
    };
    let scheme = if tls { "https" } else { "http" };
    let default_port = if tls { ":443" } else { ":80" };
    let named = parts.uri.authority().map(|a| {
        let text = a.as_str();
        text.rsplit_once('@').map_or(text, |(_, host)| host)
    });
    let named = match route {
        Route::Tunnel(_) | Route::Fixed(_) => {
            named.or_else(|| parts.headers.get(header::HOST)?.to_str().ok())
        }
        Route::Proxy => named,
    };
    let url = match named.filter(|n| !n.is_empty()) {
        Some(named) => {
            let named = named.strip_suffix(default_port).unwrap_or(named);
            let mut url = String::with_capacity(scheme.len() + named.len() + path.len() + 3);
            url.push_str(scheme);
            url.push_str("://");
            url.push_str(named);
            url.push_str(path);
            url
        }
        None => match here {
            Some(here) => format!("{scheme}://{here}{path}"),
            None => format!("{scheme}://{}{path}", target.authority()),
        },
    };
    RequestHead {
        method: parts.method.as_str().to_owned(),
        url,
        version: version_of(parts.version),
        headers: Arc::new(recorded_request(&parts.headers)),
    }
}

/// Path and query, beginning with a slash.
fn path_of(uri: &Uri) -> &str {
    match uri.path_and_query().map(PathAndQuery::as_str) {
        None | Some("") => "/",
        Some("*") => "/*",
        Some(path) => path,
    }
}

pub(super) fn absolute(scheme: &str, authority: &str, path: PathAndQuery) -> Uri {
    let relative = Uri::from(path.clone());
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(path)
        .build()
        .unwrap_or(relative)
}

pub(super) fn response_head(response: &Response<Incoming>) -> ResponseHead {
    let reason = response
        .extensions()
        .get::<ReasonPhrase>()
        .map(|r| crate::wire::isomorphic(r.as_bytes()));
    ResponseHead {
        status: response.status().as_u16(),
        reason,
        version: version_of(response.version()),
        headers: Arc::new(recorded(response.headers())),
    }
}

/// Server-sent events that can be read as they pass.
pub(super) fn is_event_stream(headers: &http::HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|k| {
        let essence = k.split(|b| *b == b';').next().unwrap_or_default();
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"text/event-stream")
    }) && !headers.contains_key(header::CONTENT_ENCODING)
}

pub(super) fn version_of(version: Version) -> HttpVersion {
    match version {
        Version::HTTP_10 | Version::HTTP_09 => HttpVersion::Http10,
        Version::HTTP_2 => HttpVersion::Http2,
        Version::HTTP_3 => HttpVersion::Http3,
        _ => HttpVersion::Http11,
    }
}

/// RFC 9110 § 10.1.1
fn wants_continue(parts: &request::Parts) -> bool {
    parts
        .headers
        .get(header::EXPECT)
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
