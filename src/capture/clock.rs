//! The time of a capture: never earlier than it was.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::wire::Timestamp;

/// Now, as the capture tells time: the system's clock, but that it never goes back. Where somebody
/// sets that back, time goes on from where it was; where it jumps forward (a computer that slept), so
/// does this. What is paired by "a moment later" stays so.
pub fn now() -> Timestamp {
    Timestamp(CLOCK.read(chrono::Utc::now().timestamp_micros()))
}

/// The time of the capture that goes with a moment just told by the system's clock, by another
/// program.
pub fn of_system(at: Timestamp) -> Timestamp {
    // Whether that was set back is noticed by reading it.
    now();
    Timestamp(CLOCK.of(at.0))
}

static CLOCK: Steady = Steady::new();

/// A clock that is never set back.
struct Steady {
    // The latest time that was read, in microseconds.
    last: AtomicI64,
    // How far the clock below was set back in all, in microseconds.
    behind: AtomicI64,
}

impl Steady {
    /// Going back less than this is two threads in a race, or a clock being slowed down.
    const RACE_MICROS_MAX: i64 = 1_000_000;

    const fn new() -> Self {
        Self {
            last: AtomicI64::new(i64::MIN),
            behind: AtomicI64::new(0),
        }
    }

    /// The time that goes with what the clock below says.
    fn read(&self, clock: i64) -> i64 {
        let behind = self.behind.load(Ordering::Relaxed);
        let read = clock.saturating_add(behind);
        let last = self.last.fetch_max(read, Ordering::Relaxed);
        if last.saturating_sub(read) > Self::RACE_MICROS_MAX {
            // Of several that notice at once, one sets it right.
            let set = behind + (last - read);
            let _ = self
                .behind
                .compare_exchange(behind, set, Ordering::Relaxed, Ordering::Relaxed);
        }
        read.max(last)
    }

    /// The time that went with what the clock below said a moment ago.
    fn of(&self, clock: i64) -> i64 {
        clock.saturating_add(self.behind.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn a_clock_set_back_goes_on_and_one_set_forward_is_followed() {
        let clock = Steady::new();
        assert_eq!(clock.read(10 * HOUR), 10 * HOUR);
        assert_eq!(clock.read(10 * HOUR + 5), 10 * HOUR + 5);
        // A race between threads changes nothing.
        assert_eq!(clock.read(10 * HOUR + 2), 10 * HOUR + 5);
        assert_eq!(clock.read(10 * HOUR + 7), 10 * HOUR + 7);
        // Set back an hour.
        assert_eq!(clock.read(9 * HOUR + 7), 10 * HOUR + 7);
        assert_eq!(clock.read(9 * HOUR + 9), 10 * HOUR + 9);
        // What a browser tells by the clock that was set back.
        assert_eq!(clock.of(9 * HOUR + 8), 10 * HOUR + 8);
        // The computer slept.
        assert_eq!(clock.read(15 * HOUR), 16 * HOUR);
        // Back once more.
        assert_eq!(clock.read(HOUR), 16 * HOUR);
        assert_eq!(clock.read(HOUR + 3), 16 * HOUR + 3);
    }
}
