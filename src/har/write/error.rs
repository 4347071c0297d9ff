//! How an exchange ended, in Chrome's words and in ours.

use serde_json::{Value, json};

use crate::wire::{End, Exchange, Failure, FailureKind, FailureStage};

/// Chrome's name of what went wrong; `None` for an exchange that went well.
pub fn net_error(end: &End) -> Option<&'static str> {
    let failure = match end {
        End::Complete => return None,
        End::Open => return Some("net::ERR_IO_PENDING"),
        End::Aborted => return Some("net::ERR_ABORTED"),
        End::Failed(failure) => failure,
    };
    Some(match (failure.kind, failure.stage) {
        (FailureKind::NameNotResolved, _) => "net::ERR_NAME_NOT_RESOLVED",
        (FailureKind::Refused, _) => "net::ERR_CONNECTION_REFUSED",
        (FailureKind::Unreachable, _) => "net::ERR_ADDRESS_UNREACHABLE",
        (FailureKind::TimedOut, FailureStage::Connect) => "net::ERR_CONNECTION_TIMED_OUT",
        (FailureKind::TimedOut, _) => "net::ERR_TIMED_OUT",
        (FailureKind::Reset, FailureStage::Wait) => "net::ERR_EMPTY_RESPONSE",
        (FailureKind::Reset, _) => "net::ERR_CONNECTION_RESET",
        (FailureKind::Certificate, _) => "net::ERR_CERT_AUTHORITY_INVALID",
        (FailureKind::TlsProtocol, _) => "net::ERR_SSL_PROTOCOL_ERROR",
        (FailureKind::Protocol, _) => "net::ERR_INVALID_HTTP_RESPONSE",
        (FailureKind::Loop | FailureKind::Other, _) => "net::ERR_FAILED",
    })
}

/// The same in our own words, exactly.
pub(super) fn own(exchange: &Exchange) -> Option<Value> {
    Some(match &exchange.end {
        // A tunnel, whose answer is nobody's business.
        End::Complete if exchange.response.is_none() => json!({"end": "complete"}),
        End::Complete => return None,
        End::Open => json!({"end": "open"}),
        End::Aborted => json!({"end": "aborted"}),
        End::Failed(Failure {
            stage,
            kind,
            detail,
        }) => json!({
            "end": "failed",
            "stage": stage.name(),
            "kind": kind.name(),
            "detail": detail,
        }),
    })
}
