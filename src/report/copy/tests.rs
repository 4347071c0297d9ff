use super::*;
use crate::wire::{ExchangeId, HttpVersion, RequestHead, Timestamp};
use proptest::prelude::*;
use std::process::Command;
use std::sync::Arc;

fn exchange(method: &str, url: &str, headers: &[(&str, &str)]) -> Exchange {
    let head = RequestHead {
        method: method.into(),
        url: url.into(),
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs(headers.iter().copied())),
    };
    Exchange::opened(ExchangeId(1), Timestamp(0), head)
}

const USUAL: [(&str, &str); 6] = [
    ("Host", "api.app.test"),
    ("Origin", "https://app.test"),
    ("Content-Length", "7"),
    ("User-Agent", "it's \"a\" browser"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "gzip"),
];

// What a shell hands to `curl`: the arguments, one NUL behind each.
fn arguments(shell: &str, script: &str) -> Option<Vec<String>> {
    let dump = "curl() { printf '%s\\0' \"$@\"; }\n";
    let dump = if shell == "fish" {
        "function curl; printf '%s\\0' $argv; end\n"
    } else {
        dump
    };
    let run = Command::new(shell)
        .arg("-c")
        .arg(format!("{dump}{script}"))
        .output()
        .ok()?;
    assert!(
        run.status.success(),
        "{shell} says {}",
        String::from_utf8_lossy(&run.stderr)
    );
    let out = String::from_utf8(run.stdout).expect("text");
    Some(out.split_terminator('\0').map(str::to_owned).collect())
}

