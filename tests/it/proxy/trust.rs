//! Certificates: the server's towards us, ours towards the client.

use std::sync::{Arc, Mutex};

use corscope::proxy::{Authority, ClientCert, Config, Proxy, ProxyError, loopback};
use corscope::wire::{End, ExchangeId, FailureKind, FailureStage, Kind};
use http::{Request, Response};
use rustls::HandshakeKind;
use rustls_pki_types::CertificateDer;
use tokio::io::AsyncWriteExt;

use super::rig::{
    Certificate, Rig, Sender, Server, ServerCa, collect, empty, full, read_head, read_rest,
    shake_hands, soon, trusting,
};

async fn server(ca: &ServerCa, kind: Certificate) -> Server {
    let config = ca.config(kind, &["h2", "http/1.1"]);
    Server::http(Some(config), |_| async { Response::new(full("secret")) }).await
}

async fn ask(rig: &Rig, authority: &str) -> (u16, String) {
    let mut sender = Sender::http1(rig.tunnel_tls(authority, &["http/1.1"]).await).await;
    let ask = Request::get("/")
        .header("host", authority)
        .body(empty())
        .unwrap();
    let response = sender.send(ask).await.unwrap();
    let status = response.status().as_u16();
    let body = collect(response).await.0;
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_server_certificates_are_refused_unless_told_otherwise() {
    let ca = ServerCa::new();
    for (kind, says) in [
        (Certificate::SelfSigned, "nobody this machine trusts"),
        (Certificate::Expired, "it has expired"),
        (
            Certificate::WrongName,
            "it is for elsewhere.test, not for localhost",
        ),
    ] {
        let origin = server(&ca, kind).await;
        let authority = format!("localhost:{}", origin.addr.port());
        let rig = Rig::with(trusting(&ca.path())).await;
        let (status, page) = ask(&rig, &authority).await;
        assert_eq!(status, 502);
        assert!(page.contains(says), "{page}");
        assert!(page.contains("--insecure"), "{page}");
        let heard = rig.only().await;
        assert_eq!(heard.failure().stage, FailureStage::Tls, "{kind:?}");
        assert_eq!(heard.failure().kind, FailureKind::Certificate, "{kind:?}");
        assert!(
            heard.failure().detail.contains(says),
            "{:?}",
            heard.failure()
        );
        assert!(heard.closing.unwrap().timings.connect.is_some());

        // Another host's permission does not help; its own does, and is marked.
        for (insecure, status) in [
            ("elsewhere.test", 502),
            ("localhost", 200),
            (&authority, 200),
        ] {
            let rig = Rig::with(|c| c.insecure = vec![insecure.to_owned()]).await;
            assert_eq!(ask(&rig, &authority).await.0, status, "{kind:?} {insecure}");
            let heard = rig.only().await;
            if status == 200 {
                assert_eq!(*heard.end(), End::Complete);
                assert!(heard.answer.unwrap().upstream.insecure);
            } else {
                assert_eq!(heard.failure().kind, FailureKind::Certificate);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_given_is_trusted_and_no_other() {
    let (ours, foreign) = (ServerCa::new(), ServerCa::new());
    let origin = server(&ours, Certificate::Good).await;
    let authority = format!("localhost:{}", origin.addr.port());
    let path = |ca: &ServerCa| Some(ca.path());
    for (trusted, status) in [(None, 502), (path(&foreign), 502), (path(&ours), 200)] {
        let rig = Rig::with(|c| c.upstream_ca = trusted).await;
        assert_eq!(ask(&rig, &authority).await.0, status);
        if status == 200 {
            let heard = rig.only().await;
            assert!(!heard.answer.unwrap().upstream.insecure);
        }
    }
    // Addresses have certificates of their own kind.
    let rig = Rig::with(trusting(&ours.path())).await;
    let (status, body) = ask(&rig, &format!("127.0.0.1:{}", origin.addr.port())).await;
    assert_eq!((status, body.as_str()), (200, "secret"));
}

/// A client that does not trust us leaves a row that says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_trust_us() {
    let rig = Rig::start().await;
    let stream = rig.tunnel("api.test:443").await;
    let stranger = ServerCa::new();
    let pem = std::fs::read(stranger.path()).unwrap();
    let root = rustls_pki_types::pem::PemObject::from_pem_slice(&pem).unwrap();
    let root: CertificateDer<'static> = root;
    assert!(shake_hands(stream, "api.test", &[], &[root]).await.is_err());
    let heard = rig.only().await;
    assert_eq!(heard.opening.kind, Kind::Tunnel);
    assert_eq!(heard.opening.request.method, "CONNECT");
    assert_eq!(heard.opening.request.url, "https://api.test:443/");
    assert_eq!(heard.failure().stage, FailureStage::ClientTls);
    assert_eq!(heard.failure().kind, FailureKind::Certificate);

    // One that asks for nothing leaves none.
    drop(rig.tunnel("api.test:443").await);
    let mut half = rig.tunnel("api.test:443").await;
    half.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    drop(half);
    assert_eq!(*rig.only().await.end(), *heard.end());
}

/// Both sides resume: a second connection costs no second full handshake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_resume() {
    let ca = ServerCa::new();
    let acceptor = tokio_rustls::TlsAcceptor::from(ca.config(Certificate::Good, &[]));
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&kinds);
    let origin = Server::raw(move |stream| {
        let (acceptor, note) = (acceptor.clone(), Arc::clone(&note));
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let kind = stream.get_ref().1.handshake_kind();
            note.lock().unwrap().push(kind);
            read_head(&mut stream).await;
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    })
    .await;
    let rig = Rig::with(trusting(&ca.path())).await;
    let mut store = rustls::RootCertStore::empty();
    store.add(rig.ca.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let authority = format!("localhost:{}", origin.addr.port());
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let stream = rig.tunnel(&authority).await;
        let name = "localhost".try_into().unwrap();
        let mut stream = soon(connector.connect(name, stream)).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(kind));
        let ask = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(ask).await.unwrap();
        assert!(read_rest(&mut stream).await.contains(" 200 OK"));
        assert_eq!(kinds.lock().unwrap().last(), Some(&Some(kind)));
    }
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let home = tempfile::tempdir().unwrap();
    let authority = || Authority::load_or_create(home.path()).unwrap();
    let recorder = || corscope::capture::queue(ExchangeId(1), 0).0;
    let taken = Proxy::bind(Config::new(0, authority()), recorder())
        .await
        .unwrap();
    let port = taken.addresses()[0].port();
    assert!(taken.addresses().iter().all(|a| a.port() == port));

    let error = Proxy::bind(Config::new(port, authority()), recorder())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, ProxyError::Bind { .. }));
    assert!(
        error.to_string().contains(&format!(":{port}")) && error.to_string().contains("--listen")
    );

    let near = Proxy::bind_near(Config::new(port, authority()), recorder())
        .await
        .unwrap();
    let moved = near.addresses()[0].port();
    assert!(moved > port && moved <= port + 64);

    // Somebody was quicker, twice.
    let mut config = Config::new(port, authority());
    config.otherwise = vec![loopback(port), loopback(0)];
    let third = Proxy::bind(config, recorder()).await.unwrap();
    assert_ne!(third.addresses()[0].port(), port);

    let mut config = Config::new(0, authority());
    config.listen = vec!["192.0.2.1:1".parse().unwrap()];
    let error = Proxy::bind(config, recorder()).await.err().unwrap();
    assert!(error.to_string().contains("192.0.2.1:1"), "{error}");

    let missing = home.path().join("missing.pem");
    let mut config = Config::new(0, authority());
    config.upstream_ca = Some(missing.clone());
    let error = Proxy::bind(config, recorder()).await.err().unwrap();
    assert!(
        error.to_string().contains(&*missing.to_string_lossy()),
        "{error}"
    );

    let mut config = Config::new(0, authority());
    config.client_certs = vec![ClientCert {
        host: "api.test".into(),
        chain: missing.clone(),
        key: missing.clone(),
    }];
    let error = Proxy::bind(config, recorder()).await.err().unwrap();
    let error = error.to_string();
    assert!(
        error.contains(&*missing.to_string_lossy()) && error.contains("api.test"),
        "{error}"
    );
    assert_eq!(loopback(8080).len(), 2);
}
