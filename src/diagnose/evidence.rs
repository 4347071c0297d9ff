//! The bytes that prove a fault.

use std::borrow::Cow;

use crate::cors::{Check, Fault};
use crate::wire::{ExchangeId, Failure};

use super::align::Alignment;
use super::diagnosis::{Evidence, Part};
use super::steps::Step;

/// A response header, or its absence.
pub(crate) fn header(
    step: &Step,
    name: impl Into<Cow<'static, str>>,
    note: impl Into<Cow<'static, str>>,
) -> Evidence {
    let name = name.into();
    Evidence {
        exchange: step.id(),
        part: Part::ResponseHeader,
        value: step.head.as_ref().and_then(|h| h.headers.get(&name)),
        name: Some(name),
        note: note.into(),
    }
}

/// A request header.
pub(crate) fn request_header(
    step: &Step,
    name: impl Into<Cow<'static, str>>,
    note: impl Into<Cow<'static, str>>,
) -> Evidence {
    let name = name.into();
    Evidence {
        exchange: step.id(),
        part: Part::RequestHeader,
        value: step.exchange.request.headers.get(&name),
        name: Some(name),
        note: note.into(),
    }
}

/// The status.
pub(crate) fn of_status(step: &Step, note: impl Into<Cow<'static, str>>) -> Evidence {
    Evidence {
        exchange: step.id(),
        part: Part::ResponseStatus,
        name: None,
        value: step.head.as_ref().map(|h| h.status.to_string()),
        note: note.into(),
    }
}

/// What the response body says, or another part of the message.
pub(crate) fn quote(
    id: ExchangeId,
    part: Part,
    text: String,
    note: impl Into<Cow<'static, str>>,
) -> Evidence {
    Evidence {
        exchange: id,
        part,
        name: None,
        value: Some(text),
        note: note.into(),
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
    let allowed = |note: &'static str| {
        let differs = alignment
            .map(Alignment::words)
            .filter(|words| !words.is_empty());
        let note = differs.map_or(Cow::Borrowed(note), |words| {
            format!("{note}: {words}").into()
        });
        vec![header(step, ORIGIN, note), origin()]
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
            header(step, "access-control-allow-methods", missing()),
            asked("access-control-request-method"),
        ],
        Check::HeaderDisallowed => vec![
            header(step, "access-control-allow-headers", missing()),
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
        | Check::LocalNetworkAccess
        | Check::OpaqueResponseBlocked
        | Check::BlockedByCorp
        | Check::WrongResourceType => Vec::new(),
    }
}
