//! Answers changed on their way to the browser, on a person's order: which, and how.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::sync::watch;

use crate::wire::{Origin, Patch, PathPattern, RequestHead};

/// How long a server may take before its answer is given in its place, where an override does so.
/// Shorter than any browser waits, longer than a server that is merely slow.
pub(super) const STAND_IN_AFTER: Duration = Duration::from_secs(3);

/// What a request must have, or must not, for an [`Override`] to be meant for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldRule {
    /// A field of this name with exactly this value, and no other of this name.
    Is(String, String),
    /// A field of this name.
    Present(String),
    /// No field of this name.
    Absent(String),
}

impl FieldRule {
    fn holds(&self, request: &RequestHead) -> bool {
        let headers = &request.headers;
        match self {
            Self::Is(name, value) => headers.get(name).as_deref() == Some(value),
            Self::Present(name) => headers.contains(name),
            Self::Absent(name) => !headers.contains(name),
        }
    }
}

/// Which answers are changed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The server: scheme, host and port as an origin.
    pub server: String,
    /// Which paths on it.
    pub path: PathPattern,
    /// The method, letter case as sent; any if `None`.
    pub method: Option<String>,
    /// What the fields of the request must be.
    pub fields: Vec<FieldRule>,
    /// What is changed.
    pub patch: Patch,
    /// Whether the answer is given in the server's place if none comes; then the patch has a status.
    pub stands_in: bool,
}

impl Override {
    fn is_for(&self, request: &RequestHead, server: &str, path: &str) -> bool {
        self.server == server
            && self.path.matches(path)
            && self.method.as_ref().is_none_or(|m| *m == request.method)
            && self.fields.iter().all(|rule| rule.holds(request))
    }
}

/// Why overrides are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// There are more than [`Overrides::OVERRIDES_MAX`].
    #[error("{0} changes at a time are too many; stop some of them first")]
    TooMany(usize),
    /// A line that cannot stand in an answer, or would change how it is framed.
    #[error("the header {0:?} cannot be changed in flight; leave it out")]
    Field(String),
    /// No status a server answers with.
    #[error("{0} is no status to answer with; use 200 to 599")]
    Status(u16),
}

/// The overrides in force: set by one, read by every request. Cheap to clone; all are the same.
#[derive(Clone, Debug)]
pub struct Overrides {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    // Spares every request a look at the list while there is none.
    any: AtomicBool,
    list: watch::Sender<Arc<[Override]>>,
}

impl Default for Overrides {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                any: AtomicBool::new(false),
                list: watch::Sender::new(Arc::new([])),
            }),
        }
    }
}

impl Overrides {
    /// How many may be in force at a time.
    pub const OVERRIDES_MAX: usize = 64;

    /// Puts these in force and no others; all of them or none.
    pub fn set(&self, list: Vec<Override>) -> Result<(), OverrideError> {
        if list.len() > Self::OVERRIDES_MAX {
            return Err(OverrideError::TooMany(list.len()));
        }
        list.iter().try_for_each(|one| usable(&one.patch))?;
        let any = !list.is_empty();
        self.shared.list.send_replace(list.into());
        self.shared.any.store(any, Ordering::Release);
        Ok(())
    }

    /// Nothing is changed any more.
    pub fn clear(&self) {
        self.shared.any.store(false, Ordering::Release);
        self.shared.list.send_replace(Arc::new([]));
    }

    /// How many are in force.
    pub fn len(&self) -> usize {
        self.shared.list.borrow().len()
    }

    /// Whether none is in force.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is to be changed in the answer to this request.
    pub(super) fn meant_for(&self, request: &RequestHead) -> Option<Change> {
        if !self.shared.any.load(Ordering::Acquire) {
            return None;
        }
        let list = Arc::clone(&self.shared.list.borrow());
        let server = Origin::of_url(&request.url)?.to_string();
        let path = path_of(&request.url);
        let mut meant = list.iter().filter(|o| o.is_for(request, &server, path));
        let first = meant.next()?;
        let mut change = Change {
            patch: first.patch.clone(),
            stands_in: first.stands_in,
        };
        for next in meant {
            change.patch = change.patch.then(&next.patch);
            change.stands_in |= next.stands_in;
        }
        change.stands_in &= change.patch.status.is_some();
        Some(change)
    }
}

/// What is to be changed in one answer.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub patch: Patch,
    pub stands_in: bool,
}

impl Change {
    /// Changes the fields of an answer. What is not touched keeps its place.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        let patch = &self.patch;
        for name in patch.remove.iter().chain(patch.set.iter().map(|(n, _)| n)) {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                headers.remove(name);
            }
        }
        for (name, value) in &patch.set {
            add(headers, name, value);
        }
        for (name, value) in &patch.append {
            if !lists(headers, name, value) {
                add(headers, name, value);
            }
        }
    }
}

fn add(headers: &mut HeaderMap, name: &str, value: &str) {
    // Both were looked at when the override was set.
    if let (Ok(name), Ok(value)) = (
        HeaderName::from_bytes(name.as_bytes()),
        HeaderValue::from_bytes(value.as_bytes()),
    ) {
        headers.append(name, value);
    }
}

