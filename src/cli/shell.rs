//! `corscope completions SHELL` and `corscope man [COMMAND]`: what a shell and `man` want to know, made
//! from the command line itself, so that it is never behind.

use anyhow::{Context as _, Result, bail};
use clap::CommandFactory as _;

use super::args::{Args, CompletionsArgs, ManArgs};
use super::exit::Exit;
use super::output;

const NAME: &str = "corscope";

/// Prints a script that completes commands and flags.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), NAME, &mut script);
    print(script)
}

/// Prints the manual page of the program, or of one of its commands.
pub(super) fn man(args: &ManArgs) -> Result<Exit> {
    let mut command = Args::command();
    // Names of commands within commands are made here: `corscope ca install`.
    command.build();
    let mut name = NAME.to_owned();
    for wanted in &args.command {
        let known = command.find_subcommand(wanted).cloned();
        let Some(found) = known else {
            bail!("there is no command \"{name} {wanted}\"; {name} --help lists what there is");
        };
        name = format!("{name} {wanted}");
        command = found;
    }
    let title = name.replace(' ', "-").to_uppercase();
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .title(title)
        .render(&mut page)
        .context("the manual page cannot be made")?;
    print(page)
}

fn print(made: Vec<u8>) -> Result<Exit> {
    let text = String::from_utf8(made).context("what was made is no text")?;
    output::data(&text)?;
    Ok(Exit::Clean)
}
