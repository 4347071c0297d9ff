//! Origins and sites.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use url::{Host, Url};

/// Who a page is to the browser: scheme, host and port, or nobody in particular
/// ([HTML § Origin](https://html.spec.whatwg.org/multipage/browsers.html#origin)).
///
/// Serialises as `scheme://host[:port]`, the port left out when it is the scheme's default, never
/// with a slash at the end; an opaque origin serialises as `null` and equals no origin, itself
/// included (see [`same_origin`](Self::same_origin); `==` compares the values, for tests and maps).
///
/// ```
/// use corscope::wire::Origin;
/// let api = Origin::of_url("https://API.app.test:443/v1?q").unwrap();
/// assert_eq!(api.to_string(), "https://api.app.test");
/// assert!(!Origin::Opaque.same_origin(&Origin::Opaque));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A tuple origin. `host` is canonical: lower case, punycode, IPv6 in brackets.
    Tuple {
        /// `https`, `http`, or another scheme in lower case.
        scheme: String,
        /// Canonical host.
        host: String,
        /// The port, `None` when it is the scheme's default or the scheme has none.
        port: Option<u16>,
    },
    /// Serialises as `null`.
    Opaque,
}

impl Origin {
    /// The origin of a URL; `None` when the text is not a URL or its scheme has no tuple origin.
    pub fn of_url(url: &str) -> Option<Self> {
        match Plain::of(url) {
            Some(plain) => Some(plain.origin()),
            None => Self::of(&Url::parse(url).ok()?),
        }
    }

    /// The serialised origin of a URL: what [`of_url`](Self::of_url) gives, as text, borrowed from a
    /// URL that begins with it.
    pub fn text_of_url(url: &str) -> Option<Cow<'_, str>> {
        match Plain::of(url) {
            Some(plain) => Some(Cow::Borrowed(plain.text)),
            None => Some(Cow::Owned(Self::of(&Url::parse(url).ok()?)?.to_string())),
        }
    }

    /// Whether a text surely is a URL, because it begins with its own serialised origin: quicker than
    /// to parse it. Others may be URLs as well.
    pub(crate) fn is_at_the_start_of(text: &str) -> bool {
        Plain::of(text).is_some()
    }

    /// As [`of_url`](Self::of_url) for a parsed URL. Extension and app schemes
    /// (`chrome-extension`, `capacitor`, ...) have tuple origins too.
    pub fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?;
        if host.is_empty() || matches!(url.scheme(), "file" | "data" | "blob" | "javascript") {
            return None;
        }
        Some(Self::Tuple {
            scheme: url.scheme().to_owned(),
            host: host.to_owned(),
            port: url.port(),
        })
    }

    /// Reads the value of an `Origin` request header: `null`, or exactly a serialised origin.
    /// Anything else (a path, a list, upper case) is `None`: no browser sends it.
    pub fn from_header(value: &str) -> Option<Self> {
        if value == "null" {
            return Some(Self::Opaque);
        }
        match Plain::of(value) {
            Some(plain) => (plain.text == value).then(|| plain.origin()),
            None => Self::of_url(value).filter(|o| o.to_string() == value),
        }
    }

    /// Same scheme, host and port; an opaque origin is never the same as any other.
    pub fn same_origin(&self, other: &Self) -> bool {
        !self.is_opaque() && self == other
    }

    /// Whether this serialises as `null`.
    pub fn is_opaque(&self) -> bool {
        matches!(self, Self::Opaque)
    }

    /// The scheme; empty when opaque.
    pub fn scheme(&self) -> &str {
        match self {
            Self::Tuple { scheme, .. } => scheme,
            Self::Opaque => "",
        }
    }

    /// The host; empty when opaque.
    pub fn host(&self) -> &str {
        match self {
            Self::Tuple { host, .. } => host,
            Self::Opaque => "",
        }
    }

    /// The port in use, defaults filled in; `None` when opaque or the scheme has none.
    pub fn port_or_default(&self) -> Option<u16> {
        match self {
            Self::Tuple { scheme, port, .. } => port.or(match scheme.as_str() {
                "http" | "ws" => Some(80),
                "https" | "wss" => Some(443),
                _ => None,
            }),
            Self::Opaque => None,
        }
    }

    /// The site: the registrable domain (public suffix + 1), or the host where there is none (an IP
    /// address, `localhost`, a bare suffix)
    /// ([HTML § Sites](https://html.spec.whatwg.org/multipage/browsers.html#sites)).
    pub fn registrable_domain(&self) -> &str {
        let host = self.host();
        if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() {
            return host;
        }
        psl::domain_str(host).unwrap_or(host)
    }

    /// Same scheme and same registrable domain; ports do not matter.
    pub fn same_site(&self, other: &Self) -> bool {
        self.scheme() == other.scheme() && self.schemelessly_same_site(other)
    }

    /// Same registrable domain, whatever the scheme.
    pub fn schemelessly_same_site(&self, other: &Self) -> bool {
        !self.is_opaque()
            && !other.is_opaque()
            && self.registrable_domain() == other.registrable_domain()
    }

    /// Whether browsers treat it as secure without TLS: https, or loopback by name or address
    /// ([Secure Contexts § 3.1](https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy)).
    pub fn potentially_trustworthy(&self) -> bool {
        match self {
            Self::Tuple { scheme, host, .. } => {
                matches!(scheme.as_str(), "https" | "wss") || is_loopback_host(host)
            }
            Self::Opaque => false,
        }
    }
}

