//! Hosts whose tunnels pass unread, changed while the proxy runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::target::HostList;

/// How many may be on the list.
const HOSTS_MAX: usize = 1_024;

/// The hosts that are passed through: set by one, asked by every new tunnel. Cheap to clone; all are
/// the same.
#[derive(Clone, Debug, Default)]
pub struct Passing {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    // Spares every tunnel a look at the list while there is none.
    any: AtomicBool,
    list: RwLock<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    text: String,
    hosts: HostList,
}

impl Entry {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            hosts: HostList::new(&[text.to_owned()]),
        }
    }
}

impl Passing {
    /// Adds hosts as on the command line: `api.test`, `api.test:8443`, `*.api.test`.
    pub fn add(&self, hosts: &[String]) {
        self.change(|list| {
            for text in hosts {
                if list.len() < HOSTS_MAX && list.iter().all(|entry| entry.text != *text) {
                    list.push(Entry::new(text));
                }
            }
        });
    }

    /// Takes away whatever lets this host pass, or adds it where nothing does. Whether it passes now;
    /// `None` if the list is full.
    pub fn toggle(&self, host: &str, port: u16) -> Option<bool> {
        self.change(|list| {
            let before = list.len();
            list.retain(|entry| !entry.hosts.contains(host, port));
            if list.len() < before {
                return Some(false);
            }
            if before >= HOSTS_MAX {
                return None;
            }
            let bare = super::target::bracketed(super::target::bare(host));
            list.push(Entry::new(&if port == 443 {
                bare
            } else {
                format!("{bare}:{port}")
            }));
            Some(true)
        })
    }

    /// What is on the list, as it was written.
    pub fn list(&self) -> Vec<String> {
        let list = self.shared.list.read();
        let list = list.unwrap_or_else(PoisonError::into_inner);
        list.iter().map(|entry| entry.text.clone()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.shared.any.load(Ordering::Acquire)
    }

    pub(super) fn contains(&self, host: &str, port: u16) -> bool {
        if self.is_empty() {
            return false;
        }
        let list = self.shared.list.read();
        let list = list.unwrap_or_else(PoisonError::into_inner);
        list.iter().any(|entry| entry.hosts.contains(host, port))
    }

    fn change<T>(&self, how: impl FnOnce(&mut Vec<Entry>) -> T) -> T {
        let list = self.shared.list.write();
        let mut list = list.unwrap_or_else(PoisonError::into_inner);
        let done = how(&mut list);
        self.shared.any.store(!list.is_empty(), Ordering::Release);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_come_and_go() {
        let passing = Passing::default();
        assert!(!passing.contains("pinned.test", 443) && passing.is_empty());
        assert_eq!(passing.toggle("pinned.test", 443), Some(true));
        assert_eq!(passing.toggle("::1", 8443), Some(true));
        assert_eq!(passing.list(), ["pinned.test", "[::1]:8443"]);
        assert!(passing.contains("Pinned.test", 443) && passing.contains("::1", 8443));
        assert!(!passing.contains("other.test", 443) && !passing.contains("::1", 443));
        assert_eq!(passing.toggle("pinned.test", 443), Some(false));
        assert_eq!(passing.toggle("::1", 8443), Some(false));
        assert!(passing.list().is_empty() && passing.is_empty());
        // What the command line named goes the same way, whole.
        passing.add(&["*.bank.test".to_owned(), "*.bank.test".to_owned()]);
        assert!(passing.contains("www.bank.test", 443));
        assert_eq!(passing.toggle("www.bank.test", 443), Some(false));
        assert!(passing.list().is_empty());
    }

    #[test]
    fn the_list_has_an_end() {
        let passing = Passing::default();
        let many: Vec<String> = (0..HOSTS_MAX + 5).map(|n| format!("h{n}.test")).collect();
        passing.add(&many);
        assert_eq!(passing.list().len(), HOSTS_MAX);
        assert_eq!(passing.toggle("new.test", 443), None);
        assert_eq!(passing.toggle("h1.test", 443), Some(false));
    }
}
