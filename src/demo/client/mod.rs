//! Behaves as Chromium does when it loads the demo's page: same requests, same headers, same
//! refusals. What is asked, and what is believed of the answer, is decided by [`crate::cors`].

mod connect;
mod headers;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use url::Url;

use crate::cors::{
    self, Answer, Ask, Asker, Browser, Grant, Stage, is_safelisted_method, unsafe_header_names,
};
use crate::wire::{HeaderList, Origin};

use super::Demo;
use super::scenario::{Call, How, Scenario, Seen};
use super::site::Party;
use connect::Connections;
use headers::{Load, Parties};

/// Between two calls, where somebody watches.
const PAUSE: Duration = Duration::from_millis(180);
/// How many events of a stream are waited for before it is closed, where nobody watches.
const EVENTS_ENOUGH: usize = 3;
/// How long anything may take on loopback.
const CALL_AT_MOST: Duration = Duration::from_secs(20);
const CHAT_LINE: &str = "Where is my teapot?";

/// Whether somebody watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// No pauses; streams are closed when they have shown that they work.
    Once,
    /// Small pauses; streams stay open until the page is left.
    Watched,
}

/// What the page saw of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saw {
    /// The scenario's id.
    pub id: &'static str,
    /// What it saw.
    pub seen: Seen,
    /// What broke below HTTP, if something did; for the page this is just another blocked call.
    pub broke: Option<String>,
}

/// Why the page cannot be loaded at all.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The CA certificate is not usable.
    #[error("the proxy's CA certificate cannot be used")]
    Certificate,
    /// The page did not come.
    #[error("cannot load the demo's page through the proxy: {0}")]
    Page(#[source] io::Error),
}

/// A browser with one tab, its cookies and its preflight cache.
pub struct Client {
    connections: Connections,
    cookies: Vec<Cookie>,
    grants: Vec<Remembered>,
    streams: JoinSet<()>,
}

/// A cookie for other sites: `SameSite=None; Secure`. Others are never due here.
struct Cookie {
    host: String,
    name: String,
    value: String,
}

/// An entry of the preflight cache.
struct Remembered {
    url: String,
    include: bool,
    grant: Grant,
    until: Instant,
}

impl Client {
    /// A browser that uses this proxy and trusts its authority.
    pub fn new(proxy: SocketAddr, proxy_ca_pem: &str) -> Result<Self, ClientError> {
        Ok(Self {
            connections: Connections::new(proxy, proxy_ca_pem)?,
            cookies: Vec::new(),
            grants: Vec::new(),
            streams: JoinSet::new(),
        })
    }

    /// Loads the page, which makes its calls one after the other. Streams of an earlier load are
    /// closed first, as when a page is left.
    pub async fn load_page(&mut self, demo: &Demo, pace: Pace) -> Result<Vec<Saw>, ClientError> {
        self.streams.abort_all();
        Box::pin(self.load_files(demo))
            .await
            .map_err(ClientError::Page)?;
        let mut saw = Vec::new();
        for scenario in demo.scenarios() {
            if pace == Pace::Watched {
                tokio::time::sleep(PAUSE).await;
            }
            let made = tokio::time::timeout(CALL_AT_MOST, self.make(demo, scenario, pace)).await;
            let made = made.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            saw.push(match made {
                Ok(seen) => Saw {
                    id: scenario.id,
                    seen,
                    broke: None,
                },
                Err(error) => Saw {
                    id: scenario.id,
                    seen: Seen::Blocked,
                    broke: Some(error.to_string()),
                },
            });
        }
        Ok(saw)
    }

    async fn load_files(&self, demo: &Demo) -> io::Result<()> {
        let page = demo.page_url();
        self.load(&page, Load::Document, &page).await?;
        let file = |path: &str| demo.site().url(Party::Page, path);
        let (style, script, image) = (file("/app.css"), file("/app.js"), file("/logo.svg"));
        tokio::try_join!(
            self.load(&style, Load::Style, &page),
            self.load(&script, Load::Script, &page),
            self.load(&image, Load::Image, &page),
        )?;
        Ok(())
    }

