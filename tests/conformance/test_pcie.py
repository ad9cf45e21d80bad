"""PCIe trees of real machines against what procfs, node_exporter and lspci make of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from fabricscope.model import Now
from probes.samplers.pcie import PcieSampler, PcieSettings
from probes.sampling.sampler import Roots
from tests.conformance.scores import Scoring
from tests.conformance.trees import hardware, linked_copy
from tests.fixtures import pci_tree
from tests.fixtures.pci_tree import PciTree

PROCFS, NODE_EXPORTER, GPUD = "prometheus-procfs", "prometheus-node_exporter", "leptonai-gpud"
SEVERITIES = {"Correctable": "correctable", "NonFatal": "nonfatal", "Fatal": "fatal"}


def sampled(sys: Path, **settings: bool) -> dict[tuple[str, ...], Any]:
    sampler = PcieSampler(PcieSettings(**settings), Roots(sys=str(sys)))
    rows = {
        (row.spec.name.removeprefix("fabricscope_pcie_"), *row.labels): row.value for row in sampler.sample(Now(0, 0))
    }
    sampler.close()
    return rows


def put_on_the_bus(sys: Path, *paths: str) -> None:
    """Links that the stored tree left out, as the kernel has one for every device."""
    devices = sys / "bus" / "pci" / "devices"
    devices.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (devices / Path(path).name).symlink_to(f"../../../devices/{path}")


def test_links_as_procfs_reads_them(score: Scoring, tmp_path: Path) -> None:
    procfs = score(PROCFS)
    rows = sampled(linked_copy(hardware(PROCFS) / "sys", tmp_path))
    for device in json.loads((hardware(PROCFS) / "expected" / "pci.json").read_text()).values():
        address = address_of(device["Location"])
        for name, theirs in (
            ("link_speed_transfers_per_second", device["CurrentLinkSpeed"] * 1e9),
            ("link_speed_max_transfers_per_second", device["MaxLinkSpeed"] * 1e9),
            ("link_width_lanes", device["CurrentLinkWidth"]),
            ("link_width_max_lanes", device["MaxLinkWidth"]),
        ):
            procfs.compare(f"{address} {name}", rows[name, address], theirs)
        (info,) = [key[2:] for key in rows if key[:2] == ("device_info", address)]
        upstream, _kind, class_id, vendor_id, device_id, _driver, numa_node, _slot, _port = info
        parent = address_of(device["ParentLocation"]) if device["ParentLocation"] else ""
        procfs.compare(f"{address} upstream", upstream, parent)
        for name, ours in (("Class", class_id), ("Vendor", vendor_id), ("Device", device_id)):
            procfs.compare(f"{address} {name}", int(ours, 16), device[name])
        expected = "" if device["NumaNode"] < 0 else str(device["NumaNode"])
        procfs.compare(f"{address} NumaNode", numa_node, expected)


def test_a_drive_at_its_full_width_below_a_wider_port_is_not_degraded(score: Scoring, tmp_path: Path) -> None:
    procfs = score(PROCFS)
    rows = sampled(linked_copy(hardware(PROCFS) / "sys", tmp_path))
    procfs.compare("0000:01:00.0 degraded", rows["link_degraded", "0000:01:00.0", "0000:00:02.1", "width"], 0.0)
    assert rows["link_width_lanes", "0000:00:02.1"] < rows["link_width_max_lanes", "0000:00:02.1"]


def test_errors_as_procfs_reads_them(score: Scoring, tmp_path: Path) -> None:
    procfs = score(PROCFS)
    sys = linked_copy(hardware(PROCFS) / "sys", tmp_path)
    put_on_the_bus(sys, "pci0000:00/0000:00:1f.6")
    rows = sampled(sys)
    expected = json.loads((hardware(PROCFS) / "expected" / "aer_eth0.json").read_text())["eth0"]
    for theirs, ours in SEVERITIES.items():
        name = f"aer_{ours}_errors_total"
        counted = {key[2]: value for key, value in rows.items() if key[:2] == (name, "0000:00:1f.6")}
        for error in counted.keys() | expected[theirs].keys():
            procfs.compare(f"{name} {error}", counted.get(error), expected[theirs].get(error))


def test_links_as_node_exporter_shows_them(score: Scoring, tmp_path: Path) -> None:
    node_exporter = score(NODE_EXPORTER)
    sys = linked_copy(hardware(NODE_EXPORTER) / "sys", tmp_path)
    put_on_the_bus(sys, "pci0000:00/0000:00:02.1", "pci0000:00/0000:00:02.1/0000:01:00.0")
    rows = sampled(sys, all_devices=True)
    aliases = {alias: spec for spec in PcieSampler.metrics for alias in spec.aliases}
    compared = set()
    text = (hardware(NODE_EXPORTER) / "expected" / "pci.prom").read_text()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name not in aliases or sample.name == "node_pcidevice_info":
                continue
            place = sample.labels
            address = f"{place['segment']}:{place['bus']}:{place['device']}.{place['function']}"
            ours = aliases[sample.name].name.removeprefix("fabricscope_pcie_")
            node_exporter.compare(f"{address} {ours}", rows[ours, address], sample.value)
            compared.add(ours)
    assert len(compared) == 4


class Listed(NamedTuple):
    """What lspci says of a device with a PCI Express capability."""

    address: str
    what: str
    type: str
    secondary: str
    """The bus below it, for bridges."""
    speed: str
    width: int
    max_speed: str
    max_width: int


_BLOCK = re.compile(r"^([0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) ([^:]+): ", re.MULTILINE)
_TYPES = {
    "Root Port": "root_port",
    "Upstream Port": "switch_upstream",
    "Downstream Port": "switch_downstream",
    "PCI-Express to PCI/PCI-X Bridge": "pci_bridge",
}
_CLASSES = {
    "PCI bridge": pci_tree.BRIDGE,
    "Ethernet controller": pci_tree.ETHERNET,
    "Infiniband controller": pci_tree.INFINIBAND,
    "3D controller": pci_tree.GPU,
    "Non-Volatile memory controller": pci_tree.NVME,
}


def lspci() -> Iterator[Listed]:
    """The devices with a link, from an H100 server's `lspci -vvv`."""
    text = (hardware(GPUD) / "pci" / "lspci-vvv").read_text()
    starts = [found.start() for found in _BLOCK.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        block = text[start:end]
        head = _BLOCK.match(block)
        express = re.search(r"Express \(v2\) ([^,(]+?)(?: \(Slot[+-]\))?,", block)
        most = re.search(r"LnkCap:\tPort #\d+, Speed ([0-9.]+)GT/s, Width x(\d+)", block)
        state = re.search(r"LnkSta:\tSpeed ([0-9.]+)GT/s \(\w+\), Width x(\d+)", block)
        secondary = re.search(r"Bus: primary=\w+, secondary=(\w+)", block)
        if head and express and most and state:
            numbers = (state[1], int(state[2]), most[1], int(most[2]))
            yield Listed(f"0000:{head[1]}", head[2], express[1], secondary[1] if secondary else "", *numbers)


def built(sys: Path, devices: dict[str, Listed]) -> PciTree:
    """The sysfs of that server, as far as links go."""
    tree = PciTree(sys)
    above = {device.secondary: device.address for device in devices.values() if device.secondary}
    waiting = dict(devices)
    while waiting:
        for address, device in list(waiting.items()):
            upstream = above.get(address[5:7], "")
            if upstream not in waiting:
                tree.add(
                    address,
                    _CLASSES.get(device.what, 0x088000),
                    upstream,
                    speed=f"{float(device.speed)} GT/s PCIe",
                    width=device.width,
                    max_speed=f"{float(device.max_speed)} GT/s PCIe",
                    max_width=device.max_width,
                )
                del waiting[address]
    return tree


def test_ports_and_ends_of_links_as_lspci_shows_them(score: Scoring, tmp_path: Path) -> None:
    gpud = score(GPUD)
    devices = {device.address: device for device in lspci()}
    rows = sampled(built(tmp_path, devices).sys, all_devices=True)
    kinds = {key[1]: key[-1] for key in rows if key[0] == "device_info"}
    ends = {key[1]: key[2] for key in rows if key[0] == "link_info"}
    for address, device in devices.items():
        kind = _TYPES.get(device.type)
        if kind == "pci_bridge":
            why = "lspci reads it in the capability; without CAP_SYS_ADMIN it follows from the place"
            gpud.differs(f"{address} kind", kinds[address], kind, why)
        elif kind:
            gpud.compare(f"{address} kind", kinds[address], kind)
        if device.type in ("Endpoint", "Upstream Port", "PCI-Express to PCI/PCI-X Bridge"):
            port = devices[ends[address]]
            gpud.compare(f"{address} is at a port", port.type in ("Root Port", "Downstream Port"), True)
            gpud.compare(f"{address} and {port.address} agree", (device.speed, device.width), (port.speed, port.width))
        else:
            gpud.compare(f"{address} has its link below", address in ends, False)


def address_of(location: dict[str, int]) -> str:
    return f"{location['Segment']:04x}:{location['Bus']:02x}:{location['Device']:02x}.{location['Function']:x}"
