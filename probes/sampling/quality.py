"""Raw device counters in, monotone u64 counters with a quality out.

Device counters are 4 to 64 bits wide; some wrap, some stop at their ceiling, all can be reset by a
driver reload or an operator. What is passed on only grows, and says what it is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


class _Track:
    """What is known of one device counter."""

    __slots__ = ("raw", "read", "seen", "step", "total", "usual")

    def __init__(self, raw: int, now: int) -> None:
        self.raw = raw
        self.total = raw
        self.read = self.seen = now
        """When it last had a value, and when it was last reported at all (monotonic ns)."""
        self.step = 0
        """Time between the last two values, in ns."""
        self.usual = 0
        """The largest increase in such a step of late."""


class CounterTracks:
    """Follows every counter of one sampler across its samples."""

    def __init__(self) -> None:
        self._tracks: dict[Series, _Track] = {}

    def apply(self, readings: Iterable[Reading], now: Now) -> list[Reading]:
        """The readings with each counter monotone and scaled; gauges pass unchanged.

        A counter without a usable value keeps its last one, as UNREADABLE or whatever the sampler said.
        """
        rows = list(readings)
        restarted = self._restarted_devices(rows)
        result = [row if row.spec.kind is Kind.GAUGE else self._follow(row, restarted, now.mono) for row in rows]
        if len(self._tracks) > len(rows):
            self._forget(now.mono, len(rows))
        return result

    def _restarted_devices(self, rows: Sequence[Reading]) -> set[str]:
        """Devices (first label) of which a counter fell that cannot wrap: all their counters restarted."""
        found = set()
        for row in rows:
            spec = row.spec
            if spec.kind is Kind.GAUGE or not row.labels or (spec.bits < 64 and spec.overflow is Overflow.WRAPS):
                continue
            raw, track = _raw(row), self._tracks.get(row.series)
            if raw is not None and track is not None and raw < track.raw:
                found.add(row.labels[0])
        return found

    def _follow(self, row: Reading, restarted: set[str], now: int) -> Reading:
        spec, labels, _, quality = row
        raw, track = _raw(row), self._tracks.get(row.series)
        if raw is None:
            if track is not None:
                track.seen = now
            known = None if track is None else _scaled(spec, track.total)
            return Reading(spec, labels, known, Quality.UNREADABLE if quality.has_value else quality)
        if track is None:
            self._tracks[row.series] = track = _Track(raw, now)
        elif _advance(track, spec, raw, now, restarted=bool(labels) and labels[0] in restarted):
            quality = Quality.RESET
        if spec.overflow is Overflow.SATURATES and raw == (1 << spec.bits) - 1:
            quality = Quality.SATURATED
        return Reading(spec, labels, _scaled(spec, track.total), quality)

    def _forget(self, now: int, present: int) -> None:
        """Drop what is gone for good, and the longest gone when much is."""
        kept = sorted(self._tracks.items(), key=lambda item: now - item[1].seen)[: present + MAX_ABSENT]
        self._tracks = {series: track for series, track in kept if now - track.seen < FORGET_AFTER_NS}


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
    increase = raw - track.raw
    reset = False
    if increase < 0:
        wrapped = increase + (1 << spec.bits)
        reset = restarted or not _is_wrap(spec, wrapped, track, elapsed)
        # What was counted before a reset is unknown; what was counted since is at least what stands there.
        increase = raw if reset else wrapped
    track.total += increase
    if reset:
        track.usual = track.step = 0
    else:
        track.usual = max(increase, track.usual // 2)
        track.step = elapsed
    track.raw, track.read, track.seen = raw, now, now
    return reset


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
