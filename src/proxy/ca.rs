//! The local certificate authority: made on first use, kept in one private file, never replaced.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SerialNumber,
};
use rustls::crypto::ring;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;

/// The private file: key, then certificate, PEM, readable by its owner only. What counts.
const PRIVATE_FILE: &str = "corscope-ca-key.pem";
/// The certificate alone, PEM, for people and programs that are to trust it.
const PUBLIC_FILE: &str = "corscope-ca.pem";
/// How long an authority lives, in days.
const LIFE_DAYS: i64 = 365;
/// How far certificates are back-dated, in days: clocks differ.
const BACK_DATED_DAYS: i64 = 2;

const DAY_SECONDS: i64 = 86_400;

/// Why there is no usable authority. Every message ends with the next step.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A file or the directory cannot be read or written.
    #[error("cannot {doing} {}: {source}; choose another place with --data-dir", path.display())]
    Io {
        /// What was tried: `read`, `create`...
        doing: &'static str,
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it should be. It is left as it is.
    #[error("{} is not a usable certificate authority ({why}); move it away to have a new one made", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Its life is over.
    #[error("the certificate authority in {} expired on {on}; move both corscope-ca files away to have a new one made", path.display())]
    Expired {
        /// Which file.
        path: PathBuf,
        /// The day, `2027-01-31`.
        on: String,
    },
    /// Making keys or signing failed: no randomness, most likely.
    #[error("cannot make a certificate authority: {source}; try again")]
    Crypto {
        /// What the crypto library said.
        source: rcgen::Error,
    },
}

/// The certificate authority whose leaves are shown to the browser.
///
/// P-256, one year, `pathLen 0`. The key never leaves its file (0600) and this value.
pub struct Authority {
    pub(super) issuer: Issuer<'static, KeyPair>,
    pub(super) der: CertificateDer<'static>,
    pem: String,
    directory: PathBuf,
    expires_at: i64,
}

impl Authority {
    /// Loads the authority of a directory, or makes one where there is none yet. What is there but
    /// unusable is never overwritten.
    pub fn load_or_create(directory: &Path) -> Result<Self, CaError> {
        create_directory(directory)?;
        let private = directory.join(PRIVATE_FILE);
        let public = directory.join(PUBLIC_FILE);
        let text = match fs::read_to_string(&private) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if public.exists() {
                    return Err(CaError::Corrupt {
                        path: public,
                        why: "its key file is missing",
                    });
                }
                create_file(&private, make()?.as_bytes(), 0o600)?;
                // Read back: another process may have been first, and then its authority counts.
                fs::read_to_string(&private).map_err(|e| io_error("read", &private, e))?
            }
            Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                return Err(CaError::Corrupt {
                    path: private,
                    why: "it is not text",
                });
            }
            Err(e) => return Err(io_error("read", &private, e)),
        };
        let authority = Self::from_pem(&text, &private)?;
        keep_private(&private)?;
        match fs::read(&public) {
            Ok(bytes)
                if CertificateDer::from_pem_slice(&bytes).is_ok_and(|c| c == authority.der) => {}
            Ok(_) => {
                return Err(CaError::Corrupt {
                    path: public,
                    why: "it is not the certificate that goes with the key file",
                });
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                create_file(&public, authority.pem.as_bytes(), 0o644)?;
            }
            Err(e) => return Err(io_error("read", &public, e)),
        }
        Ok(authority)
    }

    fn from_pem(text: &str, path: &Path) -> Result<Self, CaError> {
        let corrupt = |why| CaError::Corrupt {
            path: path.to_owned(),
            why,
        };
        let key = KeyPair::from_pem(text).map_err(|_| corrupt("no private key in it"))?;
        let der = CertificateDer::from_pem_slice(text.as_bytes())
            .map_err(|_| corrupt("no certificate in it"))?
            .into_owned();
        let (_, certificate) = x509_parser::parse_x509_certificate(&der)
            .map_err(|_| corrupt("no certificate in it"))?;
        if certificate.public_key().raw != key.subject_public_key_info() {
            return Err(corrupt("key and certificate do not belong together"));
        }
        if !certificate.is_ca() {
            return Err(corrupt("its certificate is not an authority's"));
        }
        let expires_at = certificate.validity().not_after.timestamp();
        if expires_at <= now_seconds() {
            return Err(CaError::Expired {
                path: path.to_owned(),
                on: day(expires_at),
            });
        }
        let issuer = Issuer::from_ca_cert_der(&der, key)
            .map_err(|_| corrupt("its certificate cannot be used for signing"))?;
        Ok(Self {
            issuer,
            pem: pem_of(&der),
            der,
            directory: path.parent().unwrap_or(Path::new(".")).to_owned(),
            expires_at,
        })
    }

    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// The certificate as DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.der
    }

    /// Where the certificate lies, without the key: the file to hand to a browser or an operating
    /// system.
    pub fn certificate_path(&self) -> PathBuf {
        self.directory.join(PUBLIC_FILE)
    }

    /// Where the key lies.
    pub fn key_path(&self) -> PathBuf {
        self.directory.join(PRIVATE_FILE)
    }

    /// SHA-256 of the public key's `SubjectPublicKeyInfo`, base64: what Chromium's
    /// `--ignore-certificate-errors-spki-list` wants. It works because the authority's certificate
    /// is part of the chain that is served.
    pub fn spki_sha256_base64(&self) -> String {
        let spki = self.issuer.key().subject_public_key_info();
        base64::engine::general_purpose::STANDARD.encode(sha256(&spki))
    }

    /// When it expires, in seconds since 1970-01-01T00:00:00Z.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }
}

