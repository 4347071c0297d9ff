//! Real HTTP clients, each directly and through the proxy: they must see the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::proxy::rig::{Body, Server, empty, full};
use crate::snippets::rig::{Family, run};
use crate::support::{Home, Recording};

/// Echoes; says the method, two cookies, and trailers where they are asked for.
async fn origin(request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let response = Response::builder()
        .header("x-method", parts.method.as_str())
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2");
    if parts.method == "HEAD" {
        return response.header("content-length", 2).body(empty()).unwrap();
    }
    let path = parts.uri.path().to_owned();
    let body = match path.as_str() {
        "/echo" => full(body.collect().await.unwrap().to_bytes()),
        "/trailers" => {
            let mut trailers = http::HeaderMap::new();
            trailers.insert("x-sum", "17".parse().unwrap());
            let frames = [Frame::data("body".into()), Frame::trailers(trailers)];
            let frames = futures_util::stream::iter(frames.map(Ok));
            let response = response.header("trailer", "x-sum");
            return response
                .body(StreamBody::new(frames).boxed_unsync())
                .unwrap();
        }
        _ => full(parts.uri.path_and_query().unwrap().to_string()),
    };
    response.body(body).unwrap()
}

struct World {
    home: Home,
    plain: Server,
    tls: Server,
    recording: Recording,
    ca: PathBuf,
    key: PathBuf,
    proxy_ca: PathBuf,
}

impl World {
    async fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let home = Home::new();
        let ca = home.at("server.pem");
        std::fs::write(&ca, certificate.pem()).unwrap();
        let key_file = home.at("server.key");
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        let recording = home.record(&["--upstream-ca", ca.to_str().unwrap()]);
        let proxy_ca = home.run(&["ca", "path"]).stdout.trim().into();
        Self {
            plain: Server::http(None, origin).await,
            tls: Server::http(Some(Arc::new(config)), origin).await,
            home,
            recording,
            ca,
            key: key_file,
            proxy_ca,
        }
    }

    fn urls(&self) -> [String; 2] {
        [
            format!("http://localhost:{}", self.plain.addr.port()),
            format!("https://localhost:{}", self.tls.addr.port()),
        ]
    }

    fn proxy(&self) -> String {
        format!("http://{}", self.recording.address)
    }

    /// Directly, then through the proxy; both say the same.
    fn same(&self, client: impl Fn() -> Command) {
        let proxy = self.proxy();
        let tell = |ca: &Path, proxy: Option<&String>| {
            let mut command = client();
            command.args(self.urls()).arg(ca).args(proxy);
            said(&mut command)
        };
        let directly = tell(&self.ca, None);
        assert!(directly.lines().count() > 2, "{directly}");
        let proxied = tell(&self.proxy_ca, Some(&proxy));
        compare(&directly, &proxied);
    }
}

fn compare(directly: &str, proxied: &str) {
    let differ = directly.lines().zip(proxied.lines()).find(|(a, b)| a != b);
    assert_eq!(differ, None, "directly, and through the proxy");
    assert_eq!(directly.lines().count(), proxied.lines().count());
}

/// What a client says; it must end well.
fn said(command: &mut Command) -> String {
    for name in [
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
    ] {
        if !command.get_envs().any(|(set, _)| set == name) {
            command.env_remove(name);
        }
    }
    let done = command.stdin(Stdio::null()).output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{command:?}:\n{out}{err}");
    out.into_owned()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/clients")
        .join(name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python() {
    let Some(python) = Family::Python.home("bin/python") else {
        return;
    };
    let world = World::new().await;
    tokio::task::block_in_place(|| {
        world.same(|| {
            let mut command = Command::new(python.join("bin/python"));
            command.arg(script("client.py"));
            command
        });
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undici() {
    let Some(node) = Family::Node.home("node_modules/undici") else {
        return;
    };
    let world = World::new().await;
    tokio::task::block_in_place(|| {
        world.same(|| {
            let mut command = Command::new("node");
            command.current_dir(&node).arg(script("client.mjs"));
            command
        });
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go() {
    let world = World::new().await;
    tokio::task::block_in_place(|| {
        let binary = world.home.at("client");
        let mut build = Command::new("go");
        build
            .arg("build")
            .arg("-o")
            .arg(&binary)
            .arg(script("client.go"));
        run(build
            .env("GO111MODULE", "off")
            .env("GOCACHE", world.home.at("go")));
        world.same(|| Command::new(&binary));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl() {
    let world = World::new().await;
    let [plain, tls] = world.urls();
    let large = world.home.at("large");
    std::fs::write(&large, vec![b'c'; 2_000_000]).unwrap();
    let large = format!("@{}", large.display());
    let cases: &[&[&str]] = &[
        &["--http1.1"],
        &["--http2"],
        &["--http1.1", "--head"],
        &["--http2", "--head"],
        &[
            "--http1.1",
            "-H",
            "Expect: 100-continue",
            "--data-binary",
            &large,
        ],
        &["--http2", "--data-binary", &large],
        &[
            "--http1.1",
            "-H",
            "Transfer-Encoding: chunked",
            "--data-binary",
            "some",
        ],
        &["-X", "OPTIONS", "--http1.1"],
        &["-X", "PURGE", "--http2"],
        &[
            "--http1.1",
            "-H",
            "X-Empty;",
            "-H",
            "x-twice: 1",
            "-H",
            "x-twice: 2",
        ],
    ];
    tokio::task::block_in_place(|| {
        for case in cases {
            for base in [&plain, &tls] {
                let ask = |more: &[&str]| {
                    let mut command = Command::new("curl");
                    command.args(["-sS", "--suppress-connect-headers", "--max-time", "60"]);
                    command.args(["-w", "\n%{http_code} %{size_download} %header{x-method}"]);
                    command.args(*case).args(more).arg(format!("{base}/echo"));
                    said(&mut command)
                };
                let directly = ask(&["--noproxy", "*", "--cacert", world.ca.to_str().unwrap()]);
                let ca = world.proxy_ca.to_str().unwrap();
                let proxied = ask(&["--proxy", &world.proxy(), "--cacert", ca]);
                // A second may pass between the two.
                let undated = |told: &str| {
                    let lines = told.lines().filter(|line| !line.starts_with("date:"));
                    lines.collect::<Vec<_>>().join("\n")
                };
                assert_eq!(undated(&directly), undated(&proxied), "{case:?} {base}");
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc() {
    use std::io::BufRead as _;
    let Some(python) = Family::Python.home("bin/python") else {
        return;
    };
    let world = World::new().await;
    tokio::task::block_in_place(|| {
        let grpc = |args: &[&str]| {
            let mut command = Command::new(python.join("bin/python"));
            command.arg(script("grpc_echo.py")).args(args);
            command
        };
        let (ca, key) = (world.ca.to_str().unwrap(), world.key.to_str().unwrap());
        let mut server = grpc(&["serve", ca, key])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let stdout = server.stdout.take().unwrap();
        std::io::BufReader::new(stdout)
            .read_line(&mut port)
            .unwrap();
        let port = port.trim();
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let directly = said(&mut grpc(&["call", port, ca]));
            let proxy_ca = world.proxy_ca.to_str().unwrap();
            let mut proxied = grpc(&["call", port, proxy_ca]);
            (directly, said(proxied.env("https_proxy", world.proxy())))
        }));
        server.kill().unwrap();
        server.wait().unwrap();
        let (directly, proxied) = told.unwrap();
        assert!(directly.contains("echoed 30 StatusCode.OK"), "{directly}");
        compare(&directly, &proxied);
    });
}
