//! A name, and a TCP connection to one of its addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::dial::{DialTimes, micros};
use super::failure::{failure, kind_of};
use crate::wire::{Failure, FailureKind, FailureStage, is_localhost_name};

/// How long a TCP connect may take, in seconds, over all addresses.
const CONNECT_SECONDS_MAX: u64 = 30;
/// How long a file to open is waited for, in seconds, and how often it is tried, in milliseconds.
const FILES_SECONDS_MAX: u64 = 10;
const FILES_PAUSE_MILLIS: u64 = 50;
/// How long one address gets before the next is tried as well (RFC 8305 § 5), in milliseconds.
const HEAD_START_MILLIS: u64 = 250;

/// Connects to the first of these addresses that answers; `exhausted` is told when no file is left for
/// that.
pub(super) async fn connect_to(
    addresses: &[SocketAddr],
    times: &mut DialTimes,
    exhausted: &Notify,
) -> Result<TcpStream, Failure> {
    let started = Instant::now();
    let deadline = Duration::from_secs(CONNECT_SECONDS_MAX);
    let connecting = connect_in_time(addresses, exhausted);
    let stream = match tokio::time::timeout(deadline, connecting).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(errors)) => return Err(connect_failure(addresses, &errors)),
        Err(_) => {
            let at = list(addresses);
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

/// As [`connect_any`], again and again while no more files may be opened: some will be closed.
async fn connect_in_time(
    addresses: &[SocketAddr],
    exhausted: &Notify,
) -> Result<TcpStream, Vec<io::Error>> {
    let started = Instant::now();
    loop {
        let connected = connect_any(addresses).await;
        let full = matches!(&connected, Err(errors) if errors.iter().any(is_out_of_files));
        if !full || started.elapsed() > Duration::from_secs(FILES_SECONDS_MAX) {
            return connected;
        }
        exhausted.notify_one();
        tokio::time::sleep(Duration::from_millis(FILES_PAUSE_MILLIS)).await;
    }
}

/// Whether this process, or the system, has as many files open as it may.
#[cfg(unix)]
fn is_out_of_files(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(not(unix))]
fn is_out_of_files(_error: &io::Error) -> bool {
    false
}

/// The addresses of a host.
pub(super) async fn resolve(
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
    if let Err(error) = &found
        && is_out_of_files(error)
    {
        let detail = format!(
            "the address of {host} cannot be looked up: corscope has as many files open as it may; \
             raise the limit with ulimit -n"
        );
        return Err(failure(FailureStage::Dns, FailureKind::Other, detail));
    }
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
        _ if errors.iter().any(is_out_of_files) => format!(
            "cannot connect to {at}: corscope has as many files open as it may; raise the limit with \
             ulimit -n"
        ),
        _ => {
            let why = errors.first().map(ToString::to_string).unwrap_or_default();
            format!("cannot connect to {at} ({why})")
        }
    };
    failure(FailureStage::Connect, kind, detail)
}

fn list(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(" and ")
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
}
