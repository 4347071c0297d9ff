//! Verdicts settle while traffic is recorded, not only at its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use corscope::capture::{Recorder, now};
use corscope::diagnose::Root;
use corscope::session::{Reader, Session};
use corscope::wire::{
    Client, End, ExchangeId, HeaderList, HttpVersion, Kind, RequestHead, ResponseHead, Source,
    Timings, Upstream,
};

const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        Chrome/156.0.0.0 Safari/537.36";

fn get(recorder: &Recorder, url: &str, origin: Option<&str>, site: &str) -> ExchangeId {
    let mut headers = HeaderList::from_pairs([
        ("User-Agent", CHROMIUM),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Dest", "empty"),
        ("Sec-Fetch-Site", site),
    ]);
    if let Some(origin) = origin {
        headers.push("Origin", origin.as_bytes());
    }
    let request = RequestHead {
        method: "GET".into(),
        url: url.into(),
        version: HttpVersion::Http11,
        headers: Arc::new(headers),
    };
    let one = recorder.open_now(Source::Proxy, Kind::Http, Client::default(), request, now());
    let answer = ResponseHead {
        status: 200,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs([(
            "Content-Type",
            "application/json",
        )])),
    };
    one.answered(answer, Upstream::default(), Timings::default());
    one.close(End::Complete, Timings::default());
    one.id()
}

fn becomes(reader: &Reader, id: ExchangeId, root: Root) {
    let start = Instant::now();
    loop {
        let mut found = None;
        reader.rows(&[id], &mut |row| found = row.mark.root);
        if found == Some(root) {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "{found:?} did not become {root:?}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_development_server_explains_a_block_on_another_host_at_once() {
    let (session, recorder) = Session::in_memory(None, 1).unwrap();
    let reader = session.reader();
    let page = "https://app.test";
    let url = "https://api.other.test/v1/items";
    let blocked = get(&recorder, url, Some(page), "cross-site");
    becomes(&reader, blocked, Root::CorsNotConfigured);
    // The same path, which the development server hands on to the API.
    get(
        &recorder,
        "http://localhost:5173/v1/items",
        None,
        "same-origin",
    );
    becomes(&reader, blocked, Root::DevProxyMasksCors);
    session.finish().unwrap();
}
