//! What recording costs: exchanges of 1 KiB, as a browser sends them, from the recorder into the file
//! with pairing and judgement. `cargo bench --bench ingest`; with `CORSCOPE_EXCHANGES=1000000` instead of
//! that once so many, each with a body of its own: memory, disk, and how soon they are seen again.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use corscope::capture::{Recorder, now};
use corscope::session::{Options, Session};
use corscope::wire::{
    Client, End, HeaderList, HttpVersion, Kind, RequestHead, ResponseHead, Side, Source, Timings,
    Upstream,
};

fn main() {
    let set = std::env::var("CORSCOPE_EXCHANGES").ok();
    match set.and_then(|number| number.parse().ok()) {
        Some(number) => many(number),
        None => divan::main(),
    }
}

/// The most memory this process had since it was last asked, in megabytes.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
    // 5 begins a new count (proc(5), clear_refs).
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    kilobytes.unwrap_or(0) / 1_024
}

fn many(number: usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("many.corscope");
    let since = Instant::now();
    let (session, recorder) = Session::create(Options::new(&path)).unwrap();
    for n in 0..number {
        tell(&recorder, n, n % 3 == 0, &[body(n)]);
    }
    session.finish().unwrap();
    eprintln!(
        "recorded {number} in {:?}, {} MB of memory",
        since.elapsed(),
        peak_mb()
    );
    let bytes = std::fs::metadata(&path).unwrap().len();
    eprintln!("{} bytes on disk per exchange", bytes / number as u64);
    let since = Instant::now();
    let session = Session::view(&path, None).unwrap();
    let reader = session.reader();
    while reader.len() < 100 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    eprintln!("the first rows after {:?}", since.elapsed());
    session.finish().unwrap();
    eprintln!(
        "all {} read and judged after {:?}, {} MB of memory",
        reader.len(),
        since.elapsed(),
        peak_mb()
    );
}

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/140.0.0.0 Safari/537.36";

fn request_head(number: usize, cross_origin: bool) -> RequestHead {
    let mut headers = HeaderList::from_pairs([
        ("host", "api.app.test:8443"),
        ("user-agent", AGENT),
        ("accept", "application/json, text/plain, */*"),
        ("accept-language", "en-US,en;q=0.9"),
        ("accept-encoding", "gzip, deflate, br"),
        ("cookie", "sid=3f6c1e7a9b2d4c58; theme=dark; ab=17"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
    ]);
    if cross_origin {
        headers.push("sec-fetch-site", b"same-site");
        headers.push("origin", b"https://app.test");
    } else {
        headers.push("sec-fetch-site", b"same-origin");
    }
    RequestHead {
        method: "GET".into(),
        url: format!(
            "https://api.app.test:8443/j/{}.json?n={number}",
            number % 5_000
        ),
        version: HttpVersion::Http11,
        headers: Arc::new(headers),
    }
}

fn response_head(number: usize) -> ResponseHead {
    let mut headers = HeaderList::from_pairs([
        ("server", "nginx/1.26.0"),
        ("content-type", "application/json"),
        ("content-length", "1024"),
        ("last-modified", "Mon, 23 Nov 2026 08:00:00 GMT"),
    ]);
    headers.push(
        "date",
        format!("Mon, 23 Nov 2026 09:00:{:02} GMT", number / 20_000).as_bytes(),
    );
    headers.push(
        "etag",
        format!("\"67418a-{:x}\"", number % 5_000).as_bytes(),
    );
    ResponseHead {
        status: 200,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::new(headers),
    }
}

fn body(number: usize) -> Bytes {
    let mut text = String::from("[");
    for item in 0.. {
        let id = number
            .wrapping_mul(2_654_435_761)
            .wrapping_add(item * 40_503)
            % 1_000_003;
        let entry = format!(
            r#"{{"id":{id},"name":"item {id:x}","price":{}.5,"tags":["a","b"]}},"#,
            id % 977
        );
        if text.len() + entry.len() > 1_024 {
            break;
        }
        text.push_str(&entry);
    }
    text.push_str(&" ".repeat(1_024 - text.len()));
    text.into()
}

fn tell(recorder: &Recorder, number: usize, cross_origin: bool, bodies: &[Bytes]) {
    recorder.wait_for_room();
    let client = Client {
        connection: number as u64 % 64,
        addr: "127.0.0.1:50123".parse().ok(),
    };
    let head = request_head(number, cross_origin);
    let exchange = recorder.open_now(Source::Proxy, Kind::Http, client, head, now());
    let upstream = Upstream {
        connection: number as u64 % 64,
        addr: "127.0.0.1:8443".parse().ok(),
        reused: true,
        tls: Some("TLS 1.3, AES_128_GCM_SHA256".into()),
        insecure: false,
    };
    let timings = Timings {
        queued: Some(12),
        send: Some(40),
        wait: Some(700),
        receive: Some(25),
        ..Timings::default()
    };
    exchange.answered(response_head(number), upstream, timings);
    exchange.body(Side::Response, bodies[number % bodies.len()].clone());
    exchange.close(End::Complete, timings);
}

fn record(path: &Path, exchanges: usize, cross_origin: bool, bodies: &[Bytes]) {
    let (session, recorder) = Session::create(Options::new(path)).unwrap();
    for number in 0..exchanges {
        tell(&recorder, number, cross_origin, bodies);
    }
    session.finish().unwrap();
}

/// 100,000 exchanges from the recorder to the closed file, the telling included.
#[divan::bench(args = [false, true], sample_count = 3, sample_size = 1)]
fn ingest_100k(bencher: divan::Bencher<'_, '_>, cross_origin: bool) {
    let bodies: Vec<Bytes> = (0..5_000).map(body).collect();
    bencher
        .with_inputs(|| tempfile::tempdir().unwrap())
        .bench_local_refs(|dir| {
            let path = dir.path().join("bench.corscope");
            record(&path, 100_000, cross_origin, &bodies);
            let bytes = std::fs::metadata(&path).unwrap().len();
            eprintln!("{} bytes on disk per exchange", bytes / 100_000);
        });
}

/// Reading 100,000 exchanges back, with every verdict.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn open_100k(bencher: divan::Bencher<'_, '_>) {
    let bodies: Vec<Bytes> = (0..5_000).map(body).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bench.corscope");
    record(&path, 100_000, true, &bodies);
    bencher.bench_local(|| Session::open(&path, None).unwrap().reader().len());
}
