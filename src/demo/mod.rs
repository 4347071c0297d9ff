//! Deliberately broken servers on loopback, and a client that behaves as a browser.
