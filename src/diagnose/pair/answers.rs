//! What answers and ends let expect: the request behind a preflight, the next hop, the same again.

use crate::cors::{
    Answer, Ask, Asker, Browser, Grant, Mode, Stage, cors_check, next_hop, preflight_check,
    redirect_check,
};
use crate::wire::{End, Exchange, ExchangeId, Timestamp};

use super::super::fetch::{FetchId, Member, Role};
use super::super::infer::{Class, classify, is_preflight, origin_of};
use super::super::slots::{Slot, SlotKind, key_of};
use super::super::steps::is_asked_again;
use super::{Pairer, without_fragment};

impl Pairer {
    pub(super) fn answered(&mut self, exchange: &Exchange) -> Option<FetchId> {
        let id = self.fetch_of(exchange.id)?;
        let browser = self.open.get(&id)?.fetch.browser;
        let response = exchange.delivered()?;
        let answer = Answer {
            status: response.status,
            headers: &response.headers,
        };
        let at = exchange.answered_at.unwrap_or(exchange.opened_at);
        let key = key_of(without_fragment(&exchange.request.url));
        self.slots.forget_early(key, exchange.id);
        if is_asked_again(browser, answer.status) {
            self.expect_again(id, exchange, at);
        }
        if is_preflight(exchange, self.rules) {
            return self.preflight_answered(id, exchange, browser, answer, at);
        }
        let origin = origin_of(&exchange.request);
        let next = next_hop(
            browser,
            &exchange.request.url,
            &exchange.request.method,
            origin.as_deref(),
            answer,
        )?;
        let redirected = self.redirects_before(id, exchange.id);
        let class = classify(exchange, self.rules, redirected);
        let open = self.open.get_mut(&id)?;
        for member in &mut open.fetch.members {
            if member.exchange == Some(exchange.id) {
                member.role = Role::Redirect;
            }
        }
        let refused = class == Class::Cors && {
            let origin = origin.as_deref().unwrap_or("null");
            let check = |include| {
                let asker = Asker {
                    browser,
                    origin,
                    include,
                };
                cors_check(asker, answer.headers, Stage::Redirect)
            };
            !check(false).is_empty()
                || !redirect_check(
                    browser,
                    &exchange.request.url,
                    Mode::Cors,
                    Some(origin),
                    answer,
                )
                .is_empty()
        };
        let key = key_of(without_fragment(&next.url));
        let slot = Slot {
            fetch: id,
            client: open.client,
            origin,
            since: at,
            kind: SlotKind::Redirected {
                next,
                cors: class == Class::Cors,
            },
        };
        self.expect(id, key, slot);
        if refused {
            self.settle_now(id);
        } else {
            self.set_deadline(id, at);
        }
        Some(id)
    }

    fn preflight_answered(
        &mut self,
        id: FetchId,
        exchange: &Exchange,
        browser: Browser,
        answer: Answer<'_>,
        at: Timestamp,
    ) -> Option<FetchId> {
        let request = &exchange.request;
        let origin = origin_of(request)?;
        let ask = Ask::of(&request.headers)?;
        let client = self.open.get(&id)?.client;
        let passes = |include| {
            let asker = Asker {
                browser,
                origin: &origin,
                include,
            };
            preflight_check(asker, &ask, answer).is_empty()
        };
        let passes = (passes(true), passes(false));
        let url = without_fragment(&request.url);
        if let Some(slot) = self.slots.asked(key_of(url), exchange.id) {
            slot.since = at;
            if let SlotKind::Asked { accepted, .. } = &mut slot.kind {
                *accepted = Some(passes.0 || passes.1);
            }
        }
        if passes.0 || passes.1 {
            let grant = Grant::of(browser, answer.headers);
            let key = key_of((&Some(origin), url));
            self.grants
                .keep(client, key, grant, exchange.id, at, passes);
            self.set_deadline(id, at);
        } else {
            self.settle_now(id);
        }
        Some(id)
    }

    pub(super) fn closed(&mut self, exchange: &Exchange, at: Timestamp) -> Option<FetchId> {
        let id = self.fetch_of(exchange.id)?;
        let unanswered = exchange.response.is_none();
        let open = self.open.get_mut(&id)?;
        let waits = open.deadline.is_some();
        if unanswered {
            let preflight = is_preflight(exchange, self.rules);
            if preflight {
                open.fetch.members.retain(|m| !m.never_sent);
                open.fetch.members.push(Member::missing());
            }
            open.fetch.settled = true;
            if matches!(exchange.end, End::Failed(_)) {
                self.expect_again(id, exchange, at);
            }
        } else if !waits && !is_preflight(exchange, self.rules) {
            open.fetch.settled = true;
        }
        Some(id)
    }

    /// The browser may send the same once more at once.
    fn expect_again(&mut self, id: FetchId, exchange: &Exchange, since: Timestamp) {
        let Some(open) = self.open.get(&id) else {
            return;
        };
        let request = &exchange.request;
        let preflight = is_preflight(exchange, self.rules);
        let slot = Slot {
            fetch: id,
            client: open.client,
            origin: origin_of(request),
            since,
            kind: SlotKind::Again {
                method: request.method.clone(),
                ask: preflight.then(|| Ask::of(&request.headers)).flatten(),
            },
        };
        self.expect(id, key_of(without_fragment(&request.url)), slot);
    }

    fn redirects_before(&self, id: FetchId, exchange: ExchangeId) -> bool {
        self.open.get(&id).is_some_and(|open| {
            open.fetch
                .members
                .iter()
                .take_while(|m| m.exchange != Some(exchange))
                .any(|m| m.role == Role::Redirect)
        })
    }
}
