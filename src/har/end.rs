//! How an entry of a HAR ended, and what the browser that wrote it said of it.

use serde_json::Value;

use super::creator::Creator;
use crate::wire::{End, Failure, FailureKind, FailureStage};

/// What the browser itself said of an exchange. Of one that was answered DevTools notes when it failed
/// all the same, so that nothing noted tells too.
pub(super) fn told(creator: Creator, own: &Value, answered: bool, error: &str) -> Option<String> {
    // What our own writer puts there is our opinion.
    if own.is_object() {
        return own["told"].as_str().map(str::to_owned);
    }
    let said = !error.is_empty() || creator == Creator::DevTools && answered;
    said.then(|| error.to_owned())
}

// Chrome gives its net error, Firefox its own name, Safari and mitmproxy a sentence, programs on node
// the name of the system's error. An answered request keeps the errors that only
// say that the browser withheld the answer out of its end.
pub(super) fn end(answered: bool, error: &str) -> End {
    let has = |words: &[&str]| words.iter().any(|word| error.contains(word));
    let withheld = has(&["ERR_FAILED", "ERR_BLOCKED_BY", "ERR_ABORTED"]);
    if answered && (error.is_empty() || withheld || !error.contains("ERR_")) {
        return End::Complete;
    }
    if has(&[
        "ERR_ABORTED",
        "NS_BINDING_ABORTED",
        "cancelled",
        "Client disconnected",
        "Connection killed",
    ]) {
        return End::Aborted;
    }
    let (stage, kind) = if has(&[
        "NAME_NOT_RESOLVED",
        "UNKNOWN_HOST",
        "specified hostname could not be found",
        "Name or service not known",
        "getaddrinfo",
        "ENOTFOUND",
    ]) {
        (FailureStage::Dns, FailureKind::NameNotResolved)
    } else if has(&[
        "CONNECTION_REFUSED",
        "Could not connect to the server",
        "Connect call failed",
        "Connection refused",
        "ECONNREFUSED",
    ]) {
        (FailureStage::Connect, FailureKind::Refused)
    } else if has(&["UNREACHABLE", "INTERNET_DISCONNECTED", "NETWORK_CHANGED"]) {
        (FailureStage::Connect, FailureKind::Unreachable)
    } else if has(&["TIMED_OUT", "TIMEOUT", "timed out", "ETIMEDOUT"]) {
        (FailureStage::Wait, FailureKind::TimedOut)
    } else if has(&["ERR_CERT", "ertificate verify failed", "SEC_ERROR"]) {
        (FailureStage::Tls, FailureKind::Certificate)
    } else if has(&["ERR_SSL"]) {
        (FailureStage::Tls, FailureKind::TlsProtocol)
    } else if has(&[
        "EMPTY_RESPONSE",
        "CONNECTION_RESET",
        "CONNECTION_CLOSED",
        "NET_RESET",
        "network connection was lost",
        "server closed connection",
        "ECONNRESET",
        "socket hang up",
    ]) {
        (FailureStage::Wait, FailureKind::Reset)
    } else if has(&[
        "HTTP2",
        "HTTP_",
        "QUIC",
        "INVALID_RESPONSE",
        "CHUNKED",
        "CONTENT_LENGTH",
    ]) {
        (FailureStage::Wait, FailureKind::Protocol)
    } else {
        (FailureStage::Wait, FailureKind::Other)
    };
    End::Failed(Failure {
        stage: if answered {
            FailureStage::Receive
        } else {
            stage
        },
        kind,
        detail: if error.is_empty() {
            "the file has no response for this request".to_owned()
        } else {
            error.to_owned()
        },
    })
}

// As our own writer says it, exactly.
pub(super) fn own_end(value: &Value) -> Option<End> {
    match value["end"].as_str()? {
        "complete" => Some(End::Complete),
        "aborted" => Some(End::Aborted),
        "failed" => Some(End::Failed(Failure {
            stage: FailureStage::from_name(value["stage"].as_str()?)?,
            kind: FailureKind::from_name(value["kind"].as_str()?)?,
            detail: value["detail"].as_str().unwrap_or_default().to_owned(),
        })),
        _ => None,
    }
}
