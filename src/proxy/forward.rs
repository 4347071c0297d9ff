//! One exchange: recorded from its first byte, sent on, answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::upgrade::OnUpgrade;

use super::access::Credentials;
use super::ask::Ask;
use super::context::{After, Context, Route};
use super::courier::{Limits, drain};
use super::failure::failure;
use super::flow::Flow;
use super::half::LastRequest;
use super::heads::{
    is_event_stream, may_have_body, path_of, request_head, response_head, version_of,
    wants_continue,
};
use super::hygiene::{is_framed_plainly, is_websocket_upgrade, pass_response, recorded};
use super::overrides::{Change, STAND_IN_AFTER};
use super::page::{self, Asked, Way};
use super::pool::Link;
use super::tap::{Gate, Heard, Outgoing, RequestBody, ResponseBody, Running};
use super::target::Target;
use super::turns::Progress;
use crate::wire::{
    End, Failure, FailureKind, FailureStage, Kind, RequestHead, Timings, WebSocketDeflate,
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
    // What cannot be read is no name of ours: a browser sends names that are not taken for one here.
    let for_us = match &target {
        Some(target) => shared.is_own_host(target),
        None => !headers.contains_key(header::HOST),
    };
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
    let progress = parts.extensions.remove::<Progress>();
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
    let heard = Heard { last, progress };
    let body = RequestBody::new(body, ask.client_http2, &flow, ask.gate.clone(), heard);
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
        link.progress.untold();
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
