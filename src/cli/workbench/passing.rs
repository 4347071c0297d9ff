//! Hosts left alone from the screen on: passed through unread, and read again.

use url::Url;

use crate::proxy::Passing;
use crate::tui::Outcome;

/// Lets the host of a URL pass unread, or reads it again.
pub(super) fn toggle(passing: &Passing, url: &str) -> Outcome {
    let said = match Url::parse(url) {
        Ok(url) => said(passing, &url),
        Err(error) => format!("this request names no host ({error})"),
    };
    Outcome::Passing(passing.list(), said)
}

fn said(passing: &Passing, url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(443);
    let Some(host) = url.host_str() else {
        return "this request names no host".to_owned();
    };
    match passing.toggle(host, port) {
        Some(true) => format!(
            "{host} is passed through unread from its next connection on: reload the page, or try again"
        ),
        Some(false) => format!("{host} is read again from its next connection on"),
        None => "too many hosts are passed through: take one back first".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_passes_and_is_read_again() {
        let passing = Passing::default();
        let url = "https://pinned.test:8443/v1";
        for (list, word) in [
            (vec!["pinned.test:8443".to_owned()], "passed through unread"),
            (Vec::new(), "read again"),
        ] {
            let Outcome::Passing(now, said) = toggle(&passing, url) else {
                panic!("another outcome");
            };
            assert_eq!(now, list);
            assert!(said.contains(word), "{said}");
        }
        let Outcome::Passing(now, said) = toggle(&passing, "nonsense") else {
            panic!("another outcome");
        };
        assert!(now.is_empty() && said.contains("no host"), "{said}");
    }
}
