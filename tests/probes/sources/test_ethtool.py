from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import ethtool
from probes.sources.ethtool import CountChangedError, Driver, Ethtool, EthtoolError
from tests.conftest import PATH
from tests.fixtures import ethtool_bytes as eb
from tests.fixtures.ethtool_bytes import FakeKernel, Nic

NIC = Nic("mlx5_core", {"rx_packets": 7, "tx_pause_storm_warning_events ": 1, "rx_bits_phy": (1 << 64) - 1})


def test_who_drives_an_interface() -> None:
    answer = eb.drvinfo("mlx5_core", "28.43.1014 (MT_0000000838)", "0000:17:00.0")
    assert ethtool.parse_driver(answer) == Driver("mlx5_core", "28.43.1014 (MT_0000000838)", "0000:17:00.0")


def test_names_lose_their_padding_and_what_cannot_be_printed() -> None:
    answer = eb.gstrings("rx_packets", "tx_pause_storm_warning_events ", "x" * 40, "bell\a", "")
    assert ethtool.parse_names(answer, 5) == ("rx_packets", "tx_pause_storm_warning_events", "x" * 32, "bell?", "")


def test_only_the_chosen_values_in_the_chosen_order() -> None:
    answer = eb.gstats(10, 11, (1 << 64) - 1, 13)
    assert ethtool.parse_values(answer, 4, [2, 0]) == [(1 << 64) - 1, 10]
    with pytest.raises(IndexError):
        ethtool.parse_values(answer, 4, [4])


@pytest.mark.parametrize(("answer", "count"), [(eb.sset_info(674), 674), (eb.sset_info(9, mask=0), 0)])
def test_how_many_there_are(answer: bytes, count: int) -> None:
    assert ethtool.parse_count(answer) == count


def test_more_statistics_than_any_adapter_has_are_refused() -> None:
    with pytest.raises(EthtoolError, match="16385 statistics, where 16384"):
        ethtool.parse_count(eb.sset_info(ethtool.MAX_STATISTICS + 1))


@pytest.mark.parametrize(
    "parse",
    [
        lambda: ethtool.parse_names(eb.gstrings("a", "b"), 3),
        lambda: ethtool.parse_names(eb.gstrings(), 3),
        lambda: ethtool.parse_values(eb.gstats(1, 2), 3, []),
        lambda: ethtool.parse_values(eb.gstats(), 3, []),
    ],
)
def test_another_number_than_expected_is_an_error_of_its_own(parse: Callable[[], object]) -> None:
    with pytest.raises(CountChangedError, match="where 3 were expected"):
        parse()


@pytest.mark.parametrize(
    "parse",
    [
        lambda: ethtool.parse_driver(eb.drvinfo("x")[:-1]),
        lambda: ethtool.parse_count(b""),
        lambda: ethtool.parse_names(eb.gstrings("a", count=2), 2),
        lambda: ethtool.parse_values(eb.gstats(1, count=2), 2, [1]),
        lambda: ethtool.parse_values(b"123", 0, []),
    ],
)
def test_answers_that_are_cut_off(parse: Callable[[], object]) -> None:
    with pytest.raises(EthtoolError, match="malformed"):
        parse()


@given(st.binary(max_size=300), st.integers(0, 20))
def test_any_bytes_give_a_value_or_a_typed_error(answer: bytes, count: int) -> None:
    for parse in (
        lambda: ethtool.parse_driver(answer),
        lambda: ethtool.parse_count(answer),
        lambda: ethtool.parse_names(answer, count),
        lambda: ethtool.parse_values(answer, count, range(count)),
    ):
        try:
            result = parse()
        except EthtoolError:
            continue
        texts = [result.name] if isinstance(result, Driver) else result if isinstance(result, tuple) else []
        assert all(len(str(text)) <= 32 and str(text).isprintable() for text in texts)


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=1, max_size=31)))
def test_names_and_values_survive_the_way_through_bytes(names: list[str]) -> None:
    values = range(5, 5 + len(names))
    assert ethtool.parse_names(eb.gstrings(*names), len(names)) == tuple(names)
    assert ethtool.parse_values(eb.gstats(*values), len(names), range(len(names))) == list(values)