    async fn load(&self, url: &str, load: Load, page: &str) -> io::Result<()> {
        let list = headers::of_load(load, page);
        let (response, used) = self
            .connections
            .send(request("GET", url, &list, None)?)
            .await?;
        let status = response.status();
        response
            .into_body()
            .collect()
            .await
            .map_err(io::Error::other)?;
        self.connections.keep(used);
        if !status.is_success() {
            return Err(io::Error::other(format!("{url} was answered {status}")));
        }
        Ok(())
    }

    async fn make(&mut self, demo: &Demo, scenario: &Scenario, pace: Pace) -> io::Result<Seen> {
        let call = &scenario.call;
        let url = Url::parse(&call.url).map_err(io::Error::other)?;
        let no_origin = || io::Error::other("a URL without an origin");
        let parties = Parties {
            page: Origin::of_url(&demo.page_url()).ok_or_else(no_origin)?,
            target: Origin::of(&url).ok_or_else(no_origin)?,
        };
        if call.how == How::WebSocket {
            return self.open_web_socket(&url, &parties, pace).await;
        }
        if call.how == How::Fetch
            && !parties.page.same_origin(&parties.target)
            && !self.permitted(call, &parties).await?
        {
            return Ok(Seen::Blocked);
        }

        let cookies = call
            .include_credentials
            .then(|| self.cookies_for(&url))
            .flatten();
        let list = headers::of_call(call, &parties, cookies.as_deref());
        let sent = request(call.method, &call.url, &list, call.body)?;
        let (response, used) = self.connections.send(sent).await?;
        if call.include_credentials {
            // Even where the page may not read the answer.
            self.remember_cookies(&url, &response);
        }
        let seen = if call.how == How::NoCors {
            Seen::Opaque
        } else {
            let origin = parties.page.to_string();
            let asker = asker(&origin, call.include_credentials);
            let faults = cors::cors_check(asker, &head_of(&response), Stage::Actual);
            if faults.is_empty() {
                Seen::Ok
            } else {
                Seen::Blocked
            }
        };
        if call.how == How::EventSource && seen == Seen::Ok {
            self.listen(response.into_body(), pace).await?;
        } else {
            response
                .into_body()
                .collect()
                .await
                .map_err(io::Error::other)?;
            self.connections.keep(used);
        }
        Ok(seen)
    }

    /// Asks for permission where it is due and not yet had; says whether the call may be sent.
    async fn permitted(&mut self, call: &Call, parties: &Parties) -> io::Result<bool> {
        let author = HeaderList::from_pairs(call.headers.iter().map(|(n, v)| (*n, v.as_str())));
        let ask = Ask {
            method: call.method.to_owned(),
            headers: unsafe_header_names(Browser::Chromium, &author),
        };
        if is_safelisted_method(&ask.method) && ask.headers.is_empty() {
            return Ok(true);
        }
        let include = call.include_credentials;
        let now = Instant::now();
        self.grants.retain(|g| g.until > now);
        let had = self
            .grants
            .iter()
            .any(|g| g.url == call.url && (g.include || !include) && g.grant.covers(&ask, include));
        if had {
            return Ok(true);
        }

        let list = headers::of_preflight(call, &ask.headers, parties);
        let (response, used) = self
            .connections
            .send(request("OPTIONS", &call.url, &list, None)?)
            .await?;
        let head = head_of(&response);
        let status = response.status().as_u16();
        response
            .into_body()
            .collect()
            .await
            .map_err(io::Error::other)?;
        self.connections.keep(used);
        let answer = Answer {
            status,
            headers: &head,
        };
        let origin = parties.page.to_string();
        let passes = cors::preflight_check(asker(&origin, include), &ask, answer).is_empty();
        if passes {
            let grant = Grant::of(Browser::Chromium, &head);
            self.grants.push(Remembered {
                url: call.url.clone(),
                include,
                until: now + Duration::from_secs(grant.max_age_seconds),
                grant,
            });
        }
        Ok(passes)
    }

