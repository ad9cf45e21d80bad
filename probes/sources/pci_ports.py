"""What the bridges of a PCI Express tree are: root ports, the ports of switches, or other bridges."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from probes.sources import sysfs
from probes.sources.pci import ADDRESS, Function

ROOT_PORT, SWITCH_UPSTREAM, SWITCH_DOWNSTREAM = "root_port", "switch_upstream", "switch_downstream"
PCI_BRIDGE = "pci_bridge"
"""From PCI Express to conventional PCI, as in management controllers."""

LEADS_DOWN = frozenset({ROOT_PORT, SWITCH_DOWNSTREAM})
"""Ports whose link is the one to what is below them."""

CONFIG_OCTETS = 256
"""The configuration space that has the capability in it; without CAP_SYS_ADMIN the kernel shows the first 64."""

_SERVICE = re.compile(rf"({ADDRESS.pattern}):pcie([0-9a-f]{{3}})", re.ASCII)
_BRIDGE = 0x0604
_HEADER_OCTETS, _STATUS, _CAPABILITY_POINTER = 0x40, 0x06, 0x34
_HAS_CAPABILITIES = 0x10
_PCI_EXPRESS = 0x10
_MAX_CAPABILITIES = 48
_TYPES = {4: ROOT_PORT, 5: SWITCH_UPSTREAM, 6: SWITCH_DOWNSTREAM, 7: PCI_BRIDGE}
"""Device and port types of the PCI Express Base Specification, 7.5.3.2."""


def kinds(bus: Path, functions: Mapping[str, Function]) -> dict[str, str]:
    """The kind of each bridge among `functions` (by address), below `bus` (`<sys>/bus/pci`).

    The kernel names a port's type where it has services (AER, hotplug, ...), and in the configuration space for those
    who may read it. Otherwise it follows from the place: a port of the root complex is a root port, and below that a
    switch's upstream and downstream ports take turns.
    """
    bridges = {address: function for address, function in functions.items() if function.class_code >> 8 == _BRIDGE}
    known = by_services(_services(bus))
    found = {address: known.get(address) or _by_capability(bus, address) for address in bridges}
    deduced: dict[str, str] = {}
    for address in bridges:
        _deduce(address, functions, found, deduced)
    return {address: deduced[address] for address in bridges}


def by_services(names: Iterable[str]) -> dict[str, str]:
    """Kinds of ports by address, from the names of their services, such as `0000:15:01.0:pcie002`.

    A service's number is its bit and the port's type above it: shifted by 8 bits, by 4 in kernels before 4.17.
    """
    kinds = {}
    for name in names:
        found = _SERVICE.fullmatch(name)
        if found:
            number = int(found.group(2), 16)
            # A service is one bit, 0x10 the highest: two of them mean that the upper one is a type.
            shift = 4 if number < 0x100 and number & 0xF and number >> 4 else 8
            kind = _TYPES.get(4 + (number >> shift), "")
            if kind:
                kinds[found.group(1)] = kind
    return kinds


def parse_config(config: bytes) -> str:
    """The kind by the PCI Express capability in a device's configuration space; empty when it is not in there."""
    if len(config) <= _HEADER_OCTETS or not config[_STATUS] & _HAS_CAPABILITIES:
        return ""
    offset = config[_CAPABILITY_POINTER] & ~3
    for _ in range(_MAX_CAPABILITIES):
        if not _HEADER_OCTETS <= offset <= len(config) - 4:
            return ""
        if config[offset] == _PCI_EXPRESS:
            return _TYPES.get(config[offset + 2] >> 4, "")
        offset = config[offset + 1] & ~3
    return ""


def _services(bus: Path) -> list[str]:
    try:
        return sysfs.entries(bus.parent / "pci_express" / "devices")
    except sysfs.Unreadable:
        return []


def _by_capability(bus: Path, address: str) -> str:
    try:
        descriptor = os.open(bus / "devices" / address / "config", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return parse_config(os.pread(descriptor, CONFIG_OCTETS, 0))
        finally:
            os.close(descriptor)
    except OSError:
        return ""


def _deduce(address: str, functions: Mapping[str, Function], found: Mapping[str, str], deduced: dict[str, str]) -> None:
    """Fill `deduced` for a bridge and those above it, from the top down."""
    path: list[str] = []
    above = address
    while above in found and above not in deduced and above not in path:
        path.append(above)
        above = functions[above].upstream
    kind = deduced.get(above, "")
    for each in reversed(path):
        kind = found[each] or (SWITCH_UPSTREAM if kind in LEADS_DOWN else SWITCH_DOWNSTREAM if kind else ROOT_PORT)
        deduced[each] = kind
