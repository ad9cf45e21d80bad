//! Device counters made monotone, as probes/engine/follow.py specifies it.
//!
//! A counter takes 80 octets, and nearly all of them are followed by an addition alone.

/// Qualities, by their numbers on the wire.
pub mod quality {
    /// The value is what it is.
    pub const OK: u8 = 1;
    /// The device counter stands at its ceiling.
    pub const SATURATED: u8 = 2;
    /// The device counter started anew since the last sample.
    pub const RESET: u8 = 3;
    /// Could not be read.
    pub const UNREADABLE: u8 = 5;

    /// Whether the value is a current one.
    pub fn has_value(quality: u8) -> bool {
        matches!(quality, OK | SATURATED | RESET)
    }
}

/// Counts by which even a counter that hardly moves may go round between two samples.
const SLOW: u64 = 1 << 16;
/// How many times its usual increase a counter may move in the step in which it goes round.
const BURST: u128 = 4;
/// A step back by less than this part of a count is no reset.
const JITTER: u128 = 1000;
/// A counter that was misread is back after so many times the step in which it fell.
const RETURNS: i64 = 3;

/// What is said of a metric's device counters.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    bits: u32,
    saturates: bool,
    scale: u64,
}

impl Spec {
    /// None for a width that no device counter has: they have 1 to 64 bits.
    pub fn new(bits: u32, saturates: bool, scale: u64) -> Option<Self> {
        (1..=64).contains(&bits).then_some(Self {
            bits,
            saturates,
            scale,
        })
    }

    /// The highest count.
    fn ceiling(&self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// Whether a count is that of a device that fell off its bus.
    pub fn is_gone(&self, raw: u64) -> bool {
        raw == self.ceiling() && self.bits >= 32 && !self.saturates
    }

    fn may_wrap(&self) -> bool {
        self.bits < 64 && !self.saturates
    }
}

/// What was known of a counter before it fell, in case it was only misread.
#[derive(Debug)]
struct Fall {
    raw: u64,
    total: u128,
    usual: u64,
    until: i64,
}

/// What is known of one device counter. Times are monotonic, in ns.
#[derive(Debug)]
pub struct Track {
    /// What it counted since it was first seen, and what stood there then.
    total: u128,
    /// The device's last count.
    raw: u64,
    /// When it last had a value.
    read: i64,
    /// Time between the last two values.
    step: i64,
    /// The largest increase in such a step of late.
    usual: u64,
    fall: Option<Box<Fall>>,
    /// Whether there ever was a value.
    known: bool,
}

impl Track {
    /// One that is first seen now.
    pub fn new(mono: i64) -> Self {
        Self {
            total: 0,
            raw: 0,
            read: mono,
            step: 0,
            usual: 0,
            fall: None,
            known: false,
        }
    }

    fn shown(&self, spec: &Spec) -> u64 {
        let scaled = self.total.saturating_mul(spec.scale.into());
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }

    /// Count a step to `raw`.
    fn add(&mut self, raw: u64, increase: u64, mono: i64) {
        self.total += u128::from(increase);
        self.usual = increase.max(self.usual / 2);
        self.step = mono.saturating_sub(self.read);
        self.raw = raw;
        self.read = mono;
    }

    fn is_plain(&self, spec: &Spec, raw: u64) -> bool {
        self.known && self.fall.is_none() && self.raw <= raw && raw < spec.ceiling()
    }

    /// Whether it fell as only one can whose device started anew.
    fn restarted(&self, spec: &Spec, raw: u64) -> bool {
        self.known && raw < self.raw && !spec.may_wrap() && !self.is_jitter(raw)
    }

    fn is_jitter(&self, raw: u64) -> bool {
        let fell = u128::from(self.raw.saturating_sub(raw));
        0 < fell && fell * JITTER < u128::from(self.raw)
    }

