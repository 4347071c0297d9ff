//! What a browser says of a call that broke below HTTP, and that it is no matter of CORS.

use super::facts::Facts;
use crate::cors::{Browser, Check};
use crate::har::net_error;
use crate::wire::{End, Failure, FailureKind, FailureStage, Source};

/// Chromium's name of a failure on the way to the server.
pub(super) fn chromium_name(failure: &Failure) -> &'static str {
    if failure.kind == FailureKind::Certificate {
        // The words are ours, in `proxy/failure.rs`; a test there holds them together.
        let says = |words: &[&str]| words.iter().any(|word| failure.detail.contains(word));
        if says(&["has expired", "is not valid yet"]) {
            return "net::ERR_CERT_DATE_INVALID";
        }
        if says(&["it is not for the name", "it is for "]) {
            return "net::ERR_CERT_COMMON_NAME_INVALID";
        }
        if says(&["it has been revoked"]) {
            return "net::ERR_CERT_REVOKED";
        }
    }
    net_error(&End::Failed(failure.clone())).unwrap_or("net::ERR_FAILED")
}

/// Headline and explanation where a client did not take our certificate: no server is to blame.
pub(super) fn refusal(facts: &Facts<'_>) -> Option<(&'static str, &'static str)> {
    let exchange = facts.exchange.as_ref()?;
    let End::Failed(failure) = &exchange.end else {
        return None;
    };
    let stage = failure.stage == FailureStage::ClientTls;
    match failure.kind {
        FailureKind::Certificate | FailureKind::Reset if stage => Some((
            "The client does not take corscope's certificate",
            "It ended the TLS handshake with corscope before it asked for anything, so the server was \
             not asked. This is not CORS.",
        )),
        _ => None,
    }
}

/// What the console shows and the script gets, and that no rule of CORS was broken; for calls of
/// scripts that were seen on the wire.
pub(super) fn remark(facts: &Facts<'_>) -> Option<String> {
    if !matches!(
        facts.cause.check,
        Check::NetworkError | Check::PreflightNetworkError
    ) || facts.diagnosis.initiator != "fetch"
    {
        return None;
    }
    let exchange = facts.exchange.as_ref()?;
    let End::Failed(failure) = &exchange.end else {
        return None;
    };
    let asked = !matches!(
        failure.stage,
        FailureStage::ClientTls | FailureStage::Proxy | FailureStage::Receive
    );
    if exchange.source != Source::Proxy || exchange.response.is_some() || !asked {
        return None;
    }
    let cross = facts.diagnosis.origin.is_some();
    let page = if failure.kind == FailureKind::TimedOut {
        "504 page"
    } else {
        "502 page"
    };
    let alone = match facts.diagnosis.browser {
        Browser::Chromium => format!(
            "Chromium's console says {} for this, and the script gets “TypeError: Failed to fetch”.",
            chromium_name(failure)
        ),
        Browser::Firefox if cross => {
            "Firefox prints “Cross-Origin Request Blocked … (Reason: CORS request did not succeed)” \
             for this, and the script gets “NetworkError when attempting to fetch resource.”"
                .to_owned()
        }
        Browser::Firefox => {
            "In Firefox the script gets “NetworkError when attempting to fetch resource.”".to_owned()
        }
        Browser::Safari => "In Safari the script gets “TypeError: Load failed”.".to_owned(),
    };
    let through = if cross {
        format!(
            "Through corscope the browser gets corscope's own {page} instead, which has no CORS \
             header, so the console may speak of a missing one. No rule of CORS was broken."
        )
    } else {
        format!("Through corscope the script gets corscope's own {page} instead.")
    };
    Some(format!("{alone} {through}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_by_what_is_wrong_with_them() {
        for (detail, name) in [
            (
                "the certificate of api.test was refused: it has expired on 2020-01-01",
                "DATE_INVALID",
            ),
            ("it is not valid yet (is the clock right?)", "DATE_INVALID"),
            ("it is not for the name api.test", "COMMON_NAME_INVALID"),
            (
                "it is for other.test, not for api.test",
                "COMMON_NAME_INVALID",
            ),
            (
                "it is self-signed, so nobody this machine trusts vouches for it",
                "AUTHORITY_INVALID",
            ),
        ] {
            let failure = Failure {
                stage: FailureStage::Tls,
                kind: FailureKind::Certificate,
                detail: detail.to_owned(),
            };
            assert_eq!(
                chromium_name(&failure),
                format!("net::ERR_CERT_{name}"),
                "{detail}"
            );
        }
    }
}
