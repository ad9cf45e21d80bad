"""Raw device counters in, monotone u64 counters with a quality out.

Device counters are 4 to 64 bits wide; some wrap, some stop at their ceiling, all can be reset by a
driver reload or an operator. What is passed on only grows, and says what it is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fabricscope.model import Kind, MetricSpec, Now, Overflow, Quality, Reading, Series

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


_MOVES = float("nan")
"""In place of the count of a counter that has not come to rest: equal to nothing."""


class _Fall(NamedTuple):
    """What was known of a counter before it fell, in case it was only misread."""

    raw: int
    total: int
    usual: int
    until: int
    """When it is too late for it to be back (monotonic ns)."""


class _Track:
    """What is known of one device counter."""

    __slots__ = ("below", "fall", "raw", "read", "scale", "seen", "shown", "step", "still", "total", "usual")

    def __init__(self, spec: MetricSpec, now: int) -> None:
        self.raw = -1
        """The device's last count; -1 until there was one."""
        self.total = 0
        """What it counted since it was first seen, and what stood there then."""
        self.read = self.seen = now
        """When it last had a value, and was last reported at all (monotonic ns); not kept up while it is at hand."""
        self.step = 0
        """Time between the last two values, in ns."""
        self.usual = 0
        """The largest increase in such a step of late."""
        self.fall: _Fall | None = None
        self.scale = spec.scale
        self.below = (1 << spec.bits) - 1
        """Values under this one are not its ceiling."""
        self.still: int | float = _MOVES
        """The count at which it has come to rest, or _MOVES. One that rests was read in the last sample."""
        self.shown = 0
        """What is passed on while it rests."""

    @property
    def rests(self) -> bool:
        """Whether it has come to rest."""
        return self.still is not _MOVES


class CounterTracks:
    """Follows every counter of one sampler across its samples."""

    def __init__(self) -> None:
        self._tracks: dict[Series, _Track] = {}
        self._specs: tuple[MetricSpec, ...] = ()
        self._labels: tuple[tuple[str, ...], ...] = ()
        """Spec and labels of each reading of the last sample: most samples repeat them, and nothing is looked up."""
        self._row: list[_Track | None] = []
        """The tracks of those readings, None for gauges."""
        self._applied = 0
        """When the last sample was taken (monotonic ns)."""
        self.resets = self.wraps = 0
        """Counters that started anew, and that went round, in the last sample."""

    def apply(self, readings: Iterable[Reading], now: Now) -> list[Reading]:
        """The readings with each counter monotone and scaled; gauges pass unchanged.

        A counter without a usable value keeps its last one, as UNREADABLE or whatever the sampler said.
        """
        rows = list(readings)
        self.resets = self.wraps = 0
        specs, labels, values, qualities = zip(*rows, strict=True) if rows else ((), (), (), ())
        if specs != self._specs or labels != self._labels:
            self._align(rows, specs, labels, now.mono)
        mono, before, good = now.mono, self._applied, Quality.OK
        others = []
        for place, (value, quality, track) in enumerate(zip(values, qualities, self._row, strict=True)):
            if track is None:
                continue
            if value == track.still and quality is good:
                # Nearly all counters of nearly all samples: it stands where it stood.
                if value != track.shown:
                    rows[place] = Reading(specs[place], labels[place], track.shown)
            elif (
                type(value) is int and quality is good and track.fall is None and 0 <= track.raw <= value < track.below
            ):
                increase, usual = value - track.raw, track.usual >> 1
                track.total += increase
                track.usual = max(usual, increase)
                track.step = mono - (before if track.rests else track.read)
                track.raw, track.read = value, mono
                track.still = _MOVES if track.usual else value
                shown = track.total * track.scale
                track.shown = min(U64, shown)
                if value != shown:
                    rows[place] = Reading(specs[place], labels[place], track.shown)
            else:
                others.append((place, rows[place], track))
        restarted = _restarted_devices(others)
        for place, row, track in others:
            if track.rests:
                track.read = before
            rows[place] = self._follow(row, track, restarted, mono)
        self._applied = mono
        if len(self._tracks) > len(rows):
            self._forget(mono, len(rows))
        return rows

    def _align(
        self,
        rows: Sequence[Reading],
        specs: tuple[MetricSpec, ...],
        labels: tuple[tuple[str, ...], ...],
        now: int,
    ) -> None:
        """Find the track of each counter, or begin one."""
        for track in self._row:
            if track is not None:
                # It may not be in the next sample.
                track.seen = self._applied
                track.read = self._applied if track.rests else track.read
                track.still = _MOVES
        self._specs, self._labels = specs, labels
        self._row = [
            None if row.spec.kind is Kind.GAUGE else self._tracks.setdefault(row.series, _Track(row.spec, now))
            for row in rows
        ]

    def _follow(self, row: Reading, track: _Track, restarted: set[str], now: int) -> Reading:
        spec, labels, _, quality = row
        raw = _raw(row)
        track.still = _MOVES
        if raw is None:
            known = None if track.raw < 0 else _scaled(spec, track.total)
            return Reading(spec, labels, known, Quality.UNREADABLE if quality.has_value else quality)
        if track.raw < 0:
            track.raw = track.total = raw
            track.read = now
        else:
            before = track.raw
            if _advance(track, spec, raw, now, restarted=bool(labels) and labels[0] in restarted):
                quality = Quality.RESET
                self.resets += 1
            elif track.raw < before:
                self.wraps += 1
        if spec.overflow is Overflow.SATURATES and raw == (1 << spec.bits) - 1:
            quality = Quality.SATURATED
        return Reading(spec, labels, _scaled(spec, track.total), quality)

    def _forget(self, now: int, present: int) -> None:
        """Drop what is gone for good, and the longest gone when much is."""
        for track in self._row:
            if track is not None:
                track.seen = now
        kept = sorted(self._tracks.items(), key=lambda item: now - item[1].seen)[: present + MAX_ABSENT]
        self._tracks = {series: track for series, track in kept if now - track.seen < FORGET_AFTER_NS}


