//! How a flow behaves: sizes, gaps, bursts and a series of octets over time, bounded in memory.
//!
//! - Times are taken in whole microseconds since 1970 for gaps, in ns for everything else. A packet that is older than
//!   the one before it has a gap of 0.
//! - The first `EARLY` packets are kept as they are. The histograms (384 octets) and the series are made of them when one
//!   more comes, so that the many flows of a few packets stay small.
//! - The series keeps the bins that are not empty: 8 octets each, never more of them than packets, and at most
//!   `series::MAX_BINS`.

mod period;
mod series;

use super::record::Features;
use series::Series;

/// Packets that are kept as they are, before there are histograms.
const EARLY: usize = 8;
const SIZES: usize = 16;
const GAPS: usize = 32;
/// Two packets with less than that between them belong to one run.
const RUN_NS: u64 = 1_000_000;
const MICROSECOND: u64 = 1000;

/// One of the first packets.
#[derive(Clone, Copy, Debug, Default)]
struct Early {
    offset_us: u32,
    octets: u16,
    forward: bool,
}

/// Counts by size and by gap, forward and reverse.
#[derive(Clone, Debug)]
struct Histograms {
    sizes: [[u32; SIZES]; 2],
    gaps: [[u32; GAPS]; 2],
}

/// What a flow with more than `EARLY` packets has.
#[derive(Clone, Debug)]
struct Detail {
    histograms: Histograms,
    series: Series,
}

/// What is kept of a flow's behaviour while it goes on.
#[derive(Clone, Debug, Default)]
pub struct FeatureState {
    first_ns: u64,
    latest_ns: u64,
    last_ns: [u64; 2],
    run_octets: u64,
    burst_octets: u64,
    busy_ns: u64,
    bursts: u32,
    run_packets: u32,
    early: [Early; EARLY],
    detail: Option<Box<Detail>>,
    early_count: u8,
    seen: [bool; 2],
}

impl FeatureState {
    /// A packet of `wire_octets`, towards the destination or back.
    #[inline]
    pub fn observe(&mut self, forward: bool, time_ns: u64, wire_octets: u32) {
        if !(self.seen[0] || self.seen[1]) {
            self.first_ns = time_ns;
            self.latest_ns = time_ns;
        }
        self.run(time_ns, wire_octets);
        if self.detail.is_none() && !self.note(forward, time_ns, wire_octets) {
            self.detail = Some(self.unfold());
        }
        let way = usize::from(!forward);
        if let Some(detail) = &mut self.detail {
            let last_us = self.seen[way].then_some(self.last_ns[way] / MICROSECOND);
            detail
                .histograms
                .add(way, time_ns / MICROSECOND, last_us, wire_octets);
            let offset_us = (time_ns / MICROSECOND).saturating_sub(self.first_ns / MICROSECOND);
            detail.series.add(offset_us, wire_octets);
        }
        self.seen[way] = true;
        self.last_ns[way] = self.last_ns[way].max(time_ns);
        self.latest_ns = self.latest_ns.max(time_ns);
    }

    /// When the last packet of one way was seen; 0 when there was none.
    pub fn last_ns(&self, forward: bool) -> u64 {
        self.last_ns[usize::from(!forward)]
    }

    /// When the packet that was observed first was seen; 0 when there was none.
    pub fn first_ns(&self) -> u64 {
        self.first_ns
    }

    /// When the last packet was seen; 0 when there was none.
    pub fn latest_ns(&self) -> u64 {
        self.latest_ns
    }

    /// Octets that it holds beside its own.
    pub fn heap_octets(&self) -> usize {
        self.detail.as_ref().map_or(0, |detail| {
            size_of::<Detail>().saturating_add(detail.series.heap_octets())
        })
    }

