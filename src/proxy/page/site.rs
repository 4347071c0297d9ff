//! `http://corscope.test/`: does interception work for this browser, and the certificate to trust.
//!
//! Nothing here acts: every path is read with GET or HEAD, and there is no other. The page finds out
//! whether the browser trusts us without a script, by two style sheets: one is at
//! `http://corscope.test`, which only exists through the proxy, one at `https://trusted.corscope.test`,
//! which only loads where the authority is trusted. Both lie under a path that cannot be guessed, so
//! that other pages cannot ask the same question.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use minijinja::{Environment, context};

use super::super::ca::{self, Authority};
use super::profile::mobileconfig;
use super::seen::Clients;
use super::{said, unusable};
use crate::proxy::tap::Outgoing;

/// The name under which the page is there for whoever uses the proxy. `.test` is nobody's
/// (RFC 6761 § 6.2).
const HOST: &str = "corscope.test";
/// Its name ends in `.html`, so every value in it is escaped.
const TEMPLATE: &str = include_str!("../../../assets/page/home.html");
const STYLE: &str = include_str!("../../../assets/page/style.css");
/// Shows what is true once the proxy is used, and once its certificates are trusted.
const THROUGH: &str = ".unasked{display:none}.direct.no,.trust.unknown{display:none}\
    .direct.yes,.trust.no{display:block}\n";
const TRUSTED: &str = ".trust.unknown,.trust.no{display:none}.trust.yes{display:block}\n";

const POLICY: &str = "default-src 'none'; style-src 'self' http://corscope.test \
    https://trusted.corscope.test; img-src data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages
        .add_template("home.html", TEMPLATE)
        .expect("the template of this program parses");
    pages
});

/// Whether a host is this page's, or one below it.
pub(in crate::proxy) fn is_ours(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.strip_suffix(HOST)
        .is_some_and(|below| below.is_empty() || below.ends_with('.'))
}

/// How a request came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Way {
    /// To the proxy's own address, as to a server.
    Direct,
    /// As to a proxy.
    Proxy,
    /// In a tunnel that we intercepted.
    Tunnel,
}

/// A request for the page or what belongs to it.
pub(in crate::proxy) struct Asked<'a> {
    pub(in crate::proxy) way: Way,
    pub(in crate::proxy) method: &'a Method,
    pub(in crate::proxy) path: &'a str,
    pub(in crate::proxy) headers: &'a HeaderMap,
    pub(in crate::proxy) client: Option<IpAddr>,
    pub(in crate::proxy) addresses: &'a [SocketAddr],
}

/// The page, and what it remembers.
pub(in crate::proxy) struct Site {
    token: String,
    clients: Clients,
}

/// The files there are for downloading.
const FILES: [(&str, &str); 4] = [
    ("/ca.pem", "application/x-pem-file"),
    ("/ca.crt", "application/x-x509-ca-cert"),
    ("/ca.cer", "application/x-x509-ca-cert"),
    ("/ca.mobileconfig", "application/x-apple-aspen-config"),
];

impl Site {
    pub(in crate::proxy) fn new() -> Result<Self, rcgen::Error> {
        Ok(Self {
            token: ca::random_token()?,
            clients: Clients::default(),
        })
    }

    /// A client accepted a certificate of ours.
    pub(in crate::proxy) fn accepted(&self, client: Option<IpAddr>) {
        if let Some(client) = client {
            self.clients.accepted(client.to_canonical());
        }
    }

    /// A client did not.
    pub(in crate::proxy) fn refused(&self, client: Option<IpAddr>, why: &str) {
        if let Some(client) = client {
            self.clients.refused(client.to_canonical(), why);
        }
    }

    /// Whether there is something at this path.
    pub(in crate::proxy) fn has(&self, path: &str) -> bool {
        matches!(path, "/" | "/style.css")
            || FILES.iter().any(|(file, _)| *file == path)
            || self.probe(path).is_some()
    }

