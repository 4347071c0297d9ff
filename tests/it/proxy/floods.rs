//! Floods, from clients and from servers: while they come, everybody else is served, and in the end no
//! row is left open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use corscope::wire::{End, FailureKind, FailureStage};
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PREFACE, PRIORITY,
    RST_STREAM, WINDOW_UPDATE, block, frame, headers, next_frame, remembered, settings,
};
use super::rig::{PATIENCE, Rig, Sender, Server, collect, empty, full, read_head, soon};

/// How many are served beside a flood.
const FRIENDS: usize = 12;

/// Writes until the other side has had enough, and swallows what it says.
fn pour(
    stream: TcpStream,
    first: Vec<u8>,
    mut next: impl FnMut(u32) -> Vec<u8> + Send + 'static,
    poured: Arc<AtomicUsize>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let (mut read, mut write) = stream.into_split();
        let swallow = tokio::spawn(async move {
            let mut buffer = vec![0; 64 << 10];
            while read.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
        });
        if write.write_all(&first).await.is_ok() {
            for round in 0.. {
                let piece = next(round);
                if piece.is_empty() || write.write_all(&piece).await.is_err() {
                    break;
                }
                poured.fetch_add(piece.len(), Ordering::Relaxed);
            }
        }
        let _ = swallow.await;
    })
}

async fn friendly() -> Server {
    Server::http(None, |_| async { Response::new(full("fine")) }).await
}

/// Asks another server, each time on a connection of its own.
async fn served(rig: &Rig, friend: &Server) {
    for _ in 0..FRIENDS {
        let mut sender = Sender::http1(rig.connect().await).await;
        let url = format!("http://{}/friend", friend.addr);
        let answer = sender.send(Request::get(&url).body(empty()).unwrap());
        let (body, _) = collect(answer.await.unwrap()).await;
        assert_eq!(body, "fine");
    }
}

/// Until so much of a flood has been taken, or it has come to an end.
async fn taken(poured: &AtomicUsize, flood: &JoinHandle<()>, bytes: usize) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while poured.load(Ordering::Relaxed) < bytes && !flood.is_finished() {
            tokio::task::yield_now().await;
        }
    });
    // Where the proxy takes no more, nothing goes on, and that is as good.
    let _ = waited.await;
}

/// What floods in HTTP/2, after the first frames: the next piece.
type Piece = fn(u32) -> Vec<u8>;

/// Floods that need no stream, or stream 1.
fn floods() -> Vec<(&'static str, Piece)> {
    fn many(count: u32, each: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
        (0..count).flat_map(each).collect()
    }
    vec![
        ("pings", |_| many(200, |_| frame(PING, 0, 0, &[7; 8]))),
        ("settings", |_| many(200, |n| settings(&[(3, n + 1)]))),
        ("empty data", |_| many(200, |_| frame(DATA, 0, 1, &[]))),
        ("padding", |_| {
            many(20, |_| {
                frame(DATA, PADDED, 1, &[&[255][..], &[0; 255]].concat())
            })
        }),
        ("bytes", |_| many(200, |_| frame(DATA, 0, 1, b"x"))),
        ("updates", |_| {
            many(200, |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]))
        }),
        ("priorities", |round| {
            // Each depends on the next, and the last one on the first.
            many(200, |n| {
                let stream = (round * 200 + n) % 5_000 * 2 + 1;
                let on = ((stream + 2) % 10_000).to_be_bytes();
                frame(PRIORITY, 0, stream, &[&on[..], &[16]].concat())
            })
        }),
        ("nothing known", |_| many(200, |_| frame(0xee, 0, 0, b"x"))),
        ("blocks without end", |round| match round {
            0 => frame(HEADERS, 0, 3, &block(&[("x", b"y")])),
            _ => many(200, |_| frame(CONTINUATION, 0, 3, &block(&[("x", b"y")]))),
        }),
        ("blocks of nothing without end", |round| match round {
            0 => frame(HEADERS, 0, 3, &[]),
            _ => many(200, |_| frame(CONTINUATION, 0, 3, &[])),
        }),
    ]
}

/// The head of stream 1 to come, with a body.
fn begun(authority: &str) -> Vec<u8> {
    headers(
        1,
        0,
        &[
            (":method", b"POST"),
            (":scheme", b"http"),
            (":authority", authority.as_bytes()),
            (":path", b"/flood"),
        ],
    )
}

