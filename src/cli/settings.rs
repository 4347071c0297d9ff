//! The configuration of the screen: where it lies, reading it, adding a filter to it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use etcetera::base_strategy::{BaseStrategy, Xdg};

use super::args::{PlaceArgs, ScreenArgs};
use super::config::create_private_dir;
use super::output::reason;
use crate::tui::{self, Settings};

/// The name of the file.
const FILE: &str = "config.toml";

/// What the screen starts with, and where the configuration is (to be) kept.
pub(super) struct Screen {
    pub(super) options: tui::Options,
    pub(super) file: PathBuf,
}

/// Reads the configuration that is named, or the one in its usual place if there is one.
pub(super) fn screen(args: &ScreenArgs, place: &PlaceArgs) -> Result<Screen> {
    let file = match &args.config {
        Some(file) => file.clone(),
        None => usual_place(place)?,
    };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && args.config.is_none() => String::new(),
        Err(error) => bail!(
            "cannot read the configuration {} ({}); check the path",
            file.display(),
            reason(&error)
        ),
    };
    let settings = Settings::parse(&text).map_err(|e| anyhow!("{}, {e}", file.display()))?;
    Ok(Screen {
        options: tui::Options {
            theme: args.theme.unwrap_or_default(),
            ascii: args.ascii || tui::knows_ascii_only(),
            settings,
            can_keep: true,
            ..tui::Options::default()
        },
        file,
    })
}

fn usual_place(place: &PlaceArgs) -> Result<PathBuf> {
    if let Some(dir) = &place.data_dir {
        return Ok(dir.join(FILE));
    }
    let xdg = Xdg::new().context("no home directory is known; give --config FILE")?;
    Ok(xdg.config_dir().join("corscope").join(FILE))
}

/// Adds a filter to the configuration; returns what to tell the person.
pub(super) fn keep_filter(file: &Path, name: &str, filter: &str) -> String {
    match try_keep(file, name, filter) {
        Ok(()) => format!("kept as \"{name}\" in {}", file.display()),
        Err(error) => format!("the filter was not kept: {error:#}"),
    }
}

fn try_keep(file: &Path, name: &str, filter: &str) -> Result<()> {
    let before = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read?,
    };
    let after = Settings::with_filter(&before, name, filter)?;
    let dir = file.parent().context("it has no place")?;
    create_private_dir(dir)?;
    // Written beside and moved over, so that a full disk costs nothing that was there.
    let mut beside = tempfile::NamedTempFile::new_in(dir)?;
    std::io::Write::write_all(&mut beside, after.as_bytes())?;
    beside.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_filter_is_there_the_next_time() {
        let dir = tempfile::tempdir().expect("a directory");
        let place = PlaceArgs {
            data_dir: Some(dir.path().to_owned()),
        };
        let none = ScreenArgs::default();
        assert!(screen(&none, &place).is_ok_and(|s| s.options.settings == Settings::default()));
        let file = dir.path().join(FILE);
        let said = keep_filter(&file, "crashes", "status:5xx");
        assert!(said.starts_with("kept"), "{said}");
        let read = screen(&none, &place).expect("readable");
        assert_ne!(read.options.settings, Settings::default());
        std::fs::write(&file, "them = 1").expect("written");
        let error = screen(&none, &place).err().expect("a mistake").to_string();
        assert!(
            error.contains("line 1") && error.contains("did you mean theme?"),
            "{error}"
        );
        let missing = ScreenArgs {
            config: Some(dir.path().join("nowhere.toml")),
            ..ScreenArgs::default()
        };
        assert!(screen(&missing, &place).is_err());
    }
}