    fn probe(&self, path: &str) -> Option<&'static str> {
        let (token, file) = path.strip_prefix("/t/")?.split_once('/')?;
        match file {
            _ if token != self.token => None,
            "through.css" => Some(THROUGH),
            "trusted.css" => Some(TRUSTED),
            _ => None,
        }
    }

    pub(in crate::proxy) fn answer(
        &self,
        authority: &Authority,
        asked: &Asked<'_>,
    ) -> Response<Outgoing> {
        if !matches!(*asked.method, Method::GET | Method::HEAD) {
            let why = "nothing here is changed by a request: this page is only read, with GET";
            let mut response = unusable(StatusCode::METHOD_NOT_ALLOWED, why, asked.headers);
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allow);
            return response;
        }
        if let Some(sheet) = self.probe(asked.path) {
            let mut response = css(sheet);
            // The page at http://corscope.test is another site to the sheet at https://.
            response.headers_mut().insert(
                "cross-origin-resource-policy",
                HeaderValue::from_static("cross-origin"),
            );
            return response;
        }
        if let Some(why) = foreign(asked) {
            return unusable(StatusCode::FORBIDDEN, why, asked.headers);
        }
        if asked.path == "/style.css" {
            return css(STYLE);
        }
        let certificate = authority.certificate();
        if let Some((file, kind)) = FILES.iter().find(|(file, _)| *file == asked.path) {
            let body = match *file {
                "/ca.pem" => Bytes::from(certificate.pem().to_owned()),
                "/ca.mobileconfig" => Bytes::from(mobileconfig(certificate)),
                _ => Bytes::from(certificate.der().to_vec()),
            };
            let mut response = said(StatusCode::OK, kind, body);
            if *file == "/ca.pem" {
                // The others open the dialogue in which they are trusted.
                let name = HeaderValue::from_static("attachment; filename=\"corscope-ca.pem\"");
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_DISPOSITION, name);
            }
            return response;
        }
        if asked.path != "/" {
            let why = "there is no such page here; there is one at http://corscope.test/";
            return unusable(StatusCode::NOT_FOUND, why, asked.headers);
        }
        if super::wants_html(asked.headers) {
            self.home(authority, asked)
        } else {
            as_text(authority, asked)
        }
    }

    fn home(&self, authority: &Authority, asked: &Asked<'_>) -> Response<Outgoing> {
        let certificate = authority.certificate();
        let client = asked.client.map(|c| c.to_canonical());
        let known = client.map(|c| self.clients.known(c)).unwrap_or_default();
        let agent = asked.headers.get(header::USER_AGENT);
        let agent = agent.map(|a| String::from_utf8_lossy(a.as_bytes()).into_owned());
        let host = asked
            .headers
            .get(header::HOST)
            .and_then(|h| h.to_str().ok());
        let address = match (asked.way, host) {
            (Way::Direct, Some(host)) => host.to_owned(),
            _ => addresses(asked.addresses),
        };
        let refusals: Vec<_> = known
            .refusals
            .iter()
            .map(|r| context! { ago => ago(r.ago), why => &r.why })
            .collect();
        let local = client.is_some_and(|c| c.is_loopback());
        let path = authority.certificate_path().display().to_string();
        let days = certificate.days_left(ca::now_seconds());
        let page = PAGES.get_template("home.html").and_then(|t| {
            t.render(context! {
                token => &self.token,
                direct => asked.way == Way::Direct,
                address,
                client => client.map(|c| c.to_string()),
                local,
                path => if local { path } else { "corscope-ca.pem".to_owned() },
                agent => &agent,
                accepted => known.accepted_ago.map(ago),
                refusals => &refusals,
                system => system(agent.as_deref().unwrap_or_default()),
                firefox => agent.as_deref().is_some_and(|a| a.contains("Firefox/")),
                name => certificate.name(),
                sha256 => certificate.sha256(),
                sha1 => certificate.sha1_bare(),
                expires => certificate.expires_on(),
                days,
                soon => days < 30,
            })
        });
        let page = page.expect("the template of this program fits what it is given");
        let mut response = said(StatusCode::OK, "text/html; charset=utf-8", page.into());
        let headers = response.headers_mut();
        let policy = HeaderValue::from_static(POLICY);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        response
    }
}

/// Why this request is not answered, if another site's page made it. Browsers say who asks in
/// `Sec-Fetch-*`; to a plain http name they do not, but then there is nothing to be had here that is
/// not public, and nothing that acts.
fn foreign(asked: &Asked<'_>) -> Option<&'static str> {
    let says = |name: &str, value: &[u8]| {
        let field = asked.headers.get(name);
        field.is_some_and(|v| v.as_bytes() == value)
    };
    let from_elsewhere =
        says("sec-fetch-site", b"cross-site") || says("sec-fetch-site", b"same-site");
    let opened = says("sec-fetch-mode", b"navigate") && says("sec-fetch-dest", b"document");
    if !from_elsewhere || (opened && asked.path == "/") {
        return None;
    }
    Some("another site's page asked for it; open http://corscope.test/ yourself instead")
}

fn css(text: &'static str) -> Response<Outgoing> {
    let body = Bytes::from_static(text.as_bytes());
    said(StatusCode::OK, "text/css; charset=utf-8", body)
}

fn as_text(authority: &Authority, asked: &Asked<'_>) -> Response<Outgoing> {
    let certificate = authority.certificate();
    let path = authority.certificate_path().display().to_string();
    let local = asked.client.is_some_and(|c| c.to_canonical().is_loopback());
    let address = addresses(asked.addresses);
    let (sha256, expires) = (certificate.sha256(), certificate.expires_on());
    let mut facts = vec![("Proxy address", &*address)];
    if local {
        facts.push(("Its certificate", &*path));
    }
    facts.extend([
        (
            "To download it",
            "http://corscope.test/ca.pem (also ca.crt, ca.cer, ca.mobileconfig)",
        ),
        ("Its name", certificate.name()),
        ("SHA-256", &*sha256),
        ("Expires", &*expires),
    ]);
    let text = super::as_text(
        "corscope is listening",
        "This is a proxy: set it as the HTTP and HTTPS proxy of a browser, or let `corscope open` \
         start one that uses it already. Open http://corscope.test/ in a browser for the steps.",
        &facts,
    );
    said(StatusCode::OK, "text/plain; charset=utf-8", text.into())
}

fn addresses(all: &[SocketAddr]) -> String {
    let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    texts.join(" and ")
}

/// Which steps are shown unfolded.
fn system(agent: &str) -> &'static str {
    let says = |word: &str| agent.contains(word);
    match () {
        () if says("iPhone") || says("iPad") => "ios",
        () if says("Android") => "android",
        () if says("Windows") => "windows",
        () if says("Mac OS X") => "macos",
        () if says("Linux") || says("X11") => "linux",
        () => "programs",
    }
}

fn ago(time: Duration) -> String {
    match time.as_secs() {
        0..=1 => "just now".to_owned(),
        s @ 2..=119 => format!("{s} s ago"),
        s => format!("{} min ago", s / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_are_ours() {
        for ours in ["corscope.test", "trusted.corscope.test", "corscope.test."] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in ["mycorscope.test", "corscope.test.evil.example", "test", ""] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn the_steps_of_the_system_that_asks_come_first() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
                "linux",
            ),
            (
                "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36",
                "android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)",
                "ios",
            ),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "macos"),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "windows"),
            ("curl/8.0", "programs"),
        ] {
            assert_eq!(system(agent), expected, "{agent}");
        }
    }
}
