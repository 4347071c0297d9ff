//! The proxy over real sockets: what arrives on either side, and what is recorded of it.

mod bulk;
mod endings;
mod heads;
mod matrix;
mod overrides;
pub(crate) mod rig;
mod streaming;
mod trust;
mod tunnels;