// As `Patch::apply` has it, so that what is recorded is what was sent.
fn lists(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|field| field.as_bytes().split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        .any(|item| item == b"*" || item.eq_ignore_ascii_case(value.as_bytes()))
}

/// Path and query of an absolute URL.
fn path_of(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let rest = &url[after_scheme..];
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}

fn usable(patch: &Patch) -> Result<(), OverrideError> {
    if let Some(status) = patch.status.filter(|s| !(200..600).contains(s)) {
        return Err(OverrideError::Status(status));
    }
    let pairs = patch.set.iter().chain(&patch.append);
    let named = patch.remove.iter().map(|name| (name, ""));
    for (name, value) in pairs.map(|(n, v)| (n, v.as_str())).chain(named) {
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let framing = parsed.as_ref().is_ok_and(|name| {
            [
                header::CONTENT_LENGTH,
                header::TRANSFER_ENCODING,
                header::CONTENT_ENCODING,
                header::CONNECTION,
                header::UPGRADE,
                header::TRAILER,
            ]
            .contains(name)
        });
        if framing || parsed.is_err() || HeaderValue::from_bytes(value.as_bytes()).is_err() {
            return Err(OverrideError::Field(name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{HeaderList, HttpVersion, ResponseHead};

    fn one() -> Override {
        Override {
            server: "https://api.test".into(),
            path: PathPattern::new("/v1/cart/*"),
            method: Some("OPTIONS".into()),
            fields: vec![
                FieldRule::Is("Origin".into(), "https://app.test".into()),
                FieldRule::Present("X-Asked".into()),
                FieldRule::Absent("X-Not".into()),
            ],
            patch: Patch {
                status: Some(204),
                set: vec![("X-Set".into(), "1".into())],
                append: vec![("Vary".into(), "Origin".into())],
                remove: vec!["X-Gone".into()],
            },
            stands_in: true,
        }
    }

    fn asked(method: &str, url: &str, fields: &[(&str, &str)]) -> RequestHead {
        RequestHead {
            method: method.into(),
            url: url.into(),
            version: HttpVersion::Http2,
            headers: Arc::new(HeaderList::from_pairs(fields.iter().copied())),
        }
    }

    #[test]
    fn only_what_is_meant_is_changed() {
        let overrides = Overrides::default();
        let url = "https://api.test/v1/cart/7?x=1";
        let fields = [("origin", "https://app.test"), ("x-asked", "PUT")];
        let request = asked("OPTIONS", url, &fields);
        assert!(overrides.meant_for(&request).is_none(), "none is in force");
        overrides.set(vec![one()]).expect("usable");
        assert!(overrides.meant_for(&request).is_some_and(|c| c.stands_in));
        for other in [
            asked("GET", url, &fields),
            asked("OPTIONS", "https://api.test:8443/v1/cart/7", &fields),
            asked("OPTIONS", "http://api.test/v1/cart/7", &fields),
            asked("OPTIONS", "https://api.test/v1/cart", &fields),
            asked("OPTIONS", url, &fields[..1]),
            asked(
                "OPTIONS",
                url,
                &[("origin", "https://evil.test"), fields[1]],
            ),
            asked("OPTIONS", url, &[fields[0], fields[1], ("x-not", "")]),
        ] {
            assert!(overrides.meant_for(&other).is_none(), "{other:?}");
        }
        overrides.clear();
        assert!(overrides.meant_for(&request).is_none(), "stopped");
    }

    #[test]
    fn what_is_sent_is_what_is_recorded() {
        let sent = [
            ("x-set", "0"),
            ("x-set", "00"),
            ("vary", "Accept"),
            ("x-gone", "1"),
            ("x-stays", "1"),
        ];
        let change = Change {
            patch: one().patch,
            stands_in: false,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(name, HeaderValue::from_static(value));
        }
        change.apply(&mut headers);
        let head = ResponseHead {
            status: 405,
            reason: None,
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs(sent)),
        };
        let recorded = change.patch.apply(&head);
        for name in ["x-set", "vary", "x-gone", "x-stays"] {
            let values: Vec<_> = headers.get_all(name).iter().map(|v| v.to_str()).collect();
            let values: Result<Vec<&str>, _> = values.into_iter().collect();
            let sent = values.expect("text").join(", ");
            assert_eq!(
                recorded.headers.get(name).unwrap_or_default(),
                sent,
                "{name}"
            );
        }
    }

    #[test]
    fn framing_and_injection_are_refused() {
        let overrides = Overrides::default();
        for (name, value) in [
            ("Content-Length", "1"),
            ("transfer-encoding", "chunked"),
            ("X-A", "1\r\nX-B: 2"),
            ("X A", "1"),
            ("", ""),
        ] {
            let mut wrong = one();
            wrong.patch.set = vec![(name.into(), value.into())];
            let refused = overrides.set(vec![one(), wrong]);
            assert_eq!(refused, Err(OverrideError::Field(name.into())));
            assert!(overrides.is_empty(), "all or none");
        }
        let many = vec![one(); Overrides::OVERRIDES_MAX + 1];
        assert_eq!(overrides.set(many), Err(OverrideError::TooMany(65)));
    }
}
