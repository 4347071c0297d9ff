//! What each probe found.

use super::{AuditArgs, Item};
use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Severity};
use crate::replay::Plan;
use crate::wire::HeaderList;

/// One probe and its answer.
pub(super) struct Seen<'a> {
    pub(super) plan: &'a Plan,
    pub(super) diagnosis: &'a Diagnosis,
    pub(super) status: u16,
    pub(super) headers: &'a HeaderList,
    pub(super) hops: usize,
}

impl Seen<'_> {
    fn item(
        &self,
        id: &'static str,
        severity: Option<Severity>,
        said: String,
        advice: &'static str,
    ) -> Item {
        Item {
            id,
            severity,
            unseen: false,
            origin: Some(self.plan.page().to_string()),
            said,
            advice,
        }
    }

    pub(super) fn allow_origin(&self) -> Option<String> {
        self.headers.get("access-control-allow-origin")
    }

    pub(super) fn with_credentials(&self) -> bool {
        self.headers
            .get("access-control-allow-credentials")
            .as_deref()
            == Some("true")
    }

    /// Whether the very origin that asked is named.
    pub(super) fn lets_in(&self) -> bool {
        self.allow_origin().as_deref() == Some(self.plan.page().to_string().as_str())
    }

    pub(super) fn own(&self, args: &AuditArgs, items: &mut Vec<Item>) {
        let page = self.plan.page();
        let allowed = matches!(self.diagnosis.outcome, Outcome::Allowed | Outcome::Exempt);
        let said = match &self.diagnosis.cause {
            Some(cause) => format!("{page} is kept out: {}", cause.check.id()),
            None => format!("{page} may read the answer ({})", self.status),
        };
        let advice = "corscope check URL --origin ORIGIN says which header lines are missing.";
        items.push(self.item(
            "own-origin-allowed",
            (!allowed).then_some(Severity::Error),
            said,
            advice,
        ));
        if self.hops > 1 {
            let said = "the URL redirects: requests that need a preflight fail there".to_owned();
            let advice = "Let the pages call the final URL.";
            items.push(self.item("redirect", Some(Severity::Warn), said, advice));
        }
        let star = self.allow_origin().as_deref() == Some("*");
        let (severity, said) = if star && self.with_credentials() {
            (
                Some(Severity::Error),
                "* together with Allow-Credentials: true, which no browser accepts",
            )
        } else if star && args.credentials {
            (
                Some(Severity::Error),
                "* where cookies travel: browsers refuse that",
            )
        } else if star {
            (
                Some(Severity::Warn),
                "*: every site may read the answers; fine only for public data",
            )
        } else {
            (None, "no wildcard")
        };
        let advice = "Name your own origins from a list, compared whole.";
        items.push(self.item("wildcard-origin", severity, said.to_owned(), advice));
        if self.allow_origin().is_some() && !star {
            let vary = self.headers.get("vary").unwrap_or_default();
            let has = vary
                .split(',')
                .any(|v| v.trim() == "*" || v.trim().eq_ignore_ascii_case("origin"));
            let said = if has {
                "Vary: Origin is there"
            } else {
                "Vary: Origin is missing: a cache may give one origin's answer to another"
            };
            let advice = "Send Vary: Origin with every answer whose Allow-Origin is computed.";
            items.push(self.item(
                "missing-vary-origin",
                (!has).then_some(Severity::Warn),
                said.to_owned(),
                advice,
            ));
        }
    }

    pub(super) fn preflight(&self, method: &str, args: &AuditArgs, items: &mut Vec<Item>) {
        let needed = !args.method.is_empty() || !args.headers.is_empty();
        let cause = self.diagnosis.cause.as_ref();
        let answered = (200..300).contains(&self.status);
        let severity = match cause {
            None => None,
            Some(_) if needed || !answered => Some(Severity::Error),
            // Nobody said that it has to be granted.
            Some(_) => Some(Severity::Info),
        };
        let said = match cause {
            None => format!("the preflight for {method} passes ({})", self.status),
            Some(cause) => {
                let missing = cause.missing.join(", ");
                let what = if missing.is_empty() {
                    String::new()
                } else {
                    format!(" ({missing})")
                };
                format!(
                    "the preflight for {method} is answered {} and fails: {}{what}",
                    self.status,
                    cause.check.id()
                )
            }
        };
        let advice =
            "Answer OPTIONS with 204 and the CORS headers, before authentication and redirects.";
        items.push(self.item("preflight", severity, said, advice));
        if cause.is_none() {
            let told = self.headers.get("access-control-max-age");
            let said = match &told {
                Some(seconds) => format!("preflights are remembered for {seconds} s"),
                None => {
                    "Access-Control-Max-Age is missing: each preflight is asked again after 5 s"
                        .to_owned()
                }
            };
            let severity = told.is_none().then_some(Severity::Info);
            items.push(self.item(
                "no-max-age",
                severity,
                said,
                "Send Access-Control-Max-Age: 600 with preflight answers.",
            ));
        }
    }

    pub(super) fn missing(&self) -> Item {
        let advice = "Send the CORS headers with every answer, errors included.";
        let id = "error-response-without-cors";
        if self.status < 400 {
            let said = format!(
                "a path that should not exist was answered {}: no error to look at",
                self.status
            );
            let mut item = self.item(id, None, said, advice);
            item.unseen = true;
            return item;
        }
        let readable = matches!(self.diagnosis.outcome, Outcome::Allowed | Outcome::Exempt);
        let said = if readable {
            format!("errors ({}) are readable too", self.status)
        } else {
            format!(
                "the {} answer has no usable CORS headers: pages see a CORS error instead",
                self.status
            )
        };
        self.item(id, (!readable).then_some(Severity::Warn), said, advice)
    }

    pub(super) fn stranger(&self, id: &'static str, who: &str) -> Item {
        let page = self.plan.page();
        let severity = match (self.lets_in(), self.with_credentials()) {
            (false, _) => None,
            (true, true) => Some(Severity::Risk),
            (true, false) => Some(Severity::Warn),
        };
        let said = match severity {
            None => format!("{page} is not let in"),
            Some(Severity::Risk) => format!("{page} is let in with the visitor's cookies: {who}"),
            Some(_) => format!("{page} is let in, without cookies: {who}"),
        };
        self.item(
            id,
            severity,
            said,
            "Compare the whole Origin with a list of your own; never reflect it, never allow null.",
        )
    }
}
