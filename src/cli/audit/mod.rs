//! `audit`: the checklist before a deployment, by asking the live server. Only what reads is sent:
//! `GET`, and preflights whose requests never follow.

mod printing;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use url::Url;

use self::printing::{document, text};
use super::args::LineFormat;
use super::asking::{self, ReachArgs, Secrets};
use super::check::{Answered, Asking};
use super::exit::Exit;
use super::output;
use crate::cors::{Browser, Outcome};
use crate::diagnose::{Diagnosis, Severity};
use crate::replay::{Edit, Plan};
use crate::report::Redacted;
use crate::wire::{HeaderList, Origin, is_loopback_host};

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

/// One probe and its answer.
struct Seen<'a> {
    plan: &'a Plan,
    diagnosis: &'a Diagnosis,
    status: u16,
    headers: &'a HeaderList,
    hops: usize,
}

impl Seen<'_> {
    fn item(
        &self,
        id: &'static str,
        severity: Option<Severity>,
        said: String,
        advice: &'static str,
    ) -> Item {
        Item {
            id,
            severity,
            unseen: false,
            origin: Some(self.plan.page().to_string()),
            said,
            advice,
        }
    }

    fn allow_origin(&self) -> Option<String> {
        self.headers.get("access-control-allow-origin")
    }

    fn with_credentials(&self) -> bool {
        self.headers
            .get("access-control-allow-credentials")
            .as_deref()
            == Some("true")
    }

    /// Whether the very origin that asked is named.
    fn lets_in(&self) -> bool {
        self.allow_origin().as_deref() == Some(self.plan.page().to_string().as_str())
    }

    fn own(&self, args: &AuditArgs, items: &mut Vec<Item>) {
        let page = self.plan.page();
        let allowed = matches!(self.diagnosis.outcome, Outcome::Allowed | Outcome::Exempt);
        let said = match &self.diagnosis.cause {
            Some(cause) => format!("{page} is kept out: {}", cause.check.id()),
            None => format!("{page} may read the answer ({})", self.status),
        };
        let advice = "corscope check URL --origin ORIGIN says which header lines are missing.";
        items.push(self.item(
            "own-origin-allowed",
            (!allowed).then_some(Severity::Error),
            said,
            advice,
        ));
        if self.hops > 1 {
            let said = "the URL redirects: requests that need a preflight fail there".to_owned();
            let advice = "Let the pages call the final URL.";
            items.push(self.item("redirect", Some(Severity::Warn), said, advice));
        }
        let star = self.allow_origin().as_deref() == Some("*");
        let (severity, said) = if star && self.with_credentials() {
            (
                Some(Severity::Error),
                "* together with Allow-Credentials: true, which no browser accepts",
            )
        } else if star && args.credentials {
            (
                Some(Severity::Error),
                "* where cookies travel: browsers refuse that",
            )
        } else if star {
            (
                Some(Severity::Warn),
                "*: every site may read the answers; fine only for public data",
            )
        } else {
            (None, "no wildcard")
        };
        let advice = "Name your own origins from a list, compared whole.";
        items.push(self.item("wildcard-origin", severity, said.to_owned(), advice));
        if self.allow_origin().is_some() && !star {
            let vary = self.headers.get("vary").unwrap_or_default();
            let has = vary
                .split(',')
                .any(|v| v.trim() == "*" || v.trim().eq_ignore_ascii_case("origin"));
            let said = if has {
                "Vary: Origin is there"
            } else {
                "Vary: Origin is missing: a cache may give one origin's answer to another"
            };
            let advice = "Send Vary: Origin with every answer whose Allow-Origin is computed.";
            items.push(self.item(
                "missing-vary-origin",
                (!has).then_some(Severity::Warn),
                said.to_owned(),
                advice,
            ));
        }
    }

    fn preflight(&self, method: &str, args: &AuditArgs, items: &mut Vec<Item>) {
        let needed = !args.method.is_empty() || !args.headers.is_empty();
        let cause = self.diagnosis.cause.as_ref();
        let answered = (200..300).contains(&self.status);
        let severity = match cause {
            None => None,
            Some(_) if needed || !answered => Some(Severity::Error),
            // Nobody said that it has to be granted.
            Some(_) => Some(Severity::Info),
        };
        let said = match cause {
            None => format!("the preflight for {method} passes ({})", self.status),
            Some(cause) => {
                let missing = cause.missing.join(", ");
                let what = if missing.is_empty() {
                    String::new()
                } else {
                    format!(" ({missing})")
                };
                format!(
                    "the preflight for {method} is answered {} and fails: {}{what}",
                    self.status,
                    cause.check.id()
                )
            }
        };
        let advice =
            "Answer OPTIONS with 204 and the CORS headers, before authentication and redirects.";
        items.push(self.item("preflight", severity, said, advice));
        if cause.is_none() {
            let told = self.headers.get("access-control-max-age");
            let said = match &told {
                Some(seconds) => format!("preflights are remembered for {seconds} s"),
                None => {
                    "Access-Control-Max-Age is missing: each preflight is asked again after 5 s"
                        .to_owned()
                }
            };
            let severity = told.is_none().then_some(Severity::Info);
            items.push(self.item(
                "no-max-age",
                severity,
                said,
                "Send Access-Control-Max-Age: 600 with preflight answers.",
            ));
        }
    }

    fn missing(&self) -> Item {
        let advice = "Send the CORS headers with every answer, errors included.";
        let id = "error-response-without-cors";
        if self.status < 400 {
            let said = format!(
                "a path that should not exist was answered {}: no error to look at",
                self.status
            );
            let mut item = self.item(id, None, said, advice);
            item.unseen = true;
            return item;
        }
        let readable = matches!(self.diagnosis.outcome, Outcome::Allowed | Outcome::Exempt);
        let said = if readable {
            format!("errors ({}) are readable too", self.status)
        } else {
            format!(
                "the {} answer has no usable CORS headers: pages see a CORS error instead",
                self.status
            )
        };
        self.item(id, (!readable).then_some(Severity::Warn), said, advice)
    }

    fn stranger(&self, id: &'static str, who: &str) -> Item {
        let page = self.plan.page();
        let severity = match (self.lets_in(), self.with_credentials()) {
            (false, _) => None,
            (true, true) => Some(Severity::Risk),
            (true, false) => Some(Severity::Warn),
        };
        let said = match severity {
            None => format!("{page} is not let in"),
            Some(Severity::Risk) => format!("{page} is let in with the visitor's cookies: {who}"),
            Some(_) => format!("{page} is let in, without cookies: {who}"),
        };
        self.item(
            id,
            severity,
            said,
            "Compare the whole Origin with a list of your own; never reflect it, never allow null.",
        )
    }
}
