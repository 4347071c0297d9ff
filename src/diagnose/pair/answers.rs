//! What answers and ends let expect: the request behind a preflight, the next hop, the same again.

use std::borrow::Cow;

use crate::cors::{
    Answer, Ask, Asker, Browser, Grant, Mode, Stage, cors_check, next_hop, preflight_check,
    redirect_check,
};
use crate::wire::{End, Exchange, ExchangeId, Timestamp};

use super::super::fetch::{FetchId, Member, Role};
use super::super::infer::{Class, classify, origin_of};
use super::super::slots::{Slot, SlotKind, key_of};
use super::super::steps::is_asked_again;
use super::opens::Known;
use super::{Pairer, without_fragment};

impl Pairer {
    pub(super) fn answered(&mut self, exchange: &Exchange) -> Option<FetchId> {
        let known = self.of.get(exchange.id)?;
        let id = known.fetch;
        let browser = self.open.get(id)?.fetch.browser;
        let Some(response) = exchange.answer() else {
            return Some(id);
        };
        let answer = Answer {
            status: response.status,
            headers: &response.headers,
        };
        let at = exchange.answered_at.unwrap_or(exchange.opened_at);
        self.slots.forget_early(known.url, exchange.id);
        if is_asked_again(browser, answer.status) {
            self.expect_again(known, exchange, at);
        }
        if known.preflight {
            self.preflight_answered(known, exchange, browser, answer, at);
        } else if answer.is_redirect(browser) {
            self.redirected(known, exchange, browser, answer, at);
        }
        Some(id)
    }

    fn redirected(
        &mut self,
        known: Known,
        exchange: &Exchange,
        browser: Browser,
        answer: Answer<'_>,
        at: Timestamp,
    ) -> Option<()> {
        let id = known.fetch;
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
        let open = self.open.get_mut(id)?;
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
            origin: origin.map(Cow::into_owned),
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
        Some(())
    }

    fn preflight_answered(
        &mut self,
        known: Known,
        exchange: &Exchange,
        browser: Browser,
        answer: Answer<'_>,
        at: Timestamp,
    ) -> Option<()> {
        let id = known.fetch;
        let request = &exchange.request;
        let origin = origin_of(request)?;
        let ask = Ask::of(&request.headers)?;
        let client = self.open.get(id)?.client;
        let passes = |include| {
            let asker = Asker {
                browser,
                origin: &origin,
                include,
            };
            preflight_check(asker, &ask, answer).is_empty()
        };
        let passes = (passes(true), passes(false));
        if let Some(slot) = self.slots.asked(known.url, exchange.id) {
            slot.since = at;
            if let SlotKind::Asked { accepted, .. } = &mut slot.kind {
                *accepted = Some(passes.0 || passes.1);
            }
        }
        if passes.0 || passes.1 {
            let grant = Grant::of(browser, answer.headers);
            let key = key_of((&Some(origin), without_fragment(&request.url)));
            self.grants
                .keep(client, key, grant, exchange.id, at, passes);
            self.set_deadline(id, at);
        } else {
            self.settle_now(id);
        }
        Some(())
    }

    pub(super) fn closed(&mut self, exchange: &Exchange, at: Timestamp) -> Option<FetchId> {
        let known = self.of.get(exchange.id)?;
        let id = known.fetch;
        let unanswered = exchange.response.is_none();
        let open = self.open.get_mut(id)?;
        let waits = open.deadline.is_some();
        if unanswered {
            if known.preflight {
                open.fetch.members.retain(|m| !m.never_sent);
                open.fetch.members.push(Member::missing());
            }
            open.fetch.settled = true;
            if matches!(exchange.end, End::Failed(_)) {
                self.expect_again(known, exchange, at);
            }
        } else if !waits && !known.preflight {
            open.fetch.settled = true;
        }
        Some(id)
    }

    /// The browser may send the same once more at once.
    fn expect_again(&mut self, known: Known, exchange: &Exchange, since: Timestamp) {
        let Some(open) = self.open.get(known.fetch) else {
            return;
        };
        let request = &exchange.request;
        let slot = Slot {
            fetch: known.fetch,
            client: open.client,
            origin: origin_of(request).map(Cow::into_owned),
            since,
            kind: SlotKind::Again {
                method: request.method.clone(),
                ask: known.preflight.then(|| Ask::of(&request.headers)).flatten(),
            },
        };
        self.expect(known.fetch, known.url, slot);
    }

    fn redirects_before(&self, id: FetchId, exchange: ExchangeId) -> bool {
        self.open.get(id).is_some_and(|open| {
            open.fetch
                .members
                .iter()
                .take_while(|m| m.exchange != Some(exchange))
                .any(|m| m.role == Role::Redirect)
        })
    }
}
