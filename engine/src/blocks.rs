//! Blocks of steps: about a second of readings at full resolution, as deltas.
//!
//! `probes/engine/blocks.py` is the specification, and describes the format.

use std::fmt;

/// Channels, and groups, of one reader.
pub const MAX_CHANNELS: usize = 4096;

const VERSION: u8 = 1;
/// Values in one block: what a small hostile block can be blown up to.
const MAX_VALUES: usize = 1 << 20;
const BLOCK_NS: u64 = 1_000_000_000;
const BLOCK_OCTETS: usize = 256 << 10;

const UNCHANGED: u64 = 0;
const NO_VALUE: u64 = 1;
const ABSOLUTE: u64 = 2;

/// A block that is being written. Times must not fall.
pub struct BlockBuilder {
    octets: Vec<u8>,
    firsts: Vec<usize>,
    last: Vec<Option<u64>>,
    start: u64,
    end: u64,
    values: usize,
}

impl BlockBuilder {
    /// `sizes`: the number of channels of each group. `start`: the time of the first reading, in monotonic ns.
    pub fn new(sizes: &[usize], start: u64) -> Self {
        let mut builder = Self {
            octets: Vec::new(),
            firsts: firsts(sizes),
            last: vec![None; sizes.iter().sum()],
            start,
            end: start,
            values: 0,
        };
        builder.restart(sizes, start);
        builder
    }

    /// Begins the next block of the same sizes, in the memory of this one.
    pub fn restart(&mut self, sizes: &[usize], start: u64) {
        self.octets.clear();
        self.octets.push(VERSION);
        put(&mut self.octets, sizes.len() as u64);
        for &size in sizes {
            put(&mut self.octets, size as u64);
        }
        put(&mut self.octets, start);
        self.last.fill(None);
        self.start = start;
        self.end = start;
        self.values = 0;
    }

    /// What the channels of a group read at `time`; None for what could not be read.
    pub fn add(&mut self, group: usize, time: u64, values: &[Option<u64>]) {
        put(&mut self.octets, group as u64);
        put(&mut self.octets, time.saturating_sub(self.end));
        self.end = self.end.max(time);
        self.values += values.len();
        let mut unchanged = 0;
        let last = self.last.iter_mut().skip(self.firsts[group]);
        for (last, &value) in last.zip(values) {
            if value.is_some() && value == *last {
                unchanged += 1;
                continue;
            }
            flush(&mut self.octets, &mut unchanged);
            let Some(value) = value else {
                self.octets.push(NO_VALUE as u8);
                continue;
            };
            let increase = last.and_then(|last| value.checked_sub(last));
            *last = Some(value);
            match increase.and_then(|increase| increase.checked_add(ABSOLUTE)) {
                Some(symbol) => put(&mut self.octets, symbol),
                None => {
                    self.octets.push(ABSOLUTE as u8);
                    put(&mut self.octets, value);
                }
            }
        }
        flush(&mut self.octets, &mut unchanged);
    }

    /// Whether what is read at `time` belongs in the next block.
    pub fn is_full(&self, time: u64) -> bool {
        time < self.end
            || time - self.start >= BLOCK_NS
            || self.octets.len() >= BLOCK_OCTETS
            || self.values + MAX_CHANNELS > MAX_VALUES
    }

    /// The block so far.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The times of the first and the last reading.
    pub fn span(&self) -> (u64, u64) {
        (self.start, self.end)
    }
}

/// One reading of a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Monotonic ns.
    pub time: u64,
    /// Which group.
    pub group: usize,
    /// A value for each of its channels: None for what could not be read.
    pub values: Vec<Option<u64>>,
}

/// Why something is no block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoBlock(&'static str);

impl fmt::Display for NoBlock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for NoBlock {}

/// The readings in a block, in the order in which they were taken.
pub fn decode(block: &[u8]) -> Result<Vec<Row>, NoBlock> {
    let (&version, rest) = block.split_first().ok_or(NOT_A_BLOCK)?;
    if version != VERSION {
        return Err(NOT_A_BLOCK);
    }
    let mut numbers = Numbers(rest);
    let groups = numbers.take()?;
    if groups > MAX_CHANNELS as u64 {
        return Err(NoBlock("a block with too many groups"));
    }
    let mut sizes = Vec::new();
    let mut channels = 0usize;
    let mut too_many = false;
    for _ in 0..groups {
        let size = numbers.take()?;
        too_many |= size > MAX_CHANNELS as u64;
        let size = usize::try_from(size)
            .unwrap_or(MAX_CHANNELS)
            .min(MAX_CHANNELS + 1);
        channels += size;
        sizes.push(size);
    }
    if too_many || channels > MAX_CHANNELS {
        return Err(NoBlock("a block with too many channels"));
    }
    let firsts = firsts(&sizes);
    let mut last = vec![None; channels];
    let mut time = numbers.take()?;
    let mut room = MAX_VALUES;
    let mut rows = Vec::new();
    while !numbers.0.is_empty() {
        let (group, elapsed) = (numbers.take()?, numbers.take()?);
        let group = usize::try_from(group).unwrap_or(usize::MAX);
        let &size = sizes
            .get(group)
            .ok_or(NoBlock("a block with a reading of no group"))?;
        // A group without channels counts too, so that the rows are bounded.
        let bounds = NoBlock("a block with too many values, or a time out of bounds");
        room = room.checked_sub(size.max(1)).ok_or(bounds)?;
        time = time.checked_add(elapsed).ok_or(bounds)?;
        let first = firsts[group];
        let values = decode_values(&mut numbers, &mut last[first..first + size])?;
        rows.push(Row {
            time,
            group,
            values,
        });
    }
    Ok(rows)
}

