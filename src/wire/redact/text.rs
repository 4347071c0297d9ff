//! Secrets in text of any kind: tokens by their shape, and values behind names that give them away.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use super::names;
use super::pseudonym::is_pseudonym;
use super::{Redactor, json, looks_like_json};

/// What to replace, and by what.
struct Rule {
    /// Where none of these bytes is, nothing can match; empty: anything might. Most texts are short
    /// strings of JSON, for which looking is cheaper than matching.
    marks: &'static [u8],
    pattern: LazyLock<Regex>,
    replace: fn(&Redactor, &Captures<'_>) -> Vec<u8>,
}

impl Rule {
    fn may_match(&self, text: &[u8]) -> bool {
        match *self.marks {
            [] => true,
            [one] => memchr::memchr(one, text).is_some(),
            [one, other] => memchr::memchr2(one, other, text).is_some(),
            _ => text.iter().any(|byte| self.marks.contains(byte)),
        }
    }
}

macro_rules! rule {
    ($marks:expr, $pattern:expr, $replace:expr) => {
        Rule {
            marks: $marks,
            pattern: LazyLock::new(|| {
                Regex::new($pattern).expect("a pattern of this file is well-formed")
            }),
            replace: $replace,
        }
    };
}

/// No shape of a token is shorter.
const TOKEN_BYTES_MIN: usize = 11;

/// Tokens by their shape, wherever they stand.
static SHAPES: [Rule; 5] = [
    rule!(
        b"-",
        r"(?-u)-----BEGIN [A-Z ]*PRIVATE KEY-----([\s\S]*?)(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
        |r, found| replaced(r, found, 1, Kind::Secret)
    ),
    rule!(
        b"J",
        r"(?-u)\b(eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_=-]*){0,4})",
        |r, found| replaced(r, found, 1, Kind::Token)
    ),
    rule!(
        &[],
        r"(?-u)(?i:\b(?:bearer|basic|digest|negotiate|ntlm|token)\s+)([A-Za-z0-9._~+/=-]{12,})",
        |r, found| {
            // "Basic authentication", "token verification", `Bearer authorization_uri=`: words and
            // names, not secrets.
            let word = found[1]
                .iter()
                .all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'='));
            if word {
                found[0].to_vec()
            } else {
                replaced(r, found, 1, Kind::Token)
            }
        }
    ),
    rule!(
        &[],
        r"(?-u)\b((?:sk|pk|rk)[-_](?:live|test|proj|ant|or)[-_][A-Za-z0-9_-]{16,}|sk-[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9._-]{16,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|dop_v1_[a-f0-9]{40,}|shp(?:at|ca|pa|ss)_[a-f0-9]{20,}|whsec_[A-Za-z0-9]{16,})",
        |r, found| replaced(r, found, 1, Kind::Secret)
    ),
    // Whoever knows these paths may do what they are for: Slack's and Discord's webhooks, Telegram's bots.
    rule!(
        b"/",
        r"(?-u)(?:/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/|/webhooks/[0-9]{6,}/|/bot[0-9]{6,}:)([A-Za-z0-9_-]{20,})",
        |r, found| replaced(r, found, 1, Kind::Secret)
    ),
];

