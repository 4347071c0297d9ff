//! Browsers started here: in a profile of their own, through the proxy, gone when corscope goes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::live::Facts;
use super::testimony;
use crate::capture::Recorder;
use crate::launch::{Options, Program, Running, Wire, Wish};
use crate::session::Reader;
use crate::witness;

/// How many may be open at once.
const OPEN_MAX: usize = 16;
/// How many sentences wait for the screen.
const WORDS_MAX: usize = 32;
/// How long what a browser said last may take to be matched once it is gone.
const LAST_WORDS_AT_MOST: Duration = Duration::from_secs(10);
/// How many words of a browser wait to be matched.
const HEARD_MAX: usize = 4_096;

/// What is the same for every browser of a capture.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    /// Which one is wanted.
    pub(super) wish: Wish,
    /// Without a window.
    pub(super) headless: bool,
    /// Where its profile is kept, if it is: in there by the browser's name.
    pub(super) kept: Option<PathBuf>,
    /// It is not asked what it did with each request.
    pub(super) unasked: bool,
}

/// Starts browsers for one capture and ends them with it.
pub(super) struct Launcher {
    manner: Manner,
    options: Options,
    found: Vec<Program>,
    open: Vec<Open>,
    /// Where what browsers say is recorded, if they are asked.
    ears: Option<(Reader, Recorder)>,
    tell: mpsc::Sender<String>,
    told: Option<mpsc::Receiver<String>>,
}

/// A browser that is open, or was.
struct Open {
    end: oneshot::Sender<()>,
    life: JoinHandle<()>,
}

impl Launcher {
    /// For this capture.
    pub(super) fn new(facts: &Facts, manner: Manner) -> Result<Self> {
        let Some(proxy) = facts.addresses.first().copied() else {
            bail!("the proxy listens nowhere, so no browser can use it");
        };
        let mut options = Options::new(
            proxy,
            facts.certificate_pem.clone(),
            facts.spki_sha256.clone(),
        );
        options.headless = manner.headless;
        let mut found = Program::all();
        if let Ok(wanted) = Program::choose(&manner.wish) {
            // What was asked for comes first.
            found.retain(|program| program.path != wanted.path);
            found.insert(0, wanted);
        }
        let (tell, told) = mpsc::channel(WORDS_MAX);
        Ok(Self {
            manner,
            options,
            found,
            open: Vec::new(),
            ears: None,
            tell,
            told: Some(told),
        })
    }

    /// Whether there is such a browser at all.
    pub(super) fn check(wish: &Wish) -> Result<()> {
        Program::choose(wish)?;
        Ok(())
    }

    /// The page that [`open`](Self::open) opens.
    pub(super) fn page(mut self, url: Option<String>) -> Self {
        self.options.url = url;
        self
    }

    /// Asks the browsers it opens what they did with each request, unless that was declined.
    pub(super) fn ask(mut self, reader: Reader, recorder: Recorder) -> Self {
        self.ears = (!self.manner.unasked).then_some((reader, recorder));
        self
    }

    /// The browsers there are, by name and place; the first is the one that was asked for.
    pub(super) fn found(&self) -> Vec<(String, String)> {
        let found = self.found.iter();
        found
            .map(|program| (program.to_string(), program.path.display().to_string()))
            .collect()
    }

    /// What becomes of browsers later, in sentences for the screen; once.
    pub(super) fn words(&mut self) -> Option<mpsc::Receiver<String>> {
        self.told.take()
    }

    /// Opens the browser that was asked for; says so in one sentence.
    pub(super) fn open(&mut self) -> Result<String> {
        let program = Program::choose(&self.manner.wish)?;
        self.start(&program)
    }

    /// Opens one of those that were [found](Self::found).
    pub(super) fn open_one(&mut self, number: usize) -> Result<String> {
        match self.found.get(number).cloned() {
            Some(program) => self.start(&program),
            None => self.open(),
        }
    }

    fn start(&mut self, program: &Program) -> Result<String> {
        self.open.retain(|open| !open.life.is_finished());
        if self.open.len() == OPEN_MAX {
            bail!("{OPEN_MAX} browsers are open; use one of them, or close one");
        }
        let mut options = self.options.clone();
        options.kept = self.manner.kept.as_ref().map(|dir| dir.join(program.id()));
        let ears = self.ears.clone().filter(|_| program.has_wire());
        options.wired = ears.is_some();
        // Whom one asks opens the page only when it can be listened to, so that nothing is missed.
        let page = options.url.take_if(|_| ears.is_some());
        let mut running = Running::start(program, &options)?;
        let listening = running.take_wire().zip(ears);
        let listening = listening.map(|(wire, ears)| {
            let told = (self.tell.clone(), program.to_string());
            tokio::spawn(listen_to(wire, page, ears, told))
        });
        let mut text = match &options.kept {
            None => format!("Opened {program} in a throw-away profile."),
            Some(dir) => format!("Opened {program} with the profile {}.", dir.display()),
        };
        for note in running.notes() {
            text.extend([" Note: ", note, "."]);
        }
        let (end, ended) = oneshot::channel();
        let tell = self.tell.clone();
        let name = program.to_string();
        let life = tokio::spawn(async move {
            let closed = tokio::select! {
                how = running.wait() => Some(how),
                // That the sender is gone means the same.
                _ = ended => None,
            };
            running.close().await;
            if let Some(mut listening) = listening
                && timeout(LAST_WORDS_AT_MOST, &mut listening).await.is_err()
            {
                listening.abort();
            }
            if let Some(how) = closed {
                let said = match how {
                    Ok(status) if !status.success() => {
                        format!("{name} ended by itself ({status}).")
                    }
                    _ => format!("{name} was closed."),
                };
                // A screen that is gone or busy does without.
                let _ = tell.try_send(said);
            }
        });
        self.open.push(Open { end, life });
        Ok(text)
    }

    /// Closes all of them and removes their profiles.
    pub(super) async fn close(self) {
        let lives: Vec<_> = self
            .open
            .into_iter()
            .map(|open| {
                let _ = open.end.send(());
                open.life
            })
            .collect();
        for life in lives {
            let _ = life.await;
        }
    }
}

/// Records what a browser says until it is gone; that it says nothing is told once, on the screen.
async fn listen_to(
    wire: Wire,
    page: Option<String>,
    (reader, recorder): (Reader, Recorder),
    (tell, name): (mpsc::Sender<String>, String),
) {
    let (words, heard) = mpsc::channel(HEARD_MAX);
    let (unheard, why) = oneshot::channel();
    let told = page.clone();
    let complain = async move {
        if let Ok(why) = why.await {
            let open = told.map_or(String::new(), |url| format!(" Open {url} in it yourself."));
            let said = format!("{name} cannot be asked what it decides ({why}).{open}");
            let _ = tell.try_send(said);
        }
    };
    let listening = witness::listen(wire, page, words, unheard);
    tokio::join!(
        listening,
        complain,
        testimony::hear(reader, recorder, heard)
    );
}
