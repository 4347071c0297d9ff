//! What browsers remember of preflight answers.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::cors::{Ask, Credentials, Grant};
use crate::wire::{ExchangeId, Timestamp};

/// A remembered preflight answer.
#[derive(Clone, Debug)]
struct Kept {
    grant: Grant,
    from: ExchangeId,
    until: Timestamp,
    /// For which credentials modes it passed.
    include: bool,
    not_include: bool,
}

/// A grant that covers a request which came without a preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    /// The preflight it was granted by.
    pub(crate) from: ExchangeId,
    /// What its use says of the credentials mode.
    pub(crate) credentials: Credentials,
}

/// The preflight cache of one kind of client
/// ([Fetch § CORS-preflight cache](https://fetch.spec.whatwg.org/#concept-cache)), keyed by origin and
/// whole URL; bounded, the oldest entry goes first.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    kept: HashMap<(u64, u64), Kept, RandomState>,
    order: VecDeque<(u64, u64)>,
    clients: HashMap<u64, usize, RandomState>,
}

impl Grants {
    /// How many grants are kept for each user agent.
    const PER_CLIENT_MAX: usize = 4096;

    /// Keeps the grant of a preflight answer that passes in at least one mode.
    pub(crate) fn keep(
        &mut self,
        client: u64,
        key: u64,
        grant: Grant,
        from: ExchangeId,
        at: Timestamp,
        passes: (bool, bool),
    ) {
        if grant.max_age_seconds == 0 {
            return;
        }
        let until = at.plus_micros(grant.max_age_seconds.saturating_mul(1_000_000));
        let kept = Kept {
            grant,
            from,
            until,
            include: passes.0,
            not_include: passes.1,
        };
        if self.kept.insert((client, key), kept).is_some() {
            return;
        }
        self.order.push_back((client, key));
        let count = self.clients.entry(client).or_insert(0);
        *count += 1;
        // Every client together is bounded by the busiest one's share: user agents are few.
        if *count > Self::PER_CLIENT_MAX || self.order.len() > 4 * Self::PER_CLIENT_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.order.pop_front() else {
            return;
        };
        self.kept.remove(&oldest);
        if let Some(count) = self.clients.get_mut(&oldest.0) {
            *count -= 1;
            if *count == 0 {
                self.clients.remove(&oldest.0);
            }
        }
    }

    /// The grant that lets a request go without a preflight, if one is known.
    ///
    /// Chromium reuses the grant of a credentialed request for one without; a grant made without
    /// credentials never serves a credentialed one, in any engine.
    pub(crate) fn covering(
        &self,
        client: u64,
        key: u64,
        ask: &Ask,
        at: Timestamp,
    ) -> Option<Covered> {
        let kept = self.kept.get(&(client, key)).filter(|k| k.until >= at)?;
        let covers = |include| kept.grant.covers(ask, include);
        let without = kept.not_include && covers(false);
        let with = kept.include && covers(true);
        (without || with).then_some(Covered {
            from: kept.from,
            credentials: if with {
                Credentials::Unknown
            } else {
                Credentials::NotInclude
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::Browser;
    use crate::wire::HeaderList;

    fn grant(methods: &str) -> Grant {
        let headers = HeaderList::from_pairs([
            ("access-control-allow-methods", methods),
            ("access-control-max-age", "600"),
        ]);
        Grant::of(Browser::Chromium, &headers)
    }

    fn ask(method: &str) -> Ask {
        Ask {
            method: method.into(),
            headers: vec![],
        }
    }

    #[test]
    fn covers_what_was_listed_and_not_for_ever() {
        let mut grants = Grants::default();
        let at = Timestamp(0);
        grants.keep(1, 2, grant("PUT, DELETE"), ExchangeId(7), at, (false, true));
        let covering = |method, at| grants.covering(1, 2, &ask(method), at);
        let covered = covering("DELETE", at).expect("listed");
        assert_eq!(covered.from, ExchangeId(7));
        assert_eq!(covered.credentials, Credentials::NotInclude);
        assert!(covering("PATCH", at).is_none());
        assert!(covering("DELETE", Timestamp(601_000_000)).is_none());
    }

    #[test]
    fn bounded() {
        let mut grants = Grants::default();
        for key in 0..5000 {
            grants.keep(
                1,
                key,
                grant("PUT"),
                ExchangeId(key),
                Timestamp(0),
                (true, true),
            );
        }
        assert!(grants.kept.len() <= Grants::PER_CLIENT_MAX);
        assert_eq!(grants.kept.len(), grants.order.len());
    }
}