fn make() -> Result<String, CaError> {
    let crypto = |source| CaError::Crypto { source };
    let key = KeyPair::generate().map_err(crypto)?;
    let now = now_seconds();
    let mut name = DistinguishedName::new();
    let machine = machine_name();
    name.push(
        DnType::CommonName,
        format!("corscope on {machine}, {}", day(now)),
    );
    name.push(
        DnType::OrganizationName,
        "corscope (local development only)",
    );
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(random_serial().map_err(crypto)?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = moment(now - BACK_DATED_DAYS * DAY_SECONDS);
    params.not_after = moment(now + LIFE_DAYS * DAY_SECONDS);
    let certificate = params.self_signed(&key).map_err(crypto)?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}

/// Twenty octets at most, positive (RFC 5280 § 4.1.2.2); sixteen random ones are plenty.
pub(super) fn random_serial() -> Result<SerialNumber, rcgen::Error> {
    let mut bytes = [0_u8; 16];
    ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| rcgen::Error::RingUnspecified)?;
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

pub(super) fn now_seconds() -> i64 {
    chrono::Utc::now().timestamp()
}

pub(super) fn moment(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn day(seconds: i64) -> String {
    let at = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    at.format("%Y-%m-%d").to_string()
}

fn sha256(data: &[u8]) -> Vec<u8> {
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let hash = suite.tls13().map(|s| s.common.hash_provider.hash(data));
    hash.map_or_else(Vec::new, |h| h.as_ref().to_vec())
}

fn machine_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| fs::read_to_string("/etc/hostname"))
        .or_else(|_| std::env::var("HOSTNAME"))
        .or_else(|_| std::env::var("COMPUTERNAME"))
        .unwrap_or_default();
    let name: String = name
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        .take(40)
        .collect();
    if name.is_empty() {
        "this machine".to_owned()
    } else {
        name
    }
}

fn pem_of(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

// === files ===

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> CaError {
    CaError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

fn create_directory(path: &Path) -> Result<(), CaError> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder
        .create(path)
        .map_err(|e| io_error("create", path, e))
}

/// Creates a file whole or not at all; a file that is already there stays.
fn create_file(path: &Path, content: &[u8], mode: u32) -> Result<(), CaError> {
    let failed = |e| io_error("create", path, e);
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    // Unlike a rename, a link never takes the place of a file.
    let linked = written.and_then(|()| match fs::hard_link(&temporary, path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) if !path.exists() => fs::rename(&temporary, path),
        other => other,
    });
    let _ = fs::remove_file(&temporary);
    linked.map_err(failed)
}

