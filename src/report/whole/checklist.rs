//! The rules of the checklist, and by what a fetch breaks them.

use crate::cors::{Check, Credentials, Outcome, Stage};
use crate::diagnose::Diagnosis;
use crate::wire::{Exchange, ExchangeId};

/// A rule of the checklist: ids that break it, and what has to be seen to say that it holds.
pub(super) struct Rule {
    pub(super) title: &'static str,
    pub(super) broken_by: &'static [&'static str],
    pub(super) on: Option<Stage>,
    pub(super) seen_with: fn(&Facts<'_>) -> bool,
}

/// What the rules ask of a fetch.
pub(super) struct Facts<'a> {
    pub(super) diagnosis: &'a Diagnosis,
    pub(super) preflight: Option<&'a Exchange>,
    pub(super) actual: Option<&'a Exchange>,
    pub(super) https: bool,
}

impl Facts<'_> {
    pub(super) fn answers(&self) -> impl Iterator<Item = &Exchange> {
        let both = [self.preflight, self.actual].into_iter().flatten();
        both.filter(|e| e.response.is_some())
    }

    pub(super) fn has(&self, header: &str) -> bool {
        self.answers().any(|e| {
            e.response
                .as_ref()
                .is_some_and(|r| r.headers.contains(header))
        })
    }

    pub(super) fn failed(&self) -> bool {
        let response = self.actual.and_then(|e| e.response.as_ref());
        response.is_some_and(|r| r.status >= 400)
    }

    pub(super) fn readable(&self) -> bool {
        self.diagnosis.outcome == Outcome::Allowed
    }

    pub(super) fn preflight_passed(&self) -> bool {
        let cause = self.diagnosis.cause.as_ref();
        self.preflight.is_some() && cause.is_none_or(|c| c.stage != Stage::Preflight)
    }

    pub(super) fn dynamic(&self) -> bool {
        self.answers().any(|e| {
            let origin = e
                .response
                .as_ref()
                .and_then(|r| r.headers.get(ALLOW_ORIGIN));
            origin.is_some_and(|o| o != "*")
        })
    }
}

const ALLOW_ORIGIN: &str = "access-control-allow-origin";

