//! The screen, over a live capture or over a file.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use tokio::sync::mpsc;

use super::args::{Args, OpenArgs, ReverseArgs, ViewArgs};
use super::browser::{Launcher, Manner};
use super::config::{self, Capture};
use super::doing_again::Replayer;
use super::exit::Exit;
use super::live::{Keep, Live};
use super::sessions::{self, LeftBehind};
use super::settings::{self, Screen};
use super::signals::Signals;
use super::{input, output, workbench};
use crate::cors::Browser;
use crate::launch::Wish;
use crate::proxy::{Overrides, Passing, Reach};
use crate::report::count;
use crate::session::Reader;
use crate::tui::{self, Outcome};

/// How many effects or outcomes wait before the other side has to.
const QUEUE_MAX: usize = 32;

/// `corscope [URL]`.
pub(super) async fn run(args: &Args) -> Result<Exit> {
    let page = args.url.as_deref().map(config::page).transpose()?;
    needs_a_terminal("corscope record --out FILE captures without one")?;
    let capture = Capture::of(&args.capture)?;
    let screen = settings::screen(&args.screen, &args.capture.place)?;
    if page.is_none()
        && let Some(left) = sessions::left_behind(&capture.places.sessions)
        && wants_to_see(&left, &capture.places.sessions)?
    {
        return look_at(&left.path, screen, args.browser.map(Into::into)).await;
    }
    if page.is_some() {
        Launcher::check(&Wish::Any)?;
    }
    let live = Live::start(&capture, Keep::Sessions, args.browser.map(Into::into)).await?;
    let launcher = Launcher::new(&live.facts, Manner::default())?;
    let open_now = page.is_some();
    show(live, screen, launcher.page(page.map(Into::into)), open_now).await
}

/// `corscope open [URL]`.
pub(super) async fn open(args: &OpenArgs) -> Result<Exit> {
    let page = args.url.as_deref().map(config::page).transpose()?;
    needs_a_terminal("corscope record --out FILE captures without one")?;
    let capture = Capture::of(&args.capture)?;
    let screen = settings::screen(&args.screen, &args.capture.place)?;
    let manner = Manner {
        wish: args.browser.clone().unwrap_or_default(),
        headless: args.headless,
        kept: args
            .profile
            .as_ref()
            .map(|name| capture.places.profiles.join(name)),
        unasked: args.no_ask,
    };
    Launcher::check(&manner.wish)?;
    let live = Live::start(&capture, Keep::Sessions, None).await?;
    let launcher = Launcher::new(&live.facts, manner)?;
    show(live, screen, launcher.page(page.map(Into::into)), true).await
}

/// `corscope reverse --to URL`.
pub(super) async fn reverse(args: &ReverseArgs, capture: Capture) -> Result<Exit> {
    needs_a_terminal("corscope reverse --out FILE records without one")?;
    let screen = settings::screen(&args.screen, &args.capture.place)?;
    let live = Live::start(&capture, Keep::Sessions, args.browser.map(Into::into)).await?;
    let launcher = Launcher::new(&live.facts, Manner::default())?;
    show(live, screen, launcher, false).await
}

/// `corscope view FILE`.
pub(super) async fn view(args: &ViewArgs) -> Result<Exit> {
    let file = match &args.file {
        Some(file) => file.clone(),
        None => sessions::newest(&args.place)?,
    };
    let shown = file.display();
    needs_a_terminal(&format!("corscope diagnose {shown} prints instead"))?;
    let start = settings::screen(&args.screen, &args.place)?;
    look_at(&file, start, args.browser.map(Into::into)).await
}

/// Shows a file until the person leaves.
async fn look_at(file: &Path, mut start: Screen, rules: Option<Browser>) -> Result<Exit> {
    let loaded = input::view(file, rules)?;
    let notices = match loaded.skipped.as_slice() {
        [] => Vec::new(),
        [one] => vec![one.clone()],
        [first, rest @ ..] => vec![format!("{first} (and {} more like it)", rest.len())],
    };
    start.options.notices = notices;
    start.skipped = loaded.skipped.len();
    start.capture = Some(file.to_owned());
    start.options.can_replay = true;
    let replayer = Replayer::new(&Reach::default(), None, loaded.reader.clone())?;
    let tools = (&mut None, Traffic::default());
    run_screen(start, loaded.reader, replayer, tools).await?;
    // What was not read until now is not needed any more.
    drop(loaded.session);
    Ok(Exit::Clean)
}

/// Asks whether the session whose program crashed is to be opened. Each is asked about once.
fn wants_to_see(left: &LeftBehind, sessions: &Path) -> Result<bool> {
    sessions::offered(sessions, left);
    output::say(&format!(
        "The last capture ended abruptly ({} in {}).\nPress Enter to open it, any other key to start a new one.",
        count(
            usize::try_from(left.exchanges).unwrap_or(usize::MAX),
            "exchange"
        ),
        left.path.display()
    ));
    enable_raw_mode().context("the terminal cannot be asked for a key")?;
    let answer = loop {
        match read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => break Ok(key),
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    disable_raw_mode().context("the terminal cannot be set back")?;
    let key = answer.context("the terminal does not tell which key was pressed")?;
    if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
        bail!("nothing was opened and nothing started");
    }
    Ok(key.code == KeyCode::Enter)
}

