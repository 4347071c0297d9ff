//! `check`: asks a live server what a browser would ask it, and judges the answers.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args as ClapArgs;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::args::{BrowserName, Format};
use super::asking::{self, ReachArgs, RequestArgs, Secrets};
use super::checks::{self, Check, Expected};
use super::exit::Exit;
use super::{diagnose, output};
use crate::cors::{Browser, Outcome};
use crate::diagnose::{Diagnosis, Exchanges};
use crate::proxy::Courier;
use crate::replay::{self, Edit, Ending, Plan, Ran};
use crate::report::{self, Redacted};
use crate::session::{Reader, Session};
use crate::wire::{Failure, Redactor};

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope check https://api.app.test/v1/cart --origin https://app.test
  corscope check localhost:4000/cart --origin http://localhost:3000 -X PUT \\
      -H 'Content-Type: application/json' --data '{}' --credentials
  corscope check --file checks.toml --format json

A file of checks, where each list is tried out in every combination:
  origin = [\"https://app.test\", \"https://www.app.test\"]    # for every check below
  [[check]]
  url = \"https://api.app.test/v1/cart\"
  method = [\"GET\", \"PUT\"]                # data, credentials = true, browser: as the options
  headers = { Authorization = \"Bearer ${API_TOKEN}\" }      # from the environment
  [[check]]
  url = \"https://api.app.test/v1/cart\"
  origin = \"https://evil.test\"
  expect = \"blocked\"                       # else allowed

What a browser would send is sent: a preflight if one is due, the request only if that passes,
redirects as far as the rules let them.
Exit status: 0 all is as expected, 1 a browser blocks it (or lets it through where that was not
expected), 2 corscope could not ask.")]
pub(super) struct CheckArgs {
    /// URL that a page asks for
    #[arg(required_unless_present = "file")]
    pub(super) url: Option<String>,
    /// Origin of the page, such as https://app.test; repeatable
    #[arg(long, value_name = "ORIGIN", required_unless_present = "file")]
    pub(super) origin: Vec<String>,
    /// Make the checks of this TOML file instead, and print a table of them
    #[arg(long, value_name = "FILE", conflicts_with_all =
          ["url", "origin", "method", "headers", "data", "credentials", "browser"])]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) request: RequestArgs,
    /// Credentials mode include: as fetch(url, {credentials: 'include'}); -H 'Cookie: ...' is sent
    #[arg(long)]
    pub(super) credentials: bool,
    /// Which browser to play: chromium, firefox or safari [default: chromium]
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub(super) browser: Option<BrowserName>,
    /// How to print the verdict
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) reach: ReachArgs,
}

pub(super) async fn run(args: &CheckArgs) -> Result<Exit> {
    if let Some(file) = &args.file {
        return run_file(file, args).await;
    }
    let url = args.url.as_deref().unwrap_or_default();
    let mut plans = Vec::new();
    for typed in &args.origin {
        let (origin, said) = asking::origin(typed)?;
        if let Some(said) = said {
            output::say(&said);
        }
        let mut asked = Asked {
            url: url.to_owned(),
            edit: args.request.edit()?,
            credentials: args.credentials,
            browser: args.browser.map(Into::into).unwrap_or_default(),
        };
        if asked.edit.method.is_none() && asked.edit.body.is_some() {
            asked.edit.method = Some("POST".to_owned());
        }
        let mut plan = asked.plan(origin)?;
        plan.limits = args.reach.limits();
        plans.push(plan);
    }
    let courier = args.reach.courier()?;
    let done = Asking::start(&courier)?.ask_all(&plans).await?;
    done.print(args.format, &Secrets::of(&plans)?)
}

async fn run_file(file: &Path, args: &CheckArgs) -> Result<Exit> {
    let mut checks = checks::read(file)?;
    for check in &mut checks {
        check.plan.limits = args.reach.limits();
    }
    let courier = args.reach.courier()?;
    let plans: Vec<Plan> = checks.iter().map(|c| c.plan.clone()).collect();
    let done = Asking::start(&courier)?.ask_all(&plans).await?;
    done.print_checks(&checks, args.format, &Secrets::of(&plans)?)
}

/// One question as it was typed.
pub(super) struct Asked {
    pub(super) url: String,
    pub(super) edit: Edit,
    pub(super) credentials: bool,
    pub(super) browser: Browser,
}

