//! What a fetch would have come to without the trial fix that changed its answers.

use std::sync::Arc;

use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Exchanges, Fetch, Member, Role, Surroundings, diagnose_to_mend};
use crate::wire::{Exchange, ExchangeId};

/// Exchanges as their servers answered them.
struct Unchanged<'a>(&'a dyn Exchanges);

impl Exchanges for Unchanged<'_> {
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        let exchange = self.0.exchange(id)?;
        if exchange.patch.is_none() {
            return Some(exchange);
        }
        let mut unchanged = Exchange::clone(&exchange);
        unchanged.patch = None;
        Some(Arc::new(unchanged))
    }
}

/// The verdict on what the servers said, where a trial fix changed an answer: the fetch as it would
/// have ended with the first answer that stops it. `None` where nothing was changed.
pub(super) fn before(
    fetch: &Fetch,
    exchanges: &dyn Exchanges,
    around: &Surroundings,
) -> Option<Diagnosis> {
    let unchanged = Unchanged(exchanges);
    let mut last = None;
    for (at, member) in fetch.members.iter().enumerate() {
        let exchange = member.exchange.and_then(|id| exchanges.exchange(id));
        if exchange.is_none_or(|e| e.patch.is_none()) {
            continue;
        }
        let mut members = fetch.members[..=at].to_vec();
        if member.role == Role::Preflight {
            members.push(Member::missing());
        }
        let cut = Fetch {
            members,
            settled: true,
            ..fetch.clone()
        };
        let diagnosis = diagnose_to_mend(&cut, &unchanged, around);
        let stopped = matches!(diagnosis.outcome, Outcome::Blocked | Outcome::Failed);
        last = Some(diagnosis);
        if stopped {
            break;
        }
    }
    last
}