/// Refuses where no screen can be drawn; `instead` says what to do then.
pub(super) fn needs_a_terminal(instead: &str) -> Result<()> {
    if !output::on_a_terminal() {
        bail!("this is no terminal, so there is no screen; {instead}");
    }
    // Emacs shells and the like: what is drawn would be a heap of escape sequences.
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        bail!("this terminal cannot be drawn on (TERM=dumb); {instead}");
    }
    Ok(())
}

/// Shows a live capture until the person leaves, then finishes it and says where it lies.
pub(super) async fn show(
    mut live: Live,
    mut screen: Screen,
    mut launcher: Launcher,
    open_now: bool,
) -> Result<Exit> {
    let facts = &live.facts;
    let mut notices: Vec<String> = facts.remark.iter().cloned().collect();
    notices.extend(facts.left_behind.as_ref().map(|path| {
        format!(
            "the last session was never closed: corscope view {} shows it",
            path.path.display()
        )
    }));
    launcher = launcher.ask(live.reader(), live.recorder());
    if open_now {
        notices.push(launcher.open()?);
    }
    screen.options = tui::Options {
        addresses: facts.addresses.clone(),
        hints: hints(&live),
        notices,
        browsers: launcher.found(),
        can_try: true,
        can_pass: live.passing.is_some(),
        passing: live.passing.as_ref().map(Passing::list).unwrap_or_default(),
        can_replay: true,
        ..screen.options
    };
    let reader = live.reader();
    let path = live.path.clone();
    screen.capture.clone_from(&path);
    let mut launcher = Some(launcher);
    let replayer = live.replayer()?;
    let remarks = live.remarks.take();
    let overrides = Some(&live.overrides);
    let traffic = Traffic {
        overrides,
        passing: live.passing.as_ref(),
        remarks,
    };
    let tools = (&mut launcher, traffic);
    let left = run_screen(screen, reader.clone(), replayer, tools).await;

    let mut signals = Signals::listen()?;
    if let Some(launcher) = launcher {
        launcher.close().await;
    }
    live.leave(signals.next()).await?;
    left?;
    if let Some(path) = path {
        if reader.is_empty() {
            // Nothing but the tables is in it.
            let _ = std::fs::remove_file(&path);
            output::say("Nothing was captured, so no session is kept.");
        } else {
            output::say(&format!("The session is {}", path.display()));
        }
    }
    Ok(Exit::Clean)
}

// What to do next, for the empty screen.
fn hints(live: &Live) -> Vec<String> {
    let certificate = live.facts.certificate.display();
    // In front of one server there is no proxy, and with it no page of ours.
    vec![if live.passing.is_some() {
        format!(
            "For https a browser must trust {certificate}: http://corscope.test/ gives it, with the \
             steps, to a browser that uses this proxy"
        )
    } else {
        format!("For https the browser must trust {certificate}")
    }]
}

/// What can be done to traffic, and what is said of it; nothing where a file is shown.
#[derive(Default)]
struct Traffic<'a> {
    overrides: Option<&'a Overrides>,
    passing: Option<&'a Passing>,
    remarks: Option<mpsc::Receiver<String>>,
}

async fn run_screen(
    screen: Screen,
    reader: Reader,
    replayer: Replayer,
    (launcher, traffic): (&mut Option<Launcher>, Traffic<'_>),
) -> Result<()> {
    let Traffic {
        overrides,
        passing,
        remarks,
    } = traffic;
    let (effects, asked) = mpsc::channel(QUEUE_MAX);
    let (done, outcomes) = mpsc::channel(QUEUE_MAX);
    let tools = workbench::Tools {
        launcher: launcher.as_mut(),
        overrides,
        passing,
        configuration: &screen.file,
        history: &screen.history,
        replayer,
        papers: workbench::Papers {
            reader: reader.clone(),
            place: screen.place,
            skipped: screen.skipped,
            capture: screen.capture,
        },
    };
    if let Some(mut remarks) = remarks {
        // Ends with the screen, or with the proxy.
        let done = done.clone();
        tokio::spawn(async move {
            while let Some(sentence) = remarks.recv().await {
                if done.send(Outcome::Notice(sentence)).await.is_err() {
                    return;
                }
            }
        });
    }
    let bench = workbench::run(reader.clone(), tools, asked, done);
    let options = tui::Options {
        can_export: true,
        ..screen.options
    };
    let drawn = tui::run(options, reader, effects, outcomes);
    // The workbench ends with the screen, whose end of the queue it listens to.
    let (drawn, ()) = tokio::join!(drawn, bench);
    Ok(drawn?)
}
