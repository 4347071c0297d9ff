//! A capture that runs: authority, session file and proxy put together, in an order that leaves
//! nothing behind when one of them cannot be.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::config::Capture;
use super::doing_again::Replayer;
use super::sessions::{self, LeftBehind};
use super::{files, ports};
use crate::capture::{Recorder, Wanted};
use crate::cors::Browser;
use crate::proxy::{self, Authority, Overrides, Passing, Proxy};
use crate::session::{self, Reader, Session};

/// Where what is captured is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keep<'a> {
    /// In this file, which must not exist yet.
    File(&'a Path),
    /// In a new file among the sessions.
    Sessions,
    /// Nowhere, beyond the life of this process.
    No,
}

/// A proxy that serves and the session it speaks to.
pub(super) struct Live {
    session: Session,
    recorder: Recorder,
    reach: proxy::Reach,
    end: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    /// The session file, if it is kept.
    pub(super) path: Option<PathBuf>,
    /// What a person or a program needs to use it.
    pub(super) facts: Facts,
    /// Answers changed in flight: none, until somebody sets them.
    pub(super) overrides: Overrides,
    /// Hosts that pass unread; in front of one server there is no such thing.
    pub(super) passing: Option<Passing>,
    /// What the proxy has to say beside the exchanges.
    pub(super) remarks: Option<mpsc::Receiver<String>>,
}

/// What a person or a program needs to use a capture.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) addresses: Vec<SocketAddr>,
    /// Where the authority's certificate lies.
    pub(super) certificate: PathBuf,
    pub(super) certificate_pem: String,
    pub(super) spki_sha256: String,
    /// What a person should know about the start.
    pub(super) remark: Option<String>,
    /// The last session, if its program did not come to close it.
    pub(super) left_behind: Option<LeftBehind>,
}

impl Live {
    /// Sets everything up and serves.
    pub(super) async fn start(
        capture: &Capture,
        keep: Keep<'_>,
        rules: Option<Browser>,
    ) -> Result<Self> {
        Self::start_with(capture, keep, rules, None).await
    }

    /// As [`start`](Self::start); what is not wanted passes and is not recorded.
    pub(super) async fn start_with(
        capture: &Capture,
        keep: Keep<'_>,
        rules: Option<Browser>,
        wanted: Option<Wanted>,
    ) -> Result<Self> {
        files::raise_limit();
        let found = ports::find(&capture.listen)?;
        let authority = Authority::load_or_create(&capture.places.authority)?;
        let mut said = authority.remarks().to_vec();
        let certificate = authority.certificate_path();
        let certificate_pem = authority.certificate_pem().to_owned();
        let spki_sha256 = authority.spki_sha256_base64();
        let left_behind = match keep {
            Keep::Sessions => sessions::left_behind(&capture.places.sessions),
            Keep::File(_) | Keep::No => None,
        };
        let create = |path: PathBuf| -> Result<_> {
            let options = session::Options {
                rules,
                ..session::Options::new(&path)
            };
            let (session, recorder) = Session::create(capture.keeping.bound(options))?;
            Ok((session, recorder, Some(path)))
        };
        let in_memory = || -> Result<_> {
            let (session, recorder) = Session::in_memory(rules, 1)?;
            Ok((session, recorder, None))
        };
        let (session, recorder, path) = match keep {
            Keep::File(out) => create(new_file(out)?)?,
            Keep::Sessions => match capture.places.new_session().and_then(create) {
                Ok(made) => made,
                // Who did not ask for a file wants to see the traffic first of all.
                Err(error) => {
                    said.push(format!("This session is not kept: {error:#}."));
                    in_memory()?
                }
            },
            Keep::No => in_memory()?,
        };
        let overrides = Overrides::default();
        let passing = Passing::default();
        let reach = proxy::Reach {
            upstream_ca: capture.upstream_ca.clone(),
            upstream_ca_pem: capture.upstream_ca_pem.clone(),
            insecure: capture.insecure.clone(),
            upstreams: capture.upstreams.clone(),
            client_certs: capture.client_certs.clone(),
        };
        let config = proxy::Config {
            listen: found.addresses.clone(),
            otherwise: found.otherwise.clone(),
            authority,
            upstream_ca: capture.upstream_ca.clone(),
            upstream_ca_pem: capture.upstream_ca_pem.clone(),
            insecure: capture.insecure.clone(),
            pass_through: capture.pass_through.clone(),
            passing: passing.clone(),
            only: capture.only.clone(),
            access: capture.access.clone(),
            reverse: capture.reverse.clone(),
            head_timeout: capture.head_timeout,
            upstreams: capture.upstreams.clone(),
            client_certs: capture.client_certs.clone(),
            overrides: overrides.clone(),
        };
        let speaker = match wanted {
            Some(wanted) => recorder.clone().only(wanted),
            None => recorder.clone(),
        };
        let mut proxy = match Proxy::bind(config, speaker).await {
            Ok(proxy) => proxy,
            Err(error) => {
                drop(session);
                if let Some(path) = &path {
                    // Made a moment ago, here, and empty.
                    let _ = std::fs::remove_file(path);
                }
                return Err(error.into());
            }
        };
        let addresses = proxy.addresses().to_vec();
        let said = found.remark(&addresses).into_iter().chain(said);
        let remark = said.reduce(|all, more| format!("{all} {more}"));
        let remarks = proxy.remarks();
        let (end, ended) = oneshot::channel::<()>();
        let serving = tokio::spawn(proxy.run(async {
            // That the sender is gone means the same.
            let _ = ended.await;
        }));
        Ok(Self {
            session,
            recorder,
            reach,
            end,
            serving,
            path,
            overrides,
            passing: capture.reverse.is_none().then_some(passing),
            remarks,
            facts: Facts {
                addresses,
                certificate,
                certificate_pem,
                spki_sha256,
                remark,
                left_behind,
            },
        })
    }

