//! Replays from the screen: into the live session, or, where a file is looked at, into a session of
//! their own that is shown as text.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tokio::sync::{Semaphore, mpsc};

use super::args::Format;
use super::replay::{plan_of, send, withheld};
use crate::capture::Recorder;
use crate::diagnose::Diagnosis;
use crate::proxy::{Courier, Reach};
use crate::replay::{self, Edit, Manner, Plan};
use crate::session::Reader;
use crate::tui::{Draft, Outcome, ReplayRequest, Replayed};
use crate::wire::{End, ExchangeId};

/// How many replays run at a time.
const AT_ONCE_MAX: usize = 4;
/// How long the session may take to hear the end of a replay.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

/// Does requests of a session again. Cheap to clone.
#[derive(Clone)]
pub(super) struct Replayer {
    courier: Courier,
    /// Into the session that is shown; `None` if it is a file.
    recorder: Option<Recorder>,
    reader: Reader,
    room: Arc<Semaphore>,
}

impl Replayer {
    pub(super) fn new(reach: &Reach, recorder: Option<Recorder>, reader: Reader) -> Result<Self> {
        Ok(Self {
            courier: Courier::new(reach)?,
            recorder,
            reader,
            room: Arc::new(Semaphore::new(AT_ONCE_MAX)),
        })
    }

    /// Writes a request as text, beside the screen.
    pub(super) fn draft(self, exchange: ExchangeId, outcomes: mpsc::Sender<Outcome>) {
        tokio::spawn(async move {
            let made = tokio::task::spawn_blocking(move || self.drafted(exchange)).await;
            let outcome = match made.map_err(anyhow::Error::from).and_then(|draft| draft) {
                Ok(draft) => Outcome::Drafted(draft),
                Err(error) => Outcome::Notice(format!("{error:#}")),
            };
            // Nobody waits for it when the screen is gone.
            let _ = outcomes.send(outcome).await;
        });
    }

    /// Does a request again, beside the screen.
    pub(super) fn replay(self, request: ReplayRequest, outcomes: mpsc::Sender<Outcome>) {
        tokio::spawn(async move {
            let exchange = request.exchange;
            let refused = |why: String| Outcome::Replayed(Replayed::Refused(exchange, why));
            let Ok(_place) = Arc::clone(&self.room).try_acquire_owned() else {
                let said = "four replays are under way; try again when one is over";
                let _ = outcomes.send(refused(said.to_owned())).await;
                return;
            };
            let outcome = match self.planned(request).await {
                Ok((before, plan)) => {
                    let begun = Outcome::Replayed(Replayed::Begun(exchange));
                    let _ = outcomes.send(begun).await;
                    match self.done(&before, plan, exchange).await {
                        Ok(replayed) => Outcome::Replayed(replayed),
                        Err(error) => Outcome::Notice(format!("{error:#}")),
                    }
                }
                Err(error) => refused(format!("{error:#}")),
            };
            let _ = outcomes.send(outcome).await;
        });
    }

    fn recorded(&self, exchange: ExchangeId) -> Result<(Diagnosis, Plan)> {
        let fetch = self.reader.fetch_of(exchange);
        let before = fetch.and_then(|fetch| self.reader.diagnosis(fetch));
        let before =
            before.with_context(|| format!("{exchange} is not in the session any more"))?;
        let plan = plan_of(&self.reader, &before)?;
        Ok((before, plan))
    }

    fn drafted(&self, exchange: ExchangeId) -> Result<Draft> {
        let (_, plan) = self.recorded(exchange)?;
        let (text, body_is_text) = written(&plan);
        let mut remarks = Vec::new();
        let unknown = plan.unknown();
        if !unknown.is_empty() {
            remarks.push(format!(
                "Never recorded: {}; fill it in.",
                unknown.join(" and ")
            ));
        }
        if !body_is_text {
            let bytes = plan.body().len();
            remarks.push(format!(
                "The body ({bytes} bytes) is no text and is sent as it was."
            ));
        }
        Ok(Draft {
            exchange,
            text,
            remark: (!remarks.is_empty()).then(|| remarks.join(" ")),
        })
    }

    async fn planned(&self, request: ReplayRequest) -> Result<(Diagnosis, Plan)> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let (before, plan) = this.recorded(request.exchange)?;
            let plan = match &request.text {
                Some(text) => {
                    let edit = read(text, &plan)?;
                    plan.edited(&edit)?
                }
                None => plan,
            };
            if !plan.unknown().is_empty() && !plan.needs_preflight() {
                bail!(
                    "{} of it was never recorded; R lets you fill it in",
                    plan.unknown().join(" and ")
                );
            }
            Ok((before, plan))
        })
        .await?
    }

    async fn done(&self, before: &Diagnosis, plan: Plan, exchange: ExchangeId) -> Result<Replayed> {
        let Some(recorder) = &self.recorder else {
            let done = send(&[plan], &self.courier, self.reader.clone(), None).await?;
            let (text, _) = done.written(before, Format::Text)?;
            return Ok(Replayed::Paper(format!("{exchange} once more"), text));
        };
        let ran = replay::run(&plan, &self.courier, recorder).await;
        let last = ran.sent.last().copied().context("nothing was sent")?;
        self.heard(last).await?;
        let fetch = self.reader.fetch_of(last);
        let now = fetch.and_then(|fetch| self.reader.diagnosis(fetch));
        let now = now.context("the replay is not in the session")?;
        let mut said = match plan.manner {
            Manner::Browser => format!("↻ {exchange} was {}, now {}", before.outcome, now.outcome),
            Manner::Curl => format!("↻ {exchange} was sent again"),
        };
        if withheld(&plan, &ran).is_some() {
            let unknown = plan.unknown().join(" and ");
            said = format!("↻ the preflight passes; {unknown} was never recorded: R fills it in");
        }
        Ok(Replayed::Row(said, last))
    }

    /// Waits until the session has heard the end of an exchange.
    async fn heard(&self, id: ExchangeId) -> Result<()> {
        let mut revision = self.reader.revision();
        let closed = async {
            loop {
                let exchange = self.reader.exchange(id);
                if exchange.is_some_and(|e| e.end != End::Open) {
                    return Ok(());
                }
                revision.changed().await?;
            }
        };
        tokio::time::timeout(HEARD_WITHIN, closed)
            .await
            .map_err(|_| anyhow!("the session is busy; the replay's row comes later"))?
    }
}

