//! End to end: the real proxy, asked by a client of ours for a server of ours.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Response, Uri, header};
use rustls_pki_types::CertificateDer;
use tokio::sync::oneshot;

use super::client::{Client, NOT_ACCEPTED};
use super::finding::Finding;
use super::server::{Server, WORDS};
use crate::proxy::{Authority, ClientCert, Config, Proxy, ProxyError, Upstreams};
use crate::session::Session;

/// How long one question may take.
const AT_MOST: Duration = Duration::from_secs(10);
/// The same where the answer comes from far away.
const ONLINE_AT_MOST: Duration = Duration::from_secs(30);
/// How far our clock may differ from a server's, in seconds.
const CLOCK_SECONDS_MAX: i64 = 300;

/// Which way servers are reached.
pub(super) struct Way {
    pub(super) upstreams: Upstreams,
    pub(super) client_certs: Vec<ClientCert>,
    /// Certificates to trust beside the system's, PEM.
    pub(super) trusted: Vec<u8>,
}

/// Asks everything; `authority` is the real one, if it can be used.
pub(super) async fn look(
    authority: Option<Authority>,
    way: Way,
    online: Option<&Uri>,
) -> Vec<Finding> {
    let certs = way.client_certs.clone();
    match Box::pin(run(authority, way, online)).await {
        Ok(mut found) => {
            found.extend(certs.iter().map(|cert| {
                let said = format!("{} is shown to {}", cert.chain.display(), cert.host);
                Finding::fine("client-cert", said)
            }));
            found
        }
        Err(error) if matches!(error.downcast_ref(), Some(ProxyError::ClientCert { .. })) => {
            let next = "without it corscope does not start: mend the file, or leave the flag out";
            vec![Finding::bad("client-cert", error.to_string(), next)]
        }
        Err(error) => vec![Finding::bad(
            "proxy",
            format!("it does not start: {error:#}"),
            "is loopback up, and the temporary directory writable? TMPDIR names another",
        )],
    }
}

async fn run(authority: Option<Authority>, way: Way, online: Option<&Uri>) -> Result<Vec<Finding>> {
    let makeshift = tempfile::tempdir().context("no temporary directory can be made")?;
    let authority = match authority {
        Some(authority) => authority,
        // So that the rest can be looked at all the same.
        None => Authority::load_or_create(makeshift.path())?,
    };
    let server = Server::start(&way.trusted).await?;
    let client_trusts = CertificateDer::from(authority.certificate_der().to_vec());
    let (session, recorder) = Session::in_memory(None, 1)?;
    let mut config = Config::new(0, authority);
    config.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    config.upstreams = way.upstreams;
    config.client_certs = way.client_certs;
    config.upstream_ca_pem = Some(server.ca.clone());
    let proxy = Proxy::bind(config, recorder).await?;
    let address = *proxy.addresses().first().context("it listens nowhere")?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(proxy.run(async move {
        // That the sender is gone means the same.
        let _ = stopped.await;
    }));
    let client = Client {
        proxy: address,
        authority: client_trusts,
    };
    let plain: Uri = format!("http://{}/", server.plain).parse()?;
    let secure: Uri = format!("https://localhost:{}/", server.tls.port()).parse()?;
    let mut found = vec![
        told(
            "http",
            "read through the proxy",
            words(client.plain(&plain)).await,
        ),
        told(
            "https",
            "intercepted and verified, HTTP/1.1",
            words(client.secure(&secure, false)).await,
        ),
        told(
            "http2",
            "intercepted and verified, HTTP/2",
            words(client.secure(&secure, true)).await,
        ),
        told(
            "websocket",
            "a message there and back, over TLS",
            spoken(&client, &secure).await,
        ),
    ];
    if let Some(uri) = online {
        found.extend(far(&client, uri).await);
    }
    let _ = stop.send(());
    let _ = serving.await;
    let reader = session.reader();
    session.finish()?;
    let (asked, kept) = (found.len(), reader.len());
    found.push(if kept >= asked.min(4) {
        Finding::fine("recording", format!("{kept} exchanges were recorded"))
    } else {
        Finding::bad(
            "recording",
            format!("only {kept} of {asked} exchanges were recorded"),
            "please report this with the output of corscope doctor --format json",
        )
    });
    Ok(found)
}

async fn words(answer: impl Future<Output = Result<Response<Bytes>>>) -> Result<()> {
    let response = tokio::time::timeout(AT_MOST, answer).await;
    let response = response.context("no answer within 10 s")??;
    if !response.status().is_success() || response.body() != WORDS.as_bytes() {
        let said = String::from_utf8_lossy(response.body());
        bail!("{}: {}", response.status(), what_happened(&said));
    }
    Ok(())
}

async fn spoken(client: &Client, uri: &Uri) -> Result<()> {
    let heard = tokio::time::timeout(AT_MOST, client.web_socket(uri, WORDS)).await;
    let heard = heard.context("no answer within 10 s")??;
    if heard != WORDS {
        bail!("{heard:?} came back");
    }
    Ok(())
}

fn told(id: &'static str, well: &str, result: Result<()>) -> Finding {
    match result {
        Ok(()) => Finding::fine(id, well),
        Err(error) => {
            let error = format!("{error:#}");
            let next = if error.contains(NOT_ACCEPTED) {
                "see what is said about the authority and the clock above"
            } else {
                "is something filtering loopback (firewall, antivirus, another proxy)?"
            };
            Finding::bad(id, error, next)
        }
    }
}

/// A server that is not ours: its name, the way to it, its certificate, and its clock against ours.
async fn far(client: &Client, uri: &Uri) -> Vec<Finding> {
    let secure = uri.scheme_str() == Some("https");
    let asked = async {
        if secure {
            client.secure(uri, false).await
        } else {
            client.plain(uri).await
        }
    };
    let answer = match tokio::time::timeout(ONLINE_AT_MOST, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            return vec![Finding::bad(
                "online",
                format!("{uri}: {error:#}"),
                ASK_NEXT,
            )];
        }
        Err(_) => {
            let said = format!("{uri}: no answer within 30 s");
            return vec![Finding::bad("online", said, ASK_NEXT)];
        }
    };
    let text = String::from_utf8_lossy(answer.body());
    if answer.status().is_server_error() && text.contains("made by corscope") {
        let said = format!("{uri}: {}", what_happened(&text));
        return vec![Finding::bad("online", said, ASK_NEXT)];
    }
    let mut found = vec![Finding::fine(
        "online",
        format!("{uri} answered {}", answer.status()),
    )];
    let date = answer
        .headers()
        .get(header::DATE)
        .and_then(|d| d.to_str().ok());
    let theirs = date.and_then(|d| chrono::DateTime::parse_from_rfc2822(d).ok());
    if let Some(theirs) = theirs {
        let off = chrono::Utc::now().timestamp() - theirs.timestamp();
        found.push(if off.abs() > CLOCK_SECONDS_MAX {
            Finding::bad(
                "clock-away",
                format!(
                    "this machine's clock differs from the server's by {} min",
                    off / 60
                ),
                "set it: timedatectl set-ntp true",
            )
        } else {
            Finding::fine("clock-away", "the server's clock agrees with ours")
        });
    }
    found
}

const ASK_NEXT: &str = "is the network up? Behind a company's proxy: --upstream URL; its own \
    authority: --upstream-ca FILE";

/// The line of our own page that says it.
fn what_happened(page: &str) -> String {
    let line = page.lines().find_map(|l| l.strip_prefix("What happened: "));
    let first = page.lines().find(|l| !l.trim().is_empty());
    line.or(first).unwrap_or("an empty answer").to_owned()
}