    /// Take the next value; whether the counter started anew since the last.
    fn advance(&mut self, spec: &Spec, raw: u64, restarted: bool, mono: i64) -> bool {
        let elapsed = mono.saturating_sub(self.read);
        self.undo_fall(raw, mono);
        if raw >= self.raw {
            self.add(raw, raw - self.raw, mono);
        } else if let Some(wrapped) = self.wrapped(spec, raw, elapsed).filter(|_| !restarted) {
            self.add(raw, wrapped, mono);
        } else if self.is_jitter(raw) {
            self.add(self.raw, 0, mono);
        } else {
            if self.fall.is_none() {
                self.fall = Some(Box::new(Fall {
                    raw: self.raw,
                    total: self.total,
                    usual: self.usual,
                    until: mono.saturating_add(elapsed.saturating_mul(RETURNS)),
                }));
            }
            self.add(raw, raw, mono);
            self.usual = 0;
            self.step = 0;
            return true;
        }
        false
    }

    /// Go on from where a counter stood before it fell, when it was misread.
    fn undo_fall(&mut self, raw: u64, mono: i64) {
        let Some(fall) = &self.fall else { return };
        let grown = raw.checked_sub(self.raw);
        if mono > fall.until {
            self.fall = None;
        } else if raw >= fall.raw
            && grown.is_some_and(|grown| u128::from(grown) > BURST * u128::from(fall.usual))
        {
            let stood = u128::from(fall.raw) + self.total - fall.total;
            self.raw = u64::try_from(stood).map_or(raw, |stood| stood.min(raw));
            self.usual = fall.usual;
            self.fall = None;
        }
    }

    /// What it counted if it went round; None when it cannot have gone round.
    fn wrapped(&self, spec: &Spec, raw: u64, elapsed: i64) -> Option<u64> {
        if !spec.may_wrap() {
            return None;
        }
        let wrapped = (1u64 << spec.bits).checked_sub(self.raw - raw)?;
        let mut plausible = u128::from(SLOW.min(1 << spec.bits.saturating_sub(4)));
        if elapsed <= self.step.saturating_mul(3) {
            plausible = plausible.max(BURST * u128::from(self.usual));
        }
        (u128::from(wrapped) <= plausible.min(1 << (spec.bits - 1))).then_some(wrapped)
    }
}

/// A counter among those of a sample.
#[derive(Debug)]
pub struct Counter {
    /// What is known of it.
    pub track: Track,
    /// Its metric, as an index.
    pub spec: u32,
    /// Counters of one device have one number; None for one without.
    pub device: Option<u32>,
}

/// A reading of a counter that may need more than to be added.
#[derive(Debug)]
pub struct Odd {
    /// Which counter.
    pub counter: usize,
    /// The device's count; None when there is none that can be one.
    pub raw: Option<u64>,
    /// What the sampler says of it.
    pub quality: u8,
}

/// What is passed on of an odd reading.
#[derive(Debug, PartialEq, Eq)]
pub struct Judged {
    /// None when there never was a value.
    pub value: Option<u64>,
    /// How far it may be trusted.
    pub quality: u8,
}

/// The counters of one sampler's samples.
#[derive(Debug, Default)]
pub struct Counters {
    /// Metrics that there are.
    pub specs: Vec<Spec>,
    /// In the order of the readings.
    pub counters: Vec<Counter>,
    /// Counters that started anew, and that went round, in the last sample.
    pub resets: u32,
    /// See `resets`.
    pub wraps: u32,
}

impl Counters {
    /// The metric of a counter.
    pub fn spec(&self, counter: usize) -> &Spec {
        &self.specs[self.counters[counter].spec as usize]
    }

    /// Take a count that is plainly the next one. What is passed on, and whether that is more than before;
    /// None, and nothing is done, when it is an odd one.
    pub fn plain(&mut self, counter: usize, raw: u64, mono: i64) -> Option<(u64, bool)> {
        let counter = &mut self.counters[counter];
        let spec = &self.specs[counter.spec as usize];
        if !counter.track.is_plain(spec, raw) {
            return None;
        }
        let increase = raw - counter.track.raw;
        counter.track.add(raw, increase, mono);
        Some((counter.track.shown(spec), increase > 0))
    }

    /// Take all odd readings of a sample, which show together whether a device restarted.
    pub fn settle(&mut self, odd: &[Odd], mono: i64) -> Vec<Judged> {
        (self.resets, self.wraps) = (0, 0);
        let mut restarted: Vec<u32> = odd
            .iter()
            .filter_map(|each| {
                let counter = &self.counters[each.counter];
                let spec = &self.specs[counter.spec as usize];
                let fell = counter.track.restarted(spec, each.raw?);
                counter.device.filter(|_| fell)
            })
            .collect();
        restarted.sort_unstable();
        odd.iter()
            .map(|each| self.judge(each, &restarted, mono))
            .collect()
    }

