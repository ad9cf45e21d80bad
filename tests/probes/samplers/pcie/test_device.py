from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope.model import Quality, Reading
from probes.samplers.pcie import metrics
from probes.samplers.pcie.device import Device, Place
from probes.sources import pci
from tests.fixtures import pci_tree
from tests.fixtures.pci_tree import GPU_ADDRESS, SWITCH_DOWN_GPU, PciTree


@pytest.fixture
def tree(tmp_path: Path) -> PciTree:
    return pci_tree.gpu_node(tmp_path)


def place(tree: PciTree, *, linked: bool = True) -> Place:
    return Place(
        address=GPU_ADDRESS,
        upstream=SWITCH_DOWN_GPU,
        kind="display",
        port="",
        class_id="0x030200",
        slot="",
        own=pci.read_identity(tree.bus, GPU_ADDRESS),
        other_end=pci.read_identity(tree.bus, SWITCH_DOWN_GPU) if linked else None,
        upstream_kind="switch_downstream",
        root_port="0000:15:01.0",
    )


def by_metric(device: Device) -> dict[str, Reading]:
    return {row.spec.name.removeprefix("fabricscope_pcie_"): row for row in device.readings()}


def test_a_link_whose_other_end_is_unknown_is_not_judged(tree: PciTree) -> None:
    assert {"link_info", "link_degraded"} <= by_metric(Device(tree.bus, place(tree))).keys()
    assert not {"link_info", "link_degraded"} & by_metric(Device(tree.bus, place(tree, linked=False))).keys()


def test_readings_of_what_did_not_change_are_the_same_ones(tree: PciTree) -> None:
    device = Device(tree.bus, place(tree))
    before = device.readings()
    assert device.readings() is before
    tree.write(GPU_ADDRESS, "aer_dev_fatal", pci_tree.aer("fatal", DLP=3))
    after = device.readings()
    changed = {row.spec for row, old in zip(after, before, strict=True) if row is not old}
    assert changed == {metrics.AER["fatal"]}


def test_a_link_that_can_be_read_again_is_itself_again(tree: PciTree) -> None:
    device = Device(tree.bus, place(tree))
    width = tree.path(GPU_ADDRESS) / "current_link_width"
    width.write_text("x" * 5000)
    row = by_metric(device)["link_width_lanes"]
    assert (row.value, row.quality) == (None, Quality.UNREADABLE)
    width.write_text("16\n")
    assert by_metric(device)["link_width_lanes"].value == 16.0


def test_names_that_were_known_before_can_be_told_to_be_unreadable(tree: PciTree) -> None:
    tree.write(GPU_ADDRESS, "aer_dev_fatal", "garbage\n")
    device = Device(tree.bus, place(tree), [(), (), ("DLP",)])
    rows = [row for row in device.readings() if row.spec is metrics.AER["fatal"]]
    assert rows == [Reading(metrics.AER["fatal"], (GPU_ADDRESS, "DLP"), None, Quality.UNREADABLE)]


def test_only_root_ports_have_totals(tree: PciTree) -> None:
    tree.write(GPU_ADDRESS, "aer_rootport_total_err_cor", "1\n")
    assert "aer_root_port_errors_total" not in by_metric(Device(tree.bus, place(tree)))
    assert by_metric(Device(tree.bus, place(tree)._replace(port="root_port")))["aer_root_port_errors_total"].value == 1


def test_a_device_that_came_back_is_another(tree: PciTree) -> None:
    device = Device(tree.bus, place(tree))
    assert not device.renewed()
    tree.path(GPU_ADDRESS).unlink()
    assert device.renewed()
