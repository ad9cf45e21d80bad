"""Octets over time, and what repeats in them.

Rust looks for the period with numbers of 32 bits, this with those of 64: strengths agree to some 1e-4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul

from probes.engine.flows.single import single

MAX_BINS = 1024
"""More bins than that make the bins wider."""
BIN_US = 10_000
MIN_BINS = 16
"""Shorter series have nothing that repeats for certain."""
MIN_STRENGTH = 0.3
SIGNIFICANT = 3.0
"""By how many standard deviations of noise the autocorrelation has to stand out."""
NEARLY = 0.8
"""The shortest lag that is nearly as good as the best is the period; the others are multiples of it."""
_U32 = (1 << 32) - 1
_U64 = (1 << 64) - 1


class Series:
    """Octets by time since the first packet, in bins of 10 ms, 20 ms, 40 ms, ...: there are at most `MAX_BINS`."""

    def __init__(self) -> None:
        self._bins: dict[int, int] = {}
        self._doublings = 0

    def add(self, offset_us: int, octets: int) -> None:
        """Octets of a packet."""
        narrow = offset_us // BIN_US
        if narrow >> self._doublings >= MAX_BINS:
            self._widen(narrow)
        index = narrow >> self._doublings
        self._bins[index] = min(self._bins.get(index, 0) + octets, _U32)

    def bin_ns(self) -> int:
        """Width of a bin."""
        return min(BIN_US * 1000 << self._doublings, _U64)

    def dense(self) -> list[int]:
        """Every bin up to the last, the empty ones too."""
        return [self._bins.get(index, 0) for index in range(max(self._bins, default=-1) + 1)]

    def _widen(self, narrow: int) -> None:
        before, more = self._bins, 0
        while narrow >> self._doublings + more >= MAX_BINS:
            more += 1
        self._doublings += more
        self._bins = {}
        for index, octets in before.items():
            wide = index >> more
            self._bins[wide] = min(self._bins.get(wide, 0) + octets, _U32)


def period(bins: Sequence[int]) -> tuple[float, float] | None:
    """The period of a series, in bins, and the autocorrelation (normalised, 0 to 1) at it.

    The series is smoothed by (1, 2, 1) / 4, so that a burst that slips into the next bin still counts, and its mean is
    taken off. Looked at are lags from where the autocorrelation first turns up again to half of the series; of the
    peaks among them that are nearly as high as the highest, the first one is it. None when that is not above 0.3 and
    three standard deviations of noise. The place between bins is the vertex of the parabola through the peak and its
    neighbours.
    """
    count = len(bins)
    if count < MIN_BINS:
        return None
    series = _level(bins)
    squares = [0.0]
    for number in series:
        squares.append(squares[-1] + number * number)
    correlations = [_correlation(series, squares, lag) for lag in range(count // 2 + 2)]
    start = next((lag for lag in range(1, len(correlations)) if correlations[lag] > correlations[lag - 1]), None)
    if start is None:
        return None
    peaks = [
        lag
        for lag in range(max(start, 2), len(correlations) - 1)
        if correlations[lag - 1] < correlations[lag] >= correlations[lag + 1]
    ]
    best = max((correlations[lag] for lag in peaks), default=0.0)
    lag = next((lag for lag in peaks if correlations[lag] >= max(best, 0.0) * NEARLY), None)
    if lag is None:
        return None
    height = correlations[lag]
    if height <= max(MIN_STRENGTH, SIGNIFICANT / math.sqrt(count - lag)):
        return None
    before, after = correlations[lag - 1], correlations[lag + 1]
    bend = before - 2.0 * height + after
    aside = min(max(0.5 * (before - after) / bend, -0.5), 0.5) if bend < 0.0 else 0.0
    return lag + aside, single(min(height, 1.0))


def _level(bins: Sequence[int]) -> list[float]:
    """Smoothed, without its mean, and scaled to at most 1 so that squares stay small."""
    smooth = [
        (before + 2.0 * here + after) / 4.0
        for before, here, after in zip([0, *bins[:-1]], bins, [*bins[1:], 0], strict=True)
    ]
    mean = sum(smooth) / len(smooth)
    largest = max(1.0, *smooth)
    return [(octets - mean) / largest for octets in smooth]


def _correlation(series: Sequence[float], squares: Sequence[float], lag: int) -> float:
    kept = len(series) - lag
    scale = math.sqrt(max(0.0, squares[kept] * (squares[-1] - squares[lag])))
    # A series without change has nothing that could repeat.
    return sum(map(mul, series[:kept], series[lag:])) / scale if scale > 1e-9 else 0.0
