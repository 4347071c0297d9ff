//! `replay`: does a recorded fetch again, as the browser and as curl, and says what is different.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args as ClapArgs, ValueEnum};
use serde_json::{Value, json};

use super::args::{BrowserName, Format};
use super::asking::{ReachArgs, RequestArgs, Secrets};
use super::contrast;
use super::exit::Exit;
use super::{diagnose, input, output};
use crate::capture::Recorder;
use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Exchanges, Surroundings, diagnose as judge};
use crate::proxy::Courier;
use crate::replay::{self, Edit, Ending, Manner, Plan, Ran, Unrepeatable};
use crate::report::{self, Redacted, Servers};
use crate::session::{self, Reader, Row, Session};
use crate::wire::{Exchange, ExchangeId, Failure, Origin, Side};

/// How many of the file's last requests are looked at for what they say about the servers asked.
const ROWS_LOOKED_AT_MAX: u64 = 20_000;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope replay cart.corscope 14                    as the browser did, judged at each step
  corscope replay cart.corscope 14 --as both          and as curl would: why it works in Postman
  corscope replay devtools.har 3 -X PATCH -H 'Authorization: Bearer ...' --yes

ID is the number of any request of the fetch, as printed: (#14). FILE stays as it is.
Secrets of the recording are sent and never printed.
Exit status: 0 the browser lets it through, 1 it blocks it, 2 corscope could not do it.")]
pub(super) struct ReplayArgs {
    /// A recorded session, or a HAR file of any tool
    pub(super) file: PathBuf,
    /// Number of the request
    pub(super) id: String,
    /// As whom: browser, curl or both
    #[arg(
        long = "as",
        value_name = "WHOM",
        default_value = "browser",
        hide_possible_values = true
    )]
    pub(super) manner: Whom,
    /// Which browser to play: chromium, firefox or safari [default: the recorded one]
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub(super) browser: Option<BrowserName>,
    #[command(flatten)]
    pub(super) request: RequestArgs,
    /// Another URL, or a path on the same server
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// Do not ask before sending what may change data on the server
    #[arg(short = 'y', long)]
    pub(super) yes: bool,
    /// Keep what was sent and answered in this new session file
    #[arg(long, value_name = "NEW")]
    pub(super) out: Option<PathBuf>,
    /// How to print the verdict
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) reach: ReachArgs,
}

/// As whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Whom {
    Browser,
    Curl,
    Both,
}

impl Whom {
    fn manners(self) -> &'static [Manner] {
        match self {
            Self::Browser => &[Manner::Browser],
            Self::Curl => &[Manner::Curl],
            Self::Both => &[Manner::Browser, Manner::Curl],
        }
    }
}

pub(super) async fn run(args: &ReplayArgs) -> Result<Exit> {
    let loaded = input::load(&args.file, None)?;
    let before = recorded(&loaded.reader, args)?;
    let plan = plan(&loaded.reader, &before, args)?;
    let plans = as_whom(&plan, args.manner)?;
    if plan.has_side_effects() && !args.yes {
        consent(&plan, plans.len())?;
    }
    let courier = args.reach.courier()?;
    let done = send(&plans, &courier, loaded.reader, args.out.as_deref()).await?;
    done.print(&before, args.format)
}

/// The fetch that is meant.
fn recorded(reader: &Reader, args: &ReplayArgs) -> Result<Diagnosis> {
    let file = args.file.display();
    let typed = args.id.trim_start_matches('#');
    let id: u64 = typed.parse().map_err(|_| {
        anyhow!(
            "\"{}\" is no number of a request; corscope diagnose {file} prints them as (#14)",
            args.id
        )
    })?;
    let fetch = reader.fetch_of(ExchangeId(id));
    let found = fetch.and_then(|fetch| reader.diagnosis(fetch));
    found.with_context(|| {
        let first = reader.first_id().0;
        match reader.len() as u64 {
            0 => format!("{file} holds no request at all"),
            len => format!(
                "{file} has no request #{id}; its requests are #{first} to #{}",
                first + len - 1
            ),
        }
    })
}

/// What the browser did, read back.
pub(super) fn plan_of(reader: &Reader, before: &Diagnosis) -> Result<Plan, Unrepeatable> {
    let body = |id: ExchangeId| {
        let kept = reader.exchange(id)?.request_body.kept_bytes;
        let at_most = usize::try_from(kept).ok()?;
        reader.body(id, Side::Request, 0, at_most).ok()
    };
    replay::plan_of(before, reader, &body)
}

