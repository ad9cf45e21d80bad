//! The hot path of fabricscope. Its parts are plain Rust; `python` is the thin binding to them.

pub mod blocks;
pub mod capture;
pub mod counters;
pub mod fast;
pub mod flows;
pub mod fold;
pub mod follow;
pub mod packets;
pub mod rdma;
pub mod ring;
pub mod rules;
pub mod statistics;
pub mod table;
pub mod texts;

#[cfg(feature = "python")]
mod python;