impl Asked {
    /// What a page of this origin would send.
    pub(super) fn plan(mut self, origin: crate::wire::Origin) -> Result<Plan> {
        let mut cookie = None;
        let mut wrong = None;
        self.edit.headers.retain(|(name, value)| {
            match name.to_ascii_lowercase().as_str() {
                "cookie" => cookie.clone_from(value),
                "origin" => wrong = Some("the origin is given with --origin, not with -H"),
                _ => return true,
            }
            false
        });
        if let Some(wrong) = wrong {
            bail!(wrong);
        }
        if cookie.is_some() && !self.credentials {
            bail!(
                "cookies are sent with credentials only; add --credentials, or leave the Cookie out"
            );
        }
        let mut plan = Plan::new(self.browser, origin, asking::server(&self.url)?);
        plan.include = Some(self.credentials);
        if let Some(cookie) = cookie {
            plan = plan.with_cookies(&cookie);
        }
        Ok(plan.edited(&self.edit)?)
    }
}

/// A session of its own for what is asked.
pub(super) struct Asking<'a> {
    courier: &'a Courier,
    session: Session,
    recorder: crate::capture::Recorder,
}

impl<'a> Asking<'a> {
    pub(super) fn start(courier: &'a Courier) -> Result<Self> {
        let (session, recorder) = Session::in_memory(None, 1)?;
        Ok(Self {
            courier,
            session,
            recorder,
        })
    }

    /// Sends the plans one after the other.
    pub(super) async fn ask_all(self, plans: &[Plan]) -> Result<Answered> {
        let mut runs = Vec::with_capacity(plans.len());
        for plan in plans {
            runs.push(replay::run(plan, self.courier, &self.recorder).await);
        }
        let reader = self.session.reader();
        drop(self.recorder);
        let session = self.session;
        tokio::task::spawn_blocking(move || session.finish())
            .await
            .context("the recording thread broke; try again")??;
        Ok(Answered { reader, runs })
    }
}

/// What was asked and answered.
pub(super) struct Answered {
    pub(super) reader: Reader,
    pub(super) runs: Vec<Ran>,
}

impl Answered {
    /// The verdict on one run.
    pub(super) fn diagnosis(&self, run: &Ran, redacted: &Redacted<'_>) -> Option<Diagnosis> {
        let first = run.sent.first()?;
        let fetch = self.reader.fetch_of(*first)?;
        self.reader.diagnosis_from(fetch, redacted)
    }

    /// Why one of them got no answer at all.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.runs.iter().find_map(|run| match &run.ending {
            Ending::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    /// Prints the verdicts. A server that could not be asked is no verdict.
    fn print(&self, format: Format, secrets: &Secrets) -> Result<Exit> {
        let mut text = String::new();
        let redacted = Redacted::new(&self.reader, secrets.redactor());
        if format == Format::Text {
            let runs = self.runs.iter();
            for diagnosis in runs.filter_map(|run| self.diagnosis(run, &redacted)) {
                text.push_str(&passed(&diagnosis, &redacted));
            }
        }
        let all = diagnose::all(&self.reader, &redacted);
        let (verdicts, exit) = diagnose::written(&all, &redacted, 0, format);
        text.push_str(&verdicts);
        diagnose::write(&secrets.hidden(text), format)?;
        if let Some(failure) = self.failure() {
            bail!("the server could not be asked: {}", failure.detail);
        }
        Ok(exit)
    }
}

impl Answered {
    /// Prints the verdicts of a file's checks: in full where one is not as expected, and a table of
    /// all.
    fn print_checks(&self, checks: &[Check], format: Format, secrets: &Secrets) -> Result<Exit> {
        let redacted = Redacted::new(&self.reader, secrets.redactor());
        let judged: Vec<(&Check, Diagnosis)> = checks
            .iter()
            .zip(&self.runs)
            .filter_map(|(check, run)| Some((check, self.diagnosis(run, &redacted)?)))
            .collect();
        let surprises = judged
            .iter()
            .filter(|(check, d)| !check.expected.is(d.outcome));
        let surprises: Vec<Diagnosis> = surprises.map(|(_, d)| d.clone()).collect();
        let text = match format {
            Format::Text => {
                let (mut text, _) = diagnose::written(&surprises, &redacted, 0, format);
                if surprises.is_empty() {
                    text.clear();
                }
                text.push_str(&table(&judged, secrets.redactor()));
                text
            }
            Format::Json => {
                let all = diagnose::all(&self.reader, &redacted);
                let (text, _) = diagnose::written(&all, &redacted, 0, format);
                let mut document: Value = serde_json::from_str(&text)?;
                let entries = judged
                    .iter()
                    .map(|(check, d)| entry(check, d, secrets.redactor()));
                document["checks"] = entries.collect();
                format!("{document}\n")
            }
            Format::Ndjson => {
                let all = diagnose::all(&self.reader, &redacted);
                diagnose::written(&all, &redacted, 0, format).0
            }
        };
        diagnose::write(&secrets.hidden(text), format)?;
        let failed = checks
            .iter()
            .zip(&self.runs)
            .find_map(|(check, run)| match &run.ending {
                Ending::Failed(failure) => Some((check, failure)),
                _ => None,
            });
        if let Some((check, failure)) = failed {
            bail!(
                "{} could not be asked: {}",
                secrets.redactor().url(check.plan.url().as_str()),
                failure.detail
            );
        }
        Ok(Exit::of_blocked(surprises.len() as u64))
    }
}

