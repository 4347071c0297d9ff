//! From a target to an open connection: name, TCP, TLS, each phase timed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Url;

use super::failure::{certificate_fault, failure, kind_of, tls_error};
use super::target::{HostList, Target};
use super::tls::UpstreamTls;
use crate::wire::{Failure, FailureKind, FailureStage, Timings, is_localhost_name};

/// How long a TCP connect may take, in seconds, over all addresses.
const CONNECT_SECONDS_MAX: u64 = 30;
/// How long a TLS handshake may take, in seconds.
const TLS_SECONDS_MAX: u64 = 30;
/// How long one address gets before the next is tried as well (RFC 8305 § 5), in milliseconds.
const HEAD_START_MILLIS: u64 = 250;
/// The longest answer to CONNECT that is read from a proxy, in bytes.
const PROXY_ANSWER_BYTES_MAX: usize = 16 << 10;

/// How connections to servers are made.
pub(super) struct Dialer {
    pub tls: UpstreamTls,
    pub insecure: HostList,
    pub proxy: Option<Url>,
    /// The addresses this proxy listens on: never dialled.
    pub ourselves: Vec<SocketAddr>,
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
    /// Whether plain requests have to be in absolute form, for the proxy behind us.
    pub absolute_form: bool,
}

pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why there is no connection, and how far it came.
pub(super) struct DialError {
    pub failure: Failure,
    pub times: DialTimes,
}

impl Dialer {
    /// Connects, and shakes hands over TLS if the target wants it.
    pub(super) async fn dial(&self, target: &Target, http2: bool) -> Result<Dialed, DialError> {
        let mut times = DialTimes::default();
        match self.dial_timed(target, http2, &mut times).await {
            Ok(dialed) => Ok(Dialed { times, ..dialed }),
            Err(failure) => Err(DialError { failure, times }),
        }
    }

    async fn dial_timed(
        &self,
        target: &Target,
        http2: bool,
        times: &mut DialTimes,
    ) -> Result<Dialed, Failure> {
        let (stream, absolute_form) = self.reach(target, target.tls, times).await?;
        let addr = stream.peer_addr().map_err(|e| {
            let detail = format!("{target} went away at once ({e})");
            failure(FailureStage::Connect, kind_of(&e), detail)
        })?;
        if !target.tls {
            return Ok(Dialed {
                io: Transport::Plain(stream),
                addr,
                times: *times,
                http2: target.prior_knowledge,
                tls: None,
                insecure: false,
                absolute_form,
            });
        }
        let insecure = self.insecure.contains(target.tls_name(), target.port)
            || self.insecure.contains(&target.host, target.port);
        let started = Instant::now();
        let stream = self.shake_hands(target, stream, insecure, http2).await?;
        times.tls = Some(micros(started));
        let (_, session) = stream.get_ref();
        Ok(Dialed {
            addr,
            times: *times,
            http2: session.alpn_protocol() == Some(b"h2"),
            tls: Some(describe(session)),
            insecure,
            absolute_form: false,
            io: Transport::Tls(Box::new(stream)),
        })
    }

    /// A TCP connection to the target whose bytes nobody reads: for tunnels that are passed through.
    pub(super) async fn dial_raw(
        &self,
        target: &Target,
    ) -> Result<(TcpStream, DialTimes), DialError> {
        let mut times = DialTimes::default();
        match self.reach(target, true, &mut times).await {
            Ok((stream, _)) => Ok((stream, times)),
            Err(failure) => Err(DialError { failure, times }),
        }
    }

    /// TCP to the target, or through the proxy behind us. Says whether plain requests have to be in
    /// absolute form.
    async fn reach(
        &self,
        target: &Target,
        tunnel: bool,
        times: &mut DialTimes,
    ) -> Result<(TcpStream, bool), Failure> {
        let Some((proxy, host)) = self.proxy_for(target) else {
            let stream = self.connect(&target.host, target.port, times).await?;
            return Ok((stream, false));
        };
        let port = proxy.port_or_known_default().unwrap_or(8080);
        let mut stream = self.connect(host, port, times).await?;
        if tunnel {
            ask_for_tunnel(&mut stream, target, proxy).await?;
        }
        Ok((stream, !tunnel))
    }

    /// The proxy behind us, but for targets on this machine.
    fn proxy_for(&self, target: &Target) -> Option<(&Url, &str)> {
        let proxy = self.proxy.as_ref()?;
        let host = proxy.host_str()?;
        let local = crate::wire::is_loopback_host(&target.host);
        (!local).then(|| (proxy, host.trim_start_matches('[').trim_end_matches(']')))
    }