/// Values behind names, as JSON, script, markup, URLs and settings write them.
static PAIRS: [Rule; 8] = [
    // userinfo: https://ann:secret@host
    rule!(
        b"@",
        r#"(?-u)\b[a-zA-Z][a-zA-Z0-9+.-]*://([^\s/?\#@"'<>\\:]*)(?::([^\s/?\#@"'<>\\]*))?@"#,
        |r, found| {
            let mut out = found[0].to_vec();
            for group in [2, 1] {
                if let Some(part) = found.get(group).filter(|part| !part.is_empty()) {
                    let start = part.start() - found.get(0).map_or(0, |all| all.start());
                    let name = r.pseudonym(&percent_decoded(part.as_bytes()));
                    out.splice(start..start + part.len(), name.into_bytes());
                }
            }
            out
        }
    ),
    // "name": "value", "name": 123; also name: "value" and name = 'value' in script
    rule!(
        b"\"'",
        r#"(?-u)(?:"([A-Za-z0-9_$.@:\[\]-]{2,64})"|'([A-Za-z0-9_$.@:\[\]-]{2,64})'|\b([A-Za-z_$][A-Za-z0-9_$]{1,64}))\s*(?::|=>|=)\s*(?:"((?:[^"\\\n]|\\.)*)"?|'((?:[^'\\\n]|\\.)*)'?)"#,
        |r, found| {
            let name = first(found, &[1, 2, 3]);
            let (group, value) = if found.get(4).is_some() {
                (4, &found[4])
            } else {
                (5, found.get(5).map_or(&b""[..], |m| m.as_bytes()))
            };
            if names::is_secret(&name) && !is_prose(value) {
                replaced(r, found, group, Kind::Escaped)
            } else {
                found[0].to_vec()
            }
        }
    ),
    // X-Api-Key: value, on a line of its own: headers that a server repeats, settings
    rule!(
        b":",
        r#"(?-u)(?m:^)[ \t>]*([A-Za-z][A-Za-z0-9_-]{2,60}):[ \t]*([^\s"'{\[][^\r\n]*)"#,
        |r, found| field(r, found)
    ),
    // {\"name\":\"value\"}: JSON within a string
    rule!(
        b"\\",
        r#"(?-u)\\+"([A-Za-z0-9_$.-]{2,64})\\+"\s*:\s*\\+"([^"\\]*)"#,
        |r, found| if names::is_secret(&first(found, &[1])) {
            replaced(r, found, 2, Kind::Token)
        } else {
            found[0].to_vec()
        }
    ),
    // name=value in URLs, forms, cookies, logs; the value ends where any of these would
    rule!(
        b"=",
        r#"(?-u)(^|[?&\#;,\s"'(]|&amp;)([A-Za-z0-9_.\[\]%$-]{1,64})=([^&\#;,\s"'<>()\\]+)"#,
        |r, found| {
            let name = String::from_utf8_lossy(&percent_decoded(&found[2])).into_owned();
            let value = String::from_utf8_lossy(&found[3]);
            let in_url = matches!(found[1].first(), Some(b'?' | b'&' | b'#'));
            let secret = if in_url {
                names::is_secret_parameter(&name, &value)
            } else {
                names::is_secret(&name)
            };
            if secret {
                return replaced(r, found, 3, Kind::Encoded);
            }
            let before = found[0].len() - found[3].len();
            match enclosed(r, &found[3]) {
                Some(value) => [&found[0][..before], &value].concat(),
                None => found[0].to_vec(),
            }
        }
    ),
    // /reset-password/9f8e7d6c...: what follows in the path is a key, if it looks made by a machine
    rule!(b"/", r"(?-u)(?:/[A-Za-z0-9_~.=%+-]+){2,}", |r, found| path(
        r, &found[0]
    )),
    // <meta name="csrf-token" content="...">, <input name="password" value="...">
    rule!(b"<", r"(?-u)<(?i:meta|input|param)\b[^<>]*>", |r, found| {
        markup(r, &found[0])
    }),
    // <password>...</password>
    rule!(
        b"<",
        r"(?-u)<([A-Za-z_][A-Za-z0-9_.:-]{1,64})(?:\s[^<>]*)?>([^<>\s]+)</",
        |r, found| if names::is_secret(&first(found, &[1])) {
            replaced(r, found, 2, Kind::Token)
        } else {
            found[0].to_vec()
        }
    ),
];

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u)[A-Za-z0-9._%+-]+(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
        .expect("a pattern of this file is well-formed")
});

static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?-u)([A-Za-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"#)
        .expect("a pattern of this file is well-formed")
});

/// How a value is written where it was found.
#[derive(Clone, Copy)]
enum Kind {
    /// As it is.
    Secret,
    /// As it is, and may be a JWT.
    Token,
    /// With percent signs; `+` is a space.
    Encoded,
    /// With backslashes.
    Escaped,
}

/// What stands within a value that is no secret as a whole: a URL (`url=https://api.test/?token=...`),
/// also with percent signs (`next=%2Fcb%3Ftoken%3D...`), a JSON text. `None` if there is no secret in it.
fn enclosed(redactor: &Redactor, value: &[u8]) -> Option<Vec<u8>> {
    let plain = if value.contains(&b'%') {
        Cow::Owned(form_decoded(value))
    } else {
        Cow::Borrowed(value)
    };
    memchr::memchr3(b'=', b':', b'@', &plain)?;
    let inner = redactor.within()?;
    let redacted = if looks_like_json(&plain) {
        json::redact(&inner, &plain, 1)
    } else {
        redact(&inner, &plain).into_owned()
    };
    if *redacted == *plain {
        return None;
    }
    if matches!(plain, Cow::Borrowed(_)) {
        return Some(redacted);
    }
    let encoded: String = url::form_urlencoded::byte_serialize(&redacted).collect();
    Some(encoded.into_bytes())
}

