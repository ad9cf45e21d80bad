from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fabricscope.model import Event, Now, Quality, Reading
from probes.samplers.ib_fabric import IbFabricSampler, IbFabricSettings
from probes.sampling.pipeline import Pipeline
from probes.sampling.sampler import Roots
from probes.sources.ib_tools.runner import Outcome
from tests.fixtures.ib_tools import (
    ADAPTER,
    EXTENDED_ERRORS,
    LEAF,
    LIDS,
    NAMES,
    SWITCH,
    WrittenTools,
    block,
    cable,
    linked,
    unlinked,
)

Sets = dict[tuple[int, int, bool], str | Outcome]
MINUTE = 60 * 10**9
UPLINK, HOST = cable(SWITCH, 1, LEAF, 10), cable(LEAF, 1, ADAPTER, 1)
FABRIC = UPLINK + HOST + unlinked(LEAF, 2)
BROKEN = Outcome("", "ended with 255: ibnetdiscover: iberror: failed: discover failed")


def counters(count: int = 5, downed: int = 0) -> Sets:
    counts = {"PortXmitData": count, "LinkDownedCounter": downed}
    ends = ((SWITCH, 1), (LEAF, 1), (LEAF, 10), (ADAPTER, 1))
    return {
        (LIDS[guid], port, True): block(LIDS[guid], port, counts, extended=True, mask2=EXTENDED_ERRORS)
        for guid, port in ends
    }


class Watched:
    """A sampler whose tools are a test's, with what becomes of its samples."""

    def __init__(self, *reports: str | Outcome, sets: Sets | None = None, **settings: Any) -> None:
        self.tools = WrittenTools(reports, counters() if sets is None else sets)
        self.sampler = IbFabricSampler(IbFabricSettings(**settings), Roots(), tools=self.tools)
        self._pipeline = Pipeline("ib_fabric", MINUTE)
        self.minute = 0
        self.rows: dict[tuple[str, ...], Reading] = {}

    def sample(self, minutes: int = 1) -> list[str]:
        """What happened, as kinds of events with the names or ports that they tell of."""
        self.minute += minutes
        now = Now(self.minute * MINUTE, self.minute * MINUTE)
        rows: Iterable[Reading | Event] = list(self.sampler.sample(now))
        self.rows = {key(row): row for row in rows if isinstance(row, Reading)}
        assert len(self.rows) == sum(isinstance(row, Reading) for row in rows), "no series twice"
        assert {row.spec for row in rows if isinstance(row, Reading)} <= set(self.sampler.metrics)
        events = self._pipeline.process(rows, now).events
        return [" ".join([event.kind, *event.subject.values()]) for event in events]

    def value(self, *labels: str) -> Any:
        return self.rows[labels].value

    def quality(self, *labels: str) -> Quality:
        return self.rows[labels].quality


def key(row: Reading) -> tuple[str, ...]:
    return (row.spec.name.removeprefix("fabricscope_ib_fabric_"), *row.labels)


def test_links_and_counters_of_switches() -> None:
    watched = Watched(FABRIC)
    assert watched.sample() == []
    ports = {row[1:] for row in watched.rows if row[0] == "link_up"}
    assert ports == {(SWITCH, "1"), (LEAF, "1"), (LEAF, "10")}
    assert watched.value("link_up", LEAF, "1") == 1
    assert watched.value("link_rate_bytes_per_second", LEAF, "1") == 12.5e9
    assert watched.value("link_width_lanes", LEAF, "1") == 4
    assert ("link_info", LEAF, "1", "leaf", "SW", ADAPTER, "1", NAMES[ADAPTER], "CA") in watched.rows
    assert ("switch_info", LEAF, "leaf", "2") in watched.rows
    # As the device has it: the pipeline makes octets of words.
    assert watched.value("port_transmit_bytes_total", LEAF, "1") == 5
    assert watched.value("port_link_downed_total", LEAF, "1") == 0
    assert [watched.value(name) for name in ("switches", "links_up", "discovery_success")] == [2, 2, 1]
    assert [watched.value(name) for name in ("nodes_unread", "nodes_waiting", "ports_left_out")] == [0, 0, 0]
    assert watched.value("discovery_seconds") == 0.02
    assert watched.value("query_seconds") == 0.04
    assert (watched.value("process_starts_total"), watched.value("process_cpu_seconds_total")) == (3, 30_000)
    assert watched.tools.asked() == [(1, [1], True), (2, [1, 10], True)]
    assert watched.tools.allowed == [45.0]


