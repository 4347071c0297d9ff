//! One exchange while it runs, and how it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::failure::{FAULT, failure};
use crate::capture::{ExchangeRecorder, now};
use crate::wire::{End, FailureKind, FailureStage, HeaderList, ResponseHead, Timings, Upstream};

/// One exchange while it runs: shared by both bodies, told to the recorder.
///
/// It ends when the response has ended and the request has too; at once if something broke. When
/// everybody who could finish it is gone, the client went away.
pub(super) struct Flow {
    recorder: ExchangeRecorder,
    marks: Mutex<Marks>,
}

#[derive(Default)]
struct Marks {
    timings: Timings,
    sent_at: Option<Instant>,
    request_over_at: Option<Instant>,
    /// The client, not the server, ended the request body early.
    client_broke: bool,
    answered_at: Option<Instant>,
    upstream: Option<Upstream>,
    /// The response ended well while the request was still being sent.
    response_over: bool,
    trailers: Option<Arc<HeaderList>>,
}

impl Flow {
    pub(super) fn new(recorder: ExchangeRecorder) -> Arc<Self> {
        Arc::new(Self {
            recorder,
            marks: Mutex::default(),
        })
    }

    pub(super) fn recorder(&self) -> &ExchangeRecorder {
        &self.recorder
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection was found, or what was learnt on the way to none.
    pub(super) fn connected(&self, timings: Timings, upstream: Option<Upstream>) {
        let mut marks = self.marks();
        marks.timings = timings;
        marks.upstream = upstream;
        marks.sent_at = Some(Instant::now());
    }

    /// The response head arrived.
    pub(super) fn answered(&self, response: ResponseHead) {
        let mut marks = self.marks();
        let now = Instant::now();
        marks.answered_at = Some(now);
        let sent_at = marks.sent_at.unwrap_or(now);
        let over_at = marks.request_over_at.unwrap_or(now).clamp(sent_at, now);
        marks.timings.send = Some(micros_between(sent_at, over_at));
        marks.timings.wait = Some(micros_between(over_at, now));
        let (timings, upstream) = (marks.timings, marks.upstream.clone());
        drop(marks);
        self.recorder
            .answered(response, upstream.unwrap_or_default(), timings);
    }

    /// The request was sent whole, or nobody will send the rest.
    pub(super) fn request_over(&self, client_broke: bool) {
        let mut marks = self.marks();
        marks.request_over_at.get_or_insert_with(Instant::now);
        marks.client_broke |= client_broke;
        if marks.response_over {
            let trailers = marks.trailers.take();
            self.close(marks, End::Complete, trailers);
        }
    }

    /// Whether the client stopped in the middle of its request.
    pub(super) fn client_broke(&self) -> bool {
        self.marks().client_broke
    }

    pub(super) fn is_request_over(&self) -> bool {
        self.marks().request_over_at.is_some()
    }

    /// The response ended well.
    pub(super) fn complete(&self, trailers: Option<Arc<HeaderList>>) {
        let mut marks = self.marks();
        if let Some(at) = marks.answered_at {
            marks.timings.receive = Some(micros_between(at, Instant::now()));
        }
        if marks.request_over_at.is_some() {
            self.close(marks, End::Complete, trailers);
        } else {
            marks.response_over = true;
            marks.trailers = trailers;
        }
    }

    /// It ended otherwise.
    pub(super) fn broken(&self, end: End, trailers: Option<Arc<HeaderList>>) {
        let mut marks = self.marks();
        if let Some(at) = marks.answered_at {
            marks.timings.receive = Some(micros_between(at, Instant::now()));
        }
        self.close(marks, end, trailers);
    }

    fn close(&self, mut marks: MutexGuard<'_, Marks>, end: End, trailers: Option<Arc<HeaderList>>) {
        let timings = marks.timings;
        // Known since the answer, if there was one.
        let upstream = marks
            .upstream
            .take()
            .filter(|_| marks.answered_at.is_none());
        drop(marks);
        self.recorder
            .close_at(now(), end, timings, upstream, trailers);
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        if !self.recorder.is_closed() {
            let end = if std::thread::panicking() {
                End::Failed(failure(FailureStage::Proxy, FailureKind::Other, FAULT))
            } else {
                End::Aborted
            };
            self.broken(end, None);
        }
    }
}

fn micros_between(earlier: Instant, later: Instant) -> u64 {
    let time = later.saturating_duration_since(earlier);
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Event, queue};
    use crate::wire::{Client, ExchangeId, HttpVersion, Kind, RequestHead, Source};

    /// An exchange that a fault of ours broke is told as that; one that was just left, as left.
    #[test]
    fn a_fault_of_ours_is_told_as_one() {
        for fault in [false, true] {
            let (recorder, mut events) = queue(ExchangeId(1), 0);
            let head = RequestHead {
                method: "GET".to_owned(),
                url: "http://a.test/".to_owned(),
                version: HttpVersion::Http11,
                headers: Arc::default(),
            };
            let exchange =
                recorder.open_now(Source::Proxy, Kind::Http, Client::default(), head, now());
            let flow = Flow::new(exchange);
            let broke = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                let _flow = flow;
                assert!(!fault, "a fault, for this test");
            }));
            assert_eq!(broke.is_err(), fault);
            let end = events.take().drain(..).find_map(|event| match event {
                Event::Closed(closing) => Some(closing.end),
                _ => None,
            });
            match end {
                Some(End::Failed(failure)) if fault => assert_eq!(failure.detail, FAULT),
                Some(End::Aborted) if !fault => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
