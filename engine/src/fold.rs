//! Steps into one-second windows. Time is an argument.
//!
//! `probes/engine/fold.py` is the specification.

use std::collections::VecDeque;

use crate::blocks::firsts;

/// The length of a window.
pub const WINDOW_NS: u64 = 1_000_000_000;

const MAX_WINDOWS: usize = 60;
const MIN_PERIOD_NS: u64 = 1_000_000;
const SECOND: u128 = 1_000_000_000;
const SLOW: u64 = 1 << 16;
const BURST: u64 = 4;
const JITTER: u64 = 1000;

/// What reading one group cost in a window.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct GroupWindow {
    /// How often it was read.
    pub reads: u64,
    /// How long that took.
    pub total_ns: u64,
    /// How long the longest took.
    pub max_ns: u64,
}

/// One channel in a window. Rates are in counts a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ChannelWindow {
    /// What was counted, as far as it is known.
    pub increase: u64,
    /// The highest rate of one step.
    pub max_rate: f64,
    /// The 99th percentile (nearest rank) of the rates of its steps.
    pub p99_rate: f64,
    /// How long the steps lasted in which the rate was at the burst level or higher.
    pub above_ns: u64,
    /// Bursts that began.
    pub bursts: u64,
    /// Steps of which the rate is known.
    pub steps: u64,
    /// Steps over which the counter started anew.
    pub unknown: u64,
    /// Readings that gave no value.
    pub errors: u64,
}

/// One second of a reader.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Monotonic ns.
    pub start_ns: u64,
    /// Monotonic ns.
    pub end_ns: u64,
    /// Ticks that were carried out.
    pub ticks: u64,
    /// Ticks that were due and not carried out. They are not made up.
    pub missed: u64,
    /// Windows before this one that nobody took in time.
    pub dropped: u64,
    /// How much later than due a tick began.
    pub late_max_ns: u64,
    /// The 99th percentile of that.
    pub late_p99_ns: u64,
    /// By group.
    pub groups: Vec<GroupWindow>,
    /// By channel.
    pub channels: Vec<ChannelWindow>,
}

/// One channel's last reading, and what its window has so far.
struct Channel {
    bits: u32,
    last: Option<u64>,
    at: u64,
    /// The largest increase of late: it halves with every step.
    usual: u64,
    burst_level: u64,
    calm_level: u64,
    in_burst: bool,
    window: ChannelWindow,
    rates: Vec<f64>,
}

impl Channel {
    fn new(bits: u32, steps: usize) -> Self {
        Self {
            bits,
            last: None,
            at: 0,
            usual: 0,
            burst_level: 0,
            calm_level: 0,
            in_burst: false,
            window: ChannelWindow::default(),
            rates: Vec::with_capacity(steps),
        }
    }

    fn begin(&mut self) {
        self.window = ChannelWindow::default();
        self.rates.clear();
    }

    fn end(&mut self) -> ChannelWindow {
        let count = self.rates.len();
        if count > 0 {
            let (_, &mut p99, above) = self
                .rates
                .select_nth_unstable_by(nearest_rank_99(count), f64::total_cmp);
            self.window.p99_rate = p99;
            self.window.max_rate = above.iter().copied().fold(p99, f64::max);
        }
        self.window.steps = count as u64;
        self.window
    }

    fn value(&mut self, at: u64, value: u64, least_ns: u64) {
        if self.bits >= 32 && value == u64::MAX >> (64 - self.bits) {
            // What a PCI device that fell off its bus reads as.
            self.failed(false);
            return;
        }
        let Some(last) = self.last else {
            self.last = Some(value);
            self.at = at;
            return;
        };
        let elapsed = at.saturating_sub(self.at);
        if elapsed < least_ns {
            // After a tick that was late: over so short a time one packet more or less makes another rate.
            return;
        }
        self.at = at;
        let Some(increase) = self.increase(last, value) else {
            self.window.unknown += 1;
            self.last = Some(value);
            self.usual = 0;
            return;
        };
        if increase > 0 || value >= last {
            self.last = Some(value);
        }
        self.usual = increase.max(self.usual / 2);
        self.window.increase = self.window.increase.saturating_add(increase);
        self.rates.push(increase as f64 * 1e9 / elapsed as f64);
        if self.burst_level > 0 {
            let counted = u128::from(increase) * SECOND;
            if counted >= u128::from(self.burst_level) * u128::from(elapsed) {
                self.window.above_ns = self.window.above_ns.saturating_add(elapsed);
                self.window.bursts += u64::from(!self.in_burst);
                self.in_burst = true;
            } else if counted < u128::from(self.calm_level) * u128::from(elapsed) {
                self.in_burst = false;
            }
        }
    }

