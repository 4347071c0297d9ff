//! Certificates of ours that servers ask for: mutual TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate to show to certain servers that ask for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCert {
    /// To which: `api.test`, `api.test:8443`, `*.api.test`.
    pub host: String,
    /// PEM file of the certificate, followed by those of its issuers.
    pub chain: PathBuf,
    /// PEM file of its key, not encrypted; may be the same file.
    pub key: PathBuf,
}

impl ClientCert {
    /// Reads both files. Why they cannot be used, in words.
    pub(super) fn read(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<SingleCertAndKey>, Why> {
        let at = |path: &Path, why: String| Why {
            path: path.to_owned(),
            why,
        };
        let bytes = read(&self.chain).map_err(|why| at(&self.chain, why))?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .map_err(|_| at(&self.chain, "it is no readable PEM file".to_owned()))?;
        if chain.is_empty() {
            let why = if bytes.starts_with(&[0x30]) {
                "it is no PEM file but DER or PKCS #12; convert it with openssl x509 or openssl pkcs12"
            } else {
                "there is no certificate in it"
            };
            return Err(at(&self.chain, why.to_owned()));
        }
        let bytes = read(&self.key).map_err(|why| at(&self.key, why))?;
        let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
            let encrypted = memchr::memmem::find(&bytes, b"ENCRYPTED").is_some();
            let why = if encrypted {
                "its key is encrypted; write it out with openssl pkey -in FILE -out PLAIN"
            } else {
                "there is no private key in it that can be read"
            };
            at(&self.key, why.to_owned())
        })?;
        let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            let why = match error {
                rustls::Error::InconsistentKeys(_) => {
                    "it is not the key of that certificate".to_owned()
                }
                other => format!("it cannot be used ({other})"),
            };
            at(&self.key, why)
        })?;
        Ok(Arc::new(SingleCertAndKey::from(certified)))
    }
}

/// Which file cannot be used, and why.
#[derive(Debug)]
pub(super) struct Why {
    pub path: PathBuf,
    pub why: String,
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| error.to_string())
}