    fn judge(&mut self, odd: &Odd, restarted: &[u32], mono: i64) -> Judged {
        let counter = &mut self.counters[odd.counter];
        let spec = &self.specs[counter.spec as usize];
        let track = &mut counter.track;
        let mut quality = odd.quality;
        let Some(raw) = odd.raw else {
            return Judged {
                value: track.known.then(|| track.shown(spec)),
                quality: if quality::has_value(quality) {
                    quality::UNREADABLE
                } else {
                    quality
                },
            };
        };
        if track.known {
            let before = track.raw;
            let restarted = counter
                .device
                .is_some_and(|device| restarted.binary_search(&device).is_ok());
            if track.advance(spec, raw, restarted, mono) {
                quality = quality::RESET;
                self.resets += 1;
            } else if track.raw < before {
                self.wraps += 1;
            }
        } else {
            track.known = true;
            track.raw = raw;
            track.total = raw.into();
            track.read = mono;
        }
        if spec.saturates && raw == spec.ceiling() {
            quality = quality::SATURATED;
        }
        Judged {
            value: Some(track.shown(spec)),
            quality,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is passed on of counts that one counter has a second apart.
    fn follow(spec: Spec, raws: &[u64]) -> Vec<(u64, u8)> {
        let mut counters = Counters {
            specs: vec![spec],
            counters: vec![Counter {
                track: Track::new(0),
                spec: 0,
                device: Some(0),
            }],
            ..Counters::default()
        };
        let take = |(second, &raw): (usize, &u64)| {
            let mono = second as i64 * 1_000_000_000;
            if let Some((shown, _)) = counters.plain(0, raw, mono) {
                return (shown, quality::OK);
            }
            let odd = Odd {
                counter: 0,
                raw: Some(raw),
                quality: quality::OK,
            };
            let judged = counters.settle(&[odd], mono).remove(0);
            (judged.value.unwrap_or_default(), judged.quality)
        };
        raws.iter().enumerate().map(take).collect()
    }

    fn spec(bits: u32, saturates: bool, scale: u64) -> Spec {
        Spec::new(bits, saturates, scale).expect("a width that there is")
    }

    #[test]
    fn a_counter_is_small() {
        assert_eq!(size_of::<Counter>(), 80);
    }

    #[test]
    fn widths_that_no_counter_has_are_refused() {
        assert!(Spec::new(0, false, 1).is_none());
        assert!(Spec::new(65, false, 1).is_none());
    }

    #[test]
    fn growth_is_scaled_and_ends_at_a_u64() {
        let seen = follow(spec(64, false, 4), &[5, 7, u64::MAX - 1]);
        let values: Vec<u64> = seen.iter().map(|(value, _)| *value).collect();
        assert_eq!(values, [20, 28, u64::MAX]);
    }

    #[test]
    fn a_slow_counter_goes_round_and_a_high_one_that_falls_started_anew() {
        let top = u64::from(u32::MAX);
        let seen = follow(spec(32, false, 1), &[top - 99, 100]);
        assert_eq!(seen[1], (top + 101, quality::OK));
        let seen = follow(spec(32, false, 1), &[top / 2, 3]);
        assert_eq!(seen[1], (top / 2 + 3, quality::RESET));
    }

    #[test]
    fn a_ceiling_is_said() {
        let seen = follow(spec(8, true, 1), &[254, 255, 255]);
        assert_eq!(seen[2], (255, quality::SATURATED));
    }

    #[test]
    fn a_misread_counter_goes_on_from_where_it_stood() {
        let seen = follow(spec(64, false, 1), &[1 << 50, 0, (1 << 50) + 9]);
        assert_eq!(seen[2], ((1 << 50) + 9, quality::OK));
    }

    #[test]
    fn the_highest_counts_overflow_nothing() {
        let high = u64::MAX - 1;
        let seen = follow(spec(64, true, u64::MAX), &[high, 0, high, 1, high, 2]);
        assert!(seen.iter().all(|(value, _)| *value == u64::MAX));
    }
}