    async fn connect(
        &self,
        host: &str,
        port: u16,
        times: &mut DialTimes,
    ) -> Result<TcpStream, Failure> {
        let started = Instant::now();
        let mut addresses = resolve(host, port, times, started).await?;
        addresses.retain(|a| !self.is_ourselves(*a));
        if addresses.is_empty() {
            let detail = format!("{host}:{port} is corscope itself");
            return Err(failure(FailureStage::Proxy, FailureKind::Loop, detail));
        }
        let started = Instant::now();
        let deadline = Duration::from_secs(CONNECT_SECONDS_MAX);
        let stream = match tokio::time::timeout(deadline, connect_any(&addresses)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(errors)) => return Err(connect_failure(&addresses, &errors)),
            Err(_) => {
                let at = list(&addresses);
                let detail = format!("no answer from {at} within {CONNECT_SECONDS_MAX} s");
                return Err(failure(
                    FailureStage::Connect,
                    FailureKind::TimedOut,
                    detail,
                ));
            }
        };
        // Nagle's algorithm against delayed acknowledgements costs 40 ms a message.
        let _ = stream.set_nodelay(true);
        times.connect = Some(micros(started));
        Ok(stream)
    }

    /// Whether connecting to this address would reach this proxy.
    pub(super) fn is_ourselves(&self, addr: SocketAddr) -> bool {
        let ip = match addr.ip().to_canonical() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        self.ourselves.iter().any(|own| {
            own.port() == addr.port()
                && (own.ip() == ip || (own.ip().is_unspecified() && ip.is_loopback()))
        })
    }

    async fn shake_hands(
        &self,
        target: &Target,
        stream: TcpStream,
        insecure: bool,
        http2: bool,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let name = target.tls_name();
        let server_name = ServerName::try_from(name.to_owned()).map_err(|_| {
            let detail = format!("{name} is not a name a certificate can be for");
            failure(FailureStage::Tls, FailureKind::Certificate, detail)
        })?;
        let connector = TlsConnector::from(self.tls.config(insecure, http2));
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

async fn resolve(
    host: &str,
    port: u16,
    times: &mut DialTimes,
    started: Instant,
) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    if is_localhost_name(host) {
        // As browsers do: the name means this machine whatever a resolver says (RFC 6761 § 6.3).
        return Ok(vec![
            SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port),
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
        ]);
    }
    let found = tokio::net::lookup_host((host, port)).await;
    times.dns = Some(micros(started));
    let addresses: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() {
        let detail = format!("no address found for {host}");
        return Err(failure(
            FailureStage::Dns,
            FailureKind::NameNotResolved,
            detail,
        ));
    }
    Ok(interleaved(addresses))
}

/// Families by turns, the resolver's first choice first (RFC 8305 § 4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let v6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|a| a.is_ipv6() == v6_first);
    let mut second = second.into_iter();
    let mut all = Vec::with_capacity(first.len() + second.len());
    for addr in first {
        all.push(addr);
        all.extend(second.next());
    }
    all.extend(second);
    all
}

/// The first of these addresses to answer; the next one starts when one fails or is slow.
async fn connect_any(addresses: &[SocketAddr]) -> Result<TcpStream, Vec<io::Error>> {
    let mut errors = Vec::new();
    let mut waiting = addresses.iter();
    let mut trying = FuturesUnordered::new();
    let head_start = Duration::from_millis(HEAD_START_MILLIS);
    loop {
        if let Some(addr) = waiting.next() {
            trying.push(TcpStream::connect(*addr));
        } else if trying.is_empty() {
            return Err(errors);
        }
        let more = !waiting.as_slice().is_empty();
        tokio::select! {
            Some(result) = trying.next() => match result {
                Ok(stream) => return Ok(stream),
                Err(error) => errors.push(error),
            },
            () = tokio::time::sleep(head_start), if more => {}
        }
    }
}

