//! Putting lines in order: at once while they are few, beside the screen when they are many.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::super::column::Column;
use super::keys::{Keys, Part};
use super::{NOWHERE, Tally, Wish};
use crate::session::Reader;
use crate::wire::ExchangeId;

/// More lines than this are read and sorted on a thread of their own.
const AT_ONCE_MAX: usize = 4_000;
/// A core is given at least so many lines.
const PER_CORE_MIN: usize = 50_000;
/// Rows read under one short lock.
const ROWS_PER_LOCK: usize = 512;

/// What is to be put in order.
pub(super) struct Task {
    pub(super) reader: Reader,
    pub(super) wish: Wish,
    /// Numbers of the entries that are listed, ascending, each with the exchange that stands for it,
    /// as its distance from the first.
    pub(super) lines: Vec<(u32, u32)>,
    pub(super) first: ExchangeId,
    /// How many entries there are.
    pub(super) all: usize,
}

/// Lines in order.
#[derive(Debug, Default)]
pub(super) struct Arranged {
    pub(super) wish: Wish,
    /// Numbers of the entries.
    pub(super) lines: Vec<u32>,
    /// Position among the lines by number of the entry; [`NOWHERE`]: not among them.
    pub(super) places: Vec<u32>,
    /// What tells whether an entry that can still change has to stand elsewhere by now; by number,
    /// ascending.
    pub(super) prints: Vec<(u32, u32)>,
    /// The group of each entry by number, where there are groups: a position in `groups`.
    pub(super) group_of: Vec<u32>,
    /// Names of the groups in their order, and what is in them.
    pub(super) groups: Vec<(Box<str>, Tally)>,
    pub(super) took: Duration,
}

/// A sort that is under way.
#[derive(Debug)]
pub(super) struct Sorting {
    // Only ever asked by one; the list as a whole is looked at by many threads.
    result: Mutex<Receiver<Arranged>>,
    unwanted: Arc<AtomicBool>,
}

/// How a sort stands.
pub(super) enum Sorted {
    Done(Arranged),
    /// It goes on.
    Wait(Sorting),
    /// It came to nothing: it has to be done again.
    Lost,
}

impl Task {
    /// Begins; a short list is done at once.
    pub(super) fn begin(self) -> Sorted {
        let unwanted = Arc::new(AtomicBool::new(false));
        if self.lines.len() <= AT_ONCE_MAX {
            return self.arrange(&unwanted).map_or(Sorted::Lost, Sorted::Done);
        }
        let (done, result) = channel();
        let told = Arc::clone(&unwanted);
        let work = move || {
            if let Some(arranged) = self.arrange(&told) {
                // Nobody waits for it if another order was wished meanwhile.
                let _ = done.send(arranged);
            }
        };
        let thread = thread::Builder::new().name("corscope-sort".into());
        match thread.spawn(work) {
            Ok(_) => Sorted::Wait(Sorting {
                result: Mutex::new(result),
                unwanted,
            }),
            Err(_) => Sorted::Lost,
        }
    }

    fn arrange(self, unwanted: &AtomicBool) -> Option<Arranged> {
        let started = Instant::now();
        let cores = cores_for(self.lines.len());
        let share = self.lines.len().div_ceil(cores).max(1);
        let parts = if cores == 1 {
            vec![self.read(&self.lines, unwanted)?]
        } else {
            self.read_together(share, unwanted)?
        };
        let keys = Keys::of(parts, share, self.wish);
        let order = order(&keys, self.lines.len(), self.wish);
        if unwanted.load(Ordering::Relaxed) {
            return None;
        }
        let number = |line: &u32| self.lines[*line as usize].0;
        let lines: Vec<u32> = order.iter().map(number).collect();
        let mut places = vec![NOWHERE; self.all];
        for (at, number) in lines.iter().enumerate() {
            places[*number as usize] = at as u32;
        }
        let prints = keys.prints();
        let prints = prints.map(|(line, print)| (self.lines[line].0, print));
        let prints = prints.collect();
        let mut group_of = Vec::new();
        if self.wish.group.is_some() {
            group_of.resize(self.all, 0);
            for (line, (number, _)) in self.lines.iter().enumerate() {
                group_of[*number as usize] = keys.group(line);
            }
        }
        Some(Arranged {
            wish: self.wish,
            lines,
            places,
            prints,
            group_of,
            groups: keys.groups,
            took: started.elapsed(),
        })
    }

