//! Sending a plan, step by step, as far as the rules let it.

use bytes::Bytes;
use std::sync::Arc;
use url::Url;

use super::cookies::Jar;
use super::dress::{Dress, host_of, referer, site};
use super::plan::{Manner, Mode, Plan, unsafe_names};
use crate::capture::Recorder;
use crate::cors::{
    self, Answer, Ask, Asker, Browser, NextHop, REDIRECTS_MAX, Stage, conflicting_locations,
    cors_check, is_safelisted_method, next_hop, preflight_check, redirect_check,
};
use crate::proxy::{Courier, Errand};
use crate::wire::{
    ExchangeId, Failure, HeaderList, HttpVersion, Origin, Replay, RequestHead, ResponseHead, Source,
};

/// What curl says of itself.
const CURL: &str = "curl/8.16.0";

/// What was sent, and where it ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The exchanges, in order, as the recorder named them.
    pub sent: Vec<ExchangeId>,
    /// Where it ended.
    pub ending: Ending,
}

/// Where a replay ended. Why is for the session's verdict.
#[derive(Clone, Debug)]
pub enum Ending {
    /// A final answer with this status came; whether the page may read it is for the verdict.
    Answered(u16),
    /// The rules do not let it go on: the request was not sent, or the redirect not followed.
    Stopped(Stage),
    /// The preflight, if one was due, passes; but the request is not known well enough to be sent.
    Withheld,
    /// It broke below HTTP.
    Failed(Failure),
}

/// Sends a plan and records all of it. Dropping the future stops it; an exchange that was open ends as
/// aborted.
pub async fn run(plan: &Plan, courier: &Courier, recorder: &Recorder) -> Ran {
    let mut play = Play {
        plan,
        courier,
        recorder,
        sent: Vec::new(),
        jar: plan.jar.clone(),
        urls: vec![plan.url.clone()],
        method: plan.method.clone(),
        script: plan.script.clone(),
        body: plan.body.clone(),
        origin: plan.page.to_string(),
        crossed: false,
        recorded: plan.recorded.clone(),
        recorded_preflight: plan.recorded_preflight.clone(),
    };
    let ending = match plan.manner {
        Manner::Browser => play.as_browser().await,
        Manner::Curl => play.as_curl().await,
    };
    Ran {
        sent: play.sent,
        ending: ending.unwrap_or_else(Ending::Failed),
    }
}

/// A request on its way, changed by redirects.
struct Play<'a> {
    plan: &'a Plan,
    courier: &'a Courier,
    recorder: &'a Recorder,
    sent: Vec<ExchangeId>,
    jar: Jar,
    /// Where it went so far, the current URL last.
    urls: Vec<Url>,
    method: String,
    script: HeaderList,
    body: Bytes,
    /// As serialised in `Origin`: the page's, or `null` after a detour.
    origin: String,
    /// Whether it ever left the page's origin: then the CORS check applies from there on.
    crossed: bool,
    /// Until the first redirect.
    recorded: Option<HeaderList>,
    recorded_preflight: Option<HeaderList>,
}

