"""PCIe trees of real machines against what procfs and node_exporter make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fabricscope.model import Now
from probes.samplers.pcie import PcieSampler, PcieSettings
from probes.sampling.sampler import Roots
from tests.conformance.trees import hardware, linked_copy

SEVERITIES = {"Correctable": "correctable", "NonFatal": "nonfatal", "Fatal": "fatal"}


@pytest.fixture
def procfs() -> Path:
    return hardware("prometheus-procfs")


@pytest.fixture
def node_exporter() -> Path:
    return hardware("prometheus-node_exporter")


def sampled(sys: Path, **settings: bool) -> dict[tuple[str, ...], Any]:
    sampler = PcieSampler(PcieSettings(**settings), Roots(sys=str(sys)))
    return {
        (row.spec.name.removeprefix("fabricscope_pcie_"), *row.labels): row.value for row in sampler.sample(Now(0, 0))
    }


def put_on_the_bus(sys: Path, *paths: str) -> None:
    """Links that the stored tree left out, as the kernel has one for every device."""
    devices = sys / "bus" / "pci" / "devices"
    devices.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (devices / Path(path).name).symlink_to(f"../../../devices/{path}")


def test_links_as_procfs_reads_them(procfs: Path, tmp_path: Path) -> None:
    rows = sampled(linked_copy(procfs / "sys", tmp_path))
    expected = json.loads((procfs / "expected" / "pci.json").read_text())
    assert expected
    for device in expected.values():
        address = address_of(device["Location"])
        assert rows["link_speed_transfers_per_second", address] == device["CurrentLinkSpeed"] * 1e9
        assert rows["link_speed_max_transfers_per_second", address] == device["MaxLinkSpeed"] * 1e9
        assert rows["link_width_lanes", address] == device["CurrentLinkWidth"]
        assert rows["link_width_max_lanes", address] == device["MaxLinkWidth"]
        (info,) = [key[2:] for key in rows if key[:2] == ("device_info", address)]
        upstream, _kind, class_id, vendor_id, device_id, _driver, numa_node, _slot = info
        assert upstream == (address_of(device["ParentLocation"]) if device["ParentLocation"] else "")
        assert (int(class_id, 16), int(vendor_id, 16)) == (device["Class"], device["Vendor"])
        assert int(device_id, 16) == device["Device"]
        assert numa_node == ("" if device["NumaNode"] < 0 else str(device["NumaNode"]))


def test_a_drive_at_its_full_width_below_a_wider_port_is_not_degraded(procfs: Path, tmp_path: Path) -> None:
    rows = sampled(linked_copy(procfs / "sys", tmp_path))
    assert rows["link_degraded", "0000:01:00.0", "0000:00:02.1", "width"] == 0.0
    assert rows["link_width_lanes", "0000:00:02.1"] < rows["link_width_max_lanes", "0000:00:02.1"]


def test_errors_as_procfs_reads_them(procfs: Path, tmp_path: Path) -> None:
    sys = linked_copy(procfs / "sys", tmp_path)
    put_on_the_bus(sys, "pci0000:00/0000:00:1f.6")
    rows = sampled(sys)
    expected = json.loads((procfs / "expected" / "aer_eth0.json").read_text())["eth0"]
    for theirs, ours in SEVERITIES.items():
        counted = {
            key[2]: value for key, value in rows.items() if key[:2] == (f"aer_{ours}_errors_total", "0000:00:1f.6")
        }
        assert counted == expected[theirs]


def test_links_as_node_exporter_shows_them(node_exporter: Path, tmp_path: Path) -> None:
    sys = linked_copy(node_exporter / "sys", tmp_path)
    put_on_the_bus(sys, "pci0000:00/0000:00:02.1", "pci0000:00/0000:00:02.1/0000:01:00.0")
    rows = sampled(sys, all_devices=True)
    aliases = {alias: spec for spec in PcieSampler.metrics for alias in spec.aliases}
    compared = set()
    for family in text_string_to_metric_families((node_exporter / "expected" / "pci.prom").read_text()):
        for sample in family.samples:
            if sample.name not in aliases or sample.name == "node_pcidevice_info":
                continue
            place = sample.labels
            address = f"{place['segment']}:{place['bus']}:{place['device']}.{place['function']}"
            ours = aliases[sample.name].name.removeprefix("fabricscope_pcie_")
            assert rows[ours, address] == sample.value, sample
            compared.add(ours)
    assert len(compared) == 4


def address_of(location: dict[str, int]) -> str:
    return f"{location['Segment']:04x}:{location['Bus']:02x}:{location['Device']:02x}.{location['Function']:x}"
