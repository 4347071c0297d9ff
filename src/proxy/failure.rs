//! What went wrong below HTTP, told as data. Decided on types, never on message texts.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::wire::{Failure, FailureKind, FailureStage};

/// Said where corscope itself is to blame.
pub(super) const FAULT: &str = "a fault in corscope broke this exchange";

pub(super) fn failure(
    stage: FailureStage,
    kind: FailureKind,
    detail: impl Into<String>,
) -> Failure {
    Failure {
        stage,
        kind,
        detail: detail.into(),
    }
}

/// The kind of an error, found in its chain of sources.
pub(super) fn kind_of(error: &(dyn Error + 'static)) -> FailureKind {
    let mut protocol = false;
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return tls_kind(tls);
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // An io::Error does not name what it wraps as its source, but its source.
            if let Some(inner) = io.get_ref() {
                if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                    return tls_kind(tls);
                }
                if inner.is::<h2::Error>() || inner.is::<hyper::Error>() {
                    next = Some(inner);
                    continue;
                }
            }
            return io_kind(io);
        }
        if let Some(h2) = error.downcast_ref::<h2::Error>() {
            if let Some(io) = h2.get_io() {
                return io_kind(io);
            }
            return match h2.reason() {
                Some(
                    h2::Reason::PROTOCOL_ERROR
                    | h2::Reason::FRAME_SIZE_ERROR
                    | h2::Reason::FLOW_CONTROL_ERROR
                    | h2::Reason::COMPRESSION_ERROR
                    | h2::Reason::HTTP_1_1_REQUIRED,
                ) => FailureKind::Protocol,
                _ => FailureKind::Reset,
            };
        }
        if let Some(http) = error.downcast_ref::<hyper::Error>() {
            if http.is_incomplete_message() || http.is_closed() || http.is_canceled() {
                return FailureKind::Reset;
            }
            if http.is_timeout() {
                return FailureKind::TimedOut;
            }
            protocol |= http.is_parse();
        }
        next = error.source();
    }
    if protocol {
        FailureKind::Protocol
    } else {
        FailureKind::Other
    }
}

fn io_kind(error: &io::Error) -> FailureKind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => FailureKind::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => FailureKind::Reset,
        io::ErrorKind::TimedOut => FailureKind::TimedOut,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => FailureKind::Unreachable,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => FailureKind::Protocol,
        _ => FailureKind::Other,
    }
}

fn tls_kind(error: &rustls::Error) -> FailureKind {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            FailureKind::Certificate
        }
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnsupportedCertificate,
        ) => FailureKind::Certificate,
        _ => FailureKind::TlsProtocol,
    }
}

/// The first `rustls` error in an error that came out of a TLS stream.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The same in an error of HTTP, which may have it from the stream below.
pub(super) fn tls_error_below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<io::Error>().and_then(tls_error) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What is wrong with a server's certificate, in words.
pub(super) fn certificate_fault(error: &CertificateError, name: &str) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet (is the clock right?)".to_owned()
        }
        CertificateError::NotValidForName => format!("it is not for the name {name}"),
        CertificateError::NotValidForNameContext { presented, .. } => {
            if presented.is_empty() {
                format!("it is not for the name {name}")
            } else {
                let names: Vec<&str> = presented.iter().map(|p| shown_name(p)).collect();
                format!("it is for {}, not for {name}", names.join(", "))
            }
        }
        CertificateError::UnknownIssuer => {
            "it was issued by nobody this machine trusts (self-signed, or a local authority: \
             --upstream-ca FILE)"
                .to_owned()
        }
        CertificateError::Revoked => "it has been revoked".to_owned(),
        CertificateError::BadSignature => "its signature is wrong".to_owned(),
        CertificateError::BadEncoding => "it cannot be read".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not meant for a server".to_owned()
        }
        other => format!("it was refused ({other})"),
    }
}

/// The verifier names what a certificate was presented for in debug notation, `DnsName("a.test")`.
fn shown_name(presented: &str) -> &str {
    let inner = presented
        .split_once('(')
        .map_or(presented, |(_, rest)| rest);
    inner.trim_end_matches(')').trim_matches('"')
}

/// The last error of the chain, which is the one that says most.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
