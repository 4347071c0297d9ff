//! The bytes that prove a fault.

use crate::cors::{Check, Fault};
use crate::wire::{ExchangeId, Failure};

use super::align::Alignment;
use super::diagnosis::{Evidence, Part};
use super::steps::Step;

/// A response header, or its absence.
pub(crate) fn header(step: &Step, name: &str, note: &str) -> Evidence {
    Evidence {
        exchange: step.id(),
        part: Part::ResponseHeader,
        name: Some(name.to_owned()),
        value: step.head.as_ref().and_then(|h| h.headers.get(name)),
        note: note.to_owned(),
    }
}

/// A request header.
pub(crate) fn request_header(step: &Step, name: &str, note: &str) -> Evidence {
    Evidence {
        exchange: step.id(),
        part: Part::RequestHeader,
        name: Some(name.to_owned()),
        value: step.exchange.request.headers.get(name),
        note: note.to_owned(),
    }
}

/// The status.
pub(crate) fn of_status(step: &Step, note: &str) -> Evidence {
    Evidence {
        exchange: step.id(),
        part: Part::ResponseStatus,
        name: None,
        value: step.head.as_ref().map(|h| h.status.to_string()),
        note: note.to_owned(),
    }
}

/// What the response body says, or another part of the message.
pub(crate) fn quote(id: ExchangeId, part: Part, text: String, note: &str) -> Evidence {
    Evidence {
        exchange: id,
        part,
        name: None,
        value: Some(text),
        note: note.to_owned(),
    }
}

/// What broke below HTTP.
pub(crate) fn of_failure(step: &Step, failure: &Failure) -> Evidence {
    quote(
        step.id(),
        Part::Connection,
        failure.detail.clone(),
        failure.kind.name(),
    )
}

/// The header or status that a rule read, and what it lacked.
pub(crate) fn of_fault(step: &Step, fault: &Fault, alignment: Option<&Alignment>) -> Vec<Evidence> {
    const ORIGIN: &str = "access-control-allow-origin";
    let origin = || request_header(step, "origin", "who asks");
    let asked = |name| request_header(step, name, "asked for");
    let allowed = |note: &str| {
        let differs = alignment
            .map(Alignment::words)
            .filter(|words| !words.is_empty());
        let note = differs.map_or_else(|| note.to_owned(), |words| format!("{note}: {words}"));
        vec![header(step, ORIGIN, &note), origin()]
    };
    let missing = || format!("lacks {}", fault.missing.join(", "));
    match fault.check {
        Check::MissingAllowOrigin => vec![header(step, ORIGIN, "missing"), origin()],
        Check::WildcardOriginNotAllowed => {
            vec![header(step, ORIGIN, "not valid with credentials"), origin()]
        }
        Check::MultipleAllowOriginValues => allowed("more than one"),
        Check::InvalidAllowOriginValue => allowed("no origin"),
        Check::AllowOriginMismatch => allowed("another origin"),
        Check::InvalidAllowCredentials => vec![header(
            step,
            "access-control-allow-credentials",
            "must be exactly true",
        )],
        Check::InvalidStatus => vec![of_status(step, "must be 200 to 299")],
        Check::DisallowedRedirect => vec![
            of_status(step, "a preflight may not be redirected"),
            header(step, "location", "leads here"),
        ],
        Check::InvalidAllowMethods => vec![header(
            step,
            "access-control-allow-methods",
            "not a list of tokens",
        )],
        Check::InvalidAllowHeaders => vec![header(
            step,
            "access-control-allow-headers",
            "not a list of tokens",
        )],
        Check::MethodDisallowed => vec![
            header(step, "access-control-allow-methods", &missing()),
            asked("access-control-request-method"),
        ],
        Check::HeaderDisallowed => vec![
            header(step, "access-control-allow-headers", &missing()),
            asked("access-control-request-headers"),
        ],
        Check::RedirectContainsCredentials => {
            vec![header(step, "location", "has a user name or password")]
        }
        Check::CorsDisabledScheme => vec![header(step, "location", "neither http nor https")],
        Check::MixedContent => vec![header(step, "location", "http, from an https page")],
        Check::InvalidRedirect | Check::NetworkError => {
            vec![header(step, "location", "cannot be followed")]
        }
        Check::PreflightNetworkError
        | Check::CspConnectSrc
        | Check::OpaqueResponseBlocked
        | Check::BlockedByCorp
        | Check::WrongResourceType => Vec::new(),
    }
}
