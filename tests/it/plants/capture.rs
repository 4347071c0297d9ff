//! A capture with a secret in every place that is known to hold one.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub(super) const PAGE: &str = "https://app.test";
const API: &str = "https://api.app.test/v1";

/// Secrets that nobody can guess, each by the place it was put in.
pub(super) struct Plants {
    seed: RandomState,
    pub(super) all: Vec<(String, String)>,
}

impl Plants {
    pub(super) fn new() -> Self {
        Self {
            seed: RandomState::new(),
            all: Vec::new(),
        }
    }

    /// A new secret for this place, of 32 letters and digits.
    pub(super) fn plant(&mut self, place: &str) -> String {
        let half = |salt: &str| format!("{:016x}", self.seed.hash_one((place, salt)));
        let secret = format!("{}{}", half("a"), half("b"));
        self.keep(place, secret)
    }

    /// The same behind what marks a token as one.
    fn shaped(&mut self, place: &str, mark: &str, length: usize) -> String {
        let secret = self.plant(place);
        let rest: String = secret.chars().cycle().take(length).collect();
        if let Some(last) = self.all.last_mut() {
            last.1.clone_from(&rest);
        }
        format!("{mark}{rest}")
    }

    fn keep(&mut self, place: &str, secret: String) -> String {
        assert!(self.all.iter().all(|(known, _)| known != place), "{place}");
        self.all.push((place.to_owned(), secret.clone()));
        secret
    }

    fn jwt(&mut self, place: &str) -> String {
        let claim = self.plant(&format!("{place}: claim"));
        let signature = self.plant(&format!("{place}: signature"));
        let claims = json!({"sub": claim, "exp": 1_795_420_265}).to_string();
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
    }

    /// The places whose secret is in a text, what is base64 in it decoded.
    pub(super) fn found(&self, text: &str) -> Vec<&str> {
        let mut plain = text.as_bytes().to_vec();
        let word = |c: char| !(c.is_ascii_alphanumeric() || "+/_-".contains(c));
        for run in text.split(word).filter(|run| run.len() >= 16) {
            // What surrounds it may belong to the alphabet, too.
            for from in 0..4.min(run.len()) {
                let digits = run[from..].replace('-', "+").replace('_', "/");
                let digits = &digits[..digits.len() / 4 * 4];
                if let Ok(decoded) = STANDARD.decode(digits) {
                    plain.push(b'\n');
                    plain.extend(decoded);
                }
            }
        }
        self.all
            .iter()
            .filter(|(_, secret)| memchr::memmem::find(&plain, secret.as_bytes()).is_some())
            .map(|(place, _)| place.as_str())
            .collect()
    }
}

