//! Which fetches have to be judged anew.

use super::super::fetch::FetchId;

/// The fetches that [`Pairer::observe`](super::Pairer::observe) has changed: those that were waited for
/// in vain, then the one that the exchange belongs to. Nearly always that is the only one, so it has a
/// place of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub(super) late: Vec<FetchId>,
    pub(super) own: Option<FetchId>,
}

impl Changed {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.late.len() + usize::from(self.own.is_some())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl IntoIterator for Changed {
    type Item = FetchId;
    type IntoIter = std::iter::Chain<std::vec::IntoIter<FetchId>, std::option::IntoIter<FetchId>>;

    fn into_iter(self) -> Self::IntoIter {
        self.late.into_iter().chain(self.own)
    }
}
