//! Sizes, durations and moments in a few columns.

use chrono::{DateTime, Timelike};

use crate::wire::Timestamp;

/// `182 B`, `4.1 kB`, `12 MB`: three digits at most, powers of 1000 as DevTools has them.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if value < 9.95 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// `312 µs`, `44 ms`, `1.9 s`, `2 min`.
pub(crate) fn duration(micros: u64) -> String {
    let ms = micros as f64 / 1000.0;
    if micros < 1000 {
        format!("{micros} µs")
    } else if ms < 9.95 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else if ms < 9_950.0 {
        format!("{:.1} s", ms / 1000.0)
    } else if ms < 120_000.0 {
        format!("{:.0} s", ms / 1000.0)
    } else {
        format!("{:.0} min", ms / 60_000.0)
    }
}

/// `12:04:31` at this offset from UTC in seconds.
pub(crate) fn clock(at: Timestamp, utc_offset: i32) -> String {
    let local = at.0.saturating_add(i64::from(utc_offset) * 1_000_000);
    DateTime::from_timestamp_micros(local).map_or_else(String::new, |t| {
        format!("{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second())
    })
}

/// `2026-03-02-1204`, as a part of a file's name.
pub(crate) fn minute(at: Timestamp, utc_offset: i32) -> String {
    let local = at.0.saturating_add(i64::from(utc_offset) * 1_000_000);
    let time = DateTime::from_timestamp_micros(local);
    time.map_or_else(String::new, |t| t.format("%Y-%m-%d-%H%M").to_string())
}

/// `12:04:31.250`.
pub(crate) fn clock_millis(at: Timestamp, utc_offset: i32) -> String {
    let millis = at.0.rem_euclid(1_000_000) / 1000;
    format!("{}.{millis:03}", clock(at, utc_offset))
}

/// `1 request`, `38 requests`.
pub(crate) fn count(n: u64, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (4_120, "4.1 kB"),
            (212_400, "212 kB"),
            (999_600, "1.0 MB"),
            (1 << 40, "1.1 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        for (micros, text) in [
            (312, "312 µs"),
            (8_100, "8.1 ms"),
            (44_000, "44 ms"),
            (1_900_000, "1.9 s"),
            (75_000_000, "75 s"),
            (600_000_000, "10 min"),
        ] {
            assert_eq!(duration(micros), text);
        }
    }

    #[test]
    fn clocks() {
        assert_eq!(clock_millis(Timestamp(1_250_000), 3600), "01:00:01.250");
    }
}
