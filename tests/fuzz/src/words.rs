//! What people type and paste: filters, lines of a console, the configuration.

use corscope::report;
use corscope::tui::{FilterReading, Settings};

/// A filter with the cursor somewhere in it; the first byte says where.
pub fn filter(data: &[u8]) {
    let Some((cursor, text)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    let read = FilterReading::of(&text, usize::from(*cursor));
    if let Some((at, message)) = &read.error {
        assert!(text.get(at.clone()).is_some(), "{at:?} is no place");
        assert!(!message.is_empty());
    }
    for (at, offer) in &read.offers {
        assert!(text.get(at.clone()).is_some(), "{at:?} is no place");
        assert!(!offer.is_empty());
    }
    let again = FilterReading::of(&read.means, 0);
    assert_eq!(again.error, None, "{}", read.means);
    assert_eq!(again.means, read.means, "written, read and written");
    assert_eq!(again.passes, read.passes, "{}", read.means);
}

/// Lines of a console, each read on its own.
pub fn console(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.lines() {
        let Some(read) = report::recognise(line) else {
            continue;
        };
        for part in [&read.url, &read.origin].into_iter().flatten() {
            assert!(part.len() <= line.len());
        }
        // As DevTools prints it, and as an editor does.
        let curly = line.replace('\'', "\u{2019}");
        assert_eq!(report::recognise(&curly), Some(read), "{line}");
    }
}

/// A configuration, and a filter kept in it: what stood before the first zero byte is its name.
pub fn config(data: &[u8]) {
    let (name, text) = match data.iter().position(|b| *b == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (&b"kept"[..], data),
    };
    let text = String::from_utf8_lossy(text);
    match Settings::parse(&text) {
        Ok(_) => {
            let name = String::from_utf8_lossy(name);
            let kept = Settings::with_filter(&text, &name, "status:5xx \"a\"");
            let kept = kept.expect("what was read can be added to");
            assert!(Settings::parse(&kept).is_ok(), "{kept}");
        }
        Err(error) => {
            assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1);
            assert!(!error.message.is_empty());
        }
    }
}
