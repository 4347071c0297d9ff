//! Numbers with units, and ranges of them.

use std::fmt;
use std::ops::RangeInclusive;

/// Units of size, in bytes; as DevTools has them, powers of 1000.
pub(super) const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

/// Units of time, in microseconds; a bare number means milliseconds.
pub(super) const TIMES: &[(&str, u64)] = &[
    ("", 1_000),
    ("us", 1),
    ("µs", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
];

/// Nothing is below zero.
const NOTHING: RangeInclusive<u64> = RangeInclusive::new(1, 0);

/// `100k`, `1.5M`.
fn number(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor = units.iter().find(|(u, _)| *u == unit.trim())?.1;
    if let Ok(whole) = digits.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let value = digits.parse::<f64>().ok()? * factor as f64;
    (value.is_finite() && value < 1e18).then_some(value as u64)
}

/// `>100k`, `>=`, `<`, `<=`, `1k-2M`, `1k-`, `1k..2M`; a bare number by itself as `alone` has it.
pub(super) fn range(
    text: &str,
    units: &[(&str, u64)],
    alone: impl Fn(u64) -> RangeInclusive<u64>,
) -> Option<RangeInclusive<u64>> {
    let number = |text: &str| number(text, units);
    if let Some(rest) = text.strip_prefix(">=") {
        return Some(number(rest)?..=u64::MAX);
    }
    if let Some(rest) = text.strip_prefix('>') {
        return Some(number(rest)?.saturating_add(1)..=u64::MAX);
    }
    if let Some(rest) = text.strip_prefix("<=") {
        return Some(0..=number(rest)?);
    }
    if let Some(rest) = text.strip_prefix('<') {
        let below = number(rest)?;
        return Some(below.checked_sub(1).map_or(NOTHING, |most| 0..=most));
    }
    let parts = text.split_once("..").or_else(|| text.split_once('-'));
    if let Some((from, to)) = parts {
        // In 1-2k the first number has the second's unit only where that is written.
        let to = if to.is_empty() { u64::MAX } else { number(to)? };
        return Some(number(from)?..=to);
    }
    number(text).map(alone)
}

/// With its unit, as it is read back.
pub(super) fn write(
    f: &mut fmt::Formatter<'_>,
    range: &RangeInclusive<u64>,
    unit: &str,
) -> fmt::Result {
    match (*range.start(), *range.end()) {
        (1, 0) => write!(f, "<0{unit}"),
        (from, u64::MAX) => write!(f, ">={from}{unit}"),
        (from, to) => write!(f, "{from}{unit}-{to}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        let size = |text| range(text, SIZES, |n| n..=u64::MAX);
        let time = |text| range(text, TIMES, |n| n..=u64::MAX);
        for (got, wanted) in [
            (size("100k"), Some(100_000..=u64::MAX)),
            (size(">1.5MB"), Some(1_500_001..=u64::MAX)),
            (size("1k-2k"), Some(1_000..=2_000)),
            (size("<1KiB"), Some(0..=1023)),
            (size("<0"), Some(NOTHING)),
            (time("300"), Some(300_000..=u64::MAX)),
            (time("1s..2s"), Some(1_000_000..=2_000_000)),
            (time("<=2min"), Some(0..=120_000_000)),
            (size("10 apples"), None),
            (size(""), None),
            (time("1e400s"), None),
            (size("99999999999999999999g"), None),
        ] {
            assert_eq!(got, wanted);
        }
    }
}
