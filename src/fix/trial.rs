//! A fix made ready to be tried in flight: whose answers it is for, and what is changed in them.

use super::{Reach, suggest, suggest_for};
use crate::cors::{Check, Credentials, Outcome};
use crate::diagnose::{Diagnosis, Exchanges, Role};
use crate::wire::{End, Exchange, Origin, Patch, PathPattern};

/// A fix to be tried in flight, and nothing else: answers of one server, at one endpoint, to pages of
/// one origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The `Origin` of the requests.
    pub page: String,
    /// The server's origin.
    pub server: String,
    /// The endpoint.
    pub path: PathPattern,
    /// Edits to the answers to preflights; with a status they are answered even if the server does
    /// not.
    pub preflight: Option<Patch>,
    /// Edits to all other answers.
    pub actual: Option<Patch>,
}

impl Trial {
    /// A trial of these edits at the endpoint of a URL. Lines that keep the browser from remembering
    /// the changed answers are added, so that stopping the trial stops it. `None` if the URL is none.
    pub fn new(
        page: &str,
        url: &str,
        preflight: Option<Patch>,
        actual: Option<Patch>,
    ) -> Option<Self> {
        let server = Origin::of_url(url)?.to_string();
        let path = url::Url::parse(url).ok()?.path().to_owned();
        let unremembered = |patch: Option<Patch>, name: &str, value: &str| {
            let unremembered = Patch {
                set: vec![(name.to_owned(), value.to_owned())],
                ..Patch::default()
            };
            patch.map(|patch| patch.then(&unremembered))
        };
        Some(Self {
            page: page.to_owned(),
            server,
            path: PathPattern::of_path(&path),
            preflight: unremembered(preflight, "Access-Control-Max-Age", "0"),
            actual: unremembered(actual, "Cache-Control", "no-store"),
        })
    }

    /// Server and path, as in `https://api.app.test/v1/cart/*`.
    pub fn scope(&self) -> String {
        format!("{}{}", self.server, self.path)
    }

    /// How many header lines are changed.
    pub fn lines(&self) -> usize {
        let patches = [&self.preflight, &self.actual];
        patches.into_iter().flatten().map(Patch::lines).sum()
    }

    /// Whether it is for the same answers as another.
    pub fn is_beside(&self, other: &Self) -> bool {
        (&self.page, &self.server, &self.path) == (&other.page, &other.server, &other.path)
    }

    /// What this one and then the other do.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let both = |one: &Option<Patch>, other: &Option<Patch>| match (one, other) {
            (Some(one), Some(other)) => Some(one.then(other)),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        Self {
            preflight: both(&self.preflight, &next.preflight),
            actual: both(&self.actual, &next.actual),
            ..self.clone()
        }
    }
}

/// The fix of a diagnosis made ready to be tried; if there is none to try, why, in one sentence.
///
/// Where the wire does not tell the credentials mode, the fix for requests with credentials is taken:
/// it serves those without as well.
pub fn trial(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> Result<Trial, String> {
    let with = (diagnosis.credentials == Credentials::Unknown)
        .then(|| suggest_for(diagnosis, true, exchanges))
        .flatten()
        .filter(|fix| fix.reach == Reach::Server);
    let fix = with.or_else(|| suggest(diagnosis, exchanges));
    let asked = asked(diagnosis, exchanges);
    if let Some(fix) = fix.as_ref().filter(|fix| fix.reach == Reach::Server) {
        let sent = asked.iter().find(|e| e.request.url == fix.url);
        let page = sent
            .and_then(|e| e.request.headers.get("origin"))
            .or_else(|| diagnosis.origin.clone());
        let page = page.ok_or("nothing tells which origin the page has, so no fix can be tried")?;
        return Trial::new(&page, &fix.url, fix.preflight.clone(), fix.actual.clone())
            .ok_or_else(|| format!("{} names no server whose answers could be changed", fix.url));
    }
    if let Some(preflight) = unanswered(diagnosis, &asked)
        && let Some(trial) = in_its_place(diagnosis, preflight)
    {
        return Ok(trial);
    }
    Err(match (fix, diagnosis.outcome) {
        (Some(fix), _) => {
            let first = fix.advice.first().map(|advice| advice.text().to_owned());
            let first = first.unwrap_or_default();
            format!("no header of the server mends this: {first}")
        }
        (None, Outcome::Allowed | Outcome::Exempt) => {
            "this was not blocked, so there is nothing to try".to_owned()
        }
        (None, Outcome::Pending) => "this is not over yet; try again when it is".to_owned(),
        (None, _) => "there is no fix of header lines for this one".to_owned(),
    })
}

fn asked(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> Vec<std::sync::Arc<Exchange>> {
    let ids = diagnosis.fetch.exchanges();
    ids.filter_map(|id| exchanges.exchange(id)).collect()
}

/// The preflight that no answer came to.
fn unanswered<'a>(
    diagnosis: &Diagnosis,
    asked: &'a [std::sync::Arc<Exchange>],
) -> Option<&'a Exchange> {
    let failed = diagnosis
        .cause
        .as_ref()
        .is_some_and(|cause| cause.check == Check::PreflightNetworkError);
    let last = diagnosis.fetch.members.iter().rev();
    let last = last
        .into_iter()
        .find_map(|m| m.exchange.map(|id| (m.role, id)));
    let (Role::Preflight, id) = last? else {
        return None;
    };
    let exchange = asked.iter().find(|e| e.id == id)?;
    let hangs = matches!(exchange.end, End::Open | End::Aborted);
    (exchange.delivered().is_none() && (failed || hangs)).then_some(exchange)
}

/// Everything the preflight asked for, granted to this origin alone.
fn in_its_place(diagnosis: &Diagnosis, preflight: &Exchange) -> Option<Trial> {
    let headers = &preflight.request.headers;
    let origin = headers.get("origin").filter(|origin| origin != "null")?;
    let mut grant = Patch {
        status: Some(204),
        set: vec![("Access-Control-Allow-Origin".to_owned(), origin.clone())],
        append: vec![("Vary".to_owned(), "Origin".to_owned())],
        remove: Vec::new(),
    };
    if diagnosis.credentials != Credentials::NotInclude {
        let name = "Access-Control-Allow-Credentials".to_owned();
        grant.set.push((name, "true".to_owned()));
    }
    let actual = Patch {
        status: None,
        ..grant.clone()
    };
    for (wanted, granted) in [
        (
            "access-control-request-method",
            "Access-Control-Allow-Methods",
        ),
        (
            "access-control-request-headers",
            "Access-Control-Allow-Headers",
        ),
    ] {
        let wanted = headers.get(wanted).filter(|value| !value.is_empty());
        grant
            .set
            .extend(wanted.map(|value| (granted.to_owned(), value)));
    }
    Trial::new(&origin, &preflight.request.url, Some(grant), Some(actual))
}