    fn failed(&mut self, gone: bool) {
        self.window.errors += 1;
        if gone {
            // What comes back under this name may be another device: its count is no continuation.
            self.last = None;
            self.usual = 0;
            self.in_burst = false;
        }
    }

    /// What was counted from `last` to `value`; None when it started anew in between.
    fn increase(&self, last: u64, value: u64) -> Option<u64> {
        if let Some(increase) = value.checked_sub(last) {
            return Some(increase);
        }
        let size = 1u64.checked_shl(self.bits).unwrap_or(0);
        if self.bits < 64 && last < size {
            let wrapped = size - last + value;
            let slow = SLOW.min(1 << self.bits.saturating_sub(4));
            let plausible = slow.max(self.usual.saturating_mul(BURST)).min(size / 2);
            if wrapped <= plausible {
                return Some(wrapped);
            }
        }
        let fall = u128::from(last - value) * u128::from(JITTER);
        (fall < u128::from(last)).then_some(0)
    }
}

/// Folds what a reader reads into windows, and says what is to be read when.
pub struct Folder {
    channels: Vec<Channel>,
    groups: Vec<Group>,
    period: u64,
    start: u64,
    due: u64,
    tick: u64,
    next: u64,
    window_start: u64,
    ticks: u64,
    missed: u64,
    late: Vec<u64>,
    windows: VecDeque<Window>,
}

struct Group {
    first: usize,
    multiple: u64,
    /// The tick in which it is to be read next.
    turn: u64,
    window: GroupWindow,
}

