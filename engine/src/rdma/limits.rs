//! How much is followed.

/// Bounds and settings of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections that are followed at a time. One takes at most 3 KiB, 4 KiB more where there are gaps and outstanding
    /// reads, and its behaviour (`FeatureState::heap_octets`).
    pub connections: usize,
    /// Check the invariant CRC of every nth packet; 0 for of none.
    pub check_icrc_every: u32,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 32_768,
            check_icrc_every: 0,
        }
    }
}