fn connect_failure(addresses: &[SocketAddr], errors: &[io::Error]) -> Failure {
    let kinds: Vec<FailureKind> = errors.iter().map(|e| kind_of(e)).collect();
    // Where the addresses differ, the one that says most.
    let kind = [
        FailureKind::Refused,
        FailureKind::Reset,
        FailureKind::TimedOut,
        FailureKind::Unreachable,
    ]
    .into_iter()
    .find(|k| kinds.contains(k))
    .unwrap_or(FailureKind::Other);
    let at = list(addresses);
    let detail = match kind {
        FailureKind::Refused => format!("connection refused by {at}: nothing listens there"),
        FailureKind::Unreachable => format!("no route to {at}"),
        FailureKind::TimedOut => format!("no answer from {at}"),
        FailureKind::Reset => format!("{at} closed the connection at once"),
        _ => {
            let why = errors.first().map(ToString::to_string).unwrap_or_default();
            format!("cannot connect to {at} ({why})")
        }
    };
    failure(FailureStage::Connect, kind, detail)
}

fn tls_failure(target: &Target, error: &io::Error) -> Failure {
    let name = target.tls_name();
    let kind = kind_of(error);
    let detail = match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(fault)) => {
            format!(
                "the certificate of {target} is not accepted: {}",
                certificate_fault(fault, name)
            )
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            format!("{target} refused the TLS handshake ({alert:?})")
        }
        Some(rustls::Error::InvalidMessage(_)) => format!("{target} does not speak TLS"),
        Some(other) => format!("TLS with {target} failed ({other})"),
        None if kind == FailureKind::Reset => {
            format!("{target} closed the connection during the TLS handshake")
        }
        None => format!("TLS with {target} failed ({error})"),
    };
    failure(FailureStage::Tls, kind, detail)
}

/// CONNECT to the proxy behind us (RFC 9110 § 9.3.6).
async fn ask_for_tunnel(
    stream: &mut TcpStream,
    target: &Target,
    proxy: &Url,
) -> Result<(), Failure> {
    let broken = |e: io::Error| {
        let detail = format!("the upstream proxy {proxy} broke off ({e})");
        failure(FailureStage::Connect, kind_of(&e), detail)
    };
    let mut ask = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(credentials) = proxy_credentials(proxy) {
        ask.push_str("Proxy-Authorization: ");
        ask.push_str(&credentials);
        ask.push_str("\r\n");
    }
    ask.push_str("\r\n");
    stream.write_all(ask.as_bytes()).await.map_err(broken)?;
    // Byte by byte at the end of the head would be slow; but what follows it belongs to the tunnel,
    // and the server does not speak before we do, so reading what is there is safe.
    let mut answer = Vec::with_capacity(512);
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > PROXY_ANSWER_BYTES_MAX {
            let detail = format!("the upstream proxy {proxy} does not answer in HTTP");
            return Err(failure(
                FailureStage::Connect,
                FailureKind::Protocol,
                detail,
            ));
        }
        let byte = stream.read_u8().await.map_err(broken)?;
        answer.push(byte);
    }
    let status = answer.split(|b| *b == b' ').nth(1).unwrap_or_default();
    if status.len() == 3 && status[0] == b'2' {
        return Ok(());
    }
    let status = String::from_utf8_lossy(status);
    let detail = format!("the upstream proxy {proxy} refused the tunnel to {target} ({status})");
    Err(failure(FailureStage::Connect, FailureKind::Other, detail))
}

/// The value of `Proxy-Authorization` for a proxy URL with a user in it.
pub(super) fn proxy_credentials(proxy: &Url) -> Option<String> {
    use base64::Engine;
    if proxy.username().is_empty() {
        return None;
    }
    let plain = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    let user = plain(proxy.username());
    let password = plain(proxy.password().unwrap_or_default());
    let both = format!("{user}:{password}");
    let coded = base64::engine::general_purpose::STANDARD.encode(both);
    Some(format!("Basic {coded}"))
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

fn list(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(" and ")
}

pub(super) fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let a = |text: &str| text.parse::<SocketAddr>().expect("address");
        let (v4a, v4b) = (a("10.0.0.1:1"), a("10.0.0.2:1"));
        let (v6a, v6b) = (a("[2001:db8::1]:1"), a("[2001:db8::2]:1"));
        assert_eq!(interleaved(vec![v6a, v6b, v4a, v4b]), [v6a, v4a, v6b, v4b]);
        assert_eq!(interleaved(vec![v4a, v4b, v6a]), [v4a, v6a, v4b]);
    }

    #[test]
    fn ourselves_under_every_name() {
        let dialer = |listen: &str| Dialer {
            tls: UpstreamTls::new(None).expect("usable"),
            insecure: HostList::default(),
            proxy: None,
            ourselves: vec![listen.parse().expect("address")],
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
