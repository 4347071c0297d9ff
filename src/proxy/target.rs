//! Where a request goes.

use std::fmt;

use http::uri::Authority;

/// A server as the client named it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    /// Whether TLS is spoken to it.
    pub tls: bool,
    /// The host to connect to: a name in lower case, or an address without brackets.
    pub host: Box<str>,
    pub port: u16,
    /// The name for TLS, where the client asked for another one than it connected to.
    pub tls_name: Option<Box<str>>,
    /// HTTP/2 without TLS, spoken because the client does (RFC 9113 § 3.3, prior knowledge).
    pub prior_knowledge: bool,
}

impl Target {
    /// The target of a URL's authority; `None` when there is no host in it.
    pub(super) fn of(authority: &Authority, tls: bool) -> Option<Self> {
        let host = bare(authority.host()).to_ascii_lowercase();
        let port = match authority.port() {
            Some(port) => port.as_str().parse().ok()?,
            None if tls => 443,
            None => 80,
        };
        (!host.is_empty()).then(|| Self {
            tls,
            host: host.into(),
            port,
            tls_name: None,
            prior_knowledge: false,
        })
    }

    /// The name whose certificate the server has to show.
    pub(super) fn tls_name(&self) -> &str {
        self.tls_name.as_deref().unwrap_or(&self.host)
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// `host`, or `host:port` where the port is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        let host = bracketed(&self.host);
        if self.port == if self.tls { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", bracketed(&self.host), self.port)
    }
}

pub(super) fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// Hosts given on the command line: `api.test`, `api.test:8443`, `*.api.test`, `[::1]:8443`.
#[derive(Clone, Debug, Default)]
pub(super) struct HostList {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    host: String,
    /// `*.host`: what lies below it, and itself.
    below: bool,
    port: Option<u16>,
}

impl HostList {
    pub(super) fn new(texts: &[String]) -> Self {
        Self {
            patterns: texts.iter().filter_map(|t| Pattern::parse(t)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    pub(super) fn contains(&self, host: &str, port: u16) -> bool {
        let host = bare(host).trim_end_matches('.');
        self.patterns.iter().any(|p| p.matches(host, port))
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let text = text.split('/').next().unwrap_or_default();
        let (host, port) = match text.rsplit_once(':') {
            // An IPv6 address without brackets has more colons before the last one.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().ok())
            }
            _ => (text, None),
        };
        let below = host.starts_with("*.") || host.starts_with('.');
        let host = host.trim_start_matches('*').trim_start_matches('.');
        let host = bare(host).trim_end_matches('.').to_ascii_lowercase();
        (!host.is_empty()).then_some(Self { host, below, port })
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        if self.port.is_some_and(|p| p != port) {
            return false;
        }
        if host.eq_ignore_ascii_case(&self.host) {
            return true;
        }
        let Some(at) = host.len().checked_sub(self.host.len() + 1) else {
            return false;
        };
        self.below
            && host.as_bytes()[at] == b'.'
            && host.as_bytes()[at + 1..].eq_ignore_ascii_case(self.host.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (text, tls, shown, authority) in [
            ("API.test", false, "api.test:80", "api.test"),
            ("api.test:443", true, "api.test:443", "api.test"),
            ("[::1]:8443", true, "[::1]:8443", "[::1]:8443"),
            ("user@api.test:81", false, "api.test:81", "api.test:81"),
        ] {
            let target = Target::of(&text.parse().expect("authority"), tls).expect("target");
            assert_eq!(target.to_string(), shown);
            assert_eq!(target.authority(), authority);
        }
    }

    #[test]
    fn host_lists() {
        let check = |pattern: &str, host: &str, port: u16| {
            HostList::new(&[pattern.to_owned()]).contains(host, port)
        };
        assert!(check("api.test", "API.test", 443));
        assert!(!check("api.test", "x.api.test", 443));
        assert!(check("*.api.test", "x.y.api.test", 443));
        assert!(check("*.api.test", "api.test", 443));
        assert!(!check("*.api.test", "notapi.test", 443));
        assert!(check("api.test:8443", "api.test", 8443));
        assert!(!check("api.test:8443", "api.test", 443));
        assert!(check("::1", "::1", 1));
        assert!(check("[::1]:5", "[::1]", 5));
        assert!(check("https://api.test/x", "api.test", 443));
        assert!(!check("*", "api.test", 1));
    }
}
