//! What each event means for the exchange it is about.

use std::sync::Arc;

use bytes::Bytes;
use ring::digest::{Context, SHA256};

use super::{Ingest, Track, Working};
use crate::capture::{Answer, Closing, Event, Heard, Opening, PIECE_BYTES_MAX, Piece, WholeBody};
use crate::wire::{BodyFacts, Exchange, ExchangeId, Message, Side};

impl Ingest {
    /// Takes in one event; the batch grows.
    pub(super) fn hear(&mut self, event: Event) {
        self.batch_events += 1;
        self.batch_bytes += event.payload_bytes();
        match event {
            Event::Opened(opening) => self.opened(*opening),
            Event::Answered(answer) => self.answered(*answer),
            Event::Patched(id, patch) => {
                if let Some(working) = self.working.get_mut(&id) {
                    let exchange = Arc::make_mut(&mut working.exchange);
                    exchange.patch = Some(*patch);
                    if exchange.response.is_some() {
                        self.judging.answered(exchange, &self.whole);
                    }
                    self.touch(id);
                }
            }
            Event::Body(id, side, bytes) => self.body(id, side, bytes),
            Event::Message(id, message) => self.message(id, message),
            Event::Told(id, said) => {
                if let Some(working) = self.working.get_mut(&id) {
                    Arc::make_mut(&mut working.exchange).told = Some(said);
                    self.touch(id);
                }
            }
            Event::Closed(closing) => self.closed(*closing),
            Event::Said(id, said) => {
                let said = Arc::new(*said);
                self.whole.say(id, Arc::clone(&said));
                self.batch.said.push((id, said));
                self.judging.said(id, &self.whole);
            }
        }
    }

    fn opened(&mut self, opening: Opening) {
        let id = opening.id;
        if self.working.len() as u64 + self.ended >= self.exchanges_max {
            self.is_full();
            return;
        }
        if self.judging.forgets_unjudged(opening.at) {
            self.commit();
        }
        let mut exchange = Exchange::opened(id, opening.at, opening.request);
        exchange.source = opening.source;
        exchange.kind = opening.kind;
        exchange.client = opening.client;
        self.judging.opened(&exchange);
        let heard = Heard {
            opened: self.next_number(),
            ..Heard::default()
        };
        self.working.insert(
            id,
            Working {
                exchange: Arc::new(exchange),
                heard,
                request: Track::default(),
                response: Track::default(),
                messages: 0,
                touched: false,
            },
        );
        self.touch(id);
    }

    fn answered(&mut self, answer: Answer) {
        let number = self.next_number();
        let Some(working) = self.working.get_mut(&answer.id) else {
            return;
        };
        working.heard.answered = Some(number);
        let exchange = Arc::make_mut(&mut working.exchange);
        exchange.answered_at = Some(answer.at);
        exchange.response = Some(answer.response);
        exchange.upstream = Some(answer.upstream);
        exchange.timings = answer.timings;
        self.judging.answered(exchange, &self.whole);
        self.touch(answer.id);
    }

    fn closed(&mut self, closing: Closing) {
        let number = self.next_number();
        for side in [Side::Request, Side::Response] {
            self.body_ended(closing.id, side);
        }
        let Some(working) = self.working.get_mut(&closing.id) else {
            return;
        };
        working.heard.closed = Some(number);
        let exchange = Arc::make_mut(&mut working.exchange);
        exchange.closed_at = Some(closing.at);
        exchange.end = closing.end;
        exchange.timings = closing.timings;
        exchange.upstream = closing.upstream.or(exchange.upstream.take());
        exchange.request_body.seen_bytes = closing.request_bytes;
        exchange.response_body.seen_bytes = closing.response_bytes;
        if let Some(trailers) = closing.trailers {
            exchange.trailers = Arc::unwrap_or_clone(trailers);
        }
        if exchange.is_stood_in_for() {
            self.judging.answered(exchange, &self.whole);
        }
        self.judging.closed(exchange);
        self.touch(closing.id);
    }

