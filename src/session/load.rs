//! Reading a session file back: its exchanges told again in the order they were heard.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::judging::Judging;
use super::whole::Whole;
use crate::capture::{Heard, SessionError};
use crate::wire::{End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, ResponseHead};

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
pub(super) fn load(whole: &Whole, mut judging: Judging) -> Result<(), SessionError> {
    for (id, count) in whole.archive.message_counts()? {
        whole.write().messages.insert(id, count);
    }
    let mut replay = Replay::default();
    let mut from = whole.read().store.first_id();
    loop {
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
            replay.opened(&mut judging, exchange, heard);
        }
        judging.judge(whole);
        whole.bump();
    }
    replay.rest(&mut judging);
    judging.finish();
    judging.judge(whole);
    whole.bump();
    Ok(())
}

/// Tells answers and ends between the openings they came between.
#[derive(Default)]
struct Replay {
    due: BinaryHeap<Reverse<(u64, bool, ExchangeId)>>,
    exchanges: HashMap<ExchangeId, Arc<Exchange>>,
}

impl Replay {
    fn opened(&mut self, judging: &mut Judging, exchange: Arc<Exchange>, heard: Heard) {
        self.until(judging, heard.opened);
        judging.tick(exchange.opened_at);
        let mut whole = Exchange::clone(&exchange);
        judging.opened(&as_opened(&mut whole));
        if let Some(number) = heard.answered {
            self.due.push(Reverse((number, false, exchange.id)));
        }
        // One that did not end by itself is told as ended when all others are.
        self.due.push(Reverse((
            heard.closed.unwrap_or(u64::MAX),
            true,
            exchange.id,
        )));
        self.exchanges.insert(exchange.id, exchange);
    }

    fn until(&mut self, judging: &mut Judging, number: u64) {
        while let Some(Reverse((due, closed, id))) = self.due.peek().copied()
            && due < number
        {
            self.due.pop();
            self.tell(judging, closed, id);
        }
    }

    fn rest(&mut self, judging: &mut Judging) {
        while let Some(Reverse((_, closed, id))) = self.due.pop() {
            self.tell(judging, closed, id);
        }
    }

    fn tell(&mut self, judging: &mut Judging, closed: bool, id: ExchangeId) {
        if closed {
            if let Some(exchange) = self.exchanges.remove(&id) {
                judging.closed(&exchange);
            }
        } else if let Some(exchange) = self.exchanges.get(&id) {
            judging.answered(exchange);
        }
    }
}

/// The exchange as it was when it opened.
fn as_opened(exchange: &mut Exchange) -> Exchange {
    let _: Option<ResponseHead> = exchange.response.take();
    let mut opened = Exchange::opened(exchange.id, exchange.opened_at, exchange.request.clone());
    opened.source = exchange.source;
    opened.kind = exchange.kind;
    opened.client = exchange.client;
    opened
}
