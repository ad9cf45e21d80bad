from __future__ import annotations

import pytest

from probes.samplers.roce.drivers import DRIVERS
from tests.fixtures.roce_nics import EVERY_DRIVER


@pytest.mark.parametrize("driver", DRIVERS)
def test_no_statistic_stands_twice(driver: str) -> None:
    patterns = [row[0] for row in DRIVERS[driver]]
    assert len(patterns) == len(set(patterns))


@pytest.mark.parametrize("driver", DRIVERS)
def test_two_statistics_of_a_driver_are_never_one_series(driver: str) -> None:
    series = [(metric, *label) for _pattern, metric, *label in DRIVERS[driver]]
    assert len(series) == len(set(series))


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_row_is_a_name_that_the_driver_has(driver: str) -> None:
    names = {name.strip() for name in EVERY_DRIVER[driver]}
    only_with_global_pauses = {"rx_global_pause_duration", "tx_global_pause_duration", "rx_global_pause_transition"}
    for pattern, *_ in DRIVERS[driver]:
        name = pattern.format(priority=0, lane=0, queue=0)
        assert name in names | only_with_global_pauses
