//! Putting numbers in order: at once while they are few, beside the screen when they are many.

use std::cmp::Ordering;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::keys::path_of;

/// More lines than this are sorted on a thread of their own.
const AT_ONCE_MAX: usize = 20_000;
/// A core is given at least so many lines.
const PER_CORE_MIN: usize = 50_000;

/// What is to be put in order.
#[derive(Debug)]
pub(super) struct Lines {
    /// The lines.
    pub(super) all: Vec<Line>,
    /// The largest first, within a group.
    pub(super) down: bool,
    /// Where the values are paths: the text they lie in.
    pub(super) paths: Option<Arc<String>>,
}

/// A line: its group, its value, its entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) group: u32,
    pub(super) entry: u32,
    pub(super) value: u64,
    /// Of a path where it lies.
    pub(super) text: u64,
}

/// A sort that is under way.
#[derive(Debug)]
pub(super) struct Sorting {
    // Only ever asked by one; the list as a whole is looked at by many threads.
    result: Mutex<Receiver<(Vec<u32>, Duration)>>,
}

/// How a sort stands.
pub(super) enum Sorted {
    /// The numbers of the entries in their order, and how long it took.
    Done(Vec<u32>, Duration),
    /// It goes on.
    Wait(Sorting),
    /// It came to nothing: it has to be done again.
    Lost,
}

impl Lines {
    /// Begins; a short list is done at once.
    pub(super) fn sort(self) -> Sorted {
        if self.all.len() <= AT_ONCE_MAX {
            let started = Instant::now();
            let order = self.order();
            return Sorted::Done(order, started.elapsed());
        }
        let (done, result) = channel();
        let work = move || {
            let started = Instant::now();
            let order = self.order();
            // Nobody waits for it if another order was wished meanwhile.
            let _ = done.send((order, started.elapsed()));
        };
        let thread = thread::Builder::new().name("corscope-sort".into());
        match thread.spawn(work) {
            Ok(_) => Sorted::Wait(Sorting {
                result: Mutex::new(result),
            }),
            Err(_) => Sorted::Lost,
        }
    }

    fn order(mut self) -> Vec<u32> {
        if let Some(paths) = self.paths.take() {
            shorten(&mut self.all, &paths);
            let down = self.down;
            arrange(&mut self.all, &|a, b| {
                let text = || path_of(&paths, a.text).cmp(path_of(&paths, b.text));
                compare(a, b, down, a.value.cmp(&b.value).then_with(text))
            });
        } else {
            let down = self.down;
            arrange(&mut self.all, &|a, b| {
                compare(a, b, down, a.value.cmp(&b.value))
            });
        }
        self.all.iter().map(|line| line.entry).collect()
    }
}

fn compare(a: &Line, b: &Line, down: bool, value: Ordering) -> Ordering {
    let value = if down { value.reverse() } else { value };
    let group = a.group.cmp(&b.group);
    group.then(value).then(a.entry.cmp(&b.entry))
}

/// Gives each line the first bytes of its path behind what all paths have in common: nearly all
/// comparisons are decided by them.
fn shorten(lines: &mut [Line], paths: &str) {
    let bytes = |line: &Line| path_of(paths, line.text).as_bytes();
    let Some(first) = lines.first().map(bytes) else {
        return;
    };
    let mut alike = first.len();
    for line in lines.iter() {
        let own = bytes(line).iter().zip(&first[..alike]);
        alike = own.take_while(|(a, b)| a == b).count();
    }
    for line in lines {
        let mut head = [0; 8];
        let rest = path_of(paths, line.text).as_bytes();
        let rest = rest.get(alike..).unwrap_or_default();
        let len = rest.len().min(8);
        head[..len].copy_from_slice(&rest[..len]);
        line.value = u64::from_be_bytes(head);
    }
}

/// Sorts parts on all cores, then the parts into each other.
fn arrange(lines: &mut [Line], compare: &(impl Fn(&Line, &Line) -> Ordering + Sync)) {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let parts = cores.min(lines.len() / PER_CORE_MIN).max(1);
    let len = lines.len().div_ceil(parts).max(1);
    thread::scope(|scope| {
        for part in lines.chunks_mut(len) {
            scope.spawn(move || part.sort_unstable_by(compare));
        }
    });
    // It finds the parts that are in order already and merges them.
    if parts > 1 {
        lines.sort_by(compare);
    }
}

impl Sorting {
    /// What it came to so far.
    pub(super) fn ask(self) -> Sorted {
        let asked = self.result.lock().map(|result| result.try_recv());
        match asked.unwrap_or(Err(TryRecvError::Disconnected)) {
            Ok((order, took)) => Sorted::Done(order, took),
            Err(TryRecvError::Empty) => Sorted::Wait(self),
            Err(TryRecvError::Disconnected) => Sorted::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_are_in_the_same_order_as_few() {
        let mut paths = String::new();
        let mut lines = Vec::new();
        for n in 0..120_000_u32 {
            let path = format!("/v1/items/{}", n.wrapping_mul(2_654_435_761) % 70_000);
            let text = ((paths.len() as u64) << 16) | path.len() as u64;
            paths.push_str(&path);
            lines.push(Line {
                group: n % 3,
                entry: n,
                value: 0,
                text,
            });
        }
        let paths = Arc::new(paths);
        for down in [false, true] {
            let mut plain = lines.clone();
            plain.sort_by(|a, b| {
                let text = path_of(&paths, a.text).cmp(path_of(&paths, b.text));
                compare(a, b, down, text)
            });
            let mut sorted = Lines {
                all: lines.clone(),
                down,
                paths: Some(Arc::clone(&paths)),
            }
            .sort();
            let order = loop {
                sorted = match sorted {
                    Sorted::Done(order, _) => break order,
                    Sorted::Wait(sorting) => sorting.ask(),
                    Sorted::Lost => panic!("the thread is gone"),
                };
            };
            let plain: Vec<u32> = plain.iter().map(|line| line.entry).collect();
            assert!(order == plain, "{down}");
        }
    }
}
