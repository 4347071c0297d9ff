//! Who may use the proxy: this machine always; others by their address, or with the password.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use http::{HeaderMap, header};
use ipnet::IpNet;
use ring::hmac;

/// Who, beside this machine, may use the proxy. Nobody, unless told otherwise.
#[derive(Clone, Debug, Default)]
pub struct Access {
    allowed: Vec<IpNet>,
    password: Option<Password>,
}

/// Why an allowed network cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no address and no network such as 192.168.1.0/24")]
pub struct AccessError(pub String);

/// How a client is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may do what it wants.
    Free,
    /// Each of its requests has to bring the password.
    Guarded,
    /// Not at all.
    Refused,
}

impl Access {
    /// With `allowed` networks others must come from one of them; with a `password` they must bring
    /// it (as `Proxy-Authorization: Basic`, whatever the user's name); with both, both.
    pub fn new(allowed: &[String], password: Option<&str>) -> Result<Self, AccessError> {
        let net = |text: &String| {
            let trimmed = text.trim();
            let address = trimmed.parse::<IpAddr>().map(IpNet::from);
            let net = address.or_else(|_| trimmed.parse::<IpNet>());
            net.map_err(|_| AccessError(text.clone()))
        };
        Ok(Self {
            allowed: allowed.iter().map(net).collect::<Result<_, _>>()?,
            password: password.map(Password::new),
        })
    }

    /// Whether anybody beside this machine may use it.
    pub fn admits_others(&self) -> bool {
        self.password.is_some() || !self.allowed.is_empty()
    }

    pub(super) fn admission(&self, ip: IpAddr) -> Admission {
        let ip = ip.to_canonical();
        if ip.is_loopback() {
            return Admission::Free;
        }
        let listed = self.allowed.iter().any(|net| net.contains(&ip));
        match &self.password {
            _ if !listed && !self.allowed.is_empty() => Admission::Refused,
            Some(_) => Admission::Guarded,
            None if listed => Admission::Free,
            None => Admission::Refused,
        }
    }

    /// What a guarded request brings.
    pub(super) fn credentials(&self, headers: &HeaderMap) -> Credentials {
        let Some(value) = headers.get(header::PROXY_AUTHORIZATION) else {
            return Credentials::Missing;
        };
        let given = password_of(value.as_bytes());
        let right = self.password.as_ref().zip(given).map(|(p, g)| p.is(&g));
        if right == Some(true) {
            Credentials::Right
        } else {
            Credentials::Wrong
        }
    }
}

/// What a request brings to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    Missing,
    Wrong,
    Right,
}

/// The password in `Basic base64(user:password)` (RFC 7617).
fn password_of(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, coded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let coded = coded.trim_ascii();
    let plain = base64::engine::general_purpose::STANDARD
        .decode(coded)
        .ok()?;
    let colon = plain.iter().position(|b| *b == b':')?;
    Some(plain[colon + 1..].to_vec())
}

/// A password, as a keyed hash of it: comparing takes as long whatever is given, and it is in no
/// memory that somebody might print.
#[derive(Clone)]
struct Password {
    key: hmac::Key,
    tag: hmac::Tag,
}

impl Password {
    fn new(text: &str) -> Self {
        let random = ring::rand::SystemRandom::new();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &random)
            .expect("the system has random numbers, as the authority's key needed them");
        let tag = hmac::sign(&key, text.as_bytes());
        Self { key, tag }
    }

    fn is(&self, given: &[u8]) -> bool {
        hmac::verify(&self.key, given, self.tag.as_ref()).is_ok()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            let name = http::HeaderName::from_static(name);
            (name, value.parse().expect("a value"))
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn who_is_let_in() {
        use Admission::{Free, Guarded, Refused};
        let nets = ["192.168.1.0/24".to_owned(), "2001:db8::7".to_owned()];
        for (allowed, password, ip, wanted) in [
            (&[][..], None, "127.0.0.1", Free),
            (&[], None, "::1", Free),
            (&[], None, "::ffff:127.0.0.1", Free),
            (&[], None, "192.168.1.5", Refused),
            (&[], Some("x"), "192.168.1.5", Guarded),
            (&[], Some("x"), "127.0.0.1", Free),
            (&nets, None, "192.168.1.5", Free),
            (&nets, None, "::ffff:192.168.1.5", Free),
            (&nets, None, "192.168.2.5", Refused),
            (&nets, None, "2001:db8::7", Free),
            (&nets, None, "2001:db8::8", Refused),
            (&nets, Some("x"), "192.168.1.5", Guarded),
            (&nets, Some("x"), "10.0.0.1", Refused),
        ] {
            let access = Access::new(allowed, password).expect("networks");
            let got = access.admission(ip.parse().expect("an address"));
            assert_eq!(got, wanted, "{allowed:?} {password:?} {ip}");
        }
        for wrong in ["", "x", "10.0.0.0/99", "app.test"] {
            assert!(Access::new(&[wrong.to_owned()], None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn passwords() {
        let access = Access::new(&[], Some("p:w")).expect("fine");
        let coded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let basic = |text: &str| format!("Basic {}", coded(text));
        for (value, wanted) in [
            (basic("me:p:w"), Credentials::Right),
            (basic(":p:w"), Credentials::Right),
            (format!("bAsIc  {}", coded("x:p:w")), Credentials::Right),
            (basic("me:p:w "), Credentials::Wrong),
            (basic("me:"), Credentials::Wrong),
            (basic("p:w"), Credentials::Wrong),
            (basic("nothing"), Credentials::Wrong),
            ("Bearer p:w".to_owned(), Credentials::Wrong),
            ("Basic".to_owned(), Credentials::Wrong),
            ("Basic ???".to_owned(), Credentials::Wrong),
        ] {
            let got = access.credentials(&headers(&[("proxy-authorization", &value)]));
            assert_eq!(got, wanted, "{value}");
        }
        assert_eq!(access.credentials(&headers(&[])), Credentials::Missing);
        assert!(!format!("{access:?}").contains("p:w"));
    }
}
