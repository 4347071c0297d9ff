//! Proxies behind this one: which target goes through which. The rules are curl's.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use url::{Host, Url};

use super::target::{HostList, Target, bare, bracketed};

/// The port of a proxy whose URL names none, as curl has it; 443 for an `https` one.
const PORT_DEFAULT: u16 = 1080;

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// HTTP: tunnels for TLS, absolute form for the rest.
    Http,
    /// The same, inside TLS.
    Https,
    /// SOCKS 5 (RFC 1928), names looked up here.
    Socks5,
    /// SOCKS 5, names looked up there.
    Socks5h,
}

/// One proxy behind this one. What it shows of itself is without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamProxy {
    pub(super) speech: Speech,
    pub(super) host: Box<str>,
    pub(super) port: u16,
    /// User and password, as bytes.
    pub(super) credentials: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why a text names no proxy that can be used. Never has the password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{shown} is no proxy that can be used: {why}")]
pub struct UpstreamError {
    /// The text without what is secret in it.
    pub shown: String,
    /// What is wrong with it, and what would be right.
    pub why: &'static str,
}

impl UpstreamProxy {
    /// `http://user:password@proxy.test:3128`, `https://`, `socks5://` (names looked up here) or
    /// `socks5h://` (names looked up there); without a scheme it is `http`, without a port 1080.
    pub fn parse(text: &str) -> Result<Self, UpstreamError> {
        let text = text.trim();
        let wrong = |why| UpstreamError {
            shown: without_secrets(text),
            why,
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (speech, default) = match &*scheme.to_ascii_lowercase() {
            "http" => (Speech::Http, PORT_DEFAULT),
            "https" => (Speech::Https, 443),
            "socks5" => (Speech::Socks5, PORT_DEFAULT),
            "socks5h" | "socks" => (Speech::Socks5h, PORT_DEFAULT),
            "socks4" | "socks4a" => return Err(wrong("SOCKS 4 is not spoken; use socks5://")),
            _ => return Err(wrong("write http://, https://, socks5:// or socks5h://")),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // Under a scheme without a port of its own, so that :80 is not taken for no port.
        let url = Url::parse(&format!("corscope-proxy://{authority}"))
            .map_err(|_| wrong("write it like http://proxy.test:3128"))?;
        let host = match url.host().map(|h| Host::parse(&h.to_string())) {
            Some(Ok(host)) => host.to_string(),
            _ => {
                return Err(wrong(
                    "there is no host in it, as in http://proxy.test:3128",
                ));
            }
        };
        let plain = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
        let credentials = (!url.username().is_empty() || url.password().is_some()).then(|| {
            (
                plain(url.username()),
                plain(url.password().unwrap_or_default()),
            )
        });
        let socks = matches!(speech, Speech::Socks5 | Speech::Socks5h);
        if let Some((user, password)) = &credentials
            && socks
            && (user.is_empty() || user.len() > 255 || password.len() > 255)
        {
            return Err(wrong(
                "SOCKS 5 takes a user and a password of 1 to 255 bytes (RFC 1929)",
            ));
        }
        Ok(Self {
            speech,
            host: bare(&host).into(),
            port: url.port().unwrap_or(default),
            credentials,
        })
    }

    /// Its host, IPv6 without brackets, and its port.
    pub fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The value of `Proxy-Authorization`.
    pub(super) fn authorization(&self) -> Option<String> {
        use base64::Engine;
        let (user, password) = self.credentials.as_ref()?;
        let both = [user, &b":"[..], password].concat();
        let coded = base64::engine::general_purpose::STANDARD.encode(both);
        Some(format!("Basic {coded}"))
    }
}

impl fmt::Display for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.speech {
            Speech::Http => "http",
            Speech::Https => "https",
            Speech::Socks5 => "socks5",
            Speech::Socks5h => "socks5h",
        };
        write!(f, "{scheme}://{}:{}", bracketed(&self.host), self.port)
    }
}

impl fmt::Debug for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A URL as typed, what stands before its last `@` left out, and what stands where a port should.
fn without_secrets(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, after)) => {
            let scheme = before.split_once("://").map(|(scheme, _)| scheme);
            let scheme = scheme.map(|s| format!("{s}://")).unwrap_or_default();
            format!("\"{scheme}...@{after}\"")
        }
        None => match text.rsplit_once(':') {
            // `user:password` without a host.
            Some((before, port)) if !port.starts_with("//") && port.parse::<u32>().is_err() => {
                format!("\"{before}:...\"")
            }
            _ => format!("\"{text}\""),
        },
    }
}