fn entry(check: &Check, diagnosis: &Diagnosis, redactor: &Redactor) -> Value {
    json!({
        "name": check.name,
        "method": check.plan.method(),
        "url": redactor.url(check.plan.url().as_str()),
        "origin": check.plan.page().to_string(),
        "browser": check.plan.browser().name(),
        "expected": check.expected.name(),
        "outcome": diagnosis.outcome.name(),
        "as_expected": check.expected.is(diagnosis.outcome),
        "fetch": diagnosis.fetch.id.0,
    })
}

/// One line for each check, columns aligned.
fn table(judged: &[(&Check, Diagnosis)], redactor: &Redactor) -> String {
    let mut rows: Vec<[String; 6]> = Vec::with_capacity(judged.len());
    for (check, diagnosis) in judged {
        let met = check.expected.is(diagnosis.outcome);
        let mut became = diagnosis.outcome.name().to_owned();
        if let Some(cause) = &diagnosis.cause {
            let _ = write!(became, ": {} ({})", cause.check.id(), cause.stage.name());
        }
        if !met && check.expected == Expected::Blocked {
            became.push_str(", expected blocked");
        } else if check.expected == Expected::Blocked {
            became.push_str(", as expected");
        }
        rows.push([
            if met {
                Outcome::Allowed
            } else {
                Outcome::Blocked
            }
            .glyph()
            .to_owned(),
            check.name.clone(),
            check.plan.method().to_owned(),
            redactor.url(check.plan.url().as_str()),
            check.plan.page().to_string(),
            became,
        ]);
    }
    let widths: [usize; 6] =
        std::array::from_fn(|at| rows.iter().map(|row| row[at].width()).max().unwrap_or(0));
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            if width > 0 {
                let pad = width - cell.width();
                let _ = write!(line, "{cell}{:pad$}  ", "");
            }
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let met = judged
        .iter()
        .filter(|(c, d)| c.expected.is(d.outcome))
        .count();
    let plural = if judged.len() == 1 { "" } else { "s" };
    let _ = writeln!(
        out,
        "\n{} check{plural}: {met} as expected, {} not.",
        judged.len(),
        judged.len() - met
    );
    out
}

/// A fetch that is let through, in a line or two; nothing for others, which the report tells of.
pub(super) fn passed(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> String {
    if !matches!(diagnosis.outcome, Outcome::Allowed | Outcome::Exempt) {
        return String::new();
    }
    let explanation = report::explain(diagnosis, None, exchanges);
    let from = diagnosis.origin.as_deref().unwrap_or("nowhere");
    let glyph = Outcome::Allowed.glyph();
    let mut text = format!("{glyph} {}   from {from}\n", explanation.request);
    let _ = writeln!(text, "  {}", explanation.headline);
    if let Some(exposed) = &diagnosis.exposed_headers {
        let _ = writeln!(text, "  READABLE  {}", exposed.join(", "));
    }
    if !diagnosis.hidden_headers.is_empty() {
        let hidden = diagnosis.hidden_headers.join(", ");
        let _ = writeln!(text, "  HIDDEN    {hidden}");
    }
    if !diagnosis.exposed_unless_included.is_empty() {
        let unsure = diagnosis.exposed_unless_included.join(", ");
        let _ = writeln!(
            text,
            "  UNSURE    {unsure}: readable only if credentials are not included"
        );
    }
    text.push('\n');
    text
}
