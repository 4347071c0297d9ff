//! The rules by which a fix is found.

use std::sync::Arc;

use super::{Fix, Reach};
use crate::cors::{Check, Credentials, Outcome, Stage};
use crate::diagnose::{Cause, Diagnosis, Exchanges, Role, Root};
use crate::wire::{Exchange, HeaderList, Origin, Patch, ResponseHead};

const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";
const ALLOW_CREDENTIALS: &str = "Access-Control-Allow-Credentials";
const ALLOW_METHODS: &str = "Access-Control-Allow-Methods";
const ALLOW_HEADERS: &str = "Access-Control-Allow-Headers";

/// What would mend this fetch; `None` when nothing is broken. Where the credentials mode is unknown
/// it is the fix for a request without credentials; [`suggest_for`] gives the other one.
pub fn suggest(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> Option<Fix> {
    let include = diagnosis.credentials == Credentials::Include;
    let cause = match (&diagnosis.cause, diagnosis.credentials) {
        (_, Credentials::Unknown) if diagnosis.when_not_include.is_some() => diagnosis
            .when_not_include
            .as_ref()
            .and_then(|branch| branch.cause.as_ref()),
        (cause, _) => cause.as_ref(),
    };
    fix(diagnosis, cause, include, exchanges)
}

/// What would mend it if credentials were (`include`) or were not included, whatever the diagnosis
/// believes.
pub fn suggest_for(diagnosis: &Diagnosis, include: bool, exchanges: &dyn Exchanges) -> Option<Fix> {
    let branch = if include {
        &diagnosis.when_include
    } else {
        &diagnosis.when_not_include
    };
    let cause = match branch {
        Some(branch) => branch.cause.as_ref(),
        None => diagnosis.cause.as_ref(),
    };
    fix(diagnosis, cause, include, exchanges)
}

fn fix(
    diagnosis: &Diagnosis,
    cause: Option<&Cause>,
    include: bool,
    exchanges: &dyn Exchanges,
) -> Option<Fix> {
    let Some(cause) = cause else {
        return no_cors(diagnosis);
    };
    let failed = cause.exchange.and_then(|id| exchanges.exchange(id));
    let hop = Hop::find(diagnosis, cause, failed.as_deref(), exchanges);
    if let Some((reach, advice)) = out_of_reach(cause, &hop) {
        return Some(Fix {
            reach,
            url: hop.url,
            preflight: None,
            actual: None,
            advice,
        });
    }
    let origin = hop.origin.clone()?;
    let preflight = hop
        .preflight
        .as_ref()
        .and_then(|exchange| preflight_patch(exchange, &origin, include));
    let actual = match (&hop.actual, cause.stage) {
        (Some(exchange), _) => exchange
            .delivered()
            .and_then(|head| actual_patch(&head, &origin, include)),
        // Never sent: only what every answer to this origin needs.
        (None, Stage::Preflight) => Some(grant_origin(&origin, include)),
        (None, _) => None,
    };
    if preflight.is_none() && actual.is_none() {
        return None;
    }
    let advice = advice(cause, &hop, preflight.as_ref(), actual.as_ref());
    Some(Fix {
        reach: Reach::Server,
        url: hop.url,
        preflight,
        actual,
        advice,
    })
}

fn no_cors(diagnosis: &Diagnosis) -> Option<Fix> {
    if diagnosis.outcome != Outcome::Opaque || diagnosis.initiator != "fetch" {
        return None;
    }
    Some(Fix {
        reach: Reach::Client,
        url: diagnosis.url.clone(),
        preflight: None,
        actual: None,
        advice: vec![
            "Remove mode: 'no-cors' from the call: with it the page can never read the answer."
                .to_owned(),
            "Then mend the CORS error that shows up on the server.".to_owned(),
        ],
    })
}

/// The step of a fetch that failed: one URL, its preflight and its actual request.
struct Hop {
    url: String,
    /// The `Origin` that was sent.
    origin: Option<String>,
    preflight: Option<Arc<Exchange>>,
    actual: Option<Arc<Exchange>>,
}

impl Hop {
    fn find(
        diagnosis: &Diagnosis,
        cause: &Cause,
        failed: Option<&Exchange>,
        exchanges: &dyn Exchanges,
    ) -> Self {
        let members = &diagnosis.fetch.members;
        let at = members
            .iter()
            .position(|m| m.exchange.is_some() && m.exchange == cause.exchange);
        let lookup = |at: usize| {
            members
                .get(at)?
                .exchange
                .and_then(|id| exchanges.exchange(id))
        };
        let (preflight, actual) = match at {
            Some(at) if members[at].role == Role::Preflight => {
                let next = members.get(at + 1).filter(|m| m.role != Role::Preflight);
                (lookup(at), next.and_then(|_| lookup(at + 1)))
            }
            Some(at) => {
                let before = at
                    .checked_sub(1)
                    .filter(|before| members[*before].role == Role::Preflight);
                (before.and_then(lookup), lookup(at))
            }
            None => (None, None),
        };
        let url = failed.map_or_else(|| diagnosis.url.clone(), |e| e.request.url.clone());
        let origin = failed
            .and_then(|e| e.request.headers.get("origin"))
            .or_else(|| diagnosis.origin.clone());
        Self {
            url,
            origin,
            preflight,
            actual,
        }
    }

    fn asked(&self, name: &str) -> Option<String> {
        self.preflight.as_ref()?.request.headers.get(name)
    }
}

// Faults that no header of the server mends rightly.
fn out_of_reach(cause: &Cause, hop: &Hop) -> Option<(Reach, Vec<String>)> {
    let advice = |reach, sentences: &[&str]| {
        Some((reach, sentences.iter().map(|s| (*s).to_owned()).collect()))
    };
    match cause.check {
        Check::NetworkError | Check::PreflightNetworkError => {
            return advice(
                Reach::None,
                &["Mend the connection first: no HTTP answer came, so no header can help."],
            );
        }
        Check::RedirectContainsCredentials => {
            return advice(
                Reach::Client,
                &[
                    "Call the final URL directly and send the credentials in a header.",
                    "Or have the server leave user name and password out of the Location.",
                ],
            );
        }
        Check::CorsDisabledScheme => {
            return advice(
                Reach::None,
                &["Have the server redirect to an http or https URL."],
            );
        }
        Check::MixedContent => {
            return advice(
                Reach::None,
                &[
                    "Have the server redirect to https: behind a TLS proxy an application often builds http URLs.",
                    "Or call the final https URL directly.",
                ],
            );
        }
        Check::CspConnectSrc => {
            return advice(
                Reach::Client,
                &["Add the API's origin to connect-src in the page's own Content-Security-Policy."],
            );
        }
        Check::BlockedByCorp => {
            return advice(
                Reach::None,
                &[
                    "Have the server send Cross-Origin-Resource-Policy: cross-origin if others may embed it.",
                ],
            );
        }
        Check::OpaqueResponseBlocked => {
            return advice(
                Reach::None,
                &[
                    "Find out why this URL answers with a document or data where the page wanted an image or a script.",
                ],
            );
        }
        Check::InvalidRedirect => {
            return advice(
                Reach::None,
                &["Mend the redirect: the browser cannot follow it."],
            );
        }
        Check::WrongResourceType => {
            return advice(
                Reach::None,
                &[
                    "Serve the file itself with its right Content-Type: an error page was answered instead.",
                ],
            );
        }
        _ => {}
    }
    if let Some(name) = misplaced_header(hop) {
        return Some((
            Reach::Client,
            vec![
                format!("Remove {name} from the request: it belongs to the server's answer."),
                "Then look again at what the server answers.".to_owned(),
            ],
        ));
    }
    if let Some((sent, right)) = wrong_case(hop) {
        return Some((
            Reach::Client,
            vec![format!(
                "Write the method as {right} in the call: methods are case-sensitive, and browsers do not correct {sent}."
            )],
        ));
    }
    if hop.origin.as_deref() == Some("null") {
        return advice(
            Reach::Client,
            &[
                "Find out why the origin is null: a redirect between other sites, a sandboxed frame, a data: or file: page.",
                "After a redirect, call the final URL directly.",
                "Do not answer with Access-Control-Allow-Origin: null: any sandboxed frame could read it.",
            ],
        );
    }
    if cause.stage == Stage::Redirect && next_origin_is_null(hop) {
        return advice(
            Reach::Client,
            &[
                "Call the final URL directly: after this redirect between other origins the browser sends Origin: null.",
                "Or have the server answer here instead of redirecting.",
            ],
        );
    }
    None
}

fn misplaced_header(hop: &Hop) -> Option<String> {
    let asked = hop.asked("access-control-request-headers")?;
    let granted = hop
        .preflight
        .as_ref()?
        .delivered()
        .map(|head| list(&head.headers, "access-control-allow-headers"));
    let granted = granted.unwrap_or_default();
    tokens(&asked).find(|name| {
        name.to_ascii_lowercase()
            .starts_with("access-control-allow-")
            && !granted
                .iter()
                .any(|g| g.eq_ignore_ascii_case(name) || g == "*")
    })
}

fn wrong_case(hop: &Hop) -> Option<(String, String)> {
    let sent = hop.asked("access-control-request-method")?;
    let right = sent.to_ascii_uppercase();
    if sent == right {
        return None;
    }
    let head = hop.preflight.as_ref()?.delivered()?;
    let granted = list(&head.headers, "access-control-allow-methods");
    if granted.contains(&sent) || granted.iter().any(|g| g == "*") {
        return None;
    }
    (right == "PATCH" || granted.contains(&right)).then_some((sent, right))
}

// Fetch § HTTP-redirect fetch, step 12: leaving one foreign origin for another taints the origin.
fn next_origin_is_null(hop: &Hop) -> bool {
    let Some(exchange) = &hop.actual else {
        return false;
    };
    let location = exchange
        .delivered()
        .and_then(|head| head.headers.get("location"));
    let (Some(location), Some(here), Some(page)) = (
        location,
        Origin::of_url(&hop.url),
        hop.origin.as_deref().and_then(Origin::from_header),
    ) else {
        return false;
    };
    let next = url::Url::parse(&hop.url)
        .and_then(|base| base.join(&location))
        .ok()
        .and_then(|url| Origin::of(&url));
    next.is_some_and(|next| !next.same_origin(&here)) && !here.same_origin(&page)
}

fn preflight_patch(exchange: &Exchange, origin: &str, include: bool) -> Option<Patch> {
    let head = exchange.delivered()?;
    let mut patch = origin_patch(&head, origin, include);
    if !head.is_ok() {
        patch.status = Some(204);
    }
    let asked = &exchange.request.headers;
    let method = asked
        .get("access-control-request-method")
        .unwrap_or_default();
    let safelisted = matches!(method.as_str(), "GET" | "HEAD" | "POST");
    let wanted: Vec<String> = (!safelisted).then_some(method).into_iter().collect();
    grant(
        &mut patch,
        &head.headers,
        ALLOW_METHODS,
        &wanted,
        include,
        |a, b| a == b,
    );
    let wanted: Vec<String> = asked
        .get("access-control-request-headers")
        .map(|names| tokens(&names).map(|n| n.to_ascii_lowercase()).collect())
        .unwrap_or_default();
    grant(
        &mut patch,
        &head.headers,
        ALLOW_HEADERS,
        &wanted,
        include,
        str::eq_ignore_ascii_case,
    );
    (!patch.is_empty()).then_some(patch)
}

fn actual_patch(head: &ResponseHead, origin: &str, include: bool) -> Option<Patch> {
    let patch = origin_patch(head, origin, include);
    (!patch.is_empty()).then_some(patch)
}

// What the CORS check wants and this head lacks (Fetch § CORS check).
fn origin_patch(head: &ResponseHead, origin: &str, include: bool) -> Patch {
    let mut patch = Patch::default();
    let allowed = head.headers.get(ALLOW_ORIGIN);
    let passes =
        allowed.as_deref() == Some(origin) || (allowed.as_deref() == Some("*") && !include);
    if !passes {
        patch.set.push((ALLOW_ORIGIN.to_owned(), origin.to_owned()));
        if !varies_by_origin(&head.headers) {
            patch.append.push(("Vary".to_owned(), "Origin".to_owned()));
        }
    }
    if include && head.headers.get(ALLOW_CREDENTIALS).as_deref() != Some("true") {
        patch
            .set
            .push((ALLOW_CREDENTIALS.to_owned(), "true".to_owned()));
    }
    patch
}

fn grant_origin(origin: &str, include: bool) -> Patch {
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

// Adds to `patch` the list header that grants what is wanted, if the one there does not. What the
// list grants to others stays in it.
fn grant(
    patch: &mut Patch,
    headers: &HeaderList,
    name: &str,
    wanted: &[String],
    include: bool,
    same: impl Fn(&str, &str) -> bool,
) {
    let listed = list(headers, name);
    let readable = listed.iter().all(|item| is_token(item));
    let star = !include && listed.iter().any(|item| item == "*");
    let granted = |want: &str| star || listed.iter().any(|item| same(item, want));
    if readable && wanted.iter().all(|want| granted(want)) {
        return;
    }
    let mut value: Vec<String> = if readable {
        listed
            .iter()
            .filter(|item| star || *item != "*")
            .cloned()
            .collect()
    } else {
        salvage(&listed)
    };
    for want in wanted {
        if !value.iter().any(|item| same(item, want)) {
            value.push(want.clone());
        }
    }
    if value.is_empty() {
        patch.remove.push(name.to_owned());
    } else {
        patch.set.push((name.to_owned(), value.join(", ")));
    }
}

// The names that were meant in a list that does not parse: `[GET, PUT]`, `GET PUT`, `a;b`.
fn salvage(listed: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for item in listed {
        for word in item.split(|c: char| c.is_ascii_whitespace() || matches!(c, ';' | '|' | '/')) {
            let word = word.trim_matches(|c: char| matches!(c, '"' | '\'' | '[' | ']' | '`'));
            if is_token(word) && word != "*" && !names.iter().any(|n| n == word) {
                names.push(word.to_owned());
            }
        }
    }
    names
}

fn list(headers: &HeaderList, name: &str) -> Vec<String> {
    headers
        .get(name)
        .map(|value| tokens(&value).collect())
        .unwrap_or_default()
}

fn tokens(value: &str) -> impl Iterator<Item = String> + '_ {
    value
        .split(',')
        .map(|item| item.trim_matches([' ', '\t']))
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
}

// RFC 9110 § 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn varies_by_origin(headers: &HeaderList) -> bool {
    list(headers, "vary")
        .iter()
        .any(|item| item == "*" || item.eq_ignore_ascii_case("origin"))
}