/// Text without secrets; the same text if it had none.
pub(super) fn redact<'a>(redactor: &Redactor, text: &'a [u8]) -> Cow<'a, [u8]> {
    let mut out = Cow::Borrowed(text);
    for pattern in &redactor.patterns {
        apply(&mut out, pattern, &|found| own(redactor, found));
    }
    let word = |b: &u8| b.is_ascii_alphanumeric() || b" _-.,".contains(b);
    if text.len() < TOKEN_BYTES_MIN && text.iter().all(word) {
        return out;
    }
    for rule in SHAPES.iter().chain(&PAIRS) {
        if rule.may_match(&out) {
            apply(&mut out, &rule.pattern, &|found| {
                (rule.replace)(redactor, found)
            });
        }
    }
    if redactor.emails {
        apply(&mut out, &EMAIL, &|found| {
            // The userinfo of a URL, hidden already.
            let local = found[0].split(|b| matches!(b, b'@' | b'%')).next();
            if local.is_some_and(is_pseudonym) {
                return found[0].to_vec();
            }
            redactor.pseudonym(&percent_decoded(&found[0])).into_bytes()
        });
    }
    out
}

fn apply(text: &mut Cow<'_, [u8]>, pattern: &Regex, replace: &dyn Fn(&Captures<'_>) -> Vec<u8>) {
    let changed = match pattern.replace_all(text, |found: &Captures<'_>| replace(found)) {
        Cow::Borrowed(_) => return,
        Cow::Owned(changed) => changed,
    };
    *text = Cow::Owned(changed);
}

/// A pattern of the user's own: its groups, or all of it if it has none.
pub(super) fn own(redactor: &Redactor, found: &Captures<'_>) -> Vec<u8> {
    let mut out = found[0].to_vec();
    let start = found.get(0).map_or(0, |all| all.start());
    let groups: Vec<_> = found.iter().skip(1).flatten().collect();
    if groups.is_empty() {
        return redactor.pseudonym(&out).into_bytes();
    }
    let mut end = usize::MAX;
    for group in groups.iter().rev() {
        // Groups within groups are hidden with the outer one.
        if group.end() <= end && !groups.iter().any(|g| g != group && contains(g, group)) {
            let at = group.start() - start..group.end() - start;
            let name = redactor.pseudonym(group.as_bytes());
            out.splice(at, name.into_bytes());
            end = group.start();
        }
    }
    out
}

fn contains(outer: &regex::bytes::Match<'_>, inner: &regex::bytes::Match<'_>) -> bool {
    outer.start() <= inner.start() && inner.end() <= outer.end() && outer.len() > inner.len()
}

fn first(found: &Captures<'_>, groups: &[usize]) -> String {
    let name = groups.iter().find_map(|group| found.get(*group));
    name.map_or_else(String::new, |m| {
        String::from_utf8_lossy(m.as_bytes()).into_owned()
    })
}

fn replaced(redactor: &Redactor, found: &Captures<'_>, group: usize, kind: Kind) -> Vec<u8> {
    let mut out = found[0].to_vec();
    let Some(value) = found.get(group) else {
        return out;
    };
    let raw = value.as_bytes();
    let name = match kind {
        Kind::Secret => redactor.pseudonym(raw),
        Kind::Token => redactor.token(raw),
        Kind::Encoded => redactor.token(&form_decoded(raw)),
        Kind::Escaped => redactor.token(&unescaped(raw)),
    };
    let start = value.start() - found.get(0).map_or(0, |all| all.start());
    out.splice(start..start + raw.len(), name.into_bytes());
    out
}

