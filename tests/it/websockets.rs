//! What a WebSocket carries arrives as it was sent, byte for byte and both ways at once, whatever it is:
//! so any conformance suite finds the same through the proxy as directly. And what could be read of it is
//! what the rules (RFC 6455) say.

use corscope::wire::{MessageKind, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::proxy::rig::{Rig, Server, read_head, soon};

const ROUNDS: u64 = 120;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}

/// What one side says: bytes, and how many whole text and binary messages they hold; `None` where the
/// rules are broken, after which nobody can tell.
struct Speech {
    bytes: Vec<u8>,
    messages: Option<usize>,
}

fn frame(dice: &mut Dice, head: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mask_bit = if masked { 0x80 } else { 0 };
    let mut bytes = vec![head];
    match payload.len() {
        len @ ..126 => bytes.push(mask_bit | len as u8),
        len @ ..65_536 => {
            bytes.push(mask_bit | 0x7e);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            bytes.push(mask_bit | 0x7f);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    if masked {
        let mask = dice.bytes(4);
        bytes.extend_from_slice(&mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    } else {
        bytes.extend_from_slice(payload);
    }
    bytes
}

fn speech(dice: &mut Dice, masked: bool, lawful: bool) -> Speech {
    let mut bytes = Vec::new();
    let mut messages = 0;
    for _ in 0..dice.below(12) {
        let len = match dice.below(10) {
            0 => 0,
            1 => 125 + dice.below(3),
            2 => 65_534 + dice.below(4),
            3 => 200_000,
            _ => dice.below(2_000),
        };
        // ASCII is text, and binary as well.
        let payload: Vec<u8> = dice.bytes(len).iter().map(|b| b & 0x7f).collect();
        let opcode = 1 + dice.below(2) as u8;
        let pieces = 1 + dice.below(3) as usize;
        for (i, piece) in payload.chunks(len as usize / pieces + 1).enumerate() {
            let first = if i == 0 { opcode } else { 0 };
            let last = (i + 1) * (len as usize / pieces + 1) >= payload.len();
            let fin = if last { 0x80 } else { 0 };
            bytes.extend(frame(dice, fin | first, masked, piece));
            // Control frames may come between the pieces of a message.
            if dice.below(3) == 0 {
                let len = dice.below(126);
                let ping = dice.bytes(len);
                let opcode = 9 + dice.below(2) as u8;
                bytes.extend(frame(dice, 0x80 | opcode, masked, &ping));
            }
        }
        if payload.is_empty() {
            bytes.extend(frame(dice, 0x80 | opcode, masked, &[]));
        }
        messages += 1;
    }
    if lawful {
        bytes.extend(frame(dice, 0x88, masked, &1000_u16.to_be_bytes()));
        return Speech {
            bytes,
            messages: Some(messages),
        };
    }
    let head = dice.below(256) as u8;
    let len = dice.below(300);
    let garbage = dice.bytes(len);
    let wrong = match dice.below(6) {
        // Reserved bits and opcodes, the wrong masking.
        0 => frame(dice, head, masked, &garbage),
        1 => frame(dice, 0x82, !masked, &garbage),
        // A control frame that is too long, or in pieces.
        2 => frame(dice, 0x89, masked, &[7; 126]),
        3 => frame(dice, 0x09, masked, b"half a ping"),
        // A length of 2^63 and more.
        4 => [&[0x82, 0x7f][..], &[0xff; 8], &garbage].concat(),
        _ => garbage,
    };
    bytes.extend(wrong);
    let cut = dice.below(bytes.len() as u64 + 1);
    if dice.below(4) == 0 {
        bytes.truncate(cut as usize);
    }
    Speech {
        bytes,
        messages: None,
    }
}

/// Says it in pieces, and hears all that the other side says meanwhile.
async fn talk(stream: TcpStream, says: Vec<u8>, mut dice: Dice) -> Vec<u8> {
    let (mut read, mut write) = stream.into_split();
    let speaker = tokio::spawn(async move {
        let mut rest = &says[..];
        while !rest.is_empty() {
            let most = if dice.below(3) == 0 { 3 } else { 40_000 };
            let (piece, after) = rest.split_at(rest.len().min(1 + dice.below(most) as usize));
            write.write_all(piece).await.unwrap();
            rest = after;
            if dice.below(4) == 0 {
                tokio::task::yield_now().await;
            }
        }
        write.shutdown().await.unwrap();
    });
    let mut heard = Vec::new();
    soon(read.read_to_end(&mut heard)).await.unwrap();
    soon(speaker).await.unwrap();
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_said_is_heard() {
    for round in 0..ROUNDS {
        let mut dice = Dice(round);
        let lawful = round % 2 == 0;
        let asks = speech(&mut dice, true, lawful);
        let answers = speech(&mut dice, false, lawful);
        let says = answers.bytes.clone();
        let (told, heard_there) = tokio::sync::oneshot::channel();
        let told = std::sync::Mutex::new(Some(told));
        let origin = Server::raw(move |mut stream| {
            let (says, told) = (says.clone(), told.lock().unwrap().take());
            async move {
                read_head(&mut stream).await;
                let head = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
                stream.write_all(head.as_bytes()).await.unwrap();
                let heard = talk(stream, says, Dice(round + 1_000)).await;
                told.expect("one connection").send(heard).unwrap();
            }
        })
        .await;
        let rig = Rig::start().await;
        let mut stream = rig.tunnel(&origin.addr.to_string()).await;
        let ask = "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Version: 13\r\n\r\n";
        stream.write_all(ask.as_bytes()).await.unwrap();
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        let heard_here = talk(stream, asks.bytes.clone(), Dice(round + 2_000)).await;
        let heard_there = soon(heard_there).await.unwrap();
        assert!(heard_here == answers.bytes, "round {round}: to the browser");
        assert!(heard_there == asks.bytes, "round {round}: to the server");
        let heard = rig.only().await;
        let closing = heard.closing.as_ref().unwrap();
        let lens = (asks.bytes.len() as u64, answers.bytes.len() as u64);
        assert_eq!((closing.request_bytes, closing.response_bytes), lens);
        for (from, speech) in [(Side::Request, &asks), (Side::Response, &answers)] {
            let Some(due) = speech.messages else { continue };
            let said = heard.messages.iter().filter(|m| m.from == from);
            let texts = said.filter(|m| matches!(m.kind, MessageKind::Text | MessageKind::Binary));
            assert_eq!(texts.count(), due, "round {round}: {from:?}");
        }
    }
}
