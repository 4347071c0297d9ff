//! The pages about causes: the only place their wording comes from.
//!
//! A page (`assets/causes/<id>.md`) begins with `key: value` lines, a line of three dashes ends
//! them, Markdown follows. The keys are `title`, `explanation` and `brief`, each optionally
//! for one stage (`preflight.title`) or one kind of mismatch (`sub.port.title`), which then wins.
//! Values hold placeholders in braces, filled in by [`fill`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::cors::{Check, Outcome, Stage};
use crate::diagnose::Root;

/// One page about a cause, a warning or the outcomes.
#[derive(Debug)]
pub struct Page {
    /// The stable id of what it is about.
    pub id: &'static str,
    /// What it says, in Markdown; begins with a heading.
    pub text: &'static str,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    scope: Scope,
    field: Field,
    text: &'static str,
}

/// What a line of a page's head is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// The headline.
    Title,
    /// One to three sentences.
    Explanation,
    /// A few words for a column.
    Brief,
}

/// Where a line of a page's head applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Everywhere,
    /// A stage or an outcome.
    In(&'static str),
    Sub(&'static str),
}

impl Page {
    /// The general headline, placeholders still in it.
    pub fn title(&self) -> &'static str {
        self.everywhere(Field::Title)
    }

    /// The line for this field: the mismatch's, else the stage's, else the general one.
    pub(super) fn line(
        &self,
        field: Field,
        within: Option<&str>,
        sub: Option<&str>,
    ) -> &'static str {
        self.of_sub(field, sub)
            .or_else(|| {
                self.find(
                    field,
                    |scope| matches!(scope, Scope::In(s) if Some(s) == within),
                )
            })
            .unwrap_or_else(|| self.everywhere(field))
    }

    /// The line for one kind of mismatch, if there is one.
    pub(super) fn of_sub(&self, field: Field, sub: Option<&str>) -> Option<&'static str> {
        self.find(
            field,
            |scope| matches!(scope, Scope::Sub(s) if Some(s) == sub),
        )
    }

    fn everywhere(&self, field: Field) -> &'static str {
        self.find(field, |scope| scope == Scope::Everywhere)
            .unwrap_or_default()
    }

    fn find(&self, field: Field, applies: impl Fn(Scope) -> bool) -> Option<&'static str> {
        let mut lines = self.lines.iter();
        let line = lines.find(|line| line.field == field && applies(line.scope))?;
        Some(line.text)
    }

    fn parse(id: &'static str, source: &'static str) -> Self {
        let (head, text) = source.split_once("\n---\n").unwrap_or(("", source));
        Self {
            id,
            text,
            lines: head.lines().filter_map(Line::parse).collect(),
        }
    }
}

impl Line {
    fn parse(line: &'static str) -> Option<Self> {
        let (key, text) = line.split_once(':')?;
        let (scope, field) = key.rsplit_once('.').unwrap_or(("", key));
        let field = match field {
            "title" => Field::Title,
            "explanation" => Field::Explanation,
            "brief" => Field::Brief,
            _ => return None,
        };
        let scope = match scope.strip_prefix("sub.") {
            Some(sub) => Scope::Sub(sub),
            None if scope.is_empty() => Scope::Everywhere,
            None => Scope::In(scope),
        };
        Some(Self {
            scope,
            field,
            text: text.trim(),
        })
    }
}

macro_rules! sources {
    ($($id:literal),+ $(,)?) => {
        &[$(($id, include_str!(concat!("../../assets/causes/", $id, ".md")))),+]
    };
}

const SOURCES: &[(&str, &str)] = sources![
    "acao-only-when-allowed-without-vary",
    "actual-ok-preflight-missing-headers",
    "allow-list-refused",
    "allow-origin-mismatch",
    "auth-error",
    "authorization-not-covered-by-wildcard",
    "avoidable-preflight",
    "blocked-by-corp",
    "cached-response-wrong-origin",
    "cached-without-cors",
    "client-sends-cors-response-headers",
    "cors-disabled-scheme",
    "cors-headers-on-non-cors",
    "cors-not-configured",
    "cors-partial-coverage",
    "credentials-half-configured",
    "csp-connect-src",
    "dev-origin-allowed-in-production",
    "dev-proxy-masks-cors",
    "disallowed-redirect",
    "duplicate-cors-headers-same-value",
    "duplicate-cors-layers",
    "error-response-without-cors",
    "explicit-refusal",
    "expose-wildcard-with-credentials",
    "gateway-error",
    "header-disallowed-by-preflight-response",
    "http-origin-allowed",
    "inconsistent-cors",
    "inconsistent-json-shape",
    "invalid-allow-credentials",
    "invalid-allow-headers-preflight-response",
    "invalid-allow-methods-preflight-response",
    "invalid-allow-origin-value",
    "invalid-redirect",
    "invalid-status",
    "legacy-private-network-header",
    "local-network-access",
    "local-network-unchecked",
    "max-age-invalid",
    "max-age-over-cap",
    "method-disallowed-by-preflight-response",
    "method-not-allowed",
    "missing-allow-origin",
    "missing-vary-origin",
    "mixed-case-method",
    "mixed-content",
    "multiple-allow-origin-values",
    "network-error",
    "network-failure",
    "no-cors-masking",
    "no-max-age",
    "not-a-browser",
    "null-origin-allowed",
    "opaque-response-blocked",
    "options-cached-by-cdn",
    "origin-not-in-allow-list",
    "other-client-error",
    "outcomes",
    "overbroad-origin-match",
    "payload-too-large",
    "preflight-blocked-by-auth",
    "preflight-blocked-by-edge",
    "preflight-cached",
    "preflight-disallowed-redirect/http-to-https",
    "preflight-disallowed-redirect/https-to-http",
    "preflight-disallowed-redirect/locale",
    "preflight-disallowed-redirect/login",
    "preflight-disallowed-redirect/other-host",
    "preflight-disallowed-redirect/trailing-slash",
    "preflight-disallowed-redirect/www-apex",
    "preflight-network-error",
    "preflight-not-handled",
    "preflight-ok-actual-missing-headers",
    "preflight-per-url",
    "preflight-server-error",
    "rate-limited",
    "redirect-contains-credentials",
    "reflects-any-origin",
    "reflects-any-origin-with-credentials",
    "request-still-executed",
    "response-header-not-exposed",
    "server-error",
    "set-cookie-dropped",
    "spa-fallback",
    "tainted-redirect",
    "third-party-api",
    "third-party-cookie",
    "timing-not-allowed",
    "useless-preflight-headers-on-actual",
    "websocket-no-origin-check",
    "wildcard-methods-or-headers-with-credentials",
    "wildcard-origin",
    "wildcard-origin-not-allowed",
    "wildcard-with-credentials-header",
    "wrong-resource-type",
    "wrong-url",
];

