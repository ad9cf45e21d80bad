//! What the payload of a flow says.

pub mod extract;
