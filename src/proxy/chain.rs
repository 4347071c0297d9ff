//! A server's certificates in words: what is wrong with them, and what each of them is.

use std::fmt;
use std::fmt::Write;
use std::sync::Arc;

use rustls::{CertificateError, OtherError};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::time::ASN1Time;

use super::failure::certificate_fault;

/// How many certificates are named.
const NAMED_MAX: usize = 5;
/// How much is shown of a name that a stranger chose, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Certificates that were not accepted.
#[derive(Debug)]
pub(super) struct Refused {
    /// What is wrong, and what the certificates are.
    pub words: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// The fault a verifier found, with the chain it found it in.
    pub(super) fn error(
        fault: &CertificateError,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> rustls::Error {
        let words = explain(fault, leaf, others, &name.to_str(), now);
        let refused = OtherError(Arc::new(Self { words }));
        rustls::Error::InvalidCertificate(CertificateError::Other(refused))
    }
}

/// A certificate, as far as it is told.
struct Shown {
    subject: String,
    issuer: String,
    issued_itself: bool,
    /// Whether it says where its issuer's certificate is to be had, as those of public authorities do.
    says_issuer: bool,
    since: String,
    until: String,
    ended: bool,
}

fn explain(
    fault: &CertificateError,
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    name: &str,
    now: UnixTime,
) -> String {
    let all: Vec<Option<Shown>> = std::iter::once(leaf)
        .chain(others)
        .take(NAMED_MAX)
        .map(|der| read(der, now))
        .collect();
    let mut words = match (fault, all.first().and_then(Option::as_ref)) {
        (CertificateError::UnknownIssuer, Some(first)) => unknown_issuer(first, &all),
        (CertificateError::Expired | CertificateError::ExpiredContext { .. }, _) => {
            match all.iter().flatten().find(|c| c.ended) {
                Some(old) if all[0].as_ref().is_some_and(|first| !first.ended) => {
                    format!("the one of its issuer \"{}\" has expired", old.subject)
                }
                Some(old) => format!("it has expired on {}", old.until),
                None => certificate_fault(fault, name),
            }
        }
        _ => certificate_fault(fault, name),
    };
    words.push_str(". The server shows");
    for (i, shown) in all.iter().enumerate() {
        let _ = write!(words, "{} ({}) ", if i == 0 { "" } else { "," }, i + 1);
        match shown {
            Some(c) if c.issued_itself => {
                let _ = write!(
                    words,
                    "\"{}\", self-signed, valid {} to {}",
                    c.subject, c.since, c.until
                );
            }
            Some(c) => {
                let _ = write!(
                    words,
                    "\"{}\", issued by \"{}\", valid {} to {}",
                    c.subject, c.issuer, c.since, c.until
                );
            }
            None => words.push_str("one that cannot be read"),
        }
    }
    let more = (1 + others.len()).saturating_sub(NAMED_MAX);
    if more > 0 {
        let _ = write!(words, " and {more} more");
    }
    words
}

fn unknown_issuer(first: &Shown, all: &[Option<Shown>]) -> String {
    let last = all.last().and_then(Option::as_ref).unwrap_or(first);
    if first.issued_itself {
        return "it is self-signed, so nobody this machine trusts vouches for it \
                (--upstream-ca FILE trusts it)"
            .to_owned();
    }
    if last.issued_itself {
        return format!(
            "it leads to \"{}\", which is nobody this machine trusts (a local authority: \
             --upstream-ca FILE trusts it)",
            last.subject
        );
    }
    if all.len() == 1 && first.says_issuer {
        return format!(
            "the server does not send the certificate of \"{}\", which issued it, so it leads to \
             nobody this machine trusts: have the server send its full chain",
            first.issuer
        );
    }
    format!(
        "it was issued by \"{}\", which is nobody this machine trusts (a local authority: \
         --upstream-ca FILE trusts it), or the server leaves a certificate in between out",
        last.issuer
    )
}

fn read(der: &CertificateDer<'_>, now: UnixTime) -> Option<Shown> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let says_issuer = certificate.extensions().iter().any(|e| {
        // Authority information access (RFC 5280 § 4.2.2.1).
        e.oid.to_id_string() == "1.3.6.1.5.5.7.1.1"
    });
    let names = certificate.subject_alternative_name().ok().flatten();
    let first_name = names.and_then(|names| {
        names
            .value
            .general_names
            .iter()
            .find_map(|name| match name {
                x509_parser::extensions::GeneralName::DNSName(name) => Some(clean(name)),
                _ => None,
            })
    });
    let subject = shown_name(certificate.subject());
    Some(Shown {
        subject: subject
            .or(first_name)
            .unwrap_or_else(|| "no name".to_owned()),
        issuer: shown_name(certificate.issuer()).unwrap_or_else(|| "no name".to_owned()),
        issued_itself: certificate.subject() == certificate.issuer()
            && !certificate.subject().as_raw().is_empty(),
        says_issuer,
        since: day(validity.not_before),
        until: day(validity.not_after),
        ended: validity.not_after.timestamp() < seconds,
    })
}

