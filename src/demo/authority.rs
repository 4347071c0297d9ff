//! The demo's own certificate authority, made anew at every start and forgotten at the end.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::ServerConfig;

use super::DemoError;
use super::site::Party;

/// How long the certificates are valid, in days before and after now.
const VALID_DAYS: (i64, i64) = (1, 7);

/// What the demo's servers present, and what proves it.
pub(super) struct Authority {
    /// The CA's certificate; whoever is to reach the servers must trust it.
    pub(super) ca_pem: String,
    /// TLS for every https party, offering HTTP/2 and HTTP/1.1.
    pub(super) tls: Arc<ServerConfig>,
}

impl Authority {
    pub(super) fn create() -> Result<Self, DemoError> {
        let ca_key = KeyPair::generate()?;
        let mut ca = params(Vec::new())?;
        ca.distinguished_name
            .push(DnType::CommonName, "corscope demo servers (this run only)");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key);

        let mut hosts: Vec<String> = Party::ALL.map(|p| p.host().to_owned()).to_vec();
        hosts.dedup();
        let leaf_key = KeyPair::generate()?;
        let mut leaf = params(hosts)?;
        leaf.distinguished_name
            .push(DnType::CommonName, "corscope demo");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;

        let chain: Vec<CertificateDer<'static>> =
            vec![leaf_certificate.der().clone(), ca_certificate.der().clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            ca_pem: ca_certificate.pem(),
            tls: Arc::new(tls),
        })
    }
}

fn params(hosts: Vec<String>) -> Result<CertificateParams, DemoError> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now - time::Duration::days(VALID_DAYS.0);
    params.not_after = now + time::Duration::days(VALID_DAYS.1);
    Ok(params)
}
