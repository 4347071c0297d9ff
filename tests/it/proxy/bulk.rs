//! Bodies of any size, in little memory.

use std::process::Command;

use bytes::Bytes;
use corscope::wire::End;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;

use super::rig::{Body, Certificate, Rig, Sender, Server, ServerCa, empty, full, trusting};

const MEBIBYTE: usize = 1 << 20;
const PIECE_BYTES: usize = 64 << 10;
/// What is kept of each body, in mebibytes.
const KEPT: usize = 4;
/// How much more memory than before may be in use at the peak, in mebibytes, besides what is kept
/// (once in the queue, once by the listener): client, proxy and server together.
const ROOM: usize = 24;

/// A body of so many mebibytes, made as it is read.
fn zeros(mebibytes: usize) -> Body {
    let piece = Bytes::from(vec![0; PIECE_BYTES]);
    let pieces = mebibytes * MEBIBYTE / PIECE_BYTES;
    let frames = futures_util::stream::iter(0..pieces).map(move |_| Ok(Frame::data(piece.clone())));
    StreamBody::new(frames).boxed_unsync()
}

async fn drain(mut body: Incoming) -> usize {
    let mut len = 0;
    while let Some(frame) = body.frame().await {
        len += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    len
}

/// Mebibytes by a line of `/proc/self/status`.
fn memory(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|l| l.strip_prefix(line)).unwrap();
    let kibibytes: usize = value.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes / 1024
}

/// In a process of its own, whose memory nobody else uses.
#[test]
#[cfg(target_os = "linux")]
fn a_gibibyte_passes_in_little_memory() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "proxy::bulk::passing",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{errors}");
    assert!(told.contains("1 passed"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by `a_gibibyte_passes_in_little_memory`"]
async fn passing() {
    let ca = ServerCa::new();
    let answer = |request: Request<Incoming>| async {
        let size = request
            .uri()
            .path()
            .trim_start_matches('/')
            .parse()
            .unwrap_or(0);
        let got = drain(request.into_body()).await;
        if size > 0 {
            let response = Response::builder().header("content-length", size * MEBIBYTE);
            response.body(zeros(size)).unwrap()
        } else {
            Response::new(full(got.to_string()))
        }
    };
    let plain = Server::http(None, answer).await;
    let config = ca.config(Certificate::Good, &["h2", "http/1.1"]);
    let secure = Server::http(Some(config), answer).await;
    let kept = (KEPT * MEBIBYTE) as u64;
    for (size, alpn) in [(1024, ""), (256, "http/1.1"), (256, "h2")] {
        let rig = Rig::keeping(kept, trusting(&ca.path())).await;
        let server = if alpn.is_empty() { &plain } else { &secure };
        let authority = format!("localhost:{}", server.addr.port());
        let (mut sender, base) = match alpn {
            "" => (
                Sender::http1(rig.connect().await).await,
                format!("http://{authority}"),
            ),
            "h2" => (
                Sender::http2(rig.tunnel_tls(&authority, &["h2"]).await).await,
                format!("https://{authority}"),
            ),
            _ => {
                let stream = rig.tunnel_tls(&authority, &["http/1.1"]).await;
                (Sender::http1(stream).await, String::new())
            }
        };
        let before = memory("VmRSS:");
        let started = std::time::Instant::now();
        let ask = Request::get(format!("{base}/{size}"))
            .body(empty())
            .unwrap();
        let response = sender.send(ask).await.unwrap();
        assert_eq!(drain(response.into_body()).await, size * MEBIBYTE);
        let down = started.elapsed();
        let ask = Request::post(format!("{base}/"));
        let ask = ask.header("content-length", size * MEBIBYTE);
        let response = match &mut sender {
            // `send` is for answers that come soon.
            Sender::Http1(sender) => {
                sender.ready().await.unwrap();
                sender.send_request(ask.body(zeros(size)).unwrap()).await
            }
            Sender::Http2(sender) => sender.send_request(ask.body(zeros(size)).unwrap()).await,
        };
        let got = response
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        assert_eq!(got, (size * MEBIBYTE).to_string());
        let peak = memory("VmHWM:");
        println!(
            "{size} MiB {alpn}: {before} to {peak} MiB; {down:?}, {:?}",
            started.elapsed().saturating_sub(down)
        );
        assert!(
            peak <= before + ROOM + 4 * KEPT,
            "{before} MiB became {peak} MiB"
        );
        let all = rig.closed(2).await;
        let bytes = (size * MEBIBYTE) as u64;
        assert_eq!(all[0].closing.as_ref().unwrap().response_bytes, bytes);
        assert_eq!(all[1].closing.as_ref().unwrap().request_bytes, bytes);
        for heard in &all {
            assert_eq!(*heard.end(), End::Complete);
            assert!(heard.response_body.len() <= KEPT * MEBIBYTE);
        }
        assert_eq!(all[0].response_body.len(), KEPT * MEBIBYTE);
        assert_eq!(all[1].request_body.len(), KEPT * MEBIBYTE);
    }
}