impl Play<'_> {
    fn url(&self) -> &Url {
        // The first is there from the beginning, and none is ever taken away.
        self.urls.last().unwrap_or(&self.plan.url)
    }

    fn browser(&self) -> Browser {
        self.plan.browser()
    }

    fn is_own(&self) -> bool {
        Origin::of(self.url()).is_some_and(|target| self.plan.page.same_origin(&target))
    }

    async fn as_browser(&mut self) -> Result<Ending, Failure> {
        let mode = self.plan.mode;
        loop {
            let own = self.is_own();
            self.crossed |= !own;
            if mode == Mode::SameOrigin && !own {
                return Ok(Ending::Stopped(Stage::Redirect));
            }
            let cors = mode == Mode::Cors && self.crossed;
            if cors && !self.is_permitted().await? {
                return Ok(Ending::Stopped(Stage::Preflight));
            }
            if !self.plan.unknown.is_empty() {
                return Ok(Ending::Withheld);
            }
            let origin = self.origin_header(cors);
            let answer = self.ask_as_browser(origin.as_deref()).await?;
            let answered = Answer {
                status: answer.status,
                headers: &answer.headers,
            };
            let redirect = answered.is_redirect(self.browser());
            let stage = if redirect {
                Stage::Redirect
            } else {
                Stage::Actual
            };
            if conflicting_locations(answered).is_some() {
                return Ok(Ending::Stopped(stage));
            }
            if cors && !cors_check(self.asker(&self.origin), &answer.headers, stage).is_empty() {
                return Ok(Ending::Stopped(stage));
            }
            if !redirect {
                return Ok(Ending::Answered(answer.status));
            }
            let rules = match mode {
                Mode::Navigate => cors::Mode::Exempt,
                Mode::NoCors => cors::Mode::NoCors {
                    passive: matches!(self.plan.persona.dest.as_str(), "image" | "audio" | "video"),
                },
                _ if cors => cors::Mode::Cors,
                _ => cors::Mode::SameOrigin,
            };
            let page = self.plan.page.to_string();
            let faults = redirect_check(
                self.browser(),
                self.url().as_str(),
                rules,
                Some(&page),
                answered,
            );
            let next = next_hop(
                self.browser(),
                self.url().as_str(),
                &self.method,
                origin.as_deref(),
                answered,
            );
            let followed = faults.is_empty() && self.urls.len() <= REDIRECTS_MAX;
            match next {
                Some(next) if followed => self.follow(&next),
                _ => return Ok(Ending::Stopped(Stage::Redirect)),
            }
        }
    }

    /// Asks for permission where it is due.
    async fn is_permitted(&mut self) -> Result<bool, Failure> {
        let names = if self.urls.len() == 1 {
            self.plan.unsafe_names(&self.script)
        } else {
            // Redirects change what script set; what is left of it shows.
            unsafe_names(self.browser(), &self.script)
        };
        if is_safelisted_method(&self.method) && names.is_empty() && !self.plan.always_asks {
            return Ok(true);
        }
        // Firefox asks on behalf of the page although the request itself has `null`.
        let origin = if self.browser() == Browser::Firefox {
            self.plan.page.to_string()
        } else {
            self.origin.clone()
        };
        let headers = match self.recorded_preflight.take() {
            Some(recorded) => self.asked_as_recorded(&recorded, &names),
            None => self
                .dress(Some(&origin), None)
                .preflight(&self.method, &names),
        };
        let head = self.head("OPTIONS", headers);
        let answer = self.deliver(head, Bytes::new()).await?;
        let answered = Answer {
            status: answer.status,
            headers: &answer.headers,
        };
        let ask = Ask {
            method: self.method.clone(),
            headers: names,
        };
        Ok(conflicting_locations(answered).is_none()
            && preflight_check(self.asker(&origin), &ask, answered).is_empty())
    }

    fn asker<'b>(&self, origin: &'b str) -> Asker<'b> {
        Asker {
            browser: self.browser(),
            origin,
            // Where the recording does not tell, the lenient mode: more can be seen of the server.
            include: self.plan.include.unwrap_or(false),
        }
    }

    async fn ask_as_browser(&mut self, origin: Option<&str>) -> Result<ResponseHead, Failure> {
        let cross_site = site(&self.plan.page, &self.urls) == "cross-site";
        let wanted = self.plan.include != Some(false) || !self.crossed;
        let cookie = if wanted {
            self.jar.header(self.browser(), self.url(), cross_site)
        } else {
            None
        };
        let headers = match self.recorded.take() {
            Some(recorded) => self.as_recorded(&recorded),
            None => self.dress(origin, cookie.as_deref()).request(),
        };
        let head = self.head(&self.method, headers);
        let answer = self.deliver(head, self.body.clone()).await?;
        if wanted {
            let url = self.url().clone();
            self.jar
                .learn(self.browser(), &url, cross_site, &answer.headers);
        }
        Ok(answer)
    }

    /// The value of `Origin`: with CORS always, else with all but GET and HEAD
    /// ([Fetch § append a request Origin header](https://fetch.spec.whatwg.org/#append-a-request-origin-header)).
    fn origin_header(&self, cors: bool) -> Option<String> {
        if cors {
            return Some(self.origin.clone());
        }
        if matches!(self.method.as_str(), "GET" | "HEAD") {
            return None;
        }
        let trusted = Origin::of(self.url()).is_some_and(|o| o.potentially_trustworthy());
        if self.plan.page.scheme() == "https" && !trusted {
            return Some("null".to_owned());
        }
        Some(self.origin.clone())
    }

    fn dress<'b>(&'b self, origin: Option<&'b str>, cookie: Option<&'b str>) -> Dress<'b> {
        Dress {
            persona: &self.plan.persona,
            target: self.url(),
            origin,
            site: site(&self.plan.page, &self.urls),
            mode: self.plan.mode.name(),
            referer: referer(&self.plan.page, self.plan.page_url.as_deref(), self.url()),
            cookie,
            include: self.plan.include == Some(true),
            script: &self.script,
            content_length: self.content_length(),
            http2: self.http2(),
        }
    }

    /// What a page's request has as its length: a body's, or nothing's where one would be expected.
    fn content_length(&self) -> Option<usize> {
        let expected = matches!(self.method.as_str(), "POST" | "PUT");
        (!self.body.is_empty() || expected).then_some(self.body.len())
    }

    fn http2(&self) -> bool {
        self.plan.http2 && self.url().scheme() == "https"
    }

    /// The recorded head, field for field; what belongs to the connection and the body anew.
    fn as_recorded(&self, recorded: &HeaderList) -> HeaderList {
        let mut list = self.connection_fields();
        let length = self.content_length().map(|l| l.to_string());
        if let Some(length) = length
            .as_ref()
            .filter(|_| !recorded.contains("content-length"))
        {
            list.push("Content-Length", length.as_bytes());
        }
        for field in recorded.iter() {
            if !field.is("content-length") {
                list.push(field.name, field.value);
            } else if let Some(length) = &length {
                list.push(field.name, length.as_bytes());
            }
        }
        list
    }

    fn asked_as_recorded(&self, recorded: &HeaderList, names: &[String]) -> HeaderList {
        let mut list = self.connection_fields();
        for field in recorded.iter() {
            if field.is("access-control-request-method") {
                list.push(field.name, self.method.as_bytes());
            } else if field.is("access-control-request-headers") {
                if !names.is_empty() {
                    list.push(field.name, names.join(",").as_bytes());
                }
            } else if !field.is("content-length") {
                list.push(field.name, field.value);
            }
        }
        if !names.is_empty() && !list.contains("access-control-request-headers") {
            let joined = names.join(",");
            list.push("Access-Control-Request-Headers", joined.as_bytes());
        }
        list
    }

    fn connection_fields(&self) -> HeaderList {
        let mut list = HeaderList::new();
        if !self.http2() {
            list.push("Host", host_of(self.url()).as_bytes());
            list.push("Connection", b"keep-alive");
        }
        list
    }

    /// Goes where a redirect leads
    /// ([Fetch § HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch)).
    fn follow(&mut self, next: &NextHop) {
        if next.method != self.method {
            self.body = Bytes::new();
            for name in [
                "content-encoding",
                "content-language",
                "content-location",
                "content-type",
            ] {
                self.script.remove(name);
            }
        }
        if next.crosses {
            self.script.remove("authorization");
        }
        if next.tainted {
            "null".clone_into(&mut self.origin);
        }
        self.method.clone_from(&next.method);
        self.recorded = None;
        self.recorded_preflight = None;
        if let Ok(url) = Url::parse(&next.url) {
            self.urls.push(url);
        }
    }

    async fn as_curl(&mut self) -> Result<Ending, Failure> {
        if !self.plan.unknown.is_empty() {
            return Ok(Ending::Withheld);
        }
        loop {
            let headers = self.plain();
            let head = self.head(&self.method, headers);
            let answer = self.deliver(head, self.body.clone()).await?;
            let url = self.url().clone();
            self.jar.learn(self.browser(), &url, false, &answer.headers);
            let answered = Answer {
                status: answer.status,
                headers: &answer.headers,
            };
            let next = next_hop(
                Browser::Chromium,
                url.as_str(),
                &self.method,
                None,
                answered,
            );
            match next {
                Some(next)
                    if self.urls.len() <= REDIRECTS_MAX
                        && (next.url.starts_with("http:") || next.url.starts_with("https:")) =>
                {
                    self.follow(&next);
                }
                _ => return Ok(Ending::Answered(answer.status)),
            }
        }
    }

    /// The fields as curl has them: none that tells of a page.
    fn plain(&self) -> HeaderList {
        let mut list = HeaderList::new();
        if !self.http2() {
            list.push("Host", host_of(self.url()).as_bytes());
        }
        if !self.script.contains("user-agent") {
            list.push("User-Agent", CURL.as_bytes());
        }
        if !self.script.contains("accept") {
            list.push("Accept", self.plan.persona.accept.as_bytes());
        }
        for field in self.script.iter() {
            list.push(field.name, field.value);
        }
        if let Some(cookie) = self.jar.header(self.browser(), self.url(), false) {
            list.push("Cookie", cookie.as_bytes());
        }
        if !self.body.is_empty() {
            list.push("Content-Length", self.body.len().to_string().as_bytes());
        }
        list
    }

    fn head(&self, method: &str, headers: HeaderList) -> RequestHead {
        RequestHead {
            method: method.to_owned(),
            url: self.url().to_string(),
            version: if self.http2() {
                HttpVersion::Http2
            } else {
                HttpVersion::Http11
            },
            headers: Arc::new(headers),
        }
    }

    async fn deliver(&mut self, head: RequestHead, body: Bytes) -> Result<ResponseHead, Failure> {
        let include = match self.plan.manner {
            Manner::Browser => self.plan.include,
            Manner::Curl => None,
        };
        let errand = Errand {
            source: Source::Replay(Replay {
                of: self.plan.of,
                include,
            }),
            head,
            body,
        };
        let delivered = self
            .courier
            .send(self.recorder, errand, self.plan.limits)
            .await;
        self.sent.push(delivered.id);
        delivered.answer
    }
}
