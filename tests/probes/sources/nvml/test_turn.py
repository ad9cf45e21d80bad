from __future__ import annotations

import threading

import pytest

from probes.sources.nvml.errors import NotNow
from probes.sources.nvml.turn import turn
from tests.fixtures.nvml.stub import Clock


def test_a_turn_ends_also_when_it_fails() -> None:
    lock, clock = threading.Lock(), Clock()
    with pytest.raises(RuntimeError, match="True"), turn(lock, clock.mono, clock, NotNow):
        raise RuntimeError(lock.locked())
    assert not lock.locked()


def test_one_that_is_not_to_be_had_is_said_to_be_busy_and_stays_the_others() -> None:
    lock, clock = threading.Lock(), Clock()
    with lock:
        for until in (0, clock.mono, clock.mono + 1000):
            with pytest.raises(NotNow, match="busy with another"), turn(lock, until, clock, NotNow):
                pass
        assert lock.locked()
