"""The NVIDIA GPUs on the PCI bus: what NVML should list, known without the driver."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from fabricscope.clock import NANOSECONDS, Clock
from probes.sources import pci, sysfs

LOOK_NS = 60 * NANOSECONDS
"""Between two looks: a bus of hundreds of functions is not read for every sample."""

_NVIDIA = 0x10DE
_CLASSES = frozenset({0x0300, 0x0302})
"""VGA and 3D controllers. What else NVIDIA makes, such as NVSwitches and audio functions, has another class."""
_GIVEN_AWAY = frozenset({"vfio-pci", "nvgrace_gpu_vfio_pci", "nvgrace-gpu-vfio-pci", "pci-stub", "xen-pciback"})
"""Drivers that hold a device for a virtual machine: this host's NVML is not to list it."""


class Bus:
    """Looks at most once in LOOK_NS."""

    def __init__(self, bus: Path, clock: Clock) -> None:
        """`bus` is `<sys>/bus/pci`. Nothing is read yet."""
        self._bus = bus
        self._clock = clock
        self._drivers: Counter[str] = Counter()
        self._look_at: int | None = None

    def count(self) -> int:
        """How many GPUs NVIDIA's driver should have; 0 where the bus cannot be read."""
        return self._look().total()

    def described(self) -> str:
        """The same in words, with the drivers that have them: `8 NVIDIA GPUs (8 without a driver)`."""
        found = self._look()
        words = ", ".join(
            f"{count} bound to {driver}" if driver else f"{count} without a driver"
            for driver, count in sorted(found.items())
        )
        return f"{found.total()} NVIDIA GPU{'s' if found.total() != 1 else ''} ({words})"

    def _look(self) -> Counter[str]:
        now = self._clock().mono
        if self._look_at is None or now >= self._look_at:
            self._look_at = now + LOOK_NS
            self._drivers = _drivers(self._bus)
        return self._drivers


def _drivers(bus: Path) -> Counter[str]:
    """The GPUs by driver; empty for one that has none."""
    found: Counter[str] = Counter()
    try:
        addresses = pci.addresses(bus)
    except sysfs.Unreadable:
        return found
    for address in addresses:
        path = bus / "devices" / address
        try:
            ours = (sysfs.read_int(path / "class", base=16) or 0) >> 8 in _CLASSES and (
                sysfs.read_int(path / "vendor", base=16) == _NVIDIA
            )
        except sysfs.Unreadable:
            continue
        driver = sysfs.read_link_name(path / "driver") if ours else ""
        # A virtual function on the host is for a virtual machine too, whatever holds it.
        if ours and driver not in _GIVEN_AWAY and not (path / "physfn").is_symlink():
            found[driver] += 1
    return found
