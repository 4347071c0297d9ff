//! `Expires` and `Max-Age`, as browsers read them.

use chrono::{NaiveDate, NaiveDateTime};

use crate::wire::Timestamp;

/// `Max-Age` (§ 5.6.2); more than fits is for ever.
pub(super) fn seconds(value: &str) -> Option<i64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let most = if value.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    Some(value.parse().unwrap_or(most))
}

/// A date as browsers read it, which is almost any order of time, day, month and year (§ 5.1.1).
pub(super) fn cookie_date(text: &str) -> Option<Timestamp> {
    let delimiter = |c: char| matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~');
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(delimiter).filter(|t| !t.is_empty()) {
        let digits: String = token.chars().take_while(char::is_ascii_digit).collect();
        if time.is_none()
            && let Some(found) = hms(token)
        {
            time = Some(found);
        } else if day.is_none() && (1..=2).contains(&digits.len()) {
            day = digits.parse::<u32>().ok();
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none() && (2..=4).contains(&digits.len()) {
            year = digits.parse::<i32>().ok();
        }
    }
    let year = match year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        long if long < 1601 => return None,
        long => long,
    };
    let (hour, minute, second) = time?;
    let moment: NaiveDateTime =
        NaiveDate::from_ymd_opt(year, month?, day?)?.and_hms_opt(hour, minute, second)?;
    Some(Timestamp(moment.and_utc().timestamp_micros()))
}

fn hms(token: &str) -> Option<(u32, u32, u32)> {
    let mut parts = token.splitn(3, ':').map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    });
    Some((parts.next()??, parts.next()??, parts.next()??))
}

fn month_of(token: &str) -> Option<u32> {
    let name = token.get(..3)?.to_ascii_lowercase();
    let all = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let at = all.iter().position(|m| *m == name)?;
    u32::try_from(at + 1).ok()
}