/// Name and value of header fields.
pub(super) type Fields = Vec<(&'static str, String)>;

/// One entry of a HAR.
pub(super) struct Call {
    method: &'static str,
    url: String,
    request: Fields,
    /// Content type and body.
    sent: Option<(&'static str, String)>,
    status: u16,
    response: Fields,
    /// Content type and body.
    answer: (&'static str, String),
    pub(super) more: Value,
}

pub(super) fn call(method: &'static str, url: String) -> Call {
    let own = [
        ("User-Agent", crate::recorded::CHROMIUM),
        ("Origin", PAGE),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Dest", "empty"),
    ];
    Call {
        method,
        url,
        request: own.map(|(name, value)| (name, value.to_owned())).into(),
        sent: None,
        status: 200,
        response: Vec::new(),
        answer: ("application/json", "{}".to_owned()),
        more: json!({}),
    }
}

pub(super) fn get(path: &str) -> Call {
    call("GET", format!("{API}{path}"))
}

pub(super) fn post(path: &str, kind: &'static str, body: String) -> Call {
    let mut call = call("POST", format!("{API}{path}"));
    call.request.push(("Content-Type", kind.to_owned()));
    call.sent = Some((kind, body));
    call
}

impl Call {
    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.request.push((name, value));
        self
    }

    pub(super) fn got(mut self, name: &'static str, value: String) -> Self {
        self.response.push((name, value));
        self
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) fn says(mut self, kind: &'static str, body: String) -> Self {
        self.answer = (kind, body);
        self
    }

    pub(super) fn allowed(self) -> Self {
        self.got("Access-Control-Allow-Origin", PAGE.to_owned())
            .got("Access-Control-Allow-Credentials", "true".to_owned())
            .got("Vary", "Origin".to_owned())
    }

    fn entry(mut self, number: usize) -> Value {
        let fields = |fields: &Fields| -> Vec<Value> {
            let one = |(name, value): &(&str, String)| json!({"name": name, "value": value});
            fields.iter().map(one).collect()
        };
        let (kind, body) = &self.answer;
        if self.status != 0 {
            self.response.push(("Content-Type", (*kind).to_owned()));
        }
        let location = self.response.iter().find(|(name, _)| *name == "Location");
        let mut entry = json!({
            "startedDateTime": format!("2026-11-23T07:51:{:02}.000Z", number),
            "time": 20,
            "request": {
                "method": self.method, "url": self.url, "httpVersion": "HTTP/1.1",
                "headers": fields(&self.request), "queryString": [], "cookies": [],
                "headersSize": -1, "bodySize": -1,
            },
            "response": {
                "status": self.status, "statusText": "", "httpVersion": "HTTP/1.1",
                "headers": fields(&self.response), "cookies": [],
                "content": {"size": body.len(), "mimeType": kind, "text": body},
                "redirectURL": location.map_or("", |(_, to)| to),
                "headersSize": -1, "bodySize": -1,
            },
            "cache": {},
            "timings": {"send": 0, "wait": 20, "receive": 0},
        });
        if let Some((kind, text)) = &self.sent {
            entry["request"]["postData"] = json!({"mimeType": kind, "text": text});
        }
        merge(&mut entry, &self.more);
        entry
    }
}

fn merge(into: &mut Value, more: &Value) {
    match more {
        Value::Object(members) => {
            for (name, member) in members {
                merge(&mut into[name], member);
            }
        }
        other => *into = other.clone(),
    }
}

/// Headers of requests and answers, cookies.
fn in_headers(p: &mut Plants) -> Vec<Call> {
    let basic = p.plant("Basic: password");
    let set = |p: &mut Plants, place: &str, attributes: &str| {
        format!("sid={}; {attributes}", p.plant(place))
    };
    vec![
        get("/bearer")
            .with("Authorization", format!("Bearer {}", p.plant("Bearer")))
            .with(
                "Cookie",
                format!(
                    "sid={}; theme={}",
                    p.plant("cookie"),
                    p.plant("second cookie")
                ),
            )
            .status(500)
            .says(
                "application/json",
                json!({
                    "error": "boom",
                    "session": {"token": p.plant("JSON answer, nested")},
                    "keys": [{"apiKey": p.plant("JSON answer, in a list")}],
                })
                .to_string(),
            ),
        get("/basic")
            .with(
                "Authorization",
                format!("Basic {}", STANDARD.encode(format!("ann:{basic}"))),
            )
            .status(401)
            .got(
                "WWW-Authenticate",
                format!(
                    "Bearer realm=\"x\", error_description=\"token {} expired\"",
                    p.plant("WWW-Authenticate")
                ),
            ),
        get("/digest")
            .with(
                "Authorization",
                format!(
                    "Digest username=\"ann\", response=\"{}\"",
                    p.plant("Digest")
                ),
            )
            .with(
                "Proxy-Authorization",
                format!("Basic {}", p.plant("Proxy-Authorization")),
            )
            .allowed(),
        get("/aws").with(
            "Authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={}/20261123/eu/s3/aws4_request, Signature={}",
                p.plant("AWS credential"),
                p.plant("AWS signature")
            ),
        ),
        get("/keys")
            .with("X-Api-Key", p.plant("X-Api-Key"))
            .with("X-Auth-Token", p.plant("X-Auth-Token"))
            .with("X-CSRF-Token", p.plant("X-CSRF-Token"))
            .with("X-Whatever", p.jwt("JWT in some header"))
            .status(403)
            .got(
                "Set-Cookie",
                set(p, "Set-Cookie", "Path=/; HttpOnly; SameSite=None; Secure"),
            )
            .got("Set-Cookie", set(p, "second Set-Cookie", "Domain=app.test"))
            .got("X-Access-Token", p.plant("header of an answer"))
            .got(
                "Link",
                format!("<https://a.test/?api_key={}>; rel=next", p.plant("Link")),
            ),
        get("/referred").with(
            "Referer",
            format!("{PAGE}/reset?reset_token={}", p.plant("Referer")),
        ),
        get("/moved").status(302).got(
            "Location",
            format!(
                "https://login.test/cb?client_secret={}#access_token={}",
                p.plant("Location: query"),
                p.plant("Location: fragment")
            ),
        ),
        get("/elsewhere").status(302).allowed().got(
            "Location",
            format!("https://bob:{}@other.test/x", p.plant("Location: userinfo")),
        ),
    ]
}

/// URLs: query, fragment, userinfo, path; also of what failed and of what was only asked for.
fn in_urls(p: &mut Plants) -> Vec<Call> {
    let mut preflight = call(
        "OPTIONS",
        format!("{API}/asked?token={}", p.plant("preflight's query")),
    );
    preflight.request.extend([
        ("Access-Control-Request-Method", "PUT".to_owned()),
        ("Access-Control-Request-Headers", "x-api-key".to_owned()),
    ]);
    let mut failed = get(&format!(
        "/failed?token={}",
        p.plant("query of what failed")
    ))
    .status(0);
    failed.more = json!({"response": {"_error": "net::ERR_FAILED"}});
    vec![
        get(&format!("/query?page=3&access_token={}", p.plant("query"))),
        get(&format!(
            "/oauth?code={}&api_key={}",
            p.plant("code"),
            p.plant("key in the query")
        )),
        get(&format!("/jwt?t={}", p.jwt("JWT in the query"))),
        get(&format!("/spa#id_token={}", p.plant("fragment"))),
        call(
            "GET",
            format!("https://ann:{}@api.app.test/v1/info", p.plant("userinfo")),
        ),
        get(&format!(
            "/pay/{}/use",
            p.shaped("key in the path", "sk_live_", 24)
        ))
        .status(404),
        get(&format!("/reset-password/{}", p.plant("link of a mail"))).status(404),
        get(&format!("/token/{}", p.plant("token in the path"))).status(500),
        preflight.status(405).says("text/plain", String::new()),
        failed,
    ]
}

/// Bodies of every kind, both ways.
fn in_bodies(p: &mut Plants) -> Vec<Call> {
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let inner = json!({"refresh_token": p.plant("JSON within JSON")}).to_string();
    let multipart = format!(
        "--BB\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--BB\r\n\
         Content-Disposition: form-data; name=\"token\"\r\n\r\n{}\r\n--BB--\r\n",
        p.plant("multipart")
    );
    let mut untyped = call("POST", format!("{API}/untyped"));
    let field = "Content-Disposition: form-data; name=\"password\"";
    let body = format!(
        "--C\r\n{field}\r\n\r\n{}\r\n--C--\r\n",
        p.plant("multipart, kind unsaid")
    );
    untyped.sent = Some(("", body));
    let mut arrays = post("/arrays", form, format!("password={}", p.plant("params")));
    let params = json!([{"name": "password", "value": p.all.last().unwrap().1}]);
    let cookies = [
        p.plant("cookies of a HAR"),
        p.plant("answered cookies of a HAR"),
    ];
    arrays.more = json!({
        "request": {
            "queryString": [{"name": "token", "value": p.plant("queryString of a HAR")}],
            "cookies": [{"name": "a", "value": cookies[0]}],
            "postData": {"params": params},
        },
        "response": {"cookies": [{"name": "b", "value": cookies[1], "path": "/"}]},
    });
    let arrays = arrays
        .with("Cookie", format!("a={}", cookies[0]))
        .got("Set-Cookie", format!("b={}; Path=/", cookies[1]));
    vec![
        post(
            "/login",
            json,
            json!({
                "user": "ann", "password": p.plant("JSON"), "inner": inner,
                "deep": [{"er": [{"client_secret": p.plant("JSON in lists")}]}],
            })
            .to_string(),
        ),
        post("/form", form, format!("user=ann&password={}&x=1", p.plant("form"))),
        post("/upload", "multipart/form-data; boundary=BB", multipart),
        untyped,
        arrays,
        post(
            "/graphql",
            json,
            json!({
                "query": "mutation L($t: String!) { login(token: $t) { ok } }",
                "variables": {
                    "authorization": format!("Bearer {}", p.plant("GraphQL variable")),
                    "t": p.jwt("JWT in a body"),
                },
            })
            .to_string(),
        )
        .says(
            json,
            json!({"data": {"login": {"accessToken": p.plant("GraphQL answer")}}}).to_string(),
        ),
        post("/xml", "application/xml", format!("<a><token>{}</token></a>", p.plant("XML")))
            .status(500)
            .says(
                "application/xml",
                format!("<e><password>{}</password></e>", p.plant("XML answer")),
            ),
        get("/events").allowed().says(
            "text/event-stream",
            format!(
                "event: hello\ndata: {{\"session_token\":\"{}\"}}\n\ndata: token={}\n\n",
                p.plant("server-sent JSON"),
                p.plant("server-sent text")
            ),
        ),
        get("/page").status(500).says(
            "text/html",
            format!(
                "<html><h1>Error</h1><pre>postgres://app:{}@db/app\npassword=\"{}\"</pre>\
                 <input type=password value=\"{}\"><meta name=\"csrf-token\" content=\"{}\">",
                p.plant("error page: connection"),
                p.plant("error page: setting"),
                p.plant("error page: input"),
                p.plant("error page: meta")
            ),
        ),
        get("/trace").status(500).says(
            "text/plain",
            format!(
                "Error: GET https://x.test/?access_token={}\nAuthorization: Bearer {}\n  at x.js:3\n\
                 -----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
                p.plant("trace: URL"),
                p.plant("trace: header"),
                p.plant("trace: private key")
            ),
        ),
    ]
}

fn socket(p: &mut Plants) -> Call {
    let url = format!("wss://api.app.test/ws?ticket={}", p.plant("ticket"));
    let protocols = format!("v1, {}", p.jwt("subprotocol"));
    let mut call = call("GET", url)
        .with("Upgrade", "websocket".to_owned())
        .with("Connection", "Upgrade".to_owned())
        .with("Sec-WebSocket-Protocol", protocols)
        .status(101)
        .got("Upgrade", "websocket".to_owned())
        .says("", String::new());
    let said = json!({"type": "auth", "token": p.plant("WebSocket, JSON")}).to_string();
    let heard = format!("Bearer {}", p.plant("WebSocket, text"));
    call.more = json!({
        "_resourceType": "websocket",
        "_webSocketMessages": [
            {"type": "send", "time": 1_795_420_265.1, "opcode": 1, "data": said},
            {"type": "receive", "time": 1_795_420_265.2, "opcode": 1, "data": heard},
        ],
    });
    call
}

/// The HAR, as a browser's developer tools write it, and what is planted in it.
pub(super) fn har() -> (String, Plants) {
    let mut p = Plants::new();
    let mut calls = in_headers(&mut p);
    calls.extend(in_urls(&mut p));
    calls.extend(in_bodies(&mut p));
    calls.push(socket(&mut p));
    calls.extend(super::words::calls(&mut p));
    let entries: Vec<Value> = calls
        .into_iter()
        .enumerate()
        .map(|(number, call)| call.entry(number))
        .collect();
    let comment = format!("see {API}?token={}", p.plant("comment of a HAR"));
    let title = format!("{PAGE}/?token={}", p.plant("title of a page"));
    let har = json!({"log": {
        "version": "1.2",
        "comment": comment,
        "creator": {"name": "WebInspector", "version": "537"},
        "pages": [{
            "id": "p", "title": title, "startedDateTime": "2026-11-23T07:51:00.000Z",
            "pageTimings": {},
        }],
        "entries": entries,
    }});
    (har.to_string(), p)
}
