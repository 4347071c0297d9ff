//! The screen: state ([`App`]), drawing (`view`), and effects that leave as data.
//!
//! [`App::update`] is the only place that changes state; drawing takes `&App` and cannot. What needs
//! the disk or another part of the program leaves as an [`Effect`] and comes back as an [`Outcome`].
//! The screen knows a session's `Reader` and no proxy.

mod action;
mod alone;
mod app;
mod body;
mod boxes;
mod clipboard;
mod compare;
mod cookies;
mod copying;
mod dialog;
mod doing;
mod early;
mod effect;
mod error;
mod export;
mod filter;
mod fix;
mod keymap;
mod list;
mod load;
mod mouse;
mod nearest;
mod options;
mod pane;
mod passing;
mod replay;
mod run;
mod search;
mod searching;
mod select;
mod settings;
mod tables;
mod talk;
mod terminal;
mod text;
mod theme;
mod trial;
mod turning;
mod view;

pub use app::{App, Command, Event};
pub use body::{LeafAnswer, LeafRequest, pour};
pub use compare::{Pair, Paired};
pub use copying::{CopyForm, brief};
pub use effect::{Effect, LoadRequest, Loaded, Outcome, SearchRequest, Searched};
pub use error::TuiError;
pub use export::{BodyRequest, ExportFormat, ExportRequest, Exported};
pub use filter::FilterReading;
pub use fix::Mended;
pub use load::{perform, serve};
pub use options::{Options, ThemeChoice};
pub use replay::{Draft, ReplayRequest, Replayed};
pub use run::run;
pub use settings::{Settings, SettingsError};
pub use terminal::knows_ascii_only;
