//! Firefox is told by its profile: preferences in `user.js`, trust in `cert9.db`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha1::{Digest, Sha1};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::nest::downloads;
use super::{LaunchError, Options};

/// Preferences whose value is the same for every start.
const PREFERENCES: [(&str, &str); 42] = [
    ("network.proxy.type", "1"),
    ("network.proxy.no_proxies_on", "\"\""),
    // Loopback is what is being developed; without this it goes past the proxy, silently.
    ("network.proxy.allow_hijacking_localhost", "true"),
    // And without this http://localhost would be no secure context any more then: no service workers,
    // no crypto.subtle, no cameras.
    (
        "network.proxy.testing_localhost_is_secure_when_hijacked",
        "true",
    ),
    ("network.proxy.failover_direct", "false"),
    // HTTP/3 goes past an HTTP proxy, and DNS is the proxy's business.
    ("network.http.http3.enable", "false"),
    ("network.trr.mode", "5"),
    // The URL that was asked for, not its https twin.
    ("dom.security.https_first", "false"),
    ("dom.security.https_first_schemeless", "false"),
    // Calls of the browser's own that would stand between those of the page.
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("app.normandy.enabled", "false"),
    ("app.update.enabled", "false"),
    ("app.update.auto", "false"),
    ("browser.ping-centre.telemetry", "false"),
    ("browser.region.update.enabled", "false"),
    ("browser.region.network.url", "\"\""),
    ("browser.safebrowsing.malware.enabled", "false"),
    ("browser.safebrowsing.phishing.enabled", "false"),
    ("browser.safebrowsing.downloads.remote.enabled", "false"),
    ("browser.safebrowsing.update.enabled", "false"),
    ("browser.search.update", "false"),
    ("browser.topsites.contile.enabled", "false"),
    ("datareporting.healthreport.uploadEnabled", "false"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("datareporting.usage.uploadEnabled", "false"),
    ("dom.push.connection.enabled", "false"),
    ("extensions.blocklist.enabled", "false"),
    ("extensions.getAddons.cache.enabled", "false"),
    ("extensions.systemAddon.update.enabled", "false"),
    ("extensions.update.enabled", "false"),
    ("media.gmp-manager.updateEnabled", "false"),
    ("services.settings.server", "\"data:,\""),
    ("toolkit.telemetry.unified", "false"),
    ("toolkit.telemetry.server", "\"data:,\""),
    // Pages and questions of a first start.
    ("browser.aboutwelcome.enabled", "false"),
    ("browser.newtabpage.enabled", "false"),
    ("browser.startup.page", "0"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("browser.tabs.warnOnClose", "false"),
    ("startup.homepage_welcome_url", "\"about:blank\""),
    ("trailhead.firstrun.didSeeAboutWelcome", "true"),
];

/// Environment of every start.
pub(super) const ENVIRONMENT: [(&str, &str); 2] = [
    // Makes the preference for the settings server count; else it is asked dozens of times.
    ("MOZ_REMOTE_SETTINGS_DEVTOOLS", "1"),
    ("MOZ_CRASHREPORTER_DISABLE", "1"),
];
/// Where Firefox tells the port on which it speaks BiDi.
pub(super) const PORT_FILE: &str = "WebDriverBiDiServer.json";

// PKCS#11 and NSS constants (pkcs11t.h, pkcs11n.h).
const CKO_CERTIFICATE: u32 = 1;
const CKO_NSS_TRUST: u32 = 0xce53_4353;
const CKC_X_509: u32 = 0;
const CKT_NSS_TRUSTED_DELEGATOR: u32 = 0xce53_4352;
const CKT_NSS_MUST_VERIFY_TRUST: u32 = 0xce53_4353;

/// Fills a new profile.
pub(super) fn prepare(profile: &Path, options: &Options) -> Result<(), LaunchError> {
    fs::write(profile.join("user.js"), preferences(options)).map_err(LaunchError::Profile)?;
    let store = profile.join("cert9.db");
    if store.exists() {
        // A kept profile, and perhaps another authority than the last time.
        if trusts(&store, &options.ca_pem)? {
            return Ok(());
        }
        fs::remove_file(&store).map_err(LaunchError::Profile)?;
    }
    trust(&store, &options.ca_pem)
}

/// Whether a certificate database holds the authority; it was trusted when it was put there.
fn trusts(file: &Path, ca_pem: &str) -> Result<bool, LaunchError> {
    let der =
        CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(|_| LaunchError::Certificate)?;
    let database = Connection::open(file)?;
    let found = database.query_row(
        "SELECT count(*) FROM nssPublic WHERE a11 = ?1",
        [&der[..]],
        |row| row.get::<_, i64>(0),
    );
    // A database that cannot be read is made anew.
    Ok(found.unwrap_or(0) > 0)
}

pub(super) fn arguments(profile: &Path, options: &Options) -> Vec<String> {
    let mut arguments = vec!["--no-remote".to_owned(), "--new-instance".to_owned()];
    if cfg!(windows) {
        // Else the program ends at once, and its window lives on.
        arguments.push("--wait-for-browser".to_owned());
    }
    if options.wired {
        arguments.push("--remote-debugging-port=0".to_owned());
    }
    if options.headless {
        arguments.push("--headless".to_owned());
    }
    arguments.extend(["--profile".to_owned(), profile.display().to_string()]);
    arguments.extend(options.arguments.iter().cloned());
    arguments.push(
        options
            .url
            .clone()
            .unwrap_or_else(|| "about:blank".to_owned()),
    );
    arguments
}

fn preferences(options: &Options) -> String {
    let mut text = String::new();
    let mut set = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "user_pref(\"{name}\", {value});");
    };
    for (name, value) in PREFERENCES {
        set(name, value);
    }
    for scheme in ["http", "ssl"] {
        let host = format!("\"{}\"", options.proxy.ip());
        set(&format!("network.proxy.{scheme}"), &host);
        let port = options.proxy.port().to_string();
        set(&format!("network.proxy.{scheme}_port"), &port);
    }
    if let Some(dir) = downloads() {
        // What is downloaded must not go with the profile.
        set("browser.download.folderList", "2");
        // As JSON it is a string of JavaScript.
        set("browser.download.dir", &serde_json::json!(dir).to_string());
    }
    if options.wired {
        // It would set dozens of preferences for tests; here it only listens.
        set("remote.prefs.recommended", "false");
    }
    for (name, value) in &options.preferences {
        set(name, value);
    }
    text
}

