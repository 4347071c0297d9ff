//! A verdict in a few words, for a column of the list.

use std::borrow::Cow;

use super::pages::{self, Field};
use crate::cors::{Check, Outcome, Stage};
use crate::diagnose::Root;
use crate::wire::{FailureKind, FailureStage};

/// What a row of the list remembers of a diagnosis: enough for a few words.
#[derive(Clone, Copy, Debug, Default)]
pub struct Glance<'a> {
    /// What became of the fetch.
    pub outcome: Outcome,
    /// The rule that failed.
    pub check: Option<Check>,
    /// On which answer.
    pub stage: Option<Stage>,
    /// What made the server answer so.
    pub root: Option<Root>,
    /// Which kind of mismatch.
    pub sub: Option<&'a str>,
    /// Method of the request.
    pub method: &'a str,
    /// Status of the answer to the request, where there is one.
    pub status: Option<u16>,
    /// Status of the answer to the preflight, where there is one.
    pub preflight_status: Option<u16>,
    /// Whether the request was never sent.
    pub never_sent: bool,
    /// Whether script asked for it (`fetch`), and not an element such as `<img>`, for which an
    /// opaque answer is nothing to mention.
    pub scripted: bool,
    /// Where and how it broke below HTTP, if it did.
    pub broke: Option<(FailureStage, FailureKind)>,
}

/// The verdict in at most 34 characters or so: `server error 500, not CORS`,
/// `never sent: OPTIONS → 405`. Empty where there is nothing to say.
pub fn brief(glance: &Glance<'_>) -> Cow<'static, str> {
    let stage = glance.stage.unwrap_or(Stage::Actual);
    let template = match (glance.outcome, glance.check) {
        (Outcome::Failed, Some(Check::NetworkError)) if refused_us(glance) => {
            "client refused our certificate"
        }
        (Outcome::Blocked | Outcome::Failed, Some(check)) => of_cause(glance, check, stage),
        (Outcome::Opaque, _) if !glance.scripted => "",
        (outcome, _) => pages::of_outcome(Field::Brief, outcome),
    };
    let template = match template.strip_prefix("never sent: ") {
        Some(rest) if !glance.never_sent => rest,
        _ => template,
    };
    if !template.contains('{') {
        return Cow::Borrowed(template);
    }
    let status = match stage {
        Stage::Preflight => glance.preflight_status,
        Stage::Redirect | Stage::Actual => glance.status,
    };
    Cow::Owned(pages::fill(template, |name| match name {
        "status" => status.map(|status| Cow::Owned(status.to_string())),
        "method" => Some(Cow::Borrowed(glance.method)),
        _ => None,
    }))
}

/// Whether the client left when it saw our certificate: then no server failed to answer.
fn refused_us(glance: &Glance<'_>) -> bool {
    matches!(
        glance.broke,
        Some((
            FailureStage::ClientTls,
            FailureKind::Certificate | FailureKind::Reset
        ))
    )
}

fn of_cause(glance: &Glance<'_>, check: Check, stage: Stage) -> &'static str {
    let template = pages::of_cause(Field::Brief, check, stage, glance.root, glance.sub);
    let bad_status = stage == Stage::Preflight
        && glance
            .preflight_status
            .is_some_and(|status| !(200..300).contains(&status));
    // Which status answered the preflight says more than which header it lacked.
    let about_headers =
        !template.contains("{status}") && !glance.root.is_some_and(|root| root.id().contains('/'));
    if bad_status && about_headers {
        pages::of_check(Check::InvalidStatus).line(Field::Brief, None, None)
    } else {
        template
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(check: Check, stage: Stage) -> Glance<'static> {
        Glance {
            outcome: Outcome::Blocked,
            check: Some(check),
            stage: Some(stage),
            never_sent: stage == Stage::Preflight,
            method: "PUT",
            scripted: true,
            ..Glance::default()
        }
    }

    #[test]
    fn the_words_of_the_list() {
        let missing = Check::MissingAllowOrigin;
        let cases = [
            (
                Glance {
                    root: Some(Root::ServerError),
                    status: Some(500),
                    ..blocked(missing, Stage::Actual)
                },
                "server error 500, not CORS",
            ),
            (
                Glance {
                    root: Some(Root::PreflightNotHandled),
                    preflight_status: Some(405),
                    ..blocked(missing, Stage::Preflight)
                },
                "never sent: OPTIONS → 405",
            ),
            (
                Glance {
                    preflight_status: Some(405),
                    ..blocked(Check::InvalidStatus, Stage::Preflight)
                },
                "never sent: OPTIONS → 405",
            ),
            (
                Glance {
                    root: Some(Root::CorsNotConfigured),
                    preflight_status: Some(404),
                    ..blocked(missing, Stage::Preflight)
                },
                "never sent: OPTIONS → 404",
            ),
            (
                Glance {
                    root: Some(Root::RedirectHttpToHttps),
                    preflight_status: Some(301),
                    ..blocked(Check::DisallowedRedirect, Stage::Preflight)
                },
                "never sent: OPTIONS → https",
            ),
            (
                blocked(Check::WildcardOriginNotAllowed, Stage::Actual),
                "* with credentials",
            ),
            (
                Glance {
                    sub: Some("trailing-slash"),
                    ..blocked(Check::AllowOriginMismatch, Stage::Actual)
                },
                "trailing slash in Allow-Origin",
            ),
            (
                Glance {
                    preflight_status: Some(204),
                    ..blocked(Check::MethodDisallowed, Stage::Preflight)
                },
                "never sent: PUT not allowed",
            ),
            (
                Glance {
                    outcome: Outcome::Opaque,
                    status: Some(200),
                    scripted: true,
                    ..Glance::default()
                },
                "no-cors: page cannot read this",
            ),
            (
                Glance {
                    outcome: Outcome::Opaque,
                    ..Glance::default()
                },
                "",
            ),
            (
                Glance {
                    outcome: Outcome::Allowed,
                    ..Glance::default()
                },
                "",
            ),
            (
                Glance {
                    outcome: Outcome::Depends,
                    ..Glance::default()
                },
                "depends on credentials",
            ),
            (
                Glance {
                    outcome: Outcome::Failed,
                    ..blocked(Check::NetworkError, Stage::Actual)
                },
                "no answer, not CORS",
            ),
            (
                Glance {
                    outcome: Outcome::Failed,
                    broke: Some((FailureStage::ClientTls, FailureKind::Certificate)),
                    ..blocked(Check::NetworkError, Stage::Actual)
                },
                "client refused our certificate",
            ),
            (
                Glance {
                    outcome: Outcome::Failed,
                    broke: Some((FailureStage::Tls, FailureKind::Certificate)),
                    ..blocked(Check::NetworkError, Stage::Actual)
                },
                "no answer, not CORS",
            ),
        ];
        for (glance, words) in cases {
            assert_eq!(brief(&glance), words, "{glance:?}");
        }
    }

    #[test]
    fn every_cause_has_words_that_fit() {
        for check in Check::ALL {
            for root in Root::ALL.map(Some).into_iter().chain([None]) {
                for stage in [Stage::Preflight, Stage::Redirect, Stage::Actual] {
                    let glance = Glance {
                        root,
                        status: Some(500),
                        preflight_status: Some(405),
                        ..blocked(check, stage)
                    };
                    let words = brief(&glance);
                    assert!(!words.is_empty() && words.chars().count() <= 34, "{words}");
                    assert!(!words.contains('{'), "{words}");
                }
            }
        }
    }
}
