//! `audit`: the checklist before a deployment, by asking the live server. Only what reads is sent:
//! `GET`, and preflights whose requests never follow.

mod printing;
mod seen;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use url::Url;

use self::printing::{document, text};
use self::seen::Seen;
use super::args::LineFormat;
use super::asking::{self, ReachArgs, Secrets};
use super::check::{Answered, Asking};
use super::exit::Exit;
use super::output;
use crate::cors::Browser;
use crate::diagnose::Severity;
use crate::replay::{Edit, Plan};
use crate::report::Redacted;
use crate::wire::{Origin, is_loopback_host};

/// Origins that nobody can have (RFC 2606): whoever lets them in lets anybody in.
const STRANGER: &str = "https://stranger.invalid";

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope audit https://api.app.test/v1/me --origin https://app.test --credentials
  corscope audit https://api.app.test/v1/cart --origin https://app.test -X PUT -H authorization

Only GET and preflights are sent; -X and -H say what your pages need, so that the preflight is asked
for it. Exit status: 0 nothing bad was found, 1 an error or a risk was, 2 corscope could not ask.")]
pub(super) struct AuditArgs {
    /// URL of the API, best one that answers GET
    pub(super) url: String,
    /// Origin of your own page; repeatable: www and apex, preview, staging
    #[arg(long, value_name = "ORIGIN", required = true)]
    pub(super) origin: Vec<String>,
    /// Method that your pages use; repeatable
    #[arg(short = 'X', long = "method", value_name = "METHOD")]
    pub(super) method: Vec<String>,
    /// Name of a header that your pages set; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME")]
    pub(super) headers: Vec<String>,
    /// Your pages send cookies: fetch(url, {credentials: 'include'})
    #[arg(long)]
    pub(super) credentials: bool,
    /// How to print the findings: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: LineFormat,
    #[command(flatten)]
    pub(super) reach: ReachArgs,
}

/// What a probe is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Probe {
    Own,
    Preflight(String),
    Missing,
    Stranger,
    Null,
    Trick(&'static str),
    Http,
    Development,
}

/// One point of the checklist.
struct Item {
    id: &'static str,
    /// `None`: it is as it should be.
    severity: Option<Severity>,
    /// It did not show.
    unseen: bool,
    origin: Option<String>,
    said: String,
    advice: &'static str,
}

pub(super) async fn run(args: &AuditArgs) -> Result<Exit> {
    let url = asking::server(&args.url)?;
    let mut origins = Vec::new();
    for typed in &args.origin {
        let (origin, said) = asking::origin(typed)?;
        if let Some(said) = said {
            output::say(&said);
        }
        if origin.is_opaque() {
            bail!("null is nobody's own origin; give your page's, such as https://app.test");
        }
        origins.push(origin);
    }
    let mut probes = probes(args, &url, &origins)?;
    for (_, plan) in &mut probes {
        plan.limits = args.reach.limits();
    }
    let courier = args.reach.courier()?;
    let plans: Vec<Plan> = probes.iter().map(|(_, plan)| plan.clone()).collect();
    let answered = Asking::start(&courier)?.ask_all(&plans).await?;
    if let Some(failure) = answered.failure() {
        bail!("the server could not be asked: {}", failure.detail);
    }
    let secrets = Secrets::of(&plans)?;
    let redacted = Redacted::new(&answered.reader, secrets.redactor());
    let items = items(args, &url, &probes, &answered, &redacted);
    let shown = secrets.redactor().url(url.as_str());
    let text = match args.format {
        LineFormat::Text => text(&shown, &items),
        LineFormat::Json => format!("{}\n", document(&shown, &origins, &items)),
    };
    let text = secrets.hidden(text);
    match args.format {
        LineFormat::Text => output::prose(&text)?,
        LineFormat::Json => output::data(&text)?,
    }
    let bad = items.iter().filter(|i| i.severity >= Some(Severity::Risk));
    Ok(Exit::of_blocked(bad.count() as u64))
}

