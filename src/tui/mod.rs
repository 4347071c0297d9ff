//! The screen: state, then drawing; effects leave as data.
