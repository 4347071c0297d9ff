//! The corpora of the fuzz targets, run by the ordinary tests. `tests/fuzz/README.md` tells how to
//! fuzz on.

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::missing_panics_doc,
    clippy::items_after_statements
)]
mod targets;

pub(crate) use targets::exchanges;

fn replay(name: &str, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut inputs = 0;
    for entry in fs::read_dir(corpus.join(name)).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        let fine = std::panic::catch_unwind(|| target(&data)).is_ok();
        assert!(fine, "{} fails", path.display());
        inputs += 1;
    }
    assert!(inputs > 10, "{name}: {inputs} inputs");
    target(&[]);
}

#[test]
fn headers() {
    replay("headers", targets::headers);
}

#[test]
fn origin() {
    replay("origin", targets::origin);
}

#[test]
fn judgement() {
    replay("judgement", targets::judgement);
}

#[test]
fn pairing() {
    replay("pairing", targets::pairing);
}

#[test]
fn har() {
    replay("har", targets::har);
}

#[test]
fn session() {
    replay("session", targets::session);
}

#[test]
fn websocket() {
    replay("websocket", targets::websocket);
}

#[test]
fn events() {
    replay("events", targets::events);
}

#[test]
fn filter() {
    replay("filter", targets::filter);
}

#[test]
fn console() {
    replay("console", targets::console);
}

#[test]
fn config() {
    replay("config", targets::config);
}

#[test]
fn redact() {
    replay("redact", targets::redact);
}
