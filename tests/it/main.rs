//! One binary for all integration tests; each module is one topic.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod architecture;
mod bodies;
mod browsers;
mod chaos;
mod cli;
mod clients;
mod compare;
mod conformance;
mod console;
mod copies;
mod descriptors;
mod disks;
mod export;
mod fixes;
mod from_screen;
mod fuzz;
mod har;
mod har_rules;
mod har_tools;
mod kept;
mod killed;
mod live;
mod networks;
mod pauses;
mod plants;
mod properties;
mod proxy;
mod recorded;
mod redaction;
mod replay;
mod reports;
mod rotation;
mod security;
mod session;
mod settling;
mod snippets;
mod support;
mod trust;
mod tui;
mod verdicts;
mod warnings;
mod websockets;
