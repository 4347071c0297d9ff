//! The proxy over real sockets: what arrives on either side, and what is recorded of it.

mod abuse;
mod bulk;
mod endings;
mod floods;
mod frames;
mod heads;
mod matrix;
mod overrides;
pub(crate) mod rig;
mod streaming;
mod trust;
mod tunnels;