/// Nobody knows of an exchange that still goes on.
async fn all_ended(rig: &Rig) {
    let over = rig.wait_for(|all| all.iter().all(|h| h.closing.is_some()));
    for heard in over.await {
        if heard.opening.request.url.ends_with("/flood") {
            assert_ne!(*heard.end(), End::Complete, "{:?}", heard.opening.request);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_flood() {
    let friend = friendly().await;
    // It takes what comes, and says nothing.
    let sink = Server::raw(|mut stream| async move {
        let mut buffer = vec![0; 64 << 10];
        while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    })
    .await;
    for (what, next) in floods() {
        let rig = Rig::start().await;
        let first = [PREFACE, &settings(&[]), &begun(&sink.addr.to_string())].concat();
        let poured = Arc::new(AtomicUsize::new(0));
        let flood = pour(rig.connect().await, first, next, Arc::clone(&poured));
        served(&rig, &friend).await;
        taken(&poured, &flood, 200_000).await;
        served(&rig, &friend).await;
        flood.abort();
        println!("{what}: {} bytes taken", poured.load(Ordering::Relaxed));
        all_ended(&rig).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_flood() {
    let friend = friendly().await;
    for (what, next) in floods() {
        let poured = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&poured);
        let hostile = Server::raw(move |mut stream| {
            let poured = Arc::clone(&counted);
            async move {
                let mut preface = [0; PREFACE.len()];
                let _ = stream.read_exact(&mut preface).await;
                while next_frame(&mut stream)
                    .await
                    .is_some_and(|f| f.kind != HEADERS)
                {}
                let first = [settings(&[]), headers(1, 0, &[(":status", b"200")])].concat();
                pour(stream, first, next, poured).await.unwrap();
            }
        })
        .await;
        let rig = Rig::start().await;
        let authority = hostile.addr.to_string();
        let mut sender = Sender::http2(rig.tunnel(&authority).await).await;
        let url = format!("http://{authority}/flood");
        let answer = sender.send(Request::get(&url).body(empty()).unwrap()).await;
        // Its body is not read: what is taken of it is held by the proxy.
        served(&rig, &friend).await;
        served(&rig, &friend).await;
        println!("{what}: {} bytes taken", poured.load(Ordering::Relaxed));
        drop((answer, sender, hostile));
        all_ended(&rig).await;
    }
}

/// Streams opened and reset as fast as can be (CVE-2023-44487): that is cut short, and no row stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_resets() {
    let friend = friendly().await;
    let rig = Rig::start().await;
    let sink = Server::raw(|mut stream| async move {
        let mut buffer = vec![0; 64 << 10];
        while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    })
    .await;
    let authority = sink.addr.to_string();
    let next = move |round: u32| {
        let stream = round * 2 + 1;
        let head = headers(
            stream,
            END_STREAM,
            &[
                (":method", b"GET"),
                (":scheme", b"http"),
                (":authority", authority.as_bytes()),
                (":path", b"/flood"),
            ],
        );
        [head, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    };
    let poured = Arc::new(AtomicUsize::new(0));
    let first = [PREFACE, &settings(&[])].concat();
    let flood = pour(rig.connect().await, first, next, Arc::clone(&poured));
    served(&rig, &friend).await;
    taken(&poured, &flood, 300_000).await;
    flood.abort();
    all_ended(&rig).await;
}

/// A server that resets each stream at once does not keep others from theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_for_answers() {
    let friend = friendly().await;
    let hostile = Server::raw(|mut stream| async move {
        let mut preface = [0; PREFACE.len()];
        let _ = stream.read_exact(&mut preface).await;
        let _ = stream.write_all(&settings(&[])).await;
        while let Some(came) = next_frame(&mut stream).await {
            if came.kind == HEADERS {
                let reset = frame(RST_STREAM, 0, came.stream, &[0, 0, 0, 7]);
                let _ = stream.write_all(&reset).await;
            }
        }
    })
    .await;
    let rig = Rig::start().await;
    let authority = hostile.addr.to_string();
    let mut sender = Sender::http2(rig.tunnel(&authority).await).await;
    let url = format!("http://{authority}/");
    for _ in 0..200 {
        let answer = sender.send(Request::get(&url).body(empty()).unwrap()).await;
        assert_eq!(answer.unwrap().status(), 502);
    }
    served(&rig, &friend).await;
    for heard in rig.closed(200 + FRIENDS).await {
        if heard.opening.request.url == url {
            assert_eq!(heard.failure().kind, FailureKind::Reset);
        }
    }
}

/// Ten thousand streams at once: as many as were offered are served, the others are told to come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_streams() {
    let friend = friendly().await;
    let rig = Rig::start().await;
    // It never answers.
    let silent = Server::raw(|mut stream| async move {
        let mut buffer = vec![0; 4 << 10];
        while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    })
    .await;
    let authority = silent.addr.to_string();
    let (mut read, mut write) = rig.connect().await.into_split();
    let writing = tokio::spawn(async move {
        let mut bytes = [PREFACE, &settings(&[])].concat();
        for n in 0..10_000 {
            bytes.extend(headers(
                n * 2 + 1,
                END_STREAM,
                &[
                    (":method", b"GET"),
                    (":scheme", b"http"),
                    (":authority", authority.as_bytes()),
                    (":path", b"/flood"),
                ],
            ));
        }
        let _ = write.write_all(&bytes).await;
        write
    });
    // The first one that is turned away.
    let refused = soon(async {
        loop {
            match next_frame(&mut read).await {
                Some(came) if matches!(came.kind, RST_STREAM | GOAWAY) => break came,
                Some(_) => {}
                None => panic!("closed without a word"),
            }
        }
    })
    .await;
    // REFUSED_STREAM or ENHANCE_YOUR_CALM.
    assert!(matches!(refused.code(), 7 | 11), "{refused:?}");
    served(&rig, &friend).await;
    writing.abort();
    drop(read);
    all_ended(&rig).await;
    let flood = rig.heard();
    let flood = flood
        .iter()
        .filter(|h| h.opening.request.url.ends_with("/flood"));
    assert!(flood.count() <= 1_000);
}

/// A few bytes that stand for many (an HPACK bomb): refused, from both sides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn header_bombs() {
    let long = vec![b'v'; 4_000];
    let bomb = |mut first: Vec<u8>| {
        first.extend(remembered("x", &long));
        // The newest of the dynamic table, again and again.
        first.resize(16_000, 0x80 | 0x3e);
        first
    };
    let friend = friendly().await;
    let rig = Rig::start().await;
    let authority = friend.addr.to_string();
    let usual = block(&[
        (":method", b"GET"),
        (":scheme", b"http"),
        (":authority", authority.as_bytes()),
        (":path", b"/bomb"),
    ]);
    let head = frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb(usual));
    let mut stream = rig.connect().await;
    let hello = [PREFACE, &settings(&[]), &head].concat();
    stream.write_all(&hello).await.unwrap();
    let came = soon(async {
        loop {
            let came = next_frame(&mut stream).await?;
            if matches!(came.kind, GOAWAY | RST_STREAM | HEADERS) {
                return Some(came);
            }
        }
    })
    .await;
    let answered = came
        .as_ref()
        .is_some_and(|c| c.payload.first() == Some(&0x88));
    assert!(!answered, "{came:?}");
    served(&rig, &friend).await;

    let answer = {
        let block = bomb(block(&[(":status", b"200")]));
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)
    };
    let hostile = Server::raw(move |mut stream| {
        let answer = answer.clone();
        async move {
            let mut preface = [0; PREFACE.len()];
            let _ = stream.read_exact(&mut preface).await;
            let _ = stream.write_all(&settings(&[])).await;
            while next_frame(&mut stream)
                .await
                .is_some_and(|f| f.kind != HEADERS)
            {}
            let _ = stream.write_all(&answer).await;
            while next_frame(&mut stream).await.is_some() {}
        }
    })
    .await;
    let authority = hostile.addr.to_string();
    let mut sender = Sender::http2(rig.tunnel(&authority).await).await;
    let url = format!("http://{authority}/bomb");
    let answer = sender.send(Request::get(&url).body(empty()).unwrap()).await;
    assert_eq!(answer.unwrap().status(), 502);
    served(&rig, &friend).await;
}