    /// Goes on in a new session file; what is open comes to its end in the one before, which is handed
    /// out.
    pub(super) fn go_on_in(
        &mut self,
        path: &Path,
        capture: &Capture,
        rules: Option<Browser>,
    ) -> Result<Session> {
        let options = session::Options {
            rules,
            ..session::Options::new(path)
        };
        let (next, recorder) = Session::create(capture.keeping.bound(options))?;
        self.recorder.switch_to(&recorder);
        self.path = Some(path.to_owned());
        Ok(std::mem::replace(&mut self.session, next))
    }

    /// What was captured so far.
    pub(super) fn reader(&self) -> Reader {
        self.session.reader()
    }

    /// Who tells this session of more than the proxy sees.
    pub(super) fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Who does requests again into this session.
    pub(super) fn replayer(&self) -> Result<Replayer> {
        let recorder = Some(self.recorder.clone());
        Replayer::new(&self.reach, recorder, self.reader())
    }

    /// Comes back only if the proxy ends by itself, which it should not.
    pub(super) async fn broken(&mut self) -> anyhow::Error {
        let how = match (&mut self.serving).await {
            Ok(()) => "it ended by itself".to_owned(),
            Err(panic) => panic.to_string(),
        };
        match &self.path {
            Some(path) => {
                let path = path.display();
                anyhow!("the proxy stopped ({how}); what was captured is in {path}")
            }
            None => anyhow!("the proxy stopped ({how}); start corscope again"),
        }
    }

    /// Lets open exchanges come to their end for a moment, or not even that once `hurry` comes
    /// back; then writes what is still to be written.
    pub(super) async fn finish(self, hurry: impl Future<Output = ()>) -> Result<()> {
        self.end(hurry, Session::finish).await
    }

    /// The same when nobody will read a verdict any more.
    pub(super) async fn leave(self, hurry: impl Future<Output = ()>) -> Result<()> {
        self.end(hurry, Session::leave).await
    }

    async fn end(
        self,
        hurry: impl Future<Output = ()>,
        close: fn(Session) -> Result<(), session::SessionError>,
    ) -> Result<()> {
        let Self {
            session,
            end,
            mut serving,
            ..
        } = self;
        let _ = end.send(());
        if !serving.is_finished() {
            tokio::select! {
                _ = &mut serving => {}
                () = hurry => serving.abort(),
            }
        }
        tokio::task::spawn_blocking(move || close(session)).await??;
        Ok(())
    }
}

// A file that exists is somebody's capture; it is never written over.
fn new_file(out: &Path) -> Result<PathBuf> {
    if out
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("har"))
    {
        bail!(
            "--out is the session file, not a HAR; name it {}, and add --har for a HAR",
            out.with_extension("corscope").display()
        );
    }
    if out.exists() {
        bail!(
            "{} exists already and is not overwritten; choose another name",
            out.display()
        );
    }
    std::path::absolute(out).with_context(|| format!("{} is no usable path", out.display()))
}
