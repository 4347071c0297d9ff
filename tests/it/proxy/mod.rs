//! The proxy over real sockets: what arrives on either side, and what is recorded of it.

mod matrix;
mod rig;
