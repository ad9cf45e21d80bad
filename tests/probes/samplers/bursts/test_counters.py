from __future__ import annotations

import pytest

from probes.samplers.bursts.counters import HARDWARE, NETDEV, PORT, STATISTICS, Unit


def test_columns_are_those_of_the_kernels_headings() -> None:
    # net/core/net-procfs.c: dev_seq_show.
    receive = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
    transmit = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")
    headings = [f"rx_{name}" for name in receive] + [f"tx_{name}" for name in transmit]
    for counter, column in NETDEV.items():
        assert headings[column] == counter.name.replace("dropped", "drop")


@pytest.mark.parametrize("driver", STATISTICS)
def test_each_name_stands_once(driver: str) -> None:
    names = [counter.name for counter in STATISTICS[driver]]
    assert len(set(names)) == len(names)


def test_traffic_has_a_direction_and_nothing_else_has() -> None:
    every = [*NETDEV, *PORT, *HARDWARE, *(counter for row in STATISTICS.values() for counter in row)]
    for counter in every:
        assert bool(counter.direction) == (counter.unit in (Unit.BYTES, Unit.PACKETS)), counter


def test_data_counters_of_ports_are_words() -> None:
    assert {counter.name for counter in PORT if counter.scale == 4} == {"port_rcv_data", "port_xmit_data"}