/// The size of a chunk that does not end: others are served meanwhile, and it is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sizes_without_end() {
    let friend = friendly().await;
    for endless in [&b"0"[..], b"1 ", b"1\t"] {
        let (first, fill) = endless.split_at(endless.len() - 1);
        let (first, fill) = (first.to_vec(), fill[0]);
        let poured = Arc::new(AtomicUsize::new(0));
        let hostile = {
            let (first, poured) = (first.clone(), Arc::clone(&poured));
            Server::raw(move |mut stream| {
                let (first, poured) = (first.clone(), Arc::clone(&poured));
                async move {
                    read_head(&mut stream).await;
                    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                    let first = [&head[..], &first].concat();
                    let next = move |_| vec![fill; 64 << 10];
                    pour(stream, first, next, poured).await.unwrap();
                }
            })
            .await
        };
        let rig = Rig::start().await;
        // As many as there are threads, and more.
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let mut sender = Sender::http1(rig.connect().await).await;
            let url = format!("http://{}/flood", hostile.addr);
            asking.spawn(async move {
                let ask = Request::get(&url).body(empty()).unwrap();
                let answer = sender.send(ask).await.unwrap();
                assert_eq!(answer.status(), 200);
                assert!(soon(answer.into_body().collect()).await.is_err());
            });
        }
        served(&rig, &friend).await;
        while let Some(ended) = soon(asking.join_next()).await {
            ended.unwrap();
        }
        let heard = rig.closed(3 + FRIENDS).await;
        let flood = heard
            .iter()
            .filter(|h| h.opening.request.url.ends_with("/flood"));
        for heard in flood {
            let failure = heard.failure();
            assert_eq!(failure.stage, FailureStage::Receive);
            assert_eq!(failure.kind, FailureKind::Protocol);
            let why = "a chunk's size that does not end";
            assert!(failure.detail.contains(why), "{}", failure.detail);
        }
        // The other way.
        let sink = Server::raw(|mut stream| async move {
            let mut buffer = vec![0; 64 << 10];
            while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
        })
        .await;
        let rig = Rig::start().await;
        let mut flooding = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let head = format!(
                "POST http://{}/flood HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                sink.addr
            );
            let first = [head.as_bytes(), &first].concat();
            let next = move |_| vec![fill; 64 << 10];
            let flood = pour(rig.connect().await, first, next, Arc::clone(&poured));
            flooding.spawn(flood);
        }
        served(&rig, &friend).await;
        // They end by themselves, since the proxy closes.
        while let Some(ended) = soon(flooding.join_next()).await {
            ended.unwrap().unwrap();
        }
        all_ended(&rig).await;
    }
}

