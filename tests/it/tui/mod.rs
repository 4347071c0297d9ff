//! The screen: scripted keys and a small capture on a test terminal; the program in a real one.

mod bodies;
mod capture;
mod compare;
mod copying;
mod driver;
mod fix;
mod hands;
mod keys;
mod malice;
mod mouse;
mod panes;
mod pictures;
mod printing;
mod real;
mod replay;
mod saving;
mod styled;
mod talk;