/// After the checklist for going live; one id of a check, a kind, a root or a warning breaks a rule.
pub(super) const RULES: [Rule; 18] = [
    Rule {
        title: "No * where credentials are used",
        broken_by: &[
            "wildcard-origin-not-allowed",
            "wildcard-methods-or-headers-with-credentials",
            "expose-wildcard-with-credentials",
        ],
        on: None,
        seen_with: |f| f.diagnosis.credentials == Credentials::Include && f.readable(),
    },
    Rule {
        title: "Every page's origin is accepted",
        broken_by: &[
            "origin-not-in-allow-list",
            "allow-list-refused",
            "cors-not-configured",
        ],
        on: None,
        seen_with: |f| f.readable(),
    },
    Rule {
        title: "Allow-Origin is an origin, exactly",
        broken_by: &["allow-origin-mismatch", "invalid-allow-origin-value"],
        on: None,
        seen_with: |f| f.has(ALLOW_ORIGIN),
    },
    Rule {
        title: "OPTIONS is answered 2xx, without redirect or login",
        broken_by: &[
            "invalid-status",
            "disallowed-redirect",
            "preflight-network-error",
        ],
        on: Some(Stage::Preflight),
        seen_with: |f| f.preflight_passed(),
    },
    Rule {
        title: "Allow-Methods covers what is used",
        broken_by: &[
            "method-disallowed-by-preflight-response",
            "invalid-allow-methods-preflight-response",
        ],
        on: None,
        seen_with: |f| f.preflight_passed(),
    },
    Rule {
        title: "Allow-Headers covers what is used",
        broken_by: &[
            "header-disallowed-by-preflight-response",
            "invalid-allow-headers-preflight-response",
            "authorization-not-covered-by-wildcard",
        ],
        on: None,
        seen_with: |f| f.preflight_passed(),
    },
    Rule {
        title: "Credentials are allowed on every answer",
        broken_by: &["invalid-allow-credentials"],
        on: None,
        seen_with: |f| f.diagnosis.credentials == Credentials::Include && f.readable(),
    },
    Rule {
        title: "Errors carry the headers too",
        broken_by: &["error-response-without-cors"],
        on: None,
        seen_with: |f| f.failed() && f.readable(),
    },
    Rule {
        title: "Vary: Origin where the answer depends on it",
        broken_by: &[
            "missing-vary-origin",
            "acao-only-when-allowed-without-vary",
            "cached-response-wrong-origin",
            "cached-without-cors",
        ],
        on: None,
        seen_with: |f| f.dynamic(),
    },
    Rule {
        title: "One place sets the headers, once",
        broken_by: &[
            "multiple-allow-origin-values",
            "duplicate-cors-layers",
            "duplicate-cors-headers-same-value",
        ],
        on: None,
        seen_with: |f| f.has(ALLOW_ORIGIN),
    },
    Rule {
        title: "https everywhere",
        broken_by: &["http-origin-allowed", "mixed-content"],
        on: None,
        seen_with: |f| f.https,
    },
    Rule {
        title: "No no-cors calls",
        broken_by: &["no-cors-masking"],
        on: None,
        seen_with: |f| f.readable(),
    },
    Rule {
        title: "No development origins in production",
        broken_by: &["dev-origin-allowed-in-production"],
        on: None,
        seen_with: |f| f.https && f.has(ALLOW_ORIGIN),
    },
    Rule {
        title: "Cookies survive (SameSite=None; Secure)",
        broken_by: &["set-cookie-dropped", "third-party-cookie"],
        on: None,
        seen_with: |f| f.has("set-cookie"),
    },
    Rule {
        title: "Preflights are remembered (Max-Age)",
        broken_by: &["no-max-age", "max-age-invalid"],
        on: None,
        seen_with: |f| f.has("access-control-max-age"),
    },
    Rule {
        title: "Headers that script needs are exposed",
        broken_by: &["response-header-not-exposed"],
        on: None,
        seen_with: |f| f.readable(),
    },
    Rule {
        title: "Success and error have the same JSON shape",
        broken_by: &["inconsistent-json-shape"],
        on: None,
        seen_with: |f| f.failed(),
    },
    Rule {
        title: "All endpoints are configured alike",
        broken_by: &[
            "inconsistent-cors",
            "cors-partial-coverage",
            "overbroad-origin-match",
        ],
        on: None,
        seen_with: |f| f.readable(),
    },
];

/// By what a fetch breaks a rule, and where that is seen.
pub(super) fn broken(rule: &Rule, facts: &Facts<'_>) -> Option<(&'static str, Option<ExchangeId>)> {
    let diagnosis = facts.diagnosis;
    // What an OPTIONS that was refused lacks first is a header; that it was refused counts as well.
    if rule.on == Some(Stage::Preflight)
        && let Some(preflight) = facts.preflight
        && let Some(response) = &preflight.response
        && !(200..300).contains(&response.status)
    {
        return Some(("invalid-status", Some(preflight.id)));
    }
    let among = |id: &str| rule.broken_by.iter().copied().find(|b| *b == id);
    if let Some(cause) = &diagnosis.cause
        && rule.on.is_none_or(|stage| stage == cause.stage)
    {
        let ids = [
            Some(cause.check.id()),
            cause.sub,
            cause.root.map(crate::diagnose::Root::id),
        ];
        // A missing header on an error answer is the eighth item, whatever is behind it.
        let missing = cause.check == Check::MissingAllowOrigin && cause.stage == Stage::Actual;
        let on_error = cause.evidence.iter().any(|e| {
            let status = e.value.as_deref().and_then(|v| v.parse::<u16>().ok());
            e.part == crate::diagnose::Part::ResponseStatus && status.is_some_and(|s| s >= 400)
        });
        let error = (missing && on_error).then_some("error-response-without-cors");
        let found = ids.into_iter().chain([error]).flatten().find_map(among);
        if let Some(id) = found {
            return Some((id, cause.exchange));
        }
    }
    diagnosis.warnings.iter().find_map(|warning| {
        let id = among(warning.id)?;
        Some((id, warning.evidence.first().map(|e| e.exchange)))
    })
}
