//! The lines of a fix, and the fix without one of them.

use corscope::fix::Fix;
use corscope::wire::{Patch, RequestHead};

/// One of the two answers a fix edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Preflight,
    Actual,
}

impl Which {
    pub(crate) fn is_for(self, request: &RequestHead) -> bool {
        request.is_preflight() == (self == Self::Preflight)
    }
}

/// The fix without each of its lines in turn, and which line that is. `Vary` is for caches: no
/// browser asks for it.
pub(crate) fn without_each_line(fix: &Fix) -> Vec<(Which, String, Fix)> {
    let mut all = Vec::new();
    for which in [Which::Preflight, Which::Actual] {
        let patch = match which {
            Which::Preflight => &fix.preflight,
            Which::Actual => &fix.actual,
        };
        for (line, lesser) in patch.iter().flat_map(without_one) {
            let mut fix = fix.clone();
            match which {
                Which::Preflight => fix.preflight = Some(lesser),
                Which::Actual => fix.actual = Some(lesser),
            }
            all.push((which, line, fix));
        }
    }
    all
}

fn without_one(patch: &Patch) -> Vec<(String, Patch)> {
    let mut lesser = Vec::new();
    if let Some(status) = patch.status {
        let mut less = patch.clone();
        less.status = None;
        lesser.push((format!("status {status}"), less));
    }
    for at in 0..patch.set.len() {
        let mut less = patch.clone();
        lesser.push((less.set.remove(at).0, less));
    }
    for at in 0..patch.remove.len() {
        let mut less = patch.clone();
        lesser.push((less.remove.remove(at), less));
    }
    lesser
}

/// How many lines a fix has, `Vary` included.
pub(crate) fn count(fix: &Fix) -> usize {
    let patches = [&fix.preflight, &fix.actual].into_iter().flatten();
    patches
        .map(|p| usize::from(p.status.is_some()) + p.set.len() + p.append.len() + p.remove.len())
        .sum()
}
