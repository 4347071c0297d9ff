//! Requests copied as commands and calls, run in the shells and programs they are written for: what a
//! server hears is what was recorded.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use corscope::report::{self, Quoting};
use corscope::wire::{Exchange, ExchangeId, HeaderList, HttpVersion, RequestHead, Timestamp};

use crate::support::Home;

/// A request as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Heard {
    method: String,
    target: String,
    /// Names in lower case.
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// A server that remembers every request, body and all.
struct Listener {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Listener {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(request) = hear(stream) {
                    all.lock().unwrap().push(request);
                }
            }
        });
        Self { address, heard }
    }

    fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// What came since the last time.
    fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

// One request on each connection. It is kept before it is answered, so that whoever has the answer finds it.
fn hear(mut stream: TcpStream) -> Option<Heard> {
    stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
    let mut bytes = Vec::new();
    let mut some = [0; 4096];
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut some).ok()? {
            0 => return None,
            n => bytes.extend_from_slice(&some[..n]),
        }
    };
    let mut lines = bytes[..head].split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let first = String::from_utf8(lines.next()?.to_vec()).ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let fields: Vec<(String, Vec<u8>)> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|b| *b == b':')?;
            let name = String::from_utf8(line[..colon].to_ascii_lowercase()).ok()?;
            Some((name, line[colon + 1..].trim_ascii().to_vec()))
        })
        .collect();
    let length = fields.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| {
        String::from_utf8_lossy(value).parse().unwrap()
    });
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        match stream.read(&mut some).ok()? {
            0 => return None,
            n => body.extend_from_slice(&some[..n]),
        }
    }
    let heard = Heard {
        method,
        target,
        fields,
        body,
    };
    let _ =
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    Some(heard)
}

/// One request as it was recorded.
struct Recorded {
    exchange: Exchange,
    body: Vec<u8>,
    target: String,
}

/// What command lines stumble over: each shell's quotes and signs, what the programs themselves read
/// otherwise at the beginning of a word, other scripts, line ends, nothing at all.
const NASTY: [&str; 14] = [
    "it's \"quoted\" and `ticked`",
    "$HOME ${HOME} $(id) %PATH% %20",
    "back\\slash \\n \\\" \\' \\\\ end\\",
    "!! !x ^a^b^ ~ ~root * ? [a-z] {a,b} #c",
    "a; b & c | d < e > f && g || h",
    "-X --data @file",
    "@/etc/passwd",
    "<file",
    "=a:b@c:=d",
    "gr\u{fc}\u{df}e \u{2019}\u{201c}\u{201d} \u{65e5}\u{672c} \u{1f980}",
    "two  blanks",
    "'",
    "\\",
    "\"",
];

const TARGETS: [&str; 5] = [
    "/v1?q=a%20b&c=it's&d=$HOME",
    "/[a]/{b,c}?x=[1-3]&y={z}",
    "/!!/~/*;p=1?-d=@x&%25PATH%25=1",
    "/-X?a=`id`&b=$(id)",
    "/%C3%BC/%2F",
];

fn recorded(server: &Listener) -> Vec<Recorded> {
    let own = [("Accept", "*/*"), ("User-Agent", "it's \"a\" $BROWSER/1.0")];
    let make = |method: &str, target: &str, more: &[(&str, &str)], body: &[u8]| {
        let fields = own.iter().chain(more).copied();
        let head = RequestHead {
            method: method.into(),
            url: server.url(target),
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs(fields)),
        };
        Recorded {
            exchange: Exchange::opened(ExchangeId(1), Timestamp(0), head),
            body: body.to_vec(),
            target: target.to_owned(),
        }
    };
    let mut all = Vec::new();
    for (number, value) in NASTY.iter().enumerate() {
        let target = TARGETS[number % TARGETS.len()];
        let json = serde_json::json!({"text": value, "n": number}).to_string();
        let kind = ("Content-Type", "application/json");
        all.push(make(
            "POST",
            target,
            &[("X-Value", value), kind],
            json.as_bytes(),
        ));
        // The value alone, and in the midst of lines.
        let kind = ("Content-Type", "text/plain");
        all.push(make("PUT", target, &[kind], value.as_bytes()));
        let lines = format!("{value}\n\t{value}\n\n");
        all.push(make("PATCH", "/lines", &[kind], lines.as_bytes()));
    }
    all.push(make("GET", "/plain", &[("X-Empty", "")], b""));
    all.push(make(
        "DELETE",
        "/gone?a=1",
        &[("Cookie", "a=b; c=\"d\"")],
        b"",
    ));
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    all.push(make("POST", "/form", &[form], b"a=1&b=%26+c&d=@x"));
    all
}

// A percent sign before what needs none is the same URL.
fn decoded(target: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(target).collect()
}

