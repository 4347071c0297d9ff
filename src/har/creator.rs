//! Who wrote a HAR, where that decides what its members mean.

use serde_json::Value;

use super::lenient::text;

/// A tool that writes HAR files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Creator {
    /// Chrome's developer tools and those made of them: the browser notes in `_error` what failed.
    DevTools,
    /// Firefox's developer tools.
    Firefox,
    /// Nobody whose ways matter.
    #[default]
    Other,
}

impl Creator {
    /// By `log.creator.name`.
    pub(super) fn named(name: &Value) -> Self {
        match text(name).unwrap_or_default().trim() {
            "WebInspector" => Self::DevTools,
            "Firefox" => Self::Firefox,
            _ => Self::Other,
        }
    }
}