def test_adapters_when_they_are_wanted() -> None:
    watched = Watched(FABRIC, hosts=True)
    watched.sample()
    assert ("link_info", ADAPTER, "1", NAMES[ADAPTER], "CA", LEAF, "1", "leaf", "SW") in watched.rows
    assert watched.value("port_transmit_bytes_total", ADAPTER, "1") == 5
    assert watched.value("link_rate_bytes_per_second", ADAPTER, "1") == 12.5e9


def test_the_port_to_ask_through() -> None:
    watched = Watched(FABRIC, ca="mlx5_3", ca_port=2)
    watched.sample()
    assert len(watched.tools.commands) == 3
    for command in watched.tools.commands:
        place = command.words.index("-C")
        assert command.words[place : place + 4] == ("-C", "mlx5_3", "-P", "2")


def test_discoveries_are_rarer_than_samples() -> None:
    watched = Watched(FABRIC)
    for _ in range(6):
        watched.sample()
    assert watched.tools.discoveries() == 2
    assert len(watched.tools.asked()) == 12


def test_a_cable_that_is_pulled_and_put_back() -> None:
    gone = UPLINK + unlinked(LEAF, 1)
    watched = Watched(FABRIC, gone, gone, gone)
    watched.sample()
    assert watched.sample(5) == [f"ib_fabric.down {LEAF} 1"]
    assert watched.value("link_up", LEAF, "1") == 0
    assert watched.quality("link_rate_bytes_per_second", LEAF, "1") is Quality.STALE
    assert ("link_info", LEAF, "1", "leaf", "SW", ADAPTER, "1", NAMES[ADAPTER], "CA") in watched.rows
    assert watched.value("port_transmit_bytes_total", LEAF, "1") == 5, "its switch still counts"
    assert watched.value("links_up") == 1
    assert watched.sample(5) == []
    watched.tools.reports = [UPLINK + cable(LEAF, 1, ADAPTER, 1, "2x EDR")]
    assert sorted(watched.sample(5)) == [
        f"ib_fabric.changed {LEAF} 1",
        f"ib_fabric.changed {LEAF} 1",
        f"ib_fabric.up {LEAF} 1",
    ], "and slower than it was"


def test_a_link_is_gone_when_two_looks_do_not_find_it() -> None:
    watched = Watched(FABRIC, HOST + unlinked(LEAF, 10), FABRIC)
    watched.sample()
    assert watched.sample(5) == []
    assert watched.tools.discoveries() == 3
    assert watched.value("switches") == 2


def test_what_either_look_finds_is_there() -> None:
    watched = Watched(FABRIC, UPLINK + unlinked(LEAF, 1), HOST + unlinked(LEAF, 10))
    watched.sample()
    assert watched.sample(5) == []
    assert {watched.value("link_up", LEAF, port) for port in ("1", "10")} == {1}
    assert ("switch_info", SWITCH, "spine", "1") in watched.rows


def test_a_switch_that_is_gone() -> None:
    gone = HOST + unlinked(LEAF, 10)
    watched = Watched(FABRIC, gone)
    watched.sample()
    assert sorted(watched.sample(5)) == [f"ib_fabric.down {SWITCH} 1", f"ib_fabric.down {LEAF} 10"]
    assert ("port_transmit_bytes_total", SWITCH, "1") not in watched.rows
    assert watched.value("link_up", SWITCH, "1") == 0
    assert watched.value("switches") == 1


