//! Why a cookie is sent or held back.

use super::{Asked, Fate, Judged, SameSite, SetCookie, bad};
use crate::cors::Browser;
use crate::wire::{Origin, Timestamp, cookie, is_loopback_host};

impl SetCookie {
    /// Whether it goes along with a later request, where `from` set it at `set_at` in the answer to
    /// `set_path` (§ 5.8.3).
    pub fn sent(
        &self,
        from: &Origin,
        set_path: &str,
        set_at: Timestamp,
        asked: &Asked<'_>,
    ) -> Judged {
        self.held_back(from, set_path, set_at, asked)
            .unwrap_or_else(|| Judged {
                fate: Fate::Good,
                why: match asked.crosses_site() {
                    Some(true) => format!("SameSite=None, so it crosses {}", asked.sites()),
                    _ => "same site, and domain, path and Secure fit".to_owned(),
                },
                section: "§ 5.8.3",
            })
    }

    fn held_back(
        &self,
        from: &Origin,
        set_path: &str,
        set_at: Timestamp,
        asked: &Asked<'_>,
    ) -> Option<Judged> {
        let host = asked.target.host();
        if asked.omits() {
            return bad(
                "the request was made without credentials: credentials: 'include' sends cookies",
                "",
            );
        }
        match &self.domain {
            Some(domain) if host != domain && !cookie::is_below(host, domain) => {
                return bad(format!("it is for {domain}, not {host}"), "§ 5.8.3");
            }
            None if host != from.host() => {
                return bad(
                    format!("it has no Domain, so it is for {} only", from.host()),
                    "§ 5.8.3",
                );
            }
            _ => {}
        }
        let path = self
            .path
            .clone()
            .unwrap_or_else(|| cookie::default_path(set_path));
        if !cookie::covers(&path, asked.path) {
            return bad(
                format!("Path={path} does not cover {}", asked.path),
                "§ 5.8.3",
            );
        }
        if self.secure && !asked.is_secure() && !is_loopback_host(host) {
            return bad("Secure, and this is plain http", "§ 5.8.3");
        }
        let over = match (self.max_age, self.expires) {
            (Some(seconds), _) => {
                let micros = u64::try_from(seconds)
                    .unwrap_or(0)
                    .saturating_mul(1_000_000);
                set_at.plus_micros(micros) <= asked.at
            }
            (None, Some(at)) => at <= asked.at,
            (None, None) => false,
        };
        if over {
            return bad("it has expired", "§ 5.7");
        }
        let safe = matches!(asked.method, "GET" | "HEAD" | "OPTIONS");
        if asked.navigation
            && let Some(page) = asked.page
            && !page.same_site(asked.target)
            && (self.same_site == SameSite::Strict || (self.same_site == SameSite::Lax && !safe))
        {
            let why = format!(
                "SameSite={}, and another site led here: {}",
                self.reach(),
                asked.sites()
            );
            return bad(why, "§ 5.8.3");
        }
        if asked.crosses_site() == Some(true) {
            let sites = asked.sites();
            let lax = self.same_site == SameSite::Lax
                || (self.same_site == SameSite::Default && asked.browser == Browser::Chromium);
            if self.same_site == SameSite::Strict || lax {
                let why = if self.same_site == SameSite::Default {
                    format!("no SameSite, so Chromium takes it for Lax, and {sites} crosses sites")
                } else {
                    format!("SameSite={}, and {sites} crosses sites", self.reach())
                };
                return bad(why, "§ 5.8.3");
            }
        }
        None
    }
}

/// Why a cookie that is on the wire was sent, where nobody saw it set.
pub fn why_sent(asked: &Asked<'_>) -> Judged {
    let (fate, why) = match asked.crosses_site() {
        Some(false) if asked.navigation => (Fate::Good, "a person went there".to_owned()),
        Some(false) => (
            Fate::Good,
            format!("same site ({}): SameSite holds nothing back", asked.sites()),
        ),
        Some(true) => (
            Fate::Good,
            format!(
                "it crosses sites ({}), which browsers let it only with SameSite=None; Secure{}",
                asked.sites(),
                if asked.browser == Browser::Chromium {
                    ""
                } else {
                    ", or without any SameSite"
                }
            ),
        ),
        None => (
            Fate::Doubtful,
            "which page asked is not on the wire".to_owned(),
        ),
    };
    Judged {
        fate,
        why,
        section: "§ 5.8.3",
    }
}
