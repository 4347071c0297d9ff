//! The way in: an intercepting HTTP proxy that records and never alters.
