//! The hot path of fabricscope. Its parts are plain Rust; `python` is the thin binding to them.

pub mod blocks;
pub mod counters;
pub mod fast;
pub mod fold;
pub mod follow;
pub mod ring;
pub mod statistics;
pub mod table;
pub mod texts;

#[cfg(feature = "python")]
mod python;
