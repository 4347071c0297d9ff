//! What an answer of a server with a snippet has to be: the checks of the wire, and the verdict of our
//! own judgement on the same answers.

use std::sync::Arc;

use bytes::Bytes;
use corscope::cors::Outcome;
use corscope::diagnose::diagnose_all;
use corscope::fix::Needs;
use corscope::wire::{
    BodyFacts, End, Exchange, ExchangeId, HeaderList, HttpVersion, RequestHead, ResponseHead,
    Timestamp,
};

use super::rig::{Answer, Running};

pub(super) const PAGE: &str = "https://app.example.com";
pub(super) const LOCAL: &str = "http://localhost:5173";
const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

/// Who must not be let in: another site, look-alikes, another port and scheme, nobody in particular.
const STRANGERS: [&str; 7] = [
    "https://evil.test",
    "https://app.example.com.evil.test",
    "https://evil-app.example.com",
    "https://app.example.com:444",
    "http://app.example.com",
    "https://appXexample.com",
    "null",
];

/// Everything asked for.
pub(super) fn full() -> Needs {
    let strings = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    Needs {
        origins: strings(&[PAGE, LOCAL]),
        methods: strings(&["GET", "POST", "PUT", "PATCH", "DELETE"]),
        headers: strings(&["content-type", "authorization", "x-request-id"]),
        expose: strings(&["x-request-id", "etag"]),
        credentials: true,
    }
}

/// One page that reads.
pub(super) fn least() -> Needs {
    Needs {
        origins: vec![LOCAL.to_owned()],
        methods: vec!["GET".to_owned()],
        ..Needs::default()
    }
}

/// What is checked of one server.
pub(super) struct Checks<'a> {
    pub(super) server: &'a Running,
    /// In front of every path.
    pub(super) base: &'a str,
    /// Names of checks that this server is known not to pass, each with a note in its template.
    pub(super) except: &'a [&'a str],
    faults: Vec<String>,
    made: usize,
}

