"""Steps into one-second windows, in plain Python: the specification of engine/src/fold.rs. Time is an argument.

A step is what a channel counted between two readings of it. It belongs to the window in which it ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

WINDOW_NS = 1_000_000_000
MAX_WINDOWS = 60
"""Windows that wait to be taken; then the oldest goes."""

Number = TypeVar("Number", int, float)

_U64 = (1 << 64) - 1
_SECOND = 1_000_000_000
_SLOW = 1 << 16
"""Counts by which even a counter that hardly moves may go round in one step."""
_BURST = 4
"""How many times its usual increase a counter may move in the step in which it goes round."""
_JITTER = 1000
"""A step back by less than this part of a count is no reset: some counters are sums that are not taken at once."""


class GroupWindow(NamedTuple):
    """What reading one group cost in a window."""

    reads: int
    total_ns: int
    max_ns: int


class ChannelWindow(NamedTuple):
    """One channel in a window. Rates are in counts a second."""

    increase: int
    """What was counted, as far as it is known."""
    max_rate: float
    """The highest rate of one step."""
    p99_rate: float
    """The 99th percentile (nearest rank) of the rates of its steps."""
    above_ns: int
    """How long the steps lasted in which the rate was at the burst level or higher."""
    bursts: int
    """Bursts that began: one begins at the burst level and lasts until the rate is below the calm level."""
    steps: int
    unknown: int
    """Steps over which the counter started anew."""
    errors: int
    """Readings that gave no value."""


class Window(NamedTuple):
    """One second of a reader."""

    start_ns: int
    end_ns: int
    ticks: int
    missed: int
    """Ticks that were due and not carried out, because it was time for the next one. They are not made up."""
    dropped: int
    """Windows before this one that nobody took in time."""
    late_max_ns: int
    """How much later than due a tick began."""
    late_p99_ns: int
    groups: Sequence[GroupWindow]
    channels: Sequence[ChannelWindow]


class _Channel:
    """One channel's last reading, and what its window has so far."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.last: int | None = None
        self.at = 0
        self.usual = 0
        """The largest increase of late: it halves with every step."""
        self.burst_level = self.calm_level = 0
        """In counts a second; no bursts are counted while the first is 0."""
        self.in_burst = False
        self.begin()

    def begin(self) -> None:
        self.increase = self.above_ns = self.bursts = self.unknown = self.errors = 0
        self.rates: list[float] = []

    def window(self) -> ChannelWindow:
        rates = sorted(self.rates)
        return ChannelWindow(
            self.increase,
            rates[-1] if rates else 0.0,
            nearest_rank_99(rates) if rates else 0.0,
            self.above_ns,
            self.bursts,
            len(rates),
            self.unknown,
            self.errors,
        )

    def value(self, at: int, value: int, least_ns: int) -> None:
        if self.bits >= 32 and value == (1 << self.bits) - 1:
            # What a PCI device that fell off its bus reads as.
            self.failed(gone=False)
            return
        last, elapsed = self.last, at - self.at
        if last is None:
            self.last, self.at = value, at
            return
        if elapsed < least_ns:
            # After a tick that was late: over so short a time one packet more or less makes another rate.
            return
        increase = self._increase(last, value)
        self.at = at
        if increase is None:
            self.unknown += 1
            self.last, self.usual = value, 0
            return
        if increase or value >= last:
            self.last = value
        self.usual = max(increase, self.usual // 2)
        self.increase = min(self.increase + increase, _U64)
        self.rates.append(float(increase) * 1e9 / float(elapsed))
        if self.burst_level:
            if increase * _SECOND >= self.burst_level * elapsed:
                self.above_ns += elapsed
                self.bursts += not self.in_burst
                self.in_burst = True
            elif increase * _SECOND < self.calm_level * elapsed:
                self.in_burst = False

    def failed(self, *, gone: bool) -> None:
        self.errors += 1
        if gone:
            # What comes back under this name may be another device: its count is no continuation.
            self.last, self.usual, self.in_burst = None, 0, False

    def _increase(self, last: int, value: int) -> int | None:
        """What was counted from `last` to `value`; None when it started anew in between."""
        if value >= last:
            return value - last
        if self.bits < 64 and last < 1 << self.bits:
            wrapped = value + (1 << self.bits) - last
            slow = min(_SLOW, 1 << max(self.bits - 4, 0))
            if wrapped <= min(max(slow, _BURST * self.usual), 1 << (self.bits - 1)):
                return wrapped
        return 0 if (last - value) * _JITTER < last else None


class Folder:
    """Folds what a reader reads into windows, and says what is to be read when.

    The schedule is absolute: tick n is due at `start` + n periods, however late the ticks before it were.
    """

    def __init__(self, sizes: Sequence[int], bits: Sequence[int], period_ns: int, start: int) -> None:
        """`sizes`: the number of channels of each group; `bits`: the width of each channel's counter.

        Raises ValueError when these do not fit each other, or the period is not from 1 ms to 1 s.
        """
        if sum(sizes) != len(bits) or not all(1 <= width <= 64 for width in bits):
            raise ValueError("each channel needs a width of 1 to 64 bits")
        if not 1_000_000 <= period_ns <= WINDOW_NS:
            raise ValueError("the period must be from 1 ms to 1 s")
        self._channels = [_Channel(width) for width in bits]
        self._multiples = [1] * len(sizes)
        self._turns = [0] * len(sizes)
        """The tick in which each group is to be read next."""
        self._period = period_ns
        self._due = start
        self._tick = 0
        self._next = 0
        self._windows: list[Window] = []
        self._start = start
        self._begin(start)

    def due(self) -> int:
        """When the next tick is due, in monotonic ns."""
        return self._due

    def tick(self, mono: int) -> None:
        """A tick begins at `mono`. Ends the window when its second is over."""
        late = max(mono - self._due, 0)
        skipped = late // self._period
        self._tick = self._next + skipped
        self._next = self._tick + 1
        began = self._start + self._tick * self._period
        self._due = began + self._period
        if began >= self._window_start + WINDOW_NS:
            self._end()
            self._begin(self._window_start + (began - self._window_start) // WINDOW_NS * WINDOW_NS)
        self._ticks += 1
        self._missed += skipped
        self._late.append(late)

    def turn(self, group: int) -> bool:
        """Whether a group is to be read in this tick."""
        if self._tick < self._turns[group]:
            return False
        self._turns[group] = self._tick + self._multiples[group]
        return True

    def read(self, group: int, took_ns: int) -> None:
        """A group was read, which took so long."""
        reads, total, longest = self._groups[group]
        self._groups[group] = GroupWindow(reads + 1, total + took_ns, max(longest, took_ns))

    def value(self, channel: int, mono: int, value: int) -> None:
        """A channel's counter stood at `value` at `mono`.

        What comes less than half a period after the reading before is passed over: the next step is over both.
        """
        self._channels[channel].value(mono, value, self._period // 2)

    def failed(self, channel: int, gone: bool) -> None:
        """A channel had no value. `gone`: nor its device; what comes back may be another one."""
        self._channels[channel].failed(gone=gone)

    def set_levels(self, channel: int, burst: int, calm: int) -> None:
        """At which rate a burst begins, and below which it ends, in counts a second; 0: none are counted.

        Raises IndexError for a channel that is not there.
        """
        known = self._channels[channel]
        known.burst_level, known.calm_level = burst, calm
        known.in_burst = known.in_burst and burst > 0

    def set_multiple(self, group: int, multiple: int) -> None:
        """Read a group in every `multiple`-th tick alone. Raises IndexError for a group that is not there."""
        self._multiples[group] = max(multiple, 1)
        self._turns[group] = min(self._turns[group], self._tick + self._multiples[group])

    def take(self) -> list[Window]:
        """The windows that ended since this was last asked, oldest first."""
        taken, self._windows = self._windows, []
        return taken

    def _begin(self, start: int) -> None:
        self._window_start = start
        self._ticks = self._missed = 0
        self._late: list[int] = []
        self._groups = [GroupWindow(0, 0, 0)] * len(self._turns)
        for channel in self._channels:
            channel.begin()

    def _end(self) -> None:
        late = sorted(self._late)
        window = Window(
            self._window_start,
            self._window_start + WINDOW_NS,
            self._ticks,
            self._missed,
            0,
            late[-1] if late else 0,
            nearest_rank_99(late) if late else 0,
            self._groups,
            [channel.window() for channel in self._channels],
        )
        self._windows.append(window)
        if len(self._windows) > MAX_WINDOWS:
            # The next one to be taken tells of those that went before it.
            lost = self._windows.pop(0)
            self._windows[0] = self._windows[0]._replace(dropped=self._windows[0].dropped + lost.dropped + 1)


def windows(rows: Iterable[Window]) -> list[Window]:
    """What `take` gave, with names: Rust gives plain tuples of the same fields."""
    return [
        Window._make(row)._replace(
            groups=[GroupWindow._make(group) for group in row[7]],
            channels=[ChannelWindow._make(channel) for channel in row[8]],
        )
        for row in rows
    ]


def nearest_rank_99(ordered: Sequence[Number]) -> Number:
    """The smallest of these numbers, in their order, that 99 of 100 do not exceed."""
    return ordered[(99 * len(ordered) + 99) // 100 - 1]
