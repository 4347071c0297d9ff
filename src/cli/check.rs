//! `check`: asks a live server what a browser would ask it, and judges the answers.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use clap::Args as ClapArgs;

use super::args::{BrowserName, Format};
use super::asking::{self, ReachArgs, RequestArgs, Secrets};
use super::exit::Exit;
use super::{diagnose, output};
use crate::cors::{Browser, Outcome};
use crate::diagnose::Diagnosis;
use crate::proxy::Courier;
use crate::replay::{self, Edit, Ending, Plan, Ran};
use crate::report;
use crate::session::{Reader, Session};
use crate::wire::Failure;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope check https://api.app.test/v1/cart --origin https://app.test
  corscope check localhost:4000/cart --origin http://localhost:3000 -X PUT \\
      -H 'Content-Type: application/json' --data '{}' --credentials
  corscope check https://api.app.test/v1 --origin https://app.test --format json

What a browser would send is sent: a preflight if one is due, the request only if that passes,
redirects as far as the rules let them.
Exit status: 0 the browser lets it through, 1 it blocks it, 2 corscope could not ask.")]
pub(super) struct CheckArgs {
    /// URL that a page asks for
    pub(super) url: String,
    /// Origin of the page, such as https://app.test; repeatable
    #[arg(long, value_name = "ORIGIN", required = true)]
    pub(super) origin: Vec<String>,
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
    let mut plans = Vec::new();
    for typed in &args.origin {
        let (origin, said) = asking::origin(typed)?;
        if let Some(said) = said {
            output::say(&said);
        }
        let mut asked = Asked {
            url: args.url.clone(),
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
    done.print(args.format, &Secrets::of(&plans))
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
    pub(super) fn diagnosis(&self, run: &Ran) -> Option<Diagnosis> {
        let first = run.sent.first()?;
        self.reader.diagnosis(self.reader.fetch_of(*first)?)
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
        if format == Format::Text {
            for diagnosis in self.runs.iter().filter_map(|run| self.diagnosis(run)) {
                text.push_str(&passed(&diagnosis, &self.reader));
            }
        }
        let (verdicts, exit) =
            diagnose::written(&diagnose::all(&self.reader), &self.reader, 0, format);
        text.push_str(&verdicts);
        diagnose::write(&secrets.hidden(text), format)?;
        if let Some(failure) = self.failure() {
            bail!("the server could not be asked: {}", failure.detail);
        }
        Ok(exit)
    }
}

/// A fetch that is let through, in a line or two; nothing for others, which the report tells of.
pub(super) fn passed(diagnosis: &Diagnosis, reader: &Reader) -> String {
    if !matches!(diagnosis.outcome, Outcome::Allowed | Outcome::Exempt) {
        return String::new();
    }
    let explanation = report::explain(diagnosis, None, reader);
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
    text.push('\n');
    text
}
