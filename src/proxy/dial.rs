//! From a target to an open connection: name, TCP, a proxy in between, TLS; each phase timed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{AlertDescription, CertificateError, OtherError};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::behind::{ask_for_tunnel, ask_socks};
use super::chain::Refused;
use super::connect::{connect_to, resolve};
use super::failure::{certificate_fault, failure, kind_of, tls_error};
use super::raw::Raw;
use super::target::{HostList, Target};
use super::tls::UpstreamTls;
use super::upstream::{Speech, UpstreamProxy, Upstreams};
use crate::wire::{Failure, FailureKind, FailureStage, Timings, is_localhost_name};

/// How long a TLS handshake may take, in seconds.
const TLS_SECONDS_MAX: u64 = 30;
/// How long a proxy in between may take to reach a target, in seconds.
const PROXY_SECONDS_MAX: u64 = 60;

/// How connections to servers are made.
pub(super) struct Dialer {
    pub tls: UpstreamTls,
    pub insecure: HostList,
    pub upstreams: Upstreams,
    /// The addresses this proxy listens on: never dialled.
    pub ourselves: Vec<SocketAddr>,
    /// Told when no more files can be opened, so that unused connections are closed.
    pub exhausted: Notify,
}

/// How long the phases took, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DialTimes {
    pub dns: Option<u64>,
    pub connect: Option<u64>,
    pub tls: Option<u64>,
}

impl DialTimes {
    /// As an exchange has them, the other phases unknown.
    pub(super) fn timings(self) -> Timings {
        Timings {
            dns: self.dns,
            connect: self.connect,
            tls: self.tls,
            ..Timings::default()
        }
    }
}

/// An open connection.
pub(super) struct Dialed {
    pub io: Transport,
    pub addr: SocketAddr,
    pub times: DialTimes,
    /// Whether HTTP/2 is to be spoken.
    pub http2: bool,
    /// TLS version and cipher.
    pub tls: Option<String>,
    pub insecure: bool,
    /// The proxy behind us that takes plain requests whole, in absolute form.
    pub whole_to: Option<Arc<UpstreamProxy>>,
}

pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// TLS inside the TLS of a proxy.
    Far(Box<TlsStream<Raw>>),
}

/// Why there is no connection, and how far it came.
pub(super) struct DialError {
    pub failure: Failure,
    pub times: DialTimes,
}

/// A way to a target; and the proxy that takes requests whole on it.
type Way = (Raw, Option<Arc<UpstreamProxy>>);

impl Dialer {
    /// Connects, and shakes hands over TLS if the target wants it. `tunnel`: no proxy may take part
    /// in what is said, as in a WebSocket.
    pub(super) async fn dial(
        &self,
        target: &Target,
        http2: bool,
        tunnel: bool,
    ) -> Result<Dialed, DialError> {
        let mut times = DialTimes::default();
        match self.dial_timed(target, http2, tunnel, &mut times).await {
            Ok(dialed) => Ok(Dialed { times, ..dialed }),
            Err(failure) => Err(DialError { failure, times }),
        }
    }

    async fn dial_timed(
        &self,
        target: &Target,
        http2: bool,
        tunnel: bool,
        times: &mut DialTimes,
    ) -> Result<Dialed, Failure> {
        let (stream, whole_to) = self.reach(target, target.tls || tunnel, times).await?;
        let addr = stream.tcp().peer_addr().map_err(|e| {
            let detail = format!("{target} went away at once ({e})");
            failure(FailureStage::Connect, kind_of(&e), detail)
        })?;
        if !target.tls {
            return Ok(Dialed {
                io: match stream {
                    Raw::Tcp(stream) => Transport::Plain(stream),
                    Raw::Tls(stream) => Transport::Tls(stream),
                },
                addr,
                times: *times,
                http2: target.prior_knowledge && whole_to.is_none(),
                tls: None,
                insecure: false,
                whole_to,
            });
        }
        let insecure = self.insecure.contains(target.tls_name(), target.port)
            || self.insecure.contains(&target.host, target.port);
        let started = Instant::now();
        let (io, session) = match stream {
            Raw::Tcp(stream) => {
                let stream = self.shake_hands(target, stream, insecure, http2).await?;
                let session = Session::of(stream.get_ref().1);
                (Transport::Tls(Box::new(stream)), session)
            }
            stream @ Raw::Tls(_) => {
                let shaken = self.shake_hands(target, stream, insecure, http2);
                let stream = Box::pin(shaken).await?;
                let session = Session::of(stream.get_ref().1);
                (Transport::Far(Box::new(stream)), session)
            }
        };
        times.tls = Some(micros(started));
        Ok(Dialed {
            addr,
            times: *times,
            http2: session.http2,
            tls: Some(session.described),
            insecure,
            whole_to: None,
            io,
        })
    }

    /// A connection to the target whose bytes nobody reads: for tunnels that are passed through.
    pub(super) async fn dial_raw(&self, target: &Target) -> Result<(Raw, DialTimes), DialError> {
        let mut times = DialTimes::default();
        match self.reach(target, true, &mut times).await {
            Ok((stream, _)) => Ok((stream, times)),
            Err(failure) => Err(DialError { failure, times }),
        }
    }

