//! Where corscope is to listen: free, or taken by whom.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::finding::Finding;
use crate::cli::config::Listen;
use crate::cli::ports;

pub(super) fn look(listen: &Listen) -> Finding {
    let first = listen.attempts().into_iter().flatten().next();
    let port = first.map_or(0, |a| a.port());
    match ports::find(listen) {
        Ok(found) => {
            let addresses: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
            let addresses = addresses.join(" and ");
            let moved = found.addresses.first().is_some_and(|a| a.port() != port);
            match found.remark(&found.addresses) {
                Some(_) if moved => Finding::note(
                    "port",
                    format!(
                        "{port} is taken{}; corscope would listen on {addresses}",
                        by(port)
                    ),
                    format!("stop it to have {port}, or set the browser to the other port"),
                ),
                Some(remark) => Finding::note(
                    "port",
                    remark.trim_start_matches("Note: ").trim_end_matches('.'),
                    "--listen 127.0.0.1:8080 is open to this machine only",
                ),
                None => Finding::fine("port", format!("{addresses}: free")),
            }
        }
        Err(error) => {
            let text = error.to_string();
            let (said, next) = text
                .split_once("; ")
                .unwrap_or((&text, "another with --listen"));
            let said = said.replace(" by another program", "");
            Finding::bad("port", format!("{said}{}", by(port)), next)
        }
    }
}

/// ` by python3 (process 4711)`, as far as the system lets us know.
fn by(port: u16) -> String {
    let holder = holder(Path::new("/proc"), port);
    holder.map_or(String::new(), |(name, pid)| {
        format!(" by {name} (process {pid})")
    })
}

/// Who listens on a port: Linux's list of sockets, and whose they are.
fn holder(proc: &Path, port: u16) -> Option<(String, u32)> {
    let mut sockets = HashSet::new();
    for file in ["net/tcp", "net/tcp6"] {
        let table = fs::read_to_string(proc.join(file)).unwrap_or_default();
        sockets.extend(listening(&table, port));
    }
    if sockets.is_empty() {
        return None;
    }
    for entry in fs::read_dir(proc).ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        let files = fs::read_dir(entry.path().join("fd")).into_iter().flatten();
        let holds = files.flatten().any(|file| {
            let link = fs::read_link(file.path()).unwrap_or_default();
            let inode = link
                .to_str()
                .and_then(|l| l.strip_prefix("socket:[")?.strip_suffix(']'));
            inode.is_some_and(|i| sockets.contains(i))
        });
        if holds {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            return Some((name.trim().to_owned(), pid));
        }
    }
    None
}

/// The inodes of sockets that listen on a port (proc(5), `/proc/net/tcp`; state 0A is listening).
fn listening(table: &str, port: u16) -> Vec<String> {
    let ending = format!(":{port:04X}");
    let rows = table
        .lines()
        .skip(1)
        .map(|l| l.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.len() > 9 && row[1].ends_with(&ending) && row[3] == "0A")
        .map(|row| row[9].to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41231 1 0 100 0 0 10 0\n   \
             1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 41299 1 0 20 4 30 10 -1\n";
        assert_eq!(listening(table, 8080), ["41231"]);
        assert!(listening(table, 80).is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_holder_of_a_port_is_found() {
        let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = held.local_addr().expect("bound").port();
        let (_, pid) = holder(Path::new("/proc"), port).expect("this process");
        assert_eq!(pid, std::process::id());
    }
}
