//! What stands in the place of a secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::Value;

/// What every pseudonym begins with.
pub(super) const MARK: &str = "redacted-";
/// How many letters follow: 5 bits each, so that two secrets of one capture hardly ever share one.
const LETTERS: usize = 10;

/// Maker of pseudonyms: HMAC-SHA-256 under a key that stays here, cut short.
#[derive(Clone)]
pub(super) struct Pseudonyms {
    key: hmac::Key,
}

impl Pseudonyms {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// The pseudonym of a secret; a pseudonym stands for itself, so that redacting twice is redacting
    /// once, and nothing has nothing to hide.
    pub(super) fn of(&self, secret: &[u8]) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        if secret.is_empty() || is_pseudonym(secret) {
            return String::from_utf8_lossy(secret).into_owned();
        }
        let tag = hmac::sign(&self.key, secret);
        let mut name = String::with_capacity(MARK.len() + LETTERS);
        name.push_str(MARK);
        for byte in &tag.as_ref()[..LETTERS] {
            name.push(char::from(ALPHABET[usize::from(byte % 32)]));
        }
        name
    }

    /// A token: a JWT keeps its header and the names and times of its claims, anything else gets a
    /// pseudonym.
    pub(super) fn of_token(&self, token: &[u8]) -> String {
        self.jwt(token).unwrap_or_else(|| self.of(token))
    }

    fn jwt(&self, token: &[u8]) -> Option<String> {
        let token = std::str::from_utf8(token).ok()?;
        let mut parts = token.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let read = |part: &str| -> Option<Value> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?).ok()
        };
        let head = read(header).filter(Value::is_object)?;
        head.get("alg")?;
        let mut body = read(claims).filter(Value::is_object)?;
        if is_pseudonym(signature.as_bytes()) {
            return Some(token.to_owned());
        }
        self.hide(None, &mut body);
        let claims = URL_SAFE_NO_PAD.encode(body.to_string());
        let signature = self.of(signature.as_bytes());
        Some(format!("{header}.{claims}.{signature}"))
    }

    // Times tell whether a token was expired, which is often the point.
    fn hide(&self, name: Option<&str>, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.of(text.as_bytes()),
            Value::Number(number) => {
                let time = matches!(
                    name,
                    Some("exp" | "iat" | "nbf" | "auth_time" | "updated_at")
                );
                if !time {
                    *value = Value::String(self.of(number.to_string().as_bytes()));
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide(name, item)),
            Value::Object(members) => members
                .iter_mut()
                .for_each(|(name, value)| self.hide(Some(name), value)),
            Value::Null | Value::Bool(_) => {}
        }
    }
}

/// Whether this was redacted already.
pub(super) fn is_pseudonym(text: &[u8]) -> bool {
    text.strip_prefix(MARK.as_bytes()).is_some_and(|rest| {
        rest.len() == LETTERS && rest.iter().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
    })
}

/// Whether there is something in it that was redacted.
pub(crate) fn is_redacted(text: &str) -> bool {
    if memchr::memmem::find(text.as_bytes(), MARK.as_bytes()).is_none() {
        return false;
    }
    let mut behind = text.split(MARK).skip(1);
    behind.any(|rest| {
        let letters = rest.bytes().take(LETTERS);
        letters.clone().count() == LETTERS
            && letters
                .into_iter()
                .all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_secret_has_the_same_name_under_one_key() {
        let one = Pseudonyms::new(&[1; 32]);
        assert_eq!(one.of(b"hunter2"), one.of(b"hunter2"));
        assert_ne!(one.of(b"hunter2"), one.of(b"hunter3"));
        assert_ne!(one.of(b"hunter2"), Pseudonyms::new(&[2; 32]).of(b"hunter2"));
        assert!(is_pseudonym(one.of(b"x").as_bytes()));
        assert_eq!(one.of(one.of(b"x").as_bytes()), one.of(b"x"));
    }

    #[test]
    fn a_jwt_stays_a_jwt() {
        let names = Pseudonyms::new(&[7; 32]);
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let header = part(r#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = part(r#"{"sub":"4711","email":"ann@app.test","exp":1795420265,"id":42}"#);
        let out = names.of_token(format!("{header}.{claims}.c2lnbmF0dXJl").as_bytes());
        assert!(
            out.starts_with(&header) && !out.contains("c2lnbmF0dXJl"),
            "{out}"
        );
        let middle = out.split('.').nth(1).expect("three parts");
        let middle = URL_SAFE_NO_PAD.decode(middle).expect("base64");
        let middle = String::from_utf8(middle).expect("text");
        assert!(middle.contains("\"exp\":1795420265") && middle.contains("\"email\":\"redacted-"));
        assert!(!middle.contains("4711") && !middle.contains("42,") && !middle.contains("ann"));
        assert_eq!(names.of_token(out.as_bytes()), out);
    }
}
