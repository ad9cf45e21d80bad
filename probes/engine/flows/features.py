"""How a flow behaves: sizes, gaps, bursts and a series of octets over time, bounded in memory.

- Times are taken in whole microseconds since 1970 for gaps, in ns for everything else. A packet that is older than the
  one before it has a gap of 0.
- There is a series from the 17th packet on, or sooner when one of the first 16 is older than the first, more than 2^32
  microseconds later, or has 32 KiB or more.
"""

from __future__ import annotations

from fabricscope.flow import Features
from probes.engine.flows.series import Series, period

EARLY = 16
"""Packets after which there is a series."""
EARLY_OCTETS = 1 << 15
SIZES = 16
GAPS = 32
RUN_NS = 1_000_000
"""Two packets with less than that between them belong to one run."""
_U64 = (1 << 64) - 1
_U32 = (1 << 32) - 1


class FeatureState:
    """What is kept of a flow's behaviour while it goes on."""

    __slots__ = (
        "_burst_octets",
        "_bursts",
        "_busy_ns",
        "_early",
        "_gaps",
        "_run",
        "_run_octets",
        "_series",
        "_sizes",
        "first_ns",
        "last",
    )

    def __init__(self) -> None:
        self.first_ns = 0
        """When the packet that was observed first was seen; 0 when there was none."""
        self.last: list[int | None] = [None, None]
        """When the last packet of each way was seen."""
        self._sizes = ([0] * SIZES, [0] * SIZES)
        self._gaps = ([0] * GAPS, [0] * GAPS)
        self._run = 0
        """Packets of the last run: 0, 1 or more."""
        self._run_octets = 0
        self._bursts = 0
        self._burst_octets = 0
        self._busy_ns = 0
        self._early: list[tuple[int, int]] = []
        """Microseconds since the first packet, and octets."""
        self._series: Series | None = None

    def observe(self, forward: bool, time_ns: int, wire_octets: int) -> None:
        """A packet, towards the destination or back."""
        latest = self.latest_ns()
        if latest is None:
            self.first_ns = time_ns
        self._follow_run(time_ns, latest, wire_octets)
        way = 0 if forward else 1
        last = self.last[way]
        sizes = self._sizes[way]
        sizes[min(wire_octets.bit_length(), SIZES - 1)] += 1
        if last is not None:
            gap = max(0, time_ns // 1000 - last // 1000)
            self._gaps[way][min(gap.bit_length(), GAPS - 1)] += 1
        offset = time_ns // 1000 - self.first_ns // 1000
        if self._series is None:
            if 0 <= offset <= _U32 and wire_octets < EARLY_OCTETS and len(self._early) < EARLY:
                self._early.append((offset, wire_octets))
            else:
                self._series = Series()
                for early in self._early:
                    self._series.add(*early)
        if self._series is not None:
            self._series.add(max(0, offset), wire_octets)
        self.last[way] = time_ns if last is None else max(last, time_ns)

    def latest_ns(self) -> int | None:
        """When the last packet was seen."""
        forward, reverse = self.last
        if forward is None or reverse is None:
            return reverse if forward is None else forward
        return max(forward, reverse)

    def finish(self, *, turned: bool = False) -> Features:
        """What it comes to; `turned` when its forward is the record's reverse."""
        bin_ns, bins = (self._series.bin_ns(), self._series.dense()) if self._series else (0, [])
        found = period(bins)
        forward, reverse = (1, 0) if turned else (0, 1)
        return Features(
            _trimmed(self._sizes[forward]),
            _trimmed(self._sizes[reverse]),
            _trimmed(self._gaps[forward]),
            _trimmed(self._gaps[reverse]),
            self._bursts,
            self._burst_octets,
            self._busy_ns,
            bin_ns,
            bins,
            int(found[0] * bin_ns) if found else 0,
            found[1] if found else 0.0,
        )

    def _follow_run(self, time_ns: int, latest: int | None, wire_octets: int) -> None:
        """Runs go over both ways; a packet alone is none."""
        gap = max(0, time_ns - (latest or 0))
        if gap >= RUN_NS or self._run == 0:
            self._run = 1
            self._run_octets = wire_octets
            return
        if self._run == 1:
            self._run = 2
            self._bursts += 1
        self._run_octets += wire_octets
        self._burst_octets = max(self._burst_octets, self._run_octets)
        self._busy_ns = min(self._busy_ns + gap, _U64)


def _trimmed(bins: list[int]) -> list[int]:
    """Without the empty bins at the end."""
    end = len(bins)
    while end and not bins[end - 1]:
        end -= 1
    return bins[:end]