impl Folder {
    /// `sizes`: the number of channels of each group; `bits`: the width of each channel's counter. None when these do
    /// not fit each other.
    pub fn new(
        sizes: &[usize],
        bits: &[u32],
        period_ns: u64,
        start: u64,
    ) -> Result<Self, &'static str> {
        let channels = sizes
            .iter()
            .try_fold(0usize, |sum, &size| sum.checked_add(size));
        if channels != Some(bits.len()) || !bits.iter().all(|width| (1..=64).contains(width)) {
            return Err("each channel needs a width of 1 to 64 bits");
        }
        if !(MIN_PERIOD_NS..=WINDOW_NS).contains(&period_ns) {
            return Err("the period must be from 1 ms to 1 s");
        }
        let steps = (WINDOW_NS / period_ns) as usize + 1;
        let groups = firsts(sizes).into_iter().map(|first| Group {
            first,
            multiple: 1,
            turn: 0,
            window: GroupWindow::default(),
        });
        Ok(Self {
            channels: bits
                .iter()
                .map(|&width| Channel::new(width, steps))
                .collect(),
            groups: groups.collect(),
            period: period_ns,
            start,
            due: start,
            tick: 0,
            next: 0,
            window_start: start,
            ticks: 0,
            missed: 0,
            late: Vec::with_capacity(steps),
            windows: VecDeque::new(),
        })
    }

    /// When the next tick is due, in monotonic ns.
    pub fn due(&self) -> u64 {
        self.due
    }

    /// Where the channels of a group begin.
    pub fn first(&self, group: usize) -> usize {
        self.groups[group].first
    }

    /// A tick begins at `mono`. Ends the window when its second is over.
    pub fn tick(&mut self, mono: u64) {
        let late = mono.saturating_sub(self.due);
        let skipped = late / self.period;
        self.tick = self.next + skipped;
        self.next = self.tick + 1;
        let began = self.start + self.tick * self.period;
        self.due = began + self.period;
        let elapsed = began - self.window_start;
        if elapsed >= WINDOW_NS {
            self.end();
            self.begin(self.window_start + elapsed / WINDOW_NS * WINDOW_NS);
        }
        self.ticks += 1;
        self.missed += skipped;
        self.late.push(late);
    }

    /// Whether a group is to be read in this tick.
    pub fn turn(&mut self, group: usize) -> bool {
        let group = &mut self.groups[group];
        if self.tick < group.turn {
            return false;
        }
        group.turn = self.tick + group.multiple;
        true
    }

    /// A group was read, which took so long.
    pub fn read(&mut self, group: usize, took_ns: u64) {
        let window = &mut self.groups[group].window;
        window.reads += 1;
        window.total_ns = window.total_ns.saturating_add(took_ns);
        window.max_ns = window.max_ns.max(took_ns);
    }

    /// A channel's counter stood at `value` at `mono`. What comes less than half a period after the reading before is
    /// passed over: the next step is over both.
    pub fn value(&mut self, channel: usize, mono: u64, value: u64) {
        self.channels[channel].value(mono, value, self.period / 2);
    }

    /// A channel had no value. `gone`: nor its device; what comes back may be another one.
    pub fn failed(&mut self, channel: usize, gone: bool) {
        self.channels[channel].failed(gone);
    }

    /// At which rate a burst begins, and below which it ends; 0: none are counted. Whether there is such a channel.
    pub fn set_levels(&mut self, channel: usize, burst: u64, calm: u64) -> bool {
        let Some(channel) = self.channels.get_mut(channel) else {
            return false;
        };
        channel.burst_level = burst;
        channel.calm_level = calm;
        channel.in_burst &= burst > 0;
        true
    }

    /// Reads a group in every `multiple`-th tick alone. Whether there is such a group.
    pub fn set_multiple(&mut self, group: usize, multiple: u64) -> bool {
        let Some(group) = self.groups.get_mut(group) else {
            return false;
        };
        group.multiple = multiple.max(1);
        group.turn = group.turn.min(self.tick.saturating_add(group.multiple));
        true
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// How many channels there are.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// The windows that ended since this was last asked, oldest first.
    pub fn take(&mut self) -> Vec<Window> {
        self.windows.drain(..).collect()
    }

    fn begin(&mut self, start: u64) {
        self.window_start = start;
        self.ticks = 0;
        self.missed = 0;
        self.late.clear();
        for group in &mut self.groups {
            group.window = GroupWindow::default();
        }
        for channel in &mut self.channels {
            channel.begin();
        }
    }

    fn end(&mut self) {
        let count = self.late.len();
        let late_p99_ns = match count {
            0 => 0,
            _ => *self.late.select_nth_unstable(nearest_rank_99(count)).1,
        };
        self.windows.push_back(Window {
            start_ns: self.window_start,
            end_ns: self.window_start + WINDOW_NS,
            ticks: self.ticks,
            missed: self.missed,
            dropped: 0,
            late_max_ns: self.late.iter().copied().max().unwrap_or(0),
            late_p99_ns,
            groups: self.groups.iter().map(|group| group.window).collect(),
            channels: self.channels.iter_mut().map(Channel::end).collect(),
        });
        if self.windows.len() > MAX_WINDOWS {
            // The next one to be taken tells of those that went before it.
            let lost = self.windows.pop_front().map_or(0, |lost| lost.dropped + 1);
            if let Some(oldest) = self.windows.front_mut() {
                oldest.dropped += lost;
            }
        }
    }
}

