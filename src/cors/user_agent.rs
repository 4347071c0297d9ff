//! Which engine a User-Agent belongs to.

use memchr::memmem;

use super::verdict::Browser;

/// Reads a `User-Agent`: the engine, or `None` for a client that is no browser (curl, Postman,
/// a server). Every browser on iOS is WebKit.
pub fn browser_of(user_agent: &str) -> Option<Browser> {
    let has = |part: &str| user_agent.contains(part);
    if !user_agent.starts_with("Mozilla/") {
        return None;
    }
    if (has("iPhone") || has("iPad")) && has("AppleWebKit/") {
        Some(Browser::Safari)
    } else if has("Firefox/") && !has("Seamonkey/") {
        Some(Browser::Firefox)
    } else if has("Chrome/") || has("Chromium/") || has("CriOS/") {
        Some(Browser::Chromium)
    } else if has("AppleWebKit/") {
        Some(Browser::Safari)
    } else {
        None
    }
}

/// The major version of the engine, from the User-Agent: 156 in `Chrome/156.0.0.0`.
pub fn major_version(user_agent: &str) -> Option<u32> {
    ["Chrome/", "Firefox/", "Version/"].iter().find_map(|mark| {
        let at = memmem::find(user_agent.as_bytes(), mark.as_bytes())?;
        let rest = &user_agent[at + mark.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest[..digits].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      HeadlessChrome/156.0.0.0 Safari/537.36";
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
        let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                      (KHTML, like Gecko) Version/18.0 Safari/605.1.15";
        assert_eq!(browser_of(chrome), Some(Browser::Chromium));
        assert_eq!(browser_of(firefox), Some(Browser::Firefox));
        assert_eq!(browser_of(safari), Some(Browser::Safari));
        assert_eq!(browser_of("curl/8.5.0"), None);
        assert_eq!(major_version(chrome), Some(156));
        assert_eq!(major_version(firefox), Some(153));
        assert_eq!(major_version(safari), Some(18));
    }
}
