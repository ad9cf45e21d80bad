"""One sampler's readings in, columns out, its counters made monotone: the specification of engine/src/follow.rs.

Device counters are 4 to 64 bits wide; some wrap, some stop at their ceiling, all can be reset by a
driver reload or an operator. What is passed on only grows, and says what it is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fabricscope.model import Kind, MetricSpec, Overflow, Quality, Reading, Series

U64 = (1 << 64) - 1

FORGET_AFTER_NS = 3600 * 1_000_000_000
"""A series that was not seen for this long starts anew when it comes back."""
MAX_ABSENT = 10_000
"""Series that are remembered although the last sample did not have them."""

_SLOW = 1 << 16
"""Counts by which even a counter that hardly moves may go round between two samples."""
_BURST = 4
"""How many times its usual increase a counter may move in the step in which it goes round."""
_JITTER = 1000
"""A step back by less than this part of a count is no reset: some counters are sums that are not taken at once."""
_RETURNS = 3
"""A counter that was misread is back after so many times the step in which it fell, or it did start anew."""

Followed = tuple[list[int], list[float], bytes, list[int], int, int]
"""Counters, gauges and qualities as a SampleBatch has them; the columns of what has no value, and stands there as 0;
how many counters started anew, and how many went round. A list that has not changed may be the one of the last sample:
they are not to be written to."""


class _Fall(NamedTuple):
    """What was known of a counter before it fell, in case it was only misread."""

    raw: int
    total: int
    usual: int
    until: int
    """When it is too late for it to be back (monotonic ns)."""


class _Track:
    """What is known of one device counter."""

    __slots__ = ("ceiling", "fall", "raw", "read", "scale", "seen", "step", "total", "usual")

    def __init__(self, spec: MetricSpec, mono: int) -> None:
        self.raw = -1
        """The device's last count; -1 until there was one."""
        self.total = 0
        """What it counted since it was first seen, and what stood there then."""
        self.read = mono
        """When it last had a value (monotonic ns)."""
        self.seen = mono
        """When it was last reported at all; not kept up while it is at hand."""
        self.step = 0
        """Time between the last two values, in ns."""
        self.usual = 0
        """The largest increase in such a step of late."""
        self.fall: _Fall | None = None
        self.scale = spec.scale
        self.ceiling = (1 << spec.bits) - 1

    def shown(self) -> int:
        """What is passed on. A u64 that is used up stays at its end, since to go round would be to fall."""
        return min(self.total * self.scale, U64)


class _Odd(NamedTuple):
    """A reading of a counter that may need more than to be added."""

    place: int
    row: Reading
    track: _Track


class Follower:
    """Follows every counter of one sampler across its samples, and puts what is passed on into columns."""

    def __init__(self, max_absent: int = MAX_ABSENT) -> None:
        """`max_absent` series are remembered although the last sample did not have them."""
        self._max_absent = max_absent
        self._shape: tuple[tuple[MetricSpec, ...], tuple[tuple[str, ...], ...]] | None = None
        """Spec and labels of each reading of a sample: most samples repeat them, and nothing is looked up."""
        self._order: Sequence[int] = ()
        self._counters: list[tuple[int, _Track]] = []
        """Places of the counters among the readings."""
        self._absent: dict[Series, _Track] = {}
        self._applied = 0
        """When the last sample was taken (monotonic ns)."""

    def begin(self, readings: Sequence[Reading], order: Sequence[int], mono: int) -> None:
        """Samples have these series from now on, each once; what is known of counters among them lives on.

        `order` says which reading stands in each column, counters first. Nothing is followed yet.
        """
        here: dict[Series, _Track] = {}
        if self._shape is not None:
            specs, labels = self._shape
            here = {Series(specs[place], labels[place]): track for place, track in self._counters}
        for track in here.values():
            track.seen = self._applied
        known = {series: track for series, track in self._absent.items() if mono - track.seen < FORGET_AFTER_NS} | here
        self._shape = tuple(row.spec for row in readings), tuple(row.labels for row in readings)
        self._order = order
        self._counters = [
            (place, known.pop(row.series) if row.series in known else _Track(row.spec, mono))
            for place, row in enumerate(readings)
            if row.spec.kind is Kind.COUNTER
        ]
        longest_gone = sorted(known.items(), key=lambda item: item[1].seen)
        self._absent = dict(longest_gone[max(len(known) - self._max_absent, 0) :])

    def follow(self, readings: Sequence[object], mono: int) -> Followed | None:
        """The columns of a sample, each counter monotone and scaled.

        None, and nothing is done, when its series are not those of `begin` in their order, or there are events in it.
        A counter without a usable value keeps its last one, as UNREADABLE or whatever the sampler said. Raises what
        `float` does for a gauge that is no number.
        """
        rows = [row for row in readings if isinstance(row, Reading)]
        specs, labels, raws, said = zip(*rows, strict=True) if rows else ((), (), (), ())
        if len(rows) < len(readings) or (specs, labels) != self._shape:
            return None
        values = list(raws)
        qualities = [
            Quality.UNREADABLE if raw is None and quality.has_value else quality
            for raw, quality in zip(raws, said, strict=True)
        ]
        odd = []
        for place, track in self._counters:
            raw = raws[place]
            if (
                type(raw) is int
                and said[place] is Quality.OK
                and track.fall is None
                and 0 <= track.raw <= raw < track.ceiling
            ):
                # Nearly all counters of nearly all samples.
                _add(track, raw, raw - track.raw, mono)
                values[place] = track.shown()
            else:
                odd.append(_Odd(place, rows[place], track))
        self._resets = self._wraps = 0
        restarted = _restarted_devices(odd)
        for each in odd:
            values[each.place], qualities[each.place] = self._judge(each, restarted, mono)
        self._applied = mono
        return self._packed(values, qualities)

    def _judge(self, odd: _Odd, restarted: set[str], mono: int) -> tuple[int | None, Quality]:
        """The value and the quality that are passed on."""
        (spec, labels, _, quality), track = odd.row, odd.track
        raw = _raw(odd.row)
        if raw is None:
            return None if track.raw < 0 else track.shown(), Quality.UNREADABLE if quality.has_value else quality
        if track.raw < 0:
            track.raw = track.total = raw
            track.read = mono
        else:
            before = track.raw
            if _advance(track, spec, raw, mono, restarted=bool(labels) and labels[0] in restarted):
                quality = Quality.RESET
                self._resets += 1
            elif track.raw < before:
                self._wraps += 1
        if spec.overflow is Overflow.SATURATES and raw == track.ceiling:
            quality = Quality.SATURATED
        return track.shown(), quality

    def _packed(self, values: Sequence[int | float | None], qualities: Sequence[Quality]) -> Followed:
        split = len(self._counters)
        unknown = [column for column, place in enumerate(self._order) if values[place] is None]
        filled = [0 if value is None else value for value in values]
        counters = [int(filled[place]) for place in self._order[:split]]
        gauges = [float(filled[place]) for place in self._order[split:]]
        octets = b"" if set(qualities) <= {Quality.OK} else bytes(qualities[place] for place in self._order)
        return counters, gauges, octets, unknown, self._resets, self._wraps