    fn read_together(&self, share: usize, unwanted: &AtomicBool) -> Option<Vec<Part>> {
        thread::scope(|scope| {
            let shares = self.lines.chunks(share);
            let each = shares.map(|lines| scope.spawn(|| self.read(lines, unwanted)));
            let each: Vec<_> = each.collect();
            let joined = each.into_iter().map(|thread| thread.join().ok().flatten());
            joined.collect()
        })
    }

    /// Reads what lines are ordered by; `None` where nobody wants to know any more.
    fn read(&self, lines: &[(u32, u32)], unwanted: &AtomicBool) -> Option<Part> {
        let mut part = Part::default();
        for some in lines.chunks(ROWS_PER_LOCK) {
            if unwanted.load(Ordering::Relaxed) {
                return None;
            }
            let id = |(_, head): &(u32, u32)| ExchangeId(self.first.0 + u64::from(*head));
            let heads: Vec<ExchangeId> = some.iter().map(id).collect();
            let mut at = 0;
            self.reader.rows(&heads, &mut |row| {
                // Rows that left the session are not told; the others come in the order asked for.
                while heads.get(at).is_some_and(|head| *head != row.id) {
                    part.take(self.wish, None);
                    at += 1;
                }
                part.take(self.wish, Some(row));
                at += 1;
            });
            (at..heads.len()).for_each(|_| part.take(self.wish, None));
        }
        Some(part)
    }
}

/// On how many cores so many lines are dealt with.
fn cores_for(lines: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    cores.min(lines / PER_CORE_MIN).max(1)
}

/// A line in 16 bytes that compare as the lines do: its group, its value, where it stood.
type Key = u128;

/// Bits of a key that say where the line stood.
const PLACE_BITS: u32 = 32;

/// The lines, by where they stood before, in their new order.
pub(super) fn order(keys: &Keys, count: usize, wish: Wish) -> Vec<u32> {
    let down = wish.sort.is_some_and(|(_, down)| down);
    let by_path = wish.sort.is_some_and(|(column, _)| column == Column::Path);
    let grouped = wish.group.is_some();
    let key = |line: usize, value: u128| {
        let group = if grouped { keys.group(line) } else { 0 };
        (Key::from(group) << 96) | (value << PLACE_BITS) | line as u128
    };
    let mut lines: Vec<Key>;
    if by_path {
        let paths = Paths {
            keys,
            alike: alike(keys, count),
            // A group takes the room of four bytes.
            bytes: if grouped { 8 } else { 12 },
            down,
        };
        lines = (0..count).map(|n| key(n, paths.head(n, 0))).collect();
        sort(&mut lines);
        paths.refine_all(&mut lines);
    } else {
        let value = |line: usize| {
            let value = keys.value(line);
            if down { !value } else { value }
        };
        lines = (0..count).map(|n| key(n, value(n).into())).collect();
        sort(&mut lines);
    }
    lines.iter().map(|key| place(*key)).collect()
}

fn place(key: Key) -> u32 {
    (key & Key::from(u32::MAX)) as u32
}

/// Sorts parts on all cores, then the parts into each other.
fn sort(lines: &mut [Key]) {
    let parts = cores_for(lines.len());
    if parts == 1 {
        lines.sort_unstable();
        return;
    }
    let len = lines.len().div_ceil(parts);
    thread::scope(|scope| {
        for part in lines.chunks_mut(len) {
            scope.spawn(|| part.sort_unstable());
        }
    });
    #[expect(clippy::stable_sort_primitive, reason = "it merges what is in order")]
    lines.sort();
}

