//! The hot path of fabricscope. Its parts are plain Rust; `python` is the thin binding to them.

pub mod counters;

#[cfg(feature = "python")]
mod python;
