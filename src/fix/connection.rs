//! What to do where no answer came that a browser would take for one.

use super::hop::Hop;
use crate::cors::Stage;
use crate::wire::{End, Exchange, Failure, FailureKind, FailureStage, Origin, ResponseHead};

/// What to mend below HTTP, first things first. `stage` is the request that broke.
pub(super) fn mend(hop: &Hop, stage: Stage) -> Vec<String> {
    let (exchange, head) = match stage {
        Stage::Preflight => (&hop.preflight, hop.preflight_head()),
        Stage::Redirect | Stage::Actual => (&hop.actual, hop.actual_head()),
    };
    if let Some(head) = head {
        return vec![odd_answer(&head)];
    }
    let failure = exchange.as_deref().and_then(failure_of);
    if let Some(sentence) = failure.and_then(|failure| client_side(hop, failure)) {
        return vec![sentence];
    }
    let failure = failure.map(|failure| failure.kind);
    vec![
        first(hop, stage, failure),
        "No header helps before that: the browser got no HTTP answer at all.".to_owned(),
    ]
}

fn failure_of(exchange: &Exchange) -> Option<&Failure> {
    match &exchange.end {
        End::Failed(failure) => Some(failure),
        _ => None,
    }
}

/// What to do where no server is to blame, since none was asked.
fn client_side(hop: &Hop, failure: &Failure) -> Option<String> {
    let server = Origin::of_url(&hop.url).map_or_else(|| hop.url.clone(), |o| o.to_string());
    match (failure.stage, failure.kind) {
        (FailureStage::ClientTls, FailureKind::Certificate | FailureKind::Reset) => Some(format!(
            "Let the client trust corscope's authority, or leave {server} alone: P on this row, or \
             --pass-through at the start. The server was not asked."
        )),
        (FailureStage::Upstream, _) => Some(format!(
            "Look at the proxy behind corscope, which did not get to {server}: --upstream names another, \
             --no-upstream does without."
        )),
        (FailureStage::Proxy, FailureKind::Protocol) => {
            Some("Look at the client: what it sent is no request that can be passed on.".to_owned())
        }
        _ => None,
    }
}

/// Answers that browsers take for a failure of the network (recorded on Chromium 156, Firefox 153).
fn odd_answer(head: &ResponseHead) -> String {
    if head.status == 407 {
        "Have the server answer with 401: a browser takes 407 for its own proxy's.".to_owned()
    } else if head.headers.all("location").count() > 1 {
        "Send a single Location: this answer has two different ones.".to_owned()
    } else {
        format!(
            "Mend the {} first: the browser does not take it for an answer.",
            head.status
        )
    }
}

fn first(hop: &Hop, stage: Stage, failure: Option<FailureKind>) -> String {
    let server = Origin::of_url(&hop.url).map_or_else(|| hop.url.clone(), |o| o.to_string());
    match failure {
        Some(FailureKind::NameNotResolved) => {
            format!("Check the host name: that of {server} does not resolve.")
        }
        Some(FailureKind::Refused) => format!("Start the server: nothing listens at {server}."),
        Some(FailureKind::Unreachable) => {
            format!("Check network and VPN: there is no way to {server}.")
        }
        Some(FailureKind::TimedOut) => format!(
            "Find out why {server} does not answer: it hangs, or a firewall drops what is sent to it."
        ),
        Some(FailureKind::Certificate) => format!(
            "Mend the certificate of {server}: it has expired, is for another name, or nobody trusts who signed it."
        ),
        Some(FailureKind::TlsProtocol) => {
            format!(
                "Call {server} by the scheme and port it really serves: there is no TLS on this one."
            )
        }
        Some(FailureKind::Protocol) => {
            format!("Read the log of {server}: what it answered is not HTTP.")
        }
        Some(FailureKind::Loop) => {
            "Call the server's own address: this one is corscope's.".to_owned()
        }
        Some(FailureKind::Reset) if stage == Stage::Preflight => format!(
            "Find out why {server} closes the connection on OPTIONS: the handler crashed, or something in front refuses the method."
        ),
        Some(FailureKind::Reset) => {
            format!("Read the log of {server}: it closed the connection without an answer.")
        }
        Some(FailureKind::Other) | None => format!("Mend the connection to {server} first."),
    }
}