/// Each segment of a path by the one before it.
fn path(redactor: &Redactor, run: &[u8]) -> Vec<u8> {
    const NAME_BYTES: std::ops::RangeInclusive<usize> = 2..=41;
    const KEY_BYTES_MIN: usize = 16;
    let mut out = Vec::with_capacity(run.len());
    let mut before: &[u8] = b"";
    for segment in run.split(|byte| *byte == b'/').skip(1) {
        out.push(b'/');
        let is_key = segment.len() >= KEY_BYTES_MIN
            && NAME_BYTES.contains(&before.len())
            && names::is_before_secret(&String::from_utf8_lossy(before))
            && is_made(segment);
        if is_key {
            let name = redactor.token(&percent_decoded(segment));
            out.extend_from_slice(name.as_bytes());
        } else {
            out.extend_from_slice(segment);
        }
        before = segment;
    }
    out
}

fn field(redactor: &Redactor, found: &Captures<'_>) -> Vec<u8> {
    let mut out = found[0].to_vec();
    let Ok(value) = std::str::from_utf8(&found[2]) else {
        return out;
    };
    let name = first(found, &[1]);
    let hidden = match names::of_header(&name) {
        names::Value::Credentials | names::Value::Cookies | names::Value::SetCookie => true,
        // `token: string` declares one, and holds none.
        names::Value::Secret => value.len() >= 8 && value.bytes().any(|b| b.is_ascii_digit()),
        names::Value::Evidence | names::Value::Url | names::Value::Text => false,
    };
    if hidden && !is_prose(value.as_bytes()) {
        let behind = out.len() - value.len();
        out.truncate(behind);
        out.extend_from_slice(redactor.header(&name, value).as_bytes());
    }
    out
}

fn markup(redactor: &Redactor, tag: &[u8]) -> Vec<u8> {
    let attributes: Vec<_> = ATTRIBUTE.captures_iter(tag).collect();
    let value = |found: &Captures<'_>| first(found, &[2, 3, 4]);
    let named = attributes.iter().any(|a| {
        let by = a[1].to_ascii_lowercase();
        matches!(&by[..], b"name" | b"id" | b"property") && names::is_secret(&value(a))
            || (by == b"type" && value(a).eq_ignore_ascii_case("password"))
    });
    let mut out = tag.to_vec();
    if named {
        for found in attributes.iter().rev() {
            let holds = matches!(&found[1].to_ascii_lowercase()[..], b"content" | b"value");
            let at = [2, 3, 4].iter().find_map(|group| found.get(*group));
            if let Some(at) = at.filter(|_| holds) {
                let name = redactor.token(at.as_bytes());
                out.splice(at.range(), name.into_bytes());
            }
        }
    }
    out
}

/// Whether a piece of a path was made by a machine: names that people give have no digits, and hardly
/// ever so many letters, great and small, in one word.
fn is_made(segment: &[u8]) -> bool {
    let any = |is: fn(&u8) -> bool| segment.iter().any(is);
    let long = segment.iter().filter(|b| b.is_ascii_alphanumeric()).count();
    let mixed = any(u8::is_ascii_lowercase) && any(u8::is_ascii_uppercase) && long >= 20;
    // A file's name with its ending: `bundle.4f3a2b1c.js`.
    let ending = segment.rsplit(|b| *b == b'.').next().map_or(0, <[u8]>::len);
    let file = segment.contains(&b'.') && (1..=5).contains(&ending);
    long >= 16 && !file && (any(u8::is_ascii_digit) || mixed)
}

/// Whether a value is a sentence about a secret rather than one: `"token": "must not be empty"`.
pub(super) fn is_prose(value: &[u8]) -> bool {
    let words = value.split(|b| *b == b' ').filter(|w| !w.is_empty());
    words.clone().count() >= 3
        && words
            .flatten()
            .all(|b| b.is_ascii_alphabetic() || b".,'-:\"\\()".contains(b))
}

pub(super) fn percent_decoded(text: &[u8]) -> Cow<'_, [u8]> {
    percent_encoding::percent_decode(text).into()
}

/// As forms have it: `+` is a space.
pub(super) fn form_decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    percent_decoded(&spaced).into_owned()
}

/// A string of JSON or script without its escapes, as far as they can be read.
pub(super) fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut quoted = Vec::with_capacity(text.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(text);
    quoted.push(b'"');
    match serde_json::from_slice::<String>(&quoted) {
        Ok(text) => Cow::Owned(text.into_bytes()),
        Err(_) => Cow::Borrowed(text),
    }
}
