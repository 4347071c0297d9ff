//! Text from traffic, made fit for a terminal: cleaned, measured, laid out as documents.

mod document;
mod hex;
mod human;
mod json;
mod lex;
mod sanitise;

pub(crate) use document::{DocLine, Document, Fold, Token, break_rows, window};
pub(crate) use hex::{HEX_ROW_BYTES, hex_columns, hex_line};
pub(crate) use human::{clock, clock_millis, count, duration, minute, size};
pub(crate) use json::{json_document, looks_like_json};
pub(crate) use lex::Syntax;
pub(crate) use sanitise::{
    clean_bytes, ellipsis, ellipsis_left, ellipsis_middle, sanitise, width, wrap,
};
