//! Safari's words.

use super::Facts;
use crate::cors::{Check, Stage};

/// The first of the two lines in the console.
pub(super) fn sentence(facts: &Facts<'_>) -> Option<String> {
    let origin = facts.diagnosis.origin.clone().or_else(|| facts.origin())?;
    let status = facts.status();
    let code = || {
        status
            .map(|status| format!(" Status code: {status}"))
            .unwrap_or_default()
    };
    let value = |name| facts.header(name).unwrap_or_default();
    let bad_status = status
        .filter(|status| facts.cause.stage == Stage::Preflight && !(200..300).contains(status));
    if let Some(status) = bad_status
        && facts.cause.check.is_cors()
    {
        return Some(format!(
            "Preflight response is not successful. Status code: {status}"
        ));
    }
    Some(match facts.cause.check {
        Check::MissingAllowOrigin | Check::InvalidAllowOriginValue | Check::AllowOriginMismatch => {
            format!(
                "Origin {origin} is not allowed by Access-Control-Allow-Origin.{}",
                code()
            )
        }
        Check::WildcardOriginNotAllowed => {
            "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true."
                .to_owned()
        }
        Check::MultipleAllowOriginValues => {
            "Access-Control-Allow-Origin cannot contain more than one origin.".to_owned()
        }
        Check::InvalidAllowCredentials => {
            "Credentials flag is true, but Access-Control-Allow-Credentials is not \"true\"."
                .to_owned()
        }
        Check::InvalidAllowMethods => format!(
            "Header Access-Control-Allow-Methods has an invalid value: {}",
            value("access-control-allow-methods")
        ),
        Check::InvalidAllowHeaders => format!(
            "Header Access-Control-Allow-Headers has an invalid value: {}",
            value("access-control-allow-headers")
        ),
        Check::MethodDisallowed => format!(
            "Method {} is not allowed by Access-Control-Allow-Methods.",
            facts.method()
        ),
        Check::HeaderDisallowed => format!(
            "Request header field {} is not allowed by Access-Control-Allow-Headers.",
            facts.missing_headers().first()?
        ),
        _ => return None,
    })
}
