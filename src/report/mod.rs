//! What a person is told, as plain data, and the formats it is written in.
