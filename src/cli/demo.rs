//! `demo`: everything real but the people.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use super::args::{DemoArgs, HidingArgs, Wanted};
use super::browser::{Launcher, Manner};
use super::config::Capture;
use super::exit::Exit;
use super::live::{Keep, Live};
use super::settings::{self, Screen};
use super::signals::Signals;
use super::{diagnose, export, inspect};
use crate::demo::{Client, Demo, Pace};
use crate::launch::Wish;
use crate::session::Reader;

/// How long a real browser may take for all calls of the page, start included.
const BROWSER_AT_MOST: Duration = Duration::from_secs(90);
/// What comes after the last call was seen: its answer, and the requests that never come.
const AFTERMATH: Duration = Duration::from_millis(1500);

pub(super) async fn run(args: &DemoArgs) -> Result<Exit> {
    let mut capture = Capture::of(&args.capture)?;
    if !args.once {
        inspect::needs_a_terminal("corscope demo --once prints the verdicts instead")?;
    }
    let screen = settings::screen(&args.screen, &args.capture.place)?;
    if let Some(Wanted(wish)) = &args.browser {
        Launcher::check(wish)?;
    }
    let demo = Demo::start().await?;
    if capture.upstream_ca.is_some() {
        bail!(
            "the demo's servers have a certificate authority of their own; leave --upstream-ca out"
        );
    }
    capture.upstream_ca_pem = Some(demo.upstream_ca_pem().to_owned());
    if args.once {
        once(args, &demo, &capture.or_any_port()).await
    } else {
        watched(args, demo, &capture, screen).await
    }
}

async fn once(args: &DemoArgs, demo: &Demo, capture: &Capture) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    let live = Live::start(capture, Keep::No, None).await?;
    let reader = live.reader();
    let called = async {
        match &args.browser {
            Some(Wanted(wish)) => by_a_browser(&live, demo, wish).await,
            None => by_ourselves(&live, demo).await,
        }
    };
    tokio::select! {
        called = called => called?,
        () = signals.next() => bail!("stopped before every call was made; run it again"),
    }
    live.finish(signals.next()).await?;
    let redactor = export::redactor(&HidingArgs::default(), &args.capture.place, None)?;
    diagnose::print(&reader, 0, args.format, &redactor)
}

async fn by_ourselves(live: &Live, demo: &Demo) -> Result<()> {
    let mut client = client(live)?;
    client.load_page(demo, Pace::Once).await?;
    Ok(())
}

fn client(live: &Live) -> Result<Client> {
    let address = live.facts.addresses.first().copied();
    let address = address.context("the proxy listens nowhere")?;
    Ok(Client::new(address, &live.facts.certificate_pem)?)
}

async fn by_a_browser(live: &Live, demo: &Demo, wish: &Wish) -> Result<()> {
    let manner = Manner {
        wish: wish.clone(),
        headless: true,
        kept: None,
        unasked: false,
    };
    let launcher = Launcher::new(&live.facts, manner)?;
    let mut launcher = launcher.page(Some(demo.page_url()));
    launcher.open()?;
    let last = demo.scenarios().last().context("the demo makes no calls")?;
    let url = match last.call.url.strip_prefix("ws") {
        Some(rest) => format!("http{rest}"),
        None => last.call.url.clone(),
    };
    let reader = live.reader();
    let start = Instant::now();
    while !has_seen(&reader, &url) {
        if start.elapsed() > BROWSER_AT_MOST {
            bail!(
                "the browser did not make all calls of the page within {BROWSER_AT_MOST:?}; try another with --browser"
            );
        }
        sleep(Duration::from_millis(100)).await;
    }
    sleep(AFTERMATH).await;
    launcher.close().await;
    Ok(())
}

fn has_seen(reader: &Reader, url: &str) -> bool {
    let mut seen = false;
    reader.scan(reader.first_id(), usize::MAX, &mut |row| {
        let path = url.strip_prefix(row.origin_text);
        seen |= path == Some(row.path) && row.answered_micros.is_some();
    });
    seen
}

async fn watched(args: &DemoArgs, demo: Demo, capture: &Capture, screen: Screen) -> Result<Exit> {
    let live = Live::start(capture, Keep::No, None).await?;
    let wish = args.browser.as_ref().map(|wanted| wanted.0.clone());
    let manner = Manner {
        wish: wish.unwrap_or_default(),
        headless: args.headless,
        kept: None,
        unasked: false,
    };
    let launcher = Launcher::new(&live.facts, manner)?;
    let launcher = launcher.page(Some(demo.page_url()));
    if args.browser.is_some() {
        return inspect::show(live, screen, launcher, true).await;
    }
    let mut client = client(&live)?;
    let calls = tokio::spawn(async move {
        // What goes wrong is on the screen: it is traffic.
        let _ = client.load_page(&demo, Pace::Watched).await;
        // Streams stay open, and the servers up, until the screen is left.
        std::future::pending::<()>().await;
    });
    let shown = inspect::show(live, screen, launcher, false).await;
    calls.abort();
    shown
}
