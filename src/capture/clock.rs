//! The time of a capture: never earlier than it was, and where the wall's clock is whenever it can be.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use crate::wire::Timestamp;

/// Now, as the capture tells time: the system's clock, but that it never goes back. Where somebody
/// sets that back, time goes on at its own pace from where it was, until the system's clock has come
/// there too, by going on or by being set forward again; where it is ahead (a computer that slept), it
/// is followed. What is paired by "a moment later" stays so.
pub fn now() -> Timestamp {
    Timestamp(CLOCK.read(system(), running()))
}

/// The time of the capture that goes with a moment just told by the system's clock, by another
/// program.
pub fn of_system(at: Timestamp) -> Timestamp {
    let (system, running) = (system(), running());
    let now = CLOCK.read(system, running);
    Timestamp(CLOCK.of(at.0, system, running, now))
}

static CLOCK: Steady = Steady::new();

/// The system's clock, which people and time servers set, in microseconds.
fn system() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// A clock that nobody sets, in microseconds since it was first asked.
fn running() -> i64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let running = START.get_or_init(Instant::now).elapsed();
    i64::try_from(running.as_micros()).unwrap_or(i64::MAX)
}

/// A clock that is never set back.
struct Steady {
    // How far the system's clock is ahead of the one that nobody sets, in microseconds: the furthest
    // it was.
    ahead: AtomicI64,
    // The latest time that was read, in microseconds.
    last: AtomicI64,
}

impl Steady {
    /// Going back less than this is two threads in a race, or clocks that do not run quite alike.
    const RACE_MICROS_MAX: i64 = 1_000_000;

    const fn new() -> Self {
        Self {
            ahead: AtomicI64::new(i64::MIN),
            last: AtomicI64::new(i64::MIN),
        }
    }

    /// The time that goes with what the two clocks say. `system` is read first: a thread that is held up
    /// between the two then takes it for too early, which the next reading mends, never for too late.
    fn read(&self, system: i64, running: i64) -> i64 {
        let is = system.saturating_sub(running);
        let was = self.ahead.load(Ordering::Relaxed);
        let was_set_back = was.saturating_sub(is) > Self::RACE_MICROS_MAX;
        let ahead = if was_set_back { was } else { is };
        if ahead != was {
            // Of several that notice at once one is enough.
            let _ = self
                .ahead
                .compare_exchange(was, ahead, Ordering::Relaxed, Ordering::Relaxed);
        }
        let read = running.saturating_add(ahead);
        let last = self.last.fetch_max(read, Ordering::Relaxed);
        read.max(last)
    }

    /// The time that goes with what the system's clock said to another program a moment ago.
    fn of(&self, at: i64, system: i64, running: i64, now: i64) -> i64 {
        let is = system.saturating_sub(running);
        let behind = self.ahead.load(Ordering::Relaxed).saturating_sub(is).max(0);
        let of = at.saturating_add(behind);
        // Told before it was set back.
        let early = of.saturating_sub(now) > Self::RACE_MICROS_MAX;
        if early { at } else { of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn a_clock_set_back_goes_on_and_one_set_forward_is_followed() {
        let clock = Steady::new();
        assert_eq!(clock.read(10 * HOUR, 0), 10 * HOUR);
        assert_eq!(clock.read(10 * HOUR + 5, 5), 10 * HOUR + 5);
        // A race between threads changes nothing, nor do clocks that drift apart.
        assert_eq!(clock.read(10 * HOUR + 2, 2), 10 * HOUR + 5);
        assert_eq!(clock.read(10 * HOUR + 6, 7), 10 * HOUR + 6);
        assert_eq!(clock.read(10 * HOUR + 9, 9), 10 * HOUR + 9);
        // The computer slept, and no time passed for the clock that nobody sets.
        assert_eq!(clock.read(15 * HOUR, 10), 15 * HOUR);
        assert_eq!(clock.read(15 * HOUR + 10, 20), 15 * HOUR + 10);
    }

    #[test]
    fn a_clock_set_back_and_forward_again_is_the_clock_on_the_wall() {
        let clock = Steady::new();
        assert_eq!(clock.read(10 * HOUR, 0), 10 * HOUR);
        // Set back an hour; time goes on at its pace.
        assert_eq!(clock.read(9 * HOUR + 7, 7), 10 * HOUR + 7);
        assert_eq!(clock.read(9 * HOUR + 9, 9), 10 * HOUR + 9);
        // What a browser tells by the clock that was set back, and what it told before.
        let of = |at| clock.of(at, 9 * HOUR + 9, 9, 10 * HOUR + 9);
        assert_eq!(of(9 * HOUR + 8), 10 * HOUR + 8);
        assert_eq!(of(10 * HOUR), 10 * HOUR);
        // Once more, by two hours, and half of it forward.
        assert_eq!(clock.read(7 * HOUR + 10, 10), 10 * HOUR + 10);
        assert_eq!(clock.read(8 * HOUR + 11, 11), 10 * HOUR + 11);
        // Forward to where it would be.
        assert_eq!(clock.read(10 * HOUR + 12, 12), 10 * HOUR + 12);
        assert_eq!(
            clock.of(10 * HOUR + 12, 10 * HOUR + 12, 12, 10 * HOUR + 12),
            10 * HOUR + 12
        );
        // Set forward in vain, and back to the truth: time does not go back with it.
        assert_eq!(clock.read(11 * HOUR + 13, 13), 11 * HOUR + 13);
        assert_eq!(clock.read(10 * HOUR + 14, 14), 11 * HOUR + 14);
    }

    #[test]
    fn a_reading_that_was_held_up_between_the_two_clocks_is_mended_by_the_next() {
        let clock = Steady::new();
        assert_eq!(clock.read(10 * HOUR, HOUR), 10 * HOUR);
        // Stopped for half an hour after the first of the two.
        assert_eq!(clock.read(10 * HOUR, HOUR + HOUR / 2), 10 * HOUR + HOUR / 2);
        let later = HOUR + HOUR / 2 + 5;
        assert_eq!(clock.read(9 * HOUR + later, later), 9 * HOUR + later);
    }
}
