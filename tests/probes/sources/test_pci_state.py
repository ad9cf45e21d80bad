from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine.texts import Content
from probes.sources import pci_state, sysfs
from probes.sources.pci import LinkState
from tests.fixtures import pci_tree

DEVICE = Path("0000:17:00.0")
FILE = DEVICE / "aer_dev_fatal"


@pytest.mark.parametrize(
    ("width", "speed", "outcome"),
    [
        (b"16\n", b"16.0 GT/s PCIe\n", LinkState(16e9, 16)),
        (b"8\n", b"8.0 GT/s PCIe\n", LinkState(8e9, 8)),
        (b"63\n", b"Unknown\n", LinkState(None, None)),
        # A device without a link.
        (None, b"16.0 GT/s PCIe\n", None),
        (b"16\n", None, None),
        # The kernel refuses to read one that is disconnected.
        ("EINVAL", "EINVAL", LinkState(None, None)),
        # Half a link that cannot be read is not a link that is down.
        ("EINVAL", b"16.0 GT/s PCIe\n", LinkState(16e9, None)),
        ("EIO", b"16.0 GT/s PCIe\n", LinkState(16e9, None)),
        (b"16\n", "EINVAL", LinkState(None, 16)),
        (b"16\n", "EIO", LinkState(None, 16)),
    ],
)
def test_the_link_by_what_its_two_files_hold(width: Content, speed: Content, outcome: LinkState | None) -> None:
    assert pci_state.link(width, speed, DEVICE) == outcome


@pytest.mark.parametrize("speed", ["EIO", "longer than 4096 octets"])
def test_a_link_that_cannot_be_read_at_all(speed: str) -> None:
    with pytest.raises(sysfs.Unreadable, match="current_link_width: EIO"):
        pci_state.link("EIO", speed, DEVICE)


@pytest.mark.parametrize(
    ("speed", "width"),
    [(b"Unknown\n", b"\n"), (b"?\n", b"63\n"), (b"\xff", b"\xff"), ("EINVAL", "EIO"), ("EIO", "EINVAL")],
)
def test_garbage_is_unreadable_and_not_a_device_that_is_gone(speed: Content, width: Content) -> None:
    with pytest.raises(sysfs.Unreadable, match="not a link's speed and width"):
        pci_state.link(width, speed, DEVICE)


def test_errors_by_name() -> None:
    assert (pci_state.errors(pci_tree.aer("fatal", DLP=3).encode(), FILE) or {})["DLP"] == 3
    assert pci_state.errors(None, FILE) is None
    with pytest.raises(sysfs.Unreadable, match="not a row of AER counters: 'garbage'"):
        pci_state.errors(b"garbage\n", FILE)
    with pytest.raises(sysfs.Unreadable, match="aer_dev_fatal: EIO"):
        pci_state.errors("EIO", FILE)


def test_what_a_root_port_received() -> None:
    assert pci_state.received(None, FILE) is None
    assert pci_state.received(b"18446744073709551615\n", FILE) == (1 << 64) - 1
    with pytest.raises(sysfs.Unreadable, match="not a count: '18446744073709551616'"):
        pci_state.received(b"18446744073709551616\n", FILE)
    with pytest.raises(sysfs.Unreadable, match="aer_dev_fatal: EIO"):
        pci_state.received("EIO", FILE)


@given(content=st.binary(max_size=64))
def test_any_octets_give_a_value_or_a_typed_error(content: bytes) -> None:
    try:
        # Octets that are both a speed and a width there are none, so there is a width or nothing.
        state = pci_state.link(content, content, DEVICE)
        assert state is None or state.speed is None
    except sysfs.Unreadable as error:
        assert "not a link" in error.reason
    try:
        count = pci_state.received(content, FILE)
        assert count is not None
        assert 0 <= count < 1 << 64
    except sysfs.Unreadable as error:
        assert "not a count" in error.reason
    try:
        errors = pci_state.errors(content, FILE)
        assert errors is not None
        assert all(0 <= count < 1 << 64 for count in errors.values())
    except sysfs.Unreadable as error:
        assert "AER" in error.reason or "64 bits" in error.reason
