//! TLS towards the server: whom to trust.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::ProxyError;
use super::chain::Refused;
use super::identity::{ClientCert, Why};
use super::target::{HostList, Target};

/// Why the authorities given with `--upstream-ca` cannot be used.
#[derive(Debug, thiserror::Error)]
enum RootsError {
    /// The file cannot be read.
    #[error("{source}")]
    Read {
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no certificate in it, or one that is not an authority's.
    #[error("there is no usable PEM certificate in it")]
    NoCertificate,
}

/// The client configurations: verified or not, with or without HTTP/2. Made when first needed,
/// since reading the system's authorities takes milliseconds.
pub(super) struct UpstreamTls {
    provider: Arc<CryptoProvider>,
    extra: Vec<CertificateDer<'static>>,
    configs: Configs,
    /// Those for servers that are shown a certificate of ours.
    mutual: Vec<(HostList, Arc<SingleCertAndKey>, Configs)>,
}

type Configs = [OnceLock<Arc<ClientConfig>>; 4];

impl UpstreamTls {
    /// Reads the authorities to trust beside the system's, and the certificates to show.
    pub(super) fn new(
        upstream_ca: Option<&PathBuf>,
        upstream_ca_pem: Option<&str>,
        client_certs: &[ClientCert],
    ) -> Result<Self, ProxyError> {
        let refused = |path: PathBuf, error: &RootsError| ProxyError::UpstreamCa {
            path,
            why: error.to_string(),
        };
        let mut extra = upstream_ca.map_or(Ok(Vec::new()), |path| {
            read_roots(path).map_err(|error| refused(path.clone(), &error))
        })?;
        if let Some(pem) = upstream_ca_pem {
            let more = roots(pem.as_bytes());
            extra.extend(more.map_err(|error| refused("(in memory)".into(), &error))?);
        }
        let provider = Arc::new(ring::default_provider());
        let mutual = client_certs.iter().map(|cert| {
            let shown = cert.read(&provider).map_err(|Why { path, why }| {
                let host = cert.host.clone();
                ProxyError::ClientCert { host, path, why }
            })?;
            let hosts = HostList::new(std::slice::from_ref(&cert.host));
            Ok((hosts, shown, Configs::default()))
        });
        Ok(Self {
            extra,
            configs: Configs::default(),
            mutual: mutual.collect::<Result<_, ProxyError>>()?,
            provider,
        })
    }

    /// The configuration for one connection.
    pub(super) fn config(&self, target: &Target, insecure: bool, http2: bool) -> Arc<ClientConfig> {
        let mut mutual = self.mutual.iter();
        let shown = mutual.find(|(hosts, ..)| {
            hosts.contains(target.tls_name(), target.port)
                || hosts.contains(&target.host, target.port)
        });
        let (identity, configs) = match shown {
            Some((_, identity, configs)) => (Some(identity), configs),
            None => (None, &self.configs),
        };
        let slot = &configs[usize::from(insecure) * 2 + usize::from(http2)];
        Arc::clone(slot.get_or_init(|| Arc::new(self.make(insecure, http2, identity))))
    }