def test_where_names_stand() -> None:
    assert ethtool.indexes_of(["a", "b", "c", "b"], ["b", "z", "a"]) == {"a": 0, "b": 1}


def test_names_once_and_values_each_time() -> None:
    kernel = FakeKernel({"eth0": NIC})
    tool = Ethtool(kernel)
    names = tool.names("eth0")
    assert names == ("rx_packets", "tx_pause_storm_warning_events", "rx_bits_phy")
    assert [tool.values("eth0", 3, [2, 1]) for _ in range(2)] == [[(1 << 64) - 1, 1]] * 2
    assert kernel.commands("eth0") == [eb.GSSET_INFO, eb.GSTRINGS, eb.GSTATS, eb.GSTATS]


@pytest.mark.parametrize("strict", [False, True])
def test_a_driver_that_has_more_statistics_now(strict: bool) -> None:
    kernel = FakeKernel({"eth0": NIC}, strict=strict)
    tool = Ethtool(kernel)
    tool.names("eth0")
    kernel.nics["eth0"] = Nic("mlx5_core", {**NIC.statistics, "rx_prio3_pause": 4})
    with pytest.raises(CountChangedError):
        tool.values("eth0", 3, [0])
    assert tool.names("eth0")[3] == "rx_prio3_pause"
    assert tool.values("eth0", 4, [3]) == [4]


def test_an_interface_that_is_gone_has_nothing() -> None:
    tool = Ethtool(FakeKernel({"dummy0": Nic("dummy")}))
    assert (tool.driver("eth9"), tool.names("eth9"), tool.values("eth9", 3, [0])) == (None, (), None)
    assert tool.names("dummy0") == ()


def test_a_refusal_names_the_interface_and_why() -> None:
    tool = Ethtool(FakeKernel({"eth0": Nic("mlx5_core", NIC.statistics, fails=errno.EIO)}))
    with pytest.raises(EthtoolError, match="eth0: ethtool: Input/output error") as caught:
        tool.values("eth0", 3, [0])
    assert caught.value.errno == errno.EIO


@pytest.mark.parametrize("name", ["", "a" * 16, "a\0b"])
def test_what_no_interface_is_called(name: str) -> None:
    with pytest.raises(EthtoolError, match="not the name of a network interface"):
        Ethtool(FakeKernel({})).names(name)


ASK_A_VETH = """
import socket
from probes.sources import ethtool
from tests.fixtures.descriptors import open_files

tool = ethtool.Ethtool()
before = len(open_files())
names = tool.names("fs0")
indexes = ethtool.indexes_of(names, ["peer_ifindex", "rx_queue_0_xdp_packets"])
(peer,) = tool.values("fs0", len(names), [indexes["peer_ifindex"]])
print(tool.driver("fs0").name, socket.if_indextoname(peer), len(indexes))
try:
    tool.values("fs0", len(names) + 1, [0])
except ethtool.CountChangedError:
    print("count changed")
print(len(open_files()) - before)
tool.close()
print(len(open_files()) - before, tool.values("fs0", len(names), [0]) is not None)
"""


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace with a pair of interfaces that are each other's cable."""
    name = f"fse-{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "add", "fs0", "type", "veth", "peer", "name", "fs1")
        yield name
    finally:
        run("ip", "netns", "del", name)


def run(*command: str, cwd: Path | None = None) -> str:
    path = {**os.environ, "PATH": PATH}
    return subprocess.run(command, check=True, env=path, capture_output=True, text=True, cwd=cwd).stdout


@pytest.mark.needs_root
@pytest.mark.needs_program("ip", package="iproute2")
def test_a_real_interface(namespace: str, repository: Path) -> None:
    printed = run("ip", "netns", "exec", namespace, sys.executable, "-c", ASK_A_VETH, cwd=repository)
    assert printed.splitlines() == ["veth fs1 2", "count changed", "1", "0 True"]


def test_the_loopback_has_no_statistics_and_an_absent_interface_none_either() -> None:
    tool = Ethtool()
    assert (tool.names("lo"), tool.driver("lo"), tool.names("no-such-if")) == ((), None, ())
    tool.close()
