//! What pages were seen to ask of an endpoint, and what its answers grant already: what a lasting
//! configuration of the server has to cover, beyond the one fetch that failed.

use crate::cors::{Ask, Credentials, is_token, unsafe_header_names};
use crate::wire::{Exchange, HeaderList, Origin, ResponseHead, is_loopback_host};

use super::endpoint::endpoint_of;
use super::infer::{credentials_of, engine};
use super::steps::HopSteps;
use super::subject::Subject;

/// What was asked of one endpoint (host and path, ids left open) by pages of the same owner, in the
/// order of first sighting, the failed fetch first. Only what the wire shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Origins of the pages: the one that failed, and others seen calling the host that the server
    /// lets in by name already, or that are of the same site, or both on this machine.
    pub origins: Vec<String>,
    /// Methods, asked for or granted; letter case as on the wire.
    pub methods: Vec<String>,
    /// Names of request headers that need a grant, lower case, asked for or granted.
    pub headers: Vec<String>,
    /// Names of response headers that answers expose already.
    pub exposed: Vec<String>,
    /// Whether any of these requests was seen to carry credentials.
    pub credentials: bool,
}

/// What one cross-origin exchange asks for and what its answer grants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    asks: Vec<String>,
    credentials: bool,
    methods: Vec<String>,
    headers: Vec<String>,
    exposes: Vec<String>,
}

impl Wish {
    /// How many names of each list are kept: more is no configuration but noise.
    const NAMES_MAX: usize = 64;

    pub(crate) fn of(exchange: &Exchange, response: Option<&ResponseHead>) -> Self {
        let request = &exchange.request;
        let preflight = request.is_preflight();
        let browser = engine(&request.headers, None).unwrap_or_default();
        let asks = if preflight {
            let ask = Ask::of(&request.headers).unwrap_or_default();
            ask.headers.into_iter().filter(|n| is_token(n)).collect()
        } else {
            unsafe_header_names(browser, &request.headers)
        };
        let told = credentials_of(exchange, browser, None);
        let granted =
            |name, lower| response.map_or_else(Vec::new, |r| names(&r.headers, name, lower));
        let mut wish = Self {
            asks,
            credentials: told == Credentials::Include,
            methods: granted("access-control-allow-methods", false),
            headers: granted("access-control-allow-headers", true),
            exposes: granted("access-control-expose-headers", true),
        };
        for list in [
            &mut wish.asks,
            &mut wish.methods,
            &mut wish.headers,
            &mut wish.exposes,
        ] {
            list.truncate(Self::NAMES_MAX);
        }
        wish
    }
}

/// What a list header grants by name; nothing where one of its items is no token, which voids it.
fn names(headers: &HeaderList, name: &str, lower: bool) -> Vec<String> {
    let value = headers.combined(name).unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for item in value.split(',').map(str::trim).filter(|i| !i.is_empty()) {
        if !is_token(item) {
            return Vec::new();
        }
        if item != "*" {
            names.push(if lower {
                item.to_ascii_lowercase()
            } else {
                item.to_owned()
            });
        }
    }
    names
}

/// What is asked of the endpoint that a hop of this fetch failed at.
pub(super) fn of(subject: &Subject<'_>, hop: &HopSteps) -> Demand {
    let mut demand = Demand::default();
    let Some(step) = hop.head_step() else {
        return demand;
    };
    let url = &step.exchange.request.url;
    let Some(page) = step.exchange.request.headers.get("origin") else {
        return demand;
    };
    if page != "null" {
        demand.origins.push(page.clone());
    }
    for step in [&hop.preflight, &hop.actual].into_iter().flatten() {
        let wish = Wish::of(&step.exchange, step.head.as_ref());
        let method = if step.exchange.request.is_preflight() {
            hop.ask.as_ref().map(|ask| ask.method.clone())
        } else {
            Some(step.exchange.request.method.clone())
        };
        demand.add(method.unwrap_or_default().as_str(), &wish);
    }
    demand.credentials |= subject.credentials == Credentials::Include;
    let endpoint = endpoint_of(url);
    let own = subject.ids();
    let mut kin: Vec<(&str, bool)> = vec![(&page, true)];
    for sighting in subject.around.of_host(url).filter(|s| !own.contains(&s.id)) {
        let (Some(wish), Some(origin)) = (&sighting.wish, sighting.origin.as_deref()) else {
            continue;
        };
        let known = kin.iter().find(|(known, _)| *known == origin);
        let related = known.map_or_else(|| is_kin(origin, &page), |(_, related)| *related);
        if known.is_none() {
            kin.push((origin, related));
        }
        // By name, not because everybody may.
        let named = origin != "null" && sighting.allow_origin.as_deref() == Some(origin);
        if !(related || named) {
            continue;
        }
        add(&mut demand.origins, origin);
        if sighting.endpoint == endpoint {
            demand.add(&sighting.method, wish);
        }
    }
    demand
}

/// Whether an origin seen calling the same host belongs on the same list as the page's: a stranger's
/// page that happened to be open does not.
fn is_kin(origin: &str, page: &str) -> bool {
    let (Some(a), Some(b)) = (Origin::from_header(origin), Origin::from_header(page)) else {
        return false;
    };
    let here = is_loopback_host(a.host()) && is_loopback_host(b.host());
    let secure = a.scheme() == "https" || b.scheme() != "https";
    !a.is_opaque() && (here || (secure && a.schemelessly_same_site(&b)))
}

impl Demand {
    /// How many names each list has at most.
    const NAMES_MAX: usize = 512;

    fn add(&mut self, method: &str, wish: &Wish) {
        if is_token(method) {
            add(&mut self.methods, method);
        }
        for name in &wish.methods {
            add(&mut self.methods, name);
        }
        for name in wish.asks.iter().chain(&wish.headers) {
            add(&mut self.headers, name);
        }
        for name in &wish.exposes {
            add(&mut self.exposed, name);
        }
        self.credentials |= wish.credentials;
    }
}

fn add(list: &mut Vec<String>, name: &str) {
    let known = list.len() >= Demand::NAMES_MAX || list.iter().any(|known| known == name);
    if !name.is_empty() && !known {
        list.push(name.to_owned());
    }
}