fn plan(reader: &Reader, before: &Diagnosis, args: &ReplayArgs) -> Result<Plan> {
    let mut plan = plan_of(reader, before)?;
    let mut edit: Edit = args.request.edit()?;
    edit.url.clone_from(&args.url);
    edit.browser = args.browser.map(Into::into);
    // A cookie is no header that script sets.
    let mut cookie = None;
    edit.headers.retain(|(name, value)| {
        let is_cookie = name.eq_ignore_ascii_case("cookie");
        if is_cookie {
            cookie.clone_from(value);
        }
        !is_cookie
    });
    plan = plan.edited(&edit)?;
    if let Some(cookie) = cookie {
        plan = plan.with_cookies(&cookie);
    }
    plan.limits = args.reach.limits();
    Ok(plan)
}

/// The plan in each manner that was asked for; refused where it would send nothing at all.
fn as_whom(plan: &Plan, whom: Whom) -> Result<Vec<Plan>> {
    let unknown = plan.unknown().join(" and ");
    if plan.manner == Manner::Curl && whom != Whom::Curl {
        bail!(
            "that request was not made by a browser, and no page is known that would; use --as curl, \
             or corscope check {} --origin ORIGIN",
            plan.url()
        );
    }
    let plans: Vec<Plan> = whom
        .manners()
        .iter()
        .map(|manner| {
            let mut plan = plan.clone();
            plan.manner = *manner;
            plan
        })
        .collect();
    if !unknown.is_empty() && !plans.iter().any(Plan::needs_preflight) {
        bail!(
            "the {} cannot be sent again: {unknown} of it was never recorded; give it with -H \
             'NAME: VALUE' or --data",
            plan.method()
        );
    }
    Ok(plans)
}

/// Asks a person at a terminal; nobody else can be asked.
fn consent(plan: &Plan, times: usize) -> Result<()> {
    let twice = if times > 1 { " (twice)" } else { "" };
    let secrets = Secrets::of([plan])?;
    let url = secrets.redactor().url(plan.url().as_str());
    let what = format!("{} {url}", plan.method());
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        bail!("{what} may change data on the server and was not sent; add --yes to send it{twice}");
    }
    let mut err = io::stderr().lock();
    let _ = write!(
        err,
        "{what} may change data on the server. Send it{twice}? [y/N] "
    );
    let _ = err.flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if !matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        bail!("nothing was sent");
    }
    Ok(())
}

/// What was sent and answered, beside what was recorded. Numbers go on where the file's end, so each
/// is that of one exchange.
pub(super) struct Done {
    file: Reader,
    reader: Reader,
    first_id: u64,
    runs: Vec<(Plan, Ran)>,
}

impl Exchanges for Done {
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        if id.0 < self.first_id {
            self.file.exchange(id)
        } else {
            self.reader.exchange(id)
        }
    }
}

/// Sends the plans one after the other, into a session of their own: kept in the file `out`, or
/// nowhere.
pub(super) async fn send(
    plans: &[Plan],
    courier: &Courier,
    file: Reader,
    out: Option<&Path>,
) -> Result<Done> {
    let first_id = file.first_id().0 + file.len() as u64;
    let (session, recorder) = place(out, first_id)?;
    let mut runs = Vec::new();
    for plan in plans {
        let ran = replay::run(plan, courier, &recorder).await;
        runs.push((plan.clone(), ran));
    }
    drop(recorder);
    let reader = session.reader();
    tokio::task::spawn_blocking(move || session.finish())
        .await
        .context("the recording thread broke; try again")??;
    if let Some(out) = out {
        output::say(&format!("The replay is in {}.", out.display()));
    }
    Ok(Done {
        file,
        reader,
        first_id,
        runs,
    })
}

fn place(out: Option<&Path>, first_id: u64) -> Result<(Session, Recorder)> {
    Ok(match out {
        Some(out) => Session::create(session::Options {
            first_id,
            ..session::Options::new(out)
        })?,
        None => Session::in_memory(None, first_id)?,
    })
}

