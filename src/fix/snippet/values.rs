//! What may be filled into a template.

use std::fmt;

use super::super::Needs;
use super::language::Language;
use crate::wire::Origin;

/// Longest origin or name that is filled in, in bytes: a host has at most 253.
const VALUE_BYTES_MAX: usize = 300;
/// Most values of one kind; a snippet is read and kept by people.
const VALUES_MAX: usize = 100;

/// What a refused value was meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The origin of a page.
    Origin,
    /// A request method.
    Method,
    /// A request header's name.
    Header,
    /// A response header's name, to be readable by script.
    Exposed,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Method => "method",
            Self::Header => "header name",
            Self::Exposed => "response header name",
        }
    }
}

/// Why there is no snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No template has this id.
    Unknown {
        /// The id that was asked for.
        id: String,
    },
    /// No origin is known: there is nobody to let in.
    NoOrigin,
    /// Too many values for a list that people keep.
    TooMany {
        /// Of which kind.
        kind: Kind,
    },
    /// A value that is not written into a configuration.
    Value {
        /// What it was meant to be.
        kind: Kind,
        /// The value itself.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The template itself is at fault.
    Template {
        /// Which one.
        id: &'static str,
        /// What the engine said.
        fault: String,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { id } => write!(f, "there is no snippet called {}", id.escape_debug()),
            Self::NoOrigin => f.write_str("no snippet: no page's origin is known to let in"),
            Self::TooMany { kind } => write!(
                f,
                "no snippet: more than {VALUES_MAX} different values for one list ({})",
                kind.name()
            ),
            Self::Value { kind, value, why } => {
                let shown: String = value.chars().take(80).collect();
                write!(
                    f,
                    "no snippet: the {} \"{}\" {why}",
                    kind.name(),
                    shown.escape_debug()
                )
            }
            Self::Template { id, fault } => write!(f, "the template {id} is at fault: {fault}"),
        }
    }
}

impl std::error::Error for Refused {}

/// What a template is filled with, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) origins: Vec<String>,
    pub(super) methods: Vec<String>,
    pub(super) headers: Vec<String>,
    pub(super) expose: Vec<String>,
    pub(super) credentials: bool,
}

impl Values {
    /// The needs, every value checked, each once; header names in lower case.
    pub(super) fn of(needs: &Needs, language: Language) -> Result<Self, Refused> {
        let values = Self {
            origins: checked(Kind::Origin, &needs.origins, language, str::to_owned)?,
            methods: checked(Kind::Method, &needs.methods, language, str::to_owned)?,
            headers: checked(
                Kind::Header,
                &needs.headers,
                language,
                str::to_ascii_lowercase,
            )?,
            expose: checked(
                Kind::Exposed,
                &needs.expose,
                language,
                str::to_ascii_lowercase,
            )?,
            credentials: needs.credentials,
        };
        if values.origins.is_empty() {
            return Err(Refused::NoOrigin);
        }
        Ok(values)
    }
}

fn checked(
    kind: Kind,
    values: &[String],
    language: Language,
    canonical: impl Fn(&str) -> String,
) -> Result<Vec<String>, Refused> {
    let mut out: Vec<String> = Vec::new();
    for value in values {
        let fault = match kind {
            Kind::Origin => origin_fault(value),
            Kind::Method | Kind::Header | Kind::Exposed => name_fault(value),
        };
        let fault = fault.or_else(|| {
            let written = language.escape(value);
            written
                .is_none()
                .then_some("cannot be written in this configuration language")
        });
        if let Some(why) = fault {
            return Err(Refused::Value {
                kind,
                value: value.clone(),
                why,
            });
        }
        let value = canonical(value);
        if !out.contains(&value) {
            out.push(value);
        }
        if out.len() > VALUES_MAX {
            return Err(Refused::TooMany { kind });
        }
    }
    Ok(out)
}

/// What is wrong with an origin, if anything. The URL standard lets hosts hold quotes, `$`, braces
/// and asterisks ([URL § forbidden host code points](https://url.spec.whatwg.org/#forbidden-host-code-point));
/// no real host does, and in a configuration they would mean something.
fn origin_fault(value: &str) -> Option<&'static str> {
    if value == "null" {
        return Some("can be sent by any sandboxed page: mend what makes the origin null");
    }
    if value.contains('*') {
        return Some("is a wildcard: name every origin whole");
    }
    if value.len() > VALUE_BYTES_MAX {
        return Some("is too long for an origin");
    }
    if let Some(why) = character_fault(value) {
        return Some(why);
    }
    let serialised = Origin::from_header(value);
    let Some(Origin::Tuple { host, .. }) = serialised else {
        return Some("is not an origin as browsers send it (scheme://host, port only if unusual)");
    };
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let clean = match inner {
        Some(address) => address
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.'),
        None => host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)),
    };
    (!clean).then_some("has a host with characters that no real host has")
}

/// What is wrong with a method or a header's name, if anything: a token (RFC 9110 § 5.6.2), and of
/// its characters none that quotes, expands or stands for everything somewhere.
fn name_fault(value: &str) -> Option<&'static str> {
    if value.is_empty() {
        return Some("is empty");
    }
    if value == "*" {
        return Some("is a wildcard: name every one");
    }
    if value.len() > VALUE_BYTES_MAX {
        return Some("is too long for a name");
    }
    if let Some(why) = character_fault(value) {
        return Some(why);
    }
    let token = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"!#%&*+-.^_|~".contains(&b));
    if !token {
        return Some("is not a token (letters, digits and a few signs)");
    }
    value
        .contains('*')
        .then_some("has an asterisk, which stands for everything in many configurations")
}

fn character_fault(value: &str) -> Option<&'static str> {
    value.chars().find_map(|c| {
        Some(match c {
            '\'' | '"' => "has a quote in it",
            '`' => "has a backtick in it",
            '\\' => "has a backslash in it",
            '$' => "has a dollar sign in it",
            '{' | '}' => "has a brace in it",
            '<' | '>' => "has an angle bracket in it",
            c if c.is_control() => "has a control character in it",
            c if c.is_whitespace() => "has white space in it",
            c if !c.is_ascii() => "has a character outside ASCII in it",
            _ => return None,
        })
    })
}
