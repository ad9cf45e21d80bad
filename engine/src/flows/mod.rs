//! Flows: what packets of one conversation come to.

pub mod features;
pub mod record;