/// Which proxy, if any, the way to a target leads through.
#[derive(Clone, Debug, Default)]
pub struct Upstreams {
    http: Option<Arc<UpstreamProxy>>,
    https: Option<Arc<UpstreamProxy>>,
    except: Exceptions,
}

impl Upstreams {
    /// None: everything is reached directly.
    pub fn none() -> Self {
        Self::default()
    }

    /// This one for everything, but for the hosts in `no_proxy` (as in the variable `NO_PROXY`) and
    /// this machine.
    pub fn through(proxy: UpstreamProxy, no_proxy: &str) -> Self {
        let proxy = Arc::new(proxy);
        Self {
            http: Some(Arc::clone(&proxy)),
            https: Some(proxy),
            except: Exceptions::parse(no_proxy),
        }
    }

    /// What the environment says: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`, each in small
    /// letters first, then in capitals. `HTTP_PROXY` in capitals counts unless this is a CGI program,
    /// where a client could set it.
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Result<Self, UpstreamError> {
        let get = |name: &str| {
            let found = get(name).or_else(|| get(&name.to_ascii_uppercase()));
            found.filter(|value| !value.trim().is_empty())
        };
        let parse = |value: Option<String>| {
            let parsed = value.as_deref().map(UpstreamProxy::parse).transpose();
            parsed.map(|proxy| proxy.map(Arc::new))
        };
        let all = get("all_proxy");
        let http = get("http_proxy").filter(|_| get("request_method").is_none());
        let https = get("https_proxy");
        Ok(Self {
            http: parse(http.or_else(|| all.clone()))?,
            https: parse(https.or(all))?,
            except: Exceptions::parse(&get("no_proxy").unwrap_or_default()),
        })
    }

    /// Whether everything is reached directly.
    pub fn is_none(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// The proxies, each once.
    pub fn proxies(&self) -> impl Iterator<Item = &UpstreamProxy> {
        let second = self
            .https
            .as_ref()
            .filter(|s| self.http.as_ref() != Some(s));
        self.http.iter().chain(second).map(|proxy| &**proxy)
    }

    /// Leaves these out.
    pub(super) fn forget(&mut self, proxies: &[UpstreamProxy]) {
        self.http.take_if(|p| proxies.contains(p));
        self.https.take_if(|p| proxies.contains(p));
    }

    /// The proxy on the way to this target.
    pub(super) fn for_target(&self, target: &Target, tunnel: bool) -> Option<&Arc<UpstreamProxy>> {
        let proxy = if target.tls || tunnel {
            self.https.as_ref()?
        } else {
            self.http.as_ref()?
        };
        let near = crate::wire::is_loopback_host(&target.host);
        (!near && !self.except.contains(&target.host, target.port)).then_some(proxy)
    }
}

/// The hosts of `NO_PROXY`.
#[derive(Clone, Debug, Default)]
struct Exceptions {
    all: bool,
    names: HostList,
    nets: Vec<IpNet>,
}

impl Exceptions {
    /// Separated by commas or blanks: `*` for everything, a name for itself and all below it, with or
    /// without a dot in front, an address, or a network such as `10.0.0.0/8`; each but a network may
    /// have a port.
    fn parse(text: &str) -> Self {
        let mut except = Self::default();
        let mut names = Vec::new();
        for entry in text.split([',', ' ', '\t']).filter(|e| !e.is_empty()) {
            if entry == "*" {
                except.all = true;
            } else if let Ok(net) = entry.parse::<IpNet>() {
                except.nets.push(net);
            } else {
                let name = entry.trim_start_matches('*').trim_start_matches('.');
                let is_address = bare(name).parse::<IpAddr>().is_ok();
                names.push(if is_address {
                    name.to_owned()
                } else {
                    format!("*.{name}")
                });
            }
        }
        except.names = HostList::new(&names);
        except
    }