impl<'a> Checks<'a> {
    pub(super) fn new(server: &'a Running, base: &'a str, except: &'a [&'a str]) -> Self {
        Self {
            server,
            base,
            except,
            faults: Vec::new(),
            made: 0,
        }
    }

    fn check(&mut self, name: &str, holds: bool, answer: &Answer) {
        self.made += 1;
        let excepted = self.except.contains(&name);
        if holds == excepted {
            let fault = if excepted {
                "holds now: no exception needed"
            } else {
                "does not hold"
            };
            self.faults.push(format!(
                "{name} {fault}: {} {:?}",
                answer.status, answer.headers
            ));
        }
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.server
            .ask("GET", &format!("{}{path}", self.base), headers)
    }

    fn preflight(&self, origin: &str, method: &str, names: &str) -> Answer {
        let mut headers = vec![
            ("Origin", origin),
            ("Access-Control-Request-Method", method),
        ];
        if !names.is_empty() {
            headers.push(("Access-Control-Request-Headers", names));
        }
        self.server
            .ask("OPTIONS", &format!("{}/data", self.base), &headers)
    }

    /// The answers that [`full`] needs. `own_error` is a path where the server in question answers by
    /// itself, with its status.
    pub(super) fn full(mut self, own_error: Option<(&str, &[u16])>) {
        const ASKED: &str = "authorization,content-type";
        for origin in [PAGE, LOCAL] {
            let answer = self.preflight(origin, "PUT", ASKED);
            let ok = (200..300).contains(&answer.status);
            self.check(&format!("preflight from {origin}: status"), ok, &answer);
            self.grants(&format!("preflight from {origin}"), &answer, origin, true);
            for (header, item) in [
                ("access-control-allow-methods", "PUT"),
                ("access-control-allow-headers", "authorization"),
                ("access-control-allow-headers", "content-type"),
                ("access-control-max-age", "600"),
            ] {
                let name = format!("preflight from {origin}: {header} has {item}");
                self.check(&name, answer.lists(header, item), &answer);
            }
            self.judged(origin, Outcome::Allowed, true);
        }
        for stranger in STRANGERS {
            self.refuses(stranger, "PUT", ASKED);
            self.judged(stranger, Outcome::Blocked, true);
        }
        self.varies();
        let mut reads = vec![
            ("/data", vec![200]),
            ("/boom", vec![500]),
            ("/nope", vec![404]),
        ];
        reads.extend(own_error.map(|(path, statuses)| (path, statuses.to_vec())));
        for (path, statuses) in reads {
            let answer = self.get(path, &[("Origin", PAGE)]);
            self.check(
                &format!("GET {path}: status"),
                statuses.contains(&answer.status),
                &answer,
            );
            self.grants(&format!("GET {path}"), &answer, PAGE, true);
            let exposed = answer.lists("access-control-expose-headers", "x-request-id");
            self.check(&format!("GET {path}: exposes"), exposed, &answer);
            self.read_judged(path, PAGE, Outcome::Allowed, true);
        }
        self.done();
    }

    /// The answers that [`least`] needs, and no more than that.
    pub(super) fn least(mut self) {
        for path in ["/data", "/boom", "/nope"] {
            let answer = self.get(path, &[("Origin", LOCAL)]);
            self.grants(&format!("GET {path}"), &answer, LOCAL, false);
            let exposed = answer.all("access-control-expose-headers").join("");
            self.check(
                &format!("GET {path}: exposes nothing"),
                exposed.is_empty(),
                &answer,
            );
            self.read_judged(path, LOCAL, Outcome::Allowed, false);
        }
        let answer = self.preflight(LOCAL, "DELETE", "");
        let granted = answer.lists("access-control-allow-methods", "DELETE")
            && !answer.all("access-control-allow-origin").is_empty();
        self.check("no method beyond the list", !granted, &answer);
        for stranger in [
            PAGE,
            "https://localhost:5173",
            "http://localhost:51730",
            "null",
        ] {
            self.refuses(stranger, "GET", "");
            self.read_judged("/data", stranger, Outcome::Blocked, false);
        }
        self.varies();
        self.done();
    }

    fn grants(&mut self, name: &str, answer: &Answer, origin: &str, credentials: bool) {
        let allowed = answer.all("access-control-allow-origin");
        self.check(
            &format!("{name}: one Allow-Origin"),
            allowed == [origin],
            answer,
        );
        let with = answer.all("access-control-allow-credentials") == ["true"];
        self.check(
            &format!("{name}: credentials {credentials}"),
            with == credentials,
            answer,
        );
        self.check(
            &format!("{name}: Vary"),
            answer.lists("vary", "Origin"),
            answer,
        );
    }

    fn refuses(&mut self, stranger: &str, method: &str, names: &str) {
        let asked = self.preflight(stranger, method, names);
        let read = self.get("/data", &[("Origin", stranger)]);
        for (what, answer) in [("preflight", asked), ("GET", read)] {
            let allowed = answer.all("access-control-allow-origin");
            let let_in = allowed.contains(&stranger) || allowed.contains(&"*");
            self.check(
                &format!("{what} from {stranger}: refused"),
                !let_in,
                &answer,
            );
        }
    }

    fn varies(&mut self) {
        let answer = self.get("/data", &[("Origin", "https://evil.test")]);
        self.check(
            "a refused GET: Vary",
            answer.lists("vary", "Origin"),
            &answer,
        );
        let answer = self.get("/data", &[]);
        self.check(
            "a GET without Origin: Vary",
            answer.lists("vary", "Origin"),
            &answer,
        );
    }

    /// Our verdict on a PUT with JSON and a token, from its preflight on.
    fn judged(&mut self, origin: &str, expected: Outcome, credentials: bool) {
        let asked = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "PUT"),
            (
                "Access-Control-Request-Headers",
                "authorization,content-type",
            ),
        ];
        let path = format!("{}/data", self.base);
        let preflight = self.server.ask("OPTIONS", &path, &asked);
        let mut exchanges = vec![exchange(1, "OPTIONS", "/data", &asked, &preflight)];
        if expected == Outcome::Allowed {
            let mut sent = vec![
                ("Origin", origin),
                ("Content-Type", "application/json"),
                ("Authorization", "Bearer t"),
                ("Content-Length", "2"),
            ];
            sent.extend(credentials.then_some(("Cookie", "id=1")));
            // No body follows: none of these applications reads it.
            sent[3].1 = "0";
            let answer = self.server.ask("PUT", &path, &sent);
            exchanges.push(exchange(2, "PUT", "/data", &sent, &answer));
        }
        self.verdict(
            &format!("PUT from {origin}"),
            exchanges,
            expected,
            &preflight,
        );
    }

    /// Our verdict on a simple GET.
    fn read_judged(&mut self, path: &str, origin: &str, expected: Outcome, credentials: bool) {
        let mut sent = vec![
            ("Origin", origin),
            ("Sec-Fetch-Mode", "cors"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Dest", "empty"),
        ];
        if credentials {
            sent.extend([("Cookie", "id=1"), ("Sec-Fetch-Storage-Access", "active")]);
        }
        let answer = self.get(path, &sent);
        let exchanges = vec![exchange(1, "GET", path, &sent, &answer)];
        self.verdict(
            &format!("GET {path} from {origin}"),
            exchanges,
            expected,
            &answer,
        );
    }

    fn verdict(
        &mut self,
        name: &str,
        exchanges: Vec<Arc<Exchange>>,
        expected: Outcome,
        shown: &Answer,
    ) {
        let diagnoses = diagnose_all(exchanges, None);
        let outcomes: Vec<Outcome> = diagnoses.iter().map(|d| d.outcome).collect();
        self.check(
            &format!("{name}: judged {expected:?}, is {outcomes:?}"),
            outcomes == [expected],
            shown,
        );
    }

    fn done(self) {
        assert!(self.made > 20);
        assert!(
            self.faults.is_empty(),
            "{} of {} checks:\n{}\n{}",
            self.faults.len(),
            self.made,
            self.faults.join("\n"),
            self.server.log()
        );
    }
}

fn exchange(
    id: u64,
    method: &str,
    path: &str,
    sent: &[(&str, &str)],
    answer: &Answer,
) -> Arc<Exchange> {
    let at = Timestamp(id as i64 * 1000);
    let mut headers = HeaderList::from_pairs([("User-Agent", CHROME)]);
    for (name, value) in sent {
        headers.push(name, value.as_bytes());
    }
    let request = RequestHead {
        method: method.to_owned(),
        url: format!("https://api.example.org{path}"),
        version: HttpVersion::Http11,
        headers: Arc::new(headers),
    };
    let mut exchange = Exchange::opened(ExchangeId(id), at, request);
    let pairs = answer.headers.iter().map(|(name, value)| (name, value));
    exchange.response = Some(ResponseHead {
        status: answer.status,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs(pairs)),
    });
    exchange.response_body = BodyFacts {
        seen_bytes: answer.body.len() as u64,
        kept_bytes: answer.body.len() as u64,
        excerpt: Bytes::copy_from_slice(answer.body.as_bytes()),
    };
    exchange.answered_at = Some(at);
    exchange.closed_at = Some(at.plus_micros(500));
    exchange.end = End::Complete;
    Arc::new(exchange)
}
