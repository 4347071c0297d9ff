//! Words in, exit code out; the only place where parts are put together.

mod args;
mod asking;
mod audit;
mod browser;
mod ca;
mod capture;
mod check;
mod checks;
mod compare;
mod config;
mod contrast;
mod demo;
mod diagnose;
mod doctor;
mod doing_again;
mod exit;
mod explain;
mod export;
mod files;
mod input;
mod inspect;
mod live;
mod live_lines;
mod output;
mod ports;
mod record;
mod redact;
mod replay;
mod reverse;
mod rotating;
mod sessions;
mod settings;
mod shell;
mod signals;
mod testimony;
mod trust;
mod way;
mod workbench;

use std::num::NonZero;

use anyhow::{Context, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

pub use exit::Exit;

use args::{Args, Command};

/// Does what the command line says.
pub fn run() -> Exit {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return misunderstood(&error),
    };
    dispatch(&args).unwrap_or_else(|error| {
        output::complain(&error);
        Exit::Failed
    })
}

fn dispatch(args: &Args) -> Result<Exit> {
    match &args.command {
        None => block_on(inspect::run(args)),
        Some(Command::Open(args)) => block_on(inspect::open(args)),
        Some(Command::Demo(args)) => block_on(demo::run(args)),
        Some(Command::Record(args)) => block_on(record::run(args)),
        Some(Command::Reverse(args)) => block_on(reverse::run(args)),
        Some(Command::View(args)) => block_on(inspect::view(args)),
        Some(Command::Diagnose(args)) => diagnose::run(args),
        Some(Command::Check(args)) => block_on(check::run(args)),
        Some(Command::Audit(args)) => block_on(audit::run(args)),
        Some(Command::Replay(args)) => block_on(replay::run(args)),
        Some(Command::Compare(args)) => compare::run(args),
        Some(Command::Export(args)) => export::run(args),
        Some(Command::Redact(args)) => redact::run(args),
        Some(Command::Sessions(args)) => sessions::run(args),
        Some(Command::Explain(args)) => explain::run(args),
        Some(Command::Doctor(args)) => block_on(doctor::run(args)),
        Some(Command::Ca { what }) => ca::run(what),
        Some(Command::Completions(args)) => shell::completions(args),
        Some(Command::Man(args)) => shell::man(args),
    }
}

/// Runs a command that needs a runtime: a thread per core, two at least, so that one exchange that
/// computes does not hold up the others.
fn block_on(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let cores = std::thread::available_parallelism().map_or(2, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(2))
        .enable_all()
        .build()
        .context("cannot start the threads that serve; is the limit of processes reached?")?;
    let done = runtime.block_on(command);
    // What still runs then (a slow name look-up) holds nobody up.
    runtime.shutdown_background();
    done
}

// Help and version are data. Everything else is one sentence with the next step in it: clap's own
// is a paragraph with the usage.
fn misunderstood(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that went away is not an error.
            let _ = error.print();
            return Exit::Clean;
        }
        _ => {}
    }
    let text = error.render().to_string();
    // The command whose help has the answer.
    let known = Args::command();
    let typed = std::env::args()
        .skip(1)
        .find(|word| known.find_subcommand(word).is_some());
    let command = typed.map_or("corscope".to_owned(), |name| format!("corscope {name}"));
    let said = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "a command is missing".to_owned()
    } else {
        let before_usage = text
            .lines()
            .take_while(|l| !l.starts_with("Usage: ") && !l.starts_with("For more information"));
        let words = before_usage
            .flat_map(str::split_whitespace)
            .collect::<Vec<_>>()
            .join(" ");
        words.trim_start_matches("error: ").replace(" tip: ", "; ")
    };
    output::say(&format!("corscope: {said}; see {command} --help"));
    Exit::Failed
}