    fn body(&mut self, id: ExchangeId, side: Side, mut bytes: Bytes) {
        let Some(working) = self.working.get_mut(&id) else {
            return;
        };
        let coded = is_coded(&working.exchange, side);
        let exchange = Arc::make_mut(&mut working.exchange);
        let (facts, track) = match side {
            Side::Request => (&mut exchange.request_body, &mut working.request),
            Side::Response => (&mut exchange.response_body, &mut working.response),
        };
        facts.seen_bytes += bytes.len() as u64;
        if self.broken.as_ref().is_some_and(|b| !b.takes_bodies()) {
            track.cut = true;
        }
        if track.cut {
            self.lost_bytes += bytes.len() as u64;
        }
        while !track.cut && !bytes.is_empty() {
            let filling = track
                .filling
                .filter(|(number, _)| *number == self.batch_number);
            let piece = filling
                .and_then(|(_, at)| self.batch.pieces.get_mut(at))
                .filter(|piece| piece.len < PIECE_BYTES_MAX);
            let piece = if let Some(piece) = piece {
                piece
            } else {
                track.filling = Some((self.batch_number, self.batch.pieces.len()));
                self.batch.pieces.push(Piece {
                    exchange: id,
                    side,
                    number: track.pieces,
                    start: facts.kept_bytes,
                    parts: Vec::new(),
                    len: 0,
                    coded,
                    whole: None,
                });
                track.pieces += 1;
                let last = self.batch.pieces.len() - 1;
                &mut self.batch.pieces[last]
            };
            let part = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX - piece.len));
            extend_excerpt(facts, &part);
            track
                .digest
                .get_or_insert_with(|| Context::new(&SHA256))
                .update(&part);
            facts.kept_bytes += part.len() as u64;
            piece.len += part.len();
            piece.parts.push(part);
        }
        self.touch(id);
    }

    /// A body that is all there can be the same as one before it.
    fn body_ended(&mut self, id: ExchangeId, side: Side) {
        let Some(working) = self.working.get_mut(&id) else {
            return;
        };
        let track = match side {
            Side::Request => &mut working.request,
            Side::Response => &mut working.response,
        };
        let Some(digest) = track.digest.take().filter(|_| !track.cut) else {
            return;
        };
        let Some(digest) = digest.finish().as_ref().first_chunk().copied() else {
            return;
        };
        let only = track
            .filling
            .filter(|(number, _)| *number == self.batch_number && track.pieces == 1)
            .and_then(|(_, at)| self.batch.pieces.get_mut(at));
        match only {
            Some(piece) => piece.whole = Some(digest),
            None => self.batch.bodies.push(WholeBody {
                exchange: id,
                side,
                digest,
            }),
        }
    }

    /// There are as many exchanges as a session may have.
    fn is_full(&mut self) {
        if !self.full {
            self.full = true;
            self.whole.set_trouble(Some(format!(
                "This session has {} exchanges, as many as it may. Traffic goes on and is not recorded; \
                 start corscope again for a new session.",
                self.exchanges_max
            )));
            self.whole.bump();
        }
    }

    fn message(&mut self, id: ExchangeId, message: Box<Message>) {
        let Some(working) = self.working.get_mut(&id) else {
            return;
        };
        if self.broken.as_ref().is_some_and(|b| !b.takes_bodies()) {
            self.lost_bytes += message.payload.len() as u64;
            return;
        }
        self.batch.messages.push((id, working.messages, message));
        working.messages += 1;
        self.touch(id);
    }

    fn next_number(&mut self) -> u64 {
        self.heard += 1;
        self.heard
    }

    /// Puts an exchange into the batch.
    pub(super) fn touch(&mut self, id: ExchangeId) {
        if let Some(working) = self.working.get_mut(&id)
            && !working.touched
        {
            working.touched = true;
            self.touched.push(id);
        }
    }
}

fn extend_excerpt(facts: &mut BodyFacts, part: &Bytes) {
    let room = BodyFacts::EXCERPT_BYTES_MAX.saturating_sub(facts.excerpt.len());
    if room == 0 {
        return;
    }
    // Copied: a slice would keep the whole buffer it was read into.
    let part = &part[..part.len().min(room)];
    facts.excerpt = if facts.excerpt.is_empty() {
        Bytes::copy_from_slice(part)
    } else {
        [&facts.excerpt[..], part].concat().into()
    };
}

/// Whether a content coding makes a body's bytes look like noise.
fn is_coded(exchange: &Exchange, side: Side) -> bool {
    let headers = match side {
        Side::Request => Some(&exchange.request.headers),
        Side::Response => exchange.response.as_ref().map(|r| &r.headers),
    };
    headers.is_some_and(|headers| headers.contains("content-encoding"))
}