    /// What it comes to. The period is looked for here: at most some 50 us for a full series.
    pub fn finish(&self) -> Features {
        let mut features = Features {
            bursts: self.bursts,
            burst_octets: self.burst_octets,
            busy_ns: self.busy_ns,
            ..Features::default()
        };
        let replayed;
        let histograms = match &self.detail {
            Some(detail) => {
                features.bin_ns = detail.series.bin_ns();
                features.bins = detail.series.dense();
                if let Some((bins, strength)) = period::find(&features.bins) {
                    features.period_ns = (bins * features.bin_ns as f64) as u64;
                    features.period_strength = strength;
                }
                &detail.histograms
            }
            None => {
                replayed = self.replay(|_| {});
                &replayed
            }
        };
        let [sizes_forward, sizes_reverse] = &histograms.sizes;
        let [gaps_forward, gaps_reverse] = &histograms.gaps;
        features.sizes_forward = trimmed(sizes_forward);
        features.sizes_reverse = trimmed(sizes_reverse);
        features.gaps_forward = trimmed(gaps_forward);
        features.gaps_reverse = trimmed(gaps_reverse);
        features
    }

    /// Runs go over both ways; a packet alone is none.
    #[inline]
    fn run(&mut self, time_ns: u64, wire_octets: u32) {
        let gap = time_ns.saturating_sub(self.latest_ns);
        if gap >= RUN_NS || self.run_packets == 0 {
            self.run_packets = 1;
            self.run_octets = u64::from(wire_octets);
            return;
        }
        if self.run_packets == 1 {
            self.bursts = self.bursts.saturating_add(1);
        }
        self.run_packets = self.run_packets.saturating_add(1);
        self.run_octets = self.run_octets.saturating_add(u64::from(wire_octets));
        self.burst_octets = self.burst_octets.max(self.run_octets);
        self.busy_ns = self.busy_ns.saturating_add(gap);
    }

    /// Keep one of the first packets as it is. False when that cannot be.
    #[inline]
    fn note(&mut self, forward: bool, time_ns: u64, wire_octets: u32) -> bool {
        let offset = (time_ns / MICROSECOND)
            .checked_sub(self.first_ns / MICROSECOND)
            .and_then(|offset| u32::try_from(offset).ok());
        let place = self.early.get_mut(usize::from(self.early_count));
        let (Some(offset_us), Ok(octets), Some(place)) =
            (offset, u16::try_from(wire_octets), place)
        else {
            return false;
        };
        *place = Early {
            offset_us,
            octets,
            forward,
        };
        self.early_count = self.early_count.saturating_add(1);
        true
    }

    #[cold]
    fn unfold(&self) -> Box<Detail> {
        let mut series = Series::default();
        let histograms = self.replay(|early| {
            series.add(u64::from(early.offset_us), u32::from(early.octets));
        });
        Box::new(Detail { histograms, series })
    }

    fn replay(&self, mut each: impl FnMut(&Early)) -> Histograms {
        let mut histograms = Histograms::default();
        let mut last: [Option<u64>; 2] = [None; 2];
        for early in self.early.iter().take(usize::from(self.early_count)) {
            let (way, at) = (usize::from(!early.forward), u64::from(early.offset_us));
            histograms.add(way, at, last[way], u32::from(early.octets));
            last[way] = Some(last[way].map_or(at, |before| before.max(at)));
            each(early);
        }
        histograms
    }
}

impl Default for Histograms {
    fn default() -> Self {
        Self {
            sizes: [[0; SIZES]; 2],
            gaps: [[0; GAPS]; 2],
        }
    }
}

impl Histograms {
    #[inline]
    fn add(&mut self, way: usize, at_us: u64, last_us: Option<u64>, octets: u32) {
        add_to(&mut self.sizes[way], bits(u64::from(octets)));
        if let Some(last) = last_us {
            add_to(&mut self.gaps[way], bits(at_us.saturating_sub(last)));
        }
    }
}

/// How many bits a number has.
fn bits(number: u64) -> usize {
    (u64::BITS - number.leading_zeros()) as usize
}

/// Count in a bin; what is beyond the last one counts there.
fn add_to<const N: usize>(bins: &mut [u32; N], bin: usize) {
    if let Some(count) = bins.get_mut(bin.min(N - 1)) {
        *count = count.saturating_add(1);
    }
}

/// Without the empty bins at the end.
fn trimmed(bins: &[u32]) -> Vec<u32> {
    let end = bins.iter().rposition(|&count| count > 0);
    bins.get(..end.map_or(0, |last| last + 1))
        .unwrap_or_default()
        .to_vec()
}

#[cfg(test)]
mod tests;