fn advice(
    cause: &Cause,
    hop: &Hop,
    preflight: Option<&Patch>,
    actual: Option<&Patch>,
) -> Vec<String> {
    let mut advice = Vec::new();
    if let Some(first) = cause.root.and_then(|root| first_step(root, hop)) {
        advice.push(first);
    }
    if let Some(hint) = cause.sub.and_then(hint_of_sub) {
        advice.push(hint.to_owned());
    }
    match (preflight, actual) {
        (Some(patch), _) if patch.status.is_some() => advice.push(
            "Answer OPTIONS at this URL with 204 and the headers below, before authentication, routing and redirects."
                .to_owned(),
        ),
        (Some(_), _) => {
            advice.push("Send the headers below on the answer to OPTIONS at this URL.".to_owned());
        }
        (None, _) => {}
    }
    if actual.is_some() {
        let error = hop
            .actual
            .as_ref()
            .and_then(|e| e.response.as_ref())
            .is_some_and(|head| head.status >= 400);
        advice.push(if error {
            "Send the headers on error answers too, so that the page can read the error.".to_owned()
        } else {
            "Send the headers on the answer to the request itself, whatever its status.".to_owned()
        });
    }
    let sets_origin = [preflight, actual]
        .into_iter()
        .flatten()
        .any(|patch| patch.set.iter().any(|(name, _)| name == ALLOW_ORIGIN));
    if sets_origin {
        advice.push(
            "Take the origin from a list of your own sites, compared whole; never a wildcard where cookies or tokens travel."
                .to_owned(),
        );
    }
    advice
}

