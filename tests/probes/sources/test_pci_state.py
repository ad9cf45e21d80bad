from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import sysfs
from probes.sources.held import HeldFile
from probes.sources.pci import LinkState
from probes.sources.pci_state import SEVERITIES, ErrorFile, LinkFiles, RootPortFile
from tests.fixtures import pci_tree
from tests.fixtures.pci_tree import GPU_ADDRESS, ROOT_PORT, PciTree


@pytest.fixture
def tree(tmp_path: Path) -> PciTree:
    return pci_tree.gpu_node(tmp_path)


def test_the_link_and_the_same_object_while_it_stays(tree: PciTree) -> None:
    link = LinkFiles(tree.path(GPU_ADDRESS))
    state = link.read()
    assert state == LinkState(16e9, 16)
    assert link.read() is state
    tree.set_link(GPU_ADDRESS, "8.0 GT/s PCIe", 8)
    assert link.read() == LinkState(8e9, 8)
    tree.set_link(GPU_ADDRESS, "Unknown", 63)
    assert link.read() == LinkState(None, None)
    link.close()


def test_a_device_without_a_link(tree: PciTree) -> None:
    tree.remove(GPU_ADDRESS, "current_link_width")
    assert LinkFiles(tree.path(GPU_ADDRESS)).read() is None


@pytest.mark.parametrize(("number", "outcome"), [(22, LinkState(None, None)), (5, None)])
def test_the_kernel_refusing_to_read_a_link(
    tree: PciTree, monkeypatch: pytest.MonkeyPatch, number: int, outcome: LinkState | None
) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(number, "refused")

    link = LinkFiles(tree.path(GPU_ADDRESS))
    link.read()
    monkeypatch.setattr(os, "pread", refuse)
    if outcome is None:
        with pytest.raises(sysfs.Unreadable, match="EIO"):
            link.read()
    else:
        assert link.read() == outcome


@pytest.mark.parametrize(
    ("refused", "number", "outcome"),
    [
        ("width", 22, LinkState(16e9, None)),
        ("width", 5, LinkState(16e9, None)),
        ("speed", 22, LinkState(None, 16)),
        ("speed", 5, LinkState(None, 16)),
    ],
)
def test_half_a_link_that_cannot_be_read_is_not_a_link_that_is_down(
    tree: PciTree, monkeypatch: pytest.MonkeyPatch, refused: str, number: int, outcome: LinkState
) -> None:
    read = HeldFile.read

    def refuse(file: HeldFile) -> bytes | None:
        if file.path.name.endswith(refused):
            raise sysfs.Unreadable(file.path, errno.errorcode[number])
        return read(file)

    monkeypatch.setattr(HeldFile, "read", refuse)
    link = LinkFiles(tree.path(GPU_ADDRESS))
    assert link.read() == outcome
    assert link.read() is link.read()


@pytest.mark.parametrize(("speed", "width"), [("Unknown\n", "\n"), ("?\n", "63\n"), ("\xff", "\xff")])
def test_garbage_is_unreadable_and_not_a_device_that_is_gone(tree: PciTree, speed: str, width: str) -> None:
    tree.write(GPU_ADDRESS, "current_link_speed", speed)
    tree.write(GPU_ADDRESS, "current_link_width", width)
    link = LinkFiles(tree.path(GPU_ADDRESS))
    for _ in range(2):
        with pytest.raises(sysfs.Unreadable, match="not a link's speed and width"):
            link.read()


def test_errors_and_the_same_object_while_none_is_added(tree: PciTree) -> None:
    tree.write(GPU_ADDRESS, "aer_dev_fatal", pci_tree.aer("fatal", DLP=3))
    file = ErrorFile(tree.path(GPU_ADDRESS), "fatal")
    errors = file.read()
    assert (errors or {})["DLP"] == 3
    assert file.read() is errors
    tree.write(GPU_ADDRESS, "aer_dev_fatal", pci_tree.aer("fatal", DLP=4))
    assert (file.read() or {})["DLP"] == 4
    tree.write(GPU_ADDRESS, "aer_dev_fatal", "garbage\n")
    for _ in range(2):
        with pytest.raises(sysfs.Unreadable, match="not a row of AER counters: 'garbage'"):
            file.read()
    file.close()


def test_a_device_without_aer(tree: PciTree) -> None:
    tree.remove(GPU_ADDRESS, "aer_dev_nonfatal")
    assert ErrorFile(tree.path(GPU_ADDRESS), "nonfatal").read() is None


def test_what_a_root_port_received(tree: PciTree) -> None:
    for severity, suffix in zip(SEVERITIES, ("cor", "nonfatal", "fatal"), strict=True):
        assert RootPortFile(tree.path(ROOT_PORT), severity).read() is None
        tree.write(ROOT_PORT, f"aer_rootport_total_err_{suffix}", "18446744073709551615\n")
        assert RootPortFile(tree.path(ROOT_PORT), severity).read() == (1 << 64) - 1


@given(content=st.binary(max_size=64))
def test_any_octets_give_a_value_or_a_typed_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    device = tmp_path_factory.mktemp("device")
    for name in ("current_link_width", "current_link_speed", "aer_dev_fatal", "aer_rootport_total_err_fatal"):
        (device / name).write_bytes(content)
    try:
        # Octets that are both a speed and a width there are none, so there is a width or nothing.
        state = LinkFiles(device).read()
        assert state is None or state.speed is None
    except sysfs.Unreadable as error:
        assert "not a link" in error.reason
    try:
        count = RootPortFile(device, "fatal").read()
        assert count is not None
        assert 0 <= count < 1 << 64
    except sysfs.Unreadable as error:
        assert "not a count" in error.reason
    try:
        errors = ErrorFile(device, "fatal").read()
        assert errors is not None
        assert all(0 <= count < 1 << 64 for count in errors.values())
    except sysfs.Unreadable as error:
        assert "AER" in error.reason or "64 bits" in error.reason
