from __future__ import annotations

import pytest

from probes.sources.nvml.opening import (
    LATE_NS,
    LATE_PER_GPU_NS,
    LOOK_NS,
    MAX_LATE_NS,
    OPEN_GPU_NS,
    OPEN_NS,
    Opening,
)
from probes.sources.nvml.wire import OPENING, READY


@pytest.mark.parametrize(
    ("gpus", "late"), [(0, LATE_NS), (8, LATE_NS + 8 * LATE_PER_GPU_NS), (64, MAX_LATE_NS), (10**6, MAX_LATE_NS)]
)
def test_a_start_that_is_in_no_gpu_may_take_longer_the_more_there_are(gpus: int, late: int) -> None:
    opening = Opening(7, gpus)
    assert opening.look(OPENING, 7) == 7 + LOOK_NS
    assert opening.look(OPENING, 7 + late - 1) == 7 + late
    assert (opening.gpu, opening.late_at) == (None, 7 + late)
    assert not opening.late(7 + late - 1)
    assert opening.late(7 + late)
    assert not opening.over(7 + OPEN_NS - 1)
    assert opening.over(7 + OPEN_NS)
    assert late < OPEN_NS


def test_a_start_that_goes_on_is_not_late_however_long_it_is() -> None:
    opening, now = Opening(0, 16), 0
    for gpu in range(16):
        now += LATE_NS - 1
        assert not opening.late(now)
        opening.look(gpu, now)
        assert opening.gpu == gpu
    assert not opening.late(now + LATE_NS - 1)
    assert opening.late(now + LATE_NS)
    assert not opening.over(now + OPEN_GPU_NS - 1)
    assert opening.over(now + OPEN_GPU_NS)


def test_one_that_is_ready_to_speak_is_in_no_gpu() -> None:
    opening = Opening(0, 1)
    opening.look(0, 1)
    opening.look(READY, 2)
    assert (opening.gpu, opening.late_at) == (None, 2 + LATE_NS + LATE_PER_GPU_NS)
