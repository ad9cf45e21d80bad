"""The one clock that is read."""

from __future__ import annotations

import time

from fabricscope.clock import NANOSECONDS, system_clock


def test_is_between_two_looks_at_the_systems_own_clocks() -> None:
    before = time.time_ns(), time.monotonic_ns()
    now = system_clock()
    assert before[1] <= now.mono <= time.monotonic_ns()
    assert abs(now.wall - before[0]) < 3600 * NANOSECONDS
