//! Browsers started here: in a profile of their own, through the proxy, gone when corscope goes.

use anyhow::{Result, bail};

use super::live::Facts;
use crate::launch::{Brand, Options, Program, Running};

/// How many may be open at once.
const OPEN_MAX: usize = 16;

/// Starts browsers for one capture and ends them with it.
pub(super) struct Launcher {
    brand: Option<Brand>,
    options: Options,
    running: Vec<Running>,
}

impl Launcher {
    /// For this capture: the browser asked for, or whichever is found first.
    pub(super) fn new(facts: &Facts, brand: Option<Brand>, headless: bool) -> Result<Self> {
        let Some(proxy) = facts.addresses.first().copied() else {
            bail!("the proxy listens nowhere, so no browser can use it");
        };
        Ok(Self {
            brand,
            options: Options {
                proxy,
                ca_pem: facts.certificate_pem.clone(),
                ca_spki_sha256_base64: facts.spki_sha256.clone(),
                url: None,
                headless,
                arguments: Vec::new(),
                preferences: Vec::new(),
            },
            running: Vec::new(),
        })
    }

    /// Whether there is such a browser at all.
    pub(super) fn check(brand: Option<Brand>) -> Result<()> {
        Program::find(brand)?;
        Ok(())
    }

    /// The page that [`open`](Self::open) opens.
    pub(super) fn page(mut self, url: Option<String>) -> Self {
        self.options.url = url;
        self
    }

    /// Opens a browser; says so in one sentence.
    pub(super) fn open(&mut self) -> Result<String> {
        if self.running.len() == OPEN_MAX {
            bail!("{OPEN_MAX} browsers were opened already; use one of them");
        }
        let program = Program::find(self.brand)?;
        let running = Running::start(&program, &self.options)?;
        let mut text = format!(
            "Opened {} in a throw-away profile.",
            running.program().brand.id()
        );
        for note in running.notes() {
            text.extend([" Note: ", note, "."]);
        }
        self.running.push(running);
        Ok(text)
    }

    /// Closes all of them and removes their profiles.
    pub(super) async fn close(self) {
        for running in self.running {
            running.close().await;
        }
    }
}
