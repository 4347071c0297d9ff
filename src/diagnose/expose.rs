//! Which headers of an answer its page reads.

use crate::cors::{Browser, Credentials, Exposed, Outcome, basic_headers, exposed_headers};
use crate::wire::{HeaderList, Origin};

use super::diagnosis::{Branch, Diagnosis};
use super::infer::{SAME_ORIGIN, value};
use super::subject::Subject;

/// Which response headers script can read.
pub(super) fn expose(
    subject: &Subject<'_>,
    stored: &[Option<HeaderList>],
    diagnosis: &mut Diagnosis,
) {
    let Some(head) = subject
        .last()
        .and_then(|h| h.actual.as_ref())
        .and_then(|s| s.head.as_ref())
    else {
        return;
    };
    let headers = stored
        .last()
        .and_then(Option::as_ref)
        .unwrap_or(&head.headers);
    let Exposed { exposed, hidden } = match diagnosis.outcome {
        // What script can read if it can: the mode in which it can is the one that counts.
        Outcome::Depends => {
            let allowed = |branch: &Option<Branch>| {
                branch
                    .as_ref()
                    .is_some_and(|b| b.outcome == Outcome::Allowed)
            };
            let include = allowed(&diagnosis.when_include);
            if !include && !allowed(&diagnosis.when_not_include) {
                return;
            }
            exposed_headers(headers, include)
        }
        Outcome::Allowed => {
            // Where nothing tells, a server that allows credentials is taken to get them: what is
            // listed is readable for sure, what `*` exposes is not.
            let allows = headers.combined("access-control-allow-credentials");
            match diagnosis.credentials {
                Credentials::Include => exposed_headers(headers, true),
                Credentials::NotInclude => exposed_headers(headers, false),
                Credentials::Unknown if !headers.contains("access-control-expose-headers") => {
                    exposed_headers(headers, false)
                }
                Credentials::Unknown => {
                    let with = exposed_headers(headers, true);
                    let without = exposed_headers(headers, false);
                    let unsure = without.exposed.iter();
                    let unsure = unsure.filter(|name| !with.exposed.contains(name));
                    diagnosis.exposed_unless_included = unsure.cloned().collect();
                    let include = !firefox_would_tell(subject) && allows.as_deref() == Some("true");
                    if include { with } else { without }
                }
            }
        }
        Outcome::Exempt if diagnosis.exempt_because == Some(SAME_ORIGIN) => basic_headers(headers),
        _ => return,
    };
    diagnosis.exposed_headers = Some(exposed);
    diagnosis.hidden_headers = hidden;
}

/// Whether this is a request on which Firefox, but for workers and `keepalive`, tells that credentials are
/// included: to another site, not after a redirect (recorded on 153). A hint, no proof.
fn firefox_would_tell(subject: &Subject<'_>) -> bool {
    let [hop] = subject.hops else { return false };
    let Some(step) = hop.actual.as_ref() else {
        return false;
    };
    let request = &step.exchange.request;
    let page = subject.page.as_deref().and_then(Origin::of_url);
    let apart = page
        .zip(Origin::of_url(&request.url))
        .is_some_and(|(page, target)| !page.schemelessly_same_site(&target));
    subject.browser == Browser::Firefox
        && value(&request.headers, "sec-fetch-site") == "cross-site"
        && apart
}
