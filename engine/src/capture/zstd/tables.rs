//! The tables that the lengths of a block are coded with (RFC 8878, section 4.1).

/// Symbol, bits to read for the next state, and what they are added to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) symbol: u8,
    pub(super) bits: u8,
    pub(super) base: u16,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) log: u32,
    pub(super) entries: Vec<Entry>,
}

/// What one kind of table may be.
pub(super) struct Kind {
    max_log: u32,
    max_symbol: usize,
    log: u32,
    usual: &'static [i16],
}

pub(super) const KINDS: [Kind; 3] = [
    // Literals' lengths, offsets, lengths of matches: section 3.1.1.3.2.2.
    Kind {
        max_log: 9,
        max_symbol: 35,
        log: 6,
        usual: &[
            4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1,
            1, 1, 1, -1, -1, -1, -1,
        ],
    },
    Kind {
        max_log: 8,
        max_symbol: 31,
        log: 5,
        usual: &[
            1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1,
            -1,
        ],
    },
    Kind {
        max_log: 9,
        max_symbol: 52,
        log: 6,
        usual: &[
            1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
        ],
    },
];

impl Table {
    /// Takes the table that a block describes; what follows it.
    pub(super) fn read<'a>(&mut self, kind: &Kind, mode: u8, octets: &'a [u8]) -> Option<&'a [u8]> {
        match mode {
            0 => {
                self.build(kind.log, kind.usual)?;
                Some(octets)
            }
            1 => {
                let (&symbol, rest) = octets.split_first()?;
                let entry = Entry {
                    symbol,
                    ..Entry::default()
                };
                *self = Self {
                    log: 0,
                    entries: vec![entry],
                };
                (usize::from(symbol) <= kind.max_symbol).then_some(rest)
            }
            2 => {
                let (log, shares, used) = shares(kind, octets)?;
                self.build(log, &shares)?;
                octets.get(used..)
            }
            _ => (!self.entries.is_empty()).then_some(octets),
        }
    }

    /// Section 4.1.1.
    fn build(&mut self, log: u32, shares: &[i16]) -> Option<()> {
        let size = 1usize << log;
        let mut entries = vec![Entry::default(); size];
        let mut high = size;
        let mut next = [0u16; 64];
        for (symbol, &share) in shares.iter().enumerate() {
            *next.get_mut(symbol)? = share.unsigned_abs();
            if share < 0 {
                high = high.checked_sub(1)?;
                entries.get_mut(high)?.symbol = symbol as u8;
            }
        }
        let (step, mut place) = ((size >> 1) + (size >> 3) + 3, 0);
        for (symbol, &share) in shares.iter().enumerate() {
            for _ in 0..share.max(0) {
                entries.get_mut(place)?.symbol = symbol as u8;
                place = (place + step) & (size - 1);
                while high > 0 && place >= high {
                    place = (place + step) & (size - 1);
                }
            }
        }
        for entry in &mut entries {
            let state = next.get_mut(usize::from(entry.symbol))?;
            let bits = log.checked_sub(state.checked_ilog2()?)?;
            entry.bits = bits as u8;
            entry.base =
                u16::try_from((u32::from(*state) << bits).checked_sub(size as u32)?).ok()?;
            *state += 1;
        }
        *self = Self { log, entries };
        Some(())
    }
}

/// The table's size, each symbol's share of it, and octets read.
fn shares(kind: &Kind, octets: &[u8]) -> Option<(u32, Vec<i16>, usize)> {
    let mut at = 0;
    let mut take = |count: u32| {
        let value = bits(octets, at, count)?;
        at += count as usize;
        Some((value, at))
    };
    let log = take(4)?.0 as u32 + 5;
    if log > kind.max_log {
        return None;
    }
    let mut left = 1i32 << log;
    let mut shares = Vec::with_capacity(kind.max_symbol + 1);
    while left > 0 {
        let width = (left + 1).ilog2() + 1;
        let low = take(width - 1)?.0 as i32;
        let threshold = (1 << width) - 1 - (left + 1);
        let value = if low < threshold {
            low
        } else {
            let value = low | (take(1)?.0 as i32) << (width - 1);
            if value >= 1 << (width - 1) {
                value - threshold
            } else {
                value
            }
        };
        let share = value - 1;
        left -= share.abs();
        shares.push(share as i16);
        if share == 0 {
            loop {
                let zeros = take(2)?.0;
                shares.extend((0..zeros).map(|_| 0));
                if zeros < 3 || shares.len() > kind.max_symbol {
                    break;
                }
            }
        }
        if shares.len() > kind.max_symbol + 1 {
            return None;
        }
    }
    let used = take(0)?.1.div_ceil(8);
    (left == 0).then_some((log, shares, used))
}

/// `count` bits (32 at most) from a place on.
pub(super) fn bits(octets: &[u8], at: usize, count: u32) -> Option<u64> {
    if at + count as usize > octets.len() * 8 {
        return None;
    }
    let mut eight = [0; 8];
    let rest = octets.get(at / 8..)?;
    eight
        .iter_mut()
        .zip(rest)
        .for_each(|(place, &octet)| *place = octet);
    Some(u64::from_le_bytes(eight) >> (at % 8) & ((1 << count) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_tables_are_full() {
        for kind in &KINDS {
            let shares: i16 = kind.usual.iter().map(|share| share.abs()).sum();
            assert_eq!(shares, 1 << kind.log);
            let mut table = Table::default();
            table.build(kind.log, kind.usual).unwrap();
            assert_eq!(table.entries.len(), 1 << kind.log);
        }
    }
}
