use super::*;
use crate::diagnose::diagnose_all;
use crate::wire::{
    End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, HeaderList, HttpVersion,
    RequestHead, ResponseHead,
};
use std::sync::Arc;

const NASTY: &str = "https://app.test/</pre><script>alert(1)</script>`*@someone";

fn blocked() -> Vec<Arc<Exchange>> {
    let head = RequestHead {
        method: "GET".into(),
        url: "https://api.app.test/v1/```x?q=<b>".into(),
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs([
            ("Origin", "https://app.test"),
            ("Sec-Fetch-Mode", "cors"),
            (
                "User-Agent",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
            ),
        ])),
    };
    let mut exchange = Exchange::opened(ExchangeId(1), Timestamp(1_795_420_265_000_000), head);
    exchange.response = Some(ResponseHead {
        status: 200,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs([
            ("Access-Control-Allow-Origin", NASTY),
            ("X-Powered-By", "Express"),
        ])),
    });
    exchange.answered_at = Some(exchange.opened_at.plus_micros(20_000));
    exchange.closed_at = Some(exchange.opened_at.plus_micros(30_000));
    exchange.end = End::Complete;
    vec![Arc::new(exchange)]
}

fn paper(times: usize) -> Paper {
    let exchanges = blocked();
    let mut paper = Paper::new("cart <1>", true, 0);
    for diagnosis in diagnose_all(exchanges.clone(), None) {
        let servers = Servers::of(std::slice::from_ref(&diagnosis), &exchanges);
        for _ in 0..times {
            paper.add(&diagnosis, &servers, &exchanges, false);
        }
    }
    paper
}

#[test]
fn markdown_tells_it_all_and_obeys_nobody() {
    let text = paper(3).to_markdown();
    for part in [
        "# cart &lt;1&gt;",
        "## 1. ✖ ",
        "### Proof",
        "### Fix",
        "+ Access-Control-Allow-Origin: https://app.test",
        "### Verify",
        "curl -i 'https://api.app.test/v1/```x?q=<b>'",
        "### Console",
        "3 times",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    // What came from the wire stands in code only, behind fences that it cannot end.
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(open) if line == open => fence = None,
            None if ticks >= 3 => fence = Some(&line[..ticks]),
            Some(_) => {}
            None => {
                let bare = without_code(line);
                assert!(
                    !bare.contains("<script") && !bare.contains("@someone"),
                    "{line}"
                );
            }
        }
    }
    assert_eq!(fence, None, "{text}");
}

// A line without its code spans: between two runs of as many backticks.
fn without_code(line: &str) -> String {
    let run = |text: &str| text.len() - text.trim_start_matches('`').len();
    let (mut out, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        let ticks = run(&rest[at..]);
        let mut behind = &rest[at + ticks..];
        while let Some(next) = behind.find('`') {
            let found = run(&behind[next..]);
            behind = &behind[next + found..];
            if found == ticks {
                break;
            }
        }
        rest = behind;
    }
    out + rest
}

#[test]
fn html_tells_it_all_and_runs_nothing() {
    let html = paper(1).to_html();
    for part in [
        "<title>cart &lt;1&gt; – corscope</title>",
        "&lt;script&gt;alert(1)",
        "<span class=\"add\">+ Access-Control-Allow-Origin: https:&#x2f;&#x2f;app.test</span>",
        "curl -i",
        "<svg viewBox=\"0 0 1000 40\"",
        "30.0 ms",
    ] {
        assert!(html.contains(part), "{part} is not in:\n{html}");
    }
    assert!(!html.contains("<script"), "{html}");
}

fn as_it_is(url: &str, origin: Option<&str>, method: &str, end: End) -> Exchange {
    let mut exchange = (*blocked()[0]).clone();
    exchange.request.url = url.into();
    exchange.request.method = method.into();
    if origin.is_none() {
        exchange.request.headers = Arc::new(HeaderList::new());
    }
    if end != End::Complete {
        exchange.response = None;
    }
    exchange.end = end;
    exchange
}

#[test]
fn what_is_blocked_comes_first_and_the_browsers_own_is_only_counted() {
    let page = Some("https://app.test");
    let reset = || {
        End::Failed(Failure {
            stage: FailureStage::Wait,
            kind: FailureKind::Reset,
            detail: "reset".into(),
        })
    };
    let all = [
        as_it_is("https://update.googleapis.com/x", None, "GET", reset()),
        as_it_is("https://pinned.test:443/", None, "CONNECT", reset()),
        as_it_is("https://api.app.test/v1/lost", page, "GET", reset()),
        as_it_is(
            "https://api.app.test/v1/orders/1",
            page,
            "GET",
            End::Complete,
        ),
        as_it_is(
            "https://api.app.test/v1/orders/2?a=b",
            page,
            "GET",
            End::Complete,
        ),
    ];
    let exchanges: Vec<Arc<Exchange>> = (1..)
        .zip(all)
        .map(|(id, exchange)| {
            Arc::new(Exchange {
                id: ExchangeId(id),
                ..exchange
            })
        })
        .collect();
    let mut paper = Paper::new("x", true, 0);
    let diagnoses = diagnose_all(exchanges.clone(), None);
    let servers = Servers::of(&diagnoses, &exchanges);
    for diagnosis in &diagnoses {
        paper.add(diagnosis, &servers, &exchanges, false);
    }
    let text = paper.to_markdown();
    let titles: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    assert_eq!(titles.len(), 3, "{text}");
    assert!(titles[0].starts_with("## 1. ✖ "), "{titles:?}");
    assert!(
        text.contains("2 times: `GET https://api.app.test/v1/orders/1`"),
        "{text}"
    );
    assert!(
        text.contains("on its own account is left out: 1 call."),
        "{text}"
    );
    // No server is asked for a tunnel.
    assert!(!text.contains("-X CONNECT"), "{text}");
    let html = paper.to_html();
    assert!(
        html.contains(">GET api.app.test&#x2f;v1&#x2f;lost<") && !html.contains("googleapis"),
        "{html}"
    );
}

#[test]
fn nothing_blocked_is_said() {
    let paper = Paper::new("empty", false, 2);
    assert!(paper.to_markdown().contains("Nothing was blocked."));
    let html = paper.to_html();
    assert!(html.contains("Nothing was blocked.") && html.contains("has secrets in it"));
    assert!(html.contains("2 entries skipped"), "{html}");
}