/// The place, in their order, of the smallest of `count` numbers that 99 of 100 do not exceed.
fn nearest_rank_99(count: usize) -> usize {
    (99 * count).div_ceil(100) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn folder() -> Folder {
        Folder::new(&[1], &[64], 10 * MS, 0).unwrap()
    }

    /// A value for each tick of 10 ms from 0 on.
    fn run(folder: &mut Folder, values: impl IntoIterator<Item = u64>) {
        for (tick, value) in (0..).zip(values) {
            folder.tick(tick * 10 * MS);
            folder.value(0, tick * 10 * MS, value);
        }
    }

    #[test]
    fn a_window_has_sum_peak_and_percentile() {
        let mut folder = folder();
        // One step of 3,001 among steps of 1.
        run(
            &mut folder,
            (0..=200).map(|tick| tick + if tick > 150 { 3_000 } else { 0 }),
        );
        let windows = folder.take();
        assert_eq!(windows.len(), 2);
        let channel = windows[1].channels[0];
        assert_eq!(channel.increase, 3_100);
        assert_eq!(channel.max_rate, 300_100.0);
        assert_eq!(channel.p99_rate, 100.0);
        assert_eq!(
            (channel.steps, channel.unknown, channel.errors),
            (100, 0, 0)
        );
        assert_eq!((windows[1].ticks, windows[1].missed), (100, 0));
        assert_eq!(windows[0].channels[0].steps, 99);
    }

    #[test]
    fn a_burst_over_a_border_counts_once() {
        let mut folder = folder();
        assert!(folder.set_levels(0, 900, 500));
        // From the 95th tick to the 105th, with a dip to 60 % that does not end it.
        let mut total = 0;
        let values: Vec<u64> = (0..300)
            .map(|tick| {
                total += match tick {
                    100 => 6,
                    95..=105 => 10,
                    _ => 1,
                };
                total
            })
            .collect();
        run(&mut folder, values);
        let windows = folder.take();
        let bursts: Vec<_> = windows
            .iter()
            .map(|window| window.channels[0].bursts)
            .collect();
        assert_eq!(bursts, [1, 0]);
        let above: u64 = windows
            .iter()
            .map(|window| window.channels[0].above_ns)
            .sum();
        assert_eq!(above, 100 * MS);
    }

    #[test]
    fn a_wrap_goes_on_and_a_reset_is_unknown() {
        let mut folder = Folder::new(&[1], &[32], 10 * MS, 0).unwrap();
        let top = u64::from(u32::MAX);
        run(
            &mut folder,
            [top - 10, top - 5, 4].into_iter().chain([4; 98]),
        );
        assert_eq!(folder.take()[0].channels[0].increase, 15);
        let mut folder = Folder::new(&[1], &[32], 10 * MS, 0).unwrap();
        run(
            &mut folder,
            [3_000_000_000, 3_000_000_100, 7, 9]
                .into_iter()
                .chain([9; 97]),
        );
        let channel = folder.take()[0].channels[0];
        assert_eq!((channel.increase, channel.unknown), (102, 1));
    }

    #[test]
    fn late_ticks_are_counted_and_not_made_up() {
        let mut folder = folder();
        folder.tick(0);
        folder.tick(47 * MS);
        assert_eq!(folder.due(), 50 * MS);
        folder.tick(50 * MS);
        folder.tick(1_000 * MS);
        let window = &folder.take()[0];
        assert_eq!((window.ticks, window.missed), (3, 3));
        assert_eq!(window.late_max_ns, 37 * MS);
    }

    #[test]
    fn a_slow_group_has_its_own_period() {
        let mut folder = Folder::new(&[1, 1], &[64, 64], 10 * MS, 0).unwrap();
        assert!(folder.set_multiple(1, 3));
        let mut turns = Vec::new();
        for tick in 0..7 {
            folder.tick(tick * 10 * MS);
            assert!(folder.turn(0));
            turns.push(folder.turn(1));
        }
        assert_eq!(turns, [true, false, false, true, false, false, true]);
        assert!(!folder.set_multiple(2, 1));
    }

    #[test]
    fn windows_that_nobody_takes_are_bounded() {
        let mut folder = folder();
        for second in 0..100 {
            folder.tick(second * WINDOW_NS);
        }
        let windows = folder.take();
        assert_eq!(windows.len(), MAX_WINDOWS);
        assert_eq!(windows[0].dropped, 99 - MAX_WINDOWS as u64);
    }

    #[test]
    fn a_device_that_comes_back_counts_from_there() {
        let mut folder = folder();
        folder.tick(0);
        folder.value(0, 0, 5);
        folder.failed(0, true);
        folder.value(0, 20 * MS, 1 << 60);
        folder.value(0, 30 * MS, (1 << 60) + 1);
        folder.tick(WINDOW_NS);
        assert_eq!(folder.take()[0].channels[0].increase, 1);
    }
}
