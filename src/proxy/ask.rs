//! One request on its way out: sent, and sent again where that is safe.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri, Version, request};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::Notify;

use super::behind::unauthorised;
use super::context::Shared;
use super::dial::{DialError, DialTimes, micros};
use super::failure::failure;
use super::flow::Flow;
use super::heads::{absolute, is_proxy_refusal};
use super::hygiene::{Passage, pass_request};
use super::pool::{Lease, Link, Need, Returning, send_failure};
use super::tap::{Gate, RequestBody};
use super::target::Target;
use crate::wire::{Failure, FailureKind, FailureStage, HeaderList, Timings};

/// How often a request is sent again after a kept connection proved stale.
const STALE_MAX: usize = 2;
/// How many interim answers (1xx, RFC 9110 § 15.2) a server may send before the final one. Nobody sends
/// them without end but to keep us busy.
const INTERIM_MAX: u32 = 1_000;

/// What came before the answer.
#[derive(Default)]
struct Interim {
    seen: AtomicU32,
    flooded: Notify,
}

/// Until there were too many.
async fn flooded(interim: Option<&Interim>) {
    match interim {
        Some(interim) => interim.flooded.notified().await,
        None => std::future::pending().await,
    }
}

/// One request on its way out, as often as it takes.
pub(super) struct Ask {
    pub shared: Arc<Shared>,
    pub target: Arc<Target>,
    pub client_http2: bool,
    pub for_proxy: bool,
    /// Whether `Host` names the target, whatever the client said.
    pub renamed: bool,
    pub websocket: bool,
    pub idempotent: bool,
    pub method: Method,
    pub uri: Uri,
    pub recorded: Arc<HeaderList>,
    pub opened: Instant,
    pub gate: Option<Gate>,
}

impl Ask {
    /// Sends it, and says on which connection the answer came.
    pub(super) async fn send(
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
            let interim = (!link.http2).then(|| self.count_interim(&mut request));
            let sent = tokio::select! {
                biased;
                sent = lease.send(pool, request) => sent,
                () = flooded(interim.as_deref()) => {
                    let target = &self.target;
                    let detail = format!(
                        "{target} sent {INTERIM_MAX} interim answers (1xx) and none that is final"
                    );
                    let kind = FailureKind::Protocol;
                    return Err(failure(FailureStage::Wait, kind, detail));
                }
            };
            let error = match sent {
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
        if let Some(gate) = self.gate.as_ref().filter(|_| link.http2) {
            gate.open();
        }
    }

    /// Counts the interim answers to a request, and lets its body go when one says so.
    fn count_interim(&self, request: &mut Request<RequestBody>) -> Arc<Interim> {
        let interim = Arc::new(Interim::default());
        let (counted, gate) = (Arc::clone(&interim), self.gate.clone());
        hyper::ext::on_informational(request, move |response| {
            if counted.seen.fetch_add(1, Ordering::Relaxed) == INTERIM_MAX {
                counted.flooded.notify_one();
            }
            if let Some(gate) = &gate
                && response.status() == StatusCode::CONTINUE
            {
                gate.open();
            }
        });
        interim
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