/// How many bytes all paths begin with alike.
fn alike(keys: &Keys, count: usize) -> usize {
    if count == 0 {
        return 0;
    }
    let first = keys.path(0);
    (1..count).fold(first.len(), |alike, line| {
        let both = keys.path(line).iter().zip(&first[..alike]);
        both.take_while(|(a, b)| a == b).count()
    })
}

/// Paths are compared some bytes at a time: nearly all are told apart by the first, which lie in the
/// keys, so that hardly any is looked up.
struct Paths<'a> {
    keys: &'a Keys,
    /// What all begin with alike is left out, in bytes.
    alike: usize,
    /// So many bytes lie in a key.
    bytes: usize,
    down: bool,
}

impl Paths<'_> {
    /// The bytes of a path that lie in a key; 0 where it ends. A path that holds a 0 ends there.
    fn head(&self, line: usize, depth: usize) -> u128 {
        let path = self.keys.path(line);
        let rest = path.get(self.alike + depth..).unwrap_or_default();
        let mut head = [0; 16];
        let len = rest.len().min(self.bytes);
        head[16 - self.bytes..][..len].copy_from_slice(&rest[..len]);
        let head = u128::from_be_bytes(head);
        if self.down { self.mask() - head } else { head }
    }

    fn mask(&self) -> u128 {
        (1 << (8 * self.bytes)) - 1
    }

    /// Whether the paths of equal keys end with what lies in them.
    fn end_here(&self, key: Key) -> bool {
        let last = (key >> PLACE_BITS) as u8;
        last == if self.down { u8::MAX } else { 0 }
    }

    /// Orders what the keys leave open.
    fn refine_all(&self, lines: &mut [Key]) {
        let mut parts = cores_for(lines.len());
        thread::scope(|scope| {
            let mut rest = lines;
            while parts > 1 {
                // Where a run of equal keys ends.
                let mut middle = rest.len() / parts;
                while middle > 0
                    && middle < rest.len()
                    && alike_keys(rest[middle - 1], rest[middle])
                {
                    middle += 1;
                }
                let (part, behind) = std::mem::take(&mut rest).split_at_mut(middle);
                scope.spawn(|| self.refine(part));
                rest = behind;
                parts -= 1;
            }
            self.refine(rest);
        });
    }

    fn refine(&self, lines: &mut [Key]) {
        let mut open: Vec<(Range<usize>, usize)> = Vec::new();
        self.find_runs(lines, 0..lines.len(), self.bytes, &mut open);
        while let Some((run, depth)) = open.pop() {
            let value = self.mask() << PLACE_BITS;
            for key in &mut lines[run.clone()] {
                let head = self.head(place(*key) as usize, depth);
                *key = (*key & !value) | (head << PLACE_BITS);
            }
            lines[run.clone()].sort_unstable();
            self.find_runs(lines, run, depth + self.bytes, &mut open);
        }
    }

    /// Finds the runs of equal keys whose paths go on.
    fn find_runs(
        &self,
        lines: &[Key],
        within: Range<usize>,
        depth: usize,
        open: &mut Vec<(Range<usize>, usize)>,
    ) {
        let mut at = within.start;
        for run in lines[within].chunk_by(|a, b| alike_keys(*a, *b)) {
            if run.len() > 1 && !self.end_here(run[0]) {
                open.push((at..at + run.len(), depth));
            }
            at += run.len();
        }
    }
}

fn alike_keys(a: Key, b: Key) -> bool {
    a >> PLACE_BITS == b >> PLACE_BITS
}

impl Sorting {
    /// What it came to so far.
    pub(super) fn ask(self) -> Sorted {
        let asked = self.result.lock().map(|result| result.try_recv());
        match asked.unwrap_or(Err(TryRecvError::Disconnected)) {
            Ok(arranged) => Sorted::Done(arranged),
            Err(TryRecvError::Empty) => Sorted::Wait(self),
            Err(TryRecvError::Disconnected) => Sorted::Lost,
        }
    }

    /// Nobody wants it any more: it ends soon.
    pub(super) fn give_up(&self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }
}