def _restarted_devices(odd: Iterable[_Odd]) -> set[str]:
    """Devices (first label) of which a counter fell that cannot wrap: all their counters restarted."""
    found = set()
    for _, row, track in odd:
        spec = row.spec
        if not row.labels or (spec.bits < 64 and spec.overflow is Overflow.WRAPS):
            continue
        raw = _raw(row)
        if raw is not None and raw < track.raw and not _is_jitter(track, raw):
            found.add(row.labels[0])
    return found


def _raw(row: Reading) -> int | None:
    """The device's count; None when there is none that can be one."""
    spec, value = row.spec, row.value
    if value is None or not row.quality.has_value or not 0 <= value <= U64:
        return None
    # A PCI device that fell off its bus reads as all ones. A real counter stands there for one moment in
    # four billion; one that saturates stands there for good.
    if value == (1 << spec.bits) - 1 and spec.bits >= 32 and spec.overflow is Overflow.WRAPS:
        return None
    return int(value)


def _add(track: _Track, raw: int, increase: int, mono: int) -> None:
    """Count a step to `raw`."""
    track.total += increase
    track.usual = max(increase, track.usual // 2)
    track.step = mono - track.read
    track.raw, track.read = raw, mono


def _advance(track: _Track, spec: MetricSpec, raw: int, mono: int, *, restarted: bool) -> bool:
    """Take the next value; whether the counter started anew since the last."""
    elapsed = mono - track.read
    _undo_fall(track, raw, mono)
    increase = raw - track.raw
    if increase < 0:
        wrapped = increase + (1 << spec.bits)
        if not restarted and _is_wrap(spec, wrapped, track, elapsed):
            increase = wrapped
        elif _is_jitter(track, raw):
            # Nothing counts until it has passed where it stood.
            increase, raw = 0, track.raw
        else:
            track.fall = track.fall or _Fall(track.raw, track.total, track.usual, mono + _RETURNS * elapsed)
            # What was counted before a reset is unknown; what was counted since is at least what stands there.
            _add(track, raw, raw, mono)
            track.usual = track.step = 0
            return True
    _add(track, raw, increase, mono)
    return False


def _is_jitter(track: _Track, raw: int) -> bool:
    return 0 < (track.raw - raw) * _JITTER < track.raw


def _undo_fall(track: _Track, raw: int, mono: int) -> None:
    """Go on from where a counter stood before it fell, when it is back there by more than it can have counted since.

    Then it was misread, and to count its whole value again would invent it.
    """
    fall = track.fall
    if fall is None:
        return
    if mono > fall.until:
        track.fall = None
    elif raw >= fall.raw and raw - track.raw > _BURST * fall.usual:
        track.fall = None
        track.usual = fall.usual
        # What was passed on meanwhile cannot be taken back.
        track.raw = min(raw, fall.raw + track.total - fall.total)


def _is_wrap(spec: MetricSpec, wrapped: int, track: _Track, elapsed: int) -> bool:
    """Whether a fall is the counter going round rather than starting anew.

    Going round must fit how this counter has been moving, for to take a reset as a wrap would invent
    billions of errors. After a gap nothing is known of how it moved.
    """
    if spec.overflow is not Overflow.WRAPS or spec.bits >= 64 or wrapped < 0:
        return False
    plausible = min(_SLOW, 1 << max(spec.bits - 4, 0))
    if elapsed <= 3 * track.step:
        plausible = max(plausible, _BURST * track.usual)
    return wrapped <= min(plausible, 1 << (spec.bits - 1))
