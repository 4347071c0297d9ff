//! Session files that somebody else made: raw bytes, pages with a few bytes changed, tables with odd
//! values in them.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use corscope::capture::now;
use corscope::report;
use corscope::session::{Options, Session};
use corscope::wire::{
    Client, End, HeaderList, HttpVersion, Kind, Message, MessageKind, RequestHead, ResponseHead,
    Side, Source, Timings, Upstream,
};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::input::Input;

/// Columns worth a surprise.
const COLUMNS: [(&str, &str); 40] = [
    ("exchange", "source"),
    ("exchange", "replay_of"),
    ("exchange", "kind"),
    ("exchange", "opened_at"),
    ("exchange", "answered_micros"),
    ("exchange", "closed_micros"),
    ("exchange", "method"),
    ("exchange", "url"),
    ("exchange", "request_version"),
    ("exchange", "request_head"),
    ("exchange", "request_bytes"),
    ("exchange", "request_kept"),
    ("exchange", "status"),
    ("exchange", "reason"),
    ("exchange", "response_version"),
    ("exchange", "response_head"),
    ("exchange", "response_bytes"),
    ("exchange", "response_kept"),
    ("exchange", "trailers"),
    ("exchange", "patch"),
    ("exchange", "\"end\""),
    ("exchange", "failure_stage"),
    ("exchange", "failure_kind"),
    ("exchange", "client_connection"),
    ("exchange", "server_connection"),
    ("exchange", "wait_micros"),
    ("exchange", "heard_opened"),
    ("exchange", "heard_answered"),
    ("exchange", "heard_closed"),
    ("exchange", "id"),
    ("head", "id"),
    ("head", "fields"),
    ("body", "start"),
    ("body", "length"),
    ("body", "zstd"),
    ("body", "bytes"),
    ("message", "exchange"),
    ("message", "number"),
    ("message", "kind"),
    ("meta", "value"),
];

/// A good file: a call that was allowed, one that was refused, a WebSocket with messages.
fn template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("good.corscope");
        let (session, recorder) = Session::create(Options::new(&path)).expect("a file");
        for (method, url, kind, status) in [
            ("GET", "https://api.test/v1", Kind::Http, 200),
            ("OPTIONS", "https://api.test/v2", Kind::Http, 500),
            ("GET", "https://api.test/ws", Kind::WebSocket, 101),
        ] {
            let request = RequestHead {
                method: method.to_owned(),
                url: url.to_owned(),
                version: HttpVersion::Http2,
                headers: Arc::new(HeaderList::from_pairs([
                    ("User-Agent", "Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36"),
                    ("Origin", "https://app.test"),
                    ("Access-Control-Request-Method", "PUT"),
                    ("Sec-Fetch-Mode", "cors"),
                ])),
            };
            let one = recorder.open_now(Source::Proxy, kind, Client::default(), request, now());
            one.body(Side::Request, Bytes::from_static(b"{\"a\": 1}"));
            let answer = ResponseHead {
                status,
                reason: None,
                version: HttpVersion::Http2,
                headers: Arc::new(HeaderList::from_pairs([
                    ("Content-Type", "application/json"),
                    ("Access-Control-Allow-Origin", "https://app.test"),
                ])),
            };
            one.answered(answer, Upstream::default(), Timings::default());
            one.body(Side::Response, Bytes::from(vec![b'x'; 5_000]));
            if kind == Kind::WebSocket {
                one.message(Message {
                    at: now(),
                    from: Side::Response,
                    kind: MessageKind::Text,
                    len_bytes: 5,
                    payload: Bytes::from_static(b"hello"),
                });
            }
            one.close(End::Complete, Timings::default());
        }
        session.finish().expect("a whole file");
        fs::read(&path).expect("readable")
    })
}

/// A session file of any sort; the first byte says which.
pub fn session(data: &[u8]) {
    let Some((sort, rest)) = data.split_first() else {
        return;
    };
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let place = place.expect("a directory");
    let path = place.path().join("odd.corscope");
    match sort % 4 {
        0 => fs::write(&path, rest).expect("written"),
        1 => fs::write(&path, scratched(rest)).expect("written"),
        _ => surprising(&path, rest),
    }
    read_all(&path);
}

/// The good file with a few bytes changed, or its end cut off.
fn scratched(data: &[u8]) -> Vec<u8> {
    let mut file = template().to_vec();
    let mut input = Input(data);
    while !input.0.is_empty() {
        let at = usize::from(input.byte()) << 16
            | usize::from(input.byte()) << 8
            | usize::from(input.byte());
        let at = at % file.len().max(1);
        match input.byte() {
            0 => file.truncate(at),
            len => {
                for (to, from) in file[at..].iter_mut().zip(input.bytes(usize::from(len) % 9)) {
                    *to = *from;
                }
            }
        }
        if file.is_empty() {
            break;
        }
    }
    file
}

/// The good file with other values in some of its columns.
fn surprising(path: &Path, data: &[u8]) {
    fs::write(path, template()).expect("written");
    let database = Connection::open(path).expect("a good file");
    let mut input = Input(data);
    for _ in 0..12 {
        if input.0.is_empty() {
            break;
        }
        let (table, column) = input.pick(&COLUMNS);
        let row = input.byte() % 8;
        let key = match table {
            "meta" => "(SELECT key FROM meta LIMIT 1 OFFSET ?1) = key",
            _ => "(SELECT rowid FROM {} LIMIT 1 OFFSET ?1) = rowid",
        };
        let key = key.replace("{}", table);
        let value = value(&mut input);
        // What a table does not take is not in it.
        let _ = database.execute(
            &format!("UPDATE {table} SET {column} = ?2 WHERE {key}"),
            (row, value),
        );
    }
}

fn value(input: &mut Input<'_>) -> Value {
    const NUMBERS: [i64; 8] = [0, 1, -1, 3, 65_536, i64::MAX, i64::MIN, 1 << 40];
    let len = usize::from(input.byte() % 64);
    match input.byte() % 6 {
        0 => Value::Null,
        1 => Value::Integer(input.pick(&NUMBERS)),
        2 => Value::Integer(i64::from(input.byte())),
        3 => Value::Real(f64::from(input.byte()) * 1e17),
        4 => Value::Text(String::from_utf8_lossy(input.bytes(len)).into_owned()),
        _ => Value::Blob(input.bytes(len).to_vec()),
    }
}

/// Everything that a screen or a report would ask for.
fn read_all(path: &Path) {
    let Ok(session) = Session::open(path, None) else {
        return;
    };
    let reader = session.reader();
    let mut ids = Vec::new();
    reader.scan(reader.first_id(), 100, &mut |row| ids.push(row.id));
    assert!(ids.len() <= reader.len());
    for id in ids {
        let _ = (
            reader.exchange(id),
            reader.body(id, Side::Request, 0, 10_000),
            reader.body(id, Side::Response, 10, 10_000),
            reader.messages(id, 0, 10),
            reader.message_count(id),
        );
    }
    for id in reader.fetches() {
        let Some(diagnosis) = reader.diagnosis(id) else {
            continue;
        };
        let exchanges: Vec<_> = diagnosis
            .fetch
            .exchanges()
            .filter_map(|id| reader.exchange(id))
            .collect();
        let _ = report::explain(&diagnosis, None, &exchanges);
    }
    let _ = (reader.counts(), reader.trouble());
}
