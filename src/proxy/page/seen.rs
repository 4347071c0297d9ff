//! What the proxy saw of its clients: who accepted our certificates lately, and who did not.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many clients, by address, are remembered; the ones heard of longest ago give way.
const CLIENTS_MAX: usize = 64;
/// How many refusals of one client are remembered.
const REFUSALS_MAX: usize = 4;
/// How long a refusal is worth telling.
const TOLD_FOR: Duration = Duration::from_mins(10);

/// A refusal of our certificate.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) ago: Duration,
    pub(super) why: String,
}

/// What is known of one address.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// How long ago a TLS connection of it was established.
    pub(super) accepted_ago: Option<Duration>,
    /// Newest first.
    pub(super) refusals: Vec<Refusal>,
}

#[derive(Debug)]
struct Client {
    address: IpAddr,
    accepted_at: Option<Instant>,
    refused: VecDeque<(Instant, String)>,
}

/// All clients. Newest last.
#[derive(Debug, Default)]
pub(super) struct Clients {
    all: Mutex<VecDeque<Client>>,
}

impl Clients {
    pub(super) fn accepted(&self, address: IpAddr) {
        self.with(address, |client| client.accepted_at = Some(Instant::now()));
    }

    pub(super) fn refused(&self, address: IpAddr, why: &str) {
        self.with(address, |client| {
            client.refused.retain(|(_, said)| said != why);
            client.refused.truncate(REFUSALS_MAX - 1);
            client.refused.push_front((Instant::now(), why.to_owned()));
        });
    }

    pub(super) fn known(&self, address: IpAddr) -> Known {
        let all = self.lock();
        let Some(client) = all.iter().find(|c| c.address == address) else {
            return Known::default();
        };
        let refused = client.refused.iter();
        Known {
            accepted_ago: client.accepted_at.map(|at| at.elapsed()),
            refusals: refused
                .filter(|(at, _)| at.elapsed() < TOLD_FOR)
                .map(|(at, why)| Refusal {
                    ago: at.elapsed(),
                    why: why.clone(),
                })
                .collect(),
        }
    }

    fn with(&self, address: IpAddr, change: impl FnOnce(&mut Client)) {
        let mut all = self.lock();
        let at = all.iter().position(|c| c.address == address);
        let mut client = at.and_then(|at| all.remove(at)).unwrap_or(Client {
            address,
            accepted_at: None,
            refused: VecDeque::new(),
        });
        change(&mut client);
        if all.len() == CLIENTS_MAX {
            all.pop_front();
        }
        all.push_back(client);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Client>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_the_number_is_bounded() {
        let clients = Clients::default();
        for n in 0..200_u32 {
            clients.accepted(IpAddr::from(n.to_be_bytes()));
        }
        assert_eq!(clients.lock().len(), CLIENTS_MAX);
        assert!(
            clients
                .known(IpAddr::from(0_u32.to_be_bytes()))
                .accepted_ago
                .is_none()
        );
        let last = IpAddr::from(199_u32.to_be_bytes());
        assert!(clients.known(last).accepted_ago.is_some());
        for n in 0..10 {
            clients.refused(last, &format!("reason {n}"));
            clients.refused(last, &format!("reason {n}"));
        }
        let said: Vec<_> = clients
            .known(last)
            .refusals
            .into_iter()
            .map(|r| r.why)
            .collect();
        assert_eq!(said, ["reason 9", "reason 8", "reason 7", "reason 6"]);
    }
}