def _restarted_devices(others: Iterable[tuple[int, Reading, _Track]]) -> set[str]:
    """Devices (first label) of which a counter fell that cannot wrap: all their counters restarted."""
    found = set()
    for _, row, track in others:
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


def _scaled(spec: MetricSpec, total: int) -> int:
    # A u64 that is used up stays at its end, since to go round would be to fall.
    return min(total * spec.scale, U64)


def _advance(track: _Track, spec: MetricSpec, raw: int, now: int, *, restarted: bool) -> bool:
    """Take the next value; whether the counter started anew since the last."""
    elapsed = now - track.read
    _undo_fall(track, raw, now)
    increase = raw - track.raw
    reset = False
    if increase < 0:
        wrapped = increase + (1 << spec.bits)
        if not restarted and _is_wrap(spec, wrapped, track, elapsed):
            increase = wrapped
        elif _is_jitter(track, raw):
            # Nothing counts until it has passed where it stood.
            increase, raw = 0, track.raw
        else:
            reset = True
            track.fall = track.fall or _Fall(track.raw, track.total, track.usual, now + _RETURNS * elapsed)
            # What was counted before a reset is unknown; what was counted since is at least what stands there.
            increase = raw
    track.total += increase
    if reset:
        track.usual = track.step = 0
    else:
        track.usual = max(increase, track.usual // 2)
        track.step = elapsed
    track.raw, track.read = raw, now
    return reset


def _is_jitter(track: _Track, raw: int) -> bool:
    return 0 < (track.raw - raw) * _JITTER < track.raw


def _undo_fall(track: _Track, raw: int, now: int) -> None:
    """Go on from where a counter stood before it fell, when it is back there by more than it can have counted since.

    Then it was misread, and to count its whole value again would invent it.
    """
    fall = track.fall
    if fall is None:
        return
    if now > fall.until:
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
