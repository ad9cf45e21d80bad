"""A straight line through points, and whether it says anything. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isfinite, sqrt
from typing import NamedTuple

SIGNIFICANT = 4.0
"""A slope counts when it is this many times its standard error: then chance alone gives it once in 10,000."""


class Line(NamedTuple):
    """A fitted line through (x, y)."""

    slope: float
    middle_x: float
    middle_y: float
    error: float
    """Standard error of the slope."""

    @property
    def significant(self) -> bool:
        """Whether the slope is more than noise."""
        return self.slope != 0 and abs(self.slope) >= SIGNIFICANT * self.error

    def at(self, x: float) -> float:
        """The line's y."""
        return self.middle_y + self.slope * (x - self.middle_x)

    def reaches(self, y: float) -> float | None:
        """The x at which the line has `y`; None for a level line."""
        if self.slope == 0:
            return None
        x = self.middle_x + (y - self.middle_y) / self.slope
        return x if isfinite(x) else None


def fitted(points: Sequence[tuple[float, float]]) -> Line | None:
    """The line of least squares; None for fewer than three points, or points of one x."""
    try:
        return _fitted(points) if len(points) >= 3 else None
    except (OverflowError, ValueError):  # numbers of which no sum can be made
        return None


def _fitted(points: Sequence[tuple[float, float]]) -> Line | None:
    count = len(points)
    middle_x = fsum(x for x, _ in points) / count
    middle_y = fsum(y for _, y in points) / count
    spread = fsum((x - middle_x) ** 2 for x, _ in points)
    if spread <= 0 or not isfinite(spread):
        return None
    slope = fsum((x - middle_x) * (y - middle_y) for x, y in points) / spread
    rest = fsum((y - middle_y - slope * (x - middle_x)) ** 2 for x, y in points)
    error = sqrt(rest / (count - 2) / spread)
    if not isfinite(slope) or not isfinite(error):
        return None
    return Line(slope, middle_x, middle_y, error)
