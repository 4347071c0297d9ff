//! The public half of an authority: what it is called, how long it lives, how it is recognised.

use std::fmt::Write as _;

use base64::Engine;
use rustls::crypto::ring;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha1::{Digest, Sha1};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The organisation in the name of every authority of corscope, and of nothing else.
pub(super) const ORGANIZATION: &str = "corscope (local development only)";
const DAY_SECONDS: i64 = 86_400;

/// An authority's certificate, without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaCertificate {
    pub(in crate::proxy) der: CertificateDer<'static>,
    pem: String,
    name: String,
    is_corscope: bool,
    not_before: i64,
    not_after: i64,
}

impl CaCertificate {
    /// Reads any certificate; [`is_corscope`](Self::is_corscope) says whether it is one of ours.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (_, x509) = X509Certificate::from_der(der).ok()?;
        let subject = x509.subject();
        let name = subject.iter_common_name().next();
        let name = name.and_then(|n| n.as_str().ok()).unwrap_or_default();
        let organization = subject.iter_organization().next();
        let organization = organization.and_then(|n| n.as_str().ok());
        Some(Self {
            der: CertificateDer::from(der.to_vec()),
            pem: pem_of(der),
            name: name.to_owned(),
            is_corscope: organization == Some(ORGANIZATION),
            not_before: x509.validity().not_before.timestamp(),
            not_after: x509.validity().not_after.timestamp(),
        })
    }

    /// Every certificate in a PEM text.
    pub fn all_from_pem(text: &[u8]) -> Vec<Self> {
        CertificateDer::pem_slice_iter(text)
            .filter_map(|der| Self::from_der(&der.ok()?))
            .collect()
    }

    /// Whether corscope made it, on whichever machine.
    pub fn is_corscope(&self) -> bool {
        self.is_corscope
    }

    /// As DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// As PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its common name: `corscope on laptop, 2026-11-23 (3f9a2c)`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From when on it is valid, in seconds since 1970-01-01T00:00:00Z.
    pub fn valid_from(&self) -> i64 {
        self.not_before
    }

    /// When it expires, in seconds since 1970-01-01T00:00:00Z.
    pub fn expires_at(&self) -> i64 {
        self.not_after
    }

    /// How many days are left of its life at this moment, to the nearest; negative when it is over.
    pub fn days_left(&self, now_seconds: i64) -> i64 {
        (self.not_after - now_seconds + DAY_SECONDS / 2).div_euclid(DAY_SECONDS)
    }

    /// The day it expires, `2027-01-31`.
    pub fn expires_on(&self) -> String {
        day(self.not_after)
    }

    /// SHA-256 of the whole certificate, `AB:CD:…`, as browsers show it.
    pub fn sha256(&self) -> String {
        hex(&sha256(&self.der), ":")
    }

    /// The same without colons, in lower case.
    pub fn sha256_bare(&self) -> String {
        hex(&sha256(&self.der), "").to_lowercase()
    }

    /// SHA-1 of the whole certificate without colons: the thumbprint by which Windows knows it.
    pub fn sha1_bare(&self) -> String {
        hex(&Sha1::digest(&self.der), "")
    }
}

pub(super) fn sha256(data: &[u8]) -> Vec<u8> {
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let hash = suite.tls13().map(|s| s.common.hash_provider.hash(data));
    hash.map_or_else(Vec::new, |h| h.as_ref().to_vec())
}

pub(super) fn hex(bytes: &[u8], between: &str) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            text.push_str(between);
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}

pub(super) fn day(seconds: i64) -> String {
    let at = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    at.format("%Y-%m-%d").to_string()
}

fn pem_of(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
