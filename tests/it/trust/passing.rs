//! A host whose client takes no certificate but its own: a key leaves it alone, and takes it back.

use std::net::SocketAddr;

use http::{Request, Response};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::proxy::rig::{
    Certificate, Sender, Server, ServerCa, collect, empty, full, read_head, shake_hands,
};
use crate::support::{Home, OnTerminal};

/// The address on the title line.
fn address(terminal: &OnTerminal) -> SocketAddr {
    let text = terminal.text();
    let after = text.split_once("● ").unwrap().1;
    after.split_whitespace().next().unwrap().parse().unwrap()
}

/// Asks through the proxy as a client that trusts the server's own authority only.
async fn ask(proxy: SocketAddr, authority: &str, root: &CertificateDer<'static>) -> Option<String> {
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    let connect = format!(
        "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: bank-app/3\r\n\r\n"
    );
    stream.write_all(connect.as_bytes()).await.unwrap();
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let roots = std::slice::from_ref(root);
    let stream = shake_hands(stream, "localhost", &[], roots).await.ok()?;
    let mut sender = Sender::http1(stream).await;
    let ask = Request::get("/").header("host", authority).body(empty());
    let response = sender.send(ask.unwrap()).await.unwrap();
    Some(String::from_utf8_lossy(&collect(response).await.0).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_host_is_left_alone_and_taken_back() {
    let ca = ServerCa::new();
    let config = ca.config(Certificate::Good, &["http/1.1"]);
    let origin = Server::http(Some(config), |_| async { Response::new(full("its own")) }).await;
    let authority = format!("localhost:{}", origin.addr.port());
    let root = CertificateDer::from_pem_file(ca.path()).unwrap();
    let home = Home::new();
    let mut terminal = OnTerminal::start(&home, &["--listen", "127.0.0.1:0"], 148, 44);
    terminal.sees("Nothing captured yet");
    let proxy = address(&terminal);

    assert_eq!(ask(proxy, &authority, &root).await, None);
    terminal.sees("The client does not take corscope's certificate");
    terminal.sees("client refused our certificate");
    assert!(
        !terminal.text().contains("no answer"),
        "{}",
        terminal.text()
    );
    terminal.until("who it is, and what helps", |text| {
        text.contains("bank-app") && text.contains("UnknownCA") && text.contains("P on")
    });
    terminal.keys("P");
    let bar = format!("passed through unread: {authority}");
    terminal.sees(&bar);
    terminal.sees("P on its row reads it again");
    let got = ask(proxy, &authority, &root).await;
    assert_eq!(got.as_deref(), Some("its own"), "{}", terminal.text());
    terminal.sees("2 requests");
    terminal.keys("P");
    terminal.until("it is read again", |text| !text.contains(&bar));
    assert_eq!(ask(proxy, &authority, &root).await, None);
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}
