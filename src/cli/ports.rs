//! Finding where to listen, before anything else is set up.

use std::io;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Result, bail};

use super::config::Listen;

/// Where to listen, and what a person should be told about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) addresses: Vec<SocketAddr>,
    /// Where to listen instead, in this order, if somebody is quicker.
    pub(super) otherwise: Vec<Vec<SocketAddr>>,
    /// The first choice, where there are several.
    first: Option<u16>,
}

impl Found {
    /// What a person should be told about where it listens now.
    pub(super) fn remark(&self, bound: &[SocketAddr]) -> Option<String> {
        if let Some(first) = self.first {
            let port = bound.first()?.port();
            return (port != first)
                .then(|| format!("Port {first} is taken; listening on port {port} instead."));
        }
        let open = self.addresses.iter().find(|a| !a.ip().is_loopback())?;
        Some(format!(
            "Note: {open} is open to other machines, as far as --password and --allow let them in."
        ))
    }
}

/// Looks for addresses that are free now. What is found is not held, so somebody may still be
/// quicker, such as a second corscope that was started in the same instant.
pub(super) fn find(listen: &Listen) -> Result<Found> {
    match listen {
        Listen::Exactly(addresses) => {
            for address in addresses {
                if let Err(error) = probe(*address) {
                    bail!("{}", why_not(*address, &error));
                }
            }
            Ok(Found {
                addresses: addresses.clone(),
                otherwise: Vec::new(),
                first: None,
            })
        }
        Listen::FirstFree(ports) => {
            let mut attempts = listen.attempts().into_iter();
            if let Some(addresses) = attempts.find_map(|addresses| usable(&addresses)) {
                return Ok(Found {
                    addresses,
                    otherwise: attempts.collect(),
                    first: Some(ports.start),
                });
            }
            bail!(
                "ports {} to {} are all taken; choose one with --listen 127.0.0.1:0",
                ports.start,
                ports.end - 1
            )
        }
    }
}

// A machine without IPv6 has no ::1; then 127.0.0.1 alone will do. A port that is taken on either
// is taken: a browser told "localhost" may try both.
fn usable(addresses: &[SocketAddr]) -> Option<Vec<SocketAddr>> {
    let mut free = Vec::new();
    for address in addresses {
        match probe(*address) {
            Ok(()) => free.push(*address),
            Err(error) if address.is_ipv6() && no_such_address(&error) => {}
            Err(_) => return None,
        }
    }
    (!free.is_empty()).then_some(free)
}

fn probe(address: SocketAddr) -> io::Result<()> {
    TcpListener::bind(address).map(drop)
}

fn no_such_address(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
    ) || error.raw_os_error() == Some(EAFNOSUPPORT)
}

// The address family is not supported; std has no kind for it. The number is that of Linux.
const EAFNOSUPPORT: i32 = 97;

fn why_not(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{address} is taken by another program; stop it, or choose another port such as \
             --listen {}:0 for any free one",
            host(address)
        ),
        io::ErrorKind::PermissionDenied => format!(
            "this user may not listen on {address}; choose a port from 1024 on, such as \
             --listen {}:8080",
            host(address)
        ),
        _ if no_such_address(error) => format!(
            "{address} is no address of this machine; --listen 127.0.0.1:{} is",
            address.port()
        ),
        _ => format!("cannot listen on {address} ({error}); choose another address with --listen"),
    }
}

fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_passed_over_and_said() {
        let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = held.local_addr().expect("bound").port();
        let found = find(&Listen::FirstFree(port..port.saturating_add(50)));
        let found = found.expect("one of fifty is free");
        assert!(
            found
                .addresses
                .iter()
                .all(|a| a.port() > port && a.ip().is_loopback())
        );
        let next = found.addresses[0].port() + 1;
        let later = found.otherwise.first().expect("more of fifty");
        assert!(later.iter().all(|a| a.port() == next), "{later:?}");
        let remark = found.remark(later).expect("another port");
        assert!(remark.contains(&port.to_string()) && remark.contains(&next.to_string()));
        assert_eq!(found.remark(&[([127, 0, 0, 1], port).into()]), None);
        let exactly = find(&Listen::Exactly(vec![([127, 0, 0, 1], port).into()]));
        assert!(exactly.is_err_and(|e| e.to_string().contains("--listen 127.0.0.1:0")));
    }

    #[test]
    fn an_open_address_is_remarked() {
        let found = find(&Listen::Exactly(vec![([0, 0, 0, 0], 0).into()])).expect("free");
        let remark = found.remark(&[([0, 0, 0, 0], 4242).into()]);
        assert!(remark.is_some_and(|r| r.contains("other machines")));
        let found = find(&Listen::Exactly(vec![([127, 0, 0, 1], 0).into()])).expect("free");
        assert_eq!(found.remark(&[([127, 0, 0, 1], 4242).into()]), None);
    }
}
