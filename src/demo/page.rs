//! The page: what a real browser loads, and what makes the list look like a Network tab.

use serde_json::json;

use super::scenario::Scenario;

/// The files of the page, ready to be sent.
pub(super) struct Page {
    script: String,
}

impl Page {
    /// The page that makes these calls.
    pub(super) fn new(scenarios: &[Scenario]) -> Self {
        let calls: Vec<_> = scenarios
            .iter()
            .map(|s| {
                json!({
                    "id": s.id,
                    "title": s.title,
                    "how": s.call.how.name(),
                    "method": s.call.method,
                    "url": s.call.url,
                    "headers": s.call.headers,
                    "credentials": s.call.include_credentials,
                    "body": s.call.body,
                })
            })
            .collect();
        let calls = serde_json::Value::from(calls).to_string();
        let script = include_str!("../../assets/demo/app.js").replacen("[/* calls */]", &calls, 1);
        Self { script }
    }

    /// Media type and text of a file by its path.
    pub(super) fn file(&self, path: &str) -> Option<(&'static str, &str)> {
        Some(match path {
            "/" => (
                "text/html; charset=utf-8",
                include_str!("../../assets/demo/page.html"),
            ),
            "/app.css" => (
                "text/css; charset=utf-8",
                include_str!("../../assets/demo/app.css"),
            ),
            "/app.js" => ("text/javascript; charset=utf-8", &self.script),
            "/logo.svg" => ("image/svg+xml", include_str!("../../assets/demo/logo.svg")),
            _ => return None,
        })
    }
}
