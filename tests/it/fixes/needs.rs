//! What a snippet has to grant is read off the whole session, and no more than that.

use std::sync::Arc;

use corscope::diagnose::diagnose_all;
use corscope::fix::{Needs, suggest};
use corscope::wire::{
    End, Exchange, ExchangeId, HeaderList, HttpVersion, RequestHead, ResponseHead, Timestamp,
};

const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

type Pairs<'a> = &'a [(&'a str, &'a str)];

#[derive(Default)]
struct Session(Vec<Arc<Exchange>>);

impl Session {
    fn add(&mut self, line: &str, sent: Pairs<'_>, status: u16, got: Pairs<'_>) -> &mut Self {
        let (method, url) = line.split_once(' ').unwrap();
        let at = Timestamp(self.0.len() as i64 * 60_000_000);
        let mut headers = HeaderList::from_pairs([("User-Agent", CHROME)]);
        for (name, value) in sent {
            headers.push(name, value.as_bytes());
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
        exchange.closed_at = Some(at);
        exchange.end = End::Complete;
        self.0.push(Arc::new(exchange));
        self
    }

    fn needs(&self, method: &str) -> Needs {
        let diagnoses = diagnose_all(self.0.clone(), None);
        let blocked = diagnoses
            .iter()
            .rfind(|d| d.method == method && d.cause.is_some())
            .expect("blocked");
        suggest(blocked, &self.0).expect("a fix").needs
    }
}

fn preflight<'a>(origin: &'a str, method: &'a str, names: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", names),
    ]
}

#[test]
fn a_session_of_one_owner_is_taken_together() {
    let mut session = Session::default();
    let other = preflight("https://admin.app.test", "DELETE", "x-trace");
    let cookie = [("Origin", "https://app.test"), ("Cookie", "sid=1")];
    let failed = preflight("https://app.test", "PUT", "authorization,content-type");
    session
        .add("OPTIONS https://api.app.test/cart/7", &other, 404, &[])
        .add(
            "GET https://api.app.test/cart/8",
            &cookie,
            200,
            &[("Access-Control-Expose-Headers", "X-Total, ETag")],
        )
        .add(
            "OPTIONS https://api.app.test/cart/9",
            &failed,
            204,
            &[
                ("Access-Control-Allow-Origin", "https://app.test"),
                ("Access-Control-Allow-Methods", "GET, PATCH"),
                ("Access-Control-Allow-Headers", "Content-Type, X-Api-Key"),
            ],
        );
    let needs = session.needs("PUT");
    assert_eq!(
        needs.origins,
        ["https://app.test", "https://admin.app.test"]
    );
    assert_eq!(needs.methods, ["GET", "PUT", "PATCH", "DELETE"]);
    assert_eq!(
        needs.headers,
        ["authorization", "content-type", "x-api-key", "x-trace"]
    );
    assert_eq!(needs.expose, ["x-total", "etag"]);
    assert!(needs.credentials, "a cookie was seen on this endpoint");
}

#[test]
fn strangers_and_other_endpoints_add_nothing() {
    let mut session = Session::default();
    let stranger = preflight("https://evil.test", "DELETE", "x-evil");
    let plain = preflight("http://app.test", "PATCH", "x-plain");
    let elsewhere = preflight("https://app.test", "DELETE", "x-other");
    let star = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "*"),
        ("Access-Control-Allow-Headers", "*"),
    ];
    session
        .add("OPTIONS https://api.app.test/cart", &stranger, 204, &star)
        .add("OPTIONS https://api.app.test/cart", &plain, 404, &[])
        .add("OPTIONS https://api.app.test/other", &elsewhere, 404, &[])
        .add(
            "GET https://api.app.test/cart",
            &[("Origin", "null")],
            200,
            &[],
        )
        .add(
            "OPTIONS https://api.app.test/cart",
            &preflight("https://app.test", "PUT", "x-a"),
            404,
            &[],
        );
    let needs = session.needs("PUT");
    assert_eq!(needs.origins, ["https://app.test"]);
    assert_eq!(needs.methods, ["PUT"]);
    assert_eq!(needs.headers, ["x-a"]);
    assert!(needs.expose.is_empty() && !needs.credentials);
}