fn decode_values(
    numbers: &mut Numbers<'_>,
    last: &mut [Option<u64>],
) -> Result<Vec<Option<u64>>, NoBlock> {
    let mut values = Vec::with_capacity(last.len());
    while values.len() < last.len() {
        let place = values.len();
        match numbers.take()? {
            UNCHANGED => {
                let run = usize::try_from(numbers.take()?).unwrap_or(usize::MAX);
                let same = last[place..]
                    .get(..=run.min(MAX_CHANNELS))
                    .filter(|same| same.iter().all(Option::is_some))
                    .ok_or(NoBlock("a block that repeats what is not there"))?;
                values.extend_from_slice(same);
            }
            NO_VALUE => values.push(None),
            symbol => {
                let value = if symbol == ABSOLUTE {
                    numbers.take()?
                } else {
                    last[place]
                        .and_then(|last| last.checked_add(symbol - ABSOLUTE))
                        .ok_or(NoBlock("a block with a value out of bounds"))?
                };
                last[place] = Some(value);
                values.push(Some(value));
            }
        }
    }
    Ok(values)
}

const NOT_A_BLOCK: NoBlock = NoBlock("not a block of steps, or of another version");

/// Unsigned LEB128 numbers of at most 64 bits.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn take(&mut self) -> Result<u64, NoBlock> {
        let bad = NoBlock("a block that is cut off, or a number out of bounds in it");
        let mut number = 0u128;
        for shift in (0..64).step_by(7) {
            let (&octet, rest) = self.0.split_first().ok_or(bad)?;
            self.0 = rest;
            number |= u128::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return u64::try_from(number).map_err(|_| bad);
            }
        }
        Err(bad)
    }
}

fn put(octets: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        octets.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    octets.push(number as u8);
}

fn flush(octets: &mut Vec<u8>, unchanged: &mut u64) {
    if *unchanged > 0 {
        octets.push(UNCHANGED as u8);
        put(octets, *unchanged - 1);
        *unchanged = 0;
    }
}

/// Where the channels of each group begin.
pub(crate) fn firsts(sizes: &[usize]) -> Vec<usize> {
    sizes
        .iter()
        .scan(0, |next, &size| {
            let first = *next;
            *next += size;
            Some(first)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let mut block = BlockBuilder::new(&[2, 1], 1_000);
        let readings = [
            (0, 1_000, vec![Some(5), None]),
            (1, 1_010, vec![Some(u64::MAX)]),
            (0, 2_000, vec![Some(5), Some(7)]),
            (1, 2_010, vec![Some(0)]),
            (0, 3_000, vec![Some(u64::MAX - 1), Some(7)]),
            (1, 3_010, vec![Some(u64::MAX)]),
        ];
        for (group, time, values) in &readings {
            block.add(*group, *time, values);
        }
        let rows: Vec<_> = decode(block.octets())
            .unwrap()
            .into_iter()
            .map(|row| (row.group, row.time, row.values))
            .collect();
        assert_eq!(rows, readings);
        assert_eq!(block.span(), (1_000, 3_010));
    }

    #[test]
    fn idle_channels_cost_little() {
        let mut block = BlockBuilder::new(&[100], 0);
        block.add(0, 0, &[Some(1 << 40); 100]);
        let before = block.octets().len();
        for tick in 1..=100 {
            block.add(0, tick * 10_000_000, &[Some(1 << 40); 100]);
        }
        assert!(block.octets().len() - before <= 100 * 8);
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for bad in [
            &b""[..],
            b"\x02",
            b"\x01",
            b"\x01\x01\x01\x00\x00\x00\x00\x00",
            b"\x01\x01\x01\x00\x01\x00\x02\x00",
            b"\x01\x01\x01\x00\x00\x00\x02\x80",
            b"\x01\x01\x01\x00\x00\x00\x05",
            b"\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00",
            b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert!(decode(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_block_is_full_after_a_second() {
        let mut block = BlockBuilder::new(&[1], 5);
        block.add(0, 5, &[Some(1)]);
        assert!(!block.is_full(5 + BLOCK_NS - 1));
        assert!(block.is_full(5 + BLOCK_NS));
    }
}
