//! Secrets in what browsers and people say of a call, and in the headers that hold URLs.

use serde_json::json;

use super::capture::{Call, Plants, get, post};

const URL: &str = "https://api.app.test/v1/asked";

fn url(p: &mut Plants, place: &str) -> String {
    format!("{URL}?access_token={}", p.plant(place))
}

/// Calls whose secrets are in words.
pub(super) fn calls(p: &mut Plants) -> Vec<Call> {
    let mut out = vec![
        get("/again").got("Refresh", format!("5; url={}", url(p, "Refresh"))),
        get("/timed").got(
            "Server-Timing",
            format!("db;dur=3, auth;desc=\"token={}\"", p.plant("Server-Timing")),
        ),
        get("/guarded").got(
            "Content-Security-Policy",
            format!("default-src 'self'; report-uri {}", url(p, "report-uri")),
        ),
        get("/reporting").got(
            "Reporting-Endpoints",
            format!("default=\"{}\"", url(p, "Reporting-Endpoints")),
        ),
        get("/mapped").got(
            "SourceMap",
            format!("/main.js.map?token={}", p.plant("SourceMap")),
        ),
        get("/saved").got(
            "Content-Disposition",
            format!(
                "attachment; filename=\"token={}.csv\"",
                p.plant("file name of an answer")
            ),
        ),
        get("/moved-in").status(500).says(
            "text/plain",
            format!(
                "proxy error: http://ann:{}@proxy.test:3128",
                p.plant("proxy in an answer")
            ),
        ),
        post(
            "/files",
            "multipart/form-data; boundary=FF",
            format!(
                "--FF\r\nContent-Disposition: form-data; name=\"f\"; filename=\"token={}.png\"\r\n\
                 Content-Type: image/png\r\n\r\nhello\r\n--FF--\r\n",
                p.plant("file name in multipart")
            ),
        ),
    ];
    // The sentence of a console, as Safari notes it.
    let mut noted = get("/noted").status(0);
    let sentence = format!(
        "Origin https://app.test is not allowed by Access-Control-Allow-Origin. Asked for {}",
        url(p, "error that was noted")
    );
    noted.more =
        json!({"response": {"_error": sentence}, "comment": url(p, "comment of an entry")});
    out.push(noted);
    // What a launched browser said, as our own writer notes it.
    let said = |p: &mut Plants, fate: &str, reason: &str, detail: String, place: &str| {
        json!({
            "fate": fate, "reason": reason, "detail": detail,
            "console": format!("Refused to connect to '{}'.", url(p, &format!("console: {place}"))),
            "asked_by": format!("{}:42", url(p, &format!("script that asked: {place}"))),
        })
    };
    let failed = format!("it broke: {}", url(p, "words of a browser"));
    let words = [
        said(p, "blocked", "csp", "connect-src".to_owned(), "policy"),
        said(
            p,
            "blocked",
            "mixed-content",
            String::new(),
            "mixed content",
        ),
        said(p, "failed", "network", failed, "failure"),
    ];
    for (said, path) in words.into_iter().zip(["/csp", "/mixed", "/broke"]) {
        let mut call = get(path).status(0);
        call.more = json!({"_corscope": {"source": "browser", "diagnosis": {"said": said}}});
        out.push(call);
    }
    out
}