/// The beginning of a URL that is its own serialised origin, as that of nearly every URL on the wire
/// is; read without parsing the rest.
struct Plain<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<u16>,
    text: &'a str,
}

/// What a byte is in the host of a URL that begins with its own origin.
#[derive(Clone, Copy)]
enum Kind {
    Label,
    Dot,
    /// It ends the host.
    Behind,
    Other,
}

const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => Kind::Label,
            b'.' => Kind::Dot,
            b'/' | b'?' | b'#' | b':' => Kind::Behind,
            _ => Kind::Other,
        };
        byte += 1;
    }
    kinds
};

impl<'a> Plain<'a> {
    fn origin(&self) -> Origin {
        Origin::Tuple {
            scheme: self.scheme.to_owned(),
            host: self.host.to_owned(),
            port: self.port,
        }
    }

    /// `None` says nothing: the URL may have an origin all the same.
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest, default) = match url.strip_prefix("https://") {
            Some(rest) => ("https", rest, 443),
            None => ("http", url.strip_prefix("http://")?, 80),
        };
        // Once over the bytes: every exchange's URL is asked several times.
        let bytes = rest.as_bytes();
        let is_label = |label: &[u8]| !label.is_empty() && !label.starts_with(b"xn--");
        let (mut label, mut host_end) = (0, bytes.len());
        for (at, byte) in bytes.iter().enumerate() {
            match KINDS[usize::from(*byte)] {
                Kind::Label => {}
                // Punycode may be wrong.
                Kind::Dot if is_label(&bytes[label..at]) => label = at + 1,
                Kind::Behind => {
                    host_end = at;
                    break;
                }
                Kind::Dot | Kind::Other => return None,
            }
        }
        let last = &bytes[label..host_end];
        // A last label that begins with a digit may be an IPv4 address, in one of many forms.
        let is_plain = |last: &[u8]| {
            last[0].is_ascii_lowercase() || rest[..host_end].parse::<Ipv4Addr>().is_ok()
        };
        if !is_label(last) || !is_plain(last) {
            return None;
        }
        let mut end = host_end;
        let mut port = None;
        if bytes.get(host_end) == Some(&b':') {
            let behind = &rest[host_end + 1..];
            let digits = behind.find(['/', '?', '#']).unwrap_or(behind.len());
            let digits = &behind[..digits];
            let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
            port = Some(digits.parse().ok().filter(|p| plain && *p != default)?);
            end += 1 + digits.len();
        }
        let host = &rest[..host_end];
        let text = &url[..url.len() - rest.len() + end];
        Some(Self {
            scheme,
            host,
            port,
            text,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tuple {
                scheme,
                host,
                port: Some(port),
            } => {
                write!(f, "{scheme}://{host}:{port}")
            }
            Self::Tuple {
                scheme,
                host,
                port: None,
            } => write!(f, "{scheme}://{host}"),
            Self::Opaque => f.write_str("null"),
        }
    }
}

/// Whether a host (as in a URL, IPv6 in brackets or not) always means this machine: `localhost`,
/// `*.localhost` ([RFC 6761 § 6.3](https://www.rfc-editor.org/rfc/rfc6761#section-6.3)), `127.0.0.0/8`, `::1`.
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback(),
        Err(_) => is_localhost_name(bare),
    }
}

