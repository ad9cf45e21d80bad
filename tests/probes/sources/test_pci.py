from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import pci, sysfs
from probes.sources.pci import AerError, Function, Identity, LinkState
from tests.fixtures import pci_tree
from tests.fixtures.pci_tree import GPU_ADDRESS, ROOT_PORT, SWITCH_DOWN_GPU, PciTree


@pytest.fixture
def tree(tmp_path: Path) -> PciTree:
    return pci_tree.gpu_node(tmp_path)


@pytest.mark.parametrize(
    ("text", "speed"),
    [
        ("2.5 GT/s", 2.5e9),
        ("8 GT/s", 8e9),
        ("8.0 GT/s PCIe", 8e9),
        ("64.0 GT/s PCIe", 64e9),
        ("Unknown", None),
        ("Unknown speed", None),
        ("", None),
        ("16.0 GT/s PCIe\n16.0", None),
        ("٣ GT/s", None),
    ],
)
def test_speeds_as_kernels_write_them(text: str, speed: float | None) -> None:
    assert pci.parse_speed(text) == speed


@pytest.mark.parametrize(
    ("text", "width"), [("1", 1), ("16", 16), ("0", None), ("63", None), ("255", None), ("x16", None)]
)
def test_widths_and_what_stands_for_none(text: str, width: int | None) -> None:
    assert pci.parse_width(text) == width


def test_aer_counters_without_the_total() -> None:
    errors = pci.parse_aer(pci_tree.aer("correctable", RxErr=7, BadTLP=(1 << 64) - 1))
    assert list(errors) == list(pci_tree.CORRECTABLE)
    assert (errors["RxErr"], errors["BadTLP"], errors["BadDLLP"]) == (7, (1 << 64) - 1, 0)


def test_an_error_that_the_kernel_has_no_name_for() -> None:
    assert pci.parse_aer("RxErr 0\ndev_cor_errs_bit[13] 2\nTOTAL_ERR_COR 2") == {"RxErr": 0, "dev_cor_errs_bit[13]": 2}


@pytest.mark.parametrize(
    "text",
    ["RxErr", "RxErr -1", "RxErr 1 2", "RxErr 18446744073709551616", "R" * 41 + " 1", "Rx\x1b 1", "7 7"],
)
def test_rows_that_are_no_counters_are_refused(text: str) -> None:
    with pytest.raises(AerError):
        pci.parse_aer(text)


def test_more_rows_than_any_kernel_has_are_refused() -> None:
    with pytest.raises(AerError):
        pci.parse_aer("".join(f"E{row} 0\n" for row in range(pci.MAX_AER_ROWS + 1)))


@given(st.text(max_size=200))
def test_any_text_gives_values_or_a_typed_error(text: str) -> None:
    speed, width = pci.parse_speed(text), pci.parse_width(text)
    assert speed is None or speed > 0
    assert width is None or 1 <= width <= 32
    try:
        errors = pci.parse_aer(text)
    except AerError:
        return
    assert all(0 <= count < 1 << 64 for count in errors.values())


def test_the_addresses_on_a_bus(tree: PciTree) -> None:
    (tree.bus / "devices" / "not-an-address").mkdir()
    (tree.bus / "devices" / "10000:e1:00.0").mkdir()  # domains above 4 digits belong to VMD
    found = pci.addresses(tree.bus)
    assert "not-an-address" not in found
    assert {GPU_ADDRESS, "10000:e1:00.0"} <= set(found)


def test_no_bus_at_all(tmp_path: Path) -> None:
    assert pci.addresses(tmp_path / "bus" / "pci") == []


def test_the_place_in_the_tree(tree: PciTree) -> None:
    assert pci.read_function(tree.bus, GPU_ADDRESS) == Function(GPU_ADDRESS, SWITCH_DOWN_GPU, 0x030200, virtual=False)
    assert pci.read_function(tree.bus, ROOT_PORT).upstream == ""


def test_a_virtual_function_is_told_by_its_link_to_the_physical_one(tree: PciTree) -> None:
    (tree.path(GPU_ADDRESS) / "physfn").symlink_to("../0000:18:00.0")
    assert pci.read_function(tree.bus, GPU_ADDRESS).virtual


def test_a_device_that_just_went_is_of_no_class(tree: PciTree) -> None:
    assert pci.read_function(tree.bus, "0000:99:00.0") == Function("0000:99:00.0", "", 0, virtual=False)


def test_the_identity(tree: PciTree) -> None:
    (tree.path(GPU_ADDRESS) / "driver").symlink_to("../../../../bus/pci/drivers/nvidia")
    assert pci.read_identity(tree.bus, GPU_ADDRESS) == Identity(
        vendor_id="0x15b3", device_id="0x1021", driver="nvidia", numa_node="0", max_speed=16e9, max_width=16
    )


def test_what_is_unknown_about_a_device_is_empty(tree: PciTree) -> None:
    tree.write(GPU_ADDRESS, "numa_node", "-1\n")
    tree.write(GPU_ADDRESS, "max_link_speed", "Unknown\n")
    tree.write(GPU_ADDRESS, "max_link_width", "255\n")
    identity = pci.read_identity(tree.bus, GPU_ADDRESS)
    assert (identity.numa_node, identity.driver, identity.max_speed, identity.max_width) == ("", "", None, None)


@pytest.mark.parametrize(
    ("speed", "width", "state"),
    [
        ("8.0 GT/s PCIe", "4", LinkState(8e9, 4)),
        ("Unknown", "63", LinkState(None, None)),
        ("Unknown", "255", LinkState(None, None)),
        # One half is enough for a link; a generation that the kernel has no name for is no device that is gone.
        ("16.0 GT/s PCIe", "63", LinkState(16e9, None)),
        ("16.0 GT/s PCIe", "garbage", LinkState(16e9, None)),
        ("Unknown", "16", LinkState(None, 16)),
        ("", "16", LinkState(None, 16)),
        ("Unknown", "0", None),
    ],
)
def test_the_link(speed: str, width: str, state: LinkState | None) -> None:
    assert pci.parse_link(speed, width) == state


@pytest.mark.parametrize(
    ("speed", "width"), [("Unknown", "7"), ("Unknown", ""), ("garbage", "63"), ("", ""), ("\x00", "-1")]
)
def test_what_is_neither_a_link_nor_a_device_that_is_gone_cannot_be_read(speed: str, width: str) -> None:
    with pytest.raises(sysfs.Unreadable, match="device: not a link's speed and width"):
        pci.parse_link(speed, width, Path("device"))


def test_whether_there_is_anything_to_measure(tree: PciTree) -> None:
    tree.remove(GPU_ADDRESS, "current_link_speed", "current_link_width")
    assert pci.has_link_or_aer(tree.bus, GPU_ADDRESS)
    tree.remove(GPU_ADDRESS, "aer_dev_correctable")
    assert not pci.has_link_or_aer(tree.bus, GPU_ADDRESS)


def test_physical_slots(tree: PciTree) -> None:
    assert pci.read_slots(tree.bus) == {}
    tree.slot("GPU3", GPU_ADDRESS)
    (tree.bus / "slots" / "empty").mkdir()
    assert pci.read_slots(tree.bus) == {"0000:18:00": "GPU3"}