/// What really becomes a body may be as long as it likes, in pieces of any size; and so may what follows
/// a change of protocol.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_bodies_are_no_floods() {
    const MEBIBYTES: usize = 24;
    let chunk = |size: usize| {
        [
            format!("{size:x}\r\n").as_bytes(),
            &vec![b'0'; size],
            b"\r\n",
        ]
        .concat()
    };
    let chunks: Vec<u8> = (0..512 << 10).flat_map(|_| chunk(1)).collect();
    let large = chunk(MEBIBYTES << 20);
    let wholes = [
        [&chunks[..], b"0\r\n\r\n"].concat(),
        [&large[..], b"0\r\n\r\n"].concat(),
    ];
    for whole in wholes {
        let sent = whole.clone();
        let server = Server::raw(move |mut stream| {
            let sent = sent.clone();
            async move {
                let head = read_head(&mut stream).await;
                let mut told = Vec::new();
                if head.starts_with("POST") {
                    let mut buffer = vec![0; 64 << 10];
                    while !told.ends_with(b"\r\n0\r\n\r\n") {
                        let n = stream.read(&mut buffer).await.unwrap();
                        told.extend_from_slice(&buffer[..n]);
                    }
                }
                let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                stream.write_all(head).await.unwrap();
                stream.write_all(&sent).await.unwrap();
            }
        })
        .await;
        let rig = Rig::start().await;
        let mut stream = rig.connect().await;
        let head = format!(
            "POST http://{}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            server.addr
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&whole).await.unwrap();
        read_head(&mut stream).await;
        let mut got = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        while !got.ends_with(b"\r\n0\r\n\r\n") {
            let n = soon(stream.read(&mut buffer)).await.unwrap();
            assert_ne!(n, 0, "cut off after {}", got.len());
            got.extend_from_slice(&buffer[..n]);
        }
        let heard = rig.only().await;
        assert_eq!(*heard.end(), End::Complete);
        let closing = heard.closing.as_ref().unwrap();
        assert_eq!(closing.request_bytes, closing.response_bytes);
    }
    // A WebSocket.
    let server = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        let head = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
        write.shutdown().await.unwrap();
    })
    .await;
    let rig = Rig::start().await;
    let mut stream = rig.tunnel(&server.addr.to_string()).await;
    let ask = "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 101"));
    let (mut read, mut write) = stream.into_split();
    let saying = tokio::spawn(async move {
        for _ in 0..MEBIBYTES {
            write.write_all(&vec![b'0'; 1 << 20]).await.unwrap();
        }
        write.shutdown().await.unwrap();
    });
    let mut heard = Vec::new();
    soon(read.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard.len(), MEBIBYTES << 20);
    saying.await.unwrap();
}
