//! Finding and starting a browser in a throw-away profile.
