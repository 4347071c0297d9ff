//! A browser with faults: one request a connection, or several while all goes well.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::plan::{Asked, Dice, Plan};
use super::server::resets;

/// What came back for a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// A whole answer of this status and body.
    Whole(u16, Vec<u8>),
    /// Nothing, or not all: the connection ended.
    Broken,
    /// The browser did not wait for it.
    NotWaited,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Browser {
    pub(super) proxy: SocketAddr,
    pub(super) plain: SocketAddr,
    pub(super) tls: SocketAddr,
    config: Arc<ClientConfig>,
}

impl Browser {
    pub(super) fn new(
        proxy: SocketAddr,
        plain: SocketAddr,
        tls: SocketAddr,
        ca_pem: &[u8],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(ca_pem).unwrap())
            .unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            proxy,
            plain,
            tls,
            config: Arc::new(config),
        }
    }

    fn connect(&self, tls: bool) -> io::Result<Stream> {
        let mut stream = TcpStream::connect(self.proxy)?;
        // Whoever waits longer waits for ever; a machine that is busy is given its time.
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        stream.set_nodelay(true)?;
        if !tls {
            return Ok(Stream::Plain(stream));
        }
        let to = format!("localhost:{}", self.tls.port());
        stream.write_all(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes())?;
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            read.push(byte[0]);
        }
        assert!(read.starts_with(b"HTTP/1.1 200"), "{read:?}");
        let name = ServerName::try_from("localhost").expect("a name");
        let connection =
            ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        Ok(Stream::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Does what the plan says.
    pub(super) fn ask(&self, plan: Plan) -> Came {
        // A connection that breaks is what this is about; that the answer is the right one is seen to
        // by whoever asked for it.
        self.try_to(plan).unwrap_or(Came::Broken)
    }

    fn try_to(&self, plan: Plan) -> io::Result<Came> {
        let mut stream = self.connect(plan.tls)?;
        let number = plan.number;
        let (target, host) = if plan.tls {
            (
                format!("/{number}"),
                format!("localhost:{}", self.tls.port()),
            )
        } else {
            let host = self.plain.to_string();
            (format!("http://{host}/{number}"), host)
        };
        let request = |method: &str, more: &str| {
            format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n").into_bytes()
        };
        let cors = "Origin: http://app.test\r\nSec-Fetch-Mode: cors\r\n";
        let body = vec![b'b'; 20 + Dice::of(9, number).below(60_000) as usize];
        let post = request(
            "POST",
            &format!(
                "{cors}Content-Type: text/plain\r\nContent-Length: {}\r\n",
                body.len()
            ),
        );
        match plan.asked {
            Asked::Get => stream.write_all(&request("GET", ""))?,
            Asked::Cors => stream.write_all(&request("GET", cors))?,
            Asked::Preflight => {
                let ask = format!("{cors}Access-Control-Request-Method: PUT\r\n");
                stream.write_all(&request("OPTIONS", &ask))?;
                if !matches!(read_answer(&mut stream)?, Came::Whole(204, _)) {
                    return Ok(Came::Broken);
                }
                let put = format!("{cors}Content-Length: 0\r\n");
                stream.write_all(&request("PUT", &put))?;
            }
            // The head of a request with a body may be answered before the body is sent.
            Asked::Post => {
                stream.write_all(&post)?;
                let _ = stream.write_all(&body);
            }
            Asked::LeavesInHead => {
                let all = request("GET", cors);
                let some = Dice::of(10, number).below(all.len() as u64 - 1) as usize;
                stream.write_all(&all[..some])?;
                return Ok(Came::NotWaited);
            }
            Asked::LeavesInBody => {
                stream.write_all(&post)?;
                stream.write_all(&body[..body.len() / 2])?;
                return Ok(Came::NotWaited);
            }
            Asked::LeavesUnanswered => {
                stream.write_all(&request("GET", cors))?;
                return Ok(Came::NotWaited);
            }
            Asked::LeavesInAnswer => {
                stream.write_all(&request("GET", cors))?;
                let mut some = [0; 40];
                let _ = stream.read(&mut some)?;
                return Ok(Came::NotWaited);
            }
            Asked::Resets => {
                stream.write_all(&request("GET", cors))?;
                let mut some = [0; 10];
                let _ = stream.read(&mut some)?;
                resets(stream.tcp());
                return Ok(Came::NotWaited);
            }
            Asked::Trickles => {
                for byte in request("GET", cors) {
                    stream.write_all(&[byte])?;
                    stream.flush()?;
                    std::thread::sleep(Duration::from_micros(300));
                }
            }
            Asked::Nonsense => {
                stream.write_all(b"\x00\x01GET\r\n: :\r\n\r\n")?;
                let mut refused = Vec::new();
                stream.read_to_end(&mut refused)?;
                return Ok(Came::NotWaited);
            }
        }
        stream.flush()?;
        read_answer(&mut stream)
    }
}

fn read_answer(stream: &mut Stream) -> io::Result<Came> {
    let mut read = Vec::new();
    let mut some = [0; 16_384];
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 200];
        let mut response = httparse::Response::new(&mut headers);
        if let Ok(httparse::Status::Complete(head)) = response.parse(&read) {
            let status = response.code.unwrap_or(0);
            let field = |name: &str| {
                let found = response
                    .headers
                    .iter()
                    .find(|h| h.name.eq_ignore_ascii_case(name));
                found.map(|h| String::from_utf8_lossy(h.value).into_owned())
            };
            let length = field("content-length").and_then(|l| l.parse::<usize>().ok());
            let chunked = field("transfer-encoding").is_some();
            let rest = read.split_off(head);
            return finish(stream, status, length, chunked, rest);
        }
        match stream.read(&mut some)? {
            0 => return Ok(Came::Broken),
            n => read.extend_from_slice(&some[..n]),
        }
    }
}

fn finish(
    stream: &mut Stream,
    status: u16,
    length: Option<usize>,
    chunked: bool,
    mut rest: Vec<u8>,
) -> io::Result<Came> {
    let empty = matches!(status, 204 | 304);
    let mut some = [0; 16_384];
    loop {
        if empty {
            return Ok(Came::Whole(status, Vec::new()));
        }
        if chunked {
            if let Some(body) = unchunked(&rest) {
                return Ok(Came::Whole(status, body));
            }
        } else if let Some(length) = length
            && rest.len() >= length
        {
            rest.truncate(length);
            return Ok(Came::Whole(status, rest));
        }
        match stream.read(&mut some)? {
            // Without a length and chunks the end of the connection is the end of the body.
            0 if !chunked && length.is_none() => return Ok(Came::Whole(status, rest)),
            0 => return Ok(Came::Broken),
            n => rest.extend_from_slice(&some[..n]),
        }
    }
}

/// The body, if its last chunk is there.
fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((head, size)) = httparse::parse_chunk_size(bytes).ok()?
        else {
            return None;
        };
        let size = size as usize;
        let end = head.checked_add(size)?.checked_add(2)?;
        if size == 0 {
            return (bytes.len() >= end).then_some(body);
        }
        body.extend_from_slice(bytes.get(head..head + size)?);
        bytes = bytes.get(end..)?;
    }
}
