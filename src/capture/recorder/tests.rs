//! The way into a session.

use bytes::Bytes;

use super::*;
use crate::wire::{End, HttpVersion, Side, Timings};

fn request() -> RequestHead {
    RequestHead {
        method: "GET".into(),
        url: "http://a.test/".into(),
        version: HttpVersion::Http11,
        headers: Arc::default(),
    }
}

fn open(recorder: &Recorder) -> ExchangeRecorder {
    recorder.open_now(
        Source::Proxy,
        Kind::Http,
        Client::default(),
        request(),
        now(),
    )
}

#[test]
fn ids_are_dense_and_in_queue_order() {
    let (recorder, mut queue) = queue(ExchangeId(1), u64::MAX);
    let (_a, _b) = (open(&recorder), open(&recorder));
    assert_eq!(queue.wait(Duration::ZERO), Waited::Ready);
    let ids: Vec<u64> = queue.take().iter().map(|e| e.id().0).collect();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn dropping_the_last_handle_is_an_abort() {
    let (recorder, mut queue) = queue(ExchangeId(1), u64::MAX);
    let exchange = open(&recorder);
    let response_side = exchange.clone();
    drop(exchange);
    response_side.body(Side::Response, Bytes::from_static(b"half"));
    drop(response_side);
    let events = queue.take();
    let Some(Event::Closed(closing)) = events.last() else {
        panic!("no end: {events:?}")
    };
    assert_eq!(
        (closing.end.clone(), closing.response_bytes),
        (End::Aborted, 4)
    );
    drop(recorder);
    assert_eq!(queue.wait(Duration::from_secs(9)), Waited::Finished);
}

#[test]
fn a_body_is_cut_at_the_cap_and_counted_beyond() {
    let (recorder, mut queue) = queue(ExchangeId(1), 6);
    let exchange = open(&recorder);
    for part in ["abcd", "efgh", "ijkl"] {
        exchange.body(Side::Response, Bytes::from(part));
    }
    exchange.close(End::Complete, Timings::default());
    let kept: usize = queue.take().iter().map(Event::payload_bytes).sum();
    assert_eq!((kept, exchange.seen_bytes(Side::Response)), (6, 12));
}

#[tokio::test]
async fn openings_wait_for_room() {
    let (recorder, mut queue) = queue(ExchangeId(1), u64::MAX);
    let held: Vec<_> = (0..QUEUE_EVENTS_MAX).map(|_| open(&recorder)).collect();
    let waiting = recorder.open(Kind::Http, Client::default(), request());
    let mut waiting = std::pin::pin!(waiting);
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    assert_eq!(queue.take().len(), QUEUE_EVENTS_MAX);
    assert_eq!(waiting.await.id(), ExchangeId(QUEUE_EVENTS_MAX as u64 + 1));
    drop(held);
}

#[tokio::test]
async fn openings_do_not_wait_for_a_listener_that_stands_still() {
    let (recorder, mut queue) = queue(ExchangeId(1), u64::MAX);
    let held: Vec<_> = (0..QUEUE_EVENTS_MAX).map(|_| open(&recorder)).collect();
    let opening = || recorder.open(Kind::Http, Client::default(), request());
    // Nobody takes anything: they pass, and are counted.
    for passed in 1..=3 {
        let unheard = opening().await;
        unheard.close(End::Complete, Timings::default());
        assert_eq!(queue.unheard().load(Ordering::Relaxed), passed);
    }
    // Where there is room, what comes is heard, and gets the next id.
    assert_eq!(queue.take().len(), QUEUE_EVENTS_MAX);
    let next = ExchangeId(QUEUE_EVENTS_MAX as u64 + 1);
    assert_eq!(opening().await.id(), next);
    // Taken as it should be, it is waited for again.
    queue.take();
    let more: Vec<_> = (0..QUEUE_EVENTS_MAX).map(|_| open(&recorder)).collect();
    let waiting = opening();
    let mut waiting = std::pin::pin!(waiting);
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    queue.take();
    assert_ne!(waiting.await.id(), ExchangeId(0));
    assert_eq!(queue.unheard().load(Ordering::Relaxed), 3);
    drop((held, more));
}
