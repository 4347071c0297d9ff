//! How a wrong Allow-Origin value resembles the origin that asked: what the eye misses.

use crate::wire::Origin;

/// What the value `found` looks like beside the origin `needed`, where that says more than the
/// differing bytes do.
pub(super) fn how(found: &[u8], needed: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(found).ok();
    if let Some(text) = text
        && let Some(what) = disguised(text, needed)
    {
        return Some(what);
    }
    let needed = std::str::from_utf8(needed).ok()?;
    let unquoted = unquoted(found);
    if unquoted.len() < found.len() && !unquoted.is_empty() {
        return Some("quotes belong to the value");
    }
    let page = Origin::of_url(needed)?;
    let other = Origin::of_url(text?)?;
    related(other.host(), page.host())
}

/// Invisible characters, white space within, letters of another script.
fn disguised(found: &str, needed: &[u8]) -> Option<&'static str> {
    if found.bytes().all(|b| b.is_ascii_graphic()) && !found.contains("xn--") {
        return None;
    }
    if found.chars().any(is_invisible) {
        return Some("it has an invisible character");
    }
    if found.chars().any(char::is_control) {
        return Some("it has a control character");
    }
    if !found.is_ascii() {
        let plain: String = found.chars().map(twin).collect();
        if plain.as_bytes() == needed {
            return Some("it has letters of another alphabet that look the same");
        }
        return None;
    }
    // The same in its xn-- form.
    let host = found.split_once("://")?.1;
    if host.split('.').any(|label| label.starts_with("xn--")) {
        let (unicode, _) = idna::domain_to_unicode(host.split([':', '/']).next()?);
        let plain: String = unicode.chars().map(twin).collect();
        let page = std::str::from_utf8(needed).ok()?.split_once("://")?.1;
        if plain == page && unicode != page {
            return Some("it is a look-alike in another alphabet");
        }
    }
    None
}

fn unquoted(found: &[u8]) -> &[u8] {
    const QUOTES: &[u8] = b"\"'`";
    let start = found.iter().position(|b| !QUOTES.contains(b));
    let start = start.unwrap_or(found.len());
    let end = found.iter().rposition(|b| !QUOTES.contains(b));
    &found[start..end.map_or(start, |at| at + 1)]
}

/// How one host stands to another.
fn related(found: &str, page: &str) -> Option<&'static str> {
    let below = |name: &str, parent: &str| {
        name.strip_suffix(parent)
            .is_some_and(|rest| rest.ends_with('.'))
    };
    if found == page {
        None
    } else if found.strip_suffix('.') == Some(page) || page.strip_suffix('.') == Some(found) {
        Some("a dot at the end makes it another host")
    } else if below(found, page) {
        Some("it is a subdomain of the page's host")
    } else if below(page, found) {
        Some("the page is on a subdomain of it")
    } else if found.ends_with(page) || page.ends_with(found) {
        Some("it only ends alike; it is another site")
    } else if found.starts_with(page) || page.starts_with(found) {
        Some("it only begins alike; it is another site")
    } else {
        None
    }
}

/// Characters that no font draws.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xa0 | 0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180e
        | 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x3000 | 0x3164 | 0xfe00..=0xfe0f
        | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0xe0000..=0xe0fff)
}

/// The Latin letter that a letter of another alphabet looks like; those that occur in forged names.
fn twin(c: char) -> char {
    match c {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'ɡ' => 'g',
        'һ' => 'h',
        'і' | 'ι' | 'ı' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' | 'ǀ' => 'l',
        'м' => 'm',
        'п' | 'η' => 'n',
        'о' | 'ο' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ս' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_eye_misses() {
        let page = "https://app.test";
        for (found, words) in [
            ("https://app.test\u{200b}", "invisible"),
            ("https://app.test\t", "control"),
            ("https://\u{430}pp.test", "another alphabet"),
            ("\"https://app.test\"", "quotes"),
            ("'https://app.test'", "quotes"),
            ("https://shop.app.test", "subdomain of the page"),
            ("https://evilapp.test", "ends alike"),
            ("https://app.test.evil.test", "begins alike"),
            ("https://app.test.", "dot at the end"),
            ("https://xn--pp-6kc.test", "look-alike"),
        ] {
            let how = how(found.as_bytes(), page.as_bytes()).unwrap_or_default();
            assert!(how.contains(words), "{found}: {how}");
        }
        for found in [
            "https://app.test/",
            "http://app.test",
            "https://b.org",
            "true",
            "",
        ] {
            assert_eq!(how(found.as_bytes(), page.as_bytes()), None, "{found}");
        }
        assert_eq!(
            how(b"https://app.test", b"https://shop.app.test"),
            Some("the page is on a subdomain of it")
        );
    }
}