/// Takes the key away from other users, should it have been copied or restored carelessly.
fn keep_private(path: &Path) -> Result<(), CaError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let failed = |e| io_error("protect", path, e);
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_then_loaded() {
        let home = tempfile::tempdir().expect("a directory");
        let dir = home.path().join("a/b");
        let first = Authority::load_or_create(&dir).expect("made");
        let second = Authority::load_or_create(&dir).expect("loaded");
        assert_eq!(first.certificate_pem(), second.certificate_pem());
        assert_eq!(first.spki_sha256_base64(), second.spki_sha256_base64());
        assert_eq!(first.spki_sha256_base64().len(), 44);
        let (_, x509) = x509_parser::parse_x509_certificate(first.certificate_der()).expect("x509");
        let constraints = x509.basic_constraints().expect("ext").expect("there").value;
        assert!(constraints.ca);
        assert_eq!(constraints.path_len_constraint, Some(0));
        let days = (first.expires_at() - now_seconds()) / DAY_SECONDS;
        assert!((363..=365).contains(&days), "{days}");
        assert!(x509.subject().to_string().contains("corscope on "));
        let public = fs::read_to_string(first.certificate_path()).expect("public file");
        assert_eq!(public, first.certificate_pem());
        assert!(!public.contains("PRIVATE"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |p: &Path| fs::metadata(p).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(&first.key_path()), 0o600);
            assert_eq!(mode(&dir), 0o700);
        }
        let names: Vec<_> = fs::read_dir(&dir).expect("dir").collect();
        assert_eq!(names.len(), 2, "no temporary files stay: {names:?}");
    }

    #[test]
    fn what_is_broken_is_named_and_left_alone() {
        let make = || {
            let home = tempfile::tempdir().expect("a directory");
            Authority::load_or_create(home.path()).expect("made");
            home
        };
        let whole = {
            let home = make();
            fs::read(home.path().join(PRIVATE_FILE)).expect("there")
        };
        let text = String::from_utf8(whole).expect("PEM");
        let key_only = text
            .split_inclusive("-----END PRIVATE KEY-----")
            .next()
            .expect("key");
        let certificate_only = &text[key_only.len()..];
        for (file, content) in [
            (PRIVATE_FILE, "garbage"),
            (PRIVATE_FILE, ""),
            (PRIVATE_FILE, key_only),
            (PRIVATE_FILE, certificate_only),
            (PUBLIC_FILE, "garbage"),
            (PUBLIC_FILE, certificate_only),
        ] {
            let home = make();
            let path = home.path().join(file);
            fs::write(&path, content).expect("written");
            let error = Authority::load_or_create(home.path())
                .err()
                .expect("refused");
            assert!(matches!(error, CaError::Corrupt { .. }), "{error}");
            assert!(
                error.to_string().contains(&*path.to_string_lossy()),
                "{error}"
            );
            assert_eq!(fs::read_to_string(&path).expect("still there"), content);
        }
        // A key of one and the certificate of another.
        let home = make();
        let other = fs::read_to_string(make().path().join(PRIVATE_FILE)).expect("there");
        let mixed = format!("{key_only}{}", &other[key_only.len()..]);
        fs::write(home.path().join(PRIVATE_FILE), mixed).expect("written");
        assert!(Authority::load_or_create(home.path()).is_err());
    }

    #[test]
    fn a_lost_key_is_not_replaced_behind_the_back_of_who_trusts_the_certificate() {
        let home = tempfile::tempdir().expect("a directory");
        let made = Authority::load_or_create(home.path()).expect("made");
        fs::remove_file(made.key_path()).expect("removed");
        assert!(Authority::load_or_create(home.path()).is_err());
        assert!(!made.key_path().exists());
    }

    #[test]
    fn an_unusable_directory_is_named() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("file");
        fs::write(&file, "").expect("written");
        let error = Authority::load_or_create(&file.join("x"))
            .err()
            .expect("refused");
        assert!(matches!(error, CaError::Io { .. }), "{error}");
        assert!(error.to_string().contains("file/x"), "{error}");
    }
}
