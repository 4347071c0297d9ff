//! Which names stand for secrets: of headers, of parameters, of JSON members.

/// What the value of a header is, to the one who redacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// What the verdict is made of: never changed.
    Evidence,
    /// `scheme credentials`.
    Credentials,
    /// `name=value; name=value`.
    Cookies,
    /// `name=value; attribute; attribute`.
    SetCookie,
    /// A secret as a whole.
    Secret,
    /// A URL.
    Url,
    /// Free text, which may hold URLs and tokens.
    Text,
}

/// What a header of this name holds.
pub(super) fn of_header(name: &str) -> Value {
    let name = name.trim().to_ascii_lowercase();
    match name.as_str() {
        "origin"
        | "vary"
        | "host"
        | "allow"
        | "upgrade"
        | "connection"
        | "content-type"
        | "content-encoding"
        | "content-length"
        | "date"
        | "etag"
        | "age"
        | "cache-control"
        | "timing-allow-origin"
        | "cross-origin-resource-policy"
        | "user-agent"
        | "idempotency-key"
        | "sec-websocket-version"
        | "sec-websocket-extensions" => return Value::Evidence,
        "authorization" | "proxy-authorization" => return Value::Credentials,
        "cookie" | "cookie2" => return Value::Cookies,
        "set-cookie" | "set-cookie2" => return Value::SetCookie,
        "sec-websocket-key" | "sec-websocket-accept" | "sec-websocket-protocol" => {
            return Value::Text;
        }
        "location" | "content-location" | "referer" => return Value::Url,
        "authentication-info" | "x-forwarded-client-cert" | "client-cert" => return Value::Secret,
        _ => {}
    }
    let evidence = ["access-control-", "sec-fetch-", "sec-ch-", "cross-origin-"];
    if evidence.iter().any(|prefix| name.starts_with(prefix)) {
        return Value::Evidence;
    }
    if name.ends_with("authorization") {
        return Value::Credentials;
    }
    let words = words(&name);
    let tells = |one: &&str| matches!(*one, "auth" | "session" | "credential" | "credentials");
    let about = [
        "policy", "type", "expires", "expiry", "url", "method", "limit",
    ];
    let secret = names_secret(&words)
        || (words.iter().map(String::as_str).any(|word| tells(&word))
            && !words.iter().any(|word| about.contains(&word.as_str())));
    if secret { Value::Secret } else { Value::Text }
}

/// Whether a JSON member, form field, cookie-like assignment or XML element of this name holds a
/// secret.
pub(super) fn is_secret(name: &str) -> bool {
    names_secret(&words(name))
}

/// Whether a parameter of a URL or a form does: some names are secrets only there.
pub(super) fn is_secret_parameter(name: &str, value: &str) -> bool {
    let words = words(name);
    if names_secret(&words) {
        return true;
    }
    let long = |chars: usize| value.len() >= chars && value.bytes().any(|b| b.is_ascii_digit());
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["auth" | "sid" | "ticket" | "assertion" | "saml", ..] => true,
        ["code" | "state" | "nonce"] => long(10),
        ["key"] => long(16),
        _ => false,
    }
}

/// Whether the segment of a path that follows one of this name may be a key: whoever has the link may
/// do what it is for.
pub(super) fn is_before_secret(segment: &str) -> bool {
    let words = words(segment);
    let doors = [
        "reset",
        "verify",
        "verification",
        "confirm",
        "confirmation",
        "activate",
        "activation",
        "invite",
        "invitation",
        "invitations",
        "magic",
        "unsubscribe",
        "webhook",
        "webhooks",
        "hooks",
        "share",
        "shared",
        "key",
        "keys",
    ];
    names_secret(&words)
        || words.iter().any(|word| doors.contains(&word.as_str()))
        || words
            .last()
            .is_some_and(|word| word == "sessions" || word == "session")
}

/// Whether even a number under this name is a secret.
pub(super) fn is_secret_number(name: &str) -> bool {
    words(name).iter().any(|word| {
        matches!(
            word.as_str(),
            "password" | "passcode" | "pin" | "otp" | "totp" | "cvv" | "cvc" | "ssn"
        )
    })
}