static PAGES: LazyLock<BTreeMap<&'static str, Page>> = LazyLock::new(|| {
    let pages = SOURCES.iter();
    pages
        .map(|(id, source)| (*id, Page::parse(id, source)))
        .collect()
});

/// The page about this check, root, or warning.
pub fn page(id: &str) -> Option<&'static Page> {
    PAGES.get(id)
}

/// Every page, by id.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    PAGES.values()
}

pub(super) fn of_check(check: Check) -> &'static Page {
    page(check.id()).expect("every check has a page; a test looks")
}

pub(super) fn of_root(root: Root) -> &'static Page {
    page(root.id()).expect("every root has a page; a test looks")
}

pub(super) fn of_outcome(field: Field, outcome: Outcome) -> &'static str {
    let page = page("outcomes").expect("the outcomes have a page");
    page.line(field, Some(outcome.name()), None)
}

/// The headline, explanation or brief of a cause: the root's where that is not about CORS, else
/// the mismatch's, else the root's, else the check's.
pub(super) fn of_cause(
    field: Field,
    check: Check,
    stage: Stage,
    root: Option<Root>,
    sub: Option<&str>,
) -> &'static str {
    let stage = Some(stage.name());
    match root {
        Some(root) if root.is_not_cors() => of_root(root).line(field, stage, None),
        Some(root) => of_check(check)
            .of_sub(field, sub)
            .unwrap_or_else(|| of_root(root).line(field, stage, None)),
        None => of_check(check).line(field, stage, sub),
    }
}

/// Puts values in the places of `{placeholders}`. A status that is not known goes together with
/// the space before it.
pub(super) fn fill<'a>(template: &str, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match value(name) {
            Some(value) => out.push_str(&value),
            None => out.truncate(out.trim_end().len()),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACEHOLDERS: [&str; 11] = [
        "answer", "because", "host", "location", "method", "missing", "origin", "status", "token",
        "url", "value",
    ];

    #[test]
    fn every_check_and_every_root_has_a_page() {
        let ids = Check::ALL.map(Check::id).into_iter();
        for id in ids.chain(Root::ALL.map(Root::id)) {
            let page = page(id).unwrap_or_else(|| panic!("no page {id}"));
            assert!(!page.title().is_empty(), "{id}: no title");
            assert!(
                !page.everywhere(Field::Explanation).is_empty(),
                "{id}: no explanation"
            );
            assert!(!page.everywhere(Field::Brief).is_empty(), "{id}: no brief");
        }
    }

    #[test]
    fn every_page_is_whole() {
        for page in pages() {
            assert!(page.text.starts_with("# "), "{}: no heading", page.id);
            for part in ["**What happened.**", "**Why.**", "**How to fix.**"] {
                let outcomes = page.id == "outcomes";
                assert!(
                    outcomes || page.text.contains(part),
                    "{}: no {part}",
                    page.id
                );
            }
            for line in &page.lines {
                let unknown = line.text.split('{').skip(1).find(|piece| {
                    !PLACEHOLDERS.contains(&piece.split('}').next().unwrap_or_default())
                });
                assert_eq!(unknown, None, "{}", page.id);
            }
        }
    }

    #[test]
    fn briefs_fit_their_column() {
        for page in pages() {
            for line in page.lines.iter().filter(|line| line.field == Field::Brief) {
                let text = fill(line.text, |name| {
                    Some(Cow::Borrowed(if name == "status" {
                        "500"
                    } else {
                        "PATCH"
                    }))
                });
                assert!(text.chars().count() <= 34, "{}: {text}", page.id);
            }
        }
    }

    #[test]
    fn every_head_line_is_understood() {
        for (id, source) in SOURCES {
            let (head, _) = source.split_once("\n---\n").expect("three dashes");
            assert_eq!(
                head.lines().count(),
                page(id).expect("a page").lines.len(),
                "{id}"
            );
        }
    }

    #[test]
    fn an_unknown_value_leaves_no_hole() {
        assert_eq!(
            fill("server error {status}, not CORS", |_| None),
            "server error, not CORS"
        );
    }
}
