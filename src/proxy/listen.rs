//! Sockets to be reached at.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// How many connections the system holds for us until they are accepted.
const BACKLOG: i32 = 1_024;
/// How often a port is chosen anew when the system's choice is taken in the other family.
const PORT_TRIES: usize = 16;

/// Loopback, both families, on one port; 0 lets the system choose one that is free in both.
pub fn loopback(port: u16) -> Vec<SocketAddr> {
    vec![
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
        SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port),
    ]
}

/// Which address cannot be listened on.
#[derive(Debug)]
pub(super) struct ListenError {
    pub addr: SocketAddr,
    pub source: io::Error,
}

/// Listens on all of these. Port 0 is the same port on every IP address that asks for it. An address family that
/// the machine does not have is left out, as long as another address remains.
pub(super) fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let mut tries = 0;
    loop {
        match listen_once(addresses) {
            Err(error)
                if error.source.kind() == io::ErrorKind::AddrInUse
                    && tries < PORT_TRIES
                    && addresses.iter().any(|a| *a != error.addr && a.port() == 0)
                    && addresses.contains(&SocketAddr::new(error.addr.ip(), 0)) =>
            {
                tries += 1;
            }
            result => return result,
        }
    }
}

fn listen_once(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    let mut missing = None;
    let mut port = 0;
    for wanted in addresses {
        let mut addr = *wanted;
        let again = |l: &TcpListener| l.local_addr().is_ok_and(|a| a.ip() == wanted.ip());
        if addr.port() == 0 && !listeners.iter().any(again) {
            addr.set_port(port);
        }
        match bind(addr) {
            Ok(listener) => {
                if wanted.port() == 0 {
                    port = listener.local_addr().map_or(port, |a| a.port());
                }
                listeners.push(listener);
            }
            Err(source) if is_family_missing(&source) => {
                missing = Some(ListenError { addr, source });
            }
            Err(source) => return Err(ListenError { addr, source }),
        }
    }
    match missing {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

fn is_family_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
    )
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        // Else `[::]` would take the port of 0.0.0.0 too.
        socket.set_only_v6(true)?;
    }
    // So that a restart does not wait for old connections to be forgotten.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_port_in_both_families() {
        let listeners = listen(&loopback(0)).map_err(|e| e.source).expect("bound");
        let ports: Vec<u16> = listeners
            .iter()
            .map(|l| l.local_addr().expect("bound").port())
            .collect();
        assert!(ports.iter().all(|p| *p == ports[0] && *p != 0), "{ports:?}");
        let taken = listen(&loopback(ports[0])).expect_err("taken");
        assert_eq!(taken.source.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(taken.addr.port(), ports[0]);
    }
}
