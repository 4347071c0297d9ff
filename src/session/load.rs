//! Reading a session file back: its exchanges told again in the order they were heard.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::quality::RandomState;

use super::judging::Judging;
use super::whole::{Messages, SAID_MAX, Whole};
use crate::capture::{Heard, SessionError};
use crate::diagnose::Moment;
use crate::wire::{End, Exchange, ExchangeId, Failure, FailureKind, FailureStage};

/// Exchanges read at a time; between slices others see what came so far.
const SLICE: usize = 1_000;

/// An exchange as it appears once its capture is over: one that was still open did not end by
/// itself.
pub(super) fn as_ended(mut exchange: Exchange) -> Exchange {
    if exchange.end == End::Open {
        exchange.end = End::Failed(Failure {
            stage: if exchange.response.is_some() {
                FailureStage::Receive
            } else {
                FailureStage::Wait
            },
            kind: FailureKind::Other,
            detail: "the capture stopped before this was over".into(),
        });
    }
    exchange
}

/// Reads all of the archive into the session.
pub(super) fn load(whole: &Whole, judging: Judging) -> Result<(), SessionError> {
    // Only for the progress; a damaged file is read as far as it goes.
    let all = whole.archive.exchange_count().unwrap_or(0);
    whole.reading.store(all, Ordering::Relaxed);
    let read = read(whole, judging);
    whole.reading.store(0, Ordering::Relaxed);
    whole.bump();
    read
}

fn read(whole: &Whole, judging: Judging) -> Result<(), SessionError> {
    for (id, count, bytes) in whole.archive.message_counts()? {
        whole.write().messages.insert(id, Messages { count, bytes });
    }
    for (id, said) in whole.archive.said(SAID_MAX)? {
        whole.say(id, Arc::new(said));
    }
    let mut replay = Replay {
        whole,
        judging,
        due: BinaryHeap::new(),
        exchanges: HashMap::default(),
    };
    let mut from = whole.read().store.first_id();
    while !whole.unwanted.load(Ordering::Relaxed) {
        let slice = whole.archive.exchanges(from, SLICE)?;
        let Some((last, _)) = slice.last() else {
            break;
        };
        from = ExchangeId(last.id.0 + 1);
        let mut state = whole.write();
        let mut ended = Vec::with_capacity(slice.len());
        for (exchange, heard) in slice {
            let exchange = Arc::new(as_ended(exchange));
            if !state.show(&exchange) {
                return Err(SessionError::Corrupt {
                    path: whole.archive.path().to_owned(),
                    detail: format!("there is no order in exchange {}", exchange.id),
                });
            }
            ended.push((exchange, heard));
        }
        drop(state);
        for (exchange, heard) in ended {
            whole.remember(Arc::clone(&exchange));
            replay.opened(exchange, heard);
        }
        replay.judging.judge(whole);
        whole.bump();
    }
    // Whoever left does not wait for verdicts that nobody will read.
    if whole.unwanted.load(Ordering::Relaxed) {
        return Ok(());
    }
    replay.rest();
    replay.judging.finish();
    replay.judging.judge(whole);
    Ok(())
}

/// Tells answers and ends between the openings they came between.
struct Replay<'a> {
    whole: &'a Whole,
    judging: Judging,
    due: BinaryHeap<Reverse<(u64, ExchangeId, Moment)>>,
    exchanges: HashMap<ExchangeId, Arc<Exchange>, RandomState>,
}

impl Replay<'_> {
    fn opened(&mut self, exchange: Arc<Exchange>, heard: Heard) {
        self.until(heard.opened);
        self.judging.tick(exchange.opened_at);
        if self.judging.forgets_unjudged(exchange.opened_at) {
            self.judging.judge(self.whole);
        }
        self.judging.opened(&as_opened(&exchange));
        if let Some(number) = heard.answered {
            self.due
                .push(Reverse((number, exchange.id, Moment::Answered)));
        }
        // One that did not end by itself is told as ended when all others are.
        let closed = heard.closed.unwrap_or(u64::MAX);
        self.due
            .push(Reverse((closed, exchange.id, Moment::Closed)));
        self.exchanges.insert(exchange.id, exchange);
    }

    /// Tells what was heard before this.
    fn until(&mut self, number: u64) {
        while let Some(Reverse((due, id, moment))) = self.due.peek().copied()
            && due < number
        {
            self.due.pop();
            if moment == Moment::Closed {
                if let Some(exchange) = self.exchanges.remove(&id) {
                    if exchange.is_stood_in_for() {
                        self.judging.answered(&exchange, self.whole);
                    }
                    self.judging.closed(&exchange);
                }
            } else if let Some(exchange) = self.exchanges.get(&id) {
                self.judging.answered(exchange, self.whole);
            }
        }
    }

    fn rest(&mut self) {
        self.until(u64::MAX);
        let mut open: Vec<_> = self.exchanges.drain().collect();
        open.sort_unstable_by_key(|(id, _)| *id);
        for (_, exchange) in open {
            self.judging.closed(&exchange);
        }
    }
}

/// The exchange as it was when it opened.
fn as_opened(exchange: &Exchange) -> Exchange {
    let mut opened = Exchange::opened(exchange.id, exchange.opened_at, exchange.request.clone());
    opened.source = exchange.source;
    opened.kind = exchange.kind;
    opened.client = exchange.client;
    opened
}
