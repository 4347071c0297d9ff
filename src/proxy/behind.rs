//! Asking a proxy behind this one for a way to a target.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::failure::{failure, kind_of};
use super::target::Target;
use super::upstream::UpstreamProxy;
use crate::wire::{Failure, FailureKind, FailureStage};

/// The longest answer to CONNECT that is read from a proxy, in bytes.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// SOCKS 5 (RFC 1928, RFC 1929).
const SOCKS_VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;
const ADDRESS_V4: u8 = 1;
const ADDRESS_NAME: u8 = 3;
const ADDRESS_V6: u8 = 4;

fn failed(kind: FailureKind, detail: String) -> Failure {
    failure(FailureStage::Upstream, kind, detail)
}

fn broke_off(proxy: &UpstreamProxy) -> impl Fn(io::Error) -> Failure {
    move |error| {
        let detail = format!("the upstream proxy {proxy} broke off ({error})");
        failed(kind_of(&error), detail)
    }
}

/// Wrong or missing user and password, in the same words for every kind of proxy.
pub(super) fn unauthorised(proxy: &UpstreamProxy) -> Failure {
    let detail = if proxy.credentials.is_some() {
        format!("the upstream proxy {proxy} does not accept the user and password given for it")
    } else {
        format!(
            "the upstream proxy {proxy} wants a user and a password: --upstream \
             SCHEME://USER:PASSWORD@HOST:PORT"
        )
    };
    failed(FailureKind::Other, detail)
}

/// CONNECT to an HTTP proxy (RFC 9110 § 9.3.6).
pub(super) async fn ask_for_tunnel<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    target: &Target,
    proxy: &UpstreamProxy,
) -> Result<(), Failure> {
    let broken = broke_off(proxy);
    let mut ask = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(credentials) = proxy.authorization() {
        ask.push_str("Proxy-Authorization: ");
        ask.push_str(&credentials);
        ask.push_str("\r\n");
    }
    ask.push_str("\r\n");
    stream.write_all(ask.as_bytes()).await.map_err(&broken)?;
    stream.flush().await.map_err(&broken)?;
    // Byte by byte, since what follows the head belongs to the tunnel: a server may speak first.
    let mut answer = Vec::with_capacity(512);
    while !answer.ends_with(b"\r\n\r\n") {
        let spoken = b"HTTP/1.".starts_with(&answer[..answer.len().min(7)])
            || answer.starts_with(b"HTTP/1.");
        if answer.len() > ANSWER_BYTES_MAX || !spoken {
            let detail = format!("the upstream proxy {proxy} does not answer in HTTP");
            return Err(failed(FailureKind::Protocol, detail));
        }
        answer.push(stream.read_u8().await.map_err(&broken)?);
    }
    let status = answer.split(|b| *b == b' ').nth(1).unwrap_or_default();
    let status: String = status.iter().take(3).map(|b| char::from(*b)).collect();
    match &*status {
        status if status.starts_with('2') && status.len() == 3 => Ok(()),
        "401" | "407" => Err(unauthorised(proxy)),
        status => {
            let why = match status {
                "403" => ": it does not let this host or port through",
                "502" | "503" | "504" => ": it could not reach the server",
                _ => "",
            };
            let detail = format!(
                "the upstream proxy {proxy} refused the tunnel to {target} ({status}{why})"
            );
            Err(failed(FailureKind::Other, detail))
        }
    }
}

/// CONNECT to a SOCKS 5 proxy. `addr` is where the target's name was found to be; without it the
/// proxy looks the name up.
pub(super) async fn ask_socks<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    target: &Target,
    addr: Option<SocketAddr>,
    proxy: &UpstreamProxy,
) -> Result<(), Failure> {
    let broken = broke_off(proxy);
    let foreign = || {
        let detail = format!("the upstream proxy {proxy} does not answer in SOCKS 5");
        failed(FailureKind::Protocol, detail)
    };
    let hello: &[u8] = match proxy.credentials {
        Some(_) => &[SOCKS_VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        None => &[SOCKS_VERSION, 1, NO_AUTHENTICATION],
    };
    stream.write_all(hello).await.map_err(&broken)?;
    stream.flush().await.map_err(&broken)?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await.map_err(&broken)?;
    match (chosen, &proxy.credentials) {
        ([SOCKS_VERSION, NO_AUTHENTICATION], _) => {}
        ([SOCKS_VERSION, USER_AND_PASSWORD], Some((user, password))) => {
            let mut ask = vec![1, user.len() as u8];
            ask.extend_from_slice(user);
            ask.push(password.len() as u8);
            ask.extend_from_slice(password);
            stream.write_all(&ask).await.map_err(&broken)?;
            stream.flush().await.map_err(&broken)?;
            let mut verdict = [0; 2];
            stream.read_exact(&mut verdict).await.map_err(&broken)?;
            if verdict[1] != 0 {
                return Err(unauthorised(proxy));
            }
        }
        ([SOCKS_VERSION, NONE_ACCEPTABLE], _) => return Err(unauthorised(proxy)),
        _ => return Err(foreign()),
    }
    let mut ask = vec![SOCKS_VERSION, CONNECT, 0];
    match addr.map(|a| a.ip()).or_else(|| target.host.parse().ok()) {
        Some(IpAddr::V4(ip)) => {
            ask.push(ADDRESS_V4);
            ask.extend_from_slice(&ip.octets());
        }
        Some(IpAddr::V6(ip)) => {
            ask.push(ADDRESS_V6);
            ask.extend_from_slice(&ip.octets());
        }
        None => {
            let Ok(len) = u8::try_from(target.host.len()) else {
                let detail = format!("{} is too long a name for SOCKS 5", target.host);
                return Err(failed(FailureKind::NameNotResolved, detail));
            };
            ask.push(ADDRESS_NAME);
            ask.push(len);
            ask.extend_from_slice(target.host.as_bytes());
        }
    }
    ask.extend_from_slice(&target.port.to_be_bytes());
    stream.write_all(&ask).await.map_err(&broken)?;
    stream.flush().await.map_err(&broken)?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.map_err(&broken)?;
    if head[0] != SOCKS_VERSION {
        return Err(foreign());
    }
    if head[1] != 0 {
        return Err(refused_by_socks(head[1], target, proxy));
    }
    // The address it connected from, which nobody needs.
    let rest = match head[3] {
        ADDRESS_V4 => 4,
        ADDRESS_V6 => 16,
        ADDRESS_NAME => usize::from(stream.read_u8().await.map_err(&broken)?),
        _ => return Err(foreign()),
    };
    let mut bound = vec![0; rest + 2];
    stream.read_exact(&mut bound).await.map_err(&broken)?;
    Ok(())
}

/// RFC 1928 § 6
fn refused_by_socks(reply: u8, target: &Target, proxy: &UpstreamProxy) -> Failure {
    let (kind, why) = match reply {
        2 => (FailureKind::Other, "its rules do not allow it"),
        3 => (FailureKind::Unreachable, "no route to that network"),
        4 => (
            FailureKind::Unreachable,
            "the host cannot be reached, or its name is not known",
        ),
        5 => (FailureKind::Refused, "nothing listens there"),
        6 => (FailureKind::TimedOut, "no answer in time"),
        7 => (FailureKind::Other, "it does not do CONNECT"),
        8 => (
            FailureKind::Unreachable,
            "it does not know this kind of address",
        ),
        _ => (
            FailureKind::Other,
            "it does not say why (the name may not be known there)",
        ),
    };
    let detail = format!("the upstream proxy {proxy} cannot connect to {target}: {why}");
    failed(kind, detail)
}