fn first_step(root: Root, hop: &Hop) -> Option<String> {
    let status = hop
        .actual
        .as_ref()
        .or(hop.preflight.as_ref())
        .and_then(|e| e.response.as_ref())
        .map_or_else(|| "error".to_owned(), |head| head.status.to_string());
    Some(match root {
        Root::ServerError => {
            format!("Mend the {status} first: read the server's log for this request.")
        }
        Root::PreflightServerError => format!(
            "Mend the {status} on OPTIONS first: the handler ran for a request without a body."
        ),
        Root::GatewayError => format!(
            "Mend the {status} first: the application behind the gateway is down, slow or crashed."
        ),
        Root::AuthError => format!(
            "Look at the {status} first: the token or cookie is missing, expired or not accepted."
        ),
        Root::WrongUrl => format!("Mend the {status} first: check path, base URL and deployment."),
        Root::SpaFallback => {
            "Call the API's own URL: this one serves the front end's index.html.".to_owned()
        }
        Root::MethodNotAllowed => {
            "Use a method this URL accepts, or add a handler for this one.".to_owned()
        }
        Root::PayloadTooLarge => {
            "Send less, or raise the limit in front of the application.".to_owned()
        }
        Root::RateLimited => "Send fewer requests, or raise the limit.".to_owned(),
        Root::OtherClientError => {
            format!("Mend the {status} first: the server did not accept the request.")
        }
        Root::PreflightBlockedByAuth => {
            "Exempt OPTIONS from authentication: a preflight never carries cookies or tokens."
                .to_owned()
        }
        Root::PreflightBlockedByEdge => {
            "Let OPTIONS pass the CDN or firewall in front of the application.".to_owned()
        }
        Root::RedirectHttpToHttps
        | Root::RedirectHttpsToHttp
        | Root::RedirectTrailingSlash
        | Root::RedirectWwwApex
        | Root::RedirectLocale
        | Root::RedirectOtherHost => match redirect_target(hop) {
            Some(target) => format!("Call {target} directly: a preflight may not be redirected."),
            None => "Call the final URL directly: a preflight may not be redirected.".to_owned(),
        },
        Root::RedirectLogin => {
            "Answer API calls with 401 instead of a redirect to the login page.".to_owned()
        }
        Root::DuplicateCorsLayers => {
            "Keep CORS in one place: remove it from the application or from the proxy in front."
                .to_owned()
        }
        Root::CachedResponseWrongOrigin | Root::CachedWithoutCors => {
            "Purge the cache, and send Vary: Origin from now on.".to_owned()
        }
        Root::ThirdPartyApi => {
            "If the server is not yours, call it from your own backend instead.".to_owned()
        }
        _ => return None,
    })
}