    fn contains(&self, host: &str, port: u16) -> bool {
        if self.all || self.names.contains(host, port) {
            return true;
        }
        match host.parse::<IpAddr>() {
            Ok(ip) => self.nets.iter().any(|net| net.contains(&ip.to_canonical())),
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_as_typed() {
        for (typed, shown) in [
            ("http://proxy.test:3128", "http://proxy.test:3128"),
            ("proxy.test:80", "http://proxy.test:80"),
            ("proxy.test", "http://proxy.test:1080"),
            ("HTTPS://Proxy.test", "https://proxy.test:443"),
            ("socks5h://me:pw@127.0.0.1", "socks5h://127.0.0.1:1080"),
            ("socks5://[::1]:9050/", "socks5://[::1]:9050"),
            ("http://me:p%40w@proxy.test:8", "http://proxy.test:8"),
        ] {
            let proxy = UpstreamProxy::parse(typed).expect(typed);
            assert_eq!(proxy.to_string(), shown, "{typed}");
            assert_eq!(format!("{proxy:?}"), shown, "{typed}");
        }
        let proxy = UpstreamProxy::parse("http://me:p%40w@proxy.test").expect("one");
        assert_eq!(proxy.authorization().as_deref(), Some("Basic bWU6cEB3"));
        for wrong in [
            "ftp://proxy.test",
            "socks4://proxy.test",
            "http://",
            "",
            "http://a b",
            "http://proxy.test:99999",
            "socks5://:pw@proxy.test",
        ] {
            assert!(UpstreamProxy::parse(wrong).is_err(), "{wrong}");
        }
        let error = UpstreamProxy::parse("ftp://me:hunter2@proxy.test").expect_err("ftp");
        let said = format!("{error} {error:?}");
        assert!(
            !said.contains("hunter2") && said.contains("ftp://...@proxy.test"),
            "{said}"
        );
        let error = UpstreamProxy::parse("http://me:hunter2").expect_err("no host");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }

    #[test]
    fn what_the_environment_says() {
        let check = |vars: &[(&str, &str)], url: &str| {
            let vars: Vec<(String, String)> = vars
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect();
            let get = |name: &str| vars.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
            let upstreams = Upstreams::from_environment(get).expect("usable");
            let (scheme, authority) = url.split_once("://").expect("a URL");
            let authority = authority.parse().expect("an authority");
            let target = Target::of(&authority, scheme == "https").expect("a target");
            upstreams
                .for_target(&target, false)
                .map(ToString::to_string)
        };
        let through = |port: u16| Some(format!("http://p:{port}"));
        assert_eq!(check(&[], "http://a.test"), None);
        let both = [("http_proxy", "p:1"), ("https_proxy", "p:2")];
        assert_eq!(check(&both, "http://a.test"), through(1));
        assert_eq!(check(&both, "https://a.test"), through(2));
        assert_eq!(check(&both, "https://localhost"), None);
        assert_eq!(check(&both, "http://127.0.0.2:8000"), None);
        assert_eq!(
            check(&[("HTTPS_PROXY", "p:1")], "https://a.test"),
            through(1)
        );
        assert_eq!(check(&[("HTTPS_PROXY", "p:1")], "http://a.test"), None);
        assert_eq!(check(&[("HTTP_PROXY", "p:1")], "http://a.test"), through(1));
        let cgi = [("HTTP_PROXY", "p:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(check(&cgi, "http://a.test"), None);
        let all = [("ALL_PROXY", "p:1"), ("https_proxy", "p:2")];
        assert_eq!(check(&all, "http://a.test"), through(1));
        assert_eq!(check(&all, "https://a.test"), through(2));
        // An empty one is none.
        assert_eq!(check(&[("all_proxy", "")], "http://a.test"), None);
        for (except, url, direct) in [
            ("*", "http://a.test", true),
            ("a.test", "http://a.test", true),
            ("a.test", "http://x.a.test:81", true),
            (".a.test", "http://a.test", true),
            ("*.a.test", "http://x.a.test", true),
            ("a.test", "http://nota.test", false),
            ("b.test, a.test", "http://a.test", true),
            ("b.test a.test", "http://a.test", true),
            ("a.test:81", "http://a.test:81", true),
            ("a.test:81", "http://a.test:82", false),
            ("10.0.0.0/8", "http://10.1.2.3", true),
            ("10.0.0.0/8", "http://11.1.2.3", false),
            ("10.1.2.3", "http://10.1.2.3", true),
            ("2001:db8::/32", "http://[2001:db8::5]", true),
            ("A.TEST", "http://a.test", true),
        ] {
            let vars = [("all_proxy", "p:1"), ("no_proxy", except)];
            assert_eq!(check(&vars, url).is_none(), direct, "{except} {url}");
        }
    }
}