def test_a_link_that_was_down_for_long_is_forgotten() -> None:
    gone = UPLINK + unlinked(LEAF, 1)
    watched = Watched(FABRIC, gone, gone, gone, remember_seconds=1800)
    watched.sample()
    watched.sample(5)
    assert watched.sample(31) == [f"ib_fabric.removed {LEAF} 1"]
    assert ("link_up", LEAF, "1") not in watched.rows


def test_a_cable_that_leads_elsewhere_is_told() -> None:
    moved = cable(SWITCH, 2, LEAF, 10) + HOST
    watched = Watched(FABRIC, moved, moved)
    watched.sample()
    told = watched.sample(5)
    assert told[0] == f"ib_fabric.recabled {LEAF} 10"
    assert sorted(told[1:]) == [f"ib_fabric.added {SWITCH} 2", f"ib_fabric.down {SWITCH} 1"]


def test_a_subnet_that_was_rebuilt_is_not_told_cable_by_cable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.samplers.ib_fabric.sampler.MAX_RECABLED", 1)
    crossed = cable(SWITCH, 1, LEAF, 1) + cable(LEAF, 10, ADAPTER, 1)
    watched = Watched(FABRIC, crossed, crossed)
    watched.sample()
    assert [told for told in watched.sample(5) if "recabled" in told] == [f"ib_fabric.recabled {SWITCH} 1"]


def test_a_link_that_went_down_by_its_counter_is_looked_for_at_once() -> None:
    gone = UPLINK + unlinked(LEAF, 1)
    watched = Watched(FABRIC, gone)
    watched.sample()
    watched.tools.sets = counters(downed=1)
    assert f"ib_fabric.down {LEAF} 1" in watched.sample()
    assert watched.tools.discoveries() == 3
    watched.sample()
    assert watched.tools.discoveries() == 3


def test_a_link_that_flapped_between_two_samples() -> None:
    watched = Watched(FABRIC)
    watched.sample()
    watched.tools.sets = counters(downed=2)
    assert f"ib_fabric.flapped {LEAF} 1" in watched.sample()


def test_a_discovery_that_fails_leaves_links_stale_and_counters_read() -> None:
    watched = Watched(FABRIC, BROKEN)
    watched.sample()
    assert watched.sample(5) == ["ib_fabric.discovery_failed"]
    for name in ("link_up", "link_rate_bytes_per_second", "link_width_lanes"):
        assert watched.quality(name, LEAF, "1") is Quality.STALE
    assert watched.quality("switches") is Quality.STALE
    assert watched.value("discovery_success") == 0
    assert watched.quality("port_transmit_bytes_total", LEAF, "1") is Quality.OK
    assert watched.sample(5) == [], "told once"
    watched.tools.reports = [FABRIC]
    assert watched.sample(5) == ["ib_fabric.discovery_recovered"]
    assert watched.quality("link_up", LEAF, "1") is Quality.OK


def test_a_second_look_that_fails_leaves_the_first_in_doubt() -> None:
    watched = Watched(FABRIC, UPLINK, BROKEN)
    watched.sample()
    assert watched.sample(5) == ["ib_fabric.discovery_failed"]
    assert watched.value("link_up", LEAF, "1") == 1


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (BROKEN, "ibnetdiscover ended with 255: ibnetdiscover: iberror: failed: discover failed"),
        ("nothing of use\n", "ibnetdiscover gave no port in 1 lines"),
        ("", "ibnetdiscover gave no output"),
        (unlinked(LEAF, 1), "no link of the local port leads anywhere"),
    ],
)
def test_a_subnet_that_was_never_discovered(report: str | Outcome, reason: str) -> None:
    with pytest.raises(OSError, match=f"the subnet cannot be discovered: {reason}"):
        Watched(report).sample()


def test_a_local_port_that_went_down_is_no_fault_of_all_links() -> None:
    watched = Watched(FABRIC, unlinked(LEAF, 1))
    watched.sample()
    assert watched.sample(5) == ["ib_fabric.discovery_failed"]
    assert watched.quality("link_up", LEAF, "1") is Quality.STALE


