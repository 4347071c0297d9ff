//! What a browser asks for on its own account: updates, safe browsing, telemetry, captive portal
//! probes, favicons. A view that is off by default; counted, never dropped.

/// Hosts, or endings of hosts where they begin with a dot, that only the browsers themselves talk
/// to. A page that calls one of them is told apart by its `Origin` or `Referer`.
const HOSTS: [&str; 31] = [
    "accounts.google.com",
    "android.clients.google.com",
    "clients1.google.com",
    "clients2.google.com",
    "clients2.googleusercontent.com",
    "clients4.google.com",
    "clientservices.googleapis.com",
    "content-autofill.googleapis.com",
    "edgedl.me.gvt1.com",
    "optimizationguide-pa.googleapis.com",
    "redirector.gvt1.com",
    "safebrowsing.googleapis.com",
    "safebrowsing.google.com",
    "safebrowsingohttpgateway.googleapis.com",
    "update.googleapis.com",
    ".gvt1.com",
    "aus5.mozilla.org",
    "ciscobinary.openh264.org",
    "content-signature-2.cdn.mozilla.net",
    "contile.services.mozilla.com",
    "detectportal.firefox.com",
    "firefox-settings-attachments.cdn.mozilla.net",
    "incoming.telemetry.mozilla.org",
    "location.services.mozilla.com",
    "normandy.cdn.mozilla.net",
    ".services.mozilla.com",
    "tracking-protection.cdn.mozilla.net",
    "config.edge.skype.com",
    "edge.microsoft.com",
    ".smartscreen.microsoft.com",
    "nav-edge.smartscreen.microsoft.com",
];

/// Whether a request is the browser's own.
pub(crate) fn is_chatter(server_origin: &str, path: &str, page_origin: Option<&str>) -> bool {
    if path == "/favicon.ico" {
        return true;
    }
    // Chromium asks who is signed in as if a page of Google's did.
    if server_origin == "https://accounts.google.com" && path.starts_with("/ListAccounts?") {
        return true;
    }
    if page_origin.is_some() {
        return false;
    }
    let authority = server_origin
        .split_once("://")
        .map_or(server_origin, |(_, a)| a);
    let host = authority.split(':').next().unwrap_or_default();
    HOSTS
        .iter()
        .any(|known| host == *known || (known.starts_with('.') && host.ends_with(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_never_chatter() {
        let update = "https://update.googleapis.com";
        assert!(is_chatter(update, "/service/update2", None));
        assert!(is_chatter("http://r3.gvt1.com:80", "/x", None));
        assert!(!is_chatter(update, "/service", Some("https://app.test")));
        assert!(!is_chatter("https://api.app.test", "/v1", None));
        let google = Some("https://www.google.com");
        let accounts = "https://accounts.google.com";
        assert!(is_chatter(
            accounts,
            "/ListAccounts?source=ChromiumBrowser",
            google
        ));
        assert!(!is_chatter(accounts, "/signin", google));
        assert!(is_chatter(
            "http://app.localhost:3000",
            "/favicon.ico",
            None
        ));
    }
}