    async fn listen(&mut self, mut body: Incoming, pace: Pace) -> io::Result<()> {
        let first = if pace == Pace::Once { EVENTS_ENOUGH } else { 1 };
        for _ in 0..first {
            let event = body.frame().await.transpose().map_err(io::Error::other)?;
            if event.is_none() {
                return Err(io::Error::other("the event stream ended"));
            }
        }
        if pace == Pace::Watched {
            self.streams
                .spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
        }
        Ok(())
    }

    async fn open_web_socket(
        &mut self,
        url: &Url,
        parties: &Parties,
        pace: Pace,
    ) -> io::Result<Seen> {
        let stream = self.connections.for_web_socket(url).await?;
        let mut handshake = url
            .as_str()
            .into_client_request()
            .map_err(io::Error::other)?;
        append(handshake.headers_mut(), &headers::of_web_socket(parties))?;
        let (mut socket, _) = tokio_tungstenite::client_async(handshake, stream)
            .await
            .map_err(io::Error::other)?;
        socket
            .send(Message::text(CHAT_LINE))
            .await
            .map_err(io::Error::other)?;
        // The shop greets and repeats what it heard.
        for _ in 0..2 {
            socket
                .next()
                .await
                .transpose()
                .map_err(io::Error::other)?
                .ok_or_else(|| io::Error::other("the WebSocket closed"))?;
        }
        if pace == Pace::Watched {
            self.streams
                .spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
        } else {
            socket.close(None).await.map_err(io::Error::other)?;
            while let Some(Ok(_)) = socket.next().await {}
        }
        Ok(Seen::Ok)
    }

    fn cookies_for(&self, url: &Url) -> Option<String> {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .filter(|c| url.scheme() == "https" && Some(c.host.as_str()) == url.host_str())
            .map(|c| format!("{}={}", c.name, c.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn remember_cookies<B>(&mut self, url: &Url, response: &Response<B>) {
        let host = url.host_str().unwrap_or_default();
        for line in response.headers().get_all(header::SET_COOKIE) {
            let mut parts = line.to_str().unwrap_or_default().split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let attributes: Vec<_> = parts.map(str::to_ascii_lowercase).collect();
            let has = |wanted: &str| attributes.iter().any(|a| a == wanted);
            if !has("samesite=none") || !has("secure") {
                continue;
            }
            self.cookies.retain(|c| c.host != host || c.name != name);
            self.cookies.push(Cookie {
                host: host.to_owned(),
                name: name.to_owned(),
                value: value.to_owned(),
            });
        }
    }
}

fn asker(origin: &str, include: bool) -> Asker<'_> {
    Asker {
        browser: Browser::Chromium,
        origin,
        include,
    }
}

fn request(
    method: &str,
    url: &str,
    list: &HeaderList,
    body: Option<&'static str>,
) -> io::Result<Request<Full<Bytes>>> {
    let uri: Uri = url.parse().map_err(io::Error::other)?;
    let host = uri.authority().map_or("", http::uri::Authority::as_str);
    let host = HeaderValue::from_str(host).map_err(io::Error::other)?;
    let plain = uri.scheme_str() == Some("http");
    let body = Full::new(Bytes::from_static(body.unwrap_or_default().as_bytes()));
    let mut request = Request::new(body);
    *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(io::Error::other)?;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(header::HOST, host);
    if plain {
        let alive = HeaderValue::from_static("keep-alive");
        headers.insert(HeaderName::from_static("proxy-connection"), alive);
    }
    append(headers, list)?;
    Ok(request)
}

fn append(headers: &mut http::HeaderMap, list: &HeaderList) -> io::Result<()> {
    for field in list.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(io::Error::other)?;
        let value = HeaderValue::from_bytes(field.value).map_err(io::Error::other)?;
        headers.append(name, value);
    }
    Ok(())
}

fn head_of<B>(response: &Response<B>) -> HeaderList {
    HeaderList::from_pairs(
        response
            .headers()
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_bytes())),
    )
}
