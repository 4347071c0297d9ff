//! What lies between corscope and servers: proxies, and the certificates that are to be trusted.

use std::fs;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_rustls::rustls::RootCertStore;

use super::finding::Finding;
use crate::cli::output::reason;
use crate::proxy::UpstreamProxy;
use crate::wire::is_loopback_host;

const NEXT: &str =
    "--upstream-ca takes a PEM file of certificates; check its path and what is in it";

/// How the file stands, and what is in it where it can be used.
pub(super) fn look(file: &Path) -> (Option<Finding>, Vec<u8>) {
    let shown = file.display();
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) => {
            let said = format!("cannot read {shown} ({})", reason(&error));
            return (Some(Finding::bad("upstream-ca", said, NEXT)), Vec::new());
        }
    };
    let mut roots = RootCertStore::empty();
    let read: Vec<_> = CertificateDer::pem_slice_iter(&text).flatten().collect();
    let (usable, odd) = roots.add_parsable_certificates(read);
    if usable == 0 {
        let said = format!("{shown} holds no certificate that can be trusted");
        return (Some(Finding::bad("upstream-ca", said, NEXT)), Vec::new());
    }
    let count = |n: usize| {
        if n == 1 {
            "certificate"
        } else {
            "certificates"
        }
    };
    let said = format!("{usable} {} in {shown}", count(usable));
    let finding = if odd == 0 {
        Finding::fine("upstream-ca", said)
    } else {
        let said = format!("{said}, and {odd} {} that cannot be read", count(odd));
        Finding::note("upstream-ca", said, NEXT)
    };
    (Some(finding), text)
}

/// How long a proxy on this machine may take to answer the call.
const LOOPBACK_AT_MOST: Duration = Duration::from_secs(2);

/// A proxy that was named for this run. One of another machine is asked with `--online` only, which
/// tells of it then.
pub(super) fn proxy(proxy: &UpstreamProxy, online: bool) -> Option<Finding> {
    const ID: &str = "upstream";
    let (host, port) = proxy.address();
    if !is_loopback_host(host) {
        let said = format!("{proxy} is on another machine and was not asked");
        let next = "corscope doctor --online asks a server through it";
        return (!online).then(|| Finding::note(ID, said, next));
    }
    let mut addresses = (host, port).to_socket_addrs().into_iter().flatten();
    let connects = |a: SocketAddr| TcpStream::connect_timeout(&a, LOOPBACK_AT_MOST).is_ok();
    Some(if addresses.any(connects) {
        Finding::fine(ID, format!("something listens at {proxy}"))
    } else {
        let said = format!("nothing listens at {proxy}: no server can be reached through it");
        Finding::bad(ID, said, "start that proxy, or set --upstream right")
    })
}