    /// TCP to the target, or a way through the proxy behind us.
    async fn reach(
        &self,
        target: &Target,
        tunnel: bool,
        times: &mut DialTimes,
    ) -> Result<Way, Failure> {
        match self.upstreams.for_target(target, tunnel) {
            None => {
                let stream = self.connect(&target.host, target.port, times).await?;
                Ok((Raw::Tcp(stream), None))
            }
            // Boxed, so that who goes directly does not carry it along.
            Some(proxy) => Box::pin(self.reach_through(target, tunnel, proxy, times)).await,
        }
    }

    async fn reach_through(
        &self,
        target: &Target,
        tunnel: bool,
        proxy: &Arc<UpstreamProxy>,
        times: &mut DialTimes,
    ) -> Result<Way, Failure> {
        let local = match proxy.speech {
            Speech::Socks5 => {
                let started = Instant::now();
                let found = resolve(&target.host, target.port, times, started).await?;
                found.first().copied()
            }
            _ => None,
        };
        let started = Instant::now();
        let connected = self.connect(&proxy.host, proxy.port, times).await;
        let stream = connected.map_err(|error| Failure {
            stage: FailureStage::Upstream,
            detail: format!(
                "the upstream proxy {proxy} cannot be reached: {}",
                error.detail
            ),
            ..error
        })?;
        let at_most = Duration::from_secs(PROXY_SECONDS_MAX);
        let way = tokio::time::timeout(at_most, async {
            match proxy.speech {
                Speech::Http => self.ask_http(stream, target, tunnel, proxy, Raw::Tcp).await,
                Speech::Https => {
                    let stream = self.shake_hands_with_proxy(proxy, stream).await?;
                    let raw = |stream| Raw::Tls(Box::new(stream));
                    self.ask_http(stream, target, tunnel, proxy, raw).await
                }
                Speech::Socks5 | Speech::Socks5h => {
                    let mut stream = stream;
                    ask_socks(&mut stream, target, local, proxy).await?;
                    Ok((Raw::Tcp(stream), None))
                }
            }
        });
        let way = way.await.unwrap_or_else(|_| {
            let detail = format!(
                "the upstream proxy {proxy} did not reach {target} within {PROXY_SECONDS_MAX} s"
            );
            let (stage, kind) = (FailureStage::Upstream, FailureKind::TimedOut);
            Err(failure(stage, kind, detail))
        })?;
        times.connect = Some(micros(started));
        Ok(way)
    }

    async fn ask_http<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        target: &Target,
        tunnel: bool,
        proxy: &Arc<UpstreamProxy>,
        raw: impl FnOnce(S) -> Raw,
    ) -> Result<Way, Failure> {
        if !tunnel && !target.prior_knowledge {
            return Ok((raw(stream), Some(Arc::clone(proxy))));
        }
        ask_for_tunnel(&mut stream, target, proxy).await?;
        Ok((raw(stream), None))
    }

    async fn shake_hands_with_proxy(
        &self,
        proxy: &UpstreamProxy,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let target = Target {
            tls: true,
            host: proxy.host.clone(),
            port: proxy.port,
            tls_name: None,
            prior_knowledge: false,
        };
        let insecure = self.insecure.contains(&proxy.host, proxy.port);
        let shaken = self.shake_hands(&target, stream, insecure, false).await;
        shaken.map_err(|error| Failure {
            stage: FailureStage::Upstream,
            detail: format!("no TLS with the upstream proxy: {}", error.detail),
            ..error
        })
    }

    async fn connect(
        &self,
        host: &str,
        port: u16,
        times: &mut DialTimes,
    ) -> Result<TcpStream, Failure> {
        let mut addresses = resolve(host, port, times, Instant::now()).await?;
        addresses.retain(|a| !self.is_ourselves(*a));
        if addresses.is_empty() {
            let detail = format!("{host}:{port} is corscope itself");
            return Err(failure(FailureStage::Proxy, FailureKind::Loop, detail));
        }
        connect_to(&addresses, times, &self.exhausted).await
    }

    /// Drops proxies that are this one, as an environment made for its clients has them; says which.
    pub(super) fn leave_ourselves_out(&mut self) -> Vec<UpstreamProxy> {
        let ours = |proxy: &UpstreamProxy| match proxy.host.parse::<IpAddr>() {
            Ok(ip) => self.is_ourselves(SocketAddr::new(ip, proxy.port)),
            Err(_) => {
                is_localhost_name(&proxy.host)
                    && self.ourselves.iter().any(|own| own.port() == proxy.port)
            }
        };
        let dropped: Vec<UpstreamProxy> = self
            .upstreams
            .proxies()
            .filter(|p| ours(p))
            .cloned()
            .collect();
        self.upstreams.forget(&dropped);
        dropped
    }

    /// Whether connecting to this address would reach this proxy.
    pub(super) fn is_ourselves(&self, addr: SocketAddr) -> bool {
        let mut own = self.ourselves.iter().filter(|o| o.port() == addr.port());
        let ip = match addr.ip().to_canonical() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        own.any(|own| {
            own.ip() == ip || (own.ip().is_unspecified() && (ip.is_loopback() || is_local(ip)))
        })
    }

    async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        target: &Target,
        stream: S,
        insecure: bool,
        http2: bool,
    ) -> Result<TlsStream<S>, Failure> {
        let name = target.tls_name();
        let server_name = ServerName::try_from(name.to_owned()).map_err(|_| {
            let detail = format!("{name} is not a name a certificate can be for");
            failure(FailureStage::Tls, FailureKind::Certificate, detail)
        })?;
        let connector = TlsConnector::from(self.tls.config(target, insecure, http2));
        let deadline = Duration::from_secs(TLS_SECONDS_MAX);
        let shaken = connector.connect(server_name, stream);
        match tokio::time::timeout(deadline, shaken).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(tls_failure(target, &error)),
            Err(_) => {
                let detail =
                    format!("{target} did not finish the TLS handshake in {TLS_SECONDS_MAX} s");
                Err(failure(FailureStage::Tls, FailureKind::TimedOut, detail))
            }
        }
    }
}

