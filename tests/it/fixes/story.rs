//! A session told line by line.

use std::sync::Arc;

use corscope::diagnose::{Diagnosis, diagnose_all};
use corscope::fix::{Advice, Fix, suggest};
use corscope::wire::{
    End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, HeaderList, HttpVersion,
    RequestHead, ResponseHead, Timestamp,
};

pub(super) const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
pub(super) const FIREFOX: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

pub(super) type Pairs<'a> = &'a [(&'a str, &'a str)];

#[derive(Default)]
pub(super) struct Story(pub(super) Vec<Arc<Exchange>>);

impl Story {
    /// One exchange: `GET https://api.test/`, what was sent, the status, what came back.
    pub(super) fn add(
        &mut self,
        line: &str,
        sent: Pairs<'_>,
        status: u16,
        got: Pairs<'_>,
    ) -> &mut Self {
        let (method, url) = line.split_once(' ').unwrap();
        let at = Timestamp(self.0.len() as i64 * 20_000);
        let mut headers = HeaderList::from_pairs(sent.iter().copied());
        if !headers.contains("user-agent") {
            headers.push("User-Agent", CHROME.as_bytes());
        }
        let request = RequestHead {
            method: method.to_owned(),
            url: url.to_owned(),
            version: HttpVersion::Http11,
            headers: Arc::new(headers),
        };
        let mut exchange = Exchange::opened(ExchangeId(self.0.len() as u64 + 1), at, request);
        exchange.response = Some(ResponseHead {
            status,
            reason: None,
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs(got.iter().copied())),
        });
        exchange.answered_at = Some(at);
        exchange.closed_at = Some(at.plus_micros(1000));
        exchange.end = End::Complete;
        self.0.push(Arc::new(exchange));
        self
    }

    /// Instead of being answered, the last exchange broke.
    pub(super) fn break_last(&mut self, kind: FailureKind) {
        let mut broken = Exchange::clone(&self.0.pop().unwrap());
        broken.response = None;
        broken.answered_at = None;
        broken.end = End::Failed(Failure {
            stage: FailureStage::Connect,
            kind,
            detail: "as told".to_owned(),
        });
        self.0.push(Arc::new(broken));
    }

    /// The last fetch of the story.
    pub(super) fn last(&self) -> Diagnosis {
        diagnose_all(self.0.clone(), None).pop().expect("a fetch")
    }

    /// The fix of the last fetch.
    pub(super) fn fix(&self) -> Fix {
        let last = self.last();
        suggest(&last, &self.0).unwrap_or_else(|| panic!("no fix: {last:?}"))
    }
}

/// What a preflight sends.
pub(super) fn asks<'a>(
    origin: &'a str,
    method: &'a str,
    names: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut pairs = vec![
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
    ];
    if !names.is_empty() {
        pairs.push(("Access-Control-Request-Headers", names));
    }
    pairs
}

pub(super) fn sentences(fix: &Fix) -> Vec<&str> {
    fix.advice.iter().map(Advice::text).collect()
}