/// A request as text: method and URL, headers, an empty line, the body. Says whether the body is in it.
fn written(plan: &Plan) -> (String, bool) {
    let mut text = format!("{} {}\n", plan.method(), plan.url());
    for field in plan.headers().iter() {
        let _ = writeln!(text, "{}: {}", field.name, field.text());
    }
    for name in plan.unknown_headers() {
        let _ = writeln!(text, "{name}: ");
    }
    text.push('\n');
    match std::str::from_utf8(plan.body()) {
        Ok(body)
            if !body.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) =>
        {
            text.push_str(body);
            (text, true)
        }
        _ => (text, false),
    }
}

/// What is different in a text.
fn read(text: &str, plan: &Plan) -> Result<Edit> {
    let (before, body_is_text) = written(plan);
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default().trim();
    let (method, url) = first
        .split_once(char::is_whitespace)
        .with_context(|| format!("the first line is METHOD URL, not \"{first}\""))?;
    let mut headers: Vec<(String, Option<String>)> = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let (name, value) = Edit::header(line)
            .map_err(|_| anyhow!("\"{line}\" is no header; write it as Name: value"))?;
        if value.is_none() {
            bail!("{name} has no value; type one or delete the line");
        }
        headers.push((name, value));
    }
    let kept = |name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let old = plan.headers().iter().map(|f| f.name.to_owned());
    let gone: Vec<String> = old
        .chain(plan.unknown_headers())
        .filter(|name| !kept(name))
        .collect();
    headers.retain(|(name, value)| {
        let field = plan.headers().first(name);
        field.map(|f| f.text()).as_ref() != value.as_ref()
    });
    headers.extend(gone.into_iter().map(|name| (name, None)));
    let old_body = before.split_once("\n\n").map_or("", |(_, body)| body);
    let same_body =
        body.trim_end_matches('\n') == old_body.replace("\r\n", "\n").trim_end_matches('\n');
    let keeps_body = same_body && (body_is_text || body.is_empty()) && !plan.lacks_body();
    Ok(Edit {
        method: (method != plan.method()).then(|| method.to_owned()),
        url: (url.trim() != plan.url().as_str()).then(|| url.trim().to_owned()),
        headers,
        body: (!keeps_body).then(|| body.to_owned().into()),
        browser: None,
    })
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::cors::Browser;
    use crate::wire::Origin;

    fn plan() -> Plan {
        let page = Origin::of_url("https://app.test").expect("an origin");
        let url = Url::parse("https://api.test/cart").expect("a URL");
        let edit = Edit {
            method: Some("PUT".into()),
            headers: vec![
                ("Content-Type".into(), Some("application/json".into())),
                ("X-Trace".into(), Some("1".into())),
            ],
            body: Some("{\"n\":1}\n\n{}".into()),
            ..Edit::default()
        };
        let plan = Plan::new(Browser::Chromium, page, url).edited(&edit);
        plan.expect("sendable")
    }

    #[test]
    fn what_is_not_touched_stays() {
        let (text, whole) = written(&plan());
        assert!(whole);
        assert_eq!(
            text,
            "PUT https://api.test/cart\nContent-Type: application/json\nX-Trace: 1\n\n{\"n\":1}\n\n{}"
        );
        assert!(read(&text, &plan()).expect("good").is_empty());
    }

    #[test]
    fn what_is_touched_is_sent_so() {
        let text = "PATCH https://api.test/v2\nContent-Type: text/plain\nX-New: 2\n\n{\"n\":2}";
        let edit = read(text, &plan()).expect("good");
        assert_eq!(edit.method.as_deref(), Some("PATCH"));
        let after = plan().edited(&edit).expect("sendable");
        assert_eq!(written(&after).0, text);
        let emptied = read(
            "PUT https://api.test/cart\nContent-Type: application/json\nX-Trace: 1\n",
            &plan(),
        );
        let emptied = plan().edited(&emptied.expect("good")).expect("sendable");
        assert!(emptied.body().is_empty());
    }

    #[test]
    fn mistakes_are_told() {
        for (text, said) in [
            ("", "METHOD URL"),
            ("PUT", "METHOD URL"),
            ("PUT https://a.test/\nnonsense", "nonsense"),
            ("PUT https://a.test/\nX-A:", "X-A"),
        ] {
            let error = read(text, &plan()).expect_err(text).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
