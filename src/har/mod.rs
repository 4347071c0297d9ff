//! HAR files, in and out.
