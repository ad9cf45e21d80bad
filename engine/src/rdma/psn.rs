//! Packet sequence numbers: 24 bits that wrap.

/// The bits of a sequence number, and of a queue pair number.
pub const MASK: u32 = 0x00ff_ffff;

/// The sequence number `count` after `psn`.
pub fn add(psn: u32, count: u32) -> u32 {
    psn.wrapping_add(count) & MASK
}

/// How far `to` is ahead of `from`, -2^23 to 2^23 - 1.
pub fn distance(from: u32, to: u32) -> i32 {
    (to.wrapping_sub(from) << 8) as i32 >> 8
}

/// How far `to` is ahead of `from`, 0 when it is not ahead.
pub fn ahead(from: u32, to: u32) -> u32 {
    distance(from, to).max(0).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_at_24_bits() {
        assert_eq!(add(MASK, 1), 0);
        assert_eq!(distance(MASK, 1), 2);
        assert_eq!(distance(1, MASK), -2);
        assert_eq!(distance(0, 0x80_0000), -0x80_0000);
        assert_eq!(distance(0, 0x7f_ffff), 0x7f_ffff);
        assert_eq!(ahead(5, 3), 0);
        assert_eq!(ahead(MASK - 1, 3), 5);
    }
}
