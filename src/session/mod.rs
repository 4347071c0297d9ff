//! The live whole: one writer, many readers.
