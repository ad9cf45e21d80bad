//! The last minutes of steps, in blocks, bounded in octets.
//!
//! `probes/engine/ring.py` is the specification.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use crate::blocks::{BlockBuilder, MAX_CHANNELS};

/// Octets that a block takes beside its own.
const BLOCK_OVERHEAD: usize = 64;

/// Names what the groups and channels of a block are.
pub type Layout = u64;

/// A block as it was when it was asked for; a cheap copy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frozen {
    /// What its groups and channels are.
    pub layout: Layout,
    /// Monotonic ns of the first reading.
    pub start: u64,
    /// Monotonic ns of the last reading.
    pub end: u64,
    /// The block.
    pub octets: Arc<[u8]>,
}

/// A reading that does not fit what was begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Misfit(&'static str);

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Misfit {}

/// Blocks of several readers, each of a layout.
pub struct StepRing {
    max_octets: usize,
    writers: BTreeMap<Layout, Writer>,
    closed: VecDeque<Frozen>,
    closed_octets: usize,
    dropped: u64,
}

struct Writer {
    sizes: Vec<usize>,
    block: BlockBuilder,
    /// Whether `block` is under way.
    open: bool,
}

impl StepRing {
    /// `max_octets` bounds what is kept, blocks under way included.
    pub fn new(max_octets: usize) -> Self {
        Self {
            max_octets,
            writers: BTreeMap::new(),
            closed: VecDeque::new(),
            closed_octets: 0,
            dropped: 0,
        }
    }

    /// Takes readings of a layout from now on.
    pub fn begin(&mut self, layout: Layout, sizes: &[usize]) -> Result<(), Misfit> {
        let channels = sizes
            .iter()
            .try_fold(0usize, |sum, &size| sum.checked_add(size))
            .unwrap_or(usize::MAX);
        if sizes.len() > MAX_CHANNELS || channels > MAX_CHANNELS {
            return Err(Misfit("more than 4096 channels or groups"));
        }
        self.end(layout);
        let writer = Writer {
            sizes: sizes.to_vec(),
            block: BlockBuilder::new(sizes, 0),
            open: false,
        };
        self.writers.insert(layout, writer);
        Ok(())
    }

    /// What the channels of a group read at `time`.
    pub fn record(
        &mut self,
        layout: Layout,
        group: usize,
        time: u64,
        values: &[Option<u64>],
    ) -> Result<(), Misfit> {
        let misfit = Misfit("no such layout or group, or another number of values");
        let writer = self.writers.get_mut(&layout).ok_or(misfit)?;
        if writer.sizes.get(group) != Some(&values.len()) {
            return Err(misfit);
        }
        if writer.open && writer.block.is_full(time) {
            self.close(layout);
        }
        let writer = self.writers.get_mut(&layout).ok_or(misfit)?;
        if !writer.open {
            writer.block.restart(&writer.sizes, time);
            writer.open = true;
        }
        writer.block.add(group, time, values);
        self.bound();
        Ok(())
    }

    /// No more readings of a layout will come; what there is of it stays.
    pub fn end(&mut self, layout: Layout) {
        self.close(layout);
        self.writers.remove(&layout);
    }

    /// Every block, oldest first, those under way last.
    pub fn freeze(&self) -> Vec<Frozen> {
        let open = self
            .writers
            .iter()
            .filter(|(_, writer)| writer.open)
            .map(|(&layout, writer)| frozen(layout, &writer.block));
        self.closed.iter().cloned().chain(open).collect()
    }

    /// What is kept, in octets.
    pub fn octets(&self) -> usize {
        let open = self.writers.values().filter(|writer| writer.open);
        self.closed_octets
            + open
                .map(|writer| writer.block.octets().len() + BLOCK_OVERHEAD)
                .sum::<usize>()
    }

    /// When the oldest reading was taken, in monotonic ns.
    pub fn oldest(&self) -> Option<u64> {
        let open = self.writers.values().filter(|writer| writer.open);
        let open = open.map(|writer| writer.block.span().0);
        self.closed
            .iter()
            .map(|block| block.start)
            .chain(open)
            .min()
    }

    /// Blocks that had to go, since the ring was made.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn close(&mut self, layout: Layout) {
        if let Some(writer) = self.writers.get_mut(&layout).filter(|writer| writer.open) {
            writer.open = false;
            let block = frozen(layout, &writer.block);
            self.closed_octets += block.octets.len() + BLOCK_OVERHEAD;
            self.closed.push_back(block);
        }
    }

    fn bound(&mut self) {
        while self.octets() > self.max_octets {
            let Some(oldest) = self.closed.pop_front() else {
                return;
            };
            self.closed_octets -= oldest.octets.len() + BLOCK_OVERHEAD;
            self.dropped += 1;
        }
    }
}

fn frozen(layout: Layout, block: &BlockBuilder) -> Frozen {
    let (start, end) = block.span();
    Frozen {
        layout,
        start,
        end,
        octets: block.octets().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::decode;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_oldest_go_first_and_are_counted() {
        let mut ring = StepRing::new(1_000);
        ring.begin(7, &[1]).unwrap();
        for second in 0..100 {
            ring.record(7, 0, second * SECOND, &[Some(second)]).unwrap();
        }
        let blocks = ring.freeze();
        assert!(ring.octets() <= 1_000);
        assert_eq!(ring.dropped(), 100 - blocks.len() as u64);
        let last = decode(&blocks.last().unwrap().octets).unwrap();
        assert_eq!(last[0].values, [Some(99)]);
    }

    #[test]
    fn what_is_under_way_is_frozen_too_and_goes_on() {
        let mut ring = StepRing::new(1 << 20);
        ring.begin(1, &[1]).unwrap();
        ring.record(1, 0, 10, &[Some(1)]).unwrap();
        let before = ring.freeze();
        ring.record(1, 0, 20, &[Some(2)]).unwrap();
        assert_eq!(decode(&before[0].octets).unwrap().len(), 1);
        assert_eq!(decode(&ring.freeze()[0].octets).unwrap().len(), 2);
    }

    #[test]
    fn misfits_are_refused() {
        let mut ring = StepRing::new(1 << 20);
        assert!(ring.record(1, 0, 0, &[]).is_err());
        assert!(ring.begin(1, &[MAX_CHANNELS + 1]).is_err());
        assert!(ring.begin(1, &[usize::MAX, 2]).is_err());
        ring.begin(1, &[2]).unwrap();
        assert!(ring.record(1, 0, 0, &[Some(1)]).is_err());
        assert!(ring.record(1, 1, 0, &[]).is_err());
        ring.end(1);
        assert!(ring.record(1, 0, 0, &[None, None]).is_err());
    }
}
