from __future__ import annotations

import pytest

from fabricscope.model import Kind, Overflow, Watch
from probes.samplers.ib_fabric import metrics
from probes.samplers.infiniband import metrics as of_hosts
from probes.sources.ib_tools import perfquery


def test_every_counter_of_perfquery_has_a_row() -> None:
    assert set(metrics.COUNTERS) == set(perfquery.COUNTERS)


def test_counters_are_called_as_a_host_calls_its_own() -> None:
    ours = {spec.name.removeprefix("fabricscope_ib_fabric_") for spec in metrics.COUNTERS.values()}
    theirs = {spec.name.removeprefix("fabricscope_infiniband_") for spec in of_hosts.BY_FILE.values()}
    assert ours - theirs == {"port_qp1_dropped_packets_total"}, "the kernel has no file for it"


def test_names_are_there_once() -> None:
    names = [spec.name for spec in metrics.TABLE]
    assert len(names) == len(set(names))


def test_counters_stop_and_words_have_four_octets() -> None:
    assert {spec.overflow for spec in metrics.COUNTERS.values()} == {Overflow.SATURATES}
    assert {spec.bits for spec in metrics.COUNTERS.values()} == {64}
    assert {name: spec.scale for name, spec in metrics.COUNTERS.items() if spec.scale != 1} == {
        "PortXmitData": 4,
        "PortRcvData": 4,
    }


@pytest.mark.parametrize(("name", "bits"), perfquery.CLASSIC_BITS.items())
def test_the_width_of_the_classic_counter_is_told(name: str, bits: int) -> None:
    assert f"{bits} bits" in metrics.COUNTERS[name].source


def test_what_is_watched_belongs_to_one_thing() -> None:
    watched = {spec.name.removeprefix("fabricscope_ib_fabric_"): spec for spec in metrics.TABLE if spec.watch}
    assert {name: spec.watch for name, spec in watched.items()} == {
        "link_up": Watch.UP_DOWN,
        "link_rate_bytes_per_second": Watch.CHANGE,
        "link_width_lanes": Watch.CHANGE,
        "port_link_downed_total": Watch.FLAPS,
    }
    assert {(spec.link, spec.labels) for spec in watched.values()} == {("ib_fabric", metrics.PORT)}


def test_kinds_follow_the_names() -> None:
    for spec in metrics.TABLE:
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
