//! The local certificate authority: made on first use, kept in one private file, replaced only when
//! a person says so.

mod certificate;
mod files;

use std::fs;
use std::io;
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

pub use certificate::CaCertificate;
use certificate::{ORGANIZATION, day, hex, sha256};
use files::{create_directory, create_file, io_error, keep_private, machine_name};

/// The private file: key, then certificate, PEM, readable by its owner only. What counts.
const PRIVATE_FILE: &str = "corscope-ca-key.pem";
/// The certificate alone, PEM, for people and programs that are to trust it.
const PUBLIC_FILE: &str = "corscope-ca.pem";
/// How long an authority lives, in days.
const LIFE_DAYS: i64 = 365;
/// How far certificates are back-dated, in days: clocks differ.
const BACK_DATED_DAYS: i64 = 2;

/// How many days before its end a person is told.
const WARN_DAYS: i64 = 30;

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
    #[error("{} is not a usable certificate authority ({why}); corscope ca rotate makes a new one", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Its life is over.
    #[error("the certificate authority in {} expired on {on}; corscope ca rotate makes a new one", path.display())]
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
    pub(super) certificate: CaCertificate,
    directory: PathBuf,
    remarks: Vec<String>,
}

/// What became of an authority that was replaced.
pub struct Rotated {
    /// The new one.
    pub authority: Authority,
    /// The certificate before, as far as it was readable.
    pub before: Option<CaCertificate>,
    /// Where the key file before lies now, if it was unusable: nothing is thrown away unread.
    pub set_aside: Option<PathBuf>,
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
        let mut authority = Self::from_pem(&text, &private)?;
        if let Some(mode) = keep_private(&private)? {
            authority.remarks.push(format!(
                "The key {} could be read by others (mode {mode:03o}); it is 600 now. If somebody \
                 may have read it, corscope ca rotate makes a new one.",
                private.display()
            ));
        }
        match fs::read(&public) {
            Ok(bytes)
                if CertificateDer::from_pem_slice(&bytes)
                    .is_ok_and(|c| c == authority.certificate.der) => {}
            Ok(_) => {
                return Err(CaError::Corrupt {
                    path: public,
                    why: "it is not the certificate that goes with the key file",
                });
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                create_file(&public, authority.certificate_pem().as_bytes(), 0o644)?;
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
        let shown = CaCertificate::from_der(&der).ok_or_else(|| corrupt("no certificate in it"))?;
        let now = now_seconds();
        if shown.expires_at() <= now {
            return Err(CaError::Expired {
                path: path.to_owned(),
                on: shown.expires_on(),
            });
        }
        let remarks = ageing(&shown, now).into_iter().collect();
        let issuer = Issuer::from_ca_cert_der(&der, key)
            .map_err(|_| corrupt("its certificate cannot be used for signing"))?;
        Ok(Self {
            issuer,
            certificate: shown,
            directory: path.parent().unwrap_or(Path::new(".")).to_owned(),
            remarks,
        })
    }

    /// Makes a new authority in the place of the one that is there, whatever its state. Programs
    /// that run go on with the old one until they are started again.
    pub fn rotate(directory: &Path) -> Result<Rotated, CaError> {
        create_directory(directory)?;
        let private = directory.join(PRIVATE_FILE);
        let public = directory.join(PUBLIC_FILE);
        let before = Self::certificate_in(directory);
        let text = make()?;
        let unusable = match fs::read_to_string(&private) {
            Ok(text) => matches!(
                Self::from_pem(&text, &private),
                Err(CaError::Corrupt { .. } | CaError::Io { .. })
            ),
            Err(e) => e.kind() != io::ErrorKind::NotFound,
        };
        let mut set_aside = None;
        if unusable {
            let aside = directory.join(format!("{PRIVATE_FILE}.unusable-{}", now_seconds()));
            fs::rename(&private, &aside).map_err(|e| io_error("set aside", &private, e))?;
            set_aside = Some(aside);
        }
        // Without its public file an authority is whole; with another's it is not.
        match fs::remove_file(&public) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("replace", &public, e));
            }
            _ => {}
        }
        let beside = directory.join(format!("{PRIVATE_FILE}.new"));
        let _ = fs::remove_file(&beside);
        create_file(&beside, text.as_bytes(), 0o600)?;
        fs::rename(&beside, &private).map_err(|e| io_error("replace", &private, e))?;
        Ok(Rotated {
            authority: Self::load_or_create(directory)?,
            before,
            set_aside,
        })
    }

    /// Loads the authority of a directory as it is; nothing is made or mended.
    pub fn load(directory: &Path) -> Result<Self, CaError> {
        let private = directory.join(PRIVATE_FILE);
        let text = fs::read_to_string(&private).map_err(|e| io_error("read", &private, e))?;
        Self::from_pem(&text, &private)
    }

    /// The certificate that lies in a directory, whether or not there is a key for it and whether or
    /// not it is still valid. Nothing is made.
    pub fn certificate_in(directory: &Path) -> Option<CaCertificate> {
        [PRIVATE_FILE, PUBLIC_FILE].iter().find_map(|file| {
            let text = fs::read(directory.join(file)).ok()?;
            CaCertificate::all_from_pem(&text).into_iter().next()
        })
    }

    /// Where the certificate of a directory's authority lies, or would.
    pub fn certificate_path_in(directory: &Path) -> PathBuf {
        directory.join(PUBLIC_FILE)
    }

    /// Where the key of a directory's authority lies, or would.
    pub fn key_path_in(directory: &Path) -> PathBuf {
        directory.join(PRIVATE_FILE)
    }

    /// The certificate.
    pub fn certificate(&self) -> &CaCertificate {
        &self.certificate
    }

    /// What a person should be told before this authority is used; whole sentences.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> &str {
        self.certificate.pem()
    }

    /// The certificate as DER.
    pub fn certificate_der(&self) -> &[u8] {
        self.certificate.der()
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
        self.certificate.expires_at()
    }
}

