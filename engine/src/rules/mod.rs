//! What a flow is, by the first octets of each side: rules that are data (docs/flow-rules.md), in the normal form that
//! `probes/flows/language/` makes of them.
//!
//! `Classifier::begin` opens an `Inspection` for a flow, `inspect` shows it one packet's payload after the other until it is
//! settled, `conclude` says what the flow is and why.

mod bits;
mod carrier;
mod classifier;
mod conclusion;
mod evaluation;
mod expression;
pub mod extract;
mod form;
mod hex;
mod inspection;
mod matching;
mod order;
mod patterns;
mod program;
mod ranking;
mod reading;
mod sides;

pub use classifier::Classifier;
pub use inspection::{FlowFacts, Inspection, MAX_PACKETS};
pub use patterns::check_pattern;
pub use sides::{MAX_DATAGRAMS, MAX_OCTETS};

#[cfg(test)]
mod tests;
