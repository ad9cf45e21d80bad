"""AMD GPUs below `<sys>/class/drm`: what they are, their PCIe link and their XGMI links, without a library.

Kernel documentation: Documentation/gpu/amdgpu/driver-misc.rst, xgmi.rst. Never read: `pcie_bw`, which blocks for a
second, and `xgmi_error`, which clears what it reads and may write to the kernel's log.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from probes.sources import pci, sysfs
from probes.sources.amdgpu_metrics import MAX_LINKS, Metrics, MetricsError, parse

VENDOR = 0x1002
MAX_CARDS = 128

_CARD = re.compile(r"card([0-9]{1,4})", re.ASCII)
_NODE = re.compile(r"node([0-9]{1,3})", re.ASCII)
_PORT = re.compile(r"([0-9a-f]{2}):([0-9a-f]{2}) ?-> {1,2}([0-9a-f]{2}):([0-9a-f]{2})", re.ASCII)
_LEVEL = re.compile(r"[0-9]{1,2}: ([0-9]{1,3}(?:\.[0-9])?) ?GT/s, x([0-9]{1,2})\b.*\*", re.ASCII)


class Card(NamedTuple):
    """One GPU, with what is fixed about it; texts are empty when unknown."""

    address: str
    """PCI address."""
    path: Path
    """Its device's directory."""
    card: str
    """Such as `card1`; may change from boot to boot."""
    product: str
    device_id: str
    serial: str
    unique_id: str
    firmware: str
    """Version of the video BIOS."""
    hive: str
    """The group of GPUs that XGMI links to one another."""


class Peer(NamedTuple):
    """What is at the other end of an XGMI link."""

    link: int
    address: str
    """PCI address of the GPU there; empty when it is not known."""
    peer_link: int


class PcieLink(NamedTuple):
    """The link between the card and the host: transfers per second of a lane, and lanes."""

    speed: float | None
    width: int | None


def cards(directory: Path) -> list[Card]:
    """The AMD GPUs in `directory` (`<sys>/class/drm`), by address. Raises sysfs.Unreadable."""
    found: dict[str, Card] = {}
    for name in sysfs.entries(directory):
        if _CARD.fullmatch(name) and len(found) < MAX_CARDS and (card := _card(directory, name)) is not None:
            found[card.address] = card
    return [found[address] for address in sorted(found)]


def read_metrics(card: Card) -> Metrics | None:
    """The table gpu_metrics; None without one. Raises sysfs.Unreadable, for a table of an unknown layout as well."""
    path = card.path / "gpu_metrics"
    try:
        content = sysfs.read_octets(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise sysfs.Unreadable(path, sysfs.errno_name(error)) from error
    try:
        return parse(content)
    except MetricsError as error:
        raise sysfs.Unreadable(path, str(error)) from error


def read_pcie(card: Card) -> PcieLink | None:
    """The link as the card itself sees it; None when there is none to be had. Raises sysfs.Unreadable.

    A card's own function may sit behind a switch on the card, so its level in `pp_dpm_pcie` tells more of the link to
    the host than the function's `current_link_speed`, which is for cards without levels.
    """
    text = sysfs.read_text(card.path / "pp_dpm_pcie")
    if text and (level := parse_levels(text)) is not None:
        return level
    state = _read_link(card)
    return PcieLink(state.speed, state.width) if state is not None and state.width is not None else None


def answers(card: Card) -> bool:
    """Whether the GPU is still on the bus. Raises sysfs.Unreadable when the kernel does not tell."""
    state = _read_link(card)
    return state is None or state.width is not None or state.speed is not None


def read_replays(card: Card) -> int | None:
    """How often the card sent or received a NAK on PCIe; None when it does not count. Raises sysfs.Unreadable."""
    try:
        count = sysfs.read_int(card.path / "pcie_replay_count")
    except sysfs.Unreadable as error:
        if error.reason in ("EOPNOTSUPP", "EINVAL"):
            return None
        raise
    return count if count is not None and 0 <= count < 1 << 64 else None


def read_peers(card: Card) -> list[Peer]:
    """Which GPU each XGMI link leads to, as far as the driver tells."""
    try:
        text = sysfs.read_text(card.path / "xgmi_port_num") or ""
        nodes = {
            int(found[1]): sysfs.read_link_name(card.path / "xgmi_hive_info" / name)
            for name in sysfs.entries(card.path / "xgmi_hive_info")
            if (found := _NODE.fullmatch(name))
        }
    except sysfs.Unreadable:
        return []
    return [
        Peer(link, address if pci.ADDRESS.fullmatch(address := nodes.get(node, "")) else "", peer_link)
        for link, node, peer_link in parse_ports(text)
    ]


def parse_ports(text: str) -> list[tuple[int, int, int]]:
    """Own link, number of the peer's node and its link, from lines such as `01:03 ->  02:05` in hexadecimal."""
    rows: list[tuple[int, int, int]] = []
    for line in text.splitlines()[: MAX_LINKS * 4]:
        if found := _PORT.fullmatch(line.strip()):
            _, link, node, peer_link = (int(part, 16) for part in found.groups())
            if link < MAX_LINKS and len(rows) < MAX_LINKS:
                rows.append((link, node, peer_link))
    return rows


def parse_levels(text: str) -> PcieLink | None:
    """The level with the star in `pp_dpm_pcie`, such as `1: 16.0GT/s, x16 619Mhz *`; None when there is none."""
    for line in text.splitlines()[:32]:
        if len(line) <= 80 and (found := _LEVEL.fullmatch(line.strip())):
            return PcieLink(float(found[1]) * 1e9, pci.parse_width(found[2]))
    return None


def _read_link(card: Card) -> pci.LinkState | None:
    """The PCIe link of the GPU's function; None without one. Raises sysfs.Unreadable."""
    try:
        width = sysfs.read_text(card.path / "current_link_width")
        speed = sysfs.read_text(card.path / "current_link_speed")
    except sysfs.Unreadable as error:
        if error.reason == "EINVAL":  # what the kernel says of a device that is disconnected
            return pci.LinkState(None, None)
        raise
    return pci.parse_link(speed, width) if speed is not None and width is not None else None


def _card(directory: Path, name: str) -> Card | None:
    """A card if it is a GPU of AMD's. Partitions of a GPU are cards, too, and no PCI devices."""
    path = directory / name / "device"
    address = sysfs.read_link_name(path)
    try:
        if not pci.ADDRESS.fullmatch(address) or sysfs.read_int(path / "vendor", base=16) != VENDOR:
            return None
    except sysfs.Unreadable:
        return None
    return Card(
        address=address,
        path=path,
        card=name,
        product=sysfs.read_label(path / "product_name"),
        device_id=sysfs.read_label(path / "device"),
        serial=sysfs.read_label(path / "serial_number"),
        unique_id=sysfs.read_label(path / "unique_id"),
        firmware=sysfs.read_label(path / "vbios_version"),
        hive=sysfs.read_label(path / "xgmi_hive_info" / "xgmi_hive_id"),
    )
