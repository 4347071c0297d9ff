//! The terminal: taken over, given back on every way out.

use std::backtrace::Backtrace;
use std::env;
use std::io::{self, Stdout, Write, stderr, stdout};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, SetTitle, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Whether the terminal is ours at the moment.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// What panics said meanwhile. The panic hook belongs to the process, and so must this.
static LAST_WORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();

/// Whether the terminal, or the locale it runs in, can only show ASCII.
pub fn knows_ascii_only() -> bool {
    let terminal = env::var("TERM").unwrap_or_default();
    if matches!(terminal.as_str(), "dumb" | "ansi") || terminal.starts_with("vt") {
        return true;
    }
    // The first that is set decides (POSIX, "Environment Variables").
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| env::var(name).ok())
        .find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    })
}

/// The terminal while it is ours. Dropping it gives it back.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Whether the mouse is left to the terminal.
    mouse_is_free: bool,
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let previous = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if !TAKEN.load(Ordering::SeqCst) {
                    return previous(info);
                }
                // A fault of the screen itself unwinds to the guard, which gives the terminal back;
                // a fault elsewhere ends one exchange, not the screen. Either way the words can only
                // be read afterwards.
                let told = format!("{info}\n{}", Backtrace::capture());
                last_words().push(told);
            }));
        });
        enter()?;
        match Terminal::new(CrosstermBackend::new(stdout())) {
            Ok(terminal) => Ok(Self {
                terminal,
                mouse_is_free: false,
            }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Gives the terminal back for a while, stops the process as Ctrl-Z does, and takes the terminal
    /// again when the shell continues it. `stop` stops the process, see [`stop_process`].
    #[cfg(unix)]
    pub(super) fn suspend(&mut self, stop: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        give_back();
        let stopped = stop();
        enter()?;
        // A new one, so that everything is drawn: `clear` would ask the terminal where its cursor is,
        // and the answer would go to whoever reads the keys.
        self.terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        if self.mouse_is_free {
            execute!(stdout(), DisableMouseCapture)?;
        }
        stopped
    }

    /// Elsewhere there is no such thing.
    #[cfg(not(unix))]
    pub(super) fn suspend(&mut self, _stop: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        Ok(())
    }
}

/// Stops the process, and returns when it was continued. To be called on the main thread: the system
/// gives the signal to that one, so that it cannot go on before it is stopped.
pub(super) fn stop_process() -> io::Result<()> {
    // Only another process can stop this one without `unsafe`. The shell in between is there because
    // `kill` is a builtin of every shell and a program on few systems.
    std::process::Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("kill -TSTP {}", std::process::id()))
        .status()
        .map(drop)
}

impl Screen {
    /// Takes the mouse, or leaves it to the terminal.
    pub(super) fn take_mouse(&mut self, ours: bool) -> io::Result<()> {
        self.mouse_is_free = !ours;
        if ours {
            execute!(stdout(), EnableMouseCapture)
        } else {
            execute!(stdout(), DisableMouseCapture)
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let entered = execute!(
        stdout(),
        EnterAlternateScreen,
        Clear(ClearType::All),
        SetTitle("corscope"),
        EnableMouseCapture,
        EnableBracketedPaste,
        EnableFocusChange,
        cursor::Hide
    );
    if entered.is_err() {
        give_back();
    }
    entered
}

/// Undoes [`enter`]. Goes on after an error: the more is undone, the better.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = stdout();
    let _ = queue!(out, DisableFocusChange);
    let _ = queue!(out, DisableBracketedPaste);
    let _ = queue!(out, DisableMouseCapture);
    // With the cursor at the top and nothing below it there is nothing that a terminal which was
    // resized meanwhile (tmux) could push into its history.
    let _ = queue!(out, cursor::MoveTo(0, 0));
    let _ = queue!(out, Clear(ClearType::FromCursorDown));
    let _ = queue!(out, LeaveAlternateScreen);
    let _ = queue!(out, cursor::Show);
    let _ = out.flush();
    let _ = disable_raw_mode();
    for words in last_words().drain(..) {
        let _ = writeln!(stderr(), "{words}");
    }
}

fn last_words() -> MutexGuard<'static, Vec<String>> {
    LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner)
}
