//! Flows: what packets of one conversation come to.
//!
//! `Meter` reads frames and tells `record::FlowRecord`s and `Books`. A flow's way: `key` (which flow), `table` (room and
//! time), `flow` (its counts), `tcp`, `features`, `verdict` (payload, by rules), `record`.

pub mod books;
pub mod features;
mod flow;
mod keep;
mod key;
mod meter;
pub mod mirrors;
mod outbox;
mod pool;
pub mod record;
mod settings;
mod table;
mod tcp;
#[cfg(test)]
mod testing;
mod verdict;
mod wheel;

pub use books::Books;
pub use keep::{KeptCounts, Wanted};
pub use meter::Meter;
pub use settings::MeterSettings;
