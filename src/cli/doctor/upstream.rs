//! The certificates that are to be trusted when talking to servers.

use std::fs;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_rustls::rustls::RootCertStore;

use super::finding::Finding;
use crate::cli::output::reason;

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
