use super::*;
use crate::wire::{Exchange, ExchangeId, HeaderList, RequestHead, ResponseHead, Timestamp};
use base64::Engine as _;
use proptest::prelude::*;
use std::sync::Arc;

/// In every place below stands this.
const SECRET: &str = "Zx9-planted.Secret7";

fn redactor() -> Redactor {
    let options = RedactOptions {
        key: [3; 32],
        patterns: vec![
            "acct_[0-9]{4,}".to_owned(),
            "employee ([A-Z]{2}[0-9]+)".to_owned(),
        ],
        emails: true,
    };
    Redactor::new(&options).expect("good patterns")
}

fn body(content_type: &str, body: &str) -> String {
    let redactor = redactor();
    let kept = redactor
        .body(Some(content_type), body.as_bytes())
        .into_bytes();
    String::from_utf8(kept).expect("text stays text")
}

#[test]
fn secrets_planted_everywhere_are_gone() {
    let r = redactor();
    let jwt = |claims: &str| {
        let part = |t: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(t);
        format!(
            "{}.{}.{}",
            part(r#"{"alg":"none"}"#),
            part(claims),
            part(SECRET)
        )
    };
    let json = "application/json";
    let html = "text/html; charset=utf-8";
    let planted: Vec<(&str, String)> = vec![
        (
            "authorization",
            r.header("Authorization", &format!("Bearer {SECRET}"))
                .into(),
        ),
        (
            "bare authorization",
            r.header("authorization", SECRET).into(),
        ),
        (
            "digest",
            r.header(
                "Authorization",
                &format!("Digest username=\"ann\", response=\"{SECRET}\""),
            )
            .into(),
        ),
        (
            "proxy",
            r.header("Proxy-Authorization", &format!("Basic {SECRET}"))
                .into(),
        ),
        (
            "cookie",
            r.header(
                "Cookie",
                &format!("theme=dark; sid={SECRET}; x=\"{SECRET}\""),
            )
            .into(),
        ),
        ("nameless cookie", r.header("Cookie", SECRET).into()),
        (
            "set-cookie",
            r.header("Set-Cookie", &format!("sid={SECRET}; Path=/; SameSite=Lax"))
                .into(),
        ),
        ("api key", r.header("X-Api-Key", SECRET).into()),
        ("auth token", r.header("x-auth-token", SECRET).into()),
        ("csrf", r.header("X-CSRF-Token", SECRET).into()),
        ("amz", r.header("X-Amz-Security-Token", SECRET).into()),
        (
            "referer",
            r.header(
                "Referer",
                &format!("https://app.test/?reset_token={SECRET}"),
            )
            .into(),
        ),
        (
            "location",
            r.header("Location", &format!("/cb#access_token={SECRET}&state=1"))
                .into(),
        ),
        (
            "link",
            r.header(
                "Link",
                &format!("<https://a.test/?api_key={SECRET}>; rel=next"),
            )
            .into(),
        ),
        (
            "subprotocol",
            r.header(
                "Sec-WebSocket-Protocol",
                &format!("v1, {}", jwt(r#"{"a":"b"}"#)),
            )
            .into(),
        ),
        (
            "query",
            r.url(&format!("https://api.test/v1?a=1&access_token={SECRET}")),
        ),
        (
            "second key",
            r.url(&format!("https://api.test/?client_secret={SECRET}&b=2#x")),
        ),
        (
            "oauth code",
            r.url(&format!("https://app.test/cb?code={SECRET}")),
        ),
        (
            "fragment",
            r.url(&format!("https://app.test/#id_token={SECRET}")),
        ),
        (
            "userinfo",
            r.url(&format!("https://ann:{SECRET}@api.test/x")),
        ),
        ("user only", r.url(&format!("https://{SECRET}@api.test/x"))),
        (
            "path behind a long name",
            r.url(&format!(
                "https://app.test/auth/password-reset-confirm/{SECRET}-0123"
            )),
        ),
        (
            "jwt in path",
            r.url(&format!(
                "https://app.test/reset/{}",
                jwt(&format!("{{\"sub\":\"{SECRET}\"}}"))
            )),
        ),
        (
            "json",
            body(json, &format!("{{\"password\" : \"{SECRET}\"}}")),
        ),
        (
            "json deep",
            body(
                json,
                &format!("{{\"a\":[{{\"b\":{{\"accessToken\":\"{SECRET}\"}}}}]}}"),
            ),
        ),
        (
            "json below",
            body(
                json,
                &format!("{{\"tokens\":{{\"access\":\"{SECRET}\",\"list\":[\"{SECRET}\"]}}}}"),
            ),
        ),
        (
            "json cut",
            body(json, &format!("{{\"a\":1,\"secret\":\"{SECRET}")),
        ),
        (
            "json escaped",
            body(
                json,
                &format!(
                    "{{\"pass\\u0077ord\":\"{}\"}}",
                    SECRET.replace('Z', "\\u005a")
                ),
            ),
        ),
        (
            "json in json",
            body(
                json,
                &format!("{{\"body\":\"{{\\\"token\\\":\\\"{SECRET}\\\"}}\"}}"),
            ),
        ),
        (
            "graphql",
            body(
                json,
                &format!("{{\"query\":\"mutation {{ login(password: \\\"{SECRET}\\\") }}\"}}"),
            ),
        ),
        (
            "url in json",
            body(
                json,
                &format!("{{\"next\":\"https://a.test/?token={SECRET}\"}}"),
            ),
        ),
        (
            "ndjson",
            body(
                "application/x-ndjson",
                &format!("{{\"a\":1}}\n{{\"token\":\"{SECRET}\"}}\n"),
            ),
        ),
        (
            "events",
            body(
                "text/event-stream",
                &format!("event: x\ndata: {{\"token\":\"{SECRET}\"}}\n\n"),
            ),
        ),
        (
            "form",
            body(
                "application/x-www-form-urlencoded",
                &format!("user=ann&password={SECRET}"),
            ),
        ),
        (
            "form encoded",
            body(
                "application/x-www-form-urlencoded",
                "otp=1&%70assword=%5ax9-planted.Secret7",
            ),
        ),
        (
            "multipart",
            body(
                "multipart/form-data; boundary=B",
                &format!(
                    "--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{SECRET}\r\n--B--\r\n"
                ),
            ),
        ),
        (
            "multipart json",
            body(
                "multipart/form-data; boundary=\"B\"",
                &format!(
                    "--B\r\nContent-Disposition: form-data; name=\"data\"\r\nContent-Type: application/json\r\n\r\n{{\"secret\":\"{SECRET}\"}}\r\n--B--\r\n"
                ),
            ),
        ),
        (
            "meta",
            body(
                html,
                &format!("<!doctype html><meta name=\"csrf-token\" content=\"{SECRET}\">"),
            ),
        ),
        (
            "input",
            body(
                html,
                &format!("<input type='hidden' value='{SECRET}' name='authenticity_token'>"),
            ),
        ),
        (
            "script",
            body(
                html,
                &format!(
                    "<script>var apiKey = '{SECRET}', config = {{token: \"{SECRET}\"}}</script>"
                ),
            ),
        ),
        (
            "xml",
            body(
                "application/xml",
                &format!("<login><password>{SECRET}</password></login>"),
            ),
        ),
        ("untyped", body("", &format!("{{\"secret\":\"{SECRET}\"}}"))),
        (
            "behind json",
            body(
                json,
                &format!(
                    "{{\"a\":1}}\nGET / HTTP/1.1\r\nX-Api-Key: {SECRET}\r\nCookie: a={SECRET}\r\n"
                ),
            ),
        ),
        (
            "headers repeated",
            body(
                "text/plain",
                &format!("got:\n  authorization: Bearer {SECRET}\n  x-auth-token: {SECRET}\n"),
            ),
        ),
        (
            "link of a mail",
            r.url(&format!(
                "https://app.test/reset-password/{SECRET}-0123/done"
            )),
        ),
        (
            "webhook",
            r.url("https://hooks.test/services/T0123ABCD/B0123ABCD/plantedPLANTEDplanted42"),
        ),
        (
            "form of no kind",
            body(
                "",
                &format!(
                    "--B\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{SECRET}\r\n--B--\r\n"
                ),
            ),
        ),
        (
            "challenge",
            r.header(
                "WWW-Authenticate",
                &format!("Bearer realm=\"x\", error_description=\"token {SECRET} is old\""),
            )
            .into(),
        ),
        (
            "plain bearer",
            body("text/plain", &format!("said: Bearer {SECRET} to them")),
        ),
        (
            "plain log",
            body("text/plain", &format!("login user=ann password={SECRET}")),
        ),
        (
            "pem",
            body(
                "text/plain",
                &format!(
                    "-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----"
                ),
            ),
        ),
        (
            "latin-1",
            String::from_utf8_lossy(
                &r.body(
                    Some("text/plain; charset=iso-8859-1"),
                    format!("\u{fc} password={SECRET}")
                        .chars()
                        .map(|c| u8::try_from(u32::from(c)).expect("Latin-1"))
                        .collect::<Vec<_>>()
                        .as_slice(),
                )
                .into_bytes(),
            )
            .into_owned(),
        ),
        (
            "protobuf",
            String::from_utf8_lossy(
                &r.body(
                    Some("application/grpc"),
                    format!("\u{0}\u{1}{SECRET}").as_bytes(),
                )
                .into_bytes(),
            )
            .into_owned(),
        ),
    ];
    assert!(planted.len() >= 30);
    for (place, left) in planted {
        assert!(!left.contains(SECRET), "{place}: {left}");
        assert!(!left.contains("planted"), "{place}: {left}");
        if place != "protobuf" && place != "subprotocol" && place != "jwt in path" {
            assert!(left.contains("redacted-"), "{place}: {left}");
        }
    }
    let wide: Vec<u8> = format!("{{\"token\":\"{SECRET}\"}}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let left = r
        .body(Some("application/json; charset=utf-16"), &wide)
        .into_bytes();
    let left: String = left
        .chunks(2)
        .filter_map(|u| char::from_u32(u32::from(u[0])))
        .collect();
    assert!(
        left.starts_with("{\"token\":\"redacted-") && !left.contains("planted"),
        "{left}"
    );
}

#[test]
fn tokens_are_known_by_their_shape() {
    for token in [
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "sk_live_abcdefghijklmnop1234",
        "sk-proj-abcdefghijklmnopqrst",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234",
        "xoxb-1234567890-abcdef",
        "glpat-abcdefghijklmnopqrst",
        "acct_123456",
        "ann@app.test",
    ] {
        let text = body("text/plain", &format!("it was {token}, they said"));
        assert!(
            text.starts_with("it was redacted-") && text.ends_with(", they said"),
            "{text}"
        );
    }
    assert!(
        redactor()
            .text("employee XY123 left")
            .starts_with("employee redacted-")
    );
}

#[test]
fn what_is_no_secret_stays() {
    let json = r#"{"error":"invalid token","code":"E_TOKEN","token":null,"token_type":"bearer","max_tokens":12,
  "message":"Not allowed by CORS","token":"must not be empty, please"}"#;
    assert_eq!(body("application/json", json), json);
    for (kind, same) in [
        (
            "text/html",
            "<!doctype html><title>502 Bad Gateway</title><p>Basic authentication failed",
        ),
        (
            "text/plain",
            "Disallowed CORS origin; token verification failed",
        ),
        ("application/x-www-form-urlencoded", "a=1&b=x+y&code=DE"),
        ("text/css", "a{color:red}"),
        (
            "text/plain",
            "token: string;\ncookie: we use cookies to remember you\nsession: none",
        ),
    ] {
        assert_eq!(body(kind, same), same);
    }
    let r = redactor();
    let challenge = "Bearer authorization_uri=\"https://login.test/\", realm=\"api\"";
    assert_eq!(r.header("WWW-Authenticate", challenge), challenge);
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    assert_eq!(
        r.body(Some("image/png"), png),
        RedactedBody::Kept(Cow::Borrowed(png))
    );
    for url in [
        "https://api.app.test:8443/v1/acct/7?page=2&sort=-date#top",
        "/relative?x=1",
        "http://[::1]:8080/@scope/x@2",
        "https://cdn.test/keys/index-4f3a2b1c9d8e7f6a.js",
        "https://api.test/token/refresh",
        "https://api.test/orders/4f3a2b1c9d8e7f6a5b4c3d2e",
        "",
    ] {
        assert_eq!(r.url(url), url);
    }
}

#[test]
fn the_evidence_is_never_touched() {
    let options = RedactOptions {
        patterns: vec![".".to_owned(), "app".to_owned()],
        emails: true,
        ..RedactOptions::default()
    };
    let r = Redactor::new(&options).expect("good patterns");
    for (name, value) in [
        ("Origin", "https://app.test:3000"),
        ("Access-Control-Allow-Origin", "https://app.test/"),
        ("access-control-request-headers", "authorization,x-api-key"),
        ("Access-Control-Allow-Headers", "token, secret=1"),
        ("Vary", "Origin, Authorization"),
        ("Sec-Fetch-Site", "cross-site"),
    ] {
        assert_eq!(r.header(name, value), value, "{name}");
    }
    assert!(
        r.url("https://app.test:1/x")
            .starts_with("https://app.test:1redacted-")
    );
    let cookie = r.header(
        "Set-Cookie",
        "sid=x; Path=/; Domain=app.test; SameSite=None; Secure",
    );
    assert!(cookie.starts_with("sid=redacted-"), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Domain=app.test; SameSite=None; Secure"),
        "{cookie}"
    );
}

#[test]
fn the_same_secret_has_one_name_in_every_form() {
    let r = redactor();
    let name = r.pseudonym(b"s3 cr+t/x");
    for said in [
        r.header("Authorization", "Bearer s3 cr+t/x").into_owned(),
        r.header("Cookie", "a=s3%20cr%2Bt%2Fx").into_owned(),
        r.url("https://a.test/?token=s3+cr%2Bt/x"),
        body("application/json", r#"{"token":"s3 cr+t\/x"}"#),
        body(
            "application/x-www-form-urlencoded",
            "password=s3+cr%2Bt%2Fx",
        ),
    ] {
        assert!(said.contains(&name), "{said} has no {name}");
    }
    let other = Redactor::new(&RedactOptions::default()).expect("no patterns");
    assert_ne!(other.pseudonym(b"s3 cr+t/x"), name);
}

#[test]
fn an_exchange_without_secrets_keeps_its_shape() {
    let head = RequestHead {
        method: "POST".into(),
        url: format!("https://api.app.test/login?token={SECRET}"),
        version: crate::wire::HttpVersion::Http2,
        headers: Arc::new(HeaderList::from_pairs([
            ("origin", "https://app.test"),
            ("authorization", "Bearer Zx9-planted.Secret7"),
        ])),
    };
    let mut exchange = Exchange::opened(ExchangeId(4), Timestamp(1), head);
    exchange.response = Some(ResponseHead {
        status: 500,
        reason: None,
        version: crate::wire::HttpVersion::Http2,
        headers: Arc::new(HeaderList::from_pairs([(
            "content-type",
            "application/json",
        )])),
    });
    exchange.response_body.seen_bytes = 40;
    exchange.response_body.excerpt =
        format!("{{\"error\":\"boom\",\"secret\":\"{SECRET}\"}}").into();
    let out = redactor().exchange(&exchange);
    assert!(!format!("{out:?}").contains("planted"));
    assert_eq!(out.response_body.seen_bytes, 40);
    assert_eq!(
        out.request.headers.get("origin").as_deref(),
        Some("https://app.test")
    );
    assert!(
        out.response_body
            .excerpt
            .starts_with(b"{\"error\":\"boom\"")
    );
    assert_eq!(Redactor::off().exchange(&exchange), exchange);
}

#[test]
fn a_pattern_that_is_none_is_said() {
    let options = RedactOptions {
        patterns: vec!["(".to_owned()],
        ..RedactOptions::default()
    };
    let error = Redactor::new(&options).expect_err("no pattern").to_string();
    assert!(
        error.contains("\"(\"") && error.contains("unclosed group"),
        "{error}"
    );
}

fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\"token\":".to_owned()),
        Just("password=".to_owned()),
        Just("Bearer ".to_owned()),
        Just("eyJhbGciOiJub25lIn0".to_owned()),
        Just("{\"".to_owned()),
        Just("\\\"".to_owned()),
        Just("https://".to_owned()),
        Just("<meta name=csrf content=".to_owned()),
        "[a-zA-Z0-9 ._=&?#@:/'\"\\\\{}\\[\\],<>%+-]{0,12}",
        "\\PC{0,4}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn anything_can_be_redacted_and_json_stays_json(text in nasty()) {
        let r = redactor();
        for kind in ["", "application/json", "text/html", "application/x-www-form-urlencoded"] {
            let once = r.body(Some(kind), text.as_bytes()).into_bytes();
            prop_assert!(std::str::from_utf8(&once).is_ok());
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&once).is_ok());
            }
        }
        let json = serde_json::json!({ "a": text, "token": text, "b": [text.len()] }).to_string();
        let out = r.body(Some("application/json"), json.as_bytes()).into_bytes();
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
        let _ = (r.url(&text), r.header("Cookie", &text), r.header("Authorization", &text));
    }
}

