//! The loop of the screen.

use std::future::poll_fn;
use std::io::{self, IsTerminal as _, stdin, stdout};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crossterm::event::{Event as Raw, EventStream};
use futures_util::StreamExt as _;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::alone::{Seconds, alone};
use super::app::{App, Command, Event};
use super::clipboard;
use super::effect::{Effect, Outcome};
use super::error::TuiError;
use super::options::Options;
use super::terminal::{Screen, stop_process};
use crate::session::{Reader, now};

/// The shortest time from one frame to the next.
const FRAME: Duration = Duration::from_millis(16);

/// As much as the main thread of a program has on most systems; only what is used is taken.
const STACK_BYTES: usize = 8 << 20;

/// Shows a session until the person leaves, the program is told to end, or the terminal goes away.
/// Effects are handed to `effects`, never waiting; what they came to is read from `outcomes`.
pub async fn run(
    options: Options,
    reader: Reader,
    effects: mpsc::Sender<Effect>,
    outcomes: mpsc::Receiver<Outcome>,
) -> Result<(), TuiError> {
    let (tell, mut told) = oneshot::channel();
    let (ask, mut asked) = mpsc::channel(1);
    let runtime = Handle::current();
    let thread = std::thread::Builder::new()
        .name("corscope-screen".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let _entered = runtime.enter();
            let done = alone(|seconds| show(options, reader, (effects, outcomes), seconds, ask));
            // Who asked waits for it, unless the whole process is about to end.
            let _ = tell.send(done);
        })?;
    let done = loop {
        tokio::select! {
            done = &mut told => break done,
            Some(stopped) = asked.recv() => {
                // Holds up this thread, as the whole process is.
                let _ = stopped.send(stop_process());
            }
        }
    };
    match done {
        Ok(done) => done,
        // A fault of the screen is one of its caller, as if there were no thread in between.
        Err(_) => match thread.join() {
            Err(fault) => std::panic::resume_unwind(fault),
            Ok(()) => Ok(()),
        },
    }
}

/// Where to say that the process was stopped and goes on.
type StopAsked = std::sync::mpsc::Sender<io::Result<()>>;

/// Has the process stopped by the main thread.
fn stopped(stopping: &mpsc::Sender<StopAsked>) -> io::Result<()> {
    let (tell, told) = std::sync::mpsc::channel();
    if stopping.try_send(tell).is_err() {
        return Ok(());
    }
    // Whoever should say it is gone: so will the screen be.
    told.recv().unwrap_or(Ok(()))
}

async fn show(
    options: Options,
    reader: Reader,
    (effects, mut outcomes): (mpsc::Sender<Effect>, mpsc::Receiver<Outcome>),
    seconds: Rc<Seconds>,
    stopping: mpsc::Sender<StopAsked>,
) -> Result<(), TuiError> {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let mut shutdown = options.shutdown.clone();
    let mut stop = std::pin::pin!(told_to_end());
    let mut revision = reader.revision();
    let utc_offset = chrono::Local::now().offset().local_minus_utc();
    // Asks the terminal for its colours, so before anything else reads from it.
    let mut app = App::new(options, reader, now(), utc_offset);
    let mut screen = Screen::take()?;
    let size = screen.terminal.size()?;
    let mut keys = EventStream::new();

    let mut todo = app.update(Event::Resize(size.width, size.height), now());
    todo.extend(app.update(Event::Captured, now()));
    let mut drawn_at: Option<Instant> = None;
    let mut dirty = true;
    loop {
        for command in todo.drain(..) {
            match command {
                Command::Quit => return Ok(()),
                Command::Suspend => screen.suspend(|| stopped(&stopping))?,
                Command::Mouse(ours) => screen.take_mouse(ours)?,
                Command::Copy(text, what) => {
                    let said = clipboard::copy(&text, what)?;
                    app.update(Event::Outcome(Outcome::Notice(said)), now());
                }
                Command::Perform(effect) => {
                    if let Err(refused) = effects.try_send(effect) {
                        app.not_performed(&refused.into_inner());
                    }
                }
            }
        }
        let frame_at = drawn_at.map_or_else(Instant::now, |at| at + FRAME);
        let event = tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            () = turned_true(&mut shutdown) => return Ok(()),
            () = due(frame_at), if dirty => {
                screen.terminal.draw(|frame| app.draw(frame))?;
                drawn_at = Some(Instant::now());
                dirty = false;
                continue;
            }
            key = keys.next() => match key {
                Some(Ok(raw)) => {
                    // Whatever waits is taken before the next frame is drawn; of a text that is
                    // pasted as keys, as much as the time of a frame allows.
                    let since = Instant::now();
                    todo.extend(take(&mut app, raw));
                    // Asked with the task's own waker: the stream keeps the first it is given, and
                    // with another one the next key would wake nobody.
                    while since.elapsed() < FRAME
                        && let Poll::Ready(Some(Ok(raw))) =
                            poll_fn(|cx| Poll::Ready(keys.poll_next_unpin(cx))).await
                    {
                        todo.extend(take(&mut app, raw));
                    }
                    dirty = true;
                    continue;
                }
                // The terminal is gone.
                Some(Err(_)) | None => return Ok(()),
            },
            Some(outcome) = outcomes.recv() => Event::Outcome(outcome),
            Ok(()) = revision.changed() => Event::Captured,
            () = seconds.passed(), if app.wants_ticks() => Event::Tick,
            () = sleep(FRAME / 2), if app.waits() => Event::Captured,
            () = tokio::task::yield_now(), if app.is_behind() && !app.waits() => Event::Captured,
        };
        todo.extend(app.update(event, now()));
        dirty = true;
    }
}

/// Resolves at this moment; at once, and without a word to the timers, if it is over: they would wake
/// another thread to find that out.
async fn due(at: Instant) {
    if Instant::now() < at {
        sleep_until(at).await;
    }
}

fn take(app: &mut App, raw: Raw) -> Vec<Command> {
    let event = match raw {
        Raw::Key(key) => Event::Key(key),
        Raw::Mouse(mouse) => Event::Mouse(mouse),
        Raw::Paste(text) => Event::Paste(text),
        Raw::Resize(columns, rows) => Event::Resize(columns, rows),
        Raw::FocusGained => Event::Focused(true),
        Raw::FocusLost => Event::Focused(false),
    };
    app.update(event, now())
}

/// Resolves when the channel says `true`; never without a channel, or when its sender is gone.
async fn turned_true(channel: &mut Option<watch::Receiver<bool>>) {
    if let Some(receiver) = channel
        && receiver.wait_for(|end| *end).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Resolves on SIGTERM, SIGHUP or SIGINT (Ctrl-C arrives as a key).
#[cfg(unix)]
async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::interrupt(),
    ];
    let mut waits: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| signal(kind).ok())
        .collect();
    let any = waits.iter_mut().map(|s| Box::pin(s.recv()));
    if any.len() == 0 {
        std::future::pending::<()>().await;
    }
    futures_util::future::select_all(any).await;
}

/// Resolves on Ctrl-C from outside.
#[cfg(not(unix))]
async fn told_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
