from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.settings import convert
from probes.sampling.sampler import Roots
from probes.sources.nvml import shared
from probes.sources.nvml.access import LOOK_NS, WAIT_NS, Access, NvmlSettings
from probes.sources.nvml.errors import NvmlError
from tests.fixtures import pci_tree
from tests.fixtures.nvml import fake
from tests.fixtures.nvml.stub import SECOND, Clock, Stub
from tests.fixtures.pci_tree import PciTree


def test_the_first_sample_waits_for_nvml_to_start_and_the_others_do_not() -> None:
    stub = Stub(fake.plain_node(1))
    access = Access(NvmlSettings(nvml_library="x"), Roots(), stub.client(), stub.clock)
    assert access.until(stub.clock()) == stub.clock.mono + 4 * SECOND
    access.client.gpus(stub.clock.mono)
    assert access.until(stub.clock()) == stub.clock.mono + WAIT_NS
    assert access.look_until() == stub.clock.mono + LOOK_NS


def test_a_short_deadline_is_kept() -> None:
    stub = Stub(fake.plain_node(1))
    access = Access(convert({"deadline_seconds": 0.5}, NvmlSettings, "gpu"), Roots(), stub.client(), stub.clock)
    access.client.gpus(stub.clock.mono)
    assert access.until(stub.clock()) == stub.clock.mono + 4 * SECOND // 10


def test_a_driver_is_looked_for_unless_a_library_is_named(tmp_path: Path) -> None:
    roots = Roots(proc=str(tmp_path), dev=str(tmp_path))
    stub = Stub(fake.plain_node(1))
    assert "no NVIDIA driver" in (Access(NvmlSettings(), roots, stub.client(), stub.clock).missing() or "")
    assert Access(NvmlSettings(nvml_library="x"), roots, stub.client(), stub.clock).missing() is None
    (tmp_path / "nvidiactl").touch()
    assert Access(NvmlSettings(), roots, stub.client(), stub.clock).missing() is None


def test_it_leaves_the_shared_client_and_not_that_of_a_test() -> None:
    stub = Stub(fake.plain_node(1))
    own = Access(NvmlSettings(nvml_library="y"), Roots(), stub.client(), stub.clock)
    own.client.gpus(stub.clock.mono)
    own.close()
    assert not stub.children[0].released
    first = Access(NvmlSettings(nvml_library="y"), Roots(), None, stub.clock)
    second = Access(NvmlSettings(nvml_library="y"), Roots(), None, stub.clock)
    assert first.client is second.client
    first.close()
    second.close()
    assert "y" not in shared._shared


def test_gpus_on_the_bus_that_nvml_does_not_have_are_a_failure(tmp_path: Path) -> None:
    tree = PciTree(tmp_path)
    access = Access(NvmlSettings(), Roots(sys=str(tmp_path)), Stub(fake.Node(0)).client(), Clock())
    access.check_absent("why")
    access.check_listed()
    assert access.none_listed() == "NVML lists no GPU"
    for bus in ("17", "27"):
        tree.add(f"0000:{bus}:00.0", pci_tree.GPU)
        tree.write(f"0000:{bus}:00.0", "vendor", "0x10de\n")
    access = Access(NvmlSettings(), Roots(sys=str(tmp_path)), Stub(fake.Node(0)).client(), Clock())
    with pytest.raises(NvmlError, match=r"the PCI bus has 2 NVIDIA GPUs \(2 without a driver\), and why; `lsmod"):
        access.check_absent("why")
    with pytest.raises(NvmlError, match="and NVML lists 0: is the driver loaded"):
        access.check_listed()


def test_a_host_of_many_gpus_gets_longer_to_start_nvml(tmp_path: Path) -> None:
    tree = PciTree(tmp_path)
    tree.add("0000:17:00.0", pci_tree.GPU)
    tree.write("0000:17:00.0", "vendor", "0x10de\n")
    access = Access(NvmlSettings(nvml_library="z"), Roots(sys=str(tmp_path)), None, Clock())
    try:
        assert access.client._expected() == 1
    finally:
        access.close()