/// Whether this machine has the address: only then can a socket be bound to it.
fn is_local(ip: IpAddr) -> bool {
    UdpSocket::bind(SocketAddr::new(ip, 0)).is_ok()
}

/// What TLS came to.
struct Session {
    http2: bool,
    described: String,
}

impl Session {
    fn of(session: &rustls::ClientConnection) -> Self {
        Self {
            http2: session.alpn_protocol() == Some(b"h2"),
            described: describe(session),
        }
    }
}

fn tls_failure(target: &Target, error: &std::io::Error) -> Failure {
    let name = target.tls_name();
    let kind = kind_of(error);
    let detail = match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(fault)) => {
            let words = match fault {
                CertificateError::Other(OtherError(refused)) => refused
                    .downcast_ref::<Refused>()
                    .map_or_else(|| certificate_fault(fault, name), |r| r.words.clone()),
                _ => certificate_fault(fault, name),
            };
            format!("the certificate of {target} is not accepted: {words}")
        }
        Some(rustls::Error::AlertReceived(alert)) => alert_words(target, *alert),
        Some(rustls::Error::InvalidMessage(_)) => format!("{target} does not speak TLS"),
        Some(other) => format!("TLS with {target} failed ({other})"),
        None if kind == FailureKind::Reset => {
            format!("{target} closed the connection during the TLS handshake")
        }
        None => format!("TLS with {target} failed ({error})"),
    };
    failure(FailureStage::Tls, kind, detail)
}

/// What a server meant that broke off with an alert (RFC 8446 § 6.2).
pub(super) fn alert_words(target: &Target, alert: AlertDescription) -> String {
    let why = match alert {
        AlertDescription::CertificateRequired => {
            ": it wants a certificate of the client (mutual TLS): --client-cert \
             HOST=CERT.pem,KEY.pem shows one"
        }
        AlertDescription::HandshakeFailure => {
            ": no cipher in common, or it wants a certificate of the client (--client-cert \
             HOST=CERT.pem,KEY.pem)"
        }
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::AccessDenied => {
            ": it does not accept the certificate it was shown with --client-cert, or wants one"
        }
        AlertDescription::UnrecognisedName => ": it does not know this host name",
        AlertDescription::ProtocolVersion => ": it speaks only versions of TLS before 1.2",
        _ => "",
    };
    format!("{target} refused the TLS handshake ({alert:?}){why}")
}

fn describe(session: &rustls::ClientConnection) -> String {
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS 1.3",
    };
    let suite = session
        .negotiated_cipher_suite()
        .map(|s| format!("{:?}", s.suite()))
        .unwrap_or_default();
    let suite = suite
        .trim_start_matches("TLS13_")
        .trim_start_matches("TLS_");
    format!("{version}, {suite}")
}

pub(super) fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ourselves_under_every_name() {
        let dialer = |listen: &str| Dialer {
            tls: UpstreamTls::new(None, None, &[]).expect("usable"),
            insecure: HostList::default(),
            upstreams: Upstreams::none(),
            ourselves: vec![listen.parse().expect("address")],
            exhausted: Notify::new(),
        };
        let check = |listen: &str, asked: &str| {
            dialer(listen).is_ourselves(asked.parse().expect("address"))
        };
        assert!(check("127.0.0.1:8080", "127.0.0.1:8080"));
        assert!(check("127.0.0.1:8080", "0.0.0.0:8080"));
        assert!(check("127.0.0.1:8080", "[::ffff:127.0.0.1]:8080"));
        assert!(check("0.0.0.0:8080", "127.0.0.9:8080"));
        assert!(!check("127.0.0.1:8080", "127.0.0.1:8081"));
        assert!(!check("127.0.0.1:8080", "[::1]:8080"));
        assert!(!check("127.0.0.1:8080", "127.0.0.2:8080"));
    }
}
