"""Driver statistics by ioctl: on a veth pair, which has some; without one, as far as it goes."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from probes.engine.statistics import MAX_STATISTICS, Statistics


@pytest.fixture
def veth() -> Iterator[str]:
    """A veth interface, whose first statistic is the index of its peer."""
    name = "fsstat0"
    subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", "fsstat1"], check=True)
    yield name
    subprocess.run(["ip", "link", "del", name], check=True)


def count(interface: str) -> int:
    """How many statistics there are: the number that is not refused."""
    for number in range(1, 1000):
        with closing(Statistics(interface, [0], number)) as statistics:
            if statistics.read() != errno.EBADMSG:
                return number
    raise AssertionError(f"{interface} has no statistics")


@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_statistics_of_an_interface(veth: str) -> None:
    statistics = Statistics(veth, [0, 0], count(veth))
    peer = int(Path(f"/sys/class/net/{veth}/iflink").read_text())
    assert statistics.read() == [peer, peer]
    statistics.close()
    assert statistics.read() == [peer, peer]
    statistics.close()


@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_another_number_of_statistics_is_no_value(veth: str) -> None:
    with closing(Statistics(veth, [0], count(veth) + 1)) as statistics:
        assert statistics.read() == errno.EBADMSG


def test_an_interface_that_is_not_there() -> None:
    statistics = Statistics("fs-none0", [0], 1)
    assert statistics.read() in (errno.ENODEV, errno.EBADMSG)
    statistics.close()
    statistics.close()


@pytest.mark.parametrize("name", ["", "a\0b", "sixteen-letters-"])
def test_names_that_no_interface_has(name: str) -> None:
    with pytest.raises(ValueError, match="no name of an interface"):
        Statistics(name, [], 1)


def test_indexes_that_cannot_be() -> None:
    for indexes, number in (([1], 1), ([-1], 1), ([0], MAX_STATISTICS)):
        with pytest.raises(ValueError, match="index"):
            Statistics("eth0", indexes, number)
