//! A small internet on loopback: one proxy that plays every host, with or without TLS, in HTTP/1.1 or
//! HTTP/2. What is sent there passes the same way as to the real one.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use corscope::diagnose::Diagnosis;
use corscope::proxy::{Courier, Limits, Reach, UpstreamProxy, Upstreams};
use corscope::replay::{self, Plan, Ran};
use corscope::session::{Reader, Session};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) method: String,
    /// Absolute.
    pub(crate) url: String,
    /// Names as they were sent, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) http2: bool,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Says {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Never, and the connection stays open.
    pub(crate) hangs: bool,
}

impl Says {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(n, v)| ((*n).into(), (*v).into()));
        Self {
            status,
            headers: headers.collect(),
            body: body.into(),
            hangs: false,
        }
    }
}

type Handler = dyn Fn(&Got) -> Says + Send + Sync;

/// The hosts of this internet, and what they were asked.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    /// The authority that issued every certificate.
    pub(crate) ca_pem: String,
    got: Arc<Mutex<Vec<Got>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Inside {
    tls: tokio_rustls::TlsAcceptor,
    handler: Box<Handler>,
    got: Arc<Mutex<Vec<Got>>>,
}

impl World {
    pub(crate) async fn new(handler: impl Fn(&Got) -> Says + Send + Sync + 'static) -> Self {
        Self::speaking(&[b"h2", b"http/1.1"], handler).await
    }

    pub(crate) async fn speaking(
        protocols: &[&[u8]],
        handler: impl Fn(&Got) -> Says + Send + Sync + 'static,
    ) -> Self {
        let (tls, ca_pem) = certificate(protocols);
        let got = Arc::new(Mutex::new(Vec::new()));
        let inside = Arc::new(Inside {
            tls,
            handler: Box::new(handler),
            got: Arc::clone(&got),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(proxied(Arc::clone(&inside), stream));
            }
        });
        Self {
            address,
            ca_pem,
            got,
            serving,
        }
    }

    /// What was asked so far, in order.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Methods and URLs of what was asked.
    pub(crate) fn asked(&self) -> Vec<String> {
        let got = self.got();
        got.iter()
            .map(|g| format!("{} {}", g.method, g.url))
            .collect()
    }

    pub(crate) fn courier(&self) -> Courier {
        Courier::new(&Reach {
            upstream_ca: None,
            upstream_ca_pem: None,
            insecure: vec!["*.test".into()],
            upstreams: Upstreams::through(
                UpstreamProxy::parse(&format!("http://{}", self.address)).unwrap(),
                "",
            ),
            client_certs: Vec::new(),
        })
        .unwrap()
    }

    /// Sends a plan and judges it.
    pub(crate) async fn play(&self, plan: &Plan) -> Played {
        play(plan, &self.courier()).await
    }
}

/// A plan that was sent.
pub(crate) struct Played {
    pub(crate) ran: Ran,
    pub(crate) reader: Reader,
}

impl Played {
    /// The only fetch it made.
    pub(crate) fn diagnosis(&self) -> Diagnosis {
        let fetches = self.reader.fetches();
        assert_eq!(fetches.len(), 1, "one fetch");
        self.reader.diagnosis(fetches[0]).unwrap()
    }
}

pub(crate) async fn play(plan: &Plan, courier: &Courier) -> Played {
    let (session, recorder) = Session::in_memory(None, 1).unwrap();
    let ran = replay::run(plan, courier, &recorder).await;
    drop(recorder);
    let reader = session.reader();
    tokio::task::spawn_blocking(move || session.finish())
        .await
        .unwrap()
        .unwrap();
    Played { ran, reader }
}

/// Limits for servers that are slow on purpose.
pub(crate) fn impatient() -> Limits {
    Limits {
        answer: std::time::Duration::from_secs(1),
        ..Limits::default()
    }
}

fn certificate(protocols: &[&[u8]]) -> (tokio_rustls::TlsAcceptor, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let names = ["api.test", "auth.test", "app.test", "localhost"];
    let leaf = CertificateParams::new(names.map(String::from).to_vec()).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone()];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    (acceptor, ca_certificate.pem())
}

async fn proxied(inside: Arc<Inside>, mut stream: TcpStream) {
    let mut start = [0; 8];
    let Ok(8) = stream.peek(&mut start).await else {
        return;
    };
    match &start {
        b"CONNECT " => {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else {
                    return;
                };
                head.push(byte);
            }
            let head = String::from_utf8(head).unwrap();
            let authority = head.split(' ').nth(1).unwrap().to_owned();
            let answer = b"HTTP/1.1 200 OK\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            let Ok(stream) = inside.tls.accept(stream).await else {
                return;
            };
            serve(inside, TokioIo::new(stream), format!("https://{authority}")).await;
        }
        // TLS without a tunnel: a server of its own on loopback.
        [0x16, ..] => {
            let address = stream.local_addr().unwrap();
            let Ok(stream) = inside.tls.accept(stream).await else {
                return;
            };
            let base = format!("https://localhost:{}", address.port());
            serve(inside, TokioIo::new(stream), base).await;
        }
        _ => {
            let base = format!("http://{}", stream.local_addr().unwrap());
            serve(inside, TokioIo::new(stream), base).await;
        }
    }
}

async fn serve<IO>(inside: Arc<Inside>, io: IO, base: String)
where
    IO: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let service = service_fn(move |request| answer(Arc::clone(&inside), base.clone(), request));
    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection(io, service).await;
}

async fn answer(
    inside: Arc<Inside>,
    base: String,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    let url = match parts.uri.authority() {
        Some(_) if parts.uri.scheme_str() == Some("http") => parts.uri.to_string(),
        Some(authority) => format!("https://{authority}{path}"),
        None => format!("{}{path}", base.trim_end_matches(":443")),
    };
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let headers = parts.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let got = Got {
        method: parts.method.to_string(),
        url,
        headers: headers.collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
        http2: parts.version == http::Version::HTTP_2,
    };
    let says = (inside.handler)(&got);
    inside.got.lock().unwrap().push(got);
    if says.hangs {
        std::future::pending::<()>().await;
    }
    let mut response = Response::new(Full::new(Bytes::from(says.body)));
    *response.status_mut() = says.status.try_into().unwrap();
    for (name, value) in says.headers {
        let name: http::HeaderName = name.parse().unwrap();
        // Bytes are told as the characters of the same numbers.
        let bytes: Vec<u8> = value.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let value = http::HeaderValue::from_bytes(&bytes).unwrap();
        response.headers_mut().append(name, value);
    }
    Ok(response)
}
