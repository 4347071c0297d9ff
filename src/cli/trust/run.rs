//! Running a step: nothing asked, nothing left running.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use super::steps::Step;

/// How long one command may take.
const AT_MOST: Duration = Duration::from_mins(1);
/// How often it is looked whether it has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether a program is in the search path, or where administrators' programs lie.
pub(in crate::cli) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if cfg!(unix) && !dirs.is_empty() && name.starts_with("update-ca-") {
        dirs.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    }
    let file = PathBuf::from(name).with_extension(std::env::consts::EXE_EXTENSION);
    dirs.into_iter()
        .filter(|d| d.is_absolute())
        .map(|d| d.join(&file))
        .find(|p| p.is_file())
}

/// Runs it to its end; its output, or what it complained about.
pub(super) fn run(step: &Step) -> Result<String> {
    let Some(program) = find_program(step.program) else {
        bail!("{} is not installed", step.program);
    };
    let mut command = Command::new(program);
    command.args(&step.arguments);
    if step.program == "certutil" && cfg!(unix) {
        // Where a password is needed it fails, instead of asking on the terminal.
        command.args(["-f", "/dev/null"]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|e| anyhow!("cannot run {}: {e}", step.program))?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let read = |pipe: Option<&mut dyn Read>| {
        let mut bytes = Vec::new();
        // What was said before a pipe broke is all there is.
        let _ = pipe.map(|p| p.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    };
    std::thread::scope(|scope| {
        let said = scope.spawn(|| read(out.as_mut().map(|p| p as &mut dyn Read)));
        let complained = scope.spawn(|| read(err.as_mut().map(|p| p as &mut dyn Read)));
        let started = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if started.elapsed() < AT_MOST => std::thread::sleep(PAUSE),
                _ => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break None;
                }
            }
        };
        let said = said.join().unwrap_or_default();
        let complained = complained.join().unwrap_or_default();
        match status {
            None => bail!("{} took longer than {} s", step.program, AT_MOST.as_secs()),
            Some(status) if status.success() => Ok(said),
            Some(_) => {
                let lines = if complained.trim().is_empty() {
                    &said
                } else {
                    &complained
                };
                let words = lines.lines().rfind(|l| !l.trim().is_empty());
                bail!(
                    "{} failed: {}",
                    step.program,
                    words.unwrap_or("it did not say why").trim()
                )
            }
        }
    })
}
