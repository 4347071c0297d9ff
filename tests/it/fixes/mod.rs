//! Fixes: each one mends what it is for, and nothing in it is too much.

mod corpus;
mod lines;
mod needs;
mod single;
mod story;

pub(crate) use lines::{Which, without_each_line};