/// What is not as it was recorded, in words. `leaves` are fields that this client does not send.
fn differences(was: &Recorded, heard: &Heard, leaves: &[&str]) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |what: &str, was: &[u8], is: &[u8]| {
        if was != is {
            let [was, is] = [was, is].map(String::from_utf8_lossy);
            out.push(format!("{what} was {was:?} and is {is:?}"));
        }
    };
    let request = &was.exchange.request;
    say(
        "the method",
        request.method.as_bytes(),
        heard.method.as_bytes(),
    );
    say("the target", &decoded(&was.target), &decoded(&heard.target));
    say("the body", &was.body, &heard.body);
    for field in request.headers.iter() {
        let name = field.name.to_ascii_lowercase();
        if leaves.contains(&name.as_str()) {
            continue;
        }
        let values = heard.fields.iter().filter(|(n, _)| *n == name);
        let values: Vec<&[u8]> = values.map(|(_, value)| value.as_slice()).collect();
        say(&name, field.value, &values.join(&b", "[..]));
    }
    out
}

fn run(home: &Home, program: &str, arguments: &[&str], stdin: &str) {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(home.path())
        .env("HOME", home.path())
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .env_remove("all_proxy")
        .env_remove("ALL_PROXY")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {arguments:?}: {said}");
}

/// Runs one script of all requests and compares what was heard, one after the other.
fn same(server: &Listener, all: &[&Recorded], who: &str, leaves: &[&str], exact: bool) {
    let heard = server.take();
    assert_eq!(heard.len(), all.len(), "{who}");
    for (was, heard) in all.iter().zip(&heard) {
        let faults = differences(was, heard, leaves);
        assert!(faults.is_empty(), "{who}: {faults:#?}\n{heard:?}");
        if exact {
            let adds = ["host", "content-length"];
            let added = heard.fields.iter().map(|(name, _)| name.as_str());
            let added: Vec<&str> = added
                .filter(|name| !adds.contains(name) && !was.exchange.request.headers.contains(name))
                .collect();
            assert_eq!(added, [""; 0], "{who} sends more than was recorded");
        }
    }
}

/// As [`recorded`], and one with a body of every byte.
fn with_binary(server: &Listener) -> Vec<Recorded> {
    let mut all = recorded(server);
    let mut binary = recorded(server).swap_remove(1);
    binary.body = (0..=255).collect();
    all.push(binary);
    all
}

#[test]
fn curl_sends_what_was_recorded_from_every_shell() {
    let home = Home::new();
    let server = Listener::start();
    let all = with_binary(&server);
    // The last two ways: pasted by somebody, where `!` means history.
    for (shell, quoting, arguments) in [
        ("sh", Quoting::Posix, &["-s"][..]),
        ("dash", Quoting::Posix, &["-s"]),
        ("bash", Quoting::Posix, &["-s"]),
        ("zsh", Quoting::Posix, &["-f", "-s"]),
        ("fish", Quoting::Fish, &["--no-config"]),
        ("bash", Quoting::Posix, &["--norc", "--noprofile", "-i"]),
        ("zsh", Quoting::Posix, &["-f", "-i"]),
    ] {
        // A terminal tells a tab that is pasted from the key; what comes from a file it does not.
        let typed = arguments.contains(&"-i");
        let all: Vec<&Recorded> = all
            .iter()
            .filter(|was| !typed || !was.body.contains(&b'\t'))
            .collect();
        let commands = all.iter().map(|was| {
            let copied = report::curl(&was.exchange, &was.body, quoting);
            assert_eq!(copied.note, None);
            copied.text + "\n"
        });
        let mut script: String = commands.collect();
        script.push_str("exit 0\n");
        run(&home, shell, arguments, &script);
        let who = format!("curl in {shell} {arguments:?}");
        same(&server, &all, &who, &[], true);
    }
}

#[test]
fn httpie_sends_what_was_recorded() {
    let home = Home::new();
    let server = Listener::start();
    let all = recorded(&server);
    for (shell, quoting) in [("sh", Quoting::Posix), ("fish", Quoting::Fish)] {
        // Each takes half a second to start: a third of them in one shell, a third in the other.
        let first = usize::from(quoting == Quoting::Fish);
        let some: Vec<&Recorded> = all.iter().skip(first).step_by(3).collect();
        for was in some {
            let copied = report::httpie(&was.exchange, &was.body, quoting);
            // A person has a terminal there, and HTTPie would read the body from what is none.
            run(
                &home,
                shell,
                &["-c", &format!("{} --ignore-stdin", copied.text)],
                "",
            );
            let heard = server.take();
            let [heard] = &heard[..] else {
                panic!("{heard:?} of {}", copied.text)
            };
            let leaves: &[&str] = if copied.note.is_some() {
                &["x-value"]
            } else {
                &[]
            };
            let faults = differences(was, heard, leaves);
            assert!(faults.is_empty(), "{faults:#?}\n{}", copied.text);
        }
    }
}

#[test]
fn a_call_of_fetch_sends_what_was_recorded() {
    let home = Home::new();
    let server = Listener::start();
    let all = with_binary(&server);
    let calls = all.iter().map(|was| {
        let copied = report::fetch_js(&was.exchange, &was.body, None);
        copied.text + "\n"
    });
    let script: String = calls.collect();
    run(&home, "node", &["--input-type=module", "-"], &script);
    // A page's script cannot set these either.
    let all: Vec<&Recorded> = all.iter().collect();
    same(&server, &all, "fetch", &["user-agent", "cookie"], false);
}
