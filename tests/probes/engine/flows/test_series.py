from __future__ import annotations

import math

from probes.engine.flows.series import MAX_BINS, Series, period


def test_bins_become_wider() -> None:
    series = Series()
    series.add(0, 1)
    series.add(10_000, 2)
    assert series.dense() == [1, 2]
    series.add(MAX_BINS * 10_000, 4)
    assert (series.bin_ns(), series.dense()[:2], len(series.dense())) == (20_000_000, [3, 0], 513)
    series.add(1 << 50, 1)
    assert len(series.dense()) <= MAX_BINS


def test_what_repeats_is_found_and_nothing_else() -> None:
    found = period([1000 if at % 10 == 0 else 0 for at in range(200)])
    assert found is not None
    assert math.isclose(found[0], 10, abs_tol=0.1)
    assert found[1] > 0.9
    assert period([5] * 200) is None
    assert period([1, 0] * 7) is None
    assert period(list(range(100))) is None