#[test]
fn secrets_within_values_are_found() {
    let r = redactor();
    let secret = "0123456789abcdef0123";
    for text in [
        format!("5; url=https://api.app.test/v1?access_token={secret}"),
        format!("GET failed url=https://a.test/cb?x=1?access_token={secret} (500)"),
        format!("/login?next=/cb?access_token={secret}&x=1"),
        format!("/login?next=%2Fcb%3Faccess_token%3D{secret}%26x%3D1"),
        format!("/login#next=%2Fcb%3Fn%3D%252Fcb%253Faccess_token%253D{secret}"),
        format!("/log?q=%7B%22token%22%3A%22{secret}%22%7D"),
        format!("/log?u=https%3A%2F%2Fann%3A{secret}%40a.test%2F"),
    ] {
        let out = r.url(&text);
        assert!(!out.contains(secret) && out.contains("redacted-"), "{out}");
        assert!(!r.text(&text).contains(secret), "{text}");
        assert_eq!(r.url(&out), out, "twice is once");
    }
    // What has no secret stays as it is, also where it is encoded in another way than ours.
    let plain = "/login?next=%2fcb%3fpage%3D3&q=a%20b&u=https://a.test/?x=1";
    assert_eq!(r.url(plain), plain);
    // However deep a stranger folds it, it is read in little time and depth.
    let mut deep = format!("access_token={secret}");
    for _ in 0..64 {
        deep = format!("a={}", deep.replace('%', "%25").replace('=', "%3D"));
    }
    let _ = r.text(&deep);
    let _ = r.text(&"a=?b=:".repeat(20_000));
}