def test_a_switch_that_does_not_answer() -> None:
    watched = Watched(FABRIC)
    watched.sample()
    watched.tools.sets = {place: text for place, text in counters().items() if place[0] != LIDS[LEAF]}
    watched.sample()
    for name in ("port_transmit_bytes_total", "port_link_downed_total"):
        assert watched.quality(name, LEAF, "1") is Quality.UNREADABLE
        assert watched.quality(name, SWITCH, "1") is Quality.OK
    assert watched.value("nodes_unread") == 1


def test_a_classic_counter_at_its_ceiling_is_told() -> None:
    sets: Sets = {}
    for lid, port, _ in counters():
        sets[lid, port, True] = block(lid, port, {"PortXmitData": 2**63}, extended=True)
        sets[lid, port, False] = block(lid, port, {"LinkDownedCounter": 255, "SymbolErrorCounter": 254}, extended=False)
    watched = Watched(FABRIC, sets=sets)
    watched.sample()
    assert watched.quality("port_link_downed_total", LEAF, "1") is Quality.SATURATED
    assert watched.quality("port_symbol_errors_total", LEAF, "1") is Quality.OK
    assert watched.quality("port_transmit_bytes_total", LEAF, "1") is Quality.OK


def test_more_than_the_settings_take_is_left_out_and_counted() -> None:
    watched = Watched(FABRIC, max_switches=1)
    watched.sample()
    assert {row[1] for row in watched.rows if row[0] == "link_up"} == {SWITCH}
    assert watched.value("switches_left_out") == 1
    watched = Watched(FABRIC, max_ports=1)
    watched.sample()
    assert {row[1:] for row in watched.rows if row[0] == "link_up"} == {(SWITCH, "1")}
    assert watched.value("ports_left_out") == 2
    assert watched.tools.asked() == [(1, [1], True)]


def test_a_subnet_that_two_hosts_share() -> None:
    halves = [Watched(FABRIC, hosts=True, part=part, parts=2) for part in (1, 2)]
    for half in halves:
        half.sample()
    shown = [{row[1:] for row in half.rows if row[0] == "link_up"} for half in halves]
    assert shown[0] | shown[1] == {(SWITCH, "1"), (LEAF, "1"), (LEAF, "10"), (ADAPTER, "1")}
    assert not shown[0] & shown[1]
    assert [half.value("links_up") for half in halves] == [2, 2]


def test_nodes_that_were_left_over_are_counted() -> None:
    watched = Watched(FABRIC)
    watched.tools.room = 2
    watched.sample()
    assert watched.value("nodes_waiting") == 1
    assert watched.quality("port_transmit_bytes_total", LEAF, "1") is Quality.UNREADABLE


def test_tools_and_devices_that_are_missing(tmp_path: Path) -> None:
    roots = Roots(dev=str(tmp_path))

    def unavailable(**settings: Any) -> str | None:
        return IbFabricSampler(IbFabricSettings(**settings), roots, tools=WrittenTools([""])).unavailable()

    assert unavailable(ibnetdiscover="no-such-tool") == (
        "no-such-tool is not installed (Debian package infiniband-diags)"
    )
    assert "umad" in str(unavailable(ibnetdiscover="/bin/true", perfquery="/bin/true"))
    (tmp_path / "infiniband").mkdir()
    (tmp_path / "infiniband" / "umad0").touch()
    assert unavailable(ibnetdiscover="/bin/true", perfquery="/bin/true") is None
    assert unavailable(ibnetdiscover="/bin/true", perfquery="/no/perfquery") == (
        "/no/perfquery is not installed (Debian package infiniband-diags)"
    )


def test_lines_that_are_no_port_are_counted() -> None:
    watched = Watched(FABRIC + "what is this\n" + linked(LEAF, 1, ADAPTER, 1).replace("0x", "0y"))
    watched.sample()
    assert watched.value("discovery_lines_unread") == 2


def test_closing() -> None:
    watched = Watched(FABRIC)
    watched.sampler.close()
    assert watched.tools.closed == 1
