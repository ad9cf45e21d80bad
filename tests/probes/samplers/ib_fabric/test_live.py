"""The sampler with the real tools, on a subnet that ibsim simulates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fabricscope.clock import system_clock
from fabricscope.model import Event, Now, Quality, Reading
from probes.samplers.ib_fabric import IbFabricSampler, IbFabricSettings
from probes.sampling.pipeline import Pipeline
from probes.sampling.sampler import Roots
from probes.sources.ib_tools import perfquery
from probes.sources.ib_tools.runner import Runner, found
from tests.fixtures import ib_subnet
from tests.fixtures.ib_subnet import HOST2, LEAF1, LEAF2, SPINE, Subnet

pytestmark = [
    pytest.mark.needs_program("ibsim", package="ibsim-utils"),
    pytest.mark.needs_program("opensm", package="opensm"),
    pytest.mark.needs_program("ibnetdiscover", package="infiniband-diags"),
    pytest.mark.needs_program("perfquery", package="infiniband-diags"),
    pytest.mark.xdist_group("ibsim"),
]
MINUTE = 60 * 10**9


def guid(node: str) -> str:
    return f"0x{node.partition('-')[2]}"


@pytest.fixture(scope="module")
def subnet() -> Iterator[Subnet]:
    with ib_subnet.subnet() as running:
        yield running


class Watched:
    """The sampler on the second adapter, a discovery with each sample."""

    def __init__(self, subnet: Subnet, **settings: Any) -> None:
        self.tools = Runner(4, environment=subnet.environment(HOST2))
        self._sampler = IbFabricSampler(IbFabricSettings(**settings), Roots(), tools=self.tools)
        self._pipeline = Pipeline("ib_fabric", MINUTE)
        self._minutes = 0
        self.rows: dict[tuple[str, ...], Reading] = {}

    def sample(self) -> list[Event]:
        self._minutes += 5
        start = system_clock()
        now = Now(start.wall + self._minutes * MINUTE, start.mono + self._minutes * MINUTE)
        rows = list(self._sampler.sample(now))
        readings = [row for row in rows if isinstance(row, Reading)]
        self.rows = {(row.spec.name.removeprefix("fabricscope_ib_fabric_"), *row.labels): row for row in readings}
        return self._pipeline.process(rows, now).events

    def value(self, name: str, node: str, port: int) -> Any:
        return self.rows[name, guid(node), str(port)].value

    def quality(self, name: str, node: str, port: int) -> Quality:
        return self.rows[name, guid(node), str(port)].quality


def test_links_as_they_are_cabled(subnet: Subnet) -> None:
    watched = Watched(subnet)
    watched.sample()
    assert sorted(key[1:] for key in watched.rows if key[0] == "link_info") == sorted(
        [
            (guid(SPINE), "1", "spine", "SW", guid(LEAF1), "7", "leaf1", "SW"),
            (guid(SPINE), "2", "spine", "SW", guid(LEAF1), "8", "leaf1", "SW"),
            (guid(SPINE), "3", "spine", "SW", guid(LEAF2), "7", "leaf2", "SW"),
            (guid(LEAF1), "1", "leaf1", "SW", "0x0002c9000000c001", "1", "node1 mlx5_0", "CA"),
            (guid(LEAF1), "2", "leaf1", "SW", "0x0002c9000000c101", "1", "node2 mlx5_0", "CA"),
            (guid(LEAF1), "7", "leaf1", "SW", guid(SPINE), "1", "spine", "SW"),
            (guid(LEAF1), "8", "leaf1", "SW", guid(SPINE), "2", "spine", "SW"),
            (guid(LEAF2), "1", "leaf2", "SW", "0x0002c9000000c201", "1", "node3 mlx5_0", "CA"),
            (guid(LEAF2), "7", "leaf2", "SW", guid(SPINE), "3", "spine", "SW"),
        ]
    )
    assert watched.value("link_rate_bytes_per_second", LEAF1, 1) == 25e9
    assert (watched.value("link_width_lanes", LEAF1, 2), watched.value("link_rate_bytes_per_second", LEAF1, 2)) == (
        2,
        12.5e9,
    )
    assert watched.value("link_rate_bytes_per_second", LEAF2, 1) == 12.5e9
    subnet_wide = ("switches", "links_up", "nodes_unread", "discovery_success", "process_starts_total")
    assert [watched.rows[name,].value for name in subnet_wide] == [3, 6, 0, 1, 7]


def test_counters_as_they_were_set(subnet: Subnet) -> None:
    watched = Watched(subnet)
    watched.sample()
    before = watched.value("port_transmit_bytes_total", SPINE, 3)
    big = 1 << 53
    subnet.console(
        f'PerformanceSet "{SPINE}"[3] PortCountersExtended.PortXmitData={big + 1}',
        f'PerformanceSet "{SPINE}"[3] PortCounters.SymbolErrorCounter=1234',
        f'PerformanceSet "{SPINE}"[3] PortCounters.LinkErrorRecoveryCounter=255',
        f'PerformanceSet "{SPINE}"[3] PortCounters.ExcessiveBufferOverrunErrors=15',
        f'PerformanceSet "{SPINE}"[3] PortCounters.LinkDownedCounter=7',
    )
    events = watched.sample()
    assert before < big < watched.value("port_transmit_bytes_total", SPINE, 3) < big + 100_000
    assert watched.value("port_symbol_errors_total", SPINE, 3) == 1234
    assert watched.quality("port_symbol_errors_total", SPINE, 3) is Quality.OK
    for full in ("port_link_error_recoveries_total", "port_excessive_buffer_overruns_total"):
        assert watched.quality(full, SPINE, 3) is Quality.SATURATED
    assert watched.value("port_link_error_recoveries_total", SPINE, 3) == 255
    assert watched.value("port_symbol_errors_total", LEAF2, 7) == 0
    assert [(event.kind, event.subject, event.attributes["changes"]) for event in events] == [
        ("ib_fabric.flapped", {"guid": guid(SPINE), "port": "3"}, "7")
    ]


def test_a_cable_that_is_pulled_and_put_back(subnet: Subnet) -> None:
    watched = Watched(subnet)
    watched.sample()
    subnet.console(f'Unlink "{LEAF1}"[8]')
    try:
        events = watched.sample()
    finally:
        subnet.console(f'ReLink "{LEAF1}"[8]')
    ends = [{"guid": guid(SPINE), "port": "2"}, {"guid": guid(LEAF1), "port": "8"}]
    assert sorted((event.kind, *event.subject.values()) for event in events) == sorted(
        ("ib_fabric.down", *end.values()) for end in ends
    )
    assert watched.value("link_up", LEAF1, 8) == 0
    assert watched.quality("link_rate_bytes_per_second", LEAF1, 8) is Quality.STALE
    assert watched.value("port_link_downed_total", LEAF1, 8) is not None
    assert {event.kind for event in watched.sample()} == {"ib_fabric.up"}
    assert watched.value("link_up", LEAF1, 8) == 1


def test_tools_that_hang_are_cut_off() -> None:
    with ib_subnet.subnet() as subnet:
        watched = Watched(subnet, discovery_timeout_seconds=1.0, query_timeout_seconds=1.0)
        watched.sample()
        subnet.halt()
        (event,) = watched.sample()
    assert event.kind == "ib_fabric.discovery_failed"
    assert "ibnetdiscover took longer than 1 s and was ended" in event.message
    assert watched.tools.starts == 7 + 4, "one discovery, and one question to each switch"
    assert watched.rows["nodes_unread",].value == 3
    assert watched.quality("port_transmit_bytes_total", SPINE, 1) is Quality.UNREADABLE
    assert watched.quality("link_up", SPINE, 1) is Quality.STALE


def test_a_host_that_is_on_no_subnet(subnet: Subnet) -> None:
    watched = Watched(subnet, ca="mlx5_7")
    with pytest.raises(OSError, match=r"ibnetdiscover ended with .*mlx5_7"):
        watched.sample()


def test_what_perfquery_says_of_a_port_that_is_not_there(subnet: Subnet) -> None:
    tools = Runner(1, environment=subnet.environment(HOST2))
    tools.allow(60)
    (outcome,) = tools.run([perfquery.command(str(found("perfquery")), [], 1, [99, 1], 30, extended=True)])
    assert "failed: perfextquery" in outcome.output
    assert "MAD completed with error status 0x1c;" in outcome.failure
    assert not perfquery.refuses_extended(outcome)
    assert perfquery.parse(outcome.output) == []