impl Done {
    /// What the file says about the servers that were asked and about the page, and what they say
    /// now.
    fn around(&self, before: &Diagnosis) -> Surroundings {
        let sent = self.runs.iter().flat_map(|(_, ran)| &ran.sent);
        let sent: Vec<Arc<Exchange>> = sent.filter_map(|id| self.exchange(*id)).collect();
        let mut origins: Vec<String> = before.origin.iter().cloned().collect();
        let targets = sent.iter().filter_map(|e| Origin::of_url(&e.request.url));
        origins.extend(targets.map(|origin| origin.to_string()));
        let from = self.first_id.saturating_sub(ROWS_LOOKED_AT_MAX);
        let from = ExchangeId(from.max(self.file.first_id().0));
        let mut ids = Vec::new();
        let mut note = |row: &Row<'_>| {
            if origins.iter().any(|origin| origin == row.origin_text) {
                ids.push(row.id);
            }
        };
        self.file.scan(from, ROWS_LOOKED_AT_MAX as usize, &mut note);
        let mut around = Surroundings::new();
        for exchange in ids.iter().filter_map(|id| self.file.exchange(*id)) {
            around.learn(&exchange);
        }
        for exchange in &sent {
            around.learn(exchange);
        }
        around
    }

    fn print(&self, before: &Diagnosis, format: Format) -> Result<Exit> {
        let (text, exit) = self.written(before, format)?;
        diagnose::write(&text, format)?;
        for (plan, ran) in &self.runs {
            if let Some(said) = withheld(plan, ran) {
                output::say(&format!("Note: {said}."));
            }
        }
        if let Some(failure) = self.failure() {
            bail!("the server could not be asked: {}", failure.detail);
        }
        Ok(exit)
    }

    fn failure(&self) -> Option<&Failure> {
        self.runs.iter().find_map(|(_, ran)| match &ran.ending {
            Ending::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    /// All that is to be said of it, and the exit status it calls for.
    pub(super) fn written(&self, before: &Diagnosis, format: Format) -> Result<(String, Exit)> {
        let secrets = Secrets::of(self.runs.iter().map(|(plan, _)| plan))?;
        let redacted = Redacted::new(self, secrets.redactor());
        let around = self.around(before);
        let before = &self
            .file
            .diagnosis_from(before.fetch.id, &redacted)
            .with_context(|| "the recorded fetch cannot be read again; try once more")?;
        let judge = |ran: &Ran| {
            let fetch = self.reader.fetch_of(*ran.sent.first()?)?;
            Some(judge(&self.reader.fetch(fetch)?, &redacted, &around))
        };
        let judged: Vec<(&Plan, &Ran, Diagnosis)> = self
            .runs
            .iter()
            .filter_map(|(plan, ran)| Some((plan, ran, judge(ran)?)))
            .collect();
        let diagnoses: Vec<Diagnosis> = judged.iter().map(|(_, _, d)| d.clone()).collect();
        let (verdicts, exit) = diagnose::written(&diagnoses, &redacted, 0, format);
        let text = match format {
            Format::Text => {
                let mut text = contrast::written(before, &judged, &redacted);
                let told = judged.iter().map(|(_, _, diagnosis)| diagnosis.outcome);
                if told
                    .clone()
                    .any(|o| !matches!(o, Outcome::Allowed | Outcome::Exempt))
                {
                    text.push('\n');
                    text.push_str(&verdicts);
                }
                text
            }
            Format::Json => format!("{}\n", Self::json(&verdicts, before, &judged, &redacted)?),
            Format::Ndjson => verdicts,
        };
        Ok((secrets.hidden(text), exit))
    }

    /// The document of `diagnose`, with what was replayed and what was recorded beside it.
    fn json(
        verdicts: &str,
        before: &Diagnosis,
        judged: &[(&Plan, &Ran, Diagnosis)],
        redacted: &Redacted<'_>,
    ) -> Result<Value> {
        let mut document: Value = serde_json::from_str(verdicts)?;
        let runs: Vec<Value> = judged
            .iter()
            .map(|(plan, ran, diagnosis)| {
                json!({
                    "as": plan.manner.name(),
                    "fetch": diagnosis.fetch.id.0,
                    "entries": ran.sent.iter().map(|id| id.0).collect::<Vec<_>>(),
                    "ended": ended(&ran.ending),
                    "not_known": plan.unknown(),
                })
            })
            .collect();
        let servers = Servers::of(std::slice::from_ref(before), redacted);
        document["replay"] = json!({
            "of": before.fetch.exchanges().map(|id| id.0).collect::<Vec<_>>(),
            "before": report::fetch_to_json(before, &servers, redacted),
            "runs": runs,
        });
        Ok(document)
    }
}

fn ended(ending: &Ending) -> &'static str {
    match ending {
        Ending::Answered(_) => "answered",
        Ending::Stopped(_) => "stopped",
        Ending::Withheld => "withheld",
        Ending::Failed(_) => "failed",
    }
}

/// Why a request was not sent although nothing forbids it.
pub(super) fn withheld(plan: &Plan, ran: &Ran) -> Option<String> {
    matches!(ran.ending, Ending::Withheld).then(|| {
        format!(
            "as {} the {} itself was not sent, since {} of it was never recorded; give it with -H \
             'NAME: VALUE' or --data",
            plan.manner.name(),
            plan.method(),
            plan.unknown().join(" and ")
        )
    })
}