/// What is to be said about the age of an authority that is not yet over.
fn ageing(certificate: &CaCertificate, now: i64) -> Option<String> {
    let from = certificate.valid_from();
    if from > now {
        return Some(format!(
            "By the clock of this machine ({}) corscope's certificate authority is valid only from \
             {} on, so no browser accepts it; set the clock, or make a new one with corscope ca \
             rotate.",
            day(now),
            day(from)
        ));
    }
    let left = certificate.days_left(now);
    let when = match left {
        WARN_DAYS.. => return None,
        1.. => format!("in {left} days"),
        _ => "today".to_owned(),
    };
    Some(format!(
        "corscope's certificate authority expires {when}, on {}; corscope ca rotate makes a new one.",
        certificate.expires_on()
    ))
}

fn make() -> Result<String, CaError> {
    let crypto = |source| CaError::Crypto { source };
    let key = KeyPair::generate().map_err(crypto)?;
    let now = now_seconds();
    let mut name = DistinguishedName::new();
    let machine = machine_name();
    // Two authorities of one day need two names: certificate stores tell them apart by these.
    let short = hex(&sha256(&key.subject_public_key_info())[..3], "").to_lowercase();
    name.push(
        DnType::CommonName,
        format!("corscope on {machine}, {} ({short})", day(now)),
    );
    name.push(DnType::OrganizationName, ORGANIZATION);
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

/// Thirty-two hexadecimal digits that nobody can guess.
pub(super) fn random_token() -> Result<String, rcgen::Error> {
    let mut bytes = [0_u8; 16];
    ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| rcgen::Error::RingUnspecified)?;
    Ok(hex(&bytes, "").to_lowercase())
}

pub(super) fn now_seconds() -> i64 {
    chrono::Utc::now().timestamp()
}

pub(super) fn moment(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