/// Writes a certificate database in which this authority is trusted for servers, and nothing else.
///
/// The database is NSS's own (`sql:` flavour): one table, a row per PKCS#11 object, a column per
/// attribute, named `a` and the attribute's number in hexadecimal; numbers are big-endian. Only the
/// columns in use are made, Firefox adds the others when it opens the file. This saves the user from
/// having to install NSS's `certutil`. In a file with a password the trust attributes would have to
/// be signed; a new profile has none.
fn trust(file: &Path, ca_pem: &str) -> Result<(), LaunchError> {
    let der =
        CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(|_| LaunchError::Certificate)?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| LaunchError::Certificate)?;
    let issuer = certificate.issuer().as_raw();
    let subject = certificate.subject().as_raw();
    let serial = der_integer(certificate.raw_serial());
    let sha1 = Sha1::digest(&der);

    let no: &[u8] = &[0];
    let yes: &[u8] = &[1];
    let number = |n: u32| n.to_be_bytes();

    let database = Connection::open(file)?;
    database.execute_batch(
        "CREATE TABLE nssPublic (id PRIMARY KEY UNIQUE ON CONFLICT ABORT,
           a0, a1, a2, a3, a11, a80, a81, a82, a101, a102, a170,
           ace536358, ace536359, ace53635a, ace53635b, ace536360, ace5363b4);
         CREATE INDEX issuer ON nssPublic (a81);
         CREATE INDEX subject ON nssPublic (a101);
         CREATE INDEX label ON nssPublic (a3);
         CREATE INDEX ckaid ON nssPublic (a102);",
    )?;
    database.execute(
        "INSERT INTO nssPublic (id, a0, a1, a2, a3, a11, a80, a81, a82, a101, a102, a170)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?2)",
        (
            number(CKO_CERTIFICATE),
            yes, // CKA_TOKEN
            no,  // CKA_PRIVATE
            b"corscope",
            &der[..],
            number(CKC_X_509),
            issuer,
            &serial,
            subject,
            &sha1[..], // CKA_ID: any name for the key will do
        ),
    )?;
    database.execute(
        "INSERT INTO nssPublic (id, a0, a1, a2, a3, a81, a82, a170,
           ace536358, ace536359, ace53635a, ace53635b, ace536360, ace5363b4)
         VALUES (2, ?1, ?2, ?3, ?4, ?5, ?6, ?2, ?7, ?8, ?8, ?8, ?3, ?9)",
        (
            number(CKO_NSS_TRUST),
            yes,
            no,
            b"corscope",
            issuer,
            &serial,
            number(CKT_NSS_TRUSTED_DELEGATOR), // servers
            number(CKT_NSS_MUST_VERIFY_TRUST), // clients, code, mail: nothing changes
            &sha1[..],
        ),
    )?;
    Ok(())
}

/// An INTEGER in DER. A serial number is at most 20 bytes, so its length is one byte.
fn der_integer(content: &[u8]) -> Vec<u8> {
    let mut der = vec![2, u8::try_from(content.len()).unwrap_or(u8::MAX)];
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_holds_the_authority_and_its_trust() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        let ca = params.self_signed(&key).expect("a certificate");
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("cert9.db");
        trust(&file, &ca.pem()).expect("a fresh database");
        let rows: Vec<(u32, Vec<u8>, Vec<u8>)> = Connection::open(&file)
            .and_then(|db| {
                db.prepare("SELECT id, a0, a82 FROM nssPublic ORDER BY id")?
                    .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
                    .collect()
            })
            .expect("readable");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].1, CKO_CERTIFICATE.to_be_bytes());
        assert_eq!(rows[1].1, CKO_NSS_TRUST.to_be_bytes());
        // Trust is found by issuer and serial number.
        assert_eq!(rows[0].2, rows[1].2);
        assert_eq!(rows[0].2[0], 2);
        assert!(trusts(&file, &ca.pem()).expect("readable"));
        let other = params.self_signed(&rcgen::KeyPair::generate().expect("a key"));
        let other = other.expect("a certificate").pem();
        assert!(!trusts(&file, &other).expect("readable"));
        assert!(matches!(
            trust(&dir.path().join("b"), "no PEM"),
            Err(LaunchError::Certificate)
        ));
    }
}
