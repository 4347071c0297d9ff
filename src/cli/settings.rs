//! The configuration of the screen: where it lies, reading it, adding a filter to it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use etcetera::base_strategy::{BaseStrategy, Xdg};

use super::args::{PlaceArgs, ScreenArgs};
use super::config::{Places, create_private_dir};
use super::output::reason;
use crate::tui::{self, Settings};

/// The name of the file.
const FILE: &str = "config.toml";
/// The file with the filters that were used, one to a line, the newest last; beside the sessions.
const HISTORY: &str = "filters";
/// So many filters are remembered.
const HISTORY_MAX: usize = 50;

/// What the screen starts with, and where the configuration is (to be) kept.
pub(super) struct Screen {
    pub(super) options: tui::Options,
    pub(super) file: PathBuf,
    /// Where the filters that were used are kept.
    pub(super) history: PathBuf,
    /// Where everything is kept.
    pub(super) place: PlaceArgs,
    /// Entries of the file that is looked at that could not be used.
    pub(super) skipped: usize,
    /// The capture that is looked at, where it is a file.
    pub(super) capture: Option<PathBuf>,
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
    let history = Places::of(place)?.sessions.with_file_name(HISTORY);
    let settings = Settings::parse(&text).map_err(|e| anyhow!("{}, {e}", file.display()))?;
    Ok(Screen {
        options: tui::Options {
            theme: args.theme.unwrap_or_default(),
            ascii: args.ascii || tui::knows_ascii_only(),
            settings,
            can_keep: true,
            history: history_of(&history),
            ..tui::Options::default()
        },
        file,
        history,
        place: place.clone(),
        skipped: 0,
        capture: None,
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

/// The filters that were used before; a file that cannot be read holds none.
fn history_of(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Adds a filter to those that were used; returns what to tell the person if that did not work.
pub(super) fn remember_filter(file: &Path, filter: &str) -> Option<String> {
    // Another corscope may have added to it meanwhile.
    let mut all = history_of(file);
    all.retain(|old| old != filter);
    all.push(filter.replace('\n', " "));
    let newest = all.len().saturating_sub(HISTORY_MAX);
    let text = all[newest..].join("\n") + "\n";
    let error = replace(file, &text).err()?;
    Some(format!("the filter is not remembered: {error:#}"))
}

fn try_keep(file: &Path, name: &str, filter: &str) -> Result<()> {
    let before = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read?,
    };
    let after = Settings::with_filter(&before, name, filter)?;
    replace(file, &after)
}

/// Writes a file that only its owner can read; its directory is made.
fn replace(file: &Path, text: &str) -> Result<()> {
    let dir = file.parent().context("it has no place")?;
    create_private_dir(dir)?;
    // Written beside and moved over, so that a full disk costs nothing that was there.
    let mut beside = tempfile::NamedTempFile::new_in(dir)?;
    std::io::Write::write_all(&mut beside, text.as_bytes())?;
    beside.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_filters_are_remembered_bounded_and_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("state").join(HISTORY);
        for n in 0..60 {
            assert_eq!(remember_filter(&file, &format!("status:{}", n % 55)), None);
        }
        let all = history_of(&file);
        assert_eq!((all.len(), all[49].as_str()), (HISTORY_MAX, "status:4"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&file)
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

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