/// Common name and organisation, as far as there are any.
fn shown_name(name: &X509Name<'_>) -> Option<String> {
    let common = name.iter_common_name().next().and_then(|n| n.as_str().ok());
    let whose = name
        .iter_organization()
        .next()
        .and_then(|n| n.as_str().ok());
    match (common.map(clean), whose.map(clean)) {
        (Some(common), Some(whose)) if common != whose => Some(format!("{common}, {whose}")),
        (common, whose) => common.or(whose),
    }
}

/// What a stranger wrote, fit for one line.
fn clean(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control() && *c != '"');
    plain.take(NAME_CHARS_MAX).collect()
}

/// A day such as 2026-11-23.
fn day(time: ASN1Time) -> String {
    time.to_datetime().date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    fn params(name: &str, until: i32) -> CertificateParams {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 2, 3);
        params
    }

    fn authority(name: &str, until: i32) -> CertificateParams {
        let mut params = params(name, until);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    #[test]
    fn every_fault_names_the_chain() {
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_750_000_000));
        let key = || KeyPair::generate().expect("a key");
        let (root_key, middle_key, leaf_key) = (key(), key(), key());
        let root = authority("Root\u{1b}[31m", 2040);
        let root_cert = root.self_signed(&root_key).expect("signed");
        let root = Issuer::new(root, root_key);
        let middle = authority("Middle", 2021);
        let middle_cert = middle.signed_by(&middle_key, &root).expect("signed");
        let middle = Issuer::new(middle, middle_key);
        let leaf = |until| {
            params("api.test", until)
                .signed_by(&leaf_key, &middle)
                .expect("signed")
        };
        let alone = params("api.test", 2030)
            .self_signed(&leaf_key)
            .expect("signed");
        let (old, fine) = (leaf(2022), leaf(2030));
        let said = |fault: &CertificateError,
                    leaf: &rcgen::Certificate,
                    others: &[&rcgen::Certificate]| {
            let others: Vec<_> = others.iter().map(|c| c.der().clone()).collect();
            explain(fault, leaf.der(), &others, "api.test", now)
        };
        let unknown = CertificateError::UnknownIssuer;
        let expired = CertificateError::Expired;
        for (text, wanted) in [
            (said(&unknown, &alone, &[]), "it is self-signed"),
            (
                said(&unknown, &alone, &[]),
                "(1) \"api.test\", self-signed, valid 2020-01-01 to 2030-02-03",
            ),
            (
                said(&unknown, &fine, &[]),
                "issued by \"Middle\", which is nobody",
            ),
            (
                said(&unknown, &fine, &[&middle_cert]),
                "issued by \"Root[31m\", which is nobody",
            ),
            (
                said(&unknown, &fine, &[&middle_cert, &root_cert]),
                "it leads to \"Root[31m\"",
            ),
            (said(&expired, &old, &[]), "it has expired on 2022-02-03"),
            (
                said(&expired, &fine, &[&middle_cert]),
                "the one of its issuer \"Middle\" has expired",
            ),
            (
                said(&CertificateError::NotValidForName, &fine, &[&middle_cert]),
                "it is not for the name api.test. The server shows (1) \"api.test\", issued by \
                 \"Middle\", valid 2020-01-01 to 2030-02-03, (2) \"Middle\"",
            ),
        ] {
            assert!(text.contains(wanted), "{wanted}\n{text}");
        }
        let junk = CertificateDer::from(vec![1, 2, 3]);
        let text = explain(&CertificateError::BadEncoding, &junk, &[], "a.test", now);
        assert!(
            text.contains("it cannot be read. The server shows (1) one that cannot be read"),
            "{text}"
        );
    }
}
