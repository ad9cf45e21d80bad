//! The Huffman code of HPACK (RFC 7541 appendix B). It is canonical: lengths say everything.

use std::sync::LazyLock;

/// Bits of the code of each octet. The end-of-string symbol (30 ones) has no place in a string.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

const LONGEST: usize = 30;

/// The codes of one length.
#[derive(Clone, Copy, Default)]
struct Length {
    first: u32,
    count: u32,
    /// Where its symbols begin.
    symbols: usize,
}

struct Table {
    lengths: [Length; LONGEST + 1],
    symbols: Vec<u8>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table {
        lengths: [Length::default(); LONGEST + 1],
        symbols: Vec::with_capacity(256),
    };
    let mut code = 0_u32;
    for (bits, length) in table.lengths.iter_mut().enumerate() {
        code <<= 1;
        length.first = code;
        length.symbols = table.symbols.len();
        for (symbol, _) in (0..=255_u8)
            .zip(LENGTHS)
            .filter(|(_, l)| usize::from(*l) == bits)
        {
            table.symbols.push(symbol);
            length.count = length.count.saturating_add(1);
        }
        code = code.saturating_add(length.count);
    }
    table
});

/// What the code says, `limit` octets at most; None where it is not a code, or does not end in ones.
pub fn decode(octets: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(octets.len().saturating_mul(2).min(limit));
    let (mut code, mut bits) = (0_u32, 0_usize);
    for octet in octets {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(octet >> bit & 1);
            bits = bits.saturating_add(1);
            let length = TABLE.lengths.get(bits)?;
            let place = code.wrapping_sub(length.first);
            if place < length.count {
                if text.len() >= limit {
                    return Some(text);
                }
                text.push(
                    *TABLE
                        .symbols
                        .get(length.symbols.checked_add(place as usize)?)?,
                );
                (code, bits) = (0, 0);
            }
        }
    }
    // Filled up with the beginning of the end-of-string symbol, less than an octet of it.
    (bits < 8 && code == (1 << bits) - 1).then_some(text)
}
