//! Words in, exit code out; the only place where parts are put together.
