//! Certificates shown to the browser: one per host, made when first asked for.

use std::net::IpAddr;
use std::sync::Arc;

use quick_cache::sync::Cache;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::ca::{Authority, moment, now_seconds, random_serial};

/// How many hosts' certificates are kept; the least used give way.
const LEAVES_MAX: usize = 1_000;
/// How long a leaf lives, in days. Browsers are stricter with long ones.
const LIFE_DAYS: i64 = 14;
/// How far it is back-dated, in days.
const BACK_DATED_DAYS: i64 = 2;
/// How long before its end a leaf is replaced, in days.
const RENEW_DAYS: i64 = 2;
const DAY_SECONDS: i64 = 86_400;

/// Why no certificate could be made for a host.
#[derive(Debug, thiserror::Error)]
pub(super) enum LeafError {
    /// The host is no name a certificate can hold, or signing failed.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The crypto library refuses what was made.
    #[error("cannot use the certificate made: {0}")]
    Use(#[from] rustls::Error),
}

/// Makes and keeps the server-side TLS configurations, one per host.
///
/// All leaves share one key, which is not the authority's. All configurations share session cache
/// and ticket key, so that connections resume.
pub(super) struct Leaves {
    authority: Authority,
    key: KeyPair,
    signing: Arc<dyn rustls::sign::SigningKey>,
    base: ServerConfig,
    made: Cache<String, Leaf>,
}

#[derive(Clone)]
struct Leaf {
    config: Arc<ServerConfig>,
    expires_at: i64,
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl Leaves {
    pub(super) fn new(authority: Authority) -> Result<Self, LeafError> {
        let key = KeyPair::generate()?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing = ring::sign::any_ecdsa_type(&der)?;
        let provider = Arc::new(ring::default_provider());
        let nobody = rustls::server::ResolvesServerCertUsingSni::new();
        let mut base = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(nobody));
        base.ticketer = ring::Ticketer::new()?;
        base.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            authority,
            key,
            signing,
            base,
            made: Cache::new(LEAVES_MAX),
        })
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The configuration that shows this host's certificate. Asked for by many at once, it is made
    /// once.
    pub(super) fn config_for(&self, host: &str) -> Result<Arc<ServerConfig>, LeafError> {
        let host = host.trim_end_matches('.');
        if let Some(leaf) = self.made.get(host) {
            if leaf.expires_at - now_seconds() > RENEW_DAYS * DAY_SECONDS {
                return Ok(leaf.config);
            }
            self.made.remove(host);
        }
        let leaf = self.made.get_or_insert_with(host, || self.make(host))?;
        Ok(leaf.config)
    }

    fn make(&self, host: &str) -> Result<Leaf, LeafError> {
        let now = now_seconds();
        let expires_at = (now + LIFE_DAYS * DAY_SECONDS).min(self.authority.expires_at());
        let mut params = CertificateParams::default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        params.subject_alt_names = vec![match bare.parse::<IpAddr>() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName(host.try_into()?),
        }];
        params.distinguished_name = DistinguishedName::new();
        if bare.len() <= 64 {
            // The longest a common name may be (RFC 5280, ub-common-name).
            params.distinguished_name.push(DnType::CommonName, bare);
        }
        params.serial_number = Some(random_serial()?);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = moment(now - BACK_DATED_DAYS * DAY_SECONDS);
        params.not_after = moment(expires_at);
        let certificate = params.signed_by(&self.key, &self.authority.issuer)?;
        let chain = vec![
            certificate.der().clone(),
            self.authority.certificate.der.clone(),
        ];
        let certified = CertifiedKey::new(chain, Arc::clone(&self.signing));
        let mut config = self.base.clone();
        config.cert_resolver = Arc::new(Always(Arc::new(certified)));
        Ok(Leaf {
            config: Arc::new(config),
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_names_its_host_and_is_not_long_lived() {
        let home = tempfile::tempdir().expect("a directory");
        let authority = Authority::load_or_create(home.path()).expect("made");
        let leaves = Leaves::new(authority).expect("leaves");
        let long = format!("{}.test", ["abcdefgh"; 9].join("."));
        for (host, san) in [
            ("api.app.test", "DNSName(\"api.app.test\")"),
            ("127.0.0.1", "IPAddress([127, 0, 0, 1])"),
            (
                "[::1]",
                "IPAddress([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])",
            ),
            (long.as_str(), "DNSName"),
        ] {
            let leaf = leaves.make(host).expect("made");
            let days = (leaf.expires_at - now_seconds()) / DAY_SECONDS;
            assert!(days <= 30);
            let chain = chain_of(&leaves, host);
            assert_eq!(chain.len(), 2, "leaf and authority are both served");
            assert_eq!(&chain[1], leaves.authority().certificate_der());
            let (_, x509) = x509_parser::parse_x509_certificate(&chain[0]).expect("x509");
            let names = x509
                .subject_alternative_name()
                .expect("ext")
                .expect("there");
            let shown = format!("{:?}", names.value.general_names);
            assert!(shown.contains(san), "{host}: {shown}");
            let life =
                x509.validity().not_after.timestamp() - x509.validity().not_before.timestamp();
            assert!(life <= 30 * DAY_SECONDS);
            assert!(x509.validity().not_before.timestamp() < now_seconds() - DAY_SECONDS);
            let (_, ca) = x509_parser::parse_x509_certificate(&chain[1]).expect("x509");
            assert_ne!(x509.public_key().raw, ca.public_key().raw, "separate keys");
            assert!(x509.verify_signature(Some(ca.public_key())).is_ok());
        }
        let (a, b) = (chain_of(&leaves, "a.test"), chain_of(&leaves, "b.test"));
        let serial = |der: &[u8]| {
            let (_, x509) = x509_parser::parse_x509_certificate(der).expect("x509");
            x509.raw_serial().to_vec()
        };
        assert_ne!(serial(&a[0]), serial(&b[0]));
    }

    #[test]
    fn made_once_per_host() {
        let home = tempfile::tempdir().expect("a directory");
        let leaves =
            Leaves::new(Authority::load_or_create(home.path()).expect("made")).expect("leaves");
        let one = leaves.config_for("a.test").expect("made");
        assert!(Arc::ptr_eq(
            &one,
            &leaves.config_for("a.test.").expect("kept")
        ));
        assert!(!Arc::ptr_eq(
            &one,
            &leaves.config_for("b.test").expect("made")
        ));
    }

    fn chain_of(leaves: &Leaves, host: &str) -> Vec<Vec<u8>> {
        // What a client is shown, by way of a handshake in memory.
        let config = leaves.config_for(host).expect("made");
        let mut server = rustls::ServerConnection::new(config).expect("server");
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(leaves.authority.certificate.der.clone())
            .expect("a usable root");
        let provider = Arc::new(ring::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let bare = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let name = bare.try_into().expect("a name");
        let mut client = rustls::ClientConnection::new(Arc::new(client), name).expect("client");
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).expect("in memory");
            server.read_tls(&mut &*wire).expect("in memory");
            server.process_new_packets().expect("fine");
            wire.clear();
            server.write_tls(&mut wire).expect("in memory");
            client.read_tls(&mut &*wire).expect("in memory");
            client.process_new_packets().expect("the client trusts it");
        }
        let shown = client.peer_certificates().expect("shown");
        shown.iter().map(|c| c.to_vec()).collect()
    }
}
