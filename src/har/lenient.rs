//! JSON as it is found in HAR files: numbers in quotes, nulls, missing members, odd types.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

use crate::wire::Timestamp;

/// Text of a string, number or boolean.
pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Owned(truth.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A finite number, in quotes or not.
pub(super) fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|n| n.is_finite())
}

/// A duration given in milliseconds, in microseconds; `None` where it is negative (HAR's "does not
/// apply") or unknown.
pub(super) fn micros(value: &Value) -> Option<u64> {
    // A century; more is a mistake, and would overflow moments.
    const MAX: f64 = 3.2e15;
    let micros = number(value)? * 1000.0;
    (0.0..MAX).contains(&micros).then(|| micros.round() as u64)
}

/// A moment: ISO 8601 with or without zone (then UTC), or a number of milliseconds since 1970.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    if let Value::Number(number) = value {
        let micros = number.as_f64()? * 1000.0;
        return (0.0..9e18)
            .contains(&micros)
            .then_some(Timestamp(micros as i64));
    }
    let text = value.as_str()?.trim();
    let zoned = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    let micros = match zoned {
        Ok(moment) => moment.timestamp_micros(),
        Err(_) => NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
            .ok()?
            .and_utc()
            .timestamp_micros(),
    };
    Some(Timestamp(micros))
}

/// Escapes of half a surrogate pair, which JavaScript writes for broken text and which are no
/// text, become U+FFFD. `None` if there is none.
pub(super) fn without_lone_surrogates(json: &str) -> Option<String> {
    let unit = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let bytes = json.as_bytes();
    let mut out = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        at += found;
        let step = match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&json[kept..at]);
                out.push_str("\\ufffd");
                kept = at + 6;
                6
            }
            // An escape is two characters at least: `\\u` is a backslash and a `u`.
            _ => 2,
        };
        at = (at + step).min(bytes.len());
    }
    (kept > 0).then(|| out + &json[kept..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn moments_in_every_spelling() {
        let expected = Some(Timestamp(1_795_420_265_190_000));
        for spelling in [
            json!("2026-11-23T07:51:05.190Z"),
            json!("2026-11-23T08:51:05.190+01:00"),
            json!("2026-11-23T08:51:05.190+0100"),
            json!("2026-11-23T07:51:05.190"),
            json!(1_795_420_265_190_u64),
        ] {
            assert_eq!(moment(&spelling), expected, "{spelling}");
        }
        assert_eq!(moment(&json!("yesterday")), None);
    }

    #[test]
    fn durations() {
        assert_eq!(micros(&json!(1.5)), Some(1500));
        assert_eq!(micros(&json!("2")), Some(2000));
        for none in [json!(-1), json!(null), json!("x"), json!(1e300), json!({})] {
            assert_eq!(micros(&none), None, "{none}");
        }
    }

    #[test]
    fn half_surrogates_become_readable() {
        let mended = without_lone_surrogates(r#""a\ud83db\\ud83d \ud83d\ude00""#);
        assert_eq!(mended.as_deref(), Some(r#""a\ufffdb\\ud83d \ud83d\ude00""#));
        assert_eq!(without_lone_surrogates(r#""\ud83d\ude00 \n""#), None);
    }
}