fn redirect_target(hop: &Hop) -> Option<String> {
    let head = hop.preflight.as_ref()?.delivered()?;
    let location = head.headers.get("location")?;
    let target = url::Url::parse(&hop.url).ok()?.join(&location).ok()?;
    Some(target.to_string())
}

fn hint_of_sub(sub: &str) -> Option<&'static str> {
    Some(match sub {
        "trailing-slash" => "Remove the slash at the end of the configured origin.",
        "has-path" => "Configure only scheme, host and port, without a path.",
        "missing-scheme" => "Write the configured origin with its scheme.",
        "scheme" => "List the scheme the page really uses, or redirect the page to https.",
        "www-apex" => "List both hosts, with and without www, or redirect one to the other.",
        "port" => "List the port the page really uses; leave a default port out.",
        "case" => "Write the configured origin in lower case.",
        "localhost-alias" => "List localhost and 127.0.0.1 both, or use one of them everywhere.",
        "dev-origin-in-production" => {
            "Add the deployed page's origin to the server's configuration."
        }
        "preview-deployment" => {
            "Allow the preview host by an exact, anchored pattern of your project."
        }
        "wildcard-subdomain" => {
            "Browsers know no patterns: match the origin on the server and answer with it alone."
        }
        "idn" => "Write the host in its xn-- form.",
        "literal-null" | "placeholder" => {
            "Fill the configuration value in: it is empty or a placeholder where the server runs."
        }
        "cached-other-origin" => "Purge the cache, and send Vary: Origin from now on.",
        "list-in-one-header" => "Answer with the one origin that asked, not with the whole list.",
        "duplicate-headers" => "Keep one of the layers that add the header, remove the other.",
        _ => return None,
    })
}
