from __future__ import annotations

from pathlib import Path

import pytest

from probes.sources import pci
from probes.sources.nvml.bus import LOOK_NS, Bus
from tests.fixtures import pci_tree
from tests.fixtures.nvml.stub import SECOND, Clock
from tests.fixtures.pci_tree import PciTree


def add(tree: PciTree, address: str, driver: str = "", class_code: int = pci_tree.GPU, vendor: str = "0x10de") -> None:
    tree.add(address, class_code)
    tree.write(address, "vendor", f"{vendor}\n")
    if driver:
        (tree.path(address) / "driver").symlink_to(f"../../../bus/pci/drivers/{driver}")


def test_gpus_of_nvidia_by_what_drives_them(tmp_path: Path) -> None:
    tree = PciTree(tmp_path)
    add(tree, "0000:17:00.0", "nvidia")
    add(tree, "0000:18:00.0", class_code=0x030000)
    add(tree, "0000:19:00.0", "nouveau")
    bus = Bus(tree.bus, Clock())
    assert bus.count() == 3
    assert bus.described() == "3 NVIDIA GPUs (1 without a driver, 1 bound to nouveau, 1 bound to nvidia)"


def test_what_is_no_gpu_of_this_host(tmp_path: Path) -> None:
    tree = PciTree(tmp_path)
    add(tree, "0000:01:00.0", class_code=pci_tree.NVSWITCH)
    add(tree, "0000:02:00.0", class_code=pci_tree.AUDIO)
    add(tree, "0000:03:00.0", vendor="0x1002")
    add(tree, "0000:04:00.0", "vfio-pci")
    add(tree, "0000:05:00.0", vendor="garbage")
    add(tree, "0000:06:00.0")
    (tree.path("0000:06:00.0") / "physfn").symlink_to("../0000:04:00.0")
    assert Bus(tree.bus, Clock()).count() == 0
    assert Bus(tmp_path / "nowhere", Clock()).count() == 0


def test_it_looks_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, clock, looks = PciTree(tmp_path), Clock(), 0
    listed = pci.addresses

    def counted(bus: Path) -> list[str]:
        nonlocal looks
        looks += 1
        return listed(bus)

    monkeypatch.setattr(pci, "addresses", counted)
    bus = Bus(tree.bus, clock)
    for _ in range(59):
        assert bus.count() == 0
        clock.advance(1)
    assert looks == 1
    add(tree, "0000:17:00.0")
    clock.advance(LOOK_NS / SECOND - 59)
    assert (bus.count(), bus.described(), looks) == (1, "1 NVIDIA GPU (1 without a driver)", 2)
