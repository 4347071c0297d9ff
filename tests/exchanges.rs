//! Exchanges for tests, fuzz targets and benches: one request and what became of it, as a HAR file would
//! tell of it.

use std::sync::Arc;

use bytes::Bytes;
use corscope::wire::{
    BodyFacts, End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, HeaderList,
    HttpVersion, RequestHead, ResponseHead, Source, Timestamp,
};

/// A request: when it was made, and how long it took to its end.
pub(crate) struct Asked<'a> {
    pub(crate) id: u64,
    pub(crate) at: Timestamp,
    pub(crate) took_micros: u64,
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: HeaderList,
}

/// What became of it.
pub(crate) enum Became {
    /// The browser gave it up.
    Aborted,
    /// The connection broke before an answer.
    Reset,
    /// An answer with status, headers and the beginning of its body.
    Answered(u16, HeaderList, Vec<u8>),
}

/// The exchange.
pub(crate) fn exchange(asked: Asked<'_>, became: Became) -> Exchange {
    let head = RequestHead {
        method: asked.method.to_owned(),
        url: asked.url.to_owned(),
        version: HttpVersion::Http11,
        headers: Arc::new(asked.headers),
    };
    let mut made = Exchange::opened(ExchangeId(asked.id), asked.at, head);
    made.source = Source::Har;
    made.closed_at = Some(asked.at.plus_micros(asked.took_micros));
    match became {
        Became::Aborted => made.end = End::Aborted,
        Became::Reset => {
            made.end = End::Failed(Failure {
                stage: FailureStage::Wait,
                kind: FailureKind::Reset,
                detail: "connection closed".into(),
            });
        }
        Became::Answered(status, headers, body) => {
            made.end = End::Complete;
            made.answered_at = made.closed_at;
            made.response = Some(ResponseHead {
                status,
                reason: None,
                version: HttpVersion::Http11,
                headers: Arc::new(headers),
            });
            made.response_body = BodyFacts {
                seen_bytes: body.len() as u64,
                kept_bytes: body.len() as u64,
                excerpt: Bytes::from(body),
            };
        }
    }
    made
}
