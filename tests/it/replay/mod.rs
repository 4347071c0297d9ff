//! Doing it again: real sockets, real TLS, servers that answer as the test says.

mod again;
mod audit;
mod check;
mod corpus;
mod sending;
pub(crate) mod world;
