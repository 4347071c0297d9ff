//! Where a preflight was sent instead of being answered.

use url::Url;

use crate::cors::{Answer, Stage};

use super::evidence;
use super::root::Root;
use super::roots::{Found, View};

/// The kind of redirect that a preflight met.
pub(crate) fn preflight_redirect(view: &View<'_>) -> Option<Found> {
    let answer = Answer {
        status: view.status,
        headers: view.headers,
    };
    if view.stage != Stage::Preflight || !answer.is_redirect(view.subject.browser) {
        return None;
    }
    let from = Url::parse(&view.step.exchange.request.url).ok()?;
    let location = view.headers.first("location")?.text();
    let root = from
        .join(&location)
        .map_or(Root::RedirectOtherHost, |to| kind(&from, &to));
    Some(Found::sure(
        root,
        vec![
            view.status_evidence("preflights are never redirected"),
            evidence::header(view.step, "location", "call this URL itself"),
        ],
    ))
}

fn kind(from: &Url, to: &Url) -> Root {
    let same_path = from.path() == to.path() && from.query() == to.query();
    let (a, b) = (from.host_str().unwrap_or(""), to.host_str().unwrap_or(""));
    let trimmed = |u: &Url| u.path().trim_end_matches('/').to_owned();
    let slash = from.path() != to.path() && trimmed(from) == trimmed(to);
    let www = a.strip_prefix("www.") == Some(b) || b.strip_prefix("www.") == Some(a);
    if a == b && same_path && from.scheme() != to.scheme() {
        return if to.scheme() == "https" {
            Root::RedirectHttpToHttps
        } else {
            Root::RedirectHttpsToHttp
        };
    }
    if a == b && slash {
        Root::RedirectTrailingSlash
    } else if www {
        Root::RedirectWwwApex
    } else if is_login(to.as_str()) {
        Root::RedirectLogin
    } else if a == b && is_localised(from.path(), to.path()) {
        Root::RedirectLocale
    } else {
        Root::RedirectOtherHost
    }
}

/// Whether a URL is a place to log in, by its host or path.
pub(crate) fn is_login(url: &str) -> bool {
    const WORDS: [&str; 9] = [
        "login",
        "signin",
        "sign-in",
        "sign_in",
        "sso",
        "oauth",
        "auth",
        "logon",
        "cloudflareaccess",
    ];
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let place = rest
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    place.starts_with("accounts.")
        || place
            .split(['/', '.', ':'])
            .any(|part| WORDS.contains(&part) || part.starts_with("sso-"))
}

/// Whether the target is the same path below a language: `/about` to `/en-GB/about`.
fn is_localised(from: &str, to: &str) -> bool {
    let Some((language, rest)) = to.trim_start_matches('/').split_once('/') else {
        return false;
    };
    let mut parts = language.split(['-', '_']);
    let two = |p: Option<&str>| {
        p.is_some_and(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_alphabetic()))
    };
    let tag = two(parts.next())
        && match parts.next() {
            None => true,
            region => two(region),
        };
    tag && from.trim_matches('/') == rest.trim_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (from, to, root) in [
            (
                "http://a.test/x",
                "https://a.test/x",
                Root::RedirectHttpToHttps,
            ),
            (
                "https://a.test/x",
                "http://a.test/x",
                Root::RedirectHttpsToHttp,
            ),
            (
                "https://a.test/x",
                "https://a.test/x/",
                Root::RedirectTrailingSlash,
            ),
            (
                "https://a.test/x",
                "https://www.a.test/x",
                Root::RedirectWwwApex,
            ),
            (
                "https://a.test/x",
                "https://a.test/login?next=x",
                Root::RedirectLogin,
            ),
            (
                "https://a.test/x",
                "https://sso.b.test/",
                Root::RedirectLogin,
            ),
            (
                "https://a.test/x",
                "https://a.test/en-GB/x",
                Root::RedirectLocale,
            ),
            (
                "https://a.test/x",
                "https://a.test/v2/x",
                Root::RedirectOtherHost,
            ),
            (
                "https://a.test/x",
                "https://b.test/authors",
                Root::RedirectOtherHost,
            ),
        ] {
            let url = |u| Url::parse(u).expect("a URL");
            assert_eq!(kind(&url(from), &url(to)), root, "{from} to {to}");
        }
    }
}