fn probes(args: &AuditArgs, url: &Url, origins: &[Origin]) -> Result<Vec<(Probe, Plan)>> {
    let get = |origin: &Origin, url: &Url, include| {
        let mut plan = Plan::new(Browser::Chromium, origin.clone(), url.clone());
        plan.include = Some(include);
        plan
    };
    let mut probes = Vec::new();
    for origin in origins {
        // Refused here if no browser would ask at all, as from https to http.
        let own = get(origin, url, args.credentials).edited(&Edit::default())?;
        probes.push((Probe::Own, own.clone()));
        let methods: Vec<&str> = match &args.method[..] {
            [] => vec!["PUT"],
            methods => methods.iter().map(String::as_str).collect(),
        };
        for method in methods {
            let headers = args.headers.iter().map(|h| {
                let name = h.split(':').next().unwrap_or_default().trim();
                (name.to_owned(), Some("(audit)".to_owned()))
            });
            let edit = Edit {
                method: Some(method.to_owned()),
                headers: headers.collect(),
                ..Edit::default()
            };
            let plan = own.clone().edited(&edit)?;
            if plan.needs_preflight() {
                let method = plan.method().to_owned();
                probes.push((Probe::Preflight(method), plan.preflight_only()));
            }
        }
        let mut missing = url.clone();
        missing.set_query(None);
        let path = format!(
            "{}/corscope-audit-no-such-path",
            url.path().trim_end_matches('/')
        );
        missing.set_path(&path);
        probes.push((Probe::Missing, get(origin, &missing, args.credentials)));
    }
    let mut stranger = |probe, text: &str| {
        if let Some(origin) = Origin::from_header(text).filter(|o| !origins.contains(o)) {
            probes.push((probe, get(&origin, url, true)));
        }
    };
    stranger(Probe::Stranger, STRANGER);
    stranger(Probe::Null, "null");
    if let Some(first) = origins.first() {
        let host = first.host();
        if host.contains('.') && host.parse::<std::net::Ipv4Addr>().is_err() {
            stranger(
                Probe::Trick("a host that begins with yours"),
                &format!("https://{host}.stranger.invalid"),
            );
            stranger(
                Probe::Trick("a host that ends with yours"),
                &format!("https://stranger{host}"),
            );
            let dotless = host.replacen('.', "x", 1);
            stranger(
                Probe::Trick("any character in place of a dot"),
                &format!("https://{dotless}"),
            );
        }
        if first.scheme() == "https" {
            stranger(
                Probe::Http,
                &first.to_string().replacen("https:", "http:", 1),
            );
        }
    }
    if !url.host_str().is_some_and(is_loopback_host) {
        stranger(Probe::Development, "http://localhost:3000");
    }
    Ok(probes)
}

fn items(
    args: &AuditArgs,
    url: &Url,
    probes: &[(Probe, Plan)],
    answered: &Answered,
    redacted: &Redacted<'_>,
) -> Vec<Item> {
    let mut items = vec![https(url)];
    let mut reflects = false;
    for ((probe, plan), run) in probes.iter().zip(&answered.runs) {
        let Some(diagnosis) = answered.diagnosis(run, redacted) else {
            continue;
        };
        let exchange = run.sent.last().and_then(|id| answered.reader.exchange(*id));
        let Some(head) = exchange.and_then(|e| e.response.clone()) else {
            continue;
        };
        let seen = Seen {
            plan,
            diagnosis: &diagnosis,
            status: head.status,
            headers: &head.headers,
            hops: run.sent.len(),
        };
        match probe {
            Probe::Own => seen.own(args, &mut items),
            Probe::Preflight(method) => seen.preflight(method, args, &mut items),
            Probe::Missing => items.push(seen.missing()),
            Probe::Stranger => {
                reflects = seen.lets_in();
                items.push(seen.stranger("reflects-any-origin", "anybody"));
            }
            Probe::Null => items.push(seen.stranger(
                "null-origin-allowed",
                "null, which any sandboxed page can have",
            )),
            // Who lets anybody in is told so once.
            Probe::Trick(_) | Probe::Http | Probe::Development if reflects => {}
            Probe::Trick(how) => items.push(seen.stranger("overbroad-origin-match", how)),
            Probe::Http => {
                items.push(seen.stranger("http-origin-allowed", "your page without TLS"));
            }
            Probe::Development => {
                let mut item =
                    seen.stranger("dev-origin-allowed-in-production", "a development server");
                item.severity = item.severity.map(|_| Severity::Warn);
                items.push(item);
            }
        }
    }
    items
}

fn https(url: &Url) -> Item {
    let bad = url.scheme() == "http" && !url.host_str().is_some_and(is_loopback_host);
    Item {
        id: "https",
        severity: bad.then_some(Severity::Error),
        unseen: false,
        origin: None,
        said: if bad {
            "the API is on http: pages on https cannot call it, and anybody on the way reads along"
                .to_owned()
        } else {
            "the API is on https, or on this machine".to_owned()
        },
        advice: "Serve the API over https.",
    }
}
