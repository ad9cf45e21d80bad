//! How many octets a compressed block comes to, before it is unpacked (RFC 8878, section 3.1.1.3). The format allows 128
//! KiB; the library that unpacks does not hold to that, and a hostile block of 128 KiB comes to gigabytes.

use super::tables::{KINDS, Table, bits};

/// Bits behind the code of a literals' length, from code 16 on.
const LITERAL_BITS: [u8; 20] = [
    1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
];
/// Least length and bits behind the code of a match's length, from code 32 on.
const MATCHES: [(u32, u8); 21] = [
    (35, 1),
    (37, 1),
    (39, 1),
    (41, 1),
    (43, 2),
    (47, 2),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 5),
    (131, 7),
    (259, 8),
    (515, 9),
    (1027, 10),
    (2051, 11),
    (4099, 12),
    (8195, 13),
    (16387, 14),
    (32771, 15),
    (65539, 16),
];

/// The tables of a frame, which a block may take over from the one before.
#[derive(Default)]
pub(super) struct Lengths([Table; 3]);

impl Lengths {
    /// Octets that a compressed block comes to; None when it contradicts itself. More than `limit` is not counted out.
    pub(super) fn of(&mut self, block: &[u8], limit: u64) -> Option<u64> {
        let (literals, mut rest) = literals(block)?;
        let mut sum = literals;
        let (&first, after) = rest.split_first()?;
        let count = match first {
            0 => return Some(sum),
            1..=127 => {
                rest = after;
                u32::from(first)
            }
            128..=254 => {
                let (&second, after) = after.split_first()?;
                rest = after;
                (u32::from(first) - 128) << 8 | u32::from(second)
            }
            255 => {
                let (&[low, high], after) = after.split_first_chunk()?;
                rest = after;
                u32::from(u16::from_le_bytes([low, high])) + 0x7f00
            }
        };
        let (&modes, mut rest) = rest.split_first()?;
        for ((table, kind), shift) in self.0.iter_mut().zip(&KINDS).zip([6, 4, 2]) {
            rest = table.read(kind, modes >> shift & 3, rest)?;
        }
        let [literal, offset, matched] = &self.0;
        let mut bits = Backward::new(rest)?;
        let mut states = [
            bits.take(literal.log)?,
            bits.take(offset.log)?,
            bits.take(matched.log)?,
        ];
        for left in (0..count).rev() {
            let entry = |table: &Table, state: u64| table.entries.get(state as usize).copied();
            let (literal_at, offset_at, match_at) = (
                entry(literal, states[0])?,
                entry(offset, states[1])?,
                entry(matched, states[2])?,
            );
            bits.take(u32::from(offset_at.symbol))?;
            let (least, extra) = match usize::from(match_at.symbol) {
                short @ 0..32 => (short as u32 + 3, 0),
                long => *MATCHES.get(long - 32)?,
            };
            sum += u64::from(least) + bits.take(u32::from(extra))?;
            if sum > limit {
                return Some(sum);
            }
            let extra = match usize::from(literal_at.symbol).checked_sub(16) {
                None => 0,
                Some(long) => *LITERAL_BITS.get(long)?,
            };
            bits.take(u32::from(extra))?;
            if left > 0 {
                states[0] = u64::from(literal_at.base) + bits.take(u32::from(literal_at.bits))?;
                states[2] = u64::from(match_at.base) + bits.take(u32::from(match_at.bits))?;
                states[1] = u64::from(offset_at.base) + bits.take(u32::from(offset_at.bits))?;
            }
        }
        Some(sum)
    }
}

/// How many literals there are, and what follows them.
fn literals(block: &[u8]) -> Option<(u64, &[u8])> {
    let mut first = [0; 8];
    first
        .iter_mut()
        .zip(block.iter().take(5))
        .for_each(|(place, &octet)| *place = octet);
    let number = u64::from_le_bytes(first);
    let (header, size, content) = match (number & 3, number >> 2 & 3) {
        (kind @ 0..=1, format) => {
            let (header, size) = match format {
                1 => (2, number >> 4 & 0xfff),
                3 => (3, number >> 4 & 0xf_ffff),
                _ => (1, number >> 3 & 0x1f),
            };
            (header, size, if kind == 0 { size } else { 1 })
        }
        (_, format) => {
            let (header, width) = match format {
                0 | 1 => (3, 10),
                2 => (4, 14),
                _ => (5, 18),
            };
            let mask = (1 << width) - 1;
            (header, number >> 4 & mask, number >> (4 + width) & mask)
        }
    };
    Some((size, block.get(header + content as usize..)?))
}

/// Bits from the end of octets to their beginning.
struct Backward<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Backward<'a> {
    fn new(octets: &'a [u8]) -> Option<Self> {
        // The highest bit that is set marks where they begin.
        let marker = octets.last()?.checked_ilog2()? as usize;
        Some(Self {
            octets,
            at: (octets.len() - 1) * 8 + marker,
        })
    }

    fn take(&mut self, count: u32) -> Option<u64> {
        self.at = self.at.checked_sub(count as usize)?;
        bits(self.octets, self.at, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_alone_are_counted() {
        // 3 octets as they are, then 20 times the same one; no sequences.
        assert_eq!(Lengths::default().of(&[3 << 3, 1, 2, 3, 0], 100), Some(3));
        assert_eq!(Lengths::default().of(&[20 << 3 | 1, 7, 0], 100), Some(20));
        assert_eq!(Lengths::default().of(&[3 << 3, 1], 100), None);
        // A table of the block before, where there is none.
        assert_eq!(Lengths::default().of(&[0, 1, 0xfc, 0x80], 100), None);
    }
}