    fn make(
        &self,
        insecure: bool,
        http2: bool,
        identity: Option<&Arc<SingleCertAndKey>>,
    ) -> ClientConfig {
        let verifier: Arc<dyn ServerCertVerifier> = if insecure {
            Arc::new(Anyone(Arc::clone(&self.provider)))
        } else {
            Arc::new(Explaining(self.verifier()))
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .expect("ring speaks the default versions")
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match identity {
            Some(identity) => config.with_client_cert_resolver(Arc::clone(identity) as _),
            None => config.with_no_client_auth(),
        };
        if http2 {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        config
    }

    /// The system's verifier; where the system knows no authority at all, the given ones only.
    fn verifier(&self) -> Arc<dyn ServerCertVerifier> {
        let platform = rustls_platform_verifier::Verifier::new_with_extra_roots(
            self.extra.iter().cloned(),
            Arc::clone(&self.provider),
        );
        if let Ok(verifier) = platform {
            return Arc::new(verifier);
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.extra.iter().cloned());
        let provider = Arc::clone(&self.provider);
        match WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() {
            Ok(verifier) => verifier,
            Err(_) => Arc::new(Nobody(Arc::clone(&self.provider))),
        }
    }
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let bytes = std::fs::read(path).map_err(|source| RootsError::Read { source })?;
    roots(&bytes)
}

fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| RootsError::NoCertificate)?;
    let mut usable = RootCertStore::empty();
    for certificate in &certificates {
        if usable.add(certificate.clone()).is_err() {
            return Err(RootsError::NoCertificate);
        }
    }
    if certificates.is_empty() {
        return Err(RootsError::NoCertificate);
    }
    Ok(certificates)
}

/// Accepts any certificate: for the hosts of `--insecure` only. The server still proves that it
/// holds the key of what it shows.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

/// Accepts none: there is no authority to ask.
#[derive(Debug)]
struct Nobody(Arc<CryptoProvider>);

/// Asks another; what that one refuses is told with the certificates that were shown.
#[derive(Debug)]
struct Explaining(Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            (self.0).verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| match error {
            rustls::Error::InvalidCertificate(fault) => {
                Refused::error(&fault, end_entity, intermediates, server_name, now)
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.0.requires_raw_public_keys()
    }

    fn root_hint_subjects(&self) -> Option<&[rustls::DistinguishedName]> {
        self.0.root_hint_subjects()
    }
}

macro_rules! verifier {
    ($type:ident, $verdict:expr) => {
        impl ServerCertVerifier for $type {
            fn verify_server_cert(
                &self,
                _: &CertificateDer<'_>,
                _: &[CertificateDer<'_>],
                _: &ServerName<'_>,
                _: &[u8],
                _: UnixTime,
            ) -> Result<ServerCertVerified, rustls::Error> {
                $verdict
            }

            fn verify_tls12_signature(
                &self,
                message: &[u8],
                certificate: &CertificateDer<'_>,
                signed: &DigitallySignedStruct,
            ) -> Result<HandshakeSignatureValid, rustls::Error> {
                let algorithms = &self.0.signature_verification_algorithms;
                verify_tls12_signature(message, certificate, signed, algorithms)
            }

            fn verify_tls13_signature(
                &self,
                message: &[u8],
                certificate: &CertificateDer<'_>,
                signed: &DigitallySignedStruct,
            ) -> Result<HandshakeSignatureValid, rustls::Error> {
                let algorithms = &self.0.signature_verification_algorithms;
                verify_tls13_signature(message, certificate, signed, algorithms)
            }

            fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
                self.0.signature_verification_algorithms.supported_schemes()
            }
        }
    };
}

verifier!(Anyone, Ok(ServerCertVerified::assertion()));
verifier!(
    Nobody,
    Err(rustls::Error::InvalidCertificate(
        CertificateError::UnknownIssuer
    ))
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_authorities_are_refused_at_once() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("ca.pem");
        assert!(matches!(read_roots(&path), Err(RootsError::Read { .. })));
        assert!(UpstreamTls::new(Some(&path), None, &[]).is_err());
        std::fs::write(&path, "no certificate").expect("written");
        assert!(matches!(read_roots(&path), Err(RootsError::NoCertificate)));
    }

    #[test]
    fn starting_needs_no_authority() {
        let tls = UpstreamTls::new(None, None, &[]).expect("usable");
        let target = Target::of(&"a.test".parse().expect("one"), true).expect("a target");
        for (insecure, http2) in [(false, false), (false, true), (true, false), (true, true)] {
            let config = tls.config(&target, insecure, http2);
            assert_eq!(config.alpn_protocols.len(), 1 + usize::from(http2));
        }
    }
}
