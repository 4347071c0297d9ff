//! A server with faults, over TCP and TLS on one port each.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::plan::{Plan, Served};

pub(super) struct Server {
    pub(super) plain: SocketAddr,
    pub(super) tls: SocketAddr,
    /// What the proxy has to trust.
    pub(super) ca_pem: String,
}

/// What is common to both kinds of connection.
trait Wire: Read + Write {
    fn tcp(&self) -> &TcpStream;

    /// Says that nothing more comes: where a body has no length, its end.
    fn finish(&mut self) -> io::Result<()>;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }

    fn finish(&mut self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }
}

impl Wire for StreamOwned<ServerConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }

    fn finish(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.shutdown(std::net::Shutdown::Write)
    }
}

/// Ends a connection with a reset when it is dropped.
pub(super) fn resets(stream: &TcpStream) {
    let linger = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
    linger.expect("a TCP socket");
}

impl Server {
    pub(super) fn start(seed: u64, faults_percent: u64) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = rcgen::CertificateParams::new(names).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let config = Arc::new(config);
        let plan = move |number| Plan::of(seed, number, faults_percent);
        let plain = accept(move |stream| serve(stream, plan));
        let tls = accept(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("it is valid");
            serve(StreamOwned::new(connection, stream), plan)
        });
        Self {
            plain,
            tls,
            ca_pem: certificate.pem(),
        }
    }
}

fn accept(serve: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                // How a connection ends is the point of it.
                let _ = serve(stream);
            });
        }
    });
    address
}

/// One connection, request after request.
fn serve(mut wire: impl Wire, plan: impl Fn(u64) -> Plan) -> io::Result<()> {
    let mut read = Vec::new();
    while let Some(head) = head(&mut wire, &mut read)? {
        let first = head.lines().next().unwrap_or_default();
        let number = first.split(['/', ' ']).nth(2).and_then(|n| n.parse().ok());
        let Some(number) = number else { return Ok(()) };
        let plan = plan(number);
        if first.starts_with("OPTIONS") {
            wire.write_all(
                b"HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: http://app.test\r\n\
                Access-Control-Allow-Methods: PUT\r\n\r\n",
            )?;
            continue;
        }
        if plan.served != Served::Early {
            body(&mut wire, &mut read, &head)?;
        }
        if !answer(&mut wire, plan)? {
            return Ok(());
        }
    }
    Ok(())
}

fn head(wire: &mut impl Wire, read: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        if let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") {
            let head = read.drain(..end + 4).collect();
            return Ok(String::from_utf8(head).ok());
        }
        if more(wire, read)? == 0 {
            return Ok(None);
        }
    }
}

fn more(wire: &mut impl Wire, read: &mut Vec<u8>) -> io::Result<usize> {
    let mut bytes = [0; 4_096];
    let n = wire.read(&mut bytes)?;
    read.extend_from_slice(&bytes[..n]);
    Ok(n)
}

fn body(wire: &mut impl Wire, read: &mut Vec<u8>, head: &str) -> io::Result<()> {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let ours = name.eq_ignore_ascii_case("content-length");
        ours.then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.unwrap_or(0);
    while read.len() < length {
        if more(wire, read)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    read.drain(..length);
    Ok(())
}

/// Whether the connection goes on.
fn answer(wire: &mut impl Wire, plan: Plan) -> io::Result<bool> {
    let (status, body) = plan.due().unwrap_or_default();
    let cors = if status == 200 {
        "Access-Control-Allow-Origin: http://app.test\r\n"
    } else {
        ""
    };
    let length = body.len();
    match plan.served {
        Served::Json | Served::NotFound | Served::Broken => {
            let head = format!("HTTP/1.1 {status} x\r\n{cors}Content-Length: {length}\r\n\r\n");
            wire.write_all(&[head.as_bytes(), &body].concat())?;
        }
        Served::NotModified => wire.write_all(b"HTTP/1.1 304 x\r\nETag: \"1\"\r\n\r\n")?,
        Served::Redirect => {
            wire.write_all(b"HTTP/1.1 302 x\r\nLocation: /0\r\nContent-Length: 0\r\n\r\n")?;
        }
        Served::Chunked => chunks(wire, cors, &body, b"0\r\n\r\n")?,
        Served::CutChunks => {
            chunks(wire, cors, b"some of it", b"5\r\nab")?;
            return Ok(false);
        }
        Served::Events => {
            let head = format!(
                "HTTP/1.1 200 x\r\n{cors}Content-Type: text/event-stream\r\nConnection: close\r\n\r\n"
            );
            wire.write_all(head.as_bytes())?;
            for event in body.split_inclusive(|b| *b == b'\n') {
                wire.write_all(event)?;
                wire.flush()?;
                std::thread::sleep(Duration::from_millis(5));
            }
            wire.finish()?;
            return Ok(false);
        }
        Served::ClosedUnanswered => return Ok(false),
        Served::ResetUnanswered => {
            resets(wire.tcp());
            return Ok(false);
        }
        Served::HalfHead => {
            wire.write_all(b"HTTP/1.1 200 x\r\nContent-Le")?;
            return Ok(false);
        }
        Served::CutBody | Served::ResetBody => {
            let head = format!("HTTP/1.1 200 x\r\n{cors}Content-Length: 5000\r\n\r\nnot all of it");
            wire.write_all(head.as_bytes())?;
            if plan.served == Served::ResetBody {
                std::thread::sleep(Duration::from_millis(2));
                resets(wire.tcp());
            }
            return Ok(false);
        }
        Served::NoHttp => {
            wire.write_all(b"\x16\x03\x01 I am no HTTP server\r\n\r\n")?;
            return Ok(false);
        }
        Served::TwoLengths => {
            wire.write_all(b"HTTP/1.1 200 x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc")?;
            return Ok(false);
        }
        Served::LongHeader => {
            let long = "l".repeat(20_000);
            let head = format!(
                "HTTP/1.1 200 x\r\n{cors}X-Long: {long}\r\nContent-Length: {length}\r\n\r\n"
            );
            wire.write_all(&[head.as_bytes(), &body].concat())?;
        }
        Served::ManyHeaders => {
            let many = "X-Many: one of them\r\n".repeat(90);
            let head = format!("HTTP/1.1 200 x\r\n{cors}{many}Content-Length: {length}\r\n\r\n");
            wire.write_all(&[head.as_bytes(), &body].concat())?;
        }
        Served::Trickled => {
            let head = format!("HTTP/1.1 200 x\r\n{cors}Content-Length: {length}\r\n\r\n");
            for byte in head.as_bytes() {
                wire.write_all(&[*byte])?;
                wire.flush()?;
                std::thread::sleep(Duration::from_micros(500));
            }
            wire.write_all(&body)?;
        }
        Served::Early => {
            let head =
                format!("HTTP/1.1 413 x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            wire.write_all(&[head.as_bytes(), &body].concat())?;
            wire.flush()?;
            // Closing with bytes unread resets the connection and can take the answer with it.
            wire.finish()?;
            let _ = io::copy(&mut wire.tcp(), &mut io::sink());
            return Ok(false);
        }
    }
    wire.flush()?;
    Ok(true)
}

fn chunks(wire: &mut impl Wire, cors: &str, body: &[u8], end: &[u8]) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 x\r\n{cors}Transfer-Encoding: chunked\r\n\r\n");
    wire.write_all(head.as_bytes())?;
    for chunk in body.chunks(1_500) {
        let size = format!("{:x}\r\n", chunk.len());
        wire.write_all(&[size.as_bytes(), chunk, b"\r\n"].concat())?;
    }
    wire.write_all(end)
}
