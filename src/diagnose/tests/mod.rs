//! Small conversations, told line by line.

mod judging;
mod neighbours;
mod pairing;
mod properties;
mod roots;

use std::sync::Arc;

use super::*;
use crate::cors::{Browser, Certainty, Check, Credentials, Outcome, Stage};
use crate::wire::{
    End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, HeaderList, HttpVersion,
    RequestHead, ResponseHead, Timestamp,
};

const CHROME: &str = "Mozilla/5.0 AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36";
const PAGE: &str = "https://app.test";
const ALLOW: (&str, &str) = ("access-control-allow-origin", PAGE);
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// An exchange that opens at `at` ms and is answered 10 ms later; status 0 is a reset.
fn exchange(
    id: u64,
    at: i64,
    method: &str,
    url: &str,
    request: Pairs<'_>,
    status: u16,
    response: Pairs<'_>,
) -> Arc<Exchange> {
    let mut headers = HeaderList::from_pairs(request.iter().copied());
    if !headers.contains("user-agent") {
        headers.push("user-agent", CHROME.as_bytes());
    }
    let head = RequestHead {
        method: method.into(),
        url: url.into(),
        version: HttpVersion::Http11,
        headers: Arc::new(headers),
    };
    let mut made = Exchange::opened(ExchangeId(id), Timestamp(at * 1000), head);
    let end = Timestamp((at + 10) * 1000);
    made.closed_at = Some(end);
    if status == 0 {
        made.end = End::Failed(Failure {
            stage: FailureStage::Wait,
            kind: FailureKind::Reset,
            detail: "connection reset".into(),
        });
    } else {
        made.end = End::Complete;
        made.answered_at = Some(end);
        made.response = Some(ResponseHead {
            status,
            reason: None,
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs(response.iter().copied())),
        });
    }
    Arc::new(made)
}

fn preflight(id: u64, at: i64, status: u16, response: Pairs<'_>) -> Arc<Exchange> {
    let request = [("Origin", PAGE), ("Access-Control-Request-Method", "PUT")];
    exchange(
        id,
        at,
        "OPTIONS",
        "https://api.app.test/x",
        &request,
        status,
        response,
    )
}

fn put(id: u64, at: i64, status: u16, response: Pairs<'_>) -> Arc<Exchange> {
    exchange(
        id,
        at,
        "PUT",
        "https://api.app.test/x",
        &[("Origin", PAGE)],
        status,
        response,
    )
}

const GRANT: Pairs<'static> = &[
    ALLOW,
    ("access-control-allow-methods", "PUT"),
    ("access-control-allow-credentials", "true"),
];

fn all(exchanges: &[Arc<Exchange>]) -> Vec<Diagnosis> {
    diagnose_all(exchanges.to_vec(), None)
}

fn roles(diagnosis: &Diagnosis) -> Vec<(&'static str, Option<u64>)> {
    let members = diagnosis.fetch.members.iter();
    members
        .map(|m| (m.role.name(), m.exchange.map(|e| e.0)))
        .collect()
}