fn checked(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Vec<String> {
    let exchange = exchange(method, url, headers);
    let posix = curl(&exchange, body.as_bytes(), Quoting::Posix);
    let seen = arguments("bash", &posix.text).expect("bash is installed");
    if let Some(dash) = arguments("dash", &posix.text) {
        assert_eq!(dash, seen);
    }
    let fish = curl(&exchange, body.as_bytes(), Quoting::Fish);
    if let Some(fish) = arguments("fish", &fish.text) {
        assert_eq!(fish, seen);
    }
    seen
}

#[test]
fn curl_gets_the_request() {
    let seen = checked(
        "PUT",
        "https://api.app.test/v1?a=[1]&b=it's",
        &USUAL,
        "{\"a\":1}\n",
    );
    let expected = [
        "https://api.app.test/v1?a=[1]&b=it's",
        "--globoff",
        "-X",
        "PUT",
        "--compressed",
        "-H",
        "Origin: https://app.test",
        "-H",
        "User-Agent: it's \"a\" browser",
        "-H",
        "Accept: */*",
        "-H",
        "Content-Type:",
        "--data-raw",
        "{\"a\":1}\n",
    ];
    assert_eq!(seen, expected);
    let seen = checked("GET", "https://a.test/", &[("X-Empty", "")], "");
    assert_eq!(
        seen,
        [
            "https://a.test/",
            "-H",
            "X-Empty;",
            "-H",
            "User-Agent:",
            "-H",
            "Accept:"
        ]
    );
}

#[test]
fn binary_reaches_curl_through_printf() {
    let body: Vec<u8> = (0..=255).collect();
    let exchange = exchange("POST", "https://a.test/", &USUAL);
    let copied = curl(&exchange, &body, Quoting::Posix);
    let script = format!("curl() {{ cat; }}\n{}", copied.text);
    let run = Command::new("bash")
        .arg("-c")
        .arg(script)
        .output()
        .expect("bash is installed");
    assert_eq!(run.stdout, body);
}

#[test]
fn powershell_gets_quotes_through_standard_input() {
    let made = exchange("POST", "https://a.test/", &USUAL);
    let copied = curl(&made, b"{\"a\":\"\\n\"}\n", Quoting::PowerShell);
    assert!(
        copied.text.starts_with("@'\nurl = \"https://a.test/\"\n"),
        "{}",
        copied.text
    );
    assert!(
        copied
            .text
            .contains("\ndata-raw = \"{\\\"a\\\":\\\"\\\\n\\\"}\\n\"\n"),
        "{}",
        copied.text
    );
    assert!(
        copied.text.ends_with("\n'@ | curl.exe --config -"),
        "{}",
        copied.text
    );
    let plain = curl(
        &exchange(
            "GET",
            "https://a.test/",
            &[("Accept", "*/*"), ("User-Agent", "x")],
        ),
        b"",
        Quoting::PowerShell,
    );
    assert_eq!(
        plain.text,
        "curl.exe https://a.test/ `\n  -H 'Accept: */*' `\n  -H 'User-Agent: x'"
    );
}

#[test]
fn a_call_of_fetch() {
    let mut headers = USUAL.to_vec();
    headers.extend([
        ("Cookie", "a=b"),
        ("X-Trace", "1"),
        ("Content-Type", "application/json"),
        ("Sec-Fetch-Mode", "cors"),
    ]);
    let copied = fetch_js(
        &exchange("PUT", "https://api.app.test/", &headers),
        b"{\"a\":\"</script>\"}",
        None,
    );
    let json = copied
        .text
        .strip_prefix("await fetch(\"https://api.app.test/\", ")
        .expect(&copied.text);
    let init: serde_json::Value =
        serde_json::from_str(json.strip_suffix(");").expect("a call")).expect("JSON");
    assert_eq!(
        init,
        serde_json::json!({
            "method": "PUT", "credentials": "include",
            "headers": {"Accept": "*/*", "X-Trace": "1", "Content-Type": "application/json"},
            "body": "{\"a\":\"</script>\"}",
        })
    );
    let binary = fetch_js(&exchange("POST", "https://a.test/", &[]), b"\xff\0", None);
    assert!(
        binary
            .text
            .contains("\"body\": Uint8Array.from(atob(\"/wA=\"), (c) => c.charCodeAt(0))\n}"),
        "{}",
        binary.text
    );
    assert_eq!(
        fetch_js(&exchange("GET", "https://a.test/", &[]), b"", None).text,
        "await fetch(\"https://a.test/\");"
    );
}

#[test]
fn other_forms() {
    let mut headers = USUAL.to_vec();
    headers.extend([
        ("Cookie", "a=b; c=d"),
        ("Content-Type", "text/plain"),
        ("X-A", "=1"),
        ("x-a", "2"),
    ]);
    let made = exchange("PATCH", "https://api.app.test/?q=1", &headers);
    let copied = httpie(&made, b"-it's", Quoting::Posix).text;
    assert!(
        copied
            .starts_with("http PATCH 'https://api.app.test/?q=1' \\\n  'Origin: https://app.test'"),
        "{copied}"
    );
    assert!(
        copied.contains("'X-A: =1'") && copied.ends_with("--raw='-it'\\''s'"),
        "{copied}"
    );
    let copied = powershell(&made, b"it's").text;
    for part in [
        "$session.Cookies.SetCookies('https://api.app.test/?q=1', 'a=b, c=d')",
        "-Method PATCH",
        "-UserAgent 'it''s \"a\" browser'",
        "    'X-A' = '=1, 2'\n",
        "-ContentType 'text/plain'",
        "-Body ([Text.Encoding]::UTF8.GetBytes('it''s'))",
    ] {
        assert!(copied.contains(part), "{part} is not in {copied}");
    }
    assert!(!copied.contains("'Host'") && !copied.contains("Content-Length"));
}

#[test]
fn what_is_missing_is_said() {
    let mut made = exchange("POST", "https://a.test/", &[]);
    made.request_body.seen_bytes = 10;
    let note = curl(&made, b"abc", Quoting::Posix).note.expect("a note");
    assert!(note.contains("last 7 bytes"), "{note}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_shell_hands_over_anything(
        value in "[^\u{0}\r\n]{0,20}",
        body in r#"[a$`'"\\!*?~;|&<>(){}\[\]#\n \t%-]{1,30}"#,
        path in "[a-z$'\"`!*;&|()\\[\\]{}~-]{0,12}",
    ) {
        let url = format!("https://a.test/{path}");
        let seen = checked("POST", &url, &[("X-V", &value), ("Accept", "*"), ("User-Agent", "-x")], &body);
        prop_assert_eq!(&seen[0], &url);
        prop_assert_eq!(seen.last(), Some(&body));
        let field = HeaderList::from_pairs([("X-V", &value)]).get("x-v").expect("one");
        let field = if field.is_empty() { "X-V;".to_owned() } else { format!("X-V: {}", value.trim_matches([' ', '\t'])) };
        prop_assert!(seen.contains(&field), "{:?} has no {:?}", seen, field);
    }
}
