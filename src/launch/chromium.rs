//! Chromium is told everything on its command line.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::nest::downloads;
use super::{LaunchError, Options};

/// Calls of the browser's own that would stand between those of the page.
const CHATTER_OFF: [&str; 13] = [
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-client-side-phishing-detection",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-breakpad",
    "--allow-browser-signin=false",
    "--metrics-recording-only",
    "--disable-search-engine-choice-screen",
    // Nothing listens there: `--disable-component-update` does not stop the first check.
    "--component-updater=url-source=http://updates.corscope.localhost:9/",
];

/// Features that call home, or open a page of their own; and those that ask for the https twin of a page
/// first: where that does not answer a browser goes back to http, but here we answer in its place.
const FEATURES_OFF: &str = "--disable-features=OptimizationHints,MediaRouter,DialMediaRouteProvider,NetworkTimeServiceQuerying,ChromeWhatsNewUI,AutofillServerCommunication,CertificateTransparencyComponentUpdater,InterestFeedContentSuggestions,Translate,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable";

/// Fills a new profile. A kept one has its own by then.
pub(super) fn prepare(profile: &Path) -> Result<(), LaunchError> {
    let file = profile.join("Default").join("Preferences");
    let Some(downloads) = downloads().filter(|_| !file.exists()) else {
        return Ok(());
    };
    // What is downloaded must not go with the profile.
    let text = json!({
        "download": { "default_directory": downloads, "directory_upgrade": true },
    });
    fs::create_dir_all(profile.join("Default"))
        .and_then(|()| fs::write(file, text.to_string()))
        .map_err(LaunchError::Profile)
}

pub(super) fn arguments(profile: &Path, options: &Options, no_sandbox: bool) -> Vec<String> {
    let mut arguments: Vec<String> = CHATTER_OFF.map(str::to_owned).to_vec();
    arguments.push(FEATURES_OFF.to_owned());
    arguments.extend([
        format!("--user-data-dir={}", profile.display()),
        format!("--proxy-server=http://{}", options.proxy),
        // Loopback is what is being developed; without this it goes past the proxy.
        "--proxy-bypass-list=<-loopback>".to_owned(),
        // HTTP/3 goes past an HTTP proxy.
        "--disable-quic".to_owned(),
        format!(
            "--ignore-certificate-errors-spki-list={}",
            options.ca_spki_sha256_base64
        ),
        // No question about the user's key ring for a profile that is thrown away.
        "--password-store=basic".to_owned(),
        "--use-mock-keychain".to_owned(),
    ]);
    if options.headless {
        arguments.extend(["--headless=new".to_owned(), "--disable-gpu".to_owned()]);
    }
    if no_sandbox {
        arguments.push("--no-sandbox".to_owned());
    }
    if options.wired && cfg!(unix) {
        arguments.extend([
            "--remote-debugging-pipe".to_owned(),
            // The pipe alone makes `navigator.webdriver` true, but a person sits here.
            "--disable-blink-features=AutomationControlled".to_owned(),
        ]);
    }
    arguments.extend(options.arguments.iter().cloned());
    arguments.push(
        options
            .url
            .clone()
            .unwrap_or_else(|| "about:blank".to_owned()),
    );
    arguments
}
