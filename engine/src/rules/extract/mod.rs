//! What is read out of a payload by name.

/// The first octets of both sides.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// Of who opened the flow.
    pub client: &'a [u8],
    /// Of the other one.
    pub server: &'a [u8],
    /// TCP; otherwise datagrams, one after the other.
    pub stream: bool,
}

/// The names that `extract` knows.
pub const KNOWN: &[&str] = &[];

/// The fields that an extractor finds.
pub fn extract(_name: &str, _sides: &Sides<'_>) -> Vec<(&'static str, String)> {
    Vec::new()
}
