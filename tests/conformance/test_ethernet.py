"""Network interfaces of real machines against what procfs and node_exporter make of them.

What rtnetlink would say comes from the same trees' files, and goes through the parser as bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fabricscope.model import Now
from probes.samplers.ethernet import EthernetSampler, EthernetSettings
from probes.sampling.sampler import Roots
from probes.sources.rtnetlink import Link, parse_links
from tests.conformance.scores import Scoring
from tests.conformance.trees import hardware, linked_copy
from tests.fixtures import netlink_bytes as nl

OPERSTATES = {"down": 2, "up": 6}


@pytest.fixture
def procfs() -> Path:
    return hardware("prometheus-procfs")


@pytest.fixture
def node_exporter() -> Path:
    return hardware("prometheus-node_exporter")


def links_of(sys: Path, names: list[str]) -> list[Link]:
    """The interfaces as the kernel that these files came from would have told of them."""
    messages = []
    for name in names:
        files = {
            path.name: path.read_text().strip() for path in (sys / "class" / "net" / name).iterdir() if path.is_file()
        }
        body = nl.interface(
            int(files["ifindex"]),
            nl.text(nl.IFNAME, name),
            nl.attribute(nl.ADDRESS, bytes.fromhex(files["address"].replace(":", ""))),
            nl.u32(nl.MTU, int(files["mtu"])),
            nl.u8(nl.OPERSTATE, OPERSTATES[files["operstate"]]),
            nl.u8(nl.CARRIER, int(files["carrier"])),
            nl.u32(nl.CARRIER_CHANGES, int(files["carrier_changes"])),
            nl.u32(nl.CARRIER_UP_COUNT, int(files["carrier_up_count"])),
            nl.u32(nl.CARRIER_DOWN_COUNT, int(files["carrier_down_count"])),
            flags=int(files["flags"], 16),
            hardware_type=int(files.get("type", "1")),
        )
        messages.append(nl.message(nl.NEWLINK, body))
    return parse_links(b"".join(messages), nl.SEQUENCE, nl.PORT).links


def sampled(sys: Path, links: list[Link]) -> dict[tuple[str, ...], Any]:
    sampler = EthernetSampler(EthernetSettings(), Roots(sys=str(sys)), lambda: links)
    return {
        (row.spec.name.removeprefix("fabricscope_ethernet_"), *row.labels): row.value
        for row in sampler.sample(Now(0, 0))
    }


def test_an_adapter_as_procfs_reads_it(score: Scoring, procfs: Path, tmp_path: Path) -> None:
    scored = score("prometheus-procfs")
    sys = linked_copy(procfs / "sys", tmp_path)
    rows = sampled(sys, links_of(sys, ["eth0"]))
    expected = json.loads((procfs / "expected" / "net_eth0.json").read_text())["eth0"]
    for what, ours, theirs in (
        ("up", rows["up", "eth0"], float(expected["OperState"] == "up")),
        ("carrier", rows["carrier", "eth0"], expected["Carrier"]),
        ("carrier changes", rows["carrier_changes_total", "eth0"], expected["CarrierChanges"]),
        ("times up", rows["carrier_up_changes_total", "eth0"], expected["CarrierUpCount"]),
        ("times down", rows["carrier_down_changes_total", "eth0"], expected["CarrierDownCount"]),
        ("MTU", rows["mtu_bytes", "eth0"], expected["MTU"]),
        ("speed", rows["speed_bytes_per_second", "eth0"] * 8 / 1e6, expected["Speed"]),
        ("duplex", rows["full_duplex", "eth0"], float(expected["Duplex"] == "full")),
        ("address", ("info", "eth0", expected["Address"], "", "", "0000:00:1f.6") in rows, True),
    ):
        scored.compare(f"eth0 {what}", ours, theirs)


def test_interfaces_as_node_exporter_shows_them(score: Scoring, node_exporter: Path, tmp_path: Path) -> None:
    scored = score("prometheus-node_exporter")
    # This tree has no files for eth0; those of bond0, which are the same but for the speed, are there.
    sys = linked_copy(node_exporter / "sys", tmp_path)
    rows = sampled(sys, links_of(sys, ["bond0"]))
    aliases = {alias: spec for spec in EthernetSampler.metrics for alias in spec.aliases}
    compared = set()
    for family in text_string_to_metric_families((node_exporter / "expected" / "net.prom").read_text()):
        for sample in family.samples:
            if sample.labels["device"] != "bond0" or sample.name not in aliases or sample.name == "node_network_info":
                continue
            ours = aliases[sample.name].name.removeprefix("fabricscope_ethernet_")
            scored.compare(f"bond0 {sample.name}", rows[ours, "bond0"], sample.value)
            compared.add(ours)
    assert compared == {
        *("up", "carrier", "carrier_changes_total", "carrier_up_changes_total", "carrier_down_changes_total"),
        "mtu_bytes",
    }


def test_a_bond_without_a_speed_has_none(score: Scoring, node_exporter: Path, tmp_path: Path) -> None:
    sys = linked_copy(node_exporter / "sys", tmp_path)
    assert (sys / "class" / "net" / "bond0" / "speed").read_text().strip() == "-1"
    rows = sampled(sys, links_of(sys, ["bond0"]))
    theirs = "bond0" in speeds_of_node_exporter(node_exporter)
    score("prometheus-node_exporter").compare("bond0 speed", ("speed_bytes_per_second", "bond0") in rows, theirs)


def speeds_of_node_exporter(node_exporter: Path) -> set[str]:
    families = text_string_to_metric_families((node_exporter / "expected" / "net.prom").read_text())
    return {
        row.labels["device"] for family in families for row in family.samples if row.name == "node_network_speed_bytes"
    }
