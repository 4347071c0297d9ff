//! Which header lines an answer lacks: the rules' own faults, turned into edits.

use super::hop::{Hop, list};
use super::lists::{Names, granting};
use crate::cors::{Answer, Ask, Asker, Browser, Check, Fault, cors_check, preflight_check};
use crate::cors::{is_safelisted_method, is_token};
use crate::diagnose::Cause;
use crate::wire::{HeaderList, Patch, ResponseHead};

pub(super) const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";
pub(super) const ALLOW_CREDENTIALS: &str = "Access-Control-Allow-Credentials";
const ALLOW_METHODS: &str = "Access-Control-Allow-Methods";
const ALLOW_HEADERS: &str = "Access-Control-Allow-Headers";

/// What the preflight answer lacks.
pub(super) fn of_preflight(hop: &Hop, ask: &Ask, origin: &str, include: bool) -> Option<Patch> {
    let head = hop.preflight_head()?;
    let asker = Asker {
        browser: hop.browser,
        origin,
        include,
    };
    let answer = Answer {
        status: head.status,
        headers: &head.headers,
    };
    let faults = preflight_check(asker, ask, answer);
    let has = |checks: &[Check]| faults.iter().any(|fault| checks.contains(&fault.check));
    let mut patch = origin_lines(&faults, &head.headers, origin, hop.browser);
    if has(&[Check::InvalidStatus, Check::DisallowedRedirect]) {
        patch.status = Some(204);
    }
    if has(&[Check::InvalidAllowMethods, Check::MethodDisallowed]) {
        let method = (!is_safelisted_method(&ask.method)).then(|| ask.method.clone());
        let wanted: Vec<String> = method.into_iter().collect();
        grant(
            &mut patch,
            &head.headers,
            ALLOW_METHODS,
            &wanted,
            Names::Methods,
        );
    }
    if has(&[Check::InvalidAllowHeaders, Check::HeaderDisallowed]) {
        grant(
            &mut patch,
            &head.headers,
            ALLOW_HEADERS,
            &ask.headers,
            Names::Headers,
        );
    }
    (!patch.is_empty()).then_some(patch)
}

/// What the actual answer lacks.
pub(super) fn of_actual(
    hop: &Hop,
    cause: &Cause,
    head: &ResponseHead,
    origin: &str,
    include: bool,
) -> Option<Patch> {
    let asker = Asker {
        browser: hop.browser,
        origin,
        include,
    };
    let mut faults = cors_check(asker, &head.headers, cause.stage);
    if head.status == 304 {
        // The browser reads it together with the stored answer; the judgement has looked at both.
        faults.retain(|fault| {
            let found = (fault.check, fault.stage);
            found == (cause.check, cause.stage) || cause.next.contains(&found)
        });
    }
    let patch = origin_lines(&faults, &head.headers, origin, hop.browser);
    (!patch.is_empty()).then_some(patch)
}

/// What every answer to this origin needs, where none was seen.
pub(super) fn of_unseen(origin: &str, include: bool) -> Patch {
    let mut set = vec![(ALLOW_ORIGIN.to_owned(), origin.to_owned())];
    if include {
        set.push((ALLOW_CREDENTIALS.to_owned(), "true".to_owned()));
    }
    Patch {
        set,
        append: vec![("Vary".to_owned(), "Origin".to_owned())],
        ..Patch::default()
    }
}

fn origin_lines(faults: &[Fault], headers: &HeaderList, origin: &str, browser: Browser) -> Patch {
    let mut patch = Patch::default();
    let about_origin = |fault: &Fault| {
        matches!(
            fault.check,
            Check::MissingAllowOrigin
                | Check::WildcardOriginNotAllowed
                | Check::MultipleAllowOriginValues
                | Check::InvalidAllowOriginValue
                | Check::AllowOriginMismatch
        )
    };
    if faults.iter().any(about_origin) {
        set(
            &mut patch,
            headers,
            ALLOW_ORIGIN,
            origin.to_owned(),
            browser,
        );
        if !varies_by_origin(headers) {
            patch.append.push(("Vary".to_owned(), "Origin".to_owned()));
        }
    }
    if faults
        .iter()
        .any(|f| f.check == Check::InvalidAllowCredentials)
    {
        set(
            &mut patch,
            headers,
            ALLOW_CREDENTIALS,
            "true".to_owned(),
            browser,
        );
    }
    patch
}

fn set(patch: &mut Patch, headers: &HeaderList, name: &str, value: String, browser: Browser) {
    patch.set.push((name.to_owned(), value));
    // A name with white space before its colon counts, but not in Firefox (see `header_value`).
    let odd = headers.iter().find(|field| {
        browser != Browser::Firefox
            && !field.is(name)
            && field.name.trim_end().eq_ignore_ascii_case(name)
    });
    patch.remove.extend(odd.map(|field| field.name.to_owned()));
}

/// Adds to `patch` the list header that grants what is wanted.
fn grant(patch: &mut Patch, headers: &HeaderList, name: &str, wanted: &[String], names: Names) {
    let wanted: Vec<&String> = wanted.iter().filter(|want| is_token(want)).collect();
    let value = granting(&list(headers, name), &wanted, names);
    if value.is_empty() {
        patch
            .remove
            .extend(headers.contains(name).then(|| name.to_owned()));
    } else {
        patch.set.push((name.to_owned(), value.join(", ")));
    }
}

fn varies_by_origin(headers: &HeaderList) -> bool {
    list(headers, "vary")
        .iter()
        .any(|item| item == "*" || item.eq_ignore_ascii_case("origin"))
}