/// Whether a name is `localhost` or below it, a trailing dot allowed.
pub fn is_localhost_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let tail = name.len().checked_sub("localhost".len());
    tail.is_some_and(|at| {
        name.is_char_boundary(at)
            && name[at..].eq_ignore_ascii_case("localhost")
            && (at == 0 || name.as_bytes()[at - 1] == b'.')
    })
}

/// Canonical host of a URL's host text: lower case, punycode, IPv6 in brackets.
pub fn canonical_host(host: &str) -> Option<String> {
    Host::parse(host).ok().map(|h| h.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serialised_without_default_port() {
        for (url, origin) in [
            ("http://a.test:80/", "http://a.test"),
            ("http://a.test:8080/x", "http://a.test:8080"),
            ("https://[::1]:443/", "https://[::1]"),
            ("chrome-extension://abcd/x.html", "chrome-extension://abcd"),
        ] {
            assert_eq!(
                Origin::of_url(url).map(|o| o.to_string()).as_deref(),
                Some(origin)
            );
        }
        assert_eq!(Origin::of_url("file:///x"), None);
    }

    #[test]
    fn reading_the_beginning_is_as_good_as_parsing() {
        let hosts = [
            "a.test",
            "A.test",
            "a",
            "a.1",
            "a.0x1",
            "1.2.3.4",
            "1.2.3",
            "1.2.3.4.",
            "01.2.3.4",
            "1.2.3.256",
            "1.2.3.4.5",
            "127.0.0.1",
            "a..b",
            "a.",
            ".a",
            "xn--a",
            "xn--mgba3gch31f.x",
            "-a-",
            "ab--c.test",
            "a_b",
            "[::1]",
            "u@h",
            "u:p@h",
            "h%41",
            "",
            "a.b.c.d-e",
            "1a.a1",
            "a b",
            "a\t.b",
            "\u{e4}.test",
        ];
        let ports = [
            "", ":", ":80", ":443", ":8080", ":08", ":65535", ":65536", ":x", ":+1", ":1@x",
        ];
        let rests = ["", "/", "/a b?c#d", "?x", "#f", "\\x", "/\u{e4}", " ", "\n"];
        for scheme in [
            "http://", "https://", "HTTP://", "http:/", "ftp://", "wss://", " http://",
        ] {
            for host in hosts {
                for port in ports {
                    for rest in rests {
                        let url = format!("{scheme}{host}{port}{rest}");
                        let parsed = Url::parse(&url).ok().and_then(|u| Origin::of(&u));
                        assert_eq!(Origin::of_url(&url), parsed, "{url}");
                        let text = Origin::text_of_url(&url);
                        assert_eq!(text.as_deref(), parsed.map(|o| o.to_string()).as_deref());
                    }
                }
            }
        }
    }

    #[test]
    fn a_header_is_exact_or_nothing() {
        assert_eq!(Origin::from_header("null"), Some(Origin::Opaque));
        assert!(Origin::from_header("https://a.test").is_some());
        for odd in [
            "https://a.test/",
            "https://A.test",
            "https://a.test:443",
            "*",
            "",
            "NULL",
        ] {
            assert_eq!(Origin::from_header(odd), None, "{odd}");
        }
    }

    #[test]
    fn sites() {
        let o = |u: &str| Origin::of_url(u).expect("a URL");
        assert!(o("https://app.test").same_site(&o("https://api.app.test:8443")));
        assert!(!o("https://a.github.io").same_site(&o("https://b.github.io")));
        assert!(o("http://localhost:1").same_site(&o("http://localhost:2")));
        assert!(!o("http://localhost").same_site(&o("http://127.0.0.1")));
        assert!(!o("http://app.test").same_site(&o("https://app.test")));
    }

    #[test]
    fn loopback() {
        for yes in [
            "localhost",
            "app.localhost",
            "LOCALHOST.",
            "127.9.9.9",
            "[::1]",
            "::1",
        ] {
            assert!(is_loopback_host(yes), "{yes}");
        }
        for no in ["notlocalhost", "localhost.test", "10.0.0.1"] {
            assert!(!is_loopback_host(no), "{no}");
        }
    }
}