fn names_secret(words: &[String]) -> bool {
    let at = |n: usize| words.get(n).map_or("", String::as_str);
    // `token_type`, `password_expires_at` tell of a secret without being one; `max_tokens` is counted.
    let about = [
        "type",
        "types",
        "count",
        "counts",
        "max",
        "limit",
        "used",
        "usage",
        "expires",
        "expiry",
        "expired",
        "expiration",
        "endpoint",
        "uri",
        "url",
        "name",
        "length",
        "size",
        "algorithm",
        "policy",
        "required",
        "valid",
        "method",
        "methods",
        "ttl",
        "lifetime",
        "status",
        "error",
        "errors",
        "hint",
        "changed",
        "reset",
        "strength",
        "supported",
        "details",
        "at",
        "in",
        "on",
    ];
    let counted = [
        "max",
        "min",
        "prompt",
        "completion",
        "total",
        "input",
        "output",
        "used",
        "cached",
        "reasoning",
    ];
    let harmless = words.last().is_some_and(|last| {
        about.contains(&last.as_str())
            || (last == "tokens" && words.iter().any(|word| counted.contains(&word.as_str())))
    });
    if harmless {
        return false;
    }
    let single = [
        "token",
        "tokens",
        "secret",
        "secrets",
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "passcode",
        "apikey",
        "apikeys",
        "jwt",
        "bearer",
        "csrf",
        "xsrf",
        "otp",
        "totp",
        "cvv",
        "cvc",
        "ssn",
        "signature",
        "sessionid",
        "phpsessid",
        "jsessionid",
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "authtoken",
        "csrftoken",
        "csrfmiddlewaretoken",
        "privatekey",
        "secretkey",
        "accesskey",
        "clientsecret",
        "authorization",
        "samlresponse",
        "mfa",
    ];
    let pairs = [
        ("api", "key"),
        ("api", "keys"),
        ("access", "key"),
        ("secret", "key"),
        ("private", "key"),
        ("auth", "key"),
        ("subscription", "key"),
        ("functions", "key"),
        ("encryption", "key"),
        ("session", "id"),
        ("session", "key"),
        ("session", "token"),
        ("sess", "id"),
        ("auth", "code"),
        ("authorization", "code"),
        ("saml", "response"),
        ("security", "code"),
        ("amz", "credential"),
        ("goog", "credential"),
    ];
    words.iter().any(|word| single.contains(&word.as_str()))
        || (0..words.len()).any(|n| pairs.contains(&(at(n), at(n + 1))))
        || matches!(words, [one] if matches!(one.as_str(), "sig" | "pin" | "sid" | "session"))
}

/// The words of a name: `clientSecret`, `client_secret`, `X-Client-Secret`, `user[client secret]`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars().take(128) {
        let begins = c.is_ascii_uppercase() && before.is_ascii_lowercase();
        if !c.is_ascii_alphanumeric() || begins {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty() && word != "x");
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "password",
            "client_secret",
            "clientSecret",
            "access_token",
            "accessToken",
            "apiKey",
            "api-key",
            "X-API-Key",
            "user[password]",
            "csrfmiddlewaretoken",
            "_csrf",
            "authenticity_token",
            "__RequestVerificationToken",
            "reset_token",
            "passwordResetToken",
            "X-Amz-Signature",
            "sessionId",
            "refresh_token",
            "JSESSIONID",
            "privateKey",
            "secrets",
            "jwt",
            "sig",
            "otp",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "token_type",
            "max_tokens",
            "expires_in",
            "tokenType",
            "code",
            "key",
            "message",
            "author",
            "authors",
            "session_count",
            "passwordResetUrl",
            "completion_tokens",
            "pinned",
            "credentials",
            "design",
            "signed",
            "id",
            "keys",
            "state",
            "tokens_used",
        ] {
            assert!(!is_secret(name), "{name}");
        }
        assert!(is_secret_parameter("code", "4/0AY0e-g7xyz"));
        assert!(!is_secret_parameter("code", "DE"));
        assert!(!is_secret_parameter("key", "name"));
        for before in [
            "token",
            "reset-password",
            "verify_email",
            "invitations",
            "api-keys",
            "session",
        ] {
            assert!(is_before_secret(before), "{before}");
        }
        for before in ["v1", "users", "orders", "assets", "author"] {
            assert!(!is_before_secret(before), "{before}");
        }
    }

    #[test]
    fn headers_by_what_they_hold() {
        for name in [
            "X-Api-Key",
            "X-Auth-Token",
            "Ocp-Apim-Subscription-Key",
            "X-CSRF-Token",
            "apikey",
            "Private-Token",
            "X-Session-Id",
            "X-Amz-Security-Token",
            "X-Goog-Api-Key",
            "X-Auth",
            "CF-Access-Client-Secret",
            "X-Functions-Key",
            "X-XSRF-TOKEN",
            "X-Session",
        ] {
            assert_eq!(of_header(name), Value::Secret, "{name}");
        }
        for name in [
            "Access-Control-Allow-Credentials",
            "Access-Control-Request-Headers",
            "Origin",
            "Vary",
            "Sec-Fetch-Mode",
            "Content-Type",
            "Cross-Origin-Resource-Policy",
            "Access-Control-Allow-Origin",
        ] {
            assert_eq!(of_header(name), Value::Evidence, "{name}");
        }
        for name in ["Link", "X-Request-Id", "Server", "Sec-WebSocket-Protocol"] {
            assert_eq!(of_header(name), Value::Text, "{name}");
        }
        assert_eq!(of_header("X-Original-Authorization"), Value::Credentials);
    }
}
