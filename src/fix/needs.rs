//! What a lasting configuration has to grant, for snippets: the fix itself has only what the one
//! fetch lacked.

use crate::diagnose::{Demand, Diagnosis};
use crate::wire::{Origin, is_loopback_host};

/// What the server's configuration has to allow at the endpoint of a fix: what this fetch and others
/// of the session asked for, together with what the answers grant already. No wildcard, no `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Origins for the allow-list, serialised, the failed fetch's first.
    pub origins: Vec<String>,
    /// Methods in upper case where they are known ones; `GET`, `HEAD` and `POST` among them where
    /// they were seen, although no browser needs them listed.
    pub methods: Vec<String>,
    /// Names of request headers, lower case, sorted.
    pub headers: Vec<String>,
    /// Names of response headers that are exposed already and should stay so, lower case.
    pub expose: Vec<String>,
    /// Whether cookies or HTTP authentication travel.
    pub credentials: bool,
}

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl Needs {
    /// What this diagnosis shows; `include` is the credentials mode the fix is for.
    pub(super) fn of(diagnosis: &Diagnosis, include: bool) -> Self {
        let nothing = Demand::default();
        let demand = diagnosis.demand.as_deref().unwrap_or(&nothing);
        let origins = demand.origins.iter().enumerate();
        let origins = origins.filter(|(at, origin)| listable(origin, *at == 0));
        let mut methods: Vec<String> = Vec::new();
        for method in &demand.methods {
            let upper = method.to_ascii_uppercase();
            let known = METHODS.contains(&upper.as_str());
            let method = if known { upper } else { method.clone() };
            if method != "OPTIONS" && !methods.contains(&method) {
                methods.push(method);
            }
        }
        methods.sort_by_key(|m| METHODS.iter().position(|known| known == m).unwrap_or(99));
        let mut headers = demand.headers.clone();
        headers.retain(|name| !name.starts_with("access-control-"));
        headers.sort_unstable();
        Self {
            origins: origins.map(|(_, origin)| origin.clone()).collect(),
            methods,
            headers,
            expose: demand.exposed.clone(),
            credentials: include || demand.credentials,
        }
    }
}

/// Plain http only on this machine, unless it is the very origin that failed.
fn listable(origin: &str, first: bool) -> bool {
    match Origin::from_header(origin) {
        None | Some(Origin::Opaque) => false,
        Some(tuple) => first || tuple.scheme() != "http" || is_loopback_host(tuple.host()),
    }
}
