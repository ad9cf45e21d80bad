//! Octets over time, in bins that are not empty.

/// More bins than that make the bins wider.
pub(super) const MAX_BINS: u64 = 1024;

const BIN_US: u64 = 10_000;
const BIN_NS: u64 = BIN_US * 1000;

#[derive(Clone, Copy, Debug)]
struct Bin {
    index: u32,
    octets: u32,
}

/// Octets by time since the first packet, in bins of 10 ms, 20 ms, 40 ms, ... so that there are at most `MAX_BINS`.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    /// Ascending.
    bins: Vec<Bin>,
    /// How often the width was doubled.
    doublings: u32,
}

impl Series {
    #[inline]
    pub(super) fn add(&mut self, offset_us: u64, octets: u32) {
        let narrow = offset_us / BIN_US;
        if narrow >> self.doublings >= MAX_BINS {
            self.widen(narrow);
        }
        // Below MAX_BINS.
        let index = (narrow >> self.doublings) as u32;
        match self.bins.last_mut() {
            Some(bin) if bin.index == index => bin.octets = bin.octets.saturating_add(octets),
            Some(bin) if bin.index > index => self.insert(index, octets),
            _ => self.bins.push(Bin { index, octets }),
        }
    }

    pub(super) fn bin_ns(&self) -> u64 {
        BIN_NS.saturating_mul(1u64.checked_shl(self.doublings).unwrap_or(u64::MAX))
    }

    /// Every bin up to the last, the empty ones too.
    pub(super) fn dense(&self) -> Vec<u32> {
        let length = self.bins.last().map_or(0, |bin| bin.index as usize + 1);
        let mut dense = vec![0; length];
        for bin in &self.bins {
            if let Some(octets) = dense.get_mut(bin.index as usize) {
                *octets = bin.octets;
            }
        }
        dense
    }

    pub(super) fn heap_octets(&self) -> usize {
        self.bins.capacity().saturating_mul(size_of::<Bin>())
    }

    /// Packets do not come quite in order of time.
    #[cold]
    fn insert(&mut self, index: u32, octets: u32) {
        match self.bins.binary_search_by_key(&index, |bin| bin.index) {
            Ok(place) => {
                if let Some(bin) = self.bins.get_mut(place) {
                    bin.octets = bin.octets.saturating_add(octets);
                }
            }
            Err(place) => self.bins.insert(place, Bin { index, octets }),
        }
    }

    #[cold]
    fn widen(&mut self, narrow: u64) {
        let mut more = 0;
        while narrow >> (self.doublings + more) >= MAX_BINS {
            more += 1;
        }
        self.doublings += more;
        for bin in &mut self.bins {
            bin.index = bin.index.checked_shr(more).unwrap_or(0);
        }
        self.bins.dedup_by(|later, earlier| {
            let same = later.index == earlier.index;
            if same {
                earlier.octets = earlier.octets.saturating_add(later.octets);
            }
            same
        });
    }
}
